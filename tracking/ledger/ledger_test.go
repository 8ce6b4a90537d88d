package ledger

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"golang.org/x/mod/sumdb/tlog"
	_ "modernc.org/sqlite"
	"pgregory.net/rapid"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a real store with its database file at hand, to be tampered with.
type world struct {
	*store.Store
	path string
	key  *Key
}

type fatal interface {
	Helper()
	Fatalf(format string, args ...any)
}

func newWorld(t testing.TB) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{path: filepath.Join(dir, "test.db")}
	s, err := store.Open(context.Background(), store.Options{Path: w.path, ContentDir: filepath.Join(dir, "contents")})
	if err != nil {
		t.Fatalf("open the store: %v", err)
	}
	t.Cleanup(func() { _ = s.Close() })
	w.Store = s
	if w.key, err = LoadKey(filepath.Join(dir, "ledger.key"), "courrier.example"); err != nil {
		t.Fatalf("make the key: %v", err)
	}
	return w
}

func (w *world) ledger(t fatal, owner string, change ...func(*Options)) *Ledger {
	t.Helper()
	o := Options{Key: w.key, Owner: owner}
	for _, c := range change {
		c(&o)
	}
	l, err := New(o, w.Store)
	if err != nil {
		t.Fatalf("make the ledger: %v", err)
	}
	return l
}

// record stores n events and gives their identifiers.
func (w *world) record(t fatal, n int) []gateway.ID {
	t.Helper()
	var step gateway.Step
	var ids []gateway.ID
	now := time.Now()
	for range n {
		e := gateway.NewEvent(gateway.Visited, now, gateway.VisitDetails{Method: "GET", Looks: "person"}, map[string]string{"address": "192.0.2.1"})
		e = e.About(gateway.NewID(now), gateway.ID{}).By("company", gateway.ByUs)
		step.Events = append(step.Events, e)
		ids = append(ids, e.ID)
	}
	if err := w.Apply(context.Background(), step); err != nil {
		t.Fatalf("record events: %v", err)
	}
	return ids
}

// tamper changes the database as somebody who holds the file would, guards taken away.
func (w *world) tamper(t fatal, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+w.path+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatalf("open the database: %v", err)
	}
	defer db.Close()
	for _, s := range append([]string{
		"DROP TRIGGER IF EXISTS event_frozen", "DROP TRIGGER IF EXISTS event_position",
		"DROP TRIGGER IF EXISTS event_erasure", "DROP TRIGGER IF EXISTS event_kept",
	}, statements...) {
		if _, err := db.Exec(s); err != nil {
			t.Fatalf("tamper: %s: %v", s, err)
		}
	}
}

func sequenceAll(t fatal, l *Ledger) {
	t.Helper()
	for {
		full, err := l.Sequence(context.Background())
		if err != nil {
			t.Fatalf("sequence: %v", err)
		}
		if !full {
			return
		}
	}
}

