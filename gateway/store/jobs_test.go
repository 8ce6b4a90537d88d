package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// queued stores n letter jobs, due one second after the other, and gives them.
func queued(t testing.TB, s *store.Store, n int) []gateway.Job {
	t.Helper()
	var step gateway.Step
	for i := range n {
		at := noon.Add(time.Duration(i) * time.Second)
		step.Jobs = append(step.Jobs, gateway.Job{ID: gateway.NewID(at), Kind: gateway.JobLetter, Created: at, Due: at})
	}
	check(t, s.Apply(context.Background(), step))
	return step.Jobs
}

func TestLease(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		clock := &hands{now: noon.Add(time.Second)}
		s, ctx := p.open(t, clock.use), t.Context()
		all := queued(t, s, 4) // two of them due
		lease := func(n int, kinds ...gateway.JobKind) []gateway.Job {
			t.Helper()
			return must(s.Lease(ctx, "w", kinds, n, time.Minute))(t)
		}
		same(t, "another kind", len(lease(10, gateway.JobNotice, gateway.JobReminder)), 0)
		same(t, "no kind", len(lease(10)), 0)
		one := lease(1, letters()...)
		all[0].Attempt, all[1].Attempt = 1, 1
		same(t, "the oldest", one, all[:1])
		same(t, "the rest", lease(10, gateway.JobNotice, gateway.JobLetter), all[1:2])
		same(t, "nothing left", len(lease(10, letters()...)), 0)

		// A lease that is extended holds; one that ends is taken over, and its holder fenced.
		clock.add(50 * time.Second)
		check(t, s.Extend(ctx, all[1], time.Minute))
		clock.add(20 * time.Second)
		must(s.Hold(ctx, all[2].ID, all[3].ID))(t) // due meanwhile
		again := lease(1, letters()...)
		if again[0].ID != all[0].ID || again[0].Attempt != 2 || !again[0].Interrupted {
			t.Fatalf("%+v", again)
		}
		wantErr(t, s.Extend(ctx, all[0], time.Minute), gateway.ErrFenced)
		wantErr(t, s.Release(ctx, all[0]), gateway.ErrFenced)
		wantErr(t, s.Apply(ctx, gateway.Step{Job: &gateway.JobResult{ID: all[0].ID, Attempt: 1}}), gateway.ErrFenced)

		// Given back unused, it is due as before.
		check(t, s.Release(ctx, again[0]))
		wantErr(t, s.Release(ctx, again[0]), gateway.ErrFenced)
		third := lease(1, letters()...)
		same(t, "due", third[0].Due, all[0].Due)
		same(t, "attempt", third[0].Attempt, 3)
		same(t, "interrupted is not forgotten by giving it back", third[0].Interrupted, true)

		// Put back for later, with what it met.
		later := clock.time().Add(time.Hour)
		check(t, s.Apply(ctx, gateway.Step{Job: &gateway.JobResult{ID: third[0].ID, Attempt: 3, Again: later, Fault: "451 4.7.1"}}))
		j := must(s.Job(ctx, third[0].ID))(t)
		if j.LastFault != "451 4.7.1" || !j.Due.Equal(later) || j.Attempt != 3 {
			t.Fatalf("%+v", j)
		}
		same(t, "faulty", must(s.Jobs(ctx, store.JobFilter{Faulty: true}))(t), []gateway.Job{j})
		same(t, "interrupted is settled", j.Interrupted, false)

		// The next process of an owner that died takes its jobs at once.
		must(s.RetryNow(ctx, j.ID))(t)
		same(t, "leased", len(lease(1, letters()...)), 1)
		same(t, "of nobody", must(s.Abandon(ctx, "x"))(t), int64(0))
		same(t, "of the dead", must(s.Abandon(ctx, "w"))(t), int64(2))
		for _, j := range lease(5, letters()...) {
			same(t, "interrupted", j.Interrupted, true)
		}
	})
}

func TestEachJobIsLeasedOnce(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		handles := []*store.Store{p.open(t), p.open(t)}
		const jobs, workers = 120, 8
		queued(t, handles[0], jobs)
		taken := make([][]gateway.Job, workers)
		for _, err := range together(workers, func(i int) error {
			for {
				got, err := handles[i%2].Lease(context.Background(), fmt.Sprint("w", i), letters(), 7, time.Hour)
				if err != nil || len(got) == 0 {
					return err
				}
				taken[i] = append(taken[i], got...)
			}
		}) {
			check(t, err)
		}
		seen := map[gateway.ID]bool{}
		for _, list := range taken {
			for _, j := range list {
				if seen[j.ID] || j.Attempt != 1 {
					t.Fatalf("job leased twice: %+v", j)
				}
				seen[j.ID] = true
			}
		}
		// On PostgreSQL a worker may pass over rows that another one was about to let go.
		left := must(handles[0].Lease(t.Context(), "last", letters(), jobs, time.Hour))(t)
		same(t, "leased", len(seen)+len(left), jobs)
	})
}

