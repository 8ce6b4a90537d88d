package ledger

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
	"golang.org/x/sync/errgroup"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// Store is what the ledger needs of gateway/store.
type Store interface {
	sequences
	reads
	stamps
}

type (
	sequences interface {
		AcquireLease(ctx context.Context, name, owner string, ttl time.Duration) (epoch int64, ok bool, err error)
		DropLease(ctx context.Context, name, owner string) error
		Unsequenced(ctx context.Context, n int) ([]gateway.Event, error)
		AppendLedger(ctx context.Context, epoch int64, b store.LedgerBatch) error
		Watch(topic store.Topic) (woken <-chan struct{}, cancel func())
	}
	reads interface {
		hashes
		LastCheckpoint(ctx context.Context) (store.Checkpoint, error)
		Checkpoints(ctx context.Context, after int64, n int) ([]store.Checkpoint, error)
		EventsFrom(ctx context.Context, position int64, n int) ([]gateway.Event, error)
		Event(ctx context.Context, id gateway.ID) (gateway.Event, error)
	}
	stamps interface {
		StampCheckpoint(ctx context.Context, size int64, stamp []byte) error
		LedgerLag(ctx context.Context) (waiting int64, since time.Time, err error)
	}
)

// Options says how a ledger is kept. Key and Owner are required.
type Options struct {
	Key     *Key
	OldKeys []string // public keys that signed earlier checkpoints
	Owner   string   // of the lease: unique among the processes that live

	Authority  Authority     // nil: checkpoints are not time-stamped
	StampEvery time.Duration // between two stamps, unless a proof asks for one; 0: an hour

	Batch    int           // events at once, at most; 0: 1,000
	Interval time.Duration // between two batches that are not full, at least; 0: 1 s
	LeaseTTL time.Duration // 0: 15 s; renewed at a third of it

	Now        func() time.Time      // nil: time.Now
	Logger     *slog.Logger          // nil: silent
	Registerer prometheus.Registerer // nil: unregistered
}

func (o Options) withDefaults() Options {
	if o.StampEvery <= 0 {
		o.StampEvery = time.Hour
	}
	if o.Batch <= 0 {
		o.Batch = 1000
	}
	if o.Interval <= 0 {
		o.Interval = time.Second
	}
	if o.LeaseTTL <= 0 {
		o.LeaseTTL = 15 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Ledger is the log of one installation, as one process sees it.
type Ledger struct {
	o       Options
	store   Store
	known   note.Verifiers
	metrics *metrics

	mu    sync.Mutex // held while a batch is made
	epoch int64      // of the lease under which tree is right; 0: to be loaded
	tree  *tree
}

// ErrElsewhere: another process holds the sequencer's lease.
var ErrElsewhere = errors.New("the ledger is sequenced by another process")

// New makes a ledger; nothing runs yet.
func New(o Options, s Store) (*Ledger, error) {
	o = o.withDefaults()
	known, err := Verifiers(append([]string{o.Key.Public()}, o.OldKeys...)...)
	if err != nil {
		return nil, err
	}
	l := &Ledger{o: o, store: s, known: known}
	l.metrics = newMetrics(o.Registerer, o.Now)
	return l, nil
}

// Key is the public key to give to whoever will check proofs.
func (l *Ledger) Key() string { return l.o.Key.Public() }

// Authority is who time-stamps; nil: nobody.
func (l *Ledger) Authority() Authority { return l.o.Authority }

// Run sequences until the context ends, whenever this process holds the lease, and then gives
// the lease back. What fails is logged, counted and tried again.
func (l *Ledger) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return l.sequence(ctx) })
	if l.o.Authority != nil {
		g.Go(func() error { return l.stampNow(ctx) })
	}
	err := g.Wait()
	l.drop()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

func (l *Ledger) drop() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.epoch = 0
	if err := l.store.DropLease(ctx, store.LeaseLedger, l.o.Owner); err != nil {
		l.o.Logger.Warn("give the ledger's lease back", "error", err)
	}
}

func (l *Ledger) sequence(ctx context.Context) error {
	woken, cancel := l.store.Watch(store.TopicEvents)
	defer cancel()
	pause := time.NewTimer(0)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-pause.C: // at least one Interval after the last batch
		}
		full, err := l.Sequence(ctx)
		l.observe(ctx, err)
		if full {
			pause.Reset(0)
			continue
		}
		// Wait for something to do, or for the time to renew the lease; then let a batch gather.
		idle := time.NewTimer(l.o.LeaseTTL / 3)
		select {
		case <-ctx.Done():
		case <-woken:
		case <-idle.C:
		}
		idle.Stop()
		pause.Reset(l.o.Interval)
	}
}

