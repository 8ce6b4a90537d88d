package intake

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/catalog"
	"vaguemestre/gateway/store"
)

// prospect is the courier as the rules have understood it, everything frozen that its messages
// are made of. The rule composition keeps it: what was composed is what is accepted.
func (x *exam) prospect() gateway.Courier {
	if !x.courier.ID.IsZero() {
		return x.courier
	}
	language := x.consultation.Language
	id := gateway.NewID(x.now)
	thread := x.thread
	if thread.IsZero() {
		thread = id
	}
	return gateway.Courier{
		ID: id, Consultation: x.consultation.ID, Door: x.s.Door, Thread: thread, Accepted: x.now,
		Author: x.s.Agent.ID, AuthorAddr: x.from, AuthorName: cmp.Or(x.s.Agent.Name, x.fromName, x.s.Agent.Login),
		Type: x.kind.Code, TypeLabel: x.kind.Name(language), Options: x.options,
		Subject: x.subject, Excerpt: excerpt(x.text), MessageID: x.messageID,
		Content: x.s.Message.Hash(), Size: x.s.Message.Size(), Files: x.files,
		ReceiptAsked: x.receiptAsked(), DSN: x.s.DSN, Context: x.consultation.Block(),
		Composition: gateway.Composition{
			Version: x.in.d.Composer.Version(), BaseURL: x.in.o.BaseURL, Domain: x.in.o.Domain, Date: x.now,
			Boundary: rand.Text(), Model: x.model, KeyID: x.in.d.Tokens.Current(),
		},
	}
}

func (x *exam) receiptAsked() bool {
	return x.msg != nil && x.msg.Header().Get("Disposition-Notification-To") != ""
}

// accept stores the courier, or joins the one that the same message made before.
func (in *Intake) accept(ctx context.Context, x *exam) (Receipt, error) {
	c, recipients := x.courier, x.addressed
	key, until := x.key(), time.Time{}
	if x.messageID == "" {
		until = x.now.Add(retryWindow)
	}
	stored, added, err := in.d.Store.Accept(ctx, store.Acceptance{
		Courier: c, Recipients: recipients, Events: x.events(c, recipients), Jobs: x.jobs(recipients),
		Joined:   func(known gateway.Courier) []gateway.Event { return x.events(known, recipients) },
		Contents: []*store.Spool{x.s.Message}, Key: key, KeyUntil: until, Claim: x.s.Claim, Draft: x.s.Draft,
	})
	if errors.Is(err, store.ErrClaimed) {
		return Receipt{}, gateway.Refuse(550, [3]int{5, 7, 0}, "refuse.claimed", nil)
	}
	if err != nil {
		return Receipt{}, fmt.Errorf("accept a courier: %w", err)
	}
	receipt := Receipt{Outcome: Accepted, Courier: stored, Added: added, Warnings: x.warnings}
	if stored.ID != c.ID {
		receipt.Outcome = Joined
	}
	receipt.Text = in.sentence(x, receipt)
	in.o.Logger.InfoContext(ctx, "courier "+string(receipt.Outcome), "courier", stored.ID.String(), "type", string(stored.Type),
		"door", string(x.s.Door), "recipients", len(added), "bytes", stored.Size)
	return receipt, nil
}

// key is what a retry shares with the message that it repeats (promise 3).
func (x *exam) key() gateway.Hash {
	text, err := json.Marshal(struct {
		Author, Consultation gateway.ID
		Type                 gateway.TypeCode
		Options              gateway.Options
		MessageID            string
		Content              gateway.Hash
	}{x.s.Agent.ID, x.consultation.ID, x.kind.Code, x.options, x.messageID, x.s.Message.Hash()})
	if err != nil {
		panic("intake: " + err.Error()) // identifiers, dates, booleans and text only
	}
	return gateway.HashOf(text)
}

// events say what the agent asked, and to whom: the expansion of the groups as it was.
func (x *exam) events(c gateway.Courier, recipients []gateway.Recipient) []gateway.Event {
	actor, context := "agent:"+x.s.Agent.Login, c.Context.Digest()
	details := gateway.SubmittedDetails{
		Type: c.Type, Options: c.Options, Subject: c.Subject, MessageID: c.MessageID, Content: c.Content, Files: c.Files, Door: c.Door, Author: c.AuthorAddr,
		Context: context,
	}
	whole := gateway.NewEvent(gateway.Submitted, x.now, details, nil).About(c.ID, gateway.ID{}).By(actor, gateway.ByAgent)
	whole.Contents = []gateway.Hash{c.Content}
	events := append(make([]gateway.Event, 0, len(recipients)+1), whole)
	for _, r := range recipients {
		details := gateway.RecipientDetails{Address: r.Address, Company: r.CompanyName, Register: r.Register, Context: context}
		events = append(events, gateway.NewEvent(gateway.Submitted, x.now, details, nil).About(c.ID, r.ID).By(actor, gateway.ByAgent))
	}
	return events
}

func (x *exam) jobs(recipients []gateway.Recipient) []gateway.Job {
	jobs := make([]gateway.Job, len(recipients))
	for i, r := range recipients {
		jobs[i] = gateway.Job{ID: gateway.NewID(x.now), Kind: gateway.JobLetter, Courier: r.Courier, Recipient: r.ID, Created: x.now, Due: x.now}
	}
	return jobs
}

// sentence says what was understood, so that the agent can see a slip at once.
func (in *Intake) sentence(x *exam, r Receipt) string {
	args := map[string]any{
		"Reference": x.consultation.Reference, "Type": x.kind.Name(in.o.Language), "Options": in.optionsText(x.options, x.consultation),
		"Count": len(r.Added),
	}
	return catalog.Text(in.o.Language, "receipt."+string(r.Outcome), args) + in.cautions(x.warnings)
}

// optionsText writes options as an agent reads them.
func (in *Intake) optionsText(o gateway.Options, c gateway.Consultation) string {
	say := func(key string, args map[string]any) string { return catalog.Text(in.o.Language, "option."+key, args) }
	text := say("plain", nil)
	if o.Acknowledged {
		text = say("acknowledged", nil)
	}
	if o.Code {
		text += ", " + say("code", nil)
	}
	by := map[string]any{"By": o.Reply.By.In(c.Location())}
	switch {
	case !o.Reply.Allowed:
		return text + ", " + say("no-reply", nil)
	case o.Reply.By.IsZero():
		return text + ", " + say("reply", nil)
	case o.Reply.Sealed:
		return text + ", " + say("reply-sealed", by)
	}
	return text + ", " + say("reply-by", by)
}
