package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"vaguemestre/gateway"
)

// Checkpoint is the ledger at one size, signed.
type Checkpoint struct {
	Size int64
	Root tlog.Hash
	// Time is not before the Recorded of any event in it and not after that of any other
	// (AppendLedger refuses anything else): an event outside it that claims an earlier time
	// was tampered with.
	Time  time.Time
	Note  []byte // signed, as sumdb/note
	Stamp []byte // RFC 3161 token over Note; nil: none (yet)
}

// StoredHash is one hash of the tree at its place (tlog.StoredHashIndex).
type StoredHash struct {
	Index int64
	Hash  tlog.Hash
}

// LedgerBatch is what the sequencer adds at once.
type LedgerBatch struct {
	First      int64        // position of the first event: the size so far
	Events     []gateway.ID // in their order
	Hashes     []StoredHash // new hashes of the tree
	Checkpoint Checkpoint
}

// Unsequenced gives up to n events that wait for a place in the ledger, in the order of
// Recorded. Every event recorded later is later than all of them, also those of other
// nodes: the Recorded of the last one (the clock, when there is none) is a Time that the
// checkpoint over them may bear.
func (s *Store) Unsequenced(ctx context.Context, n int) (waiting []gateway.Event, err error) {
	const query = "SELECT " + eventColumns + " FROM event WHERE position < 0 ORDER BY recorded, id LIMIT $1"
	fence := s.engine.dialect().fence
	if fence == "" {
		return all(ctx, s, "list events to sequence", scanEvent, query, n)
	}
	err = s.write(ctx, "list events to sequence", func(t *tx) (err error) {
		if _, err := t.exec(fence); err != nil {
			return err
		}
		waiting, err = list(t.ctx, t.run, scanEvent, query, n)
		return err
	})
	return waiting, err
}

// AppendLedger gives events their positions for ever and stores the hashes and the
// checkpoint that go with them, all or nothing. gateway.ErrFenced when the epoch of
// LeaseLedger is not this one any more, or the ledger has not the size First; ErrOvertaken
// when an event that is not in the ledger was recorded before the checkpoint's Time.
func (s *Store) AppendLedger(ctx context.Context, epoch int64, b LedgerBatch) error {
	return s.write(ctx, "append to the ledger", func(t *tx) error { return t.appendLedger(epoch, b) })
}

func (t *tx) appendLedger(epoch int64, b LedgerBatch) error {
	if t.d.fence != "" {
		if _, err := t.exec(t.d.fence); err != nil {
			return err
		}
	}
	if err := t.holdLease(LeaseLedger, epoch); err != nil {
		return err
	}
	if err := t.ledgerIs(b.First); err != nil {
		return err
	}
	places, hashes := make([][]any, len(b.Events)), make([][]any, len(b.Hashes))
	for i, id := range b.Events {
		places[i] = []any{b.First + int64(i), id.String()}
	}
	for i, h := range b.Hashes {
		hashes[i] = []any{h.Index, h.Hash[:]}
	}
	if err := t.mustAll(gateway.ErrFenced, "UPDATE event SET position = $1 WHERE id = $2 AND position < 0", places); err != nil {
		return fmt.Errorf("place events: %w", err)
	}
	if _, err := t.many("INSERT INTO ledger_hash (position, hash) VALUES ($1, $2)", hashes); err != nil {
		return fmt.Errorf("store hashes: %w", err)
	}
	t.topics |= onLedger
	return t.insertCheckpoint(b)
}

// ledgerIs tells whether the ledger has this size.
func (t *tx) ledgerIs(size int64) error {
	last, err := one(t.ctx, t.run, scanCheckpoint, lastCheckpoint)
	if err != nil && !errors.Is(err, gateway.ErrNotFound) {
		return err
	}
	if last.Size != size {
		return fmt.Errorf("ledger of %d events instead of %d: %w", last.Size, size, gateway.ErrFenced)
	}
	return nil
}

