package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

const (
	// groupLimit is how many transactions share one commit at most, so that the first of
	// them does not wait for ever under load.
	groupLimit = 256
	// pollEvery is how often the writer looks for other processes' commits.
	pollEvery = 500 * time.Millisecond
)

// group is the writer of a SQLite database. It runs the transactions of all callers on one
// connection, one after the other, and commits those that came in meanwhile together: one
// fsync for all of them. It waits for nobody: a lone transaction is committed at once. It only
// lets the goroutines that are ready run first: where processors are short, they bring more.
//
// A member that fails after it changed something takes the whole group back, whose members
// then run each alone: failures are rare, and so everybody else pays for no savepoint.
type group struct {
	conn     *sql.Conn
	run      *writing
	dialect  *dialect
	now      func() time.Time
	metrics  *metrics
	watch    *watch
	requests chan *request
	quit     chan struct{} // closed by stop
	done     chan struct{} // closed when the writer has ended
	version  int64         // PRAGMA data_version: changes when another process commits
	stopped  atomic.Bool
}

// request is a transaction that a caller waits for.
type request struct {
	ctx   context.Context
	fn    func(*tx) error
	state atomic.Int32
	err   error
	panic any
	woke  topics
	done  chan struct{}
}

const (
	waiting int32 = iota
	begun
	withdrawn
)

func startGroup(conn *sql.Conn, d *dialect, now func() time.Time, m *metrics, w *watch) *group {
	g := &group{
		conn: conn, run: newWriting(conn), dialect: d, now: now, metrics: m, watch: w,
		requests: make(chan *request, groupLimit), quit: make(chan struct{}), done: make(chan struct{}),
	}
	go g.loop()
	return g
}

// do has the writer run fn and waits until it is durable. A caller whose context ends while
// fn waits for its turn withdraws it; once fn has begun, its outcome is awaited, so that
// nobody is told of a failure that is none.
func (g *group) do(ctx context.Context, fn func(*tx) error) error {
	if g.stopped.Load() {
		return ErrClosed
	}
	r := &request{ctx: ctx, fn: fn, done: make(chan struct{})}
	select {
	case g.requests <- r:
	case <-ctx.Done():
		return ctx.Err()
	case <-g.quit:
		return ErrClosed
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		if r.state.CompareAndSwap(waiting, withdrawn) {
			return ctx.Err()
		}
		<-r.done
	case <-g.done:
		if r.state.CompareAndSwap(waiting, withdrawn) {
			return ErrClosed
		}
		<-r.done
	}
	if r.panic != nil {
		panic(r.panic)
	}
	return r.err
}

// stop ends the writer after the transactions that already wait.
func (g *group) stop() error {
	if !g.stopped.CompareAndSwap(false, true) {
		<-g.done
		return nil
	}
	close(g.quit)
	<-g.done
	return errors.Join(g.run.close(), g.conn.Close())
}

func (g *group) loop() {
	defer close(g.done)
	poll := time.NewTicker(pollEvery)
	defer poll.Stop()
	for {
		select {
		case r := <-g.requests:
			g.serve(r)
		case <-poll.C:
			g.look()
		case <-g.quit:
			g.drain()
			return
		}
	}
}

func (g *group) drain() {
	for {
		select {
		case r := <-g.requests:
			g.serve(r)
		default:
			return
		}
	}
}

// serve runs a transaction and those that come in meanwhile, and answers their callers.
func (g *group) serve(first *request) {
	members, err := g.together(first)
	if err != nil && len(members) > 1 {
		// The commit, the connection or a member failed: who is to blame shows when each runs alone.
		for _, r := range members {
			g.metrics.retries.Inc()
			r.err, r.panic, r.woke = nil, nil, 0
			if _, alone := g.transaction(r, nil); alone != nil {
				r.fail(alone)
			}
		}
		err = nil
	}
	var woke topics
	for _, r := range members {
		if err != nil {
			r.fail(err)
		}
		g.metrics.outcome(r.err)
		if r.err == nil && r.panic == nil {
			woke |= r.woke
		}
	}
	g.watch.wake(woke)
	for _, r := range members {
		close(r.done)
	}
}

// fail is the failure of the group that a member was in, unless the member failed by itself.
func (r *request) fail(err error) {
	if r.err == nil && r.panic == nil {
		r.err = err
	}
}

// turns is how often a group lets others run while that brings more members.
const turns = 4

