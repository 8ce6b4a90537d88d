package queue

import (
	"context"
	"errors"
	"sync"
	"time"

	"vaguemestre/gateway"
)

// flight is a leased job in memory, waiting or under way.
type flight struct {
	job    gateway.Job
	leased time.Time
	abort  context.CancelCauseFunc // nil while it waits
	lost   bool
}

// flights is every leased job in memory: at most two for each worker.
type flights struct {
	mu    sync.Mutex
	byJob map[gateway.ID]*flight
}

func (f *flights) add(job gateway.Job, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.byJob[job.ID] = &flight{job: job, leased: now}
}

// begin tells whether the job is still ours; abort will be called when it no longer is.
func (f *flights) begin(job gateway.Job, abort context.CancelCauseFunc) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	fl := f.byJob[job.ID]
	if fl == nil || fl.lost || fl.job.Attempt != job.Attempt {
		return false
	}
	fl.abort = abort
	return true
}

// remove forgets the job, unless it was leased again meanwhile.
func (f *flights) remove(job gateway.Job) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if fl := f.byJob[job.ID]; fl != nil && fl.job.Attempt == job.Attempt {
		delete(f.byJob, job.ID)
	}
}

func (f *flights) older(than time.Time) []gateway.Job {
	f.mu.Lock()
	defer f.mu.Unlock()
	var old []gateway.Job
	for _, fl := range f.byJob {
		if fl.leased.Before(than) && !fl.lost {
			old = append(old, fl.job)
		}
	}
	return old
}

func (f *flights) renewed(job gateway.Job, now time.Time, held bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fl := f.byJob[job.ID]
	if fl == nil || fl.job.Attempt != job.Attempt {
		return
	}
	if held {
		fl.leased = now
		return
	}
	fl.lost = true
	if fl.abort != nil {
		fl.abort(errTakenOver)
	}
}

// renewLeases keeps the leases of what is in memory, each a third of the way to its end. A
// delivery whose lease is gone is broken off: if the final dot is not out yet, that
// spares the recipient a second copy.
func (q *Queue) renewLeases(ctx context.Context) {
	tick := time.NewTicker(max(q.o.Lease/6, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		for _, job := range q.flights.older(q.o.Now().Add(-q.o.Lease / 3)) {
			now := q.o.Now()
			err := q.store.Extend(ctx, job, q.o.Lease)
			if err == nil || errors.Is(err, gateway.ErrFenced) {
				q.flights.renewed(job, now, err == nil)
				continue
			}
			q.metrics.storeErrors.Inc()
		}
	}
}
