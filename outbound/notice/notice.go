package notice

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/template"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
	"vaguemestre/gateway/token"
)

// Facts are what is known of couriers (gateway/store).
type Facts interface {
	Courier(ctx context.Context, id gateway.ID) (gateway.Courier, error)
	Recipient(ctx context.Context, id gateway.ID) (gateway.Recipient, error)
	Agent(ctx context.Context, id gateway.ID) (gateway.Agent, error)
}

// Papers are what came in since (gateway/store).
type Papers interface {
	Event(ctx context.Context, id gateway.ID) (gateway.Event, error)
	Reply(ctx context.Context, id gateway.ID) (gateway.Reply, error)
	Inbound(ctx context.Context, id gateway.ID) (gateway.Inbound, error)
	OpenContent(ctx context.Context, h gateway.Hash) (store.Content, error)
}

// Rounds are what a notice of many tells (gateway/store).
type Rounds interface {
	Recipients(ctx context.Context, courier gateway.ID) ([]gateway.Recipient, error)
	NewsOf(ctx context.Context, author gateway.ID, since, until, old time.Time) ([]store.News, error)
}

// Store is all of them.
type Store interface {
	Facts
	Papers
	Rounds
}

// Options says in whose name notices go out.
type Options struct {
	Domain   string // of the gateway's addresses
	Name     string // what people call the gateway: "<company> via <Name>"
	Language string // of notices about no courier: "fr" when empty
	MaxBytes int64  // of an answer sent on to the agent; 0: no bound
}

// ErrNothing is a notice that must not be sent: what it is about is gone, or it would answer a machine.
var ErrNothing = errors.New("no notice to send")

// Mail is one notice ready to be sent, always with the null sender.
type Mail struct {
	To        string
	MessageID string
	Date      time.Time
	Write     func(io.Writer) error // the same bytes each time
	Close     func()
}

// Composer makes notices. Safe for concurrent use.
type Composer struct {
	o         Options
	store     Store
	ring      *token.Ring
	templates map[string]*template.Template // by language
}

// New makes a composer. The ring mints the thread addresses.
func New(o Options, s Store, ring *token.Ring) *Composer {
	if o.Language == "" {
		o.Language = "fr"
	}
	return &Composer{o: o, store: s, ring: ring, templates: readTemplates()}
}

// subject is what a notice is about, as far as its kind needs it.
type subject struct {
	job       gateway.Job
	courier   gateway.Courier
	recipient gateway.Recipient
	agent     gateway.Agent
	event     gateway.Event
	reply     gateway.Reply
	content   store.Content // of the reply or of the stored message
}

func (s *subject) close() {
	if s.content != nil {
		_ = s.content.Close()
	}
}

// Compose makes the notice of a job. ErrNothing: drop the job. Any other error: later.
func (c *Composer) Compose(ctx context.Context, job gateway.Job) (Mail, error) {
	s := &subject{job: job}
	mail, err := c.compose(ctx, s)
	if err != nil {
		s.close()
		if errors.Is(err, gateway.ErrNotFound) {
			err = fmt.Errorf("%w: %w", ErrNothing, err)
		}
		return Mail{}, fmt.Errorf("compose a notice (%s): %w", job.Notice.Kind, err)
	}
	mail.Close = s.close
	return mail, nil
}

func (c *Composer) compose(ctx context.Context, s *subject) (Mail, error) {
	if err := c.gather(ctx, s); err != nil {
		return Mail{}, err
	}
	if !s.agent.Notices.Wants(s.job.Notice.Kind) {
		return Mail{}, fmt.Errorf("%w: the agent does without", ErrNothing)
	}
	switch s.job.Notice.Kind {
	case gateway.NoticeDelivered:
		return c.delivered(ctx, s)
	case gateway.NoticeUnread:
		return c.unread(ctx, s)
	case gateway.NoticeDigest:
		return c.digest(ctx, s)
	case gateway.NoticeReply:
		return c.answer(ctx, s)
	case gateway.NoticeFailed:
		return c.failed(s)
	case gateway.NoticeRead:
		return c.receipt(s)
	case gateway.NoticeReceived:
		return c.received(ctx, s)
	case gateway.NoticeNoReply:
		return c.noReply(ctx, s)
	case gateway.NoticeWrong:
		return c.wrong(s)
	case gateway.NoticeInfected:
		return c.infected(s)
	case gateway.NoticeRaw:
		return c.raw(ctx, s)
	}
	return Mail{}, fmt.Errorf("%w: unknown kind", ErrNothing)
}

// gather reads what the job names.
func (c *Composer) gather(ctx context.Context, s *subject) (err error) {
	n := s.job.Notice
	if !n.Reply.IsZero() {
		if s.reply, err = c.store.Reply(ctx, n.Reply); err != nil {
			return err
		}
	}
	if !n.Event.IsZero() {
		if s.event, err = c.store.Event(ctx, n.Event); err != nil {
			return err
		}
	}
	courier := first(s.job.Courier, s.reply.Courier, s.event.Courier)
	recipient := first(s.job.Recipient, s.reply.Recipient, s.event.Recipient)
	if !courier.IsZero() {
		if s.courier, err = c.store.Courier(ctx, courier); err != nil {
			return err
		}
		if s.agent, err = c.store.Agent(ctx, s.courier.Author); err != nil && !errors.Is(err, gateway.ErrNotFound) {
			return err
		}
	}
	if !n.Agent.IsZero() {
		if s.agent, err = c.store.Agent(ctx, n.Agent); err != nil {
			return err
		}
	}
	if !recipient.IsZero() {
		s.recipient, err = c.store.Recipient(ctx, recipient)
	}
	return err
}

func first(ids ...gateway.ID) gateway.ID {
	for _, id := range ids {
		if !id.IsZero() {
			return id
		}
	}
	return gateway.ID{}
}

// open opens a content. One that is missing is an outage: the job must wait, not vanish.
func (c *Composer) open(ctx context.Context, s *subject, h gateway.Hash) error {
	content, err := c.store.OpenContent(ctx, h)
	if errors.Is(err, gateway.ErrNotFound) {
		return &gateway.Fault{Class: gateway.Temporary, Enhanced: [3]int{4, 3, 0}, Op: "open a content", Err: errors.New("content " + h.String() + " is missing")}
	}
	s.content = content
	return err
}

// toAgent is the mailbox of the author: the one that the job names, the first of the account, or
// the one that the letter was written from.
func (s *subject) toAgent() string {
	switch {
	case s.job.Notice.To != "":
		return s.job.Notice.To
	case len(s.agent.Addresses) > 0:
		return s.agent.Addresses[0]
	}
	return s.courier.AuthorAddr
}

func (s *subject) language(fallback string) string {
	if s.courier.Context.Language != "" {
		return s.courier.Context.Language
	}
	return fallback
}

// sealed tells whether the answer was still sealed when the notice was made: not now, so that
// every attempt says the same.
func (s *subject) sealed() bool {
	return s.reply.Closed() || s.reply.Sealed && s.job.Created.Before(s.reply.Unsealed)
}
