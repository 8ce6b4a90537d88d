package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/pressly/goose/v3"
	"modernc.org/sqlite"
)

const (
	// lockWait is how long a commit waits for another process to finish its own.
	lockWait = 10 * time.Second
	// readers is how many reads run side by side.
	readers = 8
	// checkpointPages is the length at which the write-ahead log is copied into the database:
	// 32 MB. Pages that many commits change are so copied once.
	checkpointPages = 8000
)

// sqliteDB is the embedded engine: one writer that combines transactions, and a pool of
// readers that never wait for it (WAL).
type sqliteDB struct {
	writer  *group
	writeDB *sql.DB
	reads   *prepared
	path    string
}

func openSQLite(ctx context.Context, o Options, m *metrics, w *watch) (engine, error) {
	if o.Path == "" {
		return nil, errors.New("no path of the database")
	}
	// secure_delete overwrites with zeros what is removed: an answer that was given up, network details past their time, a content that was
	// sealed. It costs nothing that can be measured (go test -bench 'Accept|Delivery': CPU a letter, five runs in turns).
	writeDB, err := sql.Open("sqlite", sqliteURL(o.Path, "_txlock=immediate", "_pragma=synchronous(FULL)", "_pragma=secure_delete(ON)",
		"_pragma=cache_size(-8192)", fmt.Sprintf("_pragma=wal_autocheckpoint(%d)", checkpointPages)))
	if err != nil {
		return nil, err
	}
	writeDB.SetMaxOpenConns(1)
	if err := migrateSQLite(ctx, writeDB, o.Path); err != nil {
		return nil, errors.Join(err, writeDB.Close())
	}
	conn, err := writeDB.Conn(ctx)
	if err != nil {
		return nil, errors.Join(err, writeDB.Close())
	}
	readDB, err := sql.Open("sqlite", sqliteURL(o.Path, "_pragma=query_only(1)", "_pragma=cache_size(-2048)"))
	if err != nil {
		return nil, errors.Join(err, conn.Close(), writeDB.Close())
	}
	readDB.SetMaxOpenConns(readers)
	readDB.SetMaxIdleConns(readers)
	s := &sqliteDB{writeDB: writeDB, reads: newPrepared(readDB), path: o.Path}
	s.writer = startGroup(conn, &sqliteDialect, o.Now, m, w)
	return s, nil
}

func sqliteURL(path string, more ...string) string {
	parameters := append([]string{
		fmt.Sprintf("_pragma=busy_timeout(%d)", lockWait.Milliseconds()), "_pragma=journal_mode(WAL)",
		"_pragma=foreign_keys(1)", "_pragma=temp_store(MEMORY)",
	}, more...)
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + strings.Join(parameters, "&")
}

// migrateSQLite lets one process at a time bring the tables up to date.
func migrateSQLite(ctx context.Context, db *sql.DB, path string) error {
	lock, err := os.OpenFile(filepath.Clean(path)+"-migrate", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return fmt.Errorf("lock the migration: %w", err)
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return fmt.Errorf("lock the migration: %w", err)
	}
	return migrate(ctx, db, goose.DialectSQLite3, "sqlite")
}

var sqliteDialect = dialect{place: "instr", find: findSQLite, among: amongSQLite, terms: termsSQLite, foundAnywhere: foundAnywhereSQLite, words: wordsSQLite, taken: func(err error, table, column string) bool {
	const constraintUnique = 2067 // SQLITE_CONSTRAINT_UNIQUE
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code() == constraintUnique && strings.Contains(e.Error(), table+"."+column)
}}

func (s *sqliteDB) write(ctx context.Context, fn func(*tx) error) error { return s.writer.do(ctx, fn) }
func (s *sqliteDB) reader() runner                                      { return s.reads }
func (s *sqliteDB) dialect() *dialect                                   { return &sqliteDialect }

// scrub takes out of the write-ahead log what was in rows that are no more. In the database itself secure_delete overwrites them. It waits for
// readers; should one outlast it, what is in the log goes when the log is written over.
func (s *sqliteDB) scrub(ctx context.Context) error {
	aside, err := sql.Open("sqlite", sqliteURL(s.path))
	if err != nil {
		return err
	}
	_, err = aside.ExecContext(ctx, "PRAGMA wal_checkpoint(TRUNCATE)")
	return errors.Join(err, aside.Close())
}

func (s *sqliteDB) close() error {
	return errors.Join(s.writer.stop(), s.reads.close(), s.writeDB.Close())
}

// preparer is a connection, or a pool of them.
type preparer interface {
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// preparedLimit is how many statements are kept. The queries of this package are fewer,
// apart from lists with filters; what comes after the limit is prepared each time.
const preparedLimit = 256

// prepared runs queries by statements that are prepared once.
type prepared struct {
	db    *sql.DB // nil for the writer's connection
	on    preparer
	mu    sync.RWMutex
	stmts map[string]*sql.Stmt
}

func newPrepared(db *sql.DB) *prepared {
	return &prepared{db: db, on: db, stmts: map[string]*sql.Stmt{}}
}

// stmt gives the prepared statement of a query; nil when there are too many to keep it.
func (p *prepared) stmt(ctx context.Context, query string) (*sql.Stmt, error) {
	p.mu.RLock()
	st := p.stmts[query]
	p.mu.RUnlock()
	if st != nil {
		return st, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if st := p.stmts[query]; st != nil || len(p.stmts) >= preparedLimit {
		return st, nil
	}
	st, err := p.on.PrepareContext(ctx, query)
	if err == nil {
		p.stmts[query] = st
	}
	return st, err
}

// unwatched is a context that is looked at now and not while a statement runs: to be told of its end costs two
// goroutines a statement, more than most of them take. Reading many rows looks again for each (eachRow).
func unwatched(ctx context.Context) (context.Context, error) {
	return context.WithoutCancel(ctx), ctx.Err()
}

func (p *prepared) exec(ctx context.Context, query string, args []any) (sql.Result, error) {
	ctx, err := unwatched(ctx)
	if err != nil {
		return nil, err
	}
	st, err := p.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	if st == nil {
		return p.on.ExecContext(ctx, query, clean(args)...)
	}
	return st.ExecContext(ctx, clean(args)...)
}

func (p *prepared) query(ctx context.Context, query string, args []any) (*sql.Rows, error) {
	ctx, err := unwatched(ctx)
	if err != nil {
		return nil, err
	}
	st, err := p.stmt(ctx, query)
	if err != nil {
		return nil, err
	}
	if st == nil {
		return p.on.QueryContext(ctx, query, clean(args)...)
	}
	return st.QueryContext(ctx, clean(args)...)
}

func (p *prepared) many(ctx context.Context, query string, rows [][]any) ([]int64, error) {
	changed := make([]int64, len(rows))
	for i, args := range rows {
		r, err := p.exec(ctx, query, args)
		if err != nil {
			return nil, err
		}
		if changed[i], err = r.RowsAffected(); err != nil {
			return nil, err
		}
	}
	return changed, nil
}

func (p *prepared) close() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	var errs []error
	for _, st := range p.stmts {
		errs = append(errs, st.Close())
	}
	clear(p.stmts)
	if p.db != nil {
		errs = append(errs, p.db.Close())
	}
	return errors.Join(errs...)
}
