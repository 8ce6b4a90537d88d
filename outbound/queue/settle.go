package queue

import (
	"time"

	"vaguemestre/gateway"
)

// The outcomes of an attempt, as metrics name them.
const (
	sent      = "sent"
	deferred  = "deferred"
	uncertain = "uncertain"
	failed    = "failed"
	expired   = "expired"
	dropped   = "dropped"
	fenced    = "fenced"
	released  = "released"
)

// attempt is one delivery and what came of it.
type attempt struct {
	job     gateway.Job
	details gateway.RelayDetails
	fault   *gateway.Fault // nil: sent
	now     time.Time
}

// settle decides what becomes of the job: pure but for the identifiers of what it makes.
// Notices have no events: what they tell stands in the events that they are about.
func (a attempt) settle(lifetime time.Duration, jitter float64) (step gateway.Step, outcome string) {
	result := &gateway.JobResult{ID: a.job.ID, Attempt: a.job.Attempt}
	step.Job = result
	if a.fault == nil {
		a.record(&step, gateway.Sent)
		return step, sent
	}
	result.Fault = a.fault.Error()
	if a.fault.Class == gateway.Permanent {
		a.giveUp(&step, gateway.Failed)
		return step, failed
	}
	wait, stop := backoff(a.job.Attempt, a.now.Sub(a.job.Created), lifetime, jitter)
	if stop {
		a.giveUp(&step, gateway.Expired)
		return step, expired
	}
	result.Again = gateway.Micros(a.now.Add(wait))
	a.details.Next = result.Again
	if a.fault.Class == gateway.Unknown {
		a.record(&step, gateway.Uncertain)
		return step, uncertain
	}
	a.record(&step, gateway.Deferred)
	return step, deferred
}

// giveUp ends the job; the author of a letter is told, once, from the event.
func (a attempt) giveUp(step *gateway.Step, kind gateway.EventKind) {
	a.record(step, kind)
	if a.job.Kind != gateway.JobLetter {
		return
	}
	step.Jobs = append(step.Jobs, gateway.Job{
		ID: gateway.NewID(a.now), Kind: gateway.JobNotice, Courier: a.job.Courier, Recipient: a.job.Recipient,
		Notice:  gateway.Notice{Kind: gateway.NoticeFailed, Event: step.Events[0].ID},
		Created: gateway.Micros(a.now), Due: gateway.Micros(a.now),
	})
}

func (a attempt) envelopeID() string {
	purpose := gateway.ForLetter
	if a.job.Kind == gateway.JobReminder {
		purpose = gateway.ForReminder
	}
	return gateway.EnvelopeID(a.job.Recipient, a.job.Generation, purpose)
}

func (a attempt) record(step *gateway.Step, kind gateway.EventKind) {
	if a.job.Kind == gateway.JobNotice {
		return
	}
	e := gateway.NewEvent(kind, a.now, a.details, nil).About(a.job.Courier, a.job.Recipient)
	if a.details.Host != "" {
		e = e.By("relay:"+a.details.Host, gateway.ByRelay)
	}
	e.Generation, e.Attempt = a.job.Generation, a.job.Attempt
	if a.job.Kind == gateway.JobReminder {
		e.Purpose = gateway.ForReminder
	}
	step.Events = append(step.Events, e)
}