func TestHoldAndRetry(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		clock := &hands{now: noon}
		s, ctx := p.open(t, clock.use), t.Context()
		all := queued(t, s, 3)
		same(t, "held", must(s.Hold(ctx, all[0].ID, all[1].ID))(t), int64(2))
		same(t, "held again", must(s.Hold(ctx, all[0].ID))(t), int64(0))
		same(t, "nothing to lease", len(must(s.Lease(ctx, "w", letters(), 9, time.Minute))(t)), 0)
		same(t, "list", len(must(s.Jobs(ctx, store.JobFilter{Held: true}))(t)), 2)
		stats := must(s.QueueStats(ctx))(t)
		same(t, "stats", stats, store.QueueStats{
			Waiting: map[gateway.JobKind]int64{gateway.JobLetter: 1, gateway.JobReminder: 0, gateway.JobNotice: 0}, Held: 2,
			Oldest: all[2].Created, Next: all[2].Due,
		})
		same(t, "retried", must(s.RetryNow(ctx, all[2].ID))(t), int64(1))
		same(t, "released", must(s.ReleaseHold(ctx, all[0].ID))(t), int64(1))
		leased := must(s.Lease(ctx, "w", letters(), 9, time.Minute))(t)
		same(t, "leased", len(leased), 2)
		same(t, "leased jobs are left alone", must(s.RetryNow(ctx, all[2].ID))(t), int64(0))
		stats = must(s.QueueStats(ctx))(t)
		same(t, "leased count", stats.Leased, int64(2))
		same(t, "next", stats.Next, noon.Add(time.Minute))
		same(t, "page", must(s.Jobs(ctx, store.JobFilter{Kind: gateway.JobLetter, After: all[0].ID, Limit: 1}))(t)[0].ID, all[1].ID)
		same(t, "no jobs", must(s.Hold(ctx))(t), int64(0))
	})
}

func TestLeases(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		clock := &hands{now: noon}
		s, ctx := p.open(t, clock.use), t.Context()
		acquire := func(owner string) (epoch int64, ok bool) {
			t.Helper()
			epoch, ok, err := s.AcquireLease(ctx, "mailbox:principal", owner, time.Minute)
			check(t, err)
			return epoch, ok
		}
		expect := func(owner string, epoch int64, ok bool) {
			t.Helper()
			gotEpoch, gotOK := acquire(owner)
			if gotOK != ok || ok && gotEpoch != epoch {
				t.Fatalf("%s: epoch %d, %v; want %d, %v", owner, gotEpoch, gotOK, epoch, ok)
			}
		}
		expect("a", 1, true)
		expect("b", 0, false)
		clock.add(59 * time.Second)
		expect("a", 1, true) // renewed
		clock.add(59 * time.Second)
		expect("b", 0, false)
		clock.add(time.Second)
		expect("b", 2, true) // taken over
		expect("a", 0, false)
		clock.add(time.Minute)
		expect("b", 3, true) // it let it run out: somebody may have had it meanwhile
		check(t, s.DropLease(ctx, "mailbox:principal", "a"))
		expect("a", 0, false)
		check(t, s.DropLease(ctx, "mailbox:principal", "b"))
		check(t, s.DropLease(ctx, "mailbox:principal", "b"))
		expect("a", 4, true)
		same(t, "leases", must(s.Leases(ctx))(t), []store.Lease{{Name: "mailbox:principal", Owner: "a", Until: clock.time().Add(time.Minute)}})
	})
}

func TestLeaseHasOneHolder(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		handles := []*store.Store{p.open(t), p.open(t)}
		for round := range 5 {
			won := make([]bool, 8)
			for _, err := range together(len(won), func(i int) (err error) {
				_, won[i], err = handles[i%2].AcquireLease(context.Background(), fmt.Sprint(round), fmt.Sprint(i), time.Hour)
				return err
			}) {
				check(t, err)
			}
			holders := 0
			for _, w := range won {
				if w {
					holders++
				}
			}
			same(t, "holders", holders, 1)
		}
	})
}

