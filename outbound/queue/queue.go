package queue

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
	"vaguemestre/outbound/relay"
)

// Store is where jobs wait (gateway/store).
type Store interface {
	Lease(ctx context.Context, owner string, kinds []gateway.JobKind, n int, ttl time.Duration) ([]gateway.Job, error)
	Extend(ctx context.Context, job gateway.Job, ttl time.Duration) error
	Release(ctx context.Context, job gateway.Job) error
	Apply(ctx context.Context, step gateway.Step) error
	Watch(topic store.Topic) (woken <-chan struct{}, cancel func())
}

// Composer makes the message of a job: the same job gives the same bytes, whenever it is asked.
// ErrDropped: there is nothing to send any more. A *gateway.Fault of class Permanent: there never
// will be. Any other error: later.
type Composer interface {
	Compose(ctx context.Context, job gateway.Job) (Mail, error)
}

// ErrDropped is a job whose letter was cancelled, withdrawn, or settled by a report meanwhile; the
// events that say so are already recorded.
var ErrDropped = errors.New("nothing to send any more")

// Mail is one message ready to go.
type Mail struct {
	Envelope relay.Envelope
	Write    func(io.Writer) error // may be called twice
	Close    func()                // releases what Write reads; may be nil
}

// Deliverer hands a message to the next host (outbound/relay).
type Deliverer interface {
	Deliver(ctx context.Context, env relay.Envelope, compose func(io.Writer) error) (gateway.RelayDetails, *gateway.Fault)
	// DownUntil is when to try again while no smarthost works; zero when one may. Until then jobs
	// stay in the store as they are, instead of collecting deferrals and waiting for hours
	// after the smarthost came back.
	DownUntil() time.Time
}

