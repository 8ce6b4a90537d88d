package store_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// play has this binary play a part in another process.
func play(t testing.TB, o order) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+string(must(json.Marshal(o))(t)))
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	return cmd, &stderr
}

// processes runs a part in n other processes at once, and gives the lines that each said.
func processes(t testing.TB, n int, o order) [][]string {
	t.Helper()
	said := make([][]string, n)
	for _, err := range together(n, func(i int) error {
		cmd, stderr := play(t, o)
		out, err := cmd.Output()
		if err != nil {
			return fmt.Errorf("%w: %s", err, stderr)
		}
		said[i] = strings.Split(strings.TrimSpace(string(out)), "\n")
		return nil
	}) {
		check(t, err)
	}
	return said
}

func TestPromiseOnceInTwoProcesses(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s := p.open(t)
		said := processes(t, 2, p.order("accept", 40))
		ids := map[string]int{}
		for i := range said[0] {
			a, b := strings.Fields(said[0][i]), strings.Fields(said[1][i])
			if a[0] != b[0] {
				t.Fatalf("key %d gave the couriers %s and %s", i, a[0], b[0])
			}
			ids[a[0]]++
			if a[1] == b[1] { // one of them came first; the addresses are the same
				t.Fatalf("key %d: %s and %s recipients were added", i, a[1], b[1])
			}
		}
		same(t, "couriers", len(must(s.Couriers(t.Context(), store.CourierFilter{Limit: 1000}))(t)), len(ids))
		same(t, "jobs", len(must(s.Jobs(t.Context(), store.JobFilter{Limit: 1000}))(t)), len(ids))
	})
}

func TestJobsLeasedByTwoProcesses(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s := p.open(t)
		queued(t, s, 60)
		all := slices.Concat(processes(t, 2, p.order("lease", 60))...)
		all = slices.DeleteFunc(all, func(line string) bool { return line == "" })
		slices.Sort(all)
		same(t, "settled once each", len(slices.Compact(slices.Clone(all))), len(all))
		left := must(s.Jobs(t.Context(), store.JobFilter{Limit: 1000}))(t)
		same(t, "all", len(all)+len(left), 60)
	})
}

func TestEventsOfTwoProcessesAreInOrder(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s := p.open(t)
		processes(t, 2, p.order("append", 40))
		waiting := must(s.Unsequenced(t.Context(), 1000))(t)
		same(t, "events", len(waiting), 80)
		if p.options.Driver == store.Postgres {
			return // transactions side by side may bear one time; Unsequenced and AppendLedger see to the rest
		}
		for i, e := range waiting[1:] {
			if !e.Recorded.After(waiting[i].Recorded) {
				t.Fatalf("%s is not after %s", e.Recorded, waiting[i].Recorded)
			}
		}
	})
}

// TestPromiseAcceptedIsOurs: a process that is killed at any instant loses nothing that it
// said was accepted, and leaves nothing half done.
func TestPromiseAcceptedIsOurs(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		check(t, must(store.Open(t.Context(), p.options))(t).Close())
		var accepted []string
		for round := range 4 {
			accepted = append(accepted, kill(t, p, 7+round*11)...)
			intact(t, p, accepted)
		}
	})
}

// kill has a process accept couriers, kills it once it told of so many, and gives those it
// told of.
func kill(t testing.TB, p place, after int) (accepted []string) {
	t.Helper()
	cmd, stderr := play(t, p.order("stream", 4))
	out := must(cmd.StdoutPipe())(t)
	check(t, cmd.Start())
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		accepted = append(accepted, lines.Text())
		if len(accepted) == after {
			check(t, cmd.Process.Kill())
		}
	}
	if err := cmd.Wait(); err == nil || len(accepted) < after {
		t.Fatalf("ended by itself after %d: %s", len(accepted), stderr)
	}
	return accepted
}

// intact tells that the couriers told of are there, and every courier that is there is whole.
func intact(t testing.TB, p place, told []string) {
	t.Helper()
	ctx := context.Background()
	s := must(store.Open(ctx, p.options))(t)
	there := map[string]bool{}
	for _, c := range must(s.Couriers(ctx, store.CourierFilter{Limit: 100_000}))(t) {
		there[c.ID.String()] = true
		contentOf(t, s, c.Content)
		if n := len(must(s.Recipients(ctx, c.ID))(t)); n != 1 {
			t.Fatalf("courier with %d recipients", n)
		}
		if n := len(must(s.Events(ctx, c.ID, gateway.ID{}))(t)); n != 2 {
			t.Fatalf("courier with %d events", n)
		}
		if n := len(must(s.Jobs(ctx, store.JobFilter{Courier: c.ID}))(t)); n != 1 {
			t.Fatalf("courier with %d jobs", n)
		}
	}
	for _, id := range told {
		if !there[id] {
			t.Fatalf("courier %s was accepted and is lost", id)
		}
	}
	check(t, s.Close())
}

// TestPromiseAcceptedIsOursWhenTheServerCrashes: the same when it is PostgreSQL that crashes;
// meanwhile everything is a temporary fault, and it goes on by itself afterwards.
func TestPromiseAcceptedIsOursWhenTheServerCrashes(t *testing.T) {
	var synced postgres
	t.Cleanup(synced.stop)
	p := synced.place(t)
	s := p.open(t)
	ctx := t.Context()
	told := make(chan string, 10_000)
	stop := make(chan struct{})
	outcome := make(chan []error, 1)
	go func() {
		outcome <- together(4, func(int) error {
			for {
				select {
				case <-stop:
					return nil
				default:
				}
				a, err := letter(s, 100)
				if err != nil {
					return err
				}
				_, _, err = s.Accept(context.Background(), a)
				if f := gateway.FaultOf(err); err != nil && (f.Class != gateway.Temporary || f.Code != 451) {
					return err
				}
				if err == nil {
					told <- a.Courier.ID.String()
				}
			}
		})
	}()
	var accepted []string
	for range 20 {
		accepted = append(accepted, <-told)
	}
	synced.p.Kill()
	if err := s.Ping(ctx); gateway.FaultOf(err).Code != 451 || err == nil {
		t.Errorf("without its database: %v", err)
	}
	check(t, synced.p.Restart(ctx))
	for len(told) > 0 {
		accepted = append(accepted, <-told)
	}
	for range 20 {
		accepted = append(accepted, <-told)
	}
	close(stop)
	for _, err := range <-outcome {
		check(t, err)
	}
	check(t, s.Ping(ctx))
	intact(t, p, accepted)
}
