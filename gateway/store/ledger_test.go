package store_test

import (
	"context"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// batch makes a ledger batch of what waits, dated at an instant; the hashes are for the
// store's purposes only.
func batch(t testing.TB, s *store.Store, at time.Time, n int) store.LedgerBatch {
	t.Helper()
	ctx := context.Background()
	var first int64
	if last, err := s.LastCheckpoint(ctx); err == nil {
		first = last.Size
	}
	b := store.LedgerBatch{First: first}
	for i, e := range must(s.Unsequenced(ctx, n))(t) {
		b.Events = append(b.Events, e.ID)
		b.Hashes = append(b.Hashes, store.StoredHash{Index: 2*(first+int64(i)) + 1, Hash: tlog.RecordHash(e.Leaf())})
		if at.Before(e.Recorded) {
			at = e.Recorded
		}
	}
	b.Checkpoint = store.Checkpoint{Size: first + int64(len(b.Events)), Root: tlog.Hash{1}, Time: at, Note: []byte("note")}
	return b
}

// sequence gives everything that waits its place.
func sequence(t testing.TB, s *store.Store, at time.Time) {
	t.Helper()
	epoch, ok, err := s.AcquireLease(context.Background(), store.LeaseLedger, "sequencer", 1000*time.Hour)
	if err != nil || !ok {
		t.Fatalf("lease: %v, %v", ok, err)
	}
	check(t, s.AppendLedger(context.Background(), epoch, batch(t, s, at, 1000)))
}

func note(t testing.TB, s *store.Store, n int) {
	t.Helper()
	for range n {
		check(t, s.Apply(context.Background(), gateway.Step{Events: []gateway.Event{gateway.NewEvent(gateway.ProofIssued, noon, nil, nil)}}))
	}
}

func TestLedger(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		clock := &hands{now: noon}
		s, ctx := p.open(t, clock.use), t.Context()
		_, err := s.LastCheckpoint(ctx)
		wantErr(t, err, gateway.ErrNotFound)
		note(t, s, 5)
		waiting, since, err := s.LedgerLag(ctx)
		check(t, err)
		same(t, "lag", waiting, int64(5))
		same(t, "since", since, noon)

		epoch, _, err := s.AcquireLease(ctx, store.LeaseLedger, "one", time.Hour)
		check(t, err)
		b := batch(t, s, noon, 3)
		wantErr(t, s.AppendLedger(ctx, epoch+1, b), gateway.ErrFenced)
		check(t, s.AppendLedger(ctx, epoch, b))
		wantErr(t, s.AppendLedger(ctx, epoch, b), gateway.ErrFenced) // the ledger has grown
		for i, id := range b.Events {
			e := must(s.EventAt(ctx, int64(i)))(t)
			if e.ID != id || e.Position != int64(i) {
				t.Fatalf("position %d: %+v", i, e)
			}
		}
		_, err = s.EventAt(ctx, -1)
		wantErr(t, err, gateway.ErrNotFound)
		same(t, "checkpoint", must(s.LastCheckpoint(ctx))(t), b.Checkpoint)
		hashes := must(s.LedgerHashes(ctx, []int64{5, 1}))(t)
		same(t, "hashes", hashes, []tlog.Hash{b.Hashes[2].Hash, b.Hashes[0].Hash})
		_, err = s.LedgerHashes(ctx, []int64{1, 7})
		wantErr(t, err, gateway.ErrNotFound)

		// An event placed already, and one that is out of step, undo the whole batch.
		bad := batch(t, s, noon, 2)
		bad.Events[1] = b.Events[0]
		wantErr(t, s.AppendLedger(ctx, epoch, bad), gateway.ErrFenced)
		same(t, "still waiting", len(must(s.Unsequenced(ctx, 10))(t)), 2)

		check(t, s.StampCheckpoint(ctx, 3, []byte("token")))
		wantErr(t, s.StampCheckpoint(ctx, 3, []byte("another")), gateway.ErrNotFound)
		check(t, s.AppendLedger(ctx, epoch, batch(t, s, noon, 10)))
		points := must(s.Checkpoints(ctx, 0, 10))(t)
		if len(points) != 2 || points[1].Size != 5 || string(points[0].Stamp) != "token" {
			t.Fatalf("%+v", points)
		}
		same(t, "from", len(must(s.EventsFrom(ctx, 2, 10))(t)), 3)
		same(t, "from, in pages", must(s.EventsFrom(ctx, 2, 1))(t)[0].Position, int64(2))
	})
}

