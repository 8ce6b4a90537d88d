package gateway

import "time"

// State is how far a letter got with a recipient. A higher state outranks a lower one.
type State int

// The states, lowest first (DESIGN §4).
const (
	StateQueued State = iota
	StateDeferred
	StateUncertain
	StateSent
	StateHandedOver
	StateExpired
	StateFailed
	StateDelivered
	StateRead
	StateReplied
)

var stateNames = [...]string{"queued", "deferred", "uncertain", "sent", "handed-over", "expired", "failed", "delivered", "read", "replied"}

// String is the state's name in logs, metrics and the API.
func (s State) String() string {
	if s < 0 || int(s) >= len(stateNames) {
		return "unknown"
	}
	return stateNames[s]
}

// States lists every state, lowest first.
func States() []State {
	all := make([]State, len(stateNames))
	for i := range all {
		all[i] = State(i)
	}
	return all
}

// Final tells a state that no machine will change by itself.
func (s State) Final() bool { return s >= StateExpired }

// Standing is all that the events of one recipient come to.
type Standing struct {
	Generation int
	State      State
	// The first time of each fact by its Occurred; zero while it has not happened. A reply does not
	// claim a read: each fact stands alone.
	Sent, Delivered, Read, Replied       time.Time
	Failed                               time.Time // first failure, whatever came later
	Cancelled, Withdrawn, WrongRecipient time.Time // marks beside the state
	Reminders                            int
}

// stateOf says which state an event claims; ok is false for events that claim none.
func stateOf(k EventKind) (s State, ok bool) {
	switch k {
	case Submitted, Retried:
		return StateQueued, true
	case Deferred:
		return StateDeferred, true
	case Uncertain:
		return StateUncertain, true
	case Sent:
		return StateSent, true
	case HandedOver:
		return StateHandedOver, true
	case Expired:
		return StateExpired, true
	case Failed:
		return StateFailed, true
	case Delivered:
		return StateDelivered, true
	case Read:
		return StateRead, true
	case Replied:
		return StateReplied, true
	}
	return 0, false
}

// Advance is the standing after one more event. It is a join: applying the same events in
// any order, each exactly once, gives the same standing, and no event lowers it.
//
// A manual retry opens a generation that outranks the old one; but what the company
// confirmed (delivered, read, replied) stands above every generation: a late
// confirmation of an older attempt is still the company's.
func (s Standing) Advance(e Event) Standing {
	switch e.Kind {
	case Cancelled:
		if e.Purpose != ForReminder { // a reminder that does not go leaves the letter as it is
			s.Cancelled = earliest(s.Cancelled, e.Occurred)
		}
	case Withdrawn:
		s.Withdrawn = earliest(s.Withdrawn, e.Occurred)
	case WrongPerson:
		s.WrongRecipient = earliest(s.WrongRecipient, e.Occurred)
	case Reminded:
		s.Reminders++
	case Read:
		s.Read = earliest(s.Read, e.Occurred)
	case Replied:
		s.Replied = earliest(s.Replied, e.Occurred)
	}
	if e.Purpose == ForReminder && e.Kind != Read && e.Kind != Replied {
		return s
	}
	switch e.Kind {
	case Sent:
		s.Sent = earliest(s.Sent, e.Occurred)
	case Delivered:
		s.Delivered = earliest(s.Delivered, e.Occurred)
	case Failed, Expired:
		s.Failed = earliest(s.Failed, e.Occurred)
	}
	claimed, ok := stateOf(e.Kind)
	if !ok {
		return s
	}
	if outranks(e.Generation, claimed, s.Generation, s.State) {
		s.State = claimed
	}
	s.Generation = max(s.Generation, e.Generation)
	return s
}

func outranks(gen int, state State, oldGen int, old State) bool {
	if state >= StateDelivered || old >= StateDelivered {
		return state > old
	}
	if gen != oldGen {
		return gen > oldGen
	}
	return state > old
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
