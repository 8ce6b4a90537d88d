package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"vaguemestre/gateway"
)

// postgresTries is how often a transaction is run when others get in its way.
const postgresTries = 8

// postgresDB is the engine for several nodes: each transaction has a connection of its own.
type postgresDB struct {
	pool    *pgxpool.Pool
	db      *sql.DB
	now     func() time.Time
	log     *slog.Logger
	metrics *metrics
	watch   *watch
	bell    *bell
	cancel  context.CancelFunc
	ended   sync.WaitGroup
}

func openPostgres(ctx context.Context, o Options, m *metrics, w *watch) (engine, error) {
	config, err := pgxpool.ParseConfig(o.DSN)
	if err != nil {
		return nil, errors.New("DSN of PostgreSQL that cannot be read") // its text may hold a password
	}
	config.MaxConns = int32(o.MaxConns)
	for name, value := range map[string]string{
		"application_name": "vaguemestre", "timezone": "UTC", "synchronous_commit": "on",
		"lock_timeout": "10s", "idle_in_transaction_session_timeout": "60s",
	} {
		if _, set := config.ConnConfig.RuntimeParams[name]; !set {
			config.ConnConfig.RuntimeParams[name] = value
		}
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	db := stdlib.OpenDBFromPool(pool)
	db.SetMaxOpenConns(o.MaxConns)
	if err := migratePostgres(ctx, db); err != nil {
		err = errors.Join(err, db.Close())
		pool.Close()
		return nil, err
	}
	running, cancel := context.WithCancel(context.Background())
	p := &postgresDB{pool: pool, db: db, now: o.Now, log: o.Logger, metrics: m, watch: w, cancel: cancel}
	p.bell = newBell(pool, w, o.Logger)
	p.ended.Go(func() { p.bell.ring(running) })
	p.ended.Go(func() { p.bell.listen(running) })
	return p, nil
}

func migratePostgres(ctx context.Context, db *sql.DB) error {
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return fmt.Errorf("lock the migration: %w", err)
	}
	return migrate(ctx, db, goose.DialectPostgres, "postgres", goose.WithSessionLocker(locker))
}

// The stamp lock, an advisory lock of class 1986094965 ("vagu") and key 1, stands between
// transactions that stamp events, which share it, and the sequencer.
var postgresDialect = dialect{
	forUpdate:  " FOR UPDATE",
	skipLocked: " FOR UPDATE SKIP LOCKED",
	fence:      "SELECT pg_advisory_xact_lock(1986094965, 1)",
	share:      "SELECT pg_advisory_xact_lock_shared(1986094965, 1)",
	find:       findPostgres, among: amongPostgres,
	terms: termsPostgres, foundAnywhere: foundAnywherePostgres,
	words: wordsPostgres,
	place: "strpos",
	taken: func(err error, table, column string) bool {
		var e *pgconn.PgError
		return errors.As(err, &e) && e.Code == "23505" && e.ConstraintName == table+"_"+column+"_key"
	},
}

func (p *postgresDB) dialect() *dialect { return &postgresDialect }
func (p *postgresDB) reader() runner    { return direct{on: p.db} }

func (p *postgresDB) close() error {
	p.cancel()
	p.ended.Wait()
	err := p.db.Close()
	p.pool.Close()
	return err
}

// write runs a transaction, again when a deadlock or another transaction got in its way.
func (p *postgresDB) write(ctx context.Context, fn func(*tx) error) error {
	var err error
	for try := range postgresTries {
		if try > 0 {
			p.metrics.retries.Inc()
			if err := pause(ctx, time.Duration(rand.Int64N(int64(5*time.Millisecond)<<try))); err != nil {
				return err
			}
		}
		if err = p.once(ctx, fn); !again(err) {
			break
		}
	}
	p.metrics.outcome(err)
	return err
}

func (p *postgresDB) once(ctx context.Context, fn func(*tx) error) error {
	conn, err := p.db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer conn.Close() // back to the pool
	sqlTx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	t := &tx{ctx: ctx, run: direct{sqlTx, conn}, d: &postgresDialect, now: p.now, clock: &clock{}}
	defer sqlTx.Rollback() // nothing after a commit
	if err := fn(t); err != nil {
		return err
	}
	start := time.Now()
	if err := sqlTx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	p.metrics.committed(time.Since(start), 1)
	p.watch.wake(t.topics)
	p.bell.tell(t.topics)
	return nil
}

