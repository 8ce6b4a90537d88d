package relay

import (
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"vaguemestre/gateway"
)

func TestTLSPolicies(t *testing.T) {
	ca, other := newAuthority(t), newAuthority(t)
	later := time.Now().Add(time.Hour)
	good, wrongName := ca.issue(t, "mx.example.net", later), ca.issue(t, "other.example", later)
	late, foreign := ca.issue(t, "mx.example.net", time.Now().Add(-time.Minute)), other.issue(t, "mx.example.net", later)
	broken := &tls.Config{} // no certificate: each handshake fails
	with := func(c tls.Certificate) *tls.Config { return &tls.Config{Certificates: []tls.Certificate{c}} }
	const clearText = "clear"
	for name, c := range map[string]struct {
		policy TLSPolicy
		server *tls.Config // nil: no STARTTLS
		want   string      // "verified", "encrypted", "clear", or "" for a temporary fault
	}{
		"none":                              {TLSNone, with(good), clearText},
		"opportunistic, good":               {TLSOpportunistic, with(good), "verified"},
		"opportunistic, foreign":            {TLSOpportunistic, with(foreign), "encrypted"},
		"opportunistic, not offered":        {TLSOpportunistic, nil, clearText},
		"opportunistic, broken":             {TLSOpportunistic, broken, clearText},
		"required, good":                    {TLSRequired, with(good), "verified"},
		"required, wrong name":              {TLSRequired, with(wrongName), "encrypted"},
		"required, not offered":             {TLSRequired, nil, ""},
		"required, broken":                  {TLSRequired, broken, ""},
		"verified, good":                    {TLSVerified, with(good), "verified"},
		"verified, wrong name":              {TLSVerified, with(wrongName), ""},
		"verified, too old":                 {TLSVerified, with(late), ""},
		"verified, foreign":                 {TLSVerified, with(foreign), ""},
		"verified, not offered":             {TLSVerified, nil, ""},
		"pinned, good":                      {TLSPinned, with(good), "verified"},
		"pinned, other key of the same CA":  {TLSPinned, with(ca.issue(t, "mx.example.net", later)), ""},
		"verified, old version of TLS only": {TLSVerified, &tls.Config{Certificates: []tls.Certificate{good}, MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}, ""},
	} {
		for _, implicit := range []bool{false, true} {
			if implicit && (c.server == nil || c.want == clearText) {
				continue
			}
			t.Run(fmt.Sprint(name, " implicit=", implicit), func(t *testing.T) {
				srv := serve(t, script{tls: c.server, implicit: implicit})
				host := Host{Address: srv.address(), TLS: c.policy, Implicit: implicit, ServerName: "mx.example.net", Roots: ca.pool, Pins: [][32]byte{pinOf(good)}}
				d, fault := relayTo(t, Options{}, host).Deliver(context.Background(), letterEnvelope(), text(letter))
				if c.want == "" {
					if fault == nil || fault.Class != gateway.Temporary || d.Stage != "tls" || len(srv.took()) > 0 {
						t.Fatalf("%v %+v", fault, d)
					}
					return
				}
				if fault != nil {
					t.Fatal(fault)
				}
				got := clearText
				if d.TLS != "" {
					got = map[bool]string{true: "verified", false: "encrypted"}[d.Verified]
				}
				if got != c.want || d.TLS != "" && (d.TLS != "TLS 1.3" || !strings.HasPrefix(d.Cipher, "TLS_")) {
					t.Errorf("%s: %+v", got, d)
				}
			})
		}
	}
}

func TestAResumedSessionIsJudgedAgain(t *testing.T) {
	ca := newAuthority(t)
	cert := ca.issue(t, "mx.example.net", time.Now().Add(time.Hour))
	srv := serve(t, script{tls: &tls.Config{Certificates: []tls.Certificate{cert}}})
	host := Host{Address: srv.address(), ServerName: "mx.example.net", Roots: ca.pool, MaxMessages: 1}
	r := relayTo(t, Options{}, host)
	for range 3 {
		d, fault := r.Deliver(context.Background(), letterEnvelope(), text(letter))
		if fault != nil || !d.Verified {
			t.Fatalf("%v %+v", fault, d)
		}
	}
	r.pools[0].host.Roots = newAuthority(t).pool
	if _, fault := r.Deliver(context.Background(), letterEnvelope(), text(letter)); fault == nil {
		t.Error("an authority that is no longer trusted still opens sessions")
	}
}

