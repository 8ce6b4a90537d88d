package link

import (
	"container/list"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// remembered bounds how many networks the limiter knows at once.
const remembered = 10_000

// limiter holds each key (a network, a recipient's code) to a rate. The least recently seen keys are
// forgotten first, so that its memory is bounded whoever comes.
type limiter struct {
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

func newLimiter(r rate.Limit, burst int, now func() time.Time) *limiter {
	return &limiter{now: now, rate: r, burst: burst, order: list.New(), known: map[string]*list.Element{}}
}

func (l *limiter) allow(key string) bool {
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

// clientAddress is the visitor's address: the connection's, or what the trusted proxies
// before it say, read from the right (the left can be forged by anyone).
func clientAddress(r *http.Request, trusted []netip.Prefix) netip.Addr {
	ap, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	at := ap.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && within(at, trusted); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		at = hop.Unmap()
	}
	return at
}

func within(a netip.Addr, networks []netip.Prefix) bool {
	for _, n := range networks {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

// network is what a limit holds for: one IPv4 address, one IPv6 /64.
func network(a netip.Addr) string {
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}
