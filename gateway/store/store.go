package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vaguemestre/gateway"
)

// The drivers.
const (
	SQLite   = "sqlite"
	Postgres = "postgres"
)

// DefaultInline is the size in bytes up to which contents stay in the database.
const DefaultInline = 64 << 10

// Options says where an installation is kept.
type Options struct {
	Driver     string // SQLite or Postgres; empty: SQLite
	Path       string // of the SQLite file; its folder exists
	DSN        string // of PostgreSQL: postgres://user@host/base?…
	MaxConns   int    // connections to PostgreSQL, at most; 0: 16
	ContentDir string // folder of the large contents, made when missing; all nodes see the same one
	Inline     int64  // contents up to this many bytes stay in the database; 0: DefaultInline

	Now        func() time.Time      // nil: time.Now
	Logger     *slog.Logger          // nil: silent
	Registerer prometheus.Registerer // nil: unregistered
}

// What a store answers beside the errors of the domain.
var (
	// ErrAddressTaken: another consultation has that address.
	ErrAddressTaken = errors.New("address of another consultation")
	// ErrClaimed: another courier was accepted under that claim.
	ErrClaimed = errors.New("claim of another courier")
	// ErrLoginTaken: another agent has that login.
	ErrLoginTaken = errors.New("login of another agent")
	// ErrLastAdministrator: nobody would be left who sees to the gateway.
	ErrLastAdministrator = errors.New("the last administrator whose account is open: make another one first")
	// ErrConflict: the thing changed since the caller read it.
	ErrConflict = errors.New("changed meanwhile")
	// ErrFull: it would be more than was allowed.
	ErrFull = errors.New("more than is allowed")
	// ErrOvertaken: an event recorded before the checkpoint's time came in meanwhile; ask
	// Unsequenced again.
	ErrOvertaken = errors.New("overtaken by another event")
	// ErrClosed: the store is closed.
	ErrClosed = errors.New("store closed")
)

// Store is an open installation. Its methods may be called from many goroutines.
type Store struct {
	engine  engine
	files   *files
	inline  int64
	now     func() time.Time
	log     *slog.Logger
	metrics *metrics
	watch   *watch
	authors authors
}

// Open opens an installation and brings its tables up to date. It starts the goroutines of
// the engine; Close ends them.
func Open(ctx context.Context, o Options) (*Store, error) {
	o = o.withDefaults()
	if o.ContentDir == "" {
		return nil, errors.New("open store: no content folder")
	}
	files, err := openFiles(o.ContentDir)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	s := &Store{files: files, inline: o.Inline, now: o.Now, log: o.Logger, metrics: newMetrics(o.Registerer), watch: newWatch()}
	switch o.Driver {
	case SQLite:
		s.engine, err = openSQLite(ctx, o, s.metrics, s.watch)
	case Postgres:
		s.engine, err = openPostgres(ctx, o, s.metrics, s.watch)
	default:
		err = fmt.Errorf("unknown driver %q", o.Driver)
	}
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	return s, nil
}

func (o Options) withDefaults() Options {
	if o.Driver == "" {
		o.Driver = SQLite
	}
	if o.Inline <= 0 {
		o.Inline = DefaultInline
	}
	if o.MaxConns <= 0 {
		o.MaxConns = 16
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Close ends what Open began. Transactions under way finish first; calls made after it
// answer ErrClosed.
func (s *Store) Close() error { return s.engine.close() }

// Ping tells whether the database answers and can be written (readiness).
func (s *Store) Ping(ctx context.Context) error {
	return s.write(ctx, "ping the store", func(t *tx) error {
		_, err := t.exec("UPDATE lease SET epoch = epoch WHERE name = ''")
		return err
	})
}

// engine is what differs between the databases.
type engine interface {
	// write runs fn in a transaction that is durable when it returns nil. fn may be run
	// again, and never runs beside itself.
	write(ctx context.Context, fn func(*tx) error) error
	// reader runs single queries that see everything committed before them.
	reader() runner
	// snapshot reads as everything is at one instant.
	snapshot(ctx context.Context, fn func(runner) error) error
	dialect() *dialect
	close() error
}

// dialect is what differs in the text of queries.
type dialect struct {
	forUpdate  string // ends a SELECT whose rows the transaction will change
	skipLocked string // the same, passing over rows that others hold
	// fence makes the transaction wait until no other one is between stamping events and
	// committing them; share lets stamping transactions run beside each other.
	fence, share string
	// find is the part of a list of couriers that searches their words, newest first or oldest first: it
	// gives courier and accepted.
	find func(ctx context.Context, r runner, q *filter, f FollowFilter) error
	// among does the same for lists in another order.
	among func(ctx context.Context, r runner, q *filter, f FollowFilter) (among, error)
	// terms writes what is searched, and foundAnywhere asks for the couriers, at most $2, that it is found in.
	terms         terms
	foundAnywhere string
	// words writes the words of couriers, in the place of those written before.
	words func(t *tx, rows []CourierWords) error
	// place names the function that gives the place of a text in another, 0 for none. (SQLite prepares a
	// statement anew for each argument of LIKE.)
	place string
	// taken tells a violation of the UNIQUE constraint of that column.
	taken func(err error, table, column string) bool
}

// write runs a transaction and turns what it meets into what callers know.
func (s *Store) write(ctx context.Context, op string, fn func(*tx) error) error {
	return fault(op, s.engine.write(ctx, fn))
}

// fault makes every failure that is no answer a temporary Fault (451 4.3.0).
func fault(op string, err error) error {
	if err == nil {
		return nil
	}
	if answer(err) {
		return fmt.Errorf("%s: %w", op, err)
	}
	var known *gateway.Fault
	if errors.As(err, &known) {
		return err
	}
	return &gateway.Fault{Class: gateway.Temporary, Code: 451, Enhanced: [3]int{4, 3, 0}, Op: op, Key: "internal", Err: err}
}

// answer tells an error that answers the caller's question from a failure.
func answer(err error) bool {
	for _, known := range [...]error{gateway.ErrNotFound, gateway.ErrRecorded, gateway.ErrFenced, ErrAddressTaken, ErrClaimed, ErrLoginTaken, ErrLastAdministrator, ErrConflict, ErrFull, ErrOvertaken} {
		if errors.Is(err, known) {
			return true
		}
	}
	return false
}