// Options says how deliveries are tried. The zero value of a number means its default.
type Options struct {
	Owner    string        // of the leases: unique among the nodes
	Workers  int           // deliveries at once; 16
	Lease    time.Duration // 10 min; renewed while the delivery lasts
	Lifetime time.Duration // DefaultLifetime
	Grace    time.Duration // 20 s
	Poll     time.Duration // how often to look even when nothing woke us; 30 s

	Stats      func(context.Context) (store.QueueStats, error) // the store's own when nil
	Now        func() time.Time
	Jitter     func() float64 // in [0, 1)
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

func (o Options) withDefaults() Options {
	or := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	or(&o.Lease, 10*time.Minute)
	or(&o.Lifetime, DefaultLifetime)
	or(&o.Grace, 20*time.Second)
	or(&o.Poll, 30*time.Second)
	if o.Workers <= 0 {
		o.Workers = 16
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Jitter == nil {
		o.Jitter = rand.Float64
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Queue delivers.
type Queue struct {
	o        Options
	store    Store
	composer Composer
	relay    Deliverer
	metrics  *metrics
	flights  flights
	ready    chan gateway.Job // leased, waiting for a worker
	taken    chan struct{}    // a worker took one
	counted  time.Time        // when dispatch last counted the queue
}

// New makes a queue; nothing runs yet.
func New(o Options, s Store, c Composer, d Deliverer) *Queue {
	o = o.withDefaults()
	if counter, ok := s.(interface {
		QueueStats(context.Context) (store.QueueStats, error)
	}); ok && o.Stats == nil {
		o.Stats = counter.QueueStats
	}
	return &Queue{
		o: o, store: s, composer: c, relay: d, metrics: newMetrics(o.Registerer),
		flights: flights{byJob: map[gateway.ID]*flight{}},
		ready:   make(chan gateway.Job, o.Workers), taken: make(chan struct{}, 1),
	}
}

var (
	errStopping  = errors.New("the service is stopping")
	errTakenOver = errors.New("the lease was taken over")
)

// Run delivers until ctx ends, then lets deliveries under way finish within Options.Grace. It
// returns when everything that it started has stopped. Call it once.
func (q *Queue) Run(ctx context.Context) error {
	work, abort := context.WithCancelCause(context.WithoutCancel(ctx))
	defer abort(nil)
	aside, stopAside := context.WithCancel(work)
	var workers, helpers sync.WaitGroup
	for range q.o.Workers {
		workers.Go(func() {
			for job := range q.ready {
				q.handle(ctx, work, job)
			}
		})
	}
	helpers.Go(func() { q.renewLeases(aside) })
	helpers.Go(func() { q.measure(aside) })
	q.dispatch(ctx)
	q.giveBack(work)
	close(q.ready)
	timer := time.AfterFunc(q.o.Grace, func() { abort(errStopping) })
	workers.Wait()
	timer.Stop()
	stopAside()
	helpers.Wait()
	return nil
}

// dispatch leases jobs and hands them to the workers until ctx ends. A page of them is leased at
// a time: as many as find room, once half of the room is free.
func (q *Queue) dispatch(ctx context.Context) {
	woken, cancel := q.store.Watch(store.TopicJobs)
	defer cancel()
	trouble := 0
	for ctx.Err() == nil {
		if !q.waitForRoom(ctx) || !q.waitForRelay(ctx) {
			return
		}
		room := cap(q.ready) - len(q.ready)
		jobs, err := q.lease(ctx, room)
		if err != nil {
			trouble++
			q.metrics.storeErrors.Inc()
			if trouble == 1 && ctx.Err() == nil {
				q.o.Logger.Error("lease jobs; will try again", "error", err)
			}
			sleep(ctx, nil, min(100*time.Millisecond<<min(trouble, 10), 15*time.Second))
			continue
		}
		trouble = 0
		for _, j := range jobs {
			q.flights.add(j, q.o.Now())
			q.ready <- j // there is room: nobody else sends
		}
		switch {
		case len(jobs) == 0:
			sleep(ctx, woken, q.untilNext(ctx))
		case len(jobs) < room:
			sleep(ctx, woken, min(time.Second, q.o.Poll))
		}
	}
}

func (q *Queue) lease(ctx context.Context, n int) ([]gateway.Job, error) {
	kinds := []gateway.JobKind{gateway.JobLetter, gateway.JobReminder, gateway.JobNotice}
	return q.store.Lease(ctx, q.o.Owner, kinds, n, q.o.Lease)
}

func (q *Queue) waitForRoom(ctx context.Context) bool {
	for len(q.ready) > cap(q.ready)/2 {
		select {
		case <-q.taken:
		case <-ctx.Done():
			return false
		}
	}
	return true
}

// waitForRelay waits while no smarthost works. It looks again every second at most, since an
// administrator's clock may be set.
func (q *Queue) waitForRelay(ctx context.Context) bool {
	for ctx.Err() == nil {
		wait := q.relay.DownUntil().Sub(q.o.Now())
		if wait <= 0 {
			return true
		}
		sleep(ctx, nil, min(wait, time.Second))
	}
	return false
}

// untilNext is how long nothing is due, at most Options.Poll. Counting a long queue costs, and
// wake-ups may come in thousands: it is done once a second at most.
func (q *Queue) untilNext(ctx context.Context) time.Duration {
	if q.o.Stats == nil {
		return q.o.Poll
	}
	now := q.o.Now()
	if since := now.Sub(q.counted); since >= 0 && since < time.Second {
		return min(time.Second, q.o.Poll)
	}
	q.counted = now
	stats, err := q.o.Stats(ctx)
	if err != nil || stats.Next.IsZero() {
		return q.o.Poll
	}
	return max(min(stats.Next.Sub(q.o.Now()), q.o.Poll), 10*time.Millisecond)
}

// sleep waits for the time, the wake-up or the end, whichever is first.
func sleep(ctx context.Context, woken <-chan struct{}, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-woken:
	case <-ctx.Done():
	}
}

// giveBack returns the jobs that no worker has begun.
func (q *Queue) giveBack(ctx context.Context) {
	for {
		select {
		case job := <-q.ready:
			q.release(ctx, job)
		default:
			return
		}
	}
}

func (q *Queue) release(ctx context.Context, job gateway.Job) {
	q.flights.remove(job)
	q.metrics.attempts.WithLabelValues(string(job.Kind), released).Inc()
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer stop()
	if err := q.store.Release(ctx, job); err != nil && !errors.Is(err, gateway.ErrFenced) {
		q.o.Logger.Warn("give a job back; its lease will end by itself", "job", job.ID, "courier", job.Courier, "error", err)
	}
}
