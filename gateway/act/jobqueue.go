package act

import (
	"context"
	"errors"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// ErrGoneJob tells that a job is no more.
var ErrGoneJob = errors.New("no job has this number: it was sent, given up or cancelled")

// CancelJob takes a job off the queue (see DropJob), unless a worker took it or settled it in between.
func CancelJob(ctx context.Context, s *store.Store, id gateway.ID, by By) error {
	job, err := s.JobLease(ctx, id)
	if errors.Is(err, gateway.ErrNotFound) {
		return ErrGoneJob
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
	step, err := DropJob(job.Job, job.Owner != "", r, by)
	if err != nil {
		return err
	}
	err = s.Apply(ctx, step)
	switch {
	case errors.Is(err, gateway.ErrFenced):
		return ErrInHand
	case errors.Is(err, gateway.ErrRecorded):
		return ErrTakenBack
	}
	return err
}
