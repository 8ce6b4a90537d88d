package mailbox

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-smtp"

	"vaguemestre/deploy/sandbox"
	"vaguemestre/gateway"
	"vaguemestre/gateway/oauth"
)

const dovecotUser = "passerelle@" + domain

// dovecot starts a real one, and gives accounts that read it both ways.
func dovecot(t *testing.T) (*sandbox.Dovecot, map[string]Account) {
	t.Helper()
	sandbox.Need(t, "dovecot")
	authority, err := sandbox.NewAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	pair, err := authority.Leaf("imap")
	if err != nil {
		t.Fatal(err)
	}
	tokens, err := sandbox.StartTokens(dovecotUser, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tokens.Stop)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	d, err := sandbox.StartDovecot(ctx, sandbox.DovecotOptions{
		Accounts: []sandbox.Account{{Address: dovecotUser, Password: "secret"}}, TLS: pair, Introspect: tokens.Introspect,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Stop)
	a := Account{Name: "principal", Username: dovecotUser, Password: "secret", TLSConfig: &tls.Config{RootCAs: authority.Pool()}, Poll: time.Minute}
	implicit, start := a, a
	implicit.Address, implicit.TLS, implicit.Auth = d.IMAPS, TLSImplicit, AuthLogin
	start.Address, start.TLS, start.Auth, start.Done = d.IMAP, TLSStart, AuthPlain, "Traités"
	source, err := oauth.New(oauth.Options{Name: "test", URL: tokens.URL, ClientID: tokens.ClientID, Secret: tokens.Secret})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := source.Token(ctx); err != nil {
		t.Fatal(err)
	}
	tokens.Revoke() // the first one is refused, and another is asked for
	bearer, exchange := implicit, start
	bearer.Auth, bearer.Password, bearer.Token = AuthOAuthBearer, "", source
	exchange.Auth, exchange.Password, exchange.Token = AuthXOAuth2, "", source
	return d, map[string]Account{
		"implicit TLS, LOGIN, flagged": implicit, "STARTTLS, PLAIN, moved": start,
		"implicit TLS, OAUTHBEARER, flagged": bearer, "STARTTLS, XOAUTH2, moved": exchange,
	}
}

// post delivers by LMTP, as a mail server does.
func post(t *testing.T, d *sandbox.Dovecot, from string, mail []byte) {
	t.Helper()
	c, err := dialLMTP(d.LMTP)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.SendMail(from, []string{dovecotUser}, bytes.NewReader(mail)); err != nil {
		t.Fatal(err)
	}
}

func TestWithDovecot(t *testing.T) {
	t.Parallel()
	d, accounts := dovecot(t)
	for name, a := range accounts {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, gateway.ReplyPolicy{Allowed: true})
			service, stop := w.run(w.options(a), nil)
			w.until("it reads", func() bool { return service.Healthy() == nil })
			// IDLE tells of new mail: the next poll is a minute away.
			post(t, d, "", w.delivered())
			w.until("the report is recorded", func() bool { return w.count(gateway.Delivered) == 1 })
			for n := range 45 {
				post(t, d, w.letter.Address, w.answer(n))
			}
			w.until("the replies are recorded", func() bool { return w.count(gateway.Replied) == 45 })
			w.until("the copies are settled", func() bool { return settledInDovecot(t, a) })
			stop()
			if t.Failed() {
				t.Log(d.Logs())
			}
		})
	}
}

// settledInDovecot tells that another client finds nothing left to do in INBOX.
func settledInDovecot(t *testing.T, a Account) bool {
	t.Helper()
	c, wire, err := dial(t.Context(), a, 10*time.Second, &imapclient.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := login(t.Context(), c, a); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Select("INBOX", nil).Wait(); err != nil {
		t.Fatal(err)
	}
	s := &session{reader: &reader{account: a}, client: c, wire: wire}
	left, err := s.search(unsettled(^uint32(0)))
	if err != nil {
		t.Fatal(err)
	}
	return len(left) == 0
}

func TestPromiseSealedUntilWithDovecot(t *testing.T) {
	t.Parallel()
	d, accounts := dovecot(t)
	w := newWorld(t, gateway.ReplyPolicy{Allowed: true, Sealed: true, By: time.Now().Add(time.Hour)})
	w.run(w.options(accounts["implicit TLS, LOGIN, flagged"]), nil)
	post(t, d, w.letter.Address, w.answer(1))
	w.until("the answer is recorded", func() bool { return w.count(gateway.Replied) == 1 })
	w.until("Dovecot has no copy on disk", func() bool {
		files, _ := filepath.Glob(filepath.Join(d.Maildir(dovecotUser), "*", "*"))
		for _, f := range files {
			if b, err := os.ReadFile(f); err == nil && bytes.Contains(b, []byte("Voici notre")) {
				return false
			}
		}
		return true
	})
}

func dialLMTP(address string) (*smtp.Client, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	return smtp.NewClientLMTP(conn), nil
}
