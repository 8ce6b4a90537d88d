package queue

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
	"vaguemestre/outbound/relay"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func openStore(t testing.TB) *store.Store {
	t.Helper()
	dir := t.TempDir()
	s, err := store.Open(context.Background(), store.Options{Path: filepath.Join(dir, "db"), ContentDir: filepath.Join(dir, "contents")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// accept stores a courier for n recipients and gives their identifiers.
func accept(t testing.TB, s *store.Store, n int) []gateway.Recipient {
	t.Helper()
	now := time.Now()
	content := s.Spool()
	if _, err := fmt.Fprintf(content, "From: a@b.example\r\n\r\n%s\r\n", gateway.NewID(now)); err != nil {
		t.Fatal(err)
	}
	a := store.Acceptance{Contents: []*store.Spool{content}}
	a.Courier = gateway.Courier{ID: gateway.NewID(now), Content: content.Hash(), Accepted: now}
	for i := range n {
		r := gateway.Recipient{ID: gateway.NewID(now), Address: fmt.Sprintf("r%d@c.example", i), MessageID: fmt.Sprintf("<%s@g.example>", gateway.NewID(now))}
		a.Recipients = append(a.Recipients, r)
		a.Events = append(a.Events, gateway.NewEvent(gateway.Submitted, now, gateway.RecipientDetails{Address: r.Address}, nil).About(a.Courier.ID, r.ID))
		a.Jobs = append(a.Jobs, gateway.Job{ID: gateway.NewID(now), Kind: gateway.JobLetter, Recipient: r.ID, Courier: a.Courier.ID})
	}
	if _, _, err := s.Accept(context.Background(), a); err != nil {
		t.Fatal(err)
	}
	return a.Recipients
}

// simple composes a message that names its job's recipient.
type simple struct {
	store interface {
		Recipient(context.Context, gateway.ID) (gateway.Recipient, error)
	}
	fail func(gateway.Job) error
}

func (c simple) Compose(ctx context.Context, job gateway.Job) (Mail, error) {
	if c.fail != nil {
		if err := c.fail(job); err != nil {
			return Mail{}, err
		}
	}
	if job.Kind == gateway.JobNotice {
		return Mail{Envelope: relay.Envelope{To: "agent@b.example"}, Write: func(io.Writer) error { return nil }}, nil
	}
	r, err := c.store.Recipient(ctx, job.Recipient)
	if err != nil {
		return Mail{}, err
	}
	return Mail{
		Envelope: relay.Envelope{To: r.Address, MessageID: r.MessageID, ENVID: gateway.EnvelopeID(r.ID, job.Generation, gateway.ForLetter)},
		Write:    func(w io.Writer) error { _, err := io.WriteString(w, "letter for "+r.Address); return err },
	}, nil
}

// delivery is one message that reached the smarthost.
type delivery struct {
	envelope relay.Envelope
	bytes    string
}

// smarthost takes everything, or answers as told.
type smarthost struct {
	answer func(ctx context.Context, env relay.Envelope, nth int) *gateway.Fault // nil: taken

	mu    sync.Mutex
	down  time.Time
	tries map[string]int
	taken []delivery
}

func (h *smarthost) Deliver(ctx context.Context, env relay.Envelope, compose func(io.Writer) error) (gateway.RelayDetails, *gateway.Fault) {
	var b bytes.Buffer
	if err := compose(&b); err != nil {
		return gateway.RelayDetails{}, gateway.FaultOf(err)
	}
	h.mu.Lock()
	if h.tries == nil {
		h.tries = map[string]int{}
	}
	h.tries[env.To]++
	nth, answer := h.tries[env.To], h.answer
	h.mu.Unlock()
	d := gateway.RelayDetails{Host: "mx:25", Code: 250, MessageID: env.MessageID, ENVID: env.ENVID, SHA256: gateway.HashOf(b.Bytes())}
	if answer != nil {
		if f := answer(ctx, env, nth); f != nil {
			return d, f
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.taken = append(h.taken, delivery{env, b.String()})
	return d, nil
}

func (h *smarthost) DownUntil() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.down
}

func (h *smarthost) got() []delivery {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.taken)
}

// run starts a queue; stop ends it and waits.
func run(t testing.TB, q *Queue) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := q.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	stop = func() { cancel(); running.Wait() }
	t.Cleanup(stop)
	return stop
}

// eventually waits for a condition, looking at it again and again.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.NewTimer(time.Minute)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("never: %s", what)
		}
	}
}

