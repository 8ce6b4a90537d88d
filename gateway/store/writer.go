package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"regexp"
	"strconv"
)

// writing runs the writer's statements. Those that give no rows go to the driver itself, prepared once: the conversions and
// locks of database/sql, made for many connections and goroutines, would cost as much as many of these statements. One
// goroutine uses it.
type writing struct {
	*prepared
	conn  *sql.Conn
	acts  map[string]driver.Stmt
	bound []driver.NamedValue // reused
}

func newWriting(conn *sql.Conn) *writing {
	return &writing{prepared: &prepared{on: conn, stmts: map[string]*sql.Stmt{}}, conn: conn, acts: map[string]driver.Stmt{}}
}

func (w *writing) exec(ctx context.Context, query string, args []any) (r sql.Result, err error) {
	err = w.conn.Raw(func(driverConn any) (err error) {
		r, err = w.act(ctx, driverConn, query, args)
		return err
	})
	return r, err
}

func (w *writing) many(ctx context.Context, query string, rows [][]any) ([]int64, error) {
	changed := make([]int64, len(rows))
	err := w.conn.Raw(func(driverConn any) error {
		for i, args := range rows {
			r, err := w.act(ctx, driverConn, query, args)
			if err != nil {
				return err
			}
			if changed[i], err = r.RowsAffected(); err != nil {
				return err
			}
		}
		return nil
	})
	return changed, err
}

func (w *writing) act(ctx context.Context, driverConn any, query string, args []any) (driver.Result, error) {
	st, err := w.prepare(ctx, driverConn, query)
	if err != nil {
		return nil, err
	}
	w.bound = w.bound[:0]
	for i, arg := range clean(args) {
		v, err := driver.DefaultParameterConverter.ConvertValue(arg)
		if err != nil {
			return nil, fmt.Errorf("argument %d: %w", i+1, err)
		}
		w.bound = append(w.bound, driver.NamedValue{Ordinal: i + 1, Value: v})
	}
	defer clear(w.bound) // a body of a content is not kept
	return st.(driver.StmtExecContext).ExecContext(ctx, w.bound)
}

// prepare gives the statement of a query. Beyond the limit all are forgotten: queries whose text varies are few.
func (w *writing) prepare(ctx context.Context, driverConn any, query string) (driver.Stmt, error) {
	if st := w.acts[query]; st != nil {
		return st, nil
	}
	if len(w.acts) >= preparedLimit {
		if err := w.forget(); err != nil {
			return nil, err
		}
	}
	st, err := driverConn.(driver.ConnPrepareContext).PrepareContext(ctx, positional(query))
	if err != nil {
		return nil, err
	}
	w.acts[query] = st
	return st, nil
}

func (w *writing) forget() error {
	var errs []error
	for _, st := range w.acts {
		errs = append(errs, st.Close())
	}
	clear(w.acts)
	return errors.Join(errs...)
}

func (w *writing) close() error { return errors.Join(w.forget(), w.prepared.close()) }

var parameter = regexp.MustCompile(`\$[0-9]+`)

// positional is the query with ? for parameters that come in their order: one with a name is looked for at each use.
func positional(query string) string {
	for i, name := range parameter.FindAllString(query, -1) {
		if name != "$"+strconv.Itoa(i+1) {
			return query
		}
	}
	return parameter.ReplaceAllString(query, "?")
}
