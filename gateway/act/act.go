// Package act says what people may still do about a courier that was accepted: cancel what has not left, withdraw
// what has, call again on whoever has not read, send again to whom it failed. It is pure: an act is a
// gateway.Step, or the reason why it is too late; CancelJob alone also applies it.
//
// It promises that an act is recorded once, whatever is repeated; that nothing is undone that
// happened (an act is an event beside the others); and that a second call never goes to somebody who read,
// answered, or cannot be reached. A crash leaves nothing: the step is applied whole or not at all.
package act

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"vaguemestre/gateway"
)

// Why an act is refused.
var (
	ErrGone      = errors.New("it has left already: withdraw it, if it asks for an acknowledgement")
	ErrNotSent   = errors.New("it has not left yet: cancel it")
	ErrPlain     = errors.New("its content is in the mail itself: it cannot be taken back")
	ErrRead      = errors.New("it was read or answered")
	ErrTakenBack = errors.New("it was cancelled or withdrawn")
	ErrUnreached = errors.New("it could not be delivered: send it again instead")
	ErrUnderWay  = errors.New("it is still under way")
	ErrDelivered = errors.New("the company's side confirmed it")
	ErrInHand    = errors.New("it is being sent at this instant: ask again in a moment")
	ErrTooOften  = errors.New("it was called again as often as allowed")
)

// Gateway is the actor of what nobody asked for at that moment: a reminder that the configuration calls for.
const Gateway = "gateway"

// By is who acts, why and when.
type By struct {
	Actor  string // "agent:<login>", "administrator:<user>", "gateway"
	Reason string
	Now    time.Time
}

func (b By) event(kind gateway.EventKind, r gateway.Recipient, once string) gateway.Event {
	e := gateway.NewEvent(kind, b.Now, gateway.ReasonDetails{Reason: b.Reason, Number: r.Standing.Reminders}, nil).
		About(r.Courier, r.ID).By(b.Actor, b.strength())
	e.Generation = r.Standing.Generation
	e.Once = once
	return e
}

// strength grades an act: the gateway's own, or a person's.
func (b By) strength() gateway.Strength {
	if b.Actor == Gateway {
		return gateway.ByUs
	}
	return gateway.ByAgent
}

func takenBack(s gateway.Standing) bool { return !s.Cancelled.IsZero() || !s.Withdrawn.IsZero() }

// Cancel keeps a message that has not left from leaving. An attempt under way may still be taken by the relay; the events
// then say both.
func Cancel(r gateway.Recipient, by By) (gateway.Step, error) {
	switch s := r.Standing; {
	case takenBack(s):
		return gateway.Step{}, ErrTakenBack
	case s.State >= gateway.StateUncertain:
		return gateway.Step{}, ErrGone
	}
	return gateway.Step{Events: []gateway.Event{by.event(gateway.Cancelled, r, "cancelled:"+r.ID.String())}}, nil
}

// Withdraw closes the page of a courier that asks for an acknowledgement. What was read stays read.
func Withdraw(c gateway.Courier, r gateway.Recipient, by By) (gateway.Step, error) {
	switch s := r.Standing; {
	case takenBack(s):
		return gateway.Step{}, ErrTakenBack
	case !c.Options.Acknowledged:
		return gateway.Step{}, ErrPlain
	case s.State < gateway.StateUncertain:
		return gateway.Step{}, ErrNotSent
	}
	return gateway.Step{Events: []gateway.Event{by.event(gateway.Withdrawn, r, "withdrawn:"+r.ID.String())}}, nil
}

// Remind calls again on somebody who has not read; most is how many calls there may be, 0 without limit.
func Remind(c gateway.Courier, r gateway.Recipient, most int, by By) (gateway.Step, error) {
	switch s := r.Standing; {
	case takenBack(s):
		return gateway.Step{}, ErrTakenBack
	case !c.Options.Acknowledged:
		return gateway.Step{}, ErrPlain
	case !s.Read.IsZero() || !s.Replied.IsZero():
		return gateway.Step{}, ErrRead
	case s.State == gateway.StateFailed || s.State == gateway.StateExpired:
		return gateway.Step{}, ErrUnreached
	case s.State < gateway.StateSent:
		return gateway.Step{}, ErrUnderWay
	case most > 0 && s.Reminders >= most:
		return gateway.Step{}, ErrTooOften
	}
	r.Standing.Reminders++
	e := by.event(gateway.Reminded, r, "reminded:"+r.ID.String()+":"+strconv.Itoa(r.Standing.Reminders))
	j := job(gateway.JobReminder, r, r.Standing.Generation, by.Now)
	j.Reminder = r.Standing.Reminders
	return gateway.Step{Events: []gateway.Event{e}, Jobs: []gateway.Job{j}}, nil
}

// Retry sends again to somebody whom it could not reach. It opens a generation that outranks the failure.
func Retry(r gateway.Recipient, by By) (gateway.Step, error) {
	switch s := r.Standing; {
	case takenBack(s):
		return gateway.Step{}, ErrTakenBack
	case s.State >= gateway.StateDelivered:
		return gateway.Step{}, ErrDelivered
	case s.State < gateway.StateSent:
		return gateway.Step{}, ErrUnderWay
	}
	r.Standing.Generation++
	e := by.event(gateway.Retried, r, fmt.Sprintf("retried:%s:%d", r.ID, r.Standing.Generation))
	return gateway.Step{Events: []gateway.Event{e}, Jobs: []gateway.Job{job(gateway.JobLetter, r, r.Standing.Generation, by.Now)}}, nil
}

func job(kind gateway.JobKind, r gateway.Recipient, generation int, now time.Time) gateway.Job {
	return gateway.Job{
		ID: gateway.NewID(now), Kind: kind, Courier: r.Courier, Recipient: r.ID, Generation: generation,
		Created: gateway.Micros(now), Due: gateway.Micros(now),
	}
}
