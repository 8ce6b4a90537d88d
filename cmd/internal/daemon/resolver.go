package daemon

import (
	"context"
	"errors"
	"net"
	"sync"
	"time"
)

// exchangers remembers what the DNS said of domains, so that a burst of letters asks once; and for a while does not ask a
// DNS that did not answer, so that its outage delays one letter and not each. Safe for concurrent use.
type exchangers struct {
	resolver interface {
		LookupMX(context.Context, string) ([]*net.MX, error)
	}
	now func() time.Time

	mu    sync.Mutex
	known map[string]exchanger
	quiet time.Time // until when the DNS is left alone
}

type exchanger struct {
	found []*net.MX
	err   error
	until time.Time
}

const (
	exchangerLife  = 10 * time.Minute
	exchangerQuiet = time.Minute
	exchangersMost = 10_000 // domains remembered; then all are forgotten
)

var errQuiet = errors.New("the DNS did not answer a moment ago")

func newExchangers(now func() time.Time) *exchangers {
	return &exchangers{resolver: net.DefaultResolver, now: now, known: map[string]exchanger{}}
}

// LookupMX implements intake.Resolver.
func (e *exchangers) LookupMX(ctx context.Context, domain string) ([]*net.MX, error) {
	e.mu.Lock()
	x, ok := e.known[domain]
	now := e.now()
	quiet := now.Before(e.quiet)
	e.mu.Unlock()
	switch {
	case ok && now.Before(x.until):
		return x.found, x.err
	case quiet:
		return nil, errQuiet
	}
	found, err := e.resolver.LookupMX(ctx, domain)
	e.mu.Lock()
	defer e.mu.Unlock()
	if err != nil && !notThere(err) {
		e.quiet = e.now().Add(exchangerQuiet)
		return found, err
	}
	if len(e.known) >= exchangersMost {
		clear(e.known)
	}
	e.known[domain] = exchanger{found: found, err: err, until: e.now().Add(exchangerLife)}
	return found, err
}

// notThere is an answer; every other error is the want of one.
func notThere(err error) bool {
	var d *net.DNSError
	return errors.As(err, &d) && d.IsNotFound
}