func TestClientCertificate(t *testing.T) {
	ca := newAuthority(t)
	later := time.Now().Add(time.Hour)
	srv := serve(t, script{tls: &tls.Config{
		Certificates: []tls.Certificate{ca.issue(t, "mx.example.net", later)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ca.pool,
	}})
	host := Host{Address: srv.address(), ServerName: "mx.example.net", Roots: ca.pool}
	if _, fault := relayTo(t, Options{}, host).Deliver(context.Background(), letterEnvelope(), text(letter)); fault == nil || fault.Class != gateway.Temporary {
		t.Errorf("without a certificate: %v", fault)
	}
	host.Certificates = []tls.Certificate{ca.issue(t, "gateway.example.org", later)}
	if _, fault := relayTo(t, Options{}, host).Deliver(context.Background(), letterEnvelope(), text(letter)); fault != nil {
		t.Errorf("with a certificate: %v", fault)
	}
}

// What comes in clear behind the answer to STARTTLS must not be read as if it were encrypted.
func TestInjectionBehindSTARTTLSIsSeen(t *testing.T) {
	ca := newAuthority(t)
	srv := serve(t, script{
		tls:     &tls.Config{Certificates: []tls.Certificate{ca.issue(t, "mx.example.net", time.Now().Add(time.Hour))}},
		answers: map[string]string{"STARTTLS": "220 go|250 injected"},
	})
	host := Host{Address: srv.address(), ServerName: "mx.example.net", Roots: ca.pool}
	_, fault := relayTo(t, Options{}, host).Deliver(context.Background(), letterEnvelope(), text(letter))
	if !errors.Is(fault, errInjected) {
		t.Errorf("%v", fault)
	}
}

type fixedToken string

func (f fixedToken) Token(context.Context) (string, error) {
	if f == "" {
		return "", errors.New("no token")
	}
	return string(f), nil
}

func (fixedToken) Refused(string) {}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func TestLogins(t *testing.T) {
	ca := newAuthority(t)
	cert := &tls.Config{Certificates: []tls.Certificate{ca.issue(t, "mx.example.net", time.Now().Add(time.Hour))}}
	mac := hmac.New(md5.New, []byte("secret"))
	mac.Write([]byte("<1@mx>"))
	digest := b64("me " + hex.EncodeToString(mac.Sum(nil)))
	password := Auth{Username: "me", Password: "secret"}
	token := Auth{Username: "me", Token: fixedToken("t0ken")}
	only := func(a Auth, mechanism string) Auth { a.Mechanism = mechanism; return a }
	const all = "AUTH=PLAIN=LOGIN=CRAM-MD5=XOAUTH2=OAUTHBEARER PIPELINING"
	for name, c := range map[string]struct {
		auth       Auth
		extensions string
		answers    map[string]string
		clear      bool   // no TLS
		want       string // found among the commands; empty: a temporary fault at auth
	}{
		"best of the password ones": {password, all, nil, false, "AUTH PLAIN " + b64("\x00me\x00secret")},
		"old way of announcing":     {password, "AUTH=LOGIN=PLAIN", nil, false, "AUTH PLAIN "},
		"LOGIN":                     {only(password, "login"), all, map[string]string{"AUTH": "334 " + b64("User Name"), "AUTH2": "334 " + b64("Password:")}, false, "AUTH3 " + b64("secret")},
		"CRAM-MD5":                  {only(password, "CRAM-MD5"), all, map[string]string{"AUTH": "334 " + b64("<1@mx>")}, false, "AUTH2 " + digest},
		"CRAM-MD5 in clear":         {only(password, "CRAM-MD5"), all, map[string]string{"AUTH": "334 " + b64("<1@mx>")}, true, "AUTH2 " + digest},
		"best of the token ones":    {token, all, nil, false, "AUTH OAUTHBEARER " + b64("n,a=me,\x01host=127.0.0.1\x01port=")[:24]},
		"XOAUTH2":                   {only(token, "XOAUTH2"), all, nil, false, "AUTH XOAUTH2 " + b64("user=me\x01auth=Bearer t0ken\x01\x01")},
		"XOAUTH2 refused":           {only(token, "XOAUTH2"), all, map[string]string{"AUTH": "334 " + b64(`{"status":"400"}`), "AUTH2": "535 5.7.3 no"}, false, ""},
		"OAUTHBEARER refused":       {token, all, map[string]string{"AUTH": "334 " + b64(`{"status":"invalid_token"}`), "AUTH2": "535 5.7.8 no"}, false, ""},
		"no token to be had":        {Auth{Username: "me", Token: fixedToken("")}, all, nil, false, ""},
		"wrong password":            {password, all, map[string]string{"AUTH": "535 5.7.8 wrong"}, false, ""},
		"challenge that is none":    {only(password, "LOGIN"), all, map[string]string{"AUTH": "334 ???"}, false, ""},
		"hangs up":                  {password, all, map[string]string{"AUTH": hangUp}, false, ""},
		"nothing offered":           {password, "PIPELINING", nil, false, ""},
		"password in clear":         {password, "AUTH=PLAIN=LOGIN", nil, true, ""},
		"password in clear, agreed": {Auth{Username: "me", Password: "secret", Clear: true}, "AUTH=PLAIN", nil, true, "AUTH PLAIN " + b64("\x00me\x00secret")},
	} {
		t.Run(name, func(t *testing.T) {
			sc := script{extensions: c.extensions, answers: c.answers, tls: cert}
			if c.clear {
				sc.tls = nil
			}
			srv := serve(t, sc)
			host := Host{Address: srv.address(), TLS: TLSOpportunistic, ServerName: "mx.example.net", Roots: ca.pool, Auth: &c.auth}
			d, fault := relayTo(t, Options{}, host).Deliver(context.Background(), letterEnvelope(), text(letter))
			if c.want == "" {
				if fault == nil || fault.Class != gateway.Temporary || d.Stage != "auth" {
					t.Fatalf("%v %+v", fault, d)
				}
				if strings.Contains(fault.Error()+d.Cause, "secret") || c.clear && srv.said("AUTH") > 0 {
					t.Error("the secret went out")
				}
				return
			}
			if fault != nil || srv.said(strings.ToUpper(c.want)) == 0 && !srv.saidExactly(c.want) {
				t.Errorf("%v; commands: %q", fault, srv.commands)
			}
		})
	}
}

func (s *server) saidExactly(prefix string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.commands {
		if strings.HasPrefix(c, prefix) {
			return true
		}
	}
	return false
}

func TestOptionsAreChecked(t *testing.T) {
	for name, h := range map[string]Host{
		"no port": {Address: "mx"}, "no host": {Address: ":25"}, "policy": {Address: "mx:25", TLS: "maybe"}, "pins": {Address: "mx:25", TLS: TLSPinned},
		"mechanism": {Address: "mx:25", Auth: &Auth{Mechanism: "NTLM"}}, "no token": {Address: "mx:25", Auth: &Auth{Mechanism: "XOAUTH2"}},
		"token for a password": {Address: "mx:25", Auth: &Auth{Mechanism: "PLAIN", Token: fixedToken("x")}},
	} {
		if _, err := New(Options{Name: "g", Hosts: []Host{h}}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
	if _, err := New(Options{Name: "g"}); err == nil {
		t.Error("no host: accepted")
	}
	if _, err := New(Options{Hosts: []Host{{Address: "mx:25"}}}); err == nil {
		t.Error("no name: accepted")
	}
}

func TestAnUnknownAuthorityIsNamedInTheCause(t *testing.T) {
	ca := newAuthority(t)
	srv := serve(t, script{tls: &tls.Config{Certificates: []tls.Certificate{ca.issue(t, "mx.example.net", time.Now().Add(time.Hour))}}})
	host := Host{Address: srv.address(), ServerName: "mx.example.net", Roots: x509.NewCertPool()}
	d, fault := relayTo(t, Options{}, host).Deliver(context.Background(), letterEnvelope(), text(letter))
	var unknown x509.UnknownAuthorityError
	if fault == nil || !errors.As(fault, &unknown) || !strings.Contains(d.Cause, "mx.example.net") {
		t.Errorf("%v %+v", fault, d)
	}
}
