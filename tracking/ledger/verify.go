package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// Fault names what Verify found wrong.
type Fault string

// The faults, from one event to the whole log.
const (
	Changed    Fault = "changed"    // an event is not what stands in the ledger
	Details    Fault = "details"    // an event's details are not those whose hash it bears
	Moved      Fault = "moved"      // an event stands at another's place
	Removed    Fault = "removed"    // no event where the ledger has one
	Inserted   Fault = "inserted"   // an event where the ledger has none
	BackDated  Fault = "back-dated" // recorded before the preceding checkpoint's time
	BadHash    Fault = "hash"       // a stored hash of the tree is not the one of the events
	BadSign    Fault = "checkpoint" // a checkpoint that is not signed, or whose row and note differ
	BadRoot    Fault = "root"       // a checkpoint that does not match the events before it
	Rewritten  Fault = "rewritten"  // the log is not an extension of a checkpoint that is held
	CutShort   Fault = "cut-short"  // the log is shorter than a checkpoint that is held
	NoSignedBy Fault = "held"       // a checkpoint that is held is not signed by a known key
)

// Finding is one thing that is wrong.
type Finding struct {
	Fault    Fault
	Position int64 // in the ledger; for checkpoints, their size
	Event    gateway.ID
	Text     string // in plain words, for administrators
}

// Report is what Verify found. It is all in order when there is no finding.
type Report struct {
	Events      int64
	Checkpoints int
	Last        Checkpoint
	Findings    []Finding
	More        int // findings beyond the first thousand
}

// OK tells that nothing is wrong.
func (r *Report) OK() bool { return len(r.Findings) == 0 }

const maxFindings = 1000

func (r *Report) add(f Fault, position int64, event gateway.ID, format string, args ...any) {
	if len(r.Findings) == maxFindings {
		r.More++
		return
	}
	r.Findings = append(r.Findings, Finding{f, position, event, fmt.Sprintf(format, args...)})
}

// verifyPage is how many events and checkpoints are read at once.
const verifyPage = 500

// Verify reads every event of the ledger again, computes the leaves and the tree from the rows, and
// compares with what is stored and signed, and with the checkpoints that the caller holds from
// earlier (signed notes). An error means that it could not read, not that something is wrong. Memory
// does not grow with the log.
func (l *Ledger) Verify(ctx context.Context, held ...[]byte) (*Report, error) {
	v := &verifier{l: l, report: &Report{}, tree: &tree{}, held: map[int64]Checkpoint{}, wrong: map[tlog.Hash]int64{}}
	v.hold(held)
	if err := v.events(ctx); err != nil {
		return nil, fmt.Errorf("verify the ledger: %w", err)
	}
	v.moves()
	for size := range v.held {
		v.report.add(CutShort, size, gateway.ID{}, "a checkpoint of %d events is held, and the ledger has %d", size, v.tree.size)
	}
	waiting, since, err := l.store.LedgerLag(ctx)
	if err != nil {
		return nil, fmt.Errorf("verify the ledger: %w", err)
	}
	if waiting > 0 && since.Before(v.report.Last.Time) {
		v.report.add(BackDated, v.tree.size, gateway.ID{}, "an event that waits for its place claims to be recorded at %s, before the last checkpoint's time %s",
			since.Format(timeLayout), v.report.Last.Time.Format(timeLayout))
	}
	return v.report, nil
}

// verifier walks through events and checkpoints side by side.
type verifier struct {
	l         *Ledger
	report    *Report
	tree      *tree
	held      map[int64]Checkpoint
	rows      []store.Checkpoint  // the next ones
	until     time.Time           // the last checkpoint's time that was passed
	window    map[int64]tlog.Hash // stored hashes, up to windowEnd
	windowEnd int64
	// misplaced leaves: what stands where something else should, to tell a move from a change
	changed []misplaced
	wrong   map[tlog.Hash]int64 // hash that should be there → its position
}

