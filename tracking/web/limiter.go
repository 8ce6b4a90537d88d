package web

import (
	"container/list"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// remembered bounds how many keys a limiter knows at once.
const remembered = 10_000

// Limiter holds each key (a network, a recipient's code) to a rate. The least recently seen keys are
// forgotten first, so that its memory is bounded whoever comes. It is safe for concurrent use.
type Limiter struct {
	now   func() time.Time
	rate  rate.Limit
	burst int

	mu    sync.Mutex
	order *list.List // of *bucket, most recent first
	known map[string]*list.Element
}

type bucket struct {
	key string
	*rate.Limiter
}

// NewLimiter makes a limiter of so many events a second for each key, burst of them at once.
func NewLimiter(r rate.Limit, burst int, now func() time.Time) *Limiter {
	return &Limiter{now: now, rate: r, burst: burst, order: list.New(), known: map[string]*list.Element{}}
}

// PerMinute makes a limiter of n events a minute for each key, half of them at once.
func PerMinute(n int, now func() time.Time) *Limiter {
	return NewLimiter(rate.Limit(float64(n)/60), max(n/2, 1), now)
}

// Allow takes one event of the key, or tells that it is one too many.
func (l *Limiter) Allow(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	e, ok := l.known[key]
	if !ok {
		e = l.order.PushFront(&bucket{key: key, Limiter: rate.NewLimiter(l.rate, l.burst)})
		l.known[key] = e
		if l.order.Len() > remembered {
			oldest := l.order.Remove(l.order.Back()).(*bucket)
			delete(l.known, oldest.key)
		}
	}
	l.order.MoveToFront(e)
	return e.Value.(*bucket).AllowN(l.now(), 1)
}
