package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
	"vaguemestre/gateway/token"
	"vaguemestre/outbound/compose"
	"vaguemestre/outbound/notice"
	"vaguemestre/outbound/queue"
	"vaguemestre/outbound/relay"
)

// composer gives letters their tokens, for the intake (which tries them before it accepts) and
// for the queue (which sends them): the same function serves both.
type composer struct {
	ring    *token.Ring
	store   *store.Store
	notices *notice.Composer
	// requireTLS asks that every further hop of a letter use verified TLS (RFC 8689). Notices go to the agents' own server.
	requireTLS bool
	now        func() time.Time
	shelf      *compose.Shelf // nil where nothing is sent
}

// Version is the composer's, frozen in each courier.
func (c *composer) Version() int { return compose.Version }

// Letter implements intake.Composer.
func (c *composer) Letter(w io.Writer, courier gateway.Courier, r gateway.Recipient, content io.ReaderAt) error {
	addresses, err := c.addresses(courier, r)
	if err != nil {
		return err
	}
	return compose.Letter(w, courier, r, content, addresses)
}

// Try implements intake.Composer. What it makes goes on the shelf, from which it is sent.
func (c *composer) Try(courier gateway.Courier, r gateway.Recipient, content io.ReaderAt) error {
	if c.shelf == nil {
		return c.Letter(io.Discard, courier, r, content)
	}
	return c.shelf.Make(c.now(), courier, r, func(w io.Writer) error { return c.Letter(w, courier, r, content) })
}

// addresses are minted with the key that was in force at acceptance, so that a message can be made again after a rotation.
func (c *composer) addresses(courier gateway.Courier, r gateway.Recipient) (compose.Addresses, error) {
	var a compose.Addresses
	key, domain := courier.Composition.KeyID, courier.Composition.Domain
	link, err := c.ring.MintWith(key, token.Link, r.ID)
	if err != nil {
		return a, fmt.Errorf("token key %d was retired while a courier of it waits: %w", key, err)
	}
	a.Link = courier.Composition.BaseURL + "/l/" + link
	a.ReplyTo = "nepasrepondre@" + domain
	if courier.Options.Reply.Allowed {
		reply, err := c.ring.MintWith(key, token.Reply, r.ID)
		if err != nil {
			return a, err
		}
		a.ReplyTo = "courrier+r-" + reply + "@" + domain
	}
	if courier.Options.Code {
		a.Code, err = c.ring.Code(key, r.ID)
	}
	return a, err
}

// Compose implements queue.Composer.
func (c *composer) Compose(ctx context.Context, job gateway.Job) (queue.Mail, error) {
	if job.Kind == gateway.JobNotice {
		return c.notice(ctx, job)
	}
	if job.Kind == gateway.JobLetter && c.shelf != nil {
		if k, found := c.shelf.Take(job.Courier, job.Recipient); found {
			return c.kept(ctx, job, k)
		}
	}
	o, err := c.store.Outgoing(ctx, job.Recipient)
	if err != nil {
		return queue.Mail{}, gone(err)
	}
	if settled(job, o.Recipient.Standing) {
		return queue.Mail{}, queue.ErrDropped
	}
	return c.letter(job, o)
}

// gone is a job whose courier does not exist: nothing can be sent. Any other failure is the store's.
func gone(err error) error {
	if errors.Is(err, gateway.ErrNotFound) {
		return queue.ErrDropped
	}
	return err
}

// settled tells a message that must not go any more: taken back, or confirmed since by the company's side.
func settled(job gateway.Job, s gateway.Standing) bool {
	switch {
	case !s.Cancelled.IsZero(), !s.Withdrawn.IsZero():
		return true
	case job.Kind == gateway.JobReminder:
		return !s.Read.IsZero() || !s.Replied.IsZero() || s.State == gateway.StateFailed || s.State == gateway.StateExpired
	case job.Attempt == 1 || job.Generation > 0 && s.Generation != job.Generation:
		return false
	case job.Generation > 0: // a retry of a delivered letter by hand still goes, until its own report comes
		return s.State >= gateway.StateHandedOver && s.State < gateway.StateDelivered
	}
	return s.State >= gateway.StateHandedOver
}

// kept sends a letter from the shelf. Where the recipient stands is read now, as for any other.
func (c *composer) kept(ctx context.Context, job gateway.Job, k compose.Kept) (queue.Mail, error) {
	standing, err := c.store.Standing(ctx, job.Recipient)
	if err != nil {
		return queue.Mail{}, gone(err)
	}
	if settled(job, standing) {
		return queue.Mail{}, queue.ErrDropped
	}
	envelope, err := c.envelope(job, k.Courier, k.Recipient)
	if err != nil {
		return queue.Mail{}, err
	}
	return queue.Mail{Envelope: envelope, Write: func(w io.Writer) error {
		_, err := w.Write(k.Letter)
		return err
	}}, nil
}

func (c *composer) letter(job gateway.Job, o store.Outgoing) (queue.Mail, error) {
	courier, r := o.Courier, o.Recipient
	envelope, err := c.envelope(job, courier, r)
	if err != nil {
		return queue.Mail{}, err
	}
	content, err := o.Content()
	if err != nil {
		return queue.Mail{}, err
	}
	write := func(w io.Writer) error { return c.Letter(w, courier, r, content) }
	if job.Kind == gateway.JobReminder {
		reminder := compose.Reminder{Number: job.Reminder, Date: job.Created}
		envelope.ENVID = gateway.EnvelopeID(r.ID, job.Generation, gateway.ForReminder)
		envelope.MessageID, envelope.Date = reminder.MessageID(r), reminder.Date
		write = func(w io.Writer) error { return c.remind(w, courier, r, reminder) }
	}
	return queue.Mail{Envelope: envelope, Write: write, Close: func() { _ = content.Close() }}, nil // it was only read
}

// envelope is that of a letter.
func (c *composer) envelope(job gateway.Job, courier gateway.Courier, r gateway.Recipient) (relay.Envelope, error) {
	bounce, err := c.ring.MintWith(courier.Composition.KeyID, token.Bounce, r.ID)
	return relay.Envelope{
		From: "courrier+b-" + bounce + "@" + courier.Composition.Domain, To: r.Address,
		ENVID: gateway.EnvelopeID(r.ID, job.Generation, gateway.ForLetter), ORCPT: r.Address, Notify: relay.NotifyAll,
		MessageID: r.MessageID, Date: courier.Composition.Date, RequireTLS: c.requireTLS,
	}, err
}

func (c *composer) remind(w io.Writer, courier gateway.Courier, r gateway.Recipient, reminder compose.Reminder) error {
	addresses, err := c.addresses(courier, r)
	if err != nil {
		return err
	}
	return compose.Remind(w, courier, r, addresses, reminder)
}

func (c *composer) notice(ctx context.Context, job gateway.Job) (queue.Mail, error) {
	mail, err := c.notices.Compose(ctx, job)
	if errors.Is(err, notice.ErrNothing) {
		return queue.Mail{}, queue.ErrDropped
	}
	if err != nil {
		return queue.Mail{}, err
	}
	return queue.Mail{
		Envelope: relay.Envelope{To: mail.To, Notify: relay.NotifyNever, MessageID: mail.MessageID, Date: mail.Date},
		Write:    mail.Write, Close: mail.Close,
	}, nil
}