func (t *tx) insertCheckpoint(b LedgerBatch) error {
	c := b.Checkpoint
	if c.Size != b.First+int64(len(b.Events)) {
		return fmt.Errorf("checkpoint of size %d over %d events", c.Size, b.First+int64(len(b.Events)))
	}
	var before, after int64
	err := t.value([]any{&before, &after}, `SELECT (SELECT count(*) FROM event WHERE position < 0 AND recorded < $1),
		(SELECT count(*) FROM event WHERE position >= $2 AND position >= 0 AND recorded > $1)`, micros(c.Time), b.First)
	switch {
	case err != nil:
		return err
	case before > 0:
		return ErrOvertaken
	case after > 0:
		return errors.New("checkpoint dated before an event in it")
	}
	_, err = t.exec(`INSERT INTO checkpoint (size, root, time, note, stamp) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (size) DO UPDATE SET root = excluded.root, time = excluded.time, note = excluded.note, stamp = excluded.stamp`,
		c.Size, c.Root[:], micros(c.Time), octets(c.Note), octets(c.Stamp))
	return err
}

const checkpointColumns = `size, root, time, note, stamp`

const lastCheckpoint = "SELECT " + checkpointColumns + " FROM checkpoint ORDER BY size DESC LIMIT 1"

func scanCheckpoint(row scanner) (c Checkpoint, err error) {
	err = row.Scan(&c.Size, treeHash{&c.Root}, when{&c.Time}, &c.Note, &c.Stamp)
	return c, err
}

// treeHash scans a hash of the tree into place.
type treeHash struct{ h *tlog.Hash }

// Scan implements sql.Scanner.
func (t treeHash) Scan(src any) error {
	b, ok := src.([]byte)
	if !ok || len(b) != len(t.h) {
		return fmt.Errorf("scan a hash from %T of %d bytes", src, len(b))
	}
	copy(t.h[:], b)
	return nil
}

// LastCheckpoint gives the newest one; gateway.ErrNotFound while there is none.
func (s *Store) LastCheckpoint(ctx context.Context) (Checkpoint, error) {
	return get(ctx, s, "read the last checkpoint", scanCheckpoint, lastCheckpoint)
}

// Checkpoints gives up to n of those larger than a size, smallest first.
func (s *Store) Checkpoints(ctx context.Context, after int64, n int) ([]Checkpoint, error) {
	return all(ctx, s, "list checkpoints", scanCheckpoint,
		"SELECT "+checkpointColumns+" FROM checkpoint WHERE size > $1 ORDER BY size LIMIT $2", after, n)
}

// StampCheckpoint adds the time-stamp of an authority to a checkpoint that has none.
func (s *Store) StampCheckpoint(ctx context.Context, size int64, stamp []byte) error {
	return s.write(ctx, "stamp a checkpoint", func(t *tx) error {
		return t.must(gateway.ErrNotFound, "UPDATE checkpoint SET stamp = $1 WHERE size = $2 AND stamp IS NULL", octets(stamp), size)
	})
}

// LedgerHashes gives hashes of the tree by their places, in the order asked;
// gateway.ErrNotFound when one is missing.
func (s *Store) LedgerHashes(ctx context.Context, indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		err := value(ctx, s.engine.reader(), []any{treeHash{&hashes[i]}}, "SELECT hash FROM ledger_hash WHERE position = $1", index)
		if err != nil {
			return nil, fault("read the ledger", fmt.Errorf("hash %d: %w", index, err))
		}
	}
	return hashes, nil
}

// LedgerLag gives the number of events that wait for a place, and when the first of them
// was recorded (zero: none waits).
func (s *Store) LedgerLag(ctx context.Context) (waiting int64, since time.Time, err error) {
	var first *int64
	err = value(ctx, s.engine.reader(), []any{&waiting, &first}, "SELECT count(*), min(recorded) FROM event WHERE position < 0")
	if first != nil {
		since = at(*first)
	}
	return waiting, since, fault("read the ledger's lag", err)
}
