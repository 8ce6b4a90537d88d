package act

import "vaguemestre/gateway"

// DropJob keeps a message that waits in the queue from being sent or sent again: a letter is cancelled, a reminder
// does not go and leaves its letter as it is, a notice, which has no events, just goes. A letter that is being tried at this instant
// (leased) keeps its job, whose outcome is still recorded; it is not tried another time.
func DropJob(j gateway.Job, leased bool, r gateway.Recipient, by By) (gateway.Step, error) {
	var step gateway.Step
	if !leased {
		step.Job = &gateway.JobResult{ID: j.ID, Attempt: j.Attempt}
	}
	switch {
	case j.Kind == gateway.JobLetter && takenBack(r.Standing):
		return step, nil
	case j.Kind == gateway.JobLetter:
		cancelled, err := Cancel(r, by)
		step.Events = cancelled.Events
		return step, err
	case leased:
		return gateway.Step{}, ErrInHand
	case j.Kind == gateway.JobReminder:
		e := by.event(gateway.Cancelled, r, "cancelled-job:"+j.ID.String())
		e.Purpose = gateway.ForReminder
		step.Events = []gateway.Event{e}
	}
	return step, nil
}