type misplaced struct {
	position int64
	event    gateway.ID
	leaf     tlog.Hash
}

func (v *verifier) hold(held [][]byte) {
	for _, signed := range held {
		c, err := Open(signed, v.l.known)
		if err != nil {
			v.report.add(NoSignedBy, 0, gateway.ID{}, "a checkpoint that is held: %v", err)
			continue
		}
		v.held[c.Size] = c
	}
}

func (v *verifier) events(ctx context.Context) error {
	for {
		if err := v.checkpoints(ctx); err != nil {
			return err
		}
		page, err := v.l.store.EventsFrom(ctx, v.tree.size, verifyPage)
		if err != nil {
			return err
		}
		done, err := v.page(ctx, page)
		if err != nil || done {
			return err
		}
	}
}

// page takes one page of events. Where one is missing, its stored hash stands in for it, so
// that the rest can still be told apart.
func (v *verifier) page(ctx context.Context, page []gateway.Event) (done bool, err error) {
	for _, e := range page {
		if err := v.fill(ctx, e.Position); err != nil {
			return false, err
		}
		if e.Position != v.tree.size || e.Position >= v.limit() {
			v.report.add(Inserted, e.Position, e.ID, "an event at position %d, which the ledger does not have", e.Position)
			continue
		}
		if err := v.event(ctx, e); err != nil {
			return false, err
		}
	}
	if len(page) > 0 && v.tree.size < v.limit() {
		return false, nil
	}
	return true, v.fill(ctx, v.limit())
}

// fill passes over the positions before this one that have no event. It stops at the last
// checkpoint, having looked whether another one came meanwhile.
func (v *verifier) fill(ctx context.Context, position int64) error {
	if position >= v.limit() {
		if err := v.checkpoints(ctx); err != nil {
			return err
		}
	}
	for v.tree.size < min(position, v.limit()) {
		v.report.add(Removed, v.tree.size, gateway.ID{}, "no event at position %d", v.tree.size)
		leaf, _, err := v.stored(ctx, tlog.StoredHashIndex(0, v.tree.size))
		if err != nil {
			return err
		}
		v.wrong[leaf] = v.tree.size
		v.tree.add(leaf)
		if err := v.checkpoints(ctx); err != nil {
			return err
		}
	}
	return nil
}

// limit is the size of the last checkpoint known so far; past it another page of checkpoints is read.
func (v *verifier) limit() int64 {
	if len(v.rows) > 0 {
		return v.rows[len(v.rows)-1].Size
	}
	return v.report.Last.Size
}

// stored gives a stored hash by its place, from a window that moves along.
func (v *verifier) stored(ctx context.Context, index int64) (h tlog.Hash, ok bool, err error) {
	if index >= v.windowEnd {
		end := min(index+2*verifyPage, tlog.StoredHashCount(v.limit()))
		var indexes []int64
		for i := index; i < end; i++ {
			indexes = append(indexes, i)
		}
		if v.window, err = v.read(ctx, indexes); err != nil {
			return h, false, err
		}
		v.windowEnd = max(end, index+1)
	}
	h, ok = v.window[index]
	return h, ok, nil
}

// read reads stored hashes one by one where reading them at once shows that one is missing.
func (v *verifier) read(ctx context.Context, indexes []int64) (map[int64]tlog.Hash, error) {
	found := map[int64]tlog.Hash{}
	all, err := v.l.store.LedgerHashes(ctx, indexes)
	if err == nil {
		for i, h := range all {
			found[indexes[i]] = h
		}
		return found, nil
	}
	if !errors.Is(err, gateway.ErrNotFound) {
		return nil, err
	}
	for _, index := range indexes {
		one, err := v.l.store.LedgerHashes(ctx, []int64{index})
		if err == nil {
			found[index] = one[0]
		} else if !errors.Is(err, gateway.ErrNotFound) {
			return nil, err
		}
	}
	return found, nil
}

