package store

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"vaguemestre/gateway"
)

// runner runs one query: on the reader's connections, or inside a transaction.
type runner interface {
	exec(ctx context.Context, query string, args []any) (sql.Result, error)
	query(ctx context.Context, query string, args []any) (*sql.Rows, error)
	// many runs one statement for each row of arguments, and gives the rows that each changed.
	many(ctx context.Context, query string, rows [][]any) ([]int64, error)
}

// tx is one transaction under way.
type tx struct {
	ctx    context.Context
	run    runner
	d      *dialect
	now    func() time.Time
	clock  *clock
	topics topics // whom to wake once it is committed
}

// clock stamps the events of a transaction, or of a group that shares one commit.
type clock struct {
	loaded bool
	last   int64
}

// exec runs a statement and gives the number of rows it changed.
func (t *tx) exec(query string, args ...any) (int64, error) {
	r, err := t.run.exec(t.ctx, query, args)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// many runs a statement for each row of arguments, and gives the number of rows that each
// changed. On PostgreSQL they cross the network together.
func (t *tx) many(query string, rows [][]any) ([]int64, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	return t.run.many(t.ctx, query, rows)
}

// mustAll is many for statements that change exactly one row each.
func (t *tx) mustAll(otherwise error, query string, rows [][]any) error {
	changed, err := t.many(query, rows)
	for _, n := range changed {
		if err == nil && n != 1 {
			return otherwise
		}
	}
	return err
}

// must runs a statement that changes exactly one row, and answers otherwise when it does not.
func (t *tx) must(otherwise error, query string, args ...any) error {
	n, err := t.exec(query, args...)
	if err == nil && n != 1 {
		return otherwise
	}
	return err
}

// value reads the single row that a query gives; gateway.ErrNotFound when it gives none.
func (t *tx) value(dest []any, query string, args ...any) error {
	return value(t.ctx, t.run, dest, query, args...)
}

func value(ctx context.Context, r runner, dest []any, query string, args ...any) error {
	rows, err := r.query(ctx, query, args)
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return err
		}
		return gateway.ErrNotFound
	}
	if err := rows.Scan(dest...); err != nil {
		return err
	}
	return errors.Join(rows.Close(), rows.Err())
}

// scanner is a row under the cursor.
type scanner interface{ Scan(dest ...any) error }

// eachRow visits the rows of a query one by one.
func eachRow[T any](ctx context.Context, r runner, scan func(scanner) (T, error), visit func(T) error, query string, args ...any) error {
	rows, err := r.query(ctx, query, args)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		item, err := scan(rows)
		if err != nil {
			return err
		}
		if err := visit(item); err != nil {
			return err
		}
	}
	return rows.Err()
}

// list reads every row of a query.
func list[T any](ctx context.Context, r runner, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	var all []T
	err := eachRow(ctx, r, scan, func(item T) error {
		all = append(all, item)
		return nil
	}, query, args...)
	return all, err
}

// one reads the first row of a query; gateway.ErrNotFound when there is none.
func one[T any](ctx context.Context, r runner, scan func(scanner) (T, error), query string, args ...any) (T, error) {
	all, err := list(ctx, r, scan, query, args...)
	if err != nil {
		var none T
		return none, err
	}
	if len(all) == 0 {
		var none T
		return none, gateway.ErrNotFound
	}
	return all[0], nil
}

// get is one for the reader's connections, with callers' errors.
func get[T any](ctx context.Context, s *Store, op string, scan func(scanner) (T, error), query string, args ...any) (T, error) {
	item, err := one(ctx, s.engine.reader(), scan, query, args...)
	return item, fault(op, err)
}

// all is list for the reader's connections, with callers' errors.
func all[T any](ctx context.Context, s *Store, op string, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	items, err := list(ctx, s.engine.reader(), scan, query, args...)
	return items, fault(op, err)
}

// stamp is the time at which the next event is recorded: the clock's, but after every event
// recorded before and after the last checkpoint, so that setting the clock back cannot make
// an event look back-dated. Events of one store so get distinct times in their order.
func (t *tx) stamp() (int64, error) {
	if !t.clock.loaded {
		if err := t.loadClock(); err != nil {
			return 0, fmt.Errorf("read the last time recorded: %w", err)
		}
	}
	t.clock.last = max(micros(t.now()), t.clock.last+1)
	return t.clock.last, nil
}

// loadClock finds the last time recorded. Sequenced events are not after the last
// checkpoint, so the waiting ones and that checkpoint are enough.
func (t *tx) loadClock() error {
	if t.d.share != "" {
		if _, err := t.exec(t.d.share); err != nil {
			return err
		}
	}
	var waiting, checkpoint sql.NullInt64
	err := t.value([]any{&waiting, &checkpoint}, `SELECT
		(SELECT max(recorded) FROM event WHERE position < 0),
		(SELECT time FROM checkpoint ORDER BY size DESC LIMIT 1)`)
	if err != nil {
		return err
	}
	t.clock.loaded, t.clock.last = true, max(waiting.Int64, checkpoint.Int64)
	return nil
}

// micros is a time as stored.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// at is a stored time.
func at(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// when scans a stored time into place.
type when struct{ t *time.Time }

// Scan implements sql.Scanner.
func (w when) Scan(src any) error {
	us, ok := src.(int64)
	if !ok {
		return fmt.Errorf("scan a time from %T", src)
	}
	*w.t = at(us)
	return nil
}

// flag scans a stored truth value.
type flag struct{ b *bool }

// Scan implements sql.Scanner.
func (f flag) Scan(src any) error {
	n, ok := src.(int64)
	if !ok {
		return fmt.Errorf("scan a flag from %T", src)
	}
	*f.b = n != 0
	return nil
}

// bit is a truth value as stored.
func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// object scans JSON into place; empty text leaves it as it is.
type object struct{ v any }

// Scan implements sql.Scanner.
func (o object) Scan(src any) error {
	var text []byte
	switch v := src.(type) {
	case string:
		text = []byte(v)
	case []byte:
		text = v
	default:
		return fmt.Errorf("scan an object from %T", src)
	}
	if len(text) == 0 {
		return nil
	}
	return json.Unmarshal(text, o.v)
}

// text is a value as JSON. The values are this package's own types, which JSON can hold.
func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("store: %T as JSON: %v", v, err))
	}
	return string(b)
}

// digest is a hash as stored: NULL for none.
func digest(h gateway.Hash) any {
	if h.IsZero() {
		return nil
	}
	return h[:]
}

// octets is a byte string as stored: NULL for nil.
func octets(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}

// notFound gives another answer for gateway.ErrNotFound.
func notFound(err, otherwise error) error {
	if errors.Is(err, gateway.ErrNotFound) {
		return otherwise
	}
	return err
}

// clean makes the texts among the arguments what both databases can hold: PostgreSQL has
// neither NUL nor octets that are not UTF-8, which mail does have. U+FFFD stands for them.
func clean(args []any) []any {
	for i, arg := range args {
		text, ok := arg.(string)
		if !ok || utf8.ValidString(text) && strings.IndexByte(text, 0) < 0 {
			continue
		}
		const unknown = "\uFFFD"
		args[i] = strings.ReplaceAll(strings.ToValidUTF8(text, unknown), "\x00", unknown)
	}
	return args
}
