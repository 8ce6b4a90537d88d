package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"vaguemestre/gateway"
)

// DefaultGrace is how long a content may stay without being named before the sweep takes it.
const DefaultGrace = 24 * time.Hour

// sweepBatch is how many contents one sweep removes at most; the next one goes on.
const sweepBatch = 10_000

// Swept says what a sweep removed.
type Swept struct {
	Contents  int // that nothing named
	Files     int // of contents that no transaction named
	Temporary int // files that a crash left half written
	Keys      int // of retries, past their time
	Rescued   int // contents that were named though nobody counted it: a defect, logged
}

// Sweep removes what nothing names and was handed in, or written, before the grace began.
// It never removes a content that is named, also when the naming happens meanwhile, here or
// on another node: a content is first marked, which is refused once it is named; a marked one
// cannot be named, only handed in again; and a file goes while the content's row is held, as
// whoever hands the content in again then sees. Before marking, the tables that name contents
// are read through, so that a wrong count of names is found instead of obeyed.
func (s *Store) Sweep(ctx context.Context, grace time.Duration) (Swept, error) {
	var swept Swept
	before := s.now().Add(-grace)
	err := errors.Join(s.sweepContents(ctx, before, &swept), s.sweepFiles(ctx, before, &swept), s.sweepTemporary(before, &swept), s.sweepKeys(ctx, &swept))
	s.metrics.swept.WithLabelValues("content").Add(float64(swept.Contents))
	s.metrics.swept.WithLabelValues("file").Add(float64(swept.Files))
	s.metrics.swept.WithLabelValues("temporary").Add(float64(swept.Temporary))
	s.metrics.swept.WithLabelValues("rescued").Add(float64(swept.Rescued))
	return swept, fault("sweep the contents", err)
}

