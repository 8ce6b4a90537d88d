package main

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"
)

const (
	huge        = 60_000_000 * 78 / 57 // 60 Mo of files as they travel in base64
	queued      = 100_000
	perCourier  = 2000 // recipients, the limit of one message by default
	settleAfter = 2 * time.Second
)

// some sends messages in plain mode over one session.
func (c client) some(ctx context.Context, n int, text string) error {
	return c.to(ctx, n, []string{company}, text)
}

// to sends messages over one session.
func (c client) to(ctx context.Context, n int, recipients []string, text string) error {
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer s.quit()
	if err := s.auth(); err != nil {
		return err
	}
	for range n {
		if err := s.send(recipients, text); err != nil {
			return err
		}
	}
	return nil
}

// raised says how far above idle the daemon's memory goes during act, and where it ends.
func (o *ours) raised(idle int64, act func() error) (peak, stays float64, err error) {
	if err := o.forgetPeak(); err != nil {
		return 0, 0, fmt.Errorf("forget the peak of memory: %w", err)
	}
	if err := act(); err != nil {
		return 0, 0, err
	}
	high, err := o.memory("VmHWM")
	if err != nil {
		return 0, 0, err
	}
	now, err := o.memory("VmRSS")
	return float64(high-idle) / 1e6, float64(now-idle) / 1e6, err
}

// warm brings a new installation to what it is in use: a first login, a first letter, a pause. idle is its memory
// before all of that: a first login takes 9 MiB for its hash, which the process may keep, and hiding them in what is called
// idle would flatter us.
func (b *bench) warm(ctx context.Context, name, smarthost string) (o *ours, idle int64, err error) {
	if o, err = b.install(ctx, filepath.Join(b.dir, name), smarthost); err != nil {
		return o, 0, err
	}
	if err := pause(ctx, settleAfter); err != nil {
		return o, 0, err
	}
	if idle, err = o.memory("VmRSS"); err != nil {
		return o, 0, err
	}
	if err := o.some(ctx, 1, b.letters[small]); err != nil {
		return o, 0, err
	}
	return o, idle, pause(ctx, settleAfter)
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// largeInMemory sends couriers with 60 Mo of files behind their link: one, then, to another daemon, two at once. What
// counts ends with the notification's delivery.
func (b *bench) largeInMemory(ctx context.Context, _ int) error {
	text := letter(huge-10_000, true)
	for _, at := range []struct {
		name string
		once int
	}{{"memory.one", 1}, {"memory.two", 2}} {
		if err := b.hugeAtOnce(ctx, at.name, at.once, text); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) hugeAtOnce(ctx context.Context, name string, n int, text string) error {
	o, idle, err := b.warm(ctx, name, b.sink.address())
	defer o.stop()
	if err != nil {
		return err
	}
	inUse, err := o.memory("VmRSS")
	if err != nil {
		return err
	}
	before := b.sink.taken.Load()
	peak, _, err := o.raised(idle, func() error {
		var wg sync.WaitGroup
		errs := make([]error, n)
		for i := range n {
			wg.Go(func() { errs[i] = o.to(ctx, 1, []string{company}, text) })
		}
		wg.Wait()
		for _, err := range errs {
			if err != nil {
				return err
			}
		}
		return b.sink.await(ctx, before+int64(n))
	})
	b.seen.add(name, peak)
	b.seen.add(name+".use", peak-float64(inUse-idle)/1e6)
	return err
}

// longQueue fills the queue of a gateway whose smarthost does not answer.
func (b *bench) longQueue(ctx context.Context, _ int) error {
	o, idle, err := b.warm(ctx, "queued", b.silent.address())
	defer o.stop()
	if err != nil {
		return err
	}
	start := time.Now()
	peak, stays, err := o.raised(idle, func() error {
		for n := range queued / perCourier {
			var recipients []string
			for i := range perCourier {
				recipients = append(recipients, fmt.Sprintf("boite-%d@entreprise-%d.test", i, n))
			}
			if err := o.to(ctx, 1, recipients, b.letters[small]); err != nil {
				return err
			}
		}
		return nil
	})
	b.seen.add("queued", peak)
	b.seen.add("queued.stays", stays)
	b.seen.add("queued.rate", perSecond(queued, time.Since(start)))
	return err
}
