package store_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// order says what another process does, on which installation.
type order struct {
	Part                          string
	Driver, Path, DSN, ContentDir string
	N                             int
}

func (p place) order(part string, n int) order {
	o := p.options
	return order{Part: part, Driver: o.Driver, Path: o.Path, DSN: o.DSN, ContentDir: o.ContentDir, N: n}
}

// child plays a part in another process, and gives its exit code. It says on standard output
// what it was told is done.
func child(text string) int {
	var o order
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	ctx := context.Background()
	s, err := store.Open(ctx, store.Options{Driver: o.Driver, Path: o.Path, DSN: o.DSN, ContentDir: o.ContentDir, MaxConns: 4})
	if err == nil {
		err = map[string]func(context.Context, *store.Store, int) error{
			"accept": childAccept, "lease": childLease, "stream": childStream, "append": childAppend,
		}[o.Part](ctx, s, o.N)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if err := s.Close(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// childAccept accepts n couriers by the keys 0 to n-1, which other processes use too.
func childAccept(ctx context.Context, s *store.Store, n int) error {
	for i := range n {
		a, err := letter(s, 100)
		if err != nil {
			return err
		}
		a.Key, a.Courier.MessageID = gateway.HashOf([]byte(fmt.Sprint("key ", i))), fmt.Sprintf("<%d@acheteur.example>", i)
		c, added, err := s.Accept(ctx, a)
		if err != nil {
			return err
		}
		fmt.Println(c.ID, len(added))
	}
	return nil
}

// childLease leases and settles jobs until n were settled here or nothing is left.
func childLease(ctx context.Context, s *store.Store, n int) error {
	for n > 0 {
		jobs, err := s.Lease(ctx, fmt.Sprint(os.Getpid()), letters(), 3, time.Hour)
		if err != nil || len(jobs) == 0 {
			return err
		}
		for _, j := range jobs {
			if err := s.Apply(ctx, gateway.Step{Job: &gateway.JobResult{ID: j.ID, Attempt: j.Attempt}}); err != nil {
				return err
			}
			fmt.Println(j.ID)
			n--
		}
	}
	return nil
}

// childStream accepts couriers, small and large, from several goroutines until it is killed.
func childStream(ctx context.Context, s *store.Store, writers int) error {
	failed := make(chan error)
	for w := range writers {
		go func() {
			for i := 0; ; i++ {
				size := 100
				if (i+w)%3 == 0 {
					size = store.DefaultInline + 1
				}
				a, err := letter(s, size)
				if err == nil {
					_, _, err = s.Accept(ctx, a)
				}
				if err != nil {
					failed <- err
					return
				}
				fmt.Println(a.Courier.ID)
				a.Contents[0].Discard()
			}
		}()
	}
	return <-failed
}

// childAppend records n events.
func childAppend(ctx context.Context, s *store.Store, n int) error {
	for range n {
		e := gateway.NewEvent(gateway.ProofIssued, time.Now(), nil, nil)
		if err := s.Apply(ctx, gateway.Step{Events: []gateway.Event{e}}); err != nil {
			return err
		}
	}
	return nil
}
