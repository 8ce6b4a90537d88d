package relay

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"vaguemestre/deploy/sandbox"
	"vaguemestre/gateway"
)

// otherSmarthosts are real servers beside Postfix, each with and without delivery reports, that ask for TLS and a login.
func otherSmarthosts(ctx context.Context, t *testing.T, kit *sandbox.Kit) map[string]Host {
	t.Helper()
	ca, err := os.ReadFile(kit.CA)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(ca)
	hosts := map[string]Host{}
	for suffix, reports := range map[string]bool{"": true, withoutReports: false} {
		o := sandbox.RelayOptions{
			Hostname: "relais.test", TLS: kit.TLS, Login: sandbox.Account{Address: "passerelle", Password: "secret"}, Next: kit.MailServer.SMTP,
			DSN: reports, MaxBytes: 100_000,
		}
		exim, err := sandbox.StartExim(ctx, o)
		if err != nil {
			t.Fatal(err)
		}
		sandbox.Attach(t, "Exim"+suffix, exim)
		open, err := sandbox.StartOpenSMTPD(ctx, o)
		if err != nil {
			t.Fatal(err)
		}
		sandbox.Attach(t, "OpenSMTPD"+suffix, open)
		for name, address := range map[string]string{"Exim": exim.SMTP, "OpenSMTPD": open.SMTP} {
			hosts[name+suffix] = Host{Address: address, ServerName: "localhost", Roots: roots, Auth: &Auth{Username: "passerelle", Password: "secret"}}
		}
	}
	return hosts
}

const withoutReports = " without reports"

