package store

import (
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"vaguemestre/gateway"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func newSQLite(t testing.TB) *Store {
	t.Helper()
	dir := t.TempDir()
	s, err := Open(t.Context(), Options{Path: filepath.Join(dir, "v.db"), ContentDir: filepath.Join(dir, "contents")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestSmoke(t *testing.T) {
	s := newSQLite(t)
	ctx := t.Context()
	now := time.Now()
	sp := s.Spool()
	defer sp.Discard()
	sp.Write(make([]byte, 100000))
	c := gateway.Courier{ID: gateway.NewID(now), Content: sp.Hash(), Accepted: now, Size: sp.Size()}
	r := gateway.Recipient{ID: gateway.NewID(now), Address: "a@b.example"}
	a := Acceptance{Courier: c, Recipients: []gateway.Recipient{r}, Contents: []*Spool{sp}, Key: gateway.HashOf([]byte("k")),
		Events: []gateway.Event{gateway.NewEvent(gateway.Submitted, now, gateway.SubmittedDetails{}, nil), gateway.NewEvent(gateway.Submitted, now, nil, nil).About(gateway.ID{}, r.ID)},
		Jobs:   []gateway.Job{{ID: gateway.NewID(now), Kind: gateway.JobLetter, Recipient: r.ID}}}
	got, added, err := s.Accept(ctx, a)
	if err != nil || len(added) != 1 {
		t.Fatal(err, added)
	}
	if got, added, err = s.Accept(ctx, a); err != nil || len(added) != 0 || got.ID != c.ID {
		t.Fatal(err, added)
	}
	j, err := s.Lease(ctx, "w", []gateway.JobKind{gateway.JobLetter}, 5, time.Minute)
	if err != nil || len(j) != 1 {
		t.Fatal(err, j)
	}
	err = s.Apply(ctx, gateway.Step{Job: &gateway.JobResult{ID: j[0].ID, Attempt: j[0].Attempt}, Events: []gateway.Event{gateway.NewEvent(gateway.Sent, now, nil, nil).About(c.ID, r.ID)}})
	if err != nil {
		t.Fatal(err)
	}
	rr, err := s.Recipients(ctx, c.ID)
	if err != nil || rr[0].Standing.State != gateway.StateSent {
		t.Fatal(err, rr)
	}
	evs, err := s.Events(ctx, c.ID, gateway.ID{})
	if err != nil || len(evs) != 3 {
		t.Fatal(err, evs)
	}
	if _, err := s.PutConsultation(ctx, gateway.Consultation{Reference: "T1", Address: "t1"}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.PutConsultation(ctx, gateway.Consultation{Reference: "T2", Address: "t1"}); err == nil {
		t.Fatal(err)
	}
	if _, ok, err := s.AcquireLease(ctx, "ledger", "me", time.Minute); !ok || err != nil {
		t.Fatal(err)
	}
}
