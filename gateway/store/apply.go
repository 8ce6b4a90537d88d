package store

import (
	"context"
	"fmt"

	"vaguemestre/gateway"
)

// Apply does all of a step in one transaction, or nothing: gateway.ErrRecorded when one of
// its events is known by its ID or its Once, gateway.ErrFenced when its job, its inbound mail or its
// answer is no longer the caller's to settle. Events get their time of recording here, and move on the
// standing of the recipients they concern.
func (s *Store) Apply(ctx context.Context, step gateway.Step) error {
	return s.write(ctx, "apply a step", func(t *tx) error { return t.apply(step) })
}

func (t *tx) apply(step gateway.Step) error {
	evs := make([]gateway.Event, len(step.Events))
	for i, e := range step.Events {
		e.Occurred = gateway.Micros(e.Occurred)
		evs[i] = e
	}
	// Events first: a step that was done before answers ErrRecorded, though its job is gone.
	if err := t.record(evs); err != nil {
		return err
	}
	if step.Job != nil {
		if err := t.settleJob(*step.Job); err != nil {
			return err
		}
	}
	if step.Inbound != nil {
		if err := t.settleInbound(*step.Inbound); err != nil {
			return err
		}
	}
	if step.Answer != nil {
		if err := t.closeAnswer(*step.Answer); err != nil {
			return err
		}
	}
	if err := t.advance(evs); err != nil {
		return err
	}
	if err := t.opened(evs); err != nil {
		return err
	}
	for _, r := range step.Replies {
		if err := t.insertReply(r); err != nil {
			return fmt.Errorf("store a reply: %w", err)
		}
	}
	return t.addJobs(step.Jobs)
}
