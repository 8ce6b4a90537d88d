package demo

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"sync"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// stay sends the first courier, says where everything is, and shows each event as it happens.
func (d *Demo) stay(ctx context.Context) error {
	if err := d.submit(ctx); err != nil {
		return err
	}
	mail, err := d.world.Wait(ctx, company, nil)
	if err != nil {
		return err
	}
	letter, err := mail.Letter()
	if err != nil {
		return err
	}
	d.introduce(letter.Links())
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var proofs sync.WaitGroup
	proofs.Go(func() { d.keepProof(ctx) })
	defer proofs.Wait()
	defer stop()
	if err := d.watch(ctx, nil); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

func (d *Demo) introduce(links []string) {
	host, port, _ := net.SplitHostPort(d.daemon.Addresses().StartTLS) // our own listener's
	path, _ := filepath.Abs(d.o.Proof)
	link := ""
	if len(links) > 0 {
		link = links[0]
	}
	d.say(`Vaguemestre is running, in a small world of its own on this machine.

A Courrier de rejet about %s was just sent from %s to %s.

To write one yourself, set up your mail client (or copy the swaks line):
  SMTP server   %s, port %s, STARTTLS (accept its certificate: it is made for this demo)
  user          %s
  password      %s
  sender        %s
  recipients    any address, and testesr2020+libre@%s

  swaks --server %s:%s --tls --auth PLAIN --auth-user %s --auth-password %s \
        --from %s --to marches@entreprise-y.example,testesr2020+libre@%s \
        --header 'Subject: Bonjour' --body 'Un premier courrier.'

What the companies see   %s
  The link of the courier  %s
  Press its button: the courier is read. Answer from that page: the answer reaches the agent's mailbox, there too.
The agents' console      http://%s
  Sign in with the user and password above; or ask for a link: it comes to the mailbox of %s, on the page above.
The proof                %s  (written again after each event)

Ctrl-C ends the demo and removes its data. Events, as they happen:
`, reference, agentMail, company, host, port, login, d.password, agentMail, domain, host, port, login, d.password, agentMail, domain, d.world.Page, link, d.daemon.Addresses().Console, agentMail, path)
}

// keepProof writes the first courier's proof again after each event about it.
func (d *Demo) keepProof(ctx context.Context) {
	woken, cancel := d.store.Watch(store.TopicEvents)
	defer cancel()
	known := -1
	for {
		if n, first := d.events(ctx); n != known && !first.IsZero() {
			path, _ := filepath.Abs(d.o.Proof)
			if err := d.writeProof(ctx, first, path); err != nil && ctx.Err() == nil {
				d.say("The proof could not be written: %v", err)
			}
			known = n
		}
		select {
		case <-ctx.Done():
			return
		case <-woken:
		}
	}
}

// events counts the first courier's that its proof should tell.
func (d *Demo) events(ctx context.Context) (n int, first gateway.ID) {
	couriers, err := d.store.Couriers(ctx, store.CourierFilter{})
	if err != nil || len(couriers) == 0 {
		return 0, gateway.ID{}
	}
	first = couriers[len(couriers)-1].ID
	events, err := d.store.Events(ctx, first, gateway.ID{})
	if err != nil {
		return 0, gateway.ID{}
	}
	return told(events), first
}

// told counts what a proof tells. Not its own issuing: counted, it would hide what happened while the proof was written.
func told(events []gateway.Event) (n int) {
	for _, e := range events {
		if e.Kind != gateway.ProofIssued {
			n++
		}
	}
	return n
}
