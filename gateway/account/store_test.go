package account

import (
	"context"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

var _ Store = (*store.Store)(nil)

// realStore holds one agent with a password as it is in production.
func realStore(tb testing.TB) (*store.Store, gateway.Agent) {
	tb.Helper()
	dir := tb.TempDir()
	s, err := store.Open(context.Background(), store.Options{Path: filepath.Join(dir, "v.db"), ContentDir: filepath.Join(dir, "contents")})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	hash, err := Hash(password)
	if err != nil {
		tb.Fatal(err)
	}
	agent, err := s.PutAgent(context.Background(), gateway.Agent{Login: "claire", Password: hash, Addresses: []string{"claire@ville.test"}})
	if err != nil {
		tb.Fatal(err)
	}
	return s, agent
}

func TestWithTheRealStore(t *testing.T) {
	s, agent := realStore(t)
	a, err := New(Options{Wait: func(context.Context, time.Duration) {}}, s)
	if err != nil {
		t.Fatal(err)
	}
	login := func(login, password string) int {
		got, err := a.Login(t.Context(), Attempt{Login: login, Password: password, Address: office})
		if err != nil {
			return gateway.FaultOf(err).Code
		}
		if got.ID != agent.ID {
			t.Errorf("%q is %s", login, got.ID)
		}
		return 0
	}
	want := func(code int, name, password string) {
		t.Helper()
		if got := login(name, password); got != code {
			t.Errorf("%s: want %d, got %d", name, code, got)
		}
	}
	want(0, "Claire", password)
	want(535, "claire", "faux")
	want(535, "personne", password)

	shown, kept := NewAppPassword()
	app, err := s.AddAppPassword(t.Context(), gateway.AppPassword{Agent: agent.ID, Label: "téléphone", Hash: kept})
	if err != nil {
		t.Fatal(err)
	}
	want(0, "claire", shown)
	all, err := s.AppPasswords(t.Context(), agent.ID)
	if err != nil || len(all) != 1 || all[0].Used.IsZero() {
		t.Errorf("the use is not recorded: %+v %v", all, err)
	}
	if err := s.RevokeAppPassword(t.Context(), app.ID); err != nil {
		t.Fatal(err)
	}
	want(535, "claire", shown)
	want(0, "claire", password)

	agent.Disabled = true
	if _, err := s.PutAgent(t.Context(), agent); err != nil {
		t.Fatal(err)
	}
	want(535, "claire", password) // remembered, but for the row as it was
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	want(454, "claire", password)
}

// BenchmarkLogin: a remembered login costs one read of the row; a new one, the hash.
func BenchmarkLogin(b *testing.B) {
	s, _ := realStore(b)
	for _, c := range []struct {
		name     string
		remember time.Duration
	}{{"remembered", time.Hour}, {"hashed", time.Nanosecond}} {
		b.Run(c.name, func(b *testing.B) {
			a, err := New(Options{Remember: c.remember}, s)
			if err != nil {
				b.Fatal(err)
			}
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := a.Login(context.Background(), Attempt{Login: "claire", Password: password, Address: office}); err != nil {
						b.Error(err)
					}
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "logins/s")
		})
	}
}

// However many log in at once, no more than Options.Hashing hashes hold their memory.
func TestHashesAtOnceAreBounded(t *testing.T) {
	h := make(slots, 2)
	var mu sync.Mutex
	var now, most int
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if err := h.enter(t.Context()); err != nil {
				t.Error(err)
				return
			}
			defer h.leave()
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			mu.Lock()
			now--
			mu.Unlock()
		})
	}
	wg.Wait()
	if most > 2 {
		t.Errorf("%d at once", most)
	}
}