func faults(t fatal, l *Ledger, held ...[]byte) []Fault {
	t.Helper()
	r, err := l.Verify(context.Background(), held...)
	if err != nil {
		t.Fatalf("verify: %v", err)
	}
	var all []Fault
	for _, f := range r.Findings {
		all = append(all, f.Fault)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// grown is a ledger of several batches, with the note of a checkpoint in its middle.
func grown(t *testing.T) (*world, *Ledger, []byte) {
	t.Helper()
	w := newWorld(t)
	l := w.ledger(t, "one")
	var held []byte
	for i, n := range []int{3, 1, 7, 5, 4} {
		w.record(t, n)
		sequenceAll(t, l)
		if i == 2 {
			c, err := l.Last(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			held = c.Note
		}
	}
	if got := faults(t, l, held); got != nil {
		t.Fatalf("an honest ledger has faults: %v", got)
	}
	return w, l, held
}

func TestPromise8NothingRewritten(t *testing.T) {
	cases := []struct {
		name       string
		statements []string
		want       []Fault
	}{
		{"changed kind", []string{"UPDATE event SET kind = 'read' WHERE position = 5"}, []Fault{Changed}},
		{"changed actor", []string{"UPDATE event SET actor = 'agent:x' WHERE position = 19"}, []Fault{Changed}},
		{"changed recipient", []string{"UPDATE event SET recipient = courier WHERE position = 0"}, []Fault{Changed}},
		{"changed details", []string{`UPDATE event SET details = '{"method":"POST"}' WHERE position = 7`}, []Fault{Details}},
		{"changed details and their hash", []string{`UPDATE event SET details = '{}', details_hash = zeroblob(32) WHERE position = 7`}, []Fault{Changed, Details}},
		{"changed network details", []string{`UPDATE event SET network = '{}' WHERE position = 7`}, []Fault{Details}},
		{"removed", []string{"DELETE FROM event WHERE position = 4"}, []Fault{Removed}},
		{"removed last", []string{"DELETE FROM event WHERE position = 19"}, []Fault{Removed}},
		{"removed first", []string{"DELETE FROM event WHERE position < 3"}, []Fault{Removed}},
		{"removed all", []string{"DELETE FROM event"}, []Fault{Removed}},
		{"removed and closed up", []string{
			"DELETE FROM event WHERE position = 12",
			"UPDATE event SET position = -100 - position WHERE position > 12", "UPDATE event SET position = -101 - position WHERE position < -100",
		}, []Fault{Moved, Removed}},
		{"back-dated", []string{"UPDATE event SET recorded = recorded - 86400000000 WHERE position = 14"}, []Fault{BackDated, Changed}},
		{"post-dated", []string{"UPDATE event SET recorded = recorded + 86400000000 WHERE position = 14"}, []Fault{Changed}},
		{"reordered", []string{
			"UPDATE event SET position = -2 WHERE position = 6", "UPDATE event SET position = 6 WHERE position = 7", "UPDATE event SET position = 7 WHERE position = -2",
		}, []Fault{Moved}},
		{"inserted at the end", []string{insertCopy("20", "recorded")}, []Fault{Inserted}},
		{"inserted while waiting, back-dated", []string{insertCopy("-1", "recorded - 86400000000")}, []Fault{BackDated}},
		{"hash of the tree", []string{"UPDATE ledger_hash SET hash = zeroblob(32) WHERE position = 2"}, []Fault{BadHash}},
		{"hash of the tree removed", []string{"DELETE FROM ledger_hash WHERE position = 2"}, []Fault{BadHash}},
		{"checkpoint's root", []string{"UPDATE checkpoint SET root = zeroblob(32) WHERE size = 11"}, []Fault{BadSign}},
		{"checkpoint's note", []string{"UPDATE checkpoint SET note = 'x' WHERE size = 11"}, []Fault{BadSign}},
		{"checkpoint's time", []string{"UPDATE checkpoint SET time = time + 1 WHERE size = 11"}, []Fault{BadSign}},
		{"last checkpoint removed", []string{"DELETE FROM checkpoint WHERE size = 20"}, []Fault{Inserted}},
		{"cut short", []string{
			"DELETE FROM checkpoint WHERE size > 4", "DELETE FROM event WHERE position >= 4", "DELETE FROM ledger_hash WHERE position >= 7",
		}, []Fault{CutShort}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w, l, held := grown(t)
			w.tamper(t, c.statements...)
			if diff := cmp.Diff(c.want, faults(t, l, held)); diff != "" {
				t.Errorf("what was done to the database is not what is said of it (-want +got):\n%s", diff)
			}
		})
	}
}

// insertCopy makes an event of its own out of the first one.
func insertCopy(position, recorded string) string {
	return `INSERT INTO event SELECT substr(id, 1, 25) || CASE WHEN id LIKE '%g' THEN 'k' ELSE 'g' END, kind, courier, recipient, occurred, ` + recorded + `, generation, attempt, purpose, strength,
		actor, details, details_salt, details_hash, network, network_salt, network_hash, contents, NULL, ` + position + ` FROM event WHERE position = 0`
}

// Whoever holds database and key can write a whole new log; whoever holds an earlier checkpoint sees it.
func TestPromise8RewrittenWithTheKeyIsSeenByAnEarlierCheckpoint(t *testing.T) {
	w, l, held := grown(t)
	w.tamper(t, "DELETE FROM checkpoint", "DELETE FROM ledger_hash", "UPDATE lease SET until = 0",
		"UPDATE event SET kind = 'read' WHERE position = 2", "UPDATE event SET position = -1")
	again := w.ledger(t, "forger")
	sequenceAll(t, again)
	if got := faults(t, l); got != nil {
		t.Fatalf("the forger did badly: %v", got)
	}
	if diff := cmp.Diff([]Fault{Rewritten}, faults(t, l, held)); diff != "" {
		t.Errorf("the earlier checkpoint shows nothing:\n%s", diff)
	}
}

func TestErasureLeavesTheLedgerValid(t *testing.T) {
	w, l, held := grown(t)
	if _, err := w.EraseNetwork(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	events, err := w.EventsFrom(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if err := w.EraseDetails(t.Context(), e.ID); err != nil {
			t.Fatal(err)
		}
	}
	if got := faults(t, l, held); got != nil {
		t.Errorf("erasing details breaks the ledger: %v", got)
	}
}

func TestBrokenLedgerIsNotExtended(t *testing.T) {
	w, _, _ := grown(t)
	w.tamper(t, "UPDATE ledger_hash SET hash = zeroblob(32) WHERE position = 30", "UPDATE lease SET until = 0")
	w.record(t, 1)
	_, err := w.ledger(t, "two").Sequence(t.Context())
	if !errors.Is(err, errBroken) {
		t.Fatalf("a changed tree was extended: %v", err)
	}
}

func TestOneSequencerAtATime(t *testing.T) {
	w := newWorld(t)
	one, two := w.ledger(t, "one"), w.ledger(t, "two")
	w.record(t, 3)
	sequenceAll(t, one)
	if _, err := two.Sequence(t.Context()); !errors.Is(err, ErrElsewhere) {
		t.Fatalf("two sequencers at once: %v", err)
	}
	one.drop()
	w.record(t, 2)
	sequenceAll(t, two)
	w.record(t, 2)
	if _, err := one.Sequence(t.Context()); !errors.Is(err, ErrElsewhere) {
		t.Fatalf("the old holder still sequences: %v", err)
	}
	sequenceAll(t, two)
	if got := faults(t, one); got != nil {
		t.Errorf("changing hands leaves faults: %v", got)
	}
}

func TestCrashLeavesTheRestToTheNextSequencer(t *testing.T) {
	w := newWorld(t)
	w.record(t, 5)
	one := w.ledger(t, "one", func(o *Options) { o.Batch = 2 })
	if _, err := one.Sequence(t.Context()); err != nil { // and then the process dies, with three events waiting
		t.Fatal(err)
	}
	w.tamper(t, "UPDATE lease SET until = 0")
	two := w.ledger(t, "two")
	sequenceAll(t, two)
	last, err := two.Last(t.Context())
	if err != nil || last.Size != 5 || faults(t, two) != nil {
		t.Errorf("after the crash: %d events, %v, %v", last.Size, err, faults(t, two))
	}
}

func TestRunSequencesAndWaitReturns(t *testing.T) {
	w := newWorld(t)
	reg := prometheus.NewRegistry()
	l := w.ledger(t, "one", func(o *Options) { o.Interval, o.Registerer = time.Millisecond, reg })
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	var all []gateway.ID
	for range 5 {
		all = append(all, w.record(t, 20)...)
	}
	if err := w.ledger(t, "other").Wait(t.Context(), all...); err != nil { // as another process does
		t.Errorf("wait: %v", err)
	}
	stop()
	if err := <-done; err != nil {
		t.Errorf("run: %v", err)
	}
	if _, ok, err := w.AcquireLease(t.Context(), store.LeaseLedger, "next", time.Minute); err != nil || !ok {
		t.Errorf("the lease was not given back: %v %v", ok, err)
	}
	families, err := reg.Gather()
	if err != nil || len(families) != 9 {
		t.Errorf("%d metrics, %v", len(families), err)
	}
	for _, f := range families {
		if f.GetName() == "vaguemestre_ledger_batches_total" && f.Metric[0].Counter.GetValue() == 0 {
			t.Error("no batch was counted")
		}
	}
}

func TestWaitSequencesByItselfWhereNobodyDoes(t *testing.T) {
	w := newWorld(t)
	if err := w.ledger(t, "command line").Wait(t.Context(), w.record(t, 3)...); err != nil {
		t.Error(err)
	}
}

func TestProofsOfAnyLedgerHoldAndOfNoOther(t *testing.T) {
	w := newWorld(t)
	l := w.ledger(t, "one")
	sizes := map[int64]Signed{}
	rapid.Check(t, func(rt *rapid.T) {
		w.record(rt, rapid.IntRange(1, 9).Draw(rt, "more"))
		sequenceAll(rt, l)
		c, err := l.Last(context.Background())
		if err != nil {
			rt.Fatal(err)
		}
		sizes[c.Size] = c
		opened, err := Open(c.Note, l.known)
		if err != nil || opened != c.Checkpoint {
			rt.Fatalf("the note says %v, %v", opened, err)
		}
		p := rapid.Int64Range(0, c.Size-1).Draw(rt, "position")
		proofs, err := l.Include(context.Background(), c.Checkpoint, []int64{p})
		if err != nil {
			rt.Fatal(err)
		}
		e, err := w.EventAt(context.Background(), p)
		if err != nil {
			rt.Fatal(err)
		}
		if err := c.CheckInclusion(e, proofs[0]); err != nil {
			rt.Fatal(err)
		}
		e.Actor += "x"
		if c.CheckInclusion(e, proofs[0]) == nil {
			rt.Fatal("a changed event is included")
		}
		older := sizes[rapid.SampledFrom(sortedKeys(sizes)).Draw(rt, "older")]
		proof, err := l.Extend(context.Background(), older.Size, c.Size)
		if err != nil {
			rt.Fatal(err)
		}
		if err := c.CheckConsistency(older.Checkpoint, proof); err != nil {
			rt.Fatal(err)
		}
		older.Root[0] ^= 1
		if c.CheckConsistency(older.Checkpoint, proof) == nil {
			rt.Fatal("another beginning is consistent")
		}
	})
}

func sortedKeys(m map[int64]Signed) []int64 {
	var keys []int64
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func TestTreeIsThatOfTheLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		stored := map[int64]tlog.Hash{}
		reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
			all := make([]tlog.Hash, len(indexes))
			for i, index := range indexes {
				all[i] = stored[index]
			}
			return all, nil
		})
		mine := &tree{}
		for n := range rapid.Int64Range(0, 70).Draw(t, "size") {
			leaf := tlog.RecordHash(rapid.SliceOfN(rapid.Byte(), 0, 3).Draw(t, "leaf"))
			want, err := tlog.StoredHashesForRecordHash(n, leaf, reader)
			if err != nil {
				t.Fatal(err)
			}
			for i, h := range mine.add(leaf) {
				if h.Index != tlog.StoredHashCount(n)+int64(i) || h.Hash != want[i] {
					t.Fatalf("hash %d of leaf %d", i, n)
				}
				stored[h.Index] = h.Hash
			}
			root, err := tlog.TreeHash(n+1, reader)
			if err != nil || root != mine.root() {
				t.Fatalf("root of %d leaves: %v", n+1, err)
			}
			loaded, err := loadTree(context.Background(), storedHashes(reader), n+1)
			if err != nil || loaded.root() != root {
				t.Fatalf("loaded root of %d leaves: %v", n+1, err)
			}
		}
	})
}