// event takes one event at its position.
func (v *verifier) event(ctx context.Context, e gateway.Event) error {
	position, leaf := v.tree.size, tlog.RecordHash(e.Leaf())
	v.alone(e)
	kept, ok, err := v.stored(ctx, tlog.StoredHashIndex(0, position))
	if err != nil {
		return err
	}
	if ok && kept != leaf {
		v.changed = append(v.changed, misplaced{position, e.ID, leaf})
		v.wrong[kept] = position
		leaf = kept // the tree goes on as it was signed, so that what follows is judged by itself
	}
	for _, h := range v.tree.add(leaf) {
		kept, ok, err := v.stored(ctx, h.Index)
		if err != nil {
			return err
		}
		if !ok || kept != h.Hash {
			v.report.add(BadHash, position, gateway.ID{}, "the stored hash %d of the tree is missing or changed", h.Index)
		}
	}
	return v.checkpoints(ctx)
}

// alone judges what an event shows by itself.
func (v *verifier) alone(e gateway.Event) {
	if e.Details != nil && gateway.SaltedHash(e.DetailsSalt, e.Details) != e.DetailsHash {
		v.report.add(Details, e.Position, e.ID, "the details of %s %s are not those recorded", e.Kind, e.ID)
	}
	if e.Network != nil && gateway.SaltedHash(e.NetworkSalt, e.Network) != e.NetworkHash {
		v.report.add(Details, e.Position, e.ID, "the network details of %s %s are not those recorded", e.Kind, e.ID)
	}
	if e.Recorded.Before(v.until) {
		v.report.add(BackDated, e.Position, e.ID, "%s %s claims to be recorded at %s, before the preceding checkpoint's time %s",
			e.Kind, e.ID, e.Recorded.UTC().Format(timeLayout), v.until.Format(timeLayout))
	}
}

// moves tells events that stand at each other's places from changed ones.
func (v *verifier) moves() {
	for _, m := range v.changed {
		if from, ok := v.wrong[m.leaf]; ok {
			v.report.add(Moved, m.position, m.event, "event %s stands at position %d and belongs at %d", m.event, m.position, from)
			continue
		}
		v.report.add(Changed, m.position, m.event, "event %s at position %d is not the one that was recorded there", m.event, m.position)
	}
}

// checkpoints judges those of the size reached, and keeps the next ones at hand.
func (v *verifier) checkpoints(ctx context.Context) error {
	for {
		if len(v.rows) == 0 {
			rows, err := v.l.store.Checkpoints(ctx, v.report.Last.Size, verifyPage)
			if err != nil {
				return err
			}
			v.rows = rows
		}
		if c, ok := v.held[v.tree.size]; ok {
			if c.Root != v.tree.root() {
				v.report.add(Rewritten, c.Size, gateway.ID{}, "the first %d events are not those of the checkpoint that is held", c.Size)
			}
			delete(v.held, v.tree.size)
		}
		if len(v.rows) == 0 || v.rows[0].Size > v.tree.size {
			v.report.Events = v.tree.size
			return nil
		}
		v.checkpoint(v.rows[0])
		v.rows = v.rows[1:]
	}
}

func (v *verifier) checkpoint(row store.Checkpoint) {
	v.report.Checkpoints++
	if err := v.l.checkRow(row); err != nil {
		v.report.add(BadSign, row.Size, gateway.ID{}, "checkpoint of %d events: %v", row.Size, err)
	} else if row.Root != v.tree.root() {
		v.report.add(BadRoot, row.Size, gateway.ID{}, "the checkpoint of %d events does not match the events before it", row.Size)
	}
	if row.Time.Before(v.until) {
		v.report.add(BackDated, row.Size, gateway.ID{}, "the checkpoint of %d events is dated before the one before it", row.Size)
	}
	v.until = row.Time
	v.report.Last = Checkpoint{v.l.o.Key.Name(), row.Size, row.Root, row.Time}
}