// observe counts how a batch went, and says once per turn what keeps events waiting.
func (l *Ledger) observe(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	switch {
	case errors.Is(err, ErrElsewhere), err == nil:
		l.metrics.broken.Set(0)
	default:
		l.metrics.failures.Inc()
		if errors.Is(err, errBroken) {
			l.metrics.broken.Set(1)
		}
		l.o.Logger.Error("sequence events", "error", err)
	}
	waiting, since, err := l.store.LedgerLag(ctx)
	if err != nil {
		return // the same outage as above
	}
	l.metrics.lag(waiting, since)
	if last, err := l.store.LastCheckpoint(ctx); err == nil {
		l.metrics.checkpoint(last)
	}
}

// Sequence makes one batch, if events wait and no other process holds the lease (ErrElsewhere). full
// tells that more may wait. Several goroutines may call it.
func (l *Ledger) Sequence(ctx context.Context) (full bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.hold(ctx); err != nil {
		return false, err
	}
	events, err := l.store.Unsequenced(ctx, l.o.Batch)
	if err != nil {
		return false, fmt.Errorf("read the events to sequence: %w", err)
	}
	if len(events) == 0 {
		return false, nil
	}
	next := l.tree.clone()
	batch, err := l.batch(next, events)
	if err != nil {
		return false, err
	}
	switch err := l.store.AppendLedger(ctx, l.epoch, batch); {
	case errors.Is(err, store.ErrOvertaken):
		return true, nil
	case errors.Is(err, gateway.ErrFenced):
		l.epoch = 0
		return false, ErrElsewhere
	case err != nil:
		l.epoch = 0 // it may have been committed
		return false, fmt.Errorf("append to the ledger: %w", err)
	}
	l.tree = next
	l.metrics.batches.Inc()
	return len(events) == l.o.Batch, nil
}

// batch gives events their places after those of the tree, which grows by them.
func (l *Ledger) batch(next *tree, events []gateway.Event) (store.LedgerBatch, error) {
	b := store.LedgerBatch{First: next.size}
	for _, e := range events {
		b.Events = append(b.Events, e.ID)
		b.Hashes = append(b.Hashes, next.add(tlog.RecordHash(e.Leaf()))...)
	}
	c := Checkpoint{Name: l.o.Key.Name(), Size: next.size, Root: next.root(), Time: gateway.Micros(events[len(events)-1].Recorded)}
	signed, err := l.o.Key.Sign(c)
	if err != nil {
		return b, err
	}
	b.Checkpoint = store.Checkpoint{Size: c.Size, Root: c.Root, Time: c.Time, Note: signed}
	return b, nil
}

// errBroken: what is stored is not what was signed. Nothing more is signed on top of it.
var errBroken = errors.New("the ledger was tampered with: run `vaguemestre ledger verify`")

// hold takes or renews the lease and, when it is newly ours, loads the tree and checks it against the
// last checkpoint: a log that was changed is not extended.
func (l *Ledger) hold(ctx context.Context) error {
	epoch, ok, err := l.store.AcquireLease(ctx, store.LeaseLedger, l.o.Owner, l.o.LeaseTTL)
	if err != nil {
		return fmt.Errorf("take the ledger's lease: %w", err)
	}
	if !ok {
		l.epoch = 0
		return ErrElsewhere
	}
	if epoch == l.epoch {
		return nil
	}
	l.epoch = 0
	last, err := l.last(ctx)
	if errors.Is(err, gateway.ErrNotFound) {
		l.epoch, l.tree = epoch, &tree{}
		return nil
	}
	if err != nil {
		return err
	}
	t, err := loadTree(ctx, l.store, last.Size)
	switch {
	case errors.Is(err, gateway.ErrNotFound):
		return fmt.Errorf("%w: %w", errBroken, err)
	case err != nil:
		return err
	case t.root() != last.Root:
		return fmt.Errorf("%w: the stored hashes do not give the root of the last checkpoint", errBroken)
	}
	l.epoch, l.tree = epoch, t
	return nil
}

// last reads the last checkpoint and checks that its row and its signed note say the same.
func (l *Ledger) last(ctx context.Context) (store.Checkpoint, error) {
	row, err := l.store.LastCheckpoint(ctx)
	if err != nil {
		return row, fmt.Errorf("read the last checkpoint: %w", err)
	}
	if err := l.checkRow(row); err != nil {
		return row, fmt.Errorf("%w: %w", errBroken, err)
	}
	return row, nil
}

func (l *Ledger) checkRow(row store.Checkpoint) error {
	c, err := Open(row.Note, l.known)
	if err != nil {
		return err
	}
	if c.Size != row.Size || c.Root != row.Root || !c.Time.Equal(row.Time) {
		return fmt.Errorf("checkpoint of %d events: its row and its note differ", row.Size)
	}
	return nil
}