type storedHashes tlog.HashReaderFunc

func (s storedHashes) LedgerHashes(_ context.Context, indexes []int64) ([]tlog.Hash, error) {
	return s(indexes)
}

func TestKeyIsMadeOnceAndKept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	one, err := LoadKey(path, "courrier.example")
	if err != nil {
		t.Fatal(err)
	}
	two, err := LoadKey(path, "another.name")
	if err != nil || two.Public() != one.Public() || two.Name() != "courrier.example" {
		t.Errorf("the key changed: %v %v", two, err)
	}
	if _, err := LoadKey(path, "x"); err != nil || !strings.HasPrefix(one.Public(), "courrier.example+") {
		t.Errorf("%q %v", one.Public(), err)
	}
	if _, err := LoadKey(t.TempDir(), "x"); err == nil {
		t.Error("a folder is no key")
	}
}

func TestCheckpointOfAnotherKeyIsRefused(t *testing.T) {
	mine, _, err := NewKey("courrier.example")
	if err != nil {
		t.Fatal(err)
	}
	other, _, err := NewKey("courrier.example")
	if err != nil {
		t.Fatal(err)
	}
	signed, err := other.Sign(Checkpoint{Name: "courrier.example", Size: 1})
	if err != nil {
		t.Fatal(err)
	}
	known, err := Verifiers(mine.Public())
	if err != nil {
		t.Fatal(err)
	}
	if c, err := Open(signed, known); err == nil {
		t.Errorf("opened %v", c)
	}
}