func (s *Store) sweepContents(ctx context.Context, before time.Time, swept *Swept) error {
	unnamed, err := list(ctx, s.engine.reader(), scanHash,
		"SELECT hash FROM content WHERE refs <= 0 AND kept < $1 ORDER BY kept LIMIT $2", micros(before), sweepBatch)
	if err != nil || len(unnamed) == 0 {
		return err
	}
	named, err := s.named(ctx, unnamed)
	if err != nil {
		return err
	}
	for _, h := range unnamed {
		if named[h] {
			s.log.Error("content named by a row that nobody counted", "content", h)
			swept.Rescued++
			err = s.rescue(ctx, h)
		} else {
			err = s.sweepContent(ctx, h, before, swept)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// rescue makes the count of a named content one that the sweep leaves alone.
func (s *Store) rescue(ctx context.Context, h gateway.Hash) error {
	return s.engine.write(ctx, func(t *tx) error {
		_, err := t.exec("UPDATE content SET refs = 1 WHERE hash = $1 AND refs <= 0", h[:])
		return err
	})
}

func (s *Store) sweepContent(ctx context.Context, h gateway.Hash, before time.Time, swept *Swept) error {
	var marked int64
	err := s.engine.write(ctx, func(t *tx) (err error) {
		marked, err = t.exec("UPDATE content SET refs = -1 WHERE hash = $1 AND refs <= 0 AND kept < $2", h[:], micros(before))
		return err
	})
	if err != nil || marked == 0 {
		return err
	}
	var gone int64
	err = s.engine.write(ctx, func(t *tx) (err error) {
		if gone, err = t.exec("DELETE FROM content WHERE hash = $1 AND refs = -1", h[:]); err != nil || gone == 0 {
			return err
		}
		return s.files.remove(h) // before the commit: afterwards it could be somebody else's
	})
	if err == nil {
		swept.Contents += int(gone)
	}
	return err
}

func scanHash(row scanner) (h gateway.Hash, err error) {
	err = row.Scan(&h)
	return h, err
}

// named reads every table that names contents, and tells which of these are named.
func (s *Store) named(ctx context.Context, contents []gateway.Hash) (map[gateway.Hash]bool, error) {
	asked := make(map[gateway.Hash]bool, len(contents))
	for _, h := range contents {
		asked[h] = true
	}
	named := map[gateway.Hash]bool{}
	see := func(hashes ...gateway.Hash) {
		for _, h := range hashes {
			if asked[h] {
				named[h] = true
			}
		}
	}
	r := s.engine.reader()
	for _, column := range []string{"courier", "inbound", "reply", "draft", "answer_chunk", "draft_file"} {
		if err := walk(ctx, r, scanHash, func(h gateway.Hash) { see(h) }, "SELECT content FROM "+column+" WHERE content IS NOT NULL"); err != nil {
			return nil, err
		}
	}
	err := errors.Join(
		walk(ctx, r, scanReply, func(reply gateway.Reply) { see(replyContents(reply)...) }, "SELECT "+replyColumns+" FROM reply"),
		walk(ctx, r, scanJob, func(j gateway.Job) { see(j.Notice.Content) }, "SELECT "+jobColumns+" FROM job WHERE notice <> ''"),
		walk(ctx, r, scanEvent, func(e gateway.Event) { see(e.Contents...) }, "SELECT "+eventColumns+" FROM event WHERE contents IS NOT NULL"),
	)
	return named, err
}

func walk[T any](ctx context.Context, r runner, scan func(scanner) (T, error), visit func(T), query string) error {
	return eachRow(ctx, r, scan, func(item T) error {
		visit(item)
		return nil
	}, query)
}

// sweepFiles removes the files of contents that are not in the database: a crash came
// between making them durable and naming them.
func (s *Store) sweepFiles(ctx context.Context, before time.Time, swept *Swept) error {
	return s.files.walk(before, func(h gateway.Hash) error {
		var inFile int64
		err := value(ctx, s.engine.reader(), []any{&inFile}, "SELECT CASE WHEN body IS NULL THEN 1 ELSE 0 END FROM content WHERE hash = $1", h[:])
		if err == nil && inFile == 1 {
			return nil
		}
		if err != nil && !errors.Is(err, gateway.ErrNotFound) {
			return err
		}
		return s.sweepFile(ctx, h, swept)
	})
}

// sweepFile removes a file while the content's row is held, though there may be none: a row
// put in and taken out again in the same transaction keeps everybody else's waiting.
func (s *Store) sweepFile(ctx context.Context, h gateway.Hash, swept *Swept) error {
	removed := false
	err := s.engine.write(ctx, func(t *tx) error {
		removed = false
		put, err := t.exec("INSERT INTO content (hash, size, refs, kept, body) VALUES ($1, 0, -1, 0, NULL) ON CONFLICT (hash) DO NOTHING", h[:])
		if err != nil {
			return err
		}
		if put == 0 { // it came in meanwhile; its file is superfluous only if it is in the database
			var inFile int64
			err := t.value([]any{&inFile}, "SELECT CASE WHEN body IS NULL THEN 1 ELSE 0 END FROM content WHERE hash = $1"+t.d.forUpdate, h[:])
			if err != nil || inFile == 1 {
				return notFound(err, nil)
			}
		}
		if err := s.files.remove(h); err != nil {
			return err
		}
		removed = true
		if put == 1 {
			_, err = t.exec("DELETE FROM content WHERE hash = $1", h[:])
		}
		return err
	})
	if err == nil && removed {
		swept.Files++
	}
	return err
}

// sweepTemporary removes what crashes left half written; what a slow client is still sending
// was written to within the hour.
func (s *Store) sweepTemporary(before time.Time, swept *Swept) error {
	if hour := s.now().Add(-time.Hour); hour.Before(before) {
		before = hour
	}
	entries, err := os.ReadDir(s.files.tmp())
	if err != nil {
		return err
	}
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil || !info.ModTime().Before(before) {
			continue // gone meanwhile, or still being written
		}
		if err := os.Remove(filepath.Join(s.files.tmp(), entry.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		swept.Temporary++
	}
	return nil
}

func (s *Store) sweepKeys(ctx context.Context, swept *Swept) error {
	return s.engine.write(ctx, func(t *tx) error {
		n, err := t.exec("DELETE FROM dedupe WHERE until > 0 AND until <= $1", micros(t.now()))
		swept.Keys = int(n)
		return err
	})
}

// walk visits the contents whose files were written before an instant.
func (f *files) walk(before time.Time, visit func(gateway.Hash) error) error {
	for i := range 256 {
		entries, err := os.ReadDir(filepath.Join(f.dir, fmt.Sprintf("%02x", i)))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, entry := range entries {
			h, err := gateway.ParseHash(entry.Name())
			if err != nil {
				continue // not ours
			}
			info, err := entry.Info()
			if err != nil || !info.ModTime().Before(before) {
				continue // gone meanwhile, or too young
			}
			if err := visit(h); err != nil {
				return err
			}
		}
	}
	return nil
}
