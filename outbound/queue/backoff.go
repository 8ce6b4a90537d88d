package queue

import "time"

// The intervals between attempts. The first ones are short, for the sake of greylisting, which
// asks for one to ten minutes; then they double up to the cap.
const (
	firstWait = time.Minute
	baseWait  = 90 * time.Second // doubled for each attempt from the second
	maxWait   = 4 * time.Hour
)

// DefaultLifetime is how long a message is tried (RFC 5321 §4.5.4.1: at least 4 to 5 days).
const DefaultLifetime = 5 * 24 * time.Hour

// backoff says how long to wait after the attempt of that number (from 1), for a message of that
// age; stop tells that its lifetime is over. Jitter, in [0, 1), spreads waits over ±20 %. The
// last wait ends with the lifetime, so that the last attempt is made at its very end.
func backoff(attempt int, age, lifetime time.Duration, jitter float64) (wait time.Duration, stop bool) {
	if age >= lifetime {
		return 0, true
	}
	wait = firstWait
	if attempt > 1 {
		wait = min(baseWait<<min(attempt-1, 16), maxWait)
	}
	wait = time.Duration(float64(wait) * (0.8 + 0.4*jitter))
	return min(wait, maxWait, lifetime-age), false
}