func TestReceive(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s, ctx := p.open(t, (&hands{now: noon}).use), t.Context()
		receive := func(validity, uid uint32, content []byte) (gateway.Inbound, bool) {
			t.Helper()
			in, fresh, err := s.Receive(ctx, gateway.Inbound{Account: "principal", Mailbox: "INBOX", UIDValidity: validity, UID: uid}, spooled(t, s, content))
			check(t, err)
			return in, fresh
		}
		lastUID := func() [2]uint32 {
			t.Helper()
			validity, uid, err := s.LastUID(ctx, "principal", "INBOX")
			check(t, err)
			return [2]uint32{validity, uid}
		}
		same(t, "never read", lastUID(), [2]uint32{0, 0})
		one, fresh := receive(7, 3, []byte("one"))
		if !fresh || one.State != gateway.InboundNew || one.Size != 3 || !one.Received.Equal(noon) {
			t.Fatalf("%+v, %v", one, fresh)
		}
		two, _ := receive(7, 9, large("two"))
		same(t, "read to", lastUID(), [2]uint32{7, 9})
		again, fresh := receive(7, 3, []byte("one"))
		if fresh || again.ID != one.ID {
			t.Fatalf("the same mail is another: %+v", again)
		}
		same(t, "not back", lastUID(), [2]uint32{7, 9})
		again, fresh = receive(8, 1, []byte("one")) // the mailbox was made anew: the same mail at another place
		if fresh || again.ID != one.ID || again.UIDValidity != 7 {
			t.Fatalf("the same mail at another place: %+v", again)
		}
		same(t, "another UIDVALIDITY", lastUID(), [2]uint32{8, 1})
		same(t, "content", string(contentOf(t, s, one.Content)), "one")
		contentOf(t, s, two.Content)

		sortByID := []gateway.Inbound{one, two}
		if sortByID[0].ID.String() > sortByID[1].ID.String() {
			sortByID[0], sortByID[1] = sortByID[1], sortByID[0]
		}
		same(t, "new", must(s.InboundNew(ctx, 10))(t), sortByID)
		same(t, "failures", must(s.InboundFailure(ctx, two.ID, "panic"))(t), 1)
		same(t, "failures", must(s.InboundFailure(ctx, two.ID, "panic again"))(t), 2)
		_, err := s.InboundFailure(ctx, gateway.NewID(noon), "x")
		wantErr(t, err, gateway.ErrNotFound)

		two.State, two.Class, two.Reason = gateway.InboundQuarantined, "unreadable", "twice"
		check(t, s.Apply(ctx, gateway.Step{Inbound: &two}))
		two.Failures = 2
		same(t, "quarantine", must(s.Inbounds(ctx, store.InboundFilter{State: gateway.InboundQuarantined, Class: "unreadable"}))(t), []gateway.Inbound{two})
		two.State = gateway.InboundDismissed
		check(t, s.Apply(ctx, gateway.Step{Inbound: &two}))
		wantErr(t, s.Apply(ctx, gateway.Step{Inbound: &two}), gateway.ErrFenced)
		stats := must(s.InboundStats(ctx))(t)
		if diff := cmp.Diff(map[gateway.InboundState]int64{gateway.InboundNew: 1, gateway.InboundDone: 0, gateway.InboundQuarantined: 0, gateway.InboundDismissed: 1}, stats); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestTheSameMailIsReceivedOnce(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		handles := []*store.Store{p.open(t), p.open(t)}
		fresh := make([]bool, 8)
		spools := make([]*store.Spool, len(fresh))
		for i := range spools {
			spools[i] = spooled(t, handles[i%2], large("mail"))
		}
		for _, err := range together(len(fresh), func(i int) (err error) {
			_, fresh[i], err = handles[i%2].Receive(context.Background(), gateway.Inbound{Account: "principal", Mailbox: "INBOX", UIDValidity: 1, UID: uint32(i + 1)}, spools[i])
			return err
		}) {
			check(t, err)
		}
		n := 0
		for _, f := range fresh {
			if f {
				n++
			}
		}
		same(t, "fresh", n, 1)
		same(t, "mails", len(must(handles[0].InboundNew(t.Context(), 10))(t)), 1)
		_, uid, err := handles[1].LastUID(t.Context(), "principal", "INBOX")
		check(t, err)
		same(t, "last UID", uid, uint32(8))
	})
}
