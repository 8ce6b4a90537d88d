package store_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"vaguemestre/deploy/sandbox"
	"vaguemestre/gateway/store"
)

// childVariable names the part that this binary plays when a test runs it as another process.
const childVariable = "VAGUEMESTRE_STORE_TEST_CHILD"

func TestMain(m *testing.M) {
	if part := os.Getenv(childVariable); part != "" {
		os.Exit(child(part))
	}
	code := m.Run()
	server.stop()
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// server is the PostgreSQL that all tests of this package share, started by the first one. A
// test of behaviour has no machine that loses its power; benchmarks and the test of a crash
// have a server of their own, that syncs.
var server = postgres{settings: map[string]string{"fsync": "off"}}

type postgres struct {
	settings map[string]string
	mu       sync.Mutex
	p        *sandbox.Postgres
	template string // a database with all tables and nothing in them
}

func (s *postgres) database(t testing.TB) string {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if s.p == nil {
		s.p = must(sandbox.StartPostgres(ctx, sandbox.PostgresOptions{Settings: s.settings}))(t)
	}
	if s.template == "" {
		dsn := must(s.p.Database(ctx))(t)
		first := must(store.Open(ctx, store.Options{Driver: store.Postgres, DSN: dsn, ContentDir: t.TempDir()}))(t)
		check(t, first.Close())
		s.template = dsn
	}
	return must(s.p.Clone(ctx, s.template))(t)
}

func (s *postgres) stop() {
	if s.p != nil {
		s.p.Stop()
	}
}

// place is one installation, which several handles may open.
type place struct{ options store.Options }

// open gives one more handle on the installation.
func (p place) open(t testing.TB, change ...func(*store.Options)) *store.Store {
	t.Helper()
	o := p.options
	for _, c := range change {
		c(&o)
	}
	s, err := store.Open(context.Background(), o)
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

func sqlitePlace(t testing.TB) place {
	dir := t.TempDir()
	return place{store.Options{Driver: store.SQLite, Path: filepath.Join(dir, "vaguemestre.db"), ContentDir: filepath.Join(dir, "contents")}}
}

func postgresPlace(t testing.TB) place { return server.place(t) }

func (s *postgres) place(t testing.TB) place {
	return place{store.Options{Driver: store.Postgres, DSN: s.database(t), ContentDir: filepath.Join(t.TempDir(), "contents")}}
}

// each runs a test on both stores.
func each(t *testing.T, test func(t *testing.T, p place)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, sqlitePlace(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, postgresPlace(t)) })
}
