package mailbox

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

// reader reads one account for as long as this node holds its lease.
type reader struct {
	service *Service
	account Account
	log     *slog.Logger
	looked  bool // the last session looked through the folder to the end
}

func newReader(s *Service, a Account) *reader {
	return &reader{service: s, account: a, log: s.o.Logger.With("mailbox", a.Name)}
}

// run connects again and again until the context ends.
func (r *reader) run(ctx context.Context) {
	failures := 0
	for ctx.Err() == nil {
		r.looked = false
		err := r.held(ctx)
		if ctx.Err() != nil {
			break
		}
		if r.looked {
			failures = 0
		}
		wait := r.service.o.LeaseTTL / 3
		if err != nil {
			r.failed(err)
			wait = backoff(r.service.o.BackoffMin, r.service.o.BackoffMax, failures)
			failures++
		}
		pause(ctx, wait)
	}
	r.service.fares(r.account.Name, "stopped", false)
}

func (r *reader) failed(err error) {
	name := stageConnect
	var s *stage
	if errors.As(err, &s) {
		name = s.name
	}
	r.service.metrics.failures.WithLabelValues(r.account.Name, name).Inc()
	r.service.fares(r.account.Name, err.Error(), false)
	r.log.Warn("mailbox not read", "err", err)
}

// backoff doubles from least to most, with half of it left to chance, so that many clients of a server that comes
// back do not come together.
func backoff(least, most time.Duration, failures int) time.Duration {
	d := least << min(failures, 20)
	if d <= 0 || d > most {
		d = most
	}
	return d/2 + rand.N(d/2+1)
}

// held runs one session under the lease; nil when another node has it.
func (r *reader) held(ctx context.Context) error {
	name := "mailbox:" + r.account.Name
	_, ok, err := r.service.store.AcquireLease(ctx, name, r.service.o.Owner, r.service.o.LeaseTTL)
	if err != nil {
		return at(stageStore, err)
	}
	if !ok {
		r.service.fares(r.account.Name, elsewhere, true)
		return nil
	}
	session, cancel := context.WithCancel(ctx)
	var renewing sync.WaitGroup
	renewing.Go(func() { defer cancel(); r.renew(session, name) })
	err = r.session(session)
	cancel()
	renewing.Wait()
	last, stop := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer stop()
	if dropped := r.service.store.DropLease(last, name, r.service.o.Owner); dropped != nil {
		r.log.Warn("lease not given back: it runs out", "err", dropped)
	}
	return err
}

// renew keeps the lease until the context ends, or returns when it is lost.
func (r *reader) renew(ctx context.Context, name string) {
	o := r.service.o
	until := o.Now().Add(o.LeaseTTL)
	for pause(ctx, o.LeaseTTL/3) {
		asked := o.Now()
		_, ok, err := r.service.store.AcquireLease(ctx, name, o.Owner, o.LeaseTTL)
		switch {
		case err == nil && ok:
			until = asked.Add(o.LeaseTTL)
		case err == nil, o.Now().After(until.Add(-o.LeaseTTL / 3)):
			if ctx.Err() == nil {
				r.log.Warn("lease lost", "err", err)
			}
			return
		}
	}
}
