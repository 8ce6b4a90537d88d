package store

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"vaguemestre/gateway"
)

func openGroup(t *testing.T) (*Store, *group) {
	t.Helper()
	dir := t.TempDir()
	s, err := Open(context.Background(), Options{Path: filepath.Join(dir, "v.sqlite"), ContentDir: filepath.Join(dir, "contents")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, s.engine.(*sqliteDB).writer
}

// blocked makes the writer wait inside a transaction until the function returned is called,
// so that what is asked meanwhile shares its commit.
func blocked(t *testing.T, g *group) (release func()) {
	t.Helper()
	entered, leave := make(chan struct{}), make(chan struct{})
	var once sync.Once // it may be run again
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := g.do(context.Background(), func(*tx) error {
			once.Do(func() { close(entered) })
			<-leave
			return nil
		}); err != nil {
			t.Error(err)
		}
	})
	<-entered
	return func() { close(leave); wg.Wait() }
}

func put(name string) func(*tx) error {
	return func(t *tx) error {
		_, err := t.exec("INSERT INTO lease (name, owner, epoch, until) VALUES ($1, '', 0, 0)", name)
		return err
	}
}

func (g *group) ask(ctx context.Context, fn func(*tx) error) <-chan error {
	before := len(g.requests)
	answer := make(chan error, 1)
	go func() { answer <- g.do(ctx, fn) }()
	for len(g.requests) == before && ctx.Err() == nil {
		runtime.Gosched()
	}
	return answer
}

func names(t *testing.T, s *Store) string {
	t.Helper()
	all, err := list(context.Background(), s.engine.reader(), func(row scanner) (name string, err error) {
		err = row.Scan(&name)
		return name, err
	}, "SELECT name FROM lease ORDER BY name")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, " ")
}

func TestOneCallersFailureLeavesTheOthersUntouched(t *testing.T) {
	s, g := openGroup(t)
	ctx := context.Background()
	release := blocked(t, g)
	first := g.ask(ctx, put("a"))
	own := errors.New("its own reasons")
	failing := g.ask(ctx, func(t *tx) error { return errors.Join(put("b")(t), own) })
	again := g.ask(ctx, put("a")) // the constraint is broken by this one
	impatient, cancel := context.WithCancel(ctx)
	gone := g.ask(impatient, put("c"))
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("withdrawn: %v", err)
	}
	last := g.ask(ctx, put("d"))
	release()
	if err := errors.Join(<-first, <-last); err != nil {
		t.Errorf("the others: %v", err)
	}
	if err := <-failing; !errors.Is(err, own) {
		t.Errorf("the failing one: %v", err)
	}
	if err := <-again; err == nil {
		t.Error("a broken constraint was committed")
	}
	if got := names(t, s); got != "a d" {
		t.Errorf("stored: %q", got)
	}
}

func TestWhoBeganIsToldTheTruth(t *testing.T) {
	s, g := openGroup(t)
	ctx, cancel := context.WithCancel(context.Background())
	err := g.do(ctx, func(t *tx) error {
		cancel() // while its transaction runs
		return put("a")(t)
	})
	if err != nil || names(t, s) != "a" {
		t.Fatalf("%v, %q", err, names(t, s))
	}
}

func TestPanicReachesItsCallerAlone(t *testing.T) {
	s, g := openGroup(t)
	release := blocked(t, g)
	other := g.ask(context.Background(), put("a"))
	caught := make(chan any, 1)
	go func() {
		defer func() { caught <- recover() }()
		_ = g.do(context.Background(), func(t *tx) error { _ = put("b")(t); panic("ouch") })
	}()
	release()
	if err := <-other; err != nil {
		t.Error(err)
	}
	if got := <-caught; got != "ouch" {
		t.Errorf("caught %v", got)
	}
	if got := names(t, s); got != "a" {
		t.Errorf("stored: %q", got)
	}
}

// TestLostGroupIsRunAgainOneByOne: when SQLite ends the whole transaction by itself (disk full,
// I/O error), each member gets its own outcome.
func TestLostGroupIsRunAgainOneByOne(t *testing.T) {
	s, g := openGroup(t)
	ctx := context.Background()
	release := blocked(t, g)
	first := g.ask(ctx, put("a"))
	guilty := g.ask(ctx, func(t *tx) error {
		if err := put("b")(t); err != nil {
			return err
		}
		_, err := t.exec("INSERT OR ROLLBACK INTO lease (name, owner, epoch, until) VALUES ('b', '', 0, 0)")
		return err
	})
	last := g.ask(ctx, put("c"))
	release()
	if err := errors.Join(<-first, <-last); err != nil {
		t.Errorf("the others: %v", err)
	}
	if err := <-guilty; err == nil {
		t.Error("the guilty one succeeded")
	}
	if got := names(t, s); got != "a c" {
		t.Errorf("stored: %q", got)
	}
}

func TestCloseFinishesWhatWaits(t *testing.T) {
	s, g := openGroup(t)
	release := blocked(t, g)
	var waiting []<-chan error
	for i := range 5 {
		waiting = append(waiting, g.ask(context.Background(), put(fmt.Sprint(i))))
	}
	closed := make(chan error, 1)
	go func() { closed <- s.Close() }()
	<-g.quit
	release()
	if err := <-closed; err != nil {
		t.Error(err)
	}
	for _, answer := range waiting {
		if err := <-answer; err != nil && !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	}
	err := s.DropLease(context.Background(), "x", "y")
	if f := gateway.FaultOf(err); !errors.Is(err, ErrClosed) || f.Code != 451 {
		t.Errorf("after Close: %v", err)
	}
}
