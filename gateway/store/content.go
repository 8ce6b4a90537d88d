package store

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"vaguemestre/gateway"
)

// Content is a stored content, open for reading.
type Content interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// OpenContent opens a content; gateway.ErrNotFound when there is none.
func (s *Store) OpenContent(ctx context.Context, h gateway.Hash) (Content, error) {
	var c stored
	err := value(ctx, s.engine.reader(), c.dest(), "SELECT "+storedColumns+" FROM content WHERE hash = $1", digest(h))
	if err != nil {
		return nil, fault("open a content", err)
	}
	return c.open(s.files, h)
}

// stored is a content as the database keeps it.
type stored struct {
	size   sql.NullInt64 // NULL: there is no such content
	inline int64
	body   []byte
}

const storedColumns = "content.size, CASE WHEN content.body IS NULL THEN 0 ELSE 1 END, content.body"

func (c *stored) dest() []any { return []any{&c.size, &c.inline, &c.body} }

func (c *stored) open(files *files, h gateway.Hash) (Content, error) {
	if c.inline == 1 {
		return memoryContent{bytes.NewReader(c.body)}, nil
	}
	f, err := files.open(h)
	if err != nil {
		return nil, fault("open a content", fmt.Errorf("%s: %w", h, err))
	}
	return fileContent{f, c.size.Int64}, nil
}

type memoryContent struct{ *bytes.Reader }

func (memoryContent) Close() error { return nil }

type fileContent struct {
	*os.File
	size int64
}

func (c fileContent) Size() int64 { return c.size }

// Keep stores a content that no transaction names yet. It is durable on return, and swept
// when nothing names it by the end of the sweep's grace.
func (s *Store) Keep(ctx context.Context, p *Spool) (gateway.Hash, error) {
	if err := p.settle(); err != nil {
		return gateway.Hash{}, fault("keep a content", err)
	}
	err := s.write(ctx, "keep a content", func(t *tx) error { return t.keep(p, 0) })
	return p.Hash(), err
}

// settleAll makes large contents durable before the transaction that names them.
func settleAll(spools []*Spool) error {
	for _, p := range spools {
		if err := p.settle(); err != nil {
			return err
		}
	}
	return nil
}

// keep makes a content part of the transaction, named by so many more rows.
func (t *tx) keep(p *Spool, refs int64) error {
	h := p.Hash()
	// The form just handed in wins: what it replaces may be what the sweep is removing.
	_, err := t.exec(`INSERT INTO content (hash, size, refs, kept, body) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (hash) DO UPDATE SET refs = CASE WHEN content.refs < 0 THEN excluded.refs ELSE content.refs + excluded.refs END,
			 kept = excluded.kept, body = excluded.body`,
		h[:], p.size, refs, micros(t.now()), p.inlined())
	if err != nil {
		return fmt.Errorf("keep a content: %w", err)
	}
	return p.restore()
}

// name counts one more row that names each content. Naming what is not stored is a failure.
func (t *tx) name(hashes ...gateway.Hash) error { return t.count(1, hashes) }

// unname counts one row less.
func (t *tx) unname(hashes ...gateway.Hash) error { return t.count(-1, hashes) }

var errNoContent = errors.New("content that is not stored")

func (t *tx) count(by int64, hashes []gateway.Hash) error {
	sorted := slices.Clone(hashes)
	slices.SortFunc(sorted, func(a, b gateway.Hash) int { return bytes.Compare(a[:], b[:]) }) // one order of locks
	for _, h := range sorted {
		if h.IsZero() {
			continue
		}
		if err := t.must(errNoContent, "UPDATE content SET refs = refs + $1 WHERE hash = $2 AND refs >= 0", by, h[:]); err != nil {
			return fmt.Errorf("name content %s: %w", h, err)
		}
	}
	return nil
}
