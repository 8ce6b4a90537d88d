package notice

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// Schedule says when notices go out that no event calls for.
type Schedule struct {
	Owner      string        // of the lease, unique among the processes that live
	Every      time.Duration // between rounds: 10 min
	UnreadDays int           // for agents who chose no number; 0: they are not told
	DigestHour int           // of the day, in the zone
	Reminders  []Policy      // a type of couriers that none names has no reminders
	Zone       *time.Location
	Now        func() time.Time
	Logger     *slog.Logger
}

// Calendar is what the scheduler uses of gateway/store.
type Calendar interface {
	turns
	letters
	Agents(ctx context.Context) ([]gateway.Agent, error)
	Apply(ctx context.Context, step gateway.Step) error
}

type turns interface {
	AcquireLease(ctx context.Context, name, owner string, ttl time.Duration) (epoch int64, ok bool, err error)
	DropLease(ctx context.Context, name, owner string) error
}

type letters interface {
	Courier(ctx context.Context, id gateway.ID) (gateway.Courier, error)
	Unread(ctx context.Context, f store.UnreadFilter) ([]gateway.Recipient, error)
	Silences(ctx context.Context, since, until time.Time, once string, n int) ([]store.Silence, error)
}

// Scheduler makes the notices of letters that nobody read, the daily digests, and the reminders to recipients. One node works at a time, by lease; each
// notice is made in the step of an event that can be recorded once, so that two nodes, or a crash, never tell twice.
type Scheduler struct {
	o     Schedule
	store Calendar
}

// NewScheduler makes one; Run sets it to work.
func NewScheduler(o Schedule, s Calendar) *Scheduler {
	if o.Every <= 0 {
		o.Every = 10 * time.Minute
	}
	return &Scheduler{o: o, store: s}
}

const (
	leaseName    = "notices"
	onceUnread   = "unread:"
	onceDigest   = "digest:"
	silencesPage = 500
	// forgotten is for how long after its time a letter may still be told of as unread: an installation that
	// turns the notices on is not flooded with its past.
	forgotten = 30 * 24 * time.Hour
)

// Run goes round until ctx ends. What a round could not do is done by the next one.
func (s *Scheduler) Run(ctx context.Context) error {
	tick := time.NewTicker(s.o.Every)
	defer tick.Stop()
	for {
		if err := s.turn(ctx); err != nil && ctx.Err() == nil {
			s.o.Logger.Warn("make the notices of the hour; will try again", "cause", err)
		}
		select {
		case <-ctx.Done():
			return s.store.DropLease(context.WithoutCancel(ctx), leaseName, s.o.Owner)
		case <-tick.C:
		}
	}
}

func (s *Scheduler) turn(ctx context.Context) error {
	_, ours, err := s.store.AcquireLease(ctx, leaseName, s.o.Owner, 2*s.o.Every)
	if err != nil || !ours {
		return err
	}
	return s.Round(ctx)
}

// Round makes what is due now. Repeating it makes nothing twice.
func (s *Scheduler) Round(ctx context.Context) error {
	all, err := s.store.Agents(ctx)
	if err != nil {
		return fmt.Errorf("list agents: %w", err)
	}
	now := gateway.Micros(s.o.Now())
	agents := make(map[gateway.ID]gateway.Agent, len(all))
	for _, a := range all {
		if !a.Disabled {
			agents[a.ID] = a
		}
	}
	return errors.Join(s.unread(ctx, agents, now), s.digests(ctx, agents, now), s.remind(ctx, now))
}

// days after which an agent is told of an unread letter; 0: never.
func (s *Scheduler) days(a gateway.Agent) int {
	switch {
	case !a.Notices.Wants(gateway.NoticeUnread):
		return 0
	case a.Notices.UnreadDays > 0:
		return a.Notices.UnreadDays
	}
	return s.o.UnreadDays
}

func ago(now time.Time, days int) time.Time { return now.Add(-time.Duration(days) * 24 * time.Hour) }

func (s *Scheduler) unread(ctx context.Context, agents map[gateway.ID]gateway.Agent, now time.Time) error {
	shortest, longest := 0, 0
	for _, a := range agents {
		if d := s.days(a); d > 0 {
			longest = max(longest, d)
			if shortest == 0 || d < shortest {
				shortest = d
			}
		}
	}
	if shortest == 0 {
		return nil
	}
	since := ago(now, longest).Add(-forgotten)
	for {
		page, err := s.store.Silences(ctx, since, ago(now, shortest), onceUnread, silencesPage)
		if err != nil {
			return fmt.Errorf("look for unread letters: %w", err)
		}
		for _, silence := range page {
			if err := s.tellUnread(ctx, agents[silence.Author], silence, now); err != nil {
				return err
			}
			since = silence.Sent.Add(time.Microsecond)
		}
		if len(page) < silencesPage {
			return nil
		}
	}
}

func (s *Scheduler) tellUnread(ctx context.Context, a gateway.Agent, silence store.Silence, now time.Time) error {
	d := s.days(a)
	if a.ID.IsZero() || d == 0 || silence.Sent.After(ago(now, d)) || silence.Sent.Before(ago(now, d).Add(-forgotten)) {
		return nil
	}
	e := gateway.NewEvent(gateway.Notified, now, gateway.NotifiedDetails{Notice: gateway.NoticeUnread, Days: d}, nil).About(silence.Courier, gateway.ID{})
	e.Once = onceUnread + silence.Courier.String()
	return s.apply(ctx, e, gateway.Job{Courier: silence.Courier, Notice: gateway.Notice{Kind: gateway.NoticeUnread, Since: silence.Sent}})
}

// digests tells, from the hour on, of the day that ended at it. A day on which no node worked has no digest.
func (s *Scheduler) digests(ctx context.Context, agents map[gateway.ID]gateway.Agent, now time.Time) error {
	y, m, d := now.In(s.o.Zone).Date()
	until := time.Date(y, m, d, s.o.DigestHour, 0, 0, 0, s.o.Zone)
	if now.Before(until) {
		return nil
	}
	since := time.Date(y, m, d-1, s.o.DigestHour, 0, 0, 0, s.o.Zone)
	for _, a := range agents {
		if !a.Notices.Wants(gateway.NoticeDigest) || len(a.Addresses) == 0 {
			continue
		}
		e := gateway.NewEvent(gateway.Notified, now, gateway.NotifiedDetails{Notice: gateway.NoticeDigest, Agent: a.ID}, nil)
		e.Once = onceDigest + a.ID.String() + ":" + until.Format("2006-01-02")
		job := gateway.Job{Notice: gateway.Notice{Kind: gateway.NoticeDigest, To: a.Addresses[0], Agent: a.ID, Since: since.UTC(), Until: until.UTC()}}
		if err := s.apply(ctx, e, job); err != nil {
			return err
		}
	}
	return nil
}

// apply makes a notice in the step of the event that keeps it from being made again.
func (s *Scheduler) apply(ctx context.Context, e gateway.Event, job gateway.Job) error {
	job.ID, job.Kind, job.Created, job.Due = gateway.NewID(e.Occurred), gateway.JobNotice, e.Occurred, e.Occurred
	err := s.store.Apply(ctx, gateway.Step{Events: []gateway.Event{e}, Jobs: []gateway.Job{job}})
	if errors.Is(err, gateway.ErrRecorded) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("make a notice: %w", err)
	}
	return nil
}