// Exim and OpenSMTPD as smarthosts: what they take arrives once and intact, and what they refuse is told.
func TestEximAndOpenSMTPDAsSmarthosts(t *testing.T) {
	ctx, stop := context.WithTimeout(context.Background(), 3*time.Minute)
	defer stop()
	kit, err := sandbox.StartKit(ctx, sandbox.KitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	sandbox.Attach(t, "the kit", kit)
	n := 0
	for name, host := range otherSmarthosts(ctx, t, kit) {
		n++
		token := fmt.Sprintf("b-autre%d", n)
		t.Run(name, func(t *testing.T) {
			reports := !strings.HasSuffix(name, withoutReports)
			t.Run("arrives once, intact", func(t *testing.T) { arrivesOnce(ctx, t, kit, host, token, reports) })
			t.Run("too large", func(t *testing.T) {
				large := text(letter + strings.Repeat(strings.Repeat("x", 76)+"\r\n", 2000))
				if _, fault := relayTo(t, Options{}, host).Deliver(ctx, postfixEnvelope(kit, token+"-large"), large); fault == nil || fault.Class != gateway.Permanent || fault.Code != 552 {
					t.Errorf("%v", fault)
				}
			})
			t.Run("does not let us in", func(t *testing.T) { keepsUsOut(ctx, t, kit, host, token) })
			if reports {
				t.Run("reports a failure", func(t *testing.T) { reportsFailure(ctx, t, kit, host, token) })
			}
		})
	}
}

func arrivesOnce(ctx context.Context, t *testing.T, kit *sandbox.Kit, host Host, token string, reports bool) {
	keys := testKeys()
	r := relayTo(t, Options{Signer: testSigner(t, keys...)}, host)
	for i := range 2 { // the second over the same connection
		e := postfixEnvelope(kit, fmt.Sprintf("%s-%d", token, i))
		e.MessageID = fmt.Sprintf("<%s-%d@example.org>", token, i)
		d, fault := r.Deliver(ctx, e, text(plainHeader+"\r\nBonjour,\r\n.\r\n..x\r\nfin\r\n"))
		if fault != nil {
			t.Fatalf("%v %+v", fault, d)
		}
		if d.DSN != reports || !d.Verified || d.Code != 250 || d.Reply == "" {
			t.Errorf("%+v", d)
		}
	}
	for i := range 2 {
		mark := fmt.Sprintf("<courrier+%s-%d@", token, i)
		arrived, err := kit.Wait(ctx, kit.Companies[0], func(raw string) bool { return strings.Contains(raw, "Return-Path: "+mark) })
		if err != nil {
			t.Fatal(err)
		}
		begin := strings.Index(arrived, "DKIM-Signature:")
		whole := strings.ReplaceAll(strings.ReplaceAll(arrived[max(begin, 0):], "\r\n", "\n"), "\n", "\r\n")
		if err := verify(t, keys, []byte(whole)); err != nil {
			t.Errorf("%v in\n%s", err, arrived)
		}
	}
	if reports {
		awaitReport(ctx, t, kit, token+"-1", "Action: delivered", "Action: relayed")
	}
	if came := cameTo(ctx, t, kit, kit.Companies[0], "courrier+"+token+"-"); came != 2 {
		t.Errorf("two letters came %d times", came)
	}
}

// awaitReport waits for a report to the bounce address that says one of these.
func awaitReport(ctx context.Context, t *testing.T, kit *sandbox.Kit, token string, says ...string) {
	t.Helper()
	_, err := kit.Wait(ctx, kit.Gateway, func(raw string) bool {
		for _, words := range says {
			if strings.Contains(raw, "Delivered-To: courrier+"+token+"@") && strings.Contains(strings.ToLower(raw), strings.ToLower(words)) {
				return true
			}
		}
		return false
	})
	if err != nil {
		t.Errorf("no report %q: %v", says, err)
	}
}

// cameTo counts the messages of a mailbox whose envelope sender begins so.
func cameTo(ctx context.Context, t *testing.T, kit *sandbox.Kit, a sandbox.Account, sender string) (n int) {
	t.Helper()
	box, err := kit.Open(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	defer box.Close()
	all, err := box.All("INBOX")
	if err != nil {
		t.Fatal(err)
	}
	for _, raw := range all {
		if strings.Contains(raw, "Return-Path: <"+sender) {
			n++
		}
	}
	return n
}

func keepsUsOut(ctx context.Context, t *testing.T, kit *sandbox.Kit, host Host, token string) {
	wrong := host
	wrong.Auth = &Auth{Username: "passerelle", Password: "wrong"}
	if d, fault := relayTo(t, Options{}, wrong).Deliver(ctx, postfixEnvelope(kit, token+"-auth"), text(letter)); fault == nil || fault.Class != gateway.Temporary || d.Stage != "auth" || d.Code != 535 {
		t.Errorf("wrong password: %v %+v", fault, d)
	}
	clear := host
	clear.TLS = TLSNone
	if d, fault := relayTo(t, Options{}, clear).Deliver(ctx, postfixEnvelope(kit, token+"-clear"), text(letter)); fault == nil || fault.Class != gateway.Temporary || d.Stage != "auth" {
		t.Errorf("a password in clear: %v %+v", fault, d)
	}
	foreign := host
	foreign.Roots = x509.NewCertPool()
	if d, fault := relayTo(t, Options{}, foreign).Deliver(ctx, postfixEnvelope(kit, token+"-foreign"), text(letter)); fault == nil || fault.Class != gateway.Temporary || d.Stage != "tls" {
		t.Errorf("an unknown authority: %v %+v", fault, d)
	}
}

// reportsFailure writes to a mailbox that does not exist: taken first, it must come back as a failure.
func reportsFailure(ctx context.Context, t *testing.T, kit *sandbox.Kit, host Host, token string) {
	e := postfixEnvelope(kit, token+"-perdu")
	e.To, e.ORCPT = "inconnue@entreprise.test", "inconnue@entreprise.test"
	if d, fault := relayTo(t, Options{}, host).Deliver(ctx, e, text(letter)); fault != nil {
		t.Fatalf("%v %+v", fault, d)
	}
	awaitReport(ctx, t, kit, token+"-perdu", "Action: failed")
}
