// Package standstill is the procurement clock of a consultation: how long bids may still come in, and once bidders
// were rejected, from which day on the contract may be signed.
//
// It is pure. It promises that the day it gives counts from the last rejection that actually left, never from one
// that was only written, and that a rejection that did not leave or could not be delivered takes away its
// certainty. It keeps nothing: a crash leaves nothing.
package standstill

import (
	"time"

	"vaguemestre/gateway"
)

// Days lie between the date on which the last rejection was sent electronically and the date on which the contract
// is signed, at least (Code de la commande publique, art. R. 2182-1; formal procedures).
const Days = 11

// Clock is what the rejections of a consultation come to.
type Clock struct {
	Rejected int // recipients of rejections
	Sent     int // it left for them, as far as is known
	Waiting  int // it has not left yet
	Doubtful int // the connection broke: it may have left
	Failed   int // it could not be delivered
	// Last is when the last rejection left; Signing the first day, from its first instant in the consultation's zone, on which
	// the contract may be signed. Both are zero while none has left.
	Last, Signing time.Time
}

// Of counts from how many recipients of rejections are in each state and when the last of them left.
func Of(states map[gateway.State]int, last time.Time, zone *time.Location) Clock {
	var c Clock
	for state, n := range states {
		c.Rejected += n
		switch {
		case state <= gateway.StateDeferred:
			c.Waiting += n
		case state == gateway.StateUncertain:
			c.Doubtful += n
		case state == gateway.StateExpired || state == gateway.StateFailed:
			c.Failed += n
		default:
			c.Sent += n
		}
	}
	if !last.IsZero() {
		c.Last = last
		day := last.In(zone)
		c.Signing = time.Date(day.Year(), day.Month(), day.Day()+Days, 0, 0, 0, 0, zone)
	}
	return c
}

// Sure tells that every rejection left, so that the day given is the day.
func (c Clock) Sure() bool { return c.Rejected > 0 && c.Sent == c.Rejected }

// Open tells that the contract may be signed now, as far as the rejections are concerned.
func (c Clock) Open(now time.Time) bool {
	return c.Sure() && !c.Signing.IsZero() && !now.Before(c.Signing)
}

// Left is a stretch of time as people count it down; zero when it is over.
type Left struct{ Days, Hours, Minutes int }

// Until is the time left before a deadline, rounded down to the minute.
func Until(deadline, now time.Time) Left {
	d := deadline.Sub(now)
	if d <= 0 {
		return Left{}
	}
	return Left{Days: int(d / (24 * time.Hour)), Hours: int(d % (24 * time.Hour) / time.Hour), Minutes: int(d % time.Hour / time.Minute)}
}
