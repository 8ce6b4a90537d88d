package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"vaguemestre/gateway"
)

// ErrNotEmpty: the installation to copy to has something in it already.
var ErrNotEmpty = errors.New("installation that is not empty")

// tables lists what an installation is made of, referenced ones first, with the columns that
// both databases have. Leases and nodes are left out, they belong to processes; links to sign in, they last minutes; and
// the words of couriers, which are made again.
var tables = [...]struct{ name, columns string }{
	{"content", "hash, size, refs, kept, body"},
	{"consultation", consultationColumns},
	{"company", "consultation, " + companyColumns},
	{"agent", agentColumns},
	{"entitlement", "agent, consultation"},
	{"app_password", appPasswordColumns},
	{"api_key", apiKeyColumns},
	{"session", sessionColumns + ", hash"},
	{"draft", draftColumns},
	{"answer", answerColumns + ", files"},
	{"answer_file", "answer, place, " + answerFileColumns},
	{"answer_chunk", "file, " + chunkColumns},
	{"draft_file", "draft, place, " + draftFileColumns},
	{"dedupe", "key, courier, until"},
	{"courier", courierColumns + ", search"},
	{"seal", "courier, consultation, opens"},
	{"recipient", recipientColumns + ", " + recipientOwn},
	{"event", eventColumns},
	{"reply", replyColumns + ", consultation"},
	{"job", jobColumns + ", ready, lease_owner"},
	{"inbound", inboundColumns},
	{"mailbox", "account, mailbox, uidvalidity, uid"},
	{"ledger_hash", "position, hash"},
	{"checkpoint", checkpointColumns},
}

// Copy moves an installation into an empty one, on any of the databases, as it is at one
// instant. It is one transaction there: a failure or a crash leaves the target empty, apart
// from files that the sweep removes. What is written to from meanwhile is not copied, so
// daemons are stopped before. ErrNotEmpty when there is something in the target.
func Copy(ctx context.Context, from, to *Store) error {
	err := from.engine.snapshot(ctx, func(source runner) error {
		if err := copyFiles(ctx, from, to, source); err != nil {
			return err
		}
		return to.engine.write(ctx, func(t *tx) error {
			for _, table := range tables {
				if err := t.copyTable(source, table.name, table.columns); err != nil {
					return fmt.Errorf("copy %s: %w", table.name, err)
				}
			}
			return nil
		})
	})
	if errors.Is(err, ErrNotEmpty) {
		return err
	}
	return fault("copy an installation", err)
}

func (t *tx) copyTable(source runner, name, columns string) error {
	var found int64
	if err := t.value([]any{&found}, "SELECT count(*) FROM (SELECT 1 FROM "+name+" LIMIT 1) AS found"); err != nil {
		return err
	}
	if found > 0 {
		return ErrNotEmpty
	}
	width := strings.Count(columns, ",") + 1
	insert := newFilter("INSERT INTO " + name + " (" + columns + ") VALUES (")
	for i := range width {
		if i > 0 {
			insert.raw(", ")
		}
		insert.raw(insert.arg(nil))
	}
	insert.raw(")")
	row := func(sc scanner) ([]any, error) {
		values, dest := make([]any, width), make([]any, width)
		for i := range values {
			dest[i] = &values[i]
		}
		return values, sc.Scan(dest...)
	}
	return eachRow(t.ctx, source, row, func(values []any) error {
		_, err := t.exec(insert.text.String(), values...)
		return err
	}, "SELECT "+columns+" FROM "+name)
}

// copyFiles brings over the large contents that the target has not yet.
func copyFiles(ctx context.Context, from, to *Store, source runner) error {
	return eachRow(ctx, source, scanHash, func(h gateway.Hash) error {
		if _, err := to.files.stat(h); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		file, err := from.files.open(h)
		if err != nil {
			return err
		}
		defer file.Close()
		return to.files.put(file, h)
	}, "SELECT hash FROM content WHERE body IS NULL AND refs >= 0")
}

// put makes a durable file of a content read from r.
func (f *files) put(r io.Reader, h gateway.Hash) error {
	temporary, err := f.temporary()
	if err != nil {
		return err
	}
	defer temporary.Close()
	if _, err := io.Copy(temporary, r); err != nil {
		return errors.Join(err, os.Remove(temporary.Name()))
	}
	return f.settle(temporary, temporary.Name(), h)
}

// snapshot reads as everything is at one instant.
func (s *sqliteDB) snapshot(ctx context.Context, fn func(runner) error) error {
	return readAt(ctx, s.reads.db, sql.LevelDefault, fn)
}

func (p *postgresDB) snapshot(ctx context.Context, fn func(runner) error) error {
	return readAt(ctx, p.db, sql.LevelRepeatableRead, fn)
}

func readAt(ctx context.Context, db *sql.DB, level sql.IsolationLevel, fn func(runner) error) error {
	t, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: level, ReadOnly: true})
	if err != nil {
		return err
	}
	defer t.Rollback() // it only reads
	return fn(direct{on: t})
}
