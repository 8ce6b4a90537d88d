package queue

import (
	"context"
	"errors"
	"strconv"
	"time"

	"vaguemestre/gateway"
)

// settleTimeout bounds one try to record an outcome.
const settleTimeout = 10 * time.Second

// handle composes, delivers and settles one job. Stopping is the context of the whole queue,
// whose end keeps new deliveries from beginning; work is that of deliveries, which ends later.
func (q *Queue) handle(stopping, work context.Context, job gateway.Job) {
	select {
	case q.taken <- struct{}{}:
	default:
	}
	if stopping.Err() != nil {
		q.release(work, job)
		return
	}
	ctx, abort := context.WithCancelCause(work)
	defer abort(nil)
	if !q.flights.begin(job, abort) {
		q.lost(job)
		return
	}
	defer q.flights.remove(job)
	if job.Interrupted && !q.admit(ctx, job) {
		return // the lease ends by itself, and the job stays interrupted
	}
	q.metrics.inFlight.Inc()
	defer q.metrics.inFlight.Dec()
	begun := q.o.Now()
	a, err := q.deliver(ctx, job)
	switch {
	case errors.Is(err, ErrDropped):
		q.apply(work, job, gateway.Step{Job: &gateway.JobResult{ID: job.ID, Attempt: job.Attempt}}, dropped, begun)
		return
	case a.fault != nil && a.fault.Class != gateway.Unknown && errors.Is(context.Cause(ctx), errStopping):
		q.release(work, job) // nothing was sent: it goes back as it was
		return
	case a.fault != nil && a.fault.Class != gateway.Unknown && errors.Is(context.Cause(ctx), errTakenOver):
		q.lost(job)
		return
	}
	step, outcome := a.settle(q.o.Lifetime, q.o.Jitter())
	q.say(a, outcome)
	q.apply(work, job, step, outcome, begun)
}

// admit records that an attempt before this one ended without a word: its message may have
// arrived (promise 3). Nothing is sent again before that is durable.
func (q *Queue) admit(ctx context.Context, job gateway.Job) bool {
	a := attempt{job: job, now: q.o.Now()}
	a.job.Attempt--
	a.details = gateway.RelayDetails{Stage: "interrupted", Cause: "the gateway stopped during this attempt", ENVID: a.envelopeID()}
	var step gateway.Step
	a.record(&step, gateway.Uncertain)
	if len(step.Events) == 0 {
		return true
	}
	step.Events[0].Once = "interrupted:" + job.ID.String() + ":" + strconv.Itoa(a.job.Attempt)
	err := q.applyOnce(ctx, step)
	if err != nil && !errors.Is(err, gateway.ErrRecorded) {
		q.metrics.storeErrors.Inc()
		q.o.Logger.Error("record an interrupted attempt; will try again", "job", job.ID, "courier", job.Courier, "recipient", job.Recipient, "error", err)
		return false
	}
	return true
}

// deliver composes and relays. The error is ErrDropped or nil.
func (q *Queue) deliver(ctx context.Context, job gateway.Job) (attempt, error) {
	a := attempt{job: job}
	mail, err := q.composer.Compose(ctx, job)
	if errors.Is(err, ErrDropped) {
		return a, ErrDropped
	}
	if err != nil {
		a.fault, a.now = composeFault(err), q.o.Now()
		a.details.Stage, a.details.Cause = "compose", a.fault.Error()
		return a, nil
	}
	if mail.Close != nil {
		defer mail.Close()
	}
	a.details, a.fault = q.relay.Deliver(ctx, mail.Envelope, mail.Write)
	a.now = q.o.Now()
	return a, nil
}

// composeFault keeps a fault, and makes anything else temporary: a store that does not answer, a
// content that is missing. A letter must not be given up for these before its lifetime ends.
func composeFault(err error) *gateway.Fault {
	var f *gateway.Fault
	if errors.As(err, &f) {
		return f
	}
	return &gateway.Fault{Class: gateway.Temporary, Enhanced: [3]int{4, 3, 0}, Op: "compose", Err: err}
}

// apply records an outcome. What was delivered must be recorded: while the store does not
// answer it is tried again, until the queue stops.
func (q *Queue) apply(ctx context.Context, job gateway.Job, step gateway.Step, outcome string, begun time.Time) {
	for n := 1; ; n++ {
		err := q.applyOnce(ctx, step)
		switch {
		case err == nil:
			q.metrics.settled(job, outcome, q.o.Now(), begun)
			return
		case errors.Is(err, gateway.ErrFenced), errors.Is(err, gateway.ErrRecorded):
			q.lost(job)
			return
		}
		q.metrics.storeErrors.Inc()
		if n == 1 {
			q.o.Logger.Error("record an outcome; will try again", "job", job.ID, "courier", job.Courier, "recipient", job.Recipient, "outcome", outcome, "error", err)
		}
		sleep(ctx, nil, min(50*time.Millisecond<<min(n, 8), 10*time.Second))
		if ctx.Err() != nil {
			q.o.Logger.Error("an outcome is not recorded: the job will be tried again", "job", job.ID, "courier", job.Courier, "recipient", job.Recipient, "outcome", outcome)
			return
		}
	}
}

func (q *Queue) applyOnce(ctx context.Context, step gateway.Step) error {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer stop()
	return q.store.Apply(ctx, step)
}

// lost is a job that another worker holds now: its outcome is the one that counts.
func (q *Queue) lost(job gateway.Job) {
	q.flights.remove(job)
	q.metrics.attempts.WithLabelValues(string(job.Kind), fenced).Inc()
	q.o.Logger.Warn("a lease was taken over; this outcome is dropped", "job", job.ID, "courier", job.Courier, "recipient", job.Recipient, "attempt", job.Attempt)
}

func (q *Queue) say(a attempt, outcome string) {
	args := []any{
		"outcome", outcome, "kind", string(a.job.Kind), "courier", a.job.Courier, "recipient", a.job.Recipient,
		"attempt", a.job.Attempt, "smarthost", a.details.Host,
	}
	if a.fault == nil {
		q.o.Logger.Info("delivery", args...)
		return
	}
	args = append(args, "stage", a.details.Stage, "fault", a.fault.Error())
	if !a.details.Next.IsZero() {
		args = append(args, "next", a.details.Next)
	}
	q.o.Logger.Warn("delivery", args...)
}
