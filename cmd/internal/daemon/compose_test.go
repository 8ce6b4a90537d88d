package daemon

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/intake"
	"vaguemestre/outbound/compose"
	"vaguemestre/outbound/queue"
)

// sending is a desk whose letters are put on a shelf, as the daemon's.
func sending(t *testing.T) (*Desk, gateway.Agent) {
	t.Helper()
	desk, agent, _ := registerOf(t, 2, time.Now)
	desk.daemon.composer.shelf, desk.daemon.composer.now = &compose.Shelf{}, time.Now
	return desk, agent
}

// submit sends a letter to one company, and leases its jobs.
func (k *Desk) submit(t *testing.T, agent gateway.Agent, subject, words, to string) (gateway.Courier, []gateway.Job) {
	t.Helper()
	spool := k.daemon.store.Spool()
	defer spool.Discard()
	mail := "From: agent@acheteur.example\nMessage-ID: <1@acheteur.example>\nSubject: " + subject + "\n\nBonjour,\n\nLa visite aura lieu lundi.\n"
	if err := Mail(spool, strings.NewReader(mail)); err != nil {
		t.Fatal(err)
	}
	receipt, err := k.Submit(t.Context(), intake.Submission{
		Agent: agent, Door: gateway.DoorCommand, Message: spool, Recipients: []string{to, "testesr2020+libre" + words + "@" + k.daemon.cfg.Domain},
	})
	if err != nil {
		t.Fatal(err)
	}
	jobs, err := k.daemon.store.Lease(t.Context(), "test", []gateway.JobKind{gateway.JobLetter}, 10, time.Hour)
	if err != nil || len(jobs) != len(receipt.Added) {
		t.Fatalf("%d jobs of %d, %v", len(jobs), len(receipt.Added), err)
	}
	return receipt.Courier, jobs
}

// composed is what goes out for a job, and whether it was on the shelf.
func (k *Desk) composed(t *testing.T, job gateway.Job) (queue.Mail, string, bool) {
	t.Helper()
	mail, err := k.daemon.composer.Compose(t.Context(), job)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := mail.Write(&text); err != nil {
		t.Fatal(err)
	}
	if mail.Close == nil {
		return mail, text.String(), true
	}
	mail.Close()
	return mail, text.String(), false
}

// TestPromiseALetterOfTheShelfIsTheOneMadeFromTheStore: the same bytes under the same envelope, in both modes, with
// a subject that mail should not have, and for those that join a courier.
func TestPromiseALetterOfTheShelfIsTheOneMadeFromTheStore(t *testing.T) {
	desk, agent := sending(t)
	for _, letter := range []struct {
		subject, words, to string
		onShelf            bool
	}{
		{"Visite du site", "+simple", "f0000@entreprise.example", true},
		{"Visite du site", "+simple", "autre@ailleurs.example", false}, // joins the first
		{"Visite du site", "+ar", "f0001@entreprise.example", true},
		{"=?utf-8?q?Visite=00_du_site?=", "+simple", "f0001@entreprise.example", true},
		{"=?iso-8859-1?q?Visite_=E0_l'=E9cole?=", "+simple", "f0001@entreprise.example", true},
	} {
		courier, jobs := desk.submit(t, agent, letter.subject, letter.words, letter.to)
		for _, job := range jobs {
			first, text, onShelf := desk.composed(t, job)
			again, made, twice := desk.composed(t, job)
			if text != made || first.Envelope != again.Envelope || onShelf != letter.onShelf || twice {
				t.Errorf("%q of %s: on the shelf %v, then %v; %+v and %+v\n%s\n%s", letter.subject, courier.ID, onShelf, twice, first.Envelope, again.Envelope, text, made)
			}
		}
	}
}

// TestALetterTakenBackIsNotSentFromTheShelf.
func TestALetterTakenBackIsNotSentFromTheShelf(t *testing.T) {
	desk, agent := sending(t)
	courier, jobs := desk.submit(t, agent, "Visite", "+simple", "f0000@entreprise.example")
	taken := gateway.NewEvent(gateway.Cancelled, time.Now(), nil, nil).About(courier.ID, jobs[0].Recipient)
	if err := desk.daemon.store.Apply(t.Context(), gateway.Step{Events: []gateway.Event{taken}}); err != nil {
		t.Fatal(err)
	}
	if _, err := desk.daemon.composer.Compose(t.Context(), jobs[0]); !errors.Is(err, queue.ErrDropped) {
		t.Errorf("composed: %v", err)
	}
}
