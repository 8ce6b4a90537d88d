package notice

import (
	"context"
	"errors"
	"fmt"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/act"
	"vaguemestre/gateway/catalog"
	"vaguemestre/gateway/store"
)

// Policy is when the recipients of couriers of some types are called again.
type Policy struct {
	gateway.Reminders
	Types []gateway.TypeCode
}

// remind calls again on those whose time has come. A reminder is the step of an event that can be recorded once for its recipient and
// number: two nodes, or a crash, never call twice. Who reads in between is not called: the queue looks again before it sends.
func (s *Scheduler) remind(ctx context.Context, now time.Time) error {
	var problems []error
	for _, p := range s.o.Reminders {
		if p.AfterDays > 0 {
			problems = append(problems, s.remindBy(ctx, p, now))
		}
	}
	return errors.Join(problems...)
}

func (s *Scheduler) remindBy(ctx context.Context, p Policy, now time.Time) error {
	until := ago(now, p.AfterDays)
	f := store.UnreadFilter{
		Types: p.Types, Most: p.Most, Until: until, Limit: silencesPage,
		Since: ago(until, p.AfterDays*p.Most).Add(-forgotten), // what was sent long before reminders were wanted has none
	}
	for {
		page, err := s.store.Unread(ctx, f)
		if err != nil {
			return fmt.Errorf("look for recipients to call again: %w", err)
		}
		for _, r := range page {
			if err := s.remindOne(ctx, p, r, now); err != nil {
				return err
			}
		}
		if len(page) < silencesPage {
			return nil
		}
		f.After = page[len(page)-1]
	}
}

func (s *Scheduler) remindOne(ctx context.Context, p Policy, r gateway.Recipient, now time.Time) error {
	c, err := s.store.Courier(ctx, r.Courier)
	if err != nil {
		return fmt.Errorf("read a courier to call again: %w", err)
	}
	reason := catalog.Text(c.Context.Language, "reminder.unread", map[string]any{"Days": p.AfterDays})
	step, err := act.Remind(c, r, p.Most, act.By{Actor: act.Gateway, Reason: reason, Now: now})
	if err != nil {
		return nil // it was read, taken back or given up since it was looked for
	}
	if err := s.store.Apply(ctx, step); err != nil && !errors.Is(err, gateway.ErrRecorded) {
		return fmt.Errorf("call again: %w", err)
	}
	s.o.Logger.Info("reminder", "courier", r.Courier, "recipient", r.ID, "number", r.Standing.Reminders+1)
	return nil
}
