package seal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vaguemestre/gateway"
	"vaguemestre/gateway/message"
	"vaguemestre/gateway/store"
)

// Store is where the Opener finds what is due.
type Store interface {
	ToUnseal(ctx context.Context, now time.Time, n int) ([]gateway.Unsealing, error)
	Unseal(ctx context.Context, u gateway.Unsealing, plain *store.Spool) error
	OpenContent(ctx context.Context, h gateway.Hash) (store.Content, error)
	Spool() *store.Spool
	SealedStats(ctx context.Context) (sealed int64, next time.Time, err error)
}

// Options says how the Opener works.
type Options struct {
	Every      time.Duration // between rounds; 0: 10 s
	Now        func() time.Time
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Opener opens sealed answers at their date.
type Opener struct {
	o       Options
	vault   *Vault
	store   Store
	metrics *metrics
}

// NewOpener makes one; Run sets it to work.
func NewOpener(o Options, v *Vault, s Store) *Opener {
	if o.Every <= 0 {
		o.Every = 10 * time.Second
	}
	return &Opener{o: o, vault: v, store: s, metrics: newMetrics(o.Registerer)}
}

// Run goes round until ctx ends. What a round could not open stays sealed, and the next one tries again.
func (o *Opener) Run(ctx context.Context) error {
	tick := time.NewTicker(o.o.Every)
	defer tick.Stop()
	for {
		if err := o.Round(ctx); err != nil && ctx.Err() == nil {
			o.o.Logger.Error("open what is sealed; will try again", "cause", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// page is how many contents one look gives: what cannot be opened must not hide for ever what can.
const page = 1000

// Round opens all that is due now. The error tells of every content that could not be.
func (o *Opener) Round(ctx context.Context) error {
	now := gateway.Micros(o.o.Now())
	due, err := o.store.ToUnseal(ctx, now, page)
	if err != nil {
		return err
	}
	var problems []error
	for _, u := range due {
		if err := o.open(ctx, u, now); err != nil {
			o.metrics.failures.Inc()
			problems = append(problems, fmt.Errorf("content %s: %w", u.Sealed, err))
		}
	}
	return errors.Join(append(problems, o.count(ctx, now))...)
}

// count keeps the gauges.
func (o *Opener) count(ctx context.Context, now time.Time) error {
	sealed, next, err := o.store.SealedStats(ctx)
	if err != nil {
		return err
	}
	o.metrics.sealed.Set(float64(sealed))
	o.metrics.overdue.Set(0)
	if !next.IsZero() && next.Before(now) {
		o.metrics.overdue.Set(now.Sub(next).Seconds())
	}
	return nil
}

// open opens one content and the replies that came with it.
func (o *Opener) open(ctx context.Context, u gateway.Unsealing, now time.Time) error {
	plain := o.store.Spool()
	defer plain.Discard()
	err := o.decrypt(ctx, u.Sealed, plain)
	if err != nil {
		return err
	}
	u.At = now
	for i, in := range u.Mails {
		in.Subject = subject(plain)
		u.Mails[i] = in
		if !in.Recipient.IsZero() && len(u.Replies) == 0 { // an answer tells of itself below
			u.Events = append(u.Events, opened(in, plain.Hash(), now))
		}
	}
	for i, r := range u.Replies {
		m, err := o.vault.Manifest(r)
		if err != nil {
			return err
		}
		r.Subject, r.Text, r.Files, r.Content = m.Subject, m.Text, m.Files, plain.Hash()
		u.Replies[i] = r
		u.Events = append(u.Events, unsealed(r, now))
		u.Jobs = append(u.Jobs, tell(r, now))
	}
	err = o.store.Unseal(ctx, u, plain)
	if errors.Is(err, gateway.ErrRecorded) || errors.Is(err, gateway.ErrFenced) {
		return nil // by another node
	}
	if err == nil {
		o.metrics.opened.Add(float64(len(u.Replies)))
		for _, r := range u.Replies {
			o.o.Logger.Info("seal opened", "courier", r.Courier.String(), "recipient", r.Recipient.String(), "reply", r.ID.String())
		}
	}
	return err
}

func (o *Opener) decrypt(ctx context.Context, h gateway.Hash, into io.Writer) error {
	sealed, err := o.store.OpenContent(ctx, h)
	if err != nil {
		return err
	}
	defer sealed.Close()
	plain, err := o.vault.Reader(sealed, sealed.Size())
	if err != nil {
		return err
	}
	defer plain.Close()
	_, err = io.Copy(into, plain)
	return err
}

// subject is the one of a mail that is open; none of one that cannot be read.
func subject(mail *store.Spool) string {
	m, err := message.Read(mail.ReaderAt(), mail.Size(), message.DefaultLimits())
	if err != nil {
		return ""
	}
	return m.Header().Text("Subject")
}

// unsealed is the event of the opening: from here on the answer's hash is known, and its commitment can be checked.
func unsealed(r gateway.Reply, now time.Time) gateway.Event {
	e := gateway.NewEvent(gateway.Unsealed, now, gateway.UnsealedDetails{Reply: r.ID, Content: r.Content, Files: r.Files}, nil).About(r.Courier, r.Recipient)
	e.Once = "unsealed:" + r.ID.String()
	return e
}

// opened is the event of the opening of a mail that is no answer: an absence, which was kept sealed because it could say one.
func opened(in gateway.Inbound, content gateway.Hash, now time.Time) gateway.Event {
	e := gateway.NewEvent(gateway.Unsealed, now, gateway.UnsealedDetails{Mail: in.ID, Content: content}, nil).About(in.Courier, in.Recipient)
	e.Once, e.Contents = "unsealed:"+in.ID.String(), []gateway.Hash{content}
	return e
}

// tell is the notice that brings the agent the answer.
func tell(r gateway.Reply, now time.Time) gateway.Job {
	return gateway.Job{
		ID: gateway.NewID(now), Kind: gateway.JobNotice, Courier: r.Courier, Recipient: r.Recipient, Created: now, Due: now,
		Notice: gateway.Notice{Kind: gateway.NoticeReply, Reply: r.ID, Inbound: r.Inbound},
	}
}
