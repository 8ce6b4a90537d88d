package relay

import (
	"context"
	"crypto/x509"
	"os"
	"strings"
	"testing"
	"time"

	"vaguemestre/deploy/sandbox"
	"vaguemestre/gateway"
	"vaguemestre/gateway/oauth"
)

// A real Postfix as smarthost, with TLS and AUTH; what it hands on is read in the company's
// mailbox, and its reports in ours.
func TestPostfixAsSmarthost(t *testing.T) {
	sandbox.Need(t, "postfix", "master", "dovecot")
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	tokens, err := sandbox.StartTokens("passerelle@relais.test", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	sandbox.Attach(t, "the token authority", tokens)
	kit, err := sandbox.StartKit(ctx, sandbox.KitOptions{Smarthost: map[string]string{"message_size_limit": "100000"}, Introspect: tokens.Introspect})
	if err != nil {
		t.Fatal(err)
	}
	sandbox.Attach(t, "the kit", kit)
	ca, err := os.ReadFile(kit.CA)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	host := Host{
		Address: kit.Smarthost.Submission, TLS: TLSVerified, ServerName: "localhost", Roots: roots,
		Auth: &Auth{Username: kit.Relay.Address, Password: kit.Relay.Password},
	}
	keys := testKeys()
	r := relayTo(t, Options{Signer: testSigner(t, keys...)}, host)

	t.Run("delivered, reported, intact", func(t *testing.T) { postfixDelivers(ctx, t, kit, r, keys) })
	t.Run("too large", func(t *testing.T) {
		_, fault := r.Deliver(ctx, postfixEnvelope(kit, "b-large"), text(letter+strings.Repeat(strings.Repeat("x", 76)+"\r\n", 2000)))
		if fault == nil || fault.Class != gateway.Permanent || fault.Code != 552 {
			t.Errorf("%v", fault)
		}
	})
	t.Run("logins", func(t *testing.T) { postfixLogins(ctx, t, kit, host, tokens) })
	t.Run("wrong password", func(t *testing.T) {
		host.Auth = &Auth{Username: kit.Relay.Address, Password: "wrong"}
		d, fault := relayTo(t, Options{}, host).Deliver(ctx, postfixEnvelope(kit, "b-auth"), text(letter))
		if fault == nil || fault.Class != gateway.Temporary || d.Stage != "auth" || d.Code != 535 {
			t.Errorf("%v %+v", fault, d)
		}
	})
}

func postfixEnvelope(kit *sandbox.Kit, token string) Envelope {
	return Envelope{
		From: "courrier+" + token + "@" + kit.Domain, To: kit.Companies[0].Address, ENVID: "id+1=x.0.l", ORCPT: kit.Companies[0].Address,
		Notify: NotifyAll, MessageID: "<1@example.org>", Date: signedAt,
	}
}

func postfixDelivers(ctx context.Context, t *testing.T, kit *sandbox.Kit, r *Relay, keys []Key) {
	for _, token := range []string{"b-one", "b-two"} { // the second over the same connection
		d, fault := r.Deliver(ctx, postfixEnvelope(kit, token), text(plainHeader+"\r\nBonjour,\r\n.\r\n..x\r\nfin \t\r\n\r\n"))
		if fault != nil {
			t.Fatal(fault)
		}
		if !d.DSN || !d.Verified || d.TLS != "TLS 1.3" || d.Code != 250 || d.Enhanced != "2.0.0" || !strings.HasPrefix(d.Reply, "2.0.0 Ok: queued as ") {
			t.Errorf("%+v", d)
		}
		arrived, err := kit.Wait(ctx, kit.Companies[0], func(raw string) bool { return strings.Contains(raw, "Return-Path: <courrier+"+token) })
		if err != nil {
			t.Fatal(err)
		}
		begin := strings.Index(arrived, "DKIM-Signature:")
		whole := strings.ReplaceAll(strings.ReplaceAll(arrived[max(begin, 0):], "\r\n", "\n"), "\n", "\r\n")
		if err := verify(t, keys, []byte(whole)); err != nil {
			t.Errorf("%v in\n%s", err, arrived)
		}
		if gateway.HashOf([]byte(whole)) != d.SHA256 {
			t.Errorf("what arrived is not what the evidence says: %d octets of %d\n%s", len(whole), d.Size, arrived)
		}
		_, err = kit.Wait(ctx, kit.Gateway, func(raw string) bool {
			return strings.Contains(raw, "Delivered-To: courrier+"+token) && strings.Contains(raw, "Action: delivered") && strings.Contains(raw, "Original-Envelope-Id: id+1=x.0.l")
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// postfixLogins logs in by each mechanism; a token that was revoked is refused once, and the next attempt has another.
func postfixLogins(ctx context.Context, t *testing.T, kit *sandbox.Kit, host Host, tokens *sandbox.Tokens) {
	host.MaxMessages = 1
	for _, mechanism := range []string{Plain, Login, CRAMMD5} {
		host.Auth = &Auth{Mechanism: mechanism, Username: kit.Relay.Address, Password: kit.Relay.Password}
		if d, fault := relayTo(t, Options{}, host).Deliver(ctx, postfixEnvelope(kit, "b-login"), text(letter)); fault != nil {
			t.Errorf("%s: %v %+v", mechanism, fault, d)
		}
	}
	for _, mechanism := range []string{XOAuth2, OAuthBearer} {
		source, err := oauth.New(oauth.Options{Name: "test", URL: tokens.URL, ClientID: tokens.ClientID, Secret: tokens.Secret})
		if err != nil {
			t.Fatal(err)
		}
		host.Auth = &Auth{Mechanism: mechanism, Username: kit.Relay.Address, Token: source}
		r := relayTo(t, Options{}, host)
		given := tokens.Given()
		for range 2 {
			if d, fault := r.Deliver(ctx, postfixEnvelope(kit, "b-token"), text(letter)); fault != nil {
				t.Fatalf("%s: %v %+v", mechanism, fault, d)
			}
		}
		tokens.Revoke()
		if d, fault := r.Deliver(ctx, postfixEnvelope(kit, "b-token"), text(letter)); fault == nil || fault.Class != gateway.Temporary || d.Stage != "auth" {
			t.Errorf("%s, revoked: %v %+v", mechanism, fault, d)
		}
		if d, fault := r.Deliver(ctx, postfixEnvelope(kit, "b-token"), text(letter)); fault != nil {
			t.Errorf("%s, after a refusal: %v %+v", mechanism, fault, d)
		}
		if n := tokens.Given() - given; n != 2 {
			t.Errorf("%s: %d tokens asked for", mechanism, n)
		}
	}
}