// TestPromiseNothingRewritten: the database itself refuses a checkpoint that would make a
// true event look back-dated, and one that is dated before what it holds.
func TestPromiseNothingRewrittenCheckpointsTellTheTime(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		clock := &hands{now: noon}
		s, ctx := p.open(t, clock.use), t.Context()
		epoch, _, err := s.AcquireLease(ctx, store.LeaseLedger, "one", time.Hour)
		check(t, err)
		note(t, s, 2)
		late := batch(t, s, noon.Add(time.Minute), 1)
		wantErr(t, s.AppendLedger(ctx, epoch, late), store.ErrOvertaken)
		early := batch(t, s, noon, 2)
		early.Checkpoint.Time = noon.Add(-time.Second)
		if err := s.AppendLedger(ctx, epoch, early); err == nil {
			t.Fatal("a checkpoint dated before its events was taken")
		}
		short := batch(t, s, noon, 2)
		short.Checkpoint.Size = 1
		if err := s.AppendLedger(ctx, epoch, short); err == nil {
			t.Fatal("a checkpoint of another size was taken")
		}
		check(t, s.AppendLedger(ctx, epoch, batch(t, s, noon, 2)))
	})
}

// TestSequencingRacesWithRecording: while events pour in from two handles, every batch that
// is dated as Unsequenced says is taken, and no event is dated before a checkpoint that
// does not hold it.
func TestSequencingRacesWithRecording(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		handles := []*store.Store{p.open(t), p.open(t)}
		sequencer := p.open(t)
		ctx := t.Context()
		epoch, _, err := sequencer.AcquireLease(ctx, store.LeaseLedger, "one", time.Hour)
		check(t, err)
		const writers, each = 6, 30
		done := make(chan []error, 1)
		go func() {
			done <- together(writers, func(i int) error {
				for range each {
					e := gateway.NewEvent(gateway.ProofIssued, noon, nil, nil)
					if err := handles[i%2].Apply(context.Background(), gateway.Step{Events: []gateway.Event{e}}); err != nil {
						return err
					}
				}
				return nil
			})
		}()
		for size := int64(0); size < writers*each; {
			b := batch(t, sequencer, time.Time{}, 1000)
			if len(b.Events) == 0 {
				continue
			}
			check(t, sequencer.AppendLedger(ctx, epoch, b))
			size = b.Checkpoint.Size
		}
		for _, err := range <-done {
			check(t, err)
		}
		points := must(sequencer.Checkpoints(ctx, 0, 1000))(t)
		for i, point := range points[1:] {
			for _, e := range must(sequencer.EventsFrom(ctx, points[i].Size, int(point.Size-points[i].Size)))(t) {
				if e.Recorded.Before(points[i].Time) || e.Recorded.After(point.Time) {
					t.Fatalf("event %d recorded at %s, between checkpoints of %s and %s", e.Position, e.Recorded, points[i].Time, point.Time)
				}
			}
		}
	})
}

func TestOneOfTwoSequencersWins(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		handles := []*store.Store{p.open(t), p.open(t)}
		note(t, handles[0], 4)
		epoch, _, err := handles[0].AcquireLease(t.Context(), store.LeaseLedger, "one", time.Hour)
		check(t, err)
		b := batch(t, handles[0], noon, 10)
		lone(t, together(6, func(i int) error { return handles[i%2].AppendLedger(context.Background(), epoch, b) }), gateway.ErrFenced)
	})
}

// TestPromiseNothingRewrittenEventsAreAppendOnly: the database itself refuses to change an event.
func TestPromiseNothingRewrittenEventsAreAppendOnly(t *testing.T) {
	each(t, func(t *testing.T, p place) { store.CheckAppendOnly(t, p.open(t)) })
}