// again tells failures that running the transaction again can cure (PostgreSQL, appendix A):
// 40001 serialization_failure, 40P01 deadlock_detected.
func again(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code == "40001" || e.Code == "40P01")
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

// direct runs queries as they come: pgx itself keeps them prepared on each connection.
type direct struct {
	on interface {
		ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
		QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	}
	conn *sql.Conn // of the transaction
}

// pipelined is how many statements cross the network together at most.
const pipelined = 1000

// many is pgx's own batch: one round trip for many statements.
func (d direct) many(ctx context.Context, query string, rows [][]any) ([]int64, error) {
	changed := make([]int64, 0, len(rows))
	err := d.conn.Raw(func(driverConn any) error {
		conn := driverConn.(*stdlib.Conn).Conn()
		for part := range slices.Chunk(rows, pipelined) {
			batch := &pgx.Batch{}
			for _, args := range part {
				batch.Queue(query, clean(args)...)
			}
			results := conn.SendBatch(ctx, batch)
			for range part {
				tag, err := results.Exec()
				if err != nil {
					return errors.Join(err, results.Close())
				}
				changed = append(changed, tag.RowsAffected())
			}
			if err := results.Close(); err != nil {
				return err
			}
		}
		return nil
	})
	return changed, err
}

func (d direct) exec(ctx context.Context, query string, args []any) (sql.Result, error) {
	return d.on.ExecContext(ctx, query, clean(args)...)
}

func (d direct) query(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	return d.on.QueryContext(ctx, query, clean(args)...)
}

const (
	bellChannel = "vaguemestre"
	// bellEvery is the least time between two notifications of one node: NOTIFY takes a lock
	// that makes commits wait for each other, so it is kept out of the transactions.
	bellEvery = 50 * time.Millisecond
	// bellRetry is how long the listener waits before it connects again.
	bellRetry = time.Second
)

// bell carries wake-ups between nodes by LISTEN and NOTIFY.
type bell struct {
	pool    *pgxpool.Pool
	watch   *watch
	log     *slog.Logger
	origin  string // of this process's own notifications, which it does not need
	mu      sync.Mutex
	pending topics
	rung    chan struct{}
}

func newBell(pool *pgxpool.Pool, w *watch, log *slog.Logger) *bell {
	return &bell{pool: pool, watch: w, log: log, origin: gateway.NewID(time.Now()).String(), rung: make(chan struct{}, 1)}
}

// tell has the other nodes woken soon.
func (b *bell) tell(t topics) {
	if t == 0 {
		return
	}
	b.mu.Lock()
	b.pending |= t
	b.mu.Unlock()
	select {
	case b.rung <- struct{}{}:
	default:
	}
}

// ring sends what tell asked for until ctx ends.
func (b *bell) ring(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-b.rung:
		}
		b.mu.Lock()
		t := b.pending
		b.pending = 0
		b.mu.Unlock()
		if _, err := b.pool.Exec(ctx, "SELECT pg_notify($1, $2)", bellChannel, fmt.Sprintf("%d %s", t, b.origin)); err != nil && ctx.Err() == nil {
			b.log.Warn("notify the other nodes", "error", err)
		}
		if pause(ctx, bellEvery) != nil {
			return
		}
	}
}

// listen wakes this node's watchers until ctx ends. After each connection it wakes all of
// them: something may have been told meanwhile.
func (b *bell) listen(ctx context.Context) {
	for ctx.Err() == nil {
		if err := b.hear(ctx); err != nil && ctx.Err() == nil {
			b.log.Warn("listen to the other nodes", "error", err)
		}
		if pause(ctx, bellRetry) != nil {
			return
		}
	}
}

func (b *bell) hear(ctx context.Context) error {
	conn, err := pgx.ConnectConfig(ctx, b.pool.Config().ConnConfig)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	if _, err := conn.Exec(ctx, "LISTEN "+bellChannel); err != nil {
		return err
	}
	b.watch.wake(everything)
	for {
		n, err := conn.WaitForNotification(ctx)
		if err != nil {
			return err
		}
		var t topics
		var origin string
		if _, err := fmt.Fscanf(strings.NewReader(n.Payload), "%d %s", &t, &origin); err == nil && origin != b.origin {
			b.watch.wake(t)
		}
	}
}