func kinds(t testing.TB, s *store.Store, r gateway.Recipient) []gateway.EventKind {
	t.Helper()
	events, err := s.Events(context.Background(), mustRecipient(t, s, r.ID).Courier, r.ID)
	if err != nil {
		t.Fatal(err)
	}
	var all []gateway.EventKind
	for _, e := range events {
		all = append(all, e.Kind)
	}
	return all
}

func mustRecipient(t testing.TB, s *store.Store, id gateway.ID) gateway.Recipient {
	t.Helper()
	r, err := s.Recipient(context.Background(), id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func states(t testing.TB, s *store.Store, recipients []gateway.Recipient) map[gateway.State]int {
	t.Helper()
	all := map[gateway.State]int{}
	for _, r := range recipients {
		all[mustRecipient(t, s, r.ID).Standing.State]++
	}
	return all
}

func jobs(t testing.TB, s *store.Store) []gateway.Job {
	t.Helper()
	all, err := s.Jobs(context.Background(), store.JobFilter{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func quick() Options {
	return Options{Owner: "test", Workers: 4, Lease: time.Minute, Poll: 50 * time.Millisecond, Grace: 5 * time.Second}
}

func TestEverythingIsDeliveredOnce(t *testing.T) {
	s := openStore(t)
	before := accept(t, s, 30) // already there when the queue starts
	host := &smarthost{}
	for i := range 2 { // two nodes
		o := quick()
		o.Owner = fmt.Sprint("node", i)
		o.Poll = time.Minute // what comes later must come by wake-up
		run(t, New(o, s, simple{store: s}, host))
	}
	after := accept(t, s, 30)
	all := slices.Concat(before, after)
	eventually(t, "all sent", func() bool { return states(t, s, all)[gateway.StateSent] == 60 })
	if n := len(host.got()); n != 60 {
		t.Errorf("%d deliveries", n)
	}
	if left := jobs(t, s); len(left) > 0 {
		t.Errorf("%d jobs left", len(left))
	}
	events, err := s.Events(context.Background(), mustRecipient(t, s, all[0].ID).Courier, all[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	var d gateway.RelayDetails
	if err := json.Unmarshal(events[len(events)-1].Details, &d); err != nil || d.Host != "mx:25" || d.MessageID != all[0].MessageID || d.SHA256.IsZero() {
		t.Errorf("%+v %v", d, err)
	}
}

func TestOutcomesAreRecordedWithTheState(t *testing.T) {
	s := openStore(t)
	all := accept(t, s, 4)
	host := &smarthost{answer: func(_ context.Context, env relay.Envelope, _ int) *gateway.Fault {
		switch env.To {
		case all[0].Address:
			return &gateway.Fault{Class: gateway.Temporary, Code: 451, Op: "relay rcpt"}
		case all[1].Address:
			return &gateway.Fault{Class: gateway.Permanent, Code: 550, Op: "relay rcpt"}
		case all[2].Address:
			return &gateway.Fault{Class: gateway.Unknown, Op: "relay dot"}
		}
		return nil
	}}
	reg := prometheus.NewRegistry()
	o := quick()
	o.Registerer, o.Stats = reg, s.QueueStats
	run(t, New(o, s, simple{store: s}, host))
	want := map[gateway.State]int{gateway.StateDeferred: 1, gateway.StateFailed: 1, gateway.StateUncertain: 1, gateway.StateSent: 1}
	eventually(t, "each its state", func() bool { return maps.Equal(states(t, s, all), want) })
	eventually(t, "the notice is sent", func() bool {
		return slices.ContainsFunc(host.got(), func(d delivery) bool { return d.envelope.To == "agent@b.example" })
	})
	eventually(t, "two jobs wait", func() bool { return len(jobs(t, s)) == 2 })
	for _, j := range jobs(t, s) {
		if j.LastFault == "" || !j.Due.After(time.Now()) {
			t.Errorf("%+v", j)
		}
	}
	if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
		t.Errorf("%v %v", problems, err)
	}
}

// TestPromiseUncertain: a connection lost after the final dot is uncertain, and the retry is the
// same message.
func TestPromiseUncertain(t *testing.T) {
	s := openStore(t)
	all := accept(t, s, 1)
	host := &smarthost{}
	var first delivery
	host.answer = func(_ context.Context, env relay.Envelope, nth int) *gateway.Fault {
		if nth > 1 {
			return nil
		}
		first = delivery{env, "letter for " + env.To}
		return &gateway.Fault{Class: gateway.Unknown, Op: "relay dot"}
	}
	run(t, New(quick(), s, simple{store: s}, host))
	eventually(t, "uncertain", func() bool { return states(t, s, all)[gateway.StateUncertain] == 1 })
	if _, err := s.RetryNow(context.Background(), jobs(t, s)[0].ID); err != nil {
		t.Fatal(err)
	}
	eventually(t, "sent", func() bool { return states(t, s, all)[gateway.StateSent] == 1 })
	if got := host.got()[0]; got != first {
		t.Errorf("%+v after %+v", got, first)
	}
	if got := kinds(t, s, all[0]); !slices.Equal(got, []gateway.EventKind{gateway.Submitted, gateway.Uncertain, gateway.Sent}) {
		t.Error(got)
	}
}

func TestWhatCannotBeComposed(t *testing.T) {
	s := openStore(t)
	all := accept(t, s, 3)
	fail := func(j gateway.Job) error {
		switch j.Recipient {
		case all[0].ID:
			return ErrDropped
		case all[1].ID:
			return gateway.Refuse(554, [3]int{5, 6, 0}, "refuse.x", nil)
		case all[2].ID:
			return errors.New("content is missing")
		}
		return nil
	}
	run(t, New(quick(), s, simple{store: s, fail: fail}, &smarthost{}))
	want := map[gateway.State]int{gateway.StateQueued: 1, gateway.StateFailed: 1, gateway.StateDeferred: 1}
	eventually(t, "each its state", func() bool { return maps.Equal(states(t, s, all), want) && len(jobs(t, s)) == 1 })
	if got := kinds(t, s, all[0]); len(got) != 1 {
		t.Errorf("a dropped job added %v", got)
	}
}

// flaky is a store that does not answer at times.
type flaky struct {
	*store.Store
	down  atomic.Bool
	times atomic.Int32
	fence atomic.Bool
	kept  atomic.Int32 // leases that were renewed
}

var errDown = errors.New("the store is down")

func (f *flaky) check() error {
	if f.down.Load() {
		f.times.Add(1)
		return errDown
	}
	return nil
}

func (f *flaky) Lease(ctx context.Context, owner string, kinds []gateway.JobKind, n int, ttl time.Duration) ([]gateway.Job, error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	return f.Store.Lease(ctx, owner, kinds, n, ttl)
}

func (f *flaky) Apply(ctx context.Context, step gateway.Step) error {
	if err := f.check(); err != nil {
		return err
	}
	return f.Store.Apply(ctx, step)
}

func (f *flaky) Extend(ctx context.Context, j gateway.Job, ttl time.Duration) error {
	if f.fence.Load() {
		return gateway.ErrFenced
	}
	f.kept.Add(1)
	return f.Store.Extend(ctx, j, ttl)
}

func TestAnOutageOfTheStoreLosesNothing(t *testing.T) {
	s := &flaky{Store: openStore(t)}
	all := accept(t, s.Store, 20)
	host := &smarthost{}
	host.answer = func(context.Context, relay.Envelope, int) *gateway.Fault {
		s.down.Store(true) // it goes down while deliveries are under way
		return nil
	}
	run(t, New(quick(), s, simple{store: s.Store}, host))
	eventually(t, "it was asked in vain", func() bool { return s.times.Load() > 5 })
	host.mu.Lock()
	host.answer = nil
	host.mu.Unlock()
	s.down.Store(false)
	eventually(t, "all sent", func() bool { return states(t, s.Store, all)[gateway.StateSent] == 20 })
	if n := len(host.got()); n != 20 {
		t.Errorf("%d deliveries of 20", n)
	}
}

func TestWhileNoSmarthostWorksJobsStayAsTheyAre(t *testing.T) {
	s := openStore(t)
	host := &smarthost{down: time.Now().Add(time.Hour)}
	all := accept(t, s, 10)
	run(t, New(quick(), s, simple{store: s}, host))
	if attempts := jobs(t, s)[0].Attempt; attempts != 0 {
		t.Errorf("%d attempts", attempts)
	}
	host.mu.Lock()
	host.down = time.Time{}
	host.mu.Unlock()
	eventually(t, "all sent", func() bool { return states(t, s, all)[gateway.StateSent] == 10 })
	if got := kinds(t, s, all[0]); !slices.Equal(got, []gateway.EventKind{gateway.Submitted, gateway.Sent}) {
		t.Error(got)
	}
}

func TestLeasesAreRenewedDuringLongDeliveries(t *testing.T) {
	s := &flaky{Store: openStore(t)}
	all := accept(t, s.Store, 1)
	release := make(chan struct{})
	host := &smarthost{answer: func(context.Context, relay.Envelope, int) *gateway.Fault { <-release; return nil }}
	o := quick()
	o.Lease = 4 * time.Second // two thirds of which a loaded machine may be late
	for range 2 {             // the other node would take it over
		run(t, New(o, s, simple{store: s.Store}, host))
	}
	// Each renewal comes a third of a lease after the one before.
	eventually(t, "the lease would have ended", func() bool { return s.kept.Load() >= 4 })
	close(release)
	eventually(t, "sent", func() bool { return states(t, s.Store, all)[gateway.StateSent] == 1 })
	if len(host.got()) != 1 {
		t.Errorf("%d deliveries", len(host.got()))
	}
}

func TestADeliveryWhoseLeaseIsLostIsBrokenOff(t *testing.T) {
	s := &flaky{Store: openStore(t)}
	all := accept(t, s.Store, 1)
	broken := make(chan error, 1)
	host := &smarthost{answer: func(ctx context.Context, _ relay.Envelope, _ int) *gateway.Fault {
		s.fence.Store(true)
		<-ctx.Done()
		broken <- context.Cause(ctx)
		return &gateway.Fault{Class: gateway.Temporary, Op: "relay rcpt", Err: context.Cause(ctx)}
	}}
	o := quick()
	o.Lease = 100 * time.Millisecond
	o.Workers = 1
	stop := run(t, New(o, s, simple{store: s.Store}, host))
	if cause := <-broken; !errors.Is(cause, errTakenOver) {
		t.Error(cause)
	}
	s.fence.Store(false)
	stop()
	if got := kinds(t, s.Store, all[0]); len(got) != 1 {
		t.Errorf("an outcome that is not ours was recorded: %v", got)
	}
}

func TestAFencedOutcomeIsDropped(t *testing.T) {
	s := openStore(t)
	all := accept(t, s, 1)
	host := &smarthost{}
	host.answer = func(context.Context, relay.Envelope, int) *gateway.Fault {
		// Meanwhile the lease ended and another node finished the job.
		j := jobs(t, s)[0]
		if err := s.Apply(context.Background(), gateway.Step{Job: &gateway.JobResult{ID: j.ID, Attempt: j.Attempt}}); err != nil {
			t.Error(err)
		}
		return &gateway.Fault{Class: gateway.Permanent, Op: "relay rcpt"}
	}
	reg := prometheus.NewRegistry()
	o := quick()
	o.Registerer = reg
	q := New(o, s, simple{store: s}, host)
	run(t, q)
	eventually(t, "counted as fenced", func() bool {
		return testutil.ToFloat64(q.metrics.attempts.WithLabelValues("letter", fenced)) == 1
	})
	if got := kinds(t, s, all[0]); len(got) != 1 {
		t.Errorf("recorded: %v", got)
	}
}

func TestStoppingLetsDeliveriesFinish(t *testing.T) {
	s := openStore(t)
	all := accept(t, s, 20)
	begun, release := make(chan struct{}, 20), make(chan struct{})
	host := &smarthost{answer: func(context.Context, relay.Envelope, int) *gateway.Fault {
		begun <- struct{}{}
		<-release
		return nil
	}}
	stop := run(t, New(quick(), s, simple{store: s}, host))
	for range 4 {
		<-begun
	}
	stopped := make(chan struct{})
	go func() { stop(); close(stopped) }()
	close(release)
	<-stopped
	n := len(host.got())
	if got := states(t, s, all); got[gateway.StateSent] != n || got[gateway.StateQueued] != 20-n || n < 4 {
		t.Errorf("%d taken, %v", n, got)
	}
	leased, err := s.Lease(context.Background(), "after", []gateway.JobKind{gateway.JobLetter}, 100, time.Minute)
	if err != nil || len(leased) != 20-n {
		t.Errorf("%d of %d jobs can be leased at once (%v)", len(leased), 20-n, err)
	}
}

func TestStoppingGivesUpWhatDoesNotEnd(t *testing.T) {
	s := openStore(t)
	all := accept(t, s, 2)
	begun := make(chan struct{}, 2)
	host := &smarthost{answer: func(ctx context.Context, env relay.Envelope, _ int) *gateway.Fault {
		begun <- struct{}{}
		<-ctx.Done()
		class := gateway.Temporary
		if env.To == all[1].Address {
			class = gateway.Unknown // its final dot was out
		}
		return &gateway.Fault{Class: class, Op: "relay", Err: context.Cause(ctx)}
	}}
	o := quick()
	o.Grace = 20 * time.Millisecond
	stop := run(t, New(o, s, simple{store: s}, host))
	<-begun
	<-begun
	stop()
	if got := states(t, s, all); got[gateway.StateQueued] != 1 || got[gateway.StateUncertain] != 1 {
		t.Errorf("%v", got)
	}
	leased, err := s.Lease(context.Background(), "after", []gateway.JobKind{gateway.JobLetter}, 100, time.Minute)
	if err != nil || len(leased) != 1 || leased[0].Recipient != all[0].ID {
		t.Errorf("%+v %v", leased, err)
	}
}

// After kill -9 between the smarthost's 250 and the record of it, the retry is the same message.
func TestPromiseOnceAfterACrash(t *testing.T) {
	s := &flaky{Store: openStore(t)}
	all := accept(t, s.Store, 1)
	host := &smarthost{}
	host.answer = func(context.Context, relay.Envelope, int) *gateway.Fault { s.down.Store(true); return nil }
	o := quick()
	o.Lease, o.Grace = 200*time.Millisecond, time.Millisecond
	stop := run(t, New(o, s, simple{store: s.Store}, host))
	eventually(t, "taken", func() bool { return len(host.got()) == 1 })
	stop() // nothing can be recorded any more: as if killed
	s.down.Store(false)
	if got := kinds(t, s.Store, all[0]); len(got) != 1 {
		t.Fatalf("recorded: %v", got)
	}
	host.mu.Lock()
	host.answer = nil
	host.mu.Unlock()
	o.Stats = s.QueueStats
	run(t, New(o, s, simple{store: s.Store}, host))
	eventually(t, "sent", func() bool { return states(t, s.Store, all)[gateway.StateSent] == 1 })
	got := host.got()
	if len(got) != 2 || got[0] != got[1] {
		t.Errorf("%+v", got)
	}
	events, err := s.Events(context.Background(), mustRecipient(t, s.Store, all[0].ID).Courier, all[0].ID)
	if err != nil || events[len(events)-1].Attempt < 2 {
		t.Errorf("the record does not show that an attempt came before: %+v %v", events, err)
	}
}

// endless is a store with more jobs than memory should hold.
type endless struct {
	left, out, most atomic.Int64
}

func (e *endless) Lease(_ context.Context, _ string, _ []gateway.JobKind, n int, _ time.Duration) ([]gateway.Job, error) {
	n = int(min(int64(n), e.left.Load()))
	e.left.Add(-int64(n))
	e.most.Store(max(e.most.Load(), e.out.Add(int64(n))))
	leased := make([]gateway.Job, n)
	for i := range leased {
		leased[i] = gateway.Job{ID: gateway.NewID(time.Now()), Kind: gateway.JobNotice, Attempt: 1, Created: time.Now()}
	}
	return leased, nil
}

func (e *endless) Apply(context.Context, gateway.Step) error                { e.out.Add(-1); return nil }
func (e *endless) Extend(context.Context, gateway.Job, time.Duration) error { return nil }
func (e *endless) Release(context.Context, gateway.Job) error               { return nil }
func (e *endless) Watch(store.Topic) (<-chan struct{}, func())              { return nil, func() {} }
func (e *endless) Recipient(context.Context, gateway.ID) (r gateway.Recipient, _ error) {
	return r, nil
}

// TestPromiseBoundedQueue: memory does not grow with the length of the queue.
func TestPromiseBoundedQueue(t *testing.T) {
	e := &endless{}
	e.left.Store(100_000)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	run(t, New(quick(), e, simple{store: e}, takeAll{}))
	eventually(t, "all done", func() bool { return e.left.Load() == 0 && e.out.Load() == 0 })
	runtime.GC()
	runtime.ReadMemStats(&after)
	if most := e.most.Load(); most > 2*4 {
		t.Errorf("%d jobs in memory at once, with 4 workers", most)
	}
	if after.HeapAlloc > before.HeapAlloc+4<<20 {
		t.Errorf("the heap grew by %d octets", after.HeapAlloc-before.HeapAlloc)
	}
}

type takeAll struct{}

func (takeAll) Deliver(context.Context, relay.Envelope, func(io.Writer) error) (gateway.RelayDetails, *gateway.Fault) {
	return gateway.RelayDetails{}, nil
}

func (takeAll) DownUntil() time.Time { return time.Time{} }

// BenchmarkQueue is what the queue and the embedded store cost for each letter: leasing it, and
// recording that it was sent.
func BenchmarkQueue(b *testing.B) {
	s := openStore(b)
	var all []gateway.Recipient
	for n := 0; n < b.N; n += 500 {
		all = append(all, accept(b, s, min(500, b.N-n))...)
	}
	o := quick()
	o.Workers = 16
	b.ResetTimer()
	run(b, New(o, s, simple{store: s}, takeAll{}))
	eventually(b, "all sent", func() bool {
		stats, err := s.QueueStats(context.Background())
		return err == nil && stats.Waiting[gateway.JobLetter] == 0
	})
	b.ReportMetric(float64(len(all))/b.Elapsed().Seconds(), "letters/s")
}
