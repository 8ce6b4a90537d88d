package sandbox

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"
)

func startKit(t *testing.T) (*Kit, context.Context) {
	t.Helper()
	Need(t, "postfix", "master", "dovecot", "swaks", "msmtp", "s-nail")
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	k, err := StartKit(ctx, KitOptions{})
	if err != nil {
		t.Fatal(err)
	}
	Attach(t, "the kit", k)
	return k, ctx
}

func has(parts ...string) func(string) bool {
	return func(raw string) bool {
		for _, p := range parts {
			if !strings.Contains(raw, p) {
				return false
			}
		}
		return true
	}
}

const kitLetter = "From: courrier@courrier.acheteur.test\nTo: contact@entreprise.test\nSubject: essai\nMessage-ID: <essai@courrier.acheteur.test>\n\nBonjour,\n"

// The way of a letter, from the gateway's client to the company, and of both reports back to the gateway's mailbox.
func TestTheRealWorldDeliversAndReports(t *testing.T) {
	k, ctx := startKit(t)
	s := Submission{
		Server: k.Smarthost.Submission, Security: StartTLS, CA: k.CA, User: k.Relay.Address, Password: k.Relay.Password,
		From: "courrier+b-jetonun@" + k.Domain, To: []string{k.Companies[0].Address}, Message: kitLetter,
	}
	if out, err := Swaks(ctx, s, "--protocol", "ESMTP"); err != nil || !strings.Contains(out, "250 2.0.0 Ok: queued as ") || !strings.Contains(out, "250-DSN") {
		t.Fatalf("%v\n%s", err, out)
	}
	raw, err := k.Wait(ctx, k.Companies[0], has("Subject: essai", "Return-Path: <courrier+b-jetonun@"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(raw, "Delivered-To: "+k.Companies[0].Address) {
		t.Errorf("no Delivered-To in\n%s", raw)
	}

	s.From, s.To = "courrier+b-jetondeux@"+k.Domain, []string{"inconnue@entreprise.test"}
	if _, err := Swaks(ctx, s); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Wait(ctx, k.Gateway, has("Delivered-To: courrier+b-jetondeux@", "Action: failed", "Status: 5.1.1", "User unknown in")); err != nil {
		t.Error(err)
	}
}

func TestPostfixReportsADelivery(t *testing.T) {
	k, ctx := startKit(t)
	if err := sendAsking(ctx, k.Smarthost.SMTP, k.Client(), "courrier+b-jeton@"+k.Domain, k.Companies[1].Address, kitLetter); err != nil {
		t.Fatal(err)
	}
	_, err := k.Wait(ctx, k.Gateway, has("Delivered-To: courrier+b-jeton@", "Action: delivered", "Original-Envelope-Id: enveloppe+1=x", "Original-Recipient: RFC822;"+k.Companies[1].Address))
	if err != nil {
		t.Error(err)
	}
}

func TestEveryClientSubmits(t *testing.T) {
	k, ctx := startKit(t)
	for name, submit := range map[string]func(context.Context, Submission, ...string) (string, error){"swaks": Swaks, "msmtp": Msmtp, "s-nail": SNail} {
		t.Run(name, func(t *testing.T) {
			s := Submission{
				Server: k.Smarthost.Submission, Security: StartTLS, CA: k.CA, User: k.Relay.Address, Password: k.Relay.Password,
				From: "passerelle@" + k.Domain, To: []string{k.Companies[0].Address},
				Message: "To: " + k.Companies[0].Address + "\nSubject: par " + name + "\n\nBonjour.\n",
			}
			if out, err := submit(ctx, s); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if _, err := k.Wait(ctx, k.Companies[0], has("Subject: par "+name)); err != nil {
				t.Error(err)
			}
			s.Password = "faux"
			if out, err := submit(ctx, s); err == nil {
				t.Errorf("a wrong password submits:\n%s", out)
			}
		})
	}
}

func TestStoppedProgramsLeaveNothing(t *testing.T) {
	k, _ := startKit(t)
	k.Stop()
	for _, dir := range []string{k.dir, k.Dovecot.dir, k.Smarthost.dir, k.MailServer.dir} {
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", dir, err)
		}
	}
	for _, p := range []*process{k.Dovecot.process, k.Smarthost.process, k.MailServer.process} {
		select {
		case <-p.done:
		default:
			t.Errorf("%s still runs", p.name)
		}
	}
}

func TestMissingSaysWhatToInstall(t *testing.T) {
	err := Missing("sh", "un-programme-qui-n-existe-pas")
	if err == nil || !strings.Contains(err.Error(), "apt-get install un-programme-qui-n-existe-pas") {
		t.Errorf("%v", err)
	}
	if err := Missing("sh"); err != nil {
		t.Error(err)
	}
}

func TestAdaptNoticesARecipeThatChanged(t *testing.T) {
	if _, err := adapt("a = b", "a", "c", "x", "y"); err == nil || !strings.Contains(err.Error(), `"x"`) {
		t.Errorf("%v", err)
	}
}
