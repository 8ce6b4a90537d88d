package main

import (
	"context"
	"errors"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/act"
	"vaguemestre/gateway/store"
)

type queueCancel struct {
	jobIDs
	Reason string `required:"" help:"Why: it stands in the events, in the proof, and on the page of a letter that is taken back."`
}

func (q queueCancel) Run(cmds *commands, c console, ctx context.Context) error {
	ids, err := q.read()
	if err != nil {
		return err // all or nothing
	}
	return cmds.withStore(ctx, func(s *store.Store) error {
		done := 0
		for _, id := range ids {
			err := cancelJob(ctx, s, id, act.By{Actor: administrator(), Reason: q.Reason, Now: time.Now()})
			if err != nil {
				c.warn("%s: not cancelled: %v", id, err)
				continue
			}
			done++
		}
		return c.changed(q.JSON, done, len(ids), "cancelled")
	})
}

var errGoneJob = errors.New("no job has this number: it was sent, given up or cancelled")

// cancelJob takes a job off the queue, unless a worker took it or settled it in between.
func cancelJob(ctx context.Context, s *store.Store, id gateway.ID, by act.By) error {
	job, err := s.JobLease(ctx, id)
	if errors.Is(err, gateway.ErrNotFound) {
		return errGoneJob
	}
	if err != nil {
		return err
	}
	var r gateway.Recipient
	if job.Kind != gateway.JobNotice {
		if r, err = s.Recipient(ctx, job.Recipient); err != nil {
			return err
		}
	}
	step, err := act.DropJob(job.Job, job.Owner != "", r, by)
	if err != nil {
		return err
	}
	err = s.Apply(ctx, step)
	switch {
	case errors.Is(err, gateway.ErrFenced):
		return act.ErrInHand
	case errors.Is(err, gateway.ErrRecorded):
		return act.ErrTakenBack
	}
	return err
}