// together runs a transaction with all that waits in one commit.
func (g *group) together(first *request) ([]*request, error) {
	left := turns
	return g.transaction(first, func() *request {
		for {
			select {
			case r := <-g.requests:
				return r
			default:
			}
			if left == 0 {
				return nil
			}
			left--
			runtime.Gosched()
			if len(g.requests) == 0 {
				return nil
			}
		}
	})
}

// transaction runs first and whatever next gives until it gives nothing, and commits. The
// error is of the commit: it concerns every member.
func (g *group) transaction(first *request, next func() *request) (members []*request, err error) {
	ctx := context.Background() // a caller's context must not interrupt the others' work
	for first != nil && !first.begin() {
		first = more(next)
	}
	if first == nil {
		return nil, nil
	}
	members = append(members, first)
	if err := g.plain(ctx, "BEGIN IMMEDIATE"); err != nil {
		return members, fmt.Errorf("begin: %w", err)
	}
	shared := &clock{}
	for r := first; r != nil; r = more(next) {
		if r != first {
			if !r.begin() {
				continue
			}
			members = append(members, r)
		}
		if !g.member(ctx, r, shared) {
			g.rollback(ctx)
			return members, errSpoiled
		}
		if len(members) == groupLimit {
			break
		}
	}
	start := time.Now()
	if err := g.plain(ctx, "COMMIT"); err != nil {
		g.rollback(ctx)
		return members, fmt.Errorf("commit: %w", err)
	}
	g.metrics.committed(time.Since(start), len(members))
	return members, nil
}

func more(next func() *request) *request {
	if next == nil {
		return nil
	}
	return next()
}

// begin takes the transaction; false when its caller gave up. A transaction that is run
// again is already taken.
func (r *request) begin() bool {
	if r.state.Load() == begun {
		return true
	}
	return r.state.CompareAndSwap(waiting, begun)
}

// errSpoiled: a member failed after it had changed something, or a statement did.
var errSpoiled = errors.New("a transaction of the group failed")

// member runs one caller's transaction. It is false when the group cannot be committed with
// what is left of it. An answer that was found before anything was changed leaves nothing.
func (g *group) member(ctx context.Context, r *request, shared *clock) bool {
	seen := &observed{on: g.run}
	t := &tx{ctx: ctx, run: seen, d: g.dialect, now: g.now, clock: shared}
	r.err = func() (err error) {
		defer func() { r.panic = recover() }()
		return r.fn(t)
	}()
	r.woke = t.topics
	switch {
	case seen.failed || r.panic != nil:
		return false // SQLite may have ended the transaction by itself: disk full, I/O error
	case r.err != nil:
		return answer(r.err) && !seen.changed
	}
	return true
}

// observed remembers what a transaction did.
type observed struct {
	on              *writing
	changed, failed bool
}

func (o *observed) exec(ctx context.Context, query string, args []any) (sql.Result, error) {
	r, err := o.on.exec(ctx, query, args)
	o.failed = o.failed || err != nil
	if err == nil {
		n, err := r.RowsAffected()
		o.changed = o.changed || n > 0 || err != nil
	}
	return r, err
}

func (o *observed) many(ctx context.Context, query string, rows [][]any) ([]int64, error) {
	changed, err := o.on.many(ctx, query, rows)
	o.failed = o.failed || err != nil
	o.changed = o.changed || slices.ContainsFunc(changed, func(n int64) bool { return n > 0 })
	return changed, err
}

func (o *observed) query(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	rows, err := o.on.query(ctx, query, args)
	o.failed = o.failed || err != nil
	o.changed = o.changed || !strings.HasPrefix(query, "SELECT") // with RETURNING
	return rows, err
}

func (g *group) plain(ctx context.Context, query string) error {
	_, err := g.run.exec(ctx, query, nil)
	return err
}

// rollback ends the transaction if SQLite has not already ended it by itself.
func (g *group) rollback(ctx context.Context) {
	_ = g.plain(ctx, "ROLLBACK") // fails exactly when there is nothing left to undo
}

// look wakes everybody when another process has committed.
func (g *group) look() {
	var version int64
	if err := value(context.Background(), g.run, []any{&version}, "PRAGMA data_version"); err != nil {
		return // the next write meets the same failure and reports it
	}
	if version != g.version {
		g.version = version
		g.watch.wake(everything)
	}
}
