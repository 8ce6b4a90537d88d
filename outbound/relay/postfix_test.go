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
)

// A real Postfix as smarthost, with TLS and AUTH; what it hands on is read in the company's
// mailbox, and its reports in ours.
func TestPostfixAsSmarthost(t *testing.T) {
	sandbox.Need(t, "postfix", "master", "dovecot")
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	defer stop()
	kit, err := sandbox.StartKit(ctx, sandbox.KitOptions{Smarthost: map[string]string{"message_size_limit": "100000"}})
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