func FuzzOpen(f *testing.F) {
	key, _, err := NewKey("courrier.example")
	if err != nil {
		f.Fatal(err)
	}
	c := Checkpoint{Name: "courrier.example", Size: 12, Time: gateway.Micros(time.Unix(1, 0))}
	signed, err := key.Sign(c)
	if err != nil {
		f.Fatal(err)
	}
	known, err := Verifiers(key.Public())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed)
	f.Add([]byte(c.Text()))
	f.Fuzz(func(t *testing.T, b []byte) {
		if got, err := Open(b, known); err == nil && got.Text() != c.Text() {
			t.Errorf("opened what was never signed: %v", got)
		}
		if got, err := parseCheckpoint(string(b)); err == nil && got.Text() != string(b) {
			t.Errorf("two forms of one checkpoint: %q", b)
		}
	})
}

// BenchmarkSequence puts batches of a thousand events into the ledger; BenchmarkVerify reads them again.
func BenchmarkSequence(b *testing.B) {
	w := newWorld(b)
	l := w.ledger(b, "one")
	n := 0
	for b.Loop() {
		b.StopTimer()
		w.record(b, 1000)
		b.StartTimer()
		sequenceAll(b, l)
		n += 1000
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "events/s")
}

func BenchmarkVerify(b *testing.B) {
	w := newWorld(b)
	l := w.ledger(b, "one")
	for range 10 {
		w.record(b, 1000)
		sequenceAll(b, l)
	}
	for b.Loop() {
		if r, err := l.Verify(b.Context()); err != nil || !r.OK() {
			b.Fatal(err)
		}
	}
	b.ReportMetric(10_000*float64(b.N)/b.Elapsed().Seconds(), "events/s")
}
