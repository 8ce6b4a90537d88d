package store_test

import (
	"context"
	"errors"
	"sort"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// ticket is a job as the model sees it.
type ticket struct {
	id          gateway.ID
	attempt     int
	due, ready  time.Time
	leased      bool
	held        bool
	interrupted bool
}

// model says what the queue must do; holders are leases that workers believe to have, also
// those that ended.
type model struct {
	clock   *hands
	s       *store.Store
	tickets map[gateway.ID]*ticket
	holders []gateway.Job
}

func (m *model) next(n int) []*ticket {
	var due []*ticket
	for _, k := range m.tickets {
		if !k.held && !k.ready.After(m.clock.time()) {
			due = append(due, k)
		}
	}
	sort.Slice(due, func(i, j int) bool {
		if !due[i].ready.Equal(due[j].ready) {
			return due[i].ready.Before(due[j].ready)
		}
		return due[i].id.String() < due[j].id.String()
	})
	return due[:min(n, len(due))]
}

// holds tells whether that lease is in force, or would be if nobody has taken it over.
func (m *model) holds(j gateway.Job) *ticket {
	if k := m.tickets[j.ID]; k != nil && k.attempt == j.Attempt {
		return k
	}
	return nil
}

func (m *model) add(t *rapid.T) {
	at := m.clock.time().Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "due in")) * time.Second)
	j := gateway.Job{ID: gateway.NewID(at), Kind: gateway.JobLetter, Created: at, Due: at}
	m.expect(t, m.s.Apply(context.Background(), gateway.Step{Jobs: []gateway.Job{j}}), nil)
	m.tickets[j.ID] = &ticket{id: j.ID, due: at, ready: at}
}

func (m *model) lease(t *rapid.T) {
	n, ttl := rapid.IntRange(1, 3).Draw(t, "n"), time.Duration(rapid.IntRange(1, 5).Draw(t, "ttl"))*time.Second
	got, err := m.s.Lease(context.Background(), "w", letters(), n, ttl)
	m.expect(t, err, nil)
	want := m.next(n)
	if len(got) != len(want) {
		t.Fatalf("leased %d, want %d", len(got), len(want))
	}
	byID := map[gateway.ID]gateway.Job{}
	for _, j := range got {
		byID[j.ID] = j
	}
	for _, k := range want {
		k.interrupted = k.interrupted || k.leased
		k.attempt++
		k.leased, k.ready = true, m.clock.time().Add(ttl)
		j, ok := byID[k.id]
		if !ok || j.Attempt != k.attempt || !j.Due.Equal(k.due) || j.Interrupted != k.interrupted {
			t.Fatalf("leased %+v, want %+v", j, *k)
		}
	}
	m.holders = append(m.holders, got...)
}

// holder draws a lease, in force or not.
func (m *model) holder(t *rapid.T) gateway.Job {
	if len(m.holders) == 0 {
		t.Skip("nobody holds a lease")
	}
	return rapid.SampledFrom(m.holders).Draw(t, "lease")
}

func (m *model) settle(t *rapid.T) {
	j := m.holder(t)
	r := gateway.JobResult{ID: j.ID, Attempt: j.Attempt}
	if rapid.Bool().Draw(t, "again") {
		r.Again = m.clock.time().Add(time.Second)
	}
	k := m.holds(j)
	m.expect(t, m.s.Apply(context.Background(), gateway.Step{Job: &r}), fenced(k != nil))
	switch {
	case k == nil:
	case r.Again.IsZero():
		delete(m.tickets, k.id)
	default:
		k.due, k.ready, k.leased, k.interrupted = r.Again, r.Again, false, false
	}
}

func (m *model) extend(t *rapid.T) {
	j := m.holder(t)
	k := m.holds(j)
	m.expect(t, m.s.Extend(context.Background(), j, 3*time.Second), fenced(k != nil && k.leased))
	if k != nil && k.leased {
		k.ready = m.clock.time().Add(3 * time.Second)
	}
}

func (m *model) release(t *rapid.T) {
	j := m.holder(t)
	k := m.holds(j)
	m.expect(t, m.s.Release(context.Background(), j), fenced(k != nil && k.leased))
	if k != nil && k.leased {
		k.leased, k.ready = false, k.due
	}
}

func (m *model) hold(t *rapid.T) {
	for id, k := range m.tickets {
		change := m.s.Hold
		if k.held {
			change = m.s.ReleaseHold
		}
		n, err := change(context.Background(), id)
		m.expect(t, err, nil)
		if n != 1 {
			t.Fatalf("%d jobs changed", n)
		}
		k.held = !k.held
		return
	}
}

func (m *model) retry(t *rapid.T) {
	now := m.clock.time()
	for id, k := range m.tickets {
		n, err := m.s.RetryNow(context.Background(), id)
		m.expect(t, err, nil)
		if early := !k.leased && k.due.After(now); (n == 1) != early {
			t.Fatalf("%d jobs hastened: %+v", n, *k)
		} else if early {
			k.due, k.ready = now, now
		}
	}
}

func (m *model) wait(t *rapid.T) {
	m.clock.add(time.Duration(rapid.IntRange(1, 4000).Draw(t, "ms")) * time.Millisecond)
}

func (m *model) expect(t *rapid.T, err, want error) {
	if !errors.Is(err, want) {
		t.Fatalf("got %v, want %v", err, want)
	}
}

func fenced(ours bool) error {
	if ours {
		return nil
	}
	return gateway.ErrFenced
}

// empty ends every job, so that the next run finds none.
func (m *model) empty(t *rapid.T) {
	ctx := context.Background()
	for id := range m.tickets {
		_, err := m.s.ReleaseHold(ctx, id)
		m.expect(t, err, nil)
	}
	m.clock.add(time.Hour)
	jobs, err := m.s.Lease(ctx, "w", letters(), len(m.tickets)+1, time.Hour)
	m.expect(t, err, nil)
	if len(jobs) != len(m.tickets) {
		t.Fatalf("%d jobs are left, want %d", len(jobs), len(m.tickets))
	}
	for _, j := range jobs {
		m.expect(t, m.s.Apply(ctx, gateway.Step{Job: &gateway.JobResult{ID: j.ID, Attempt: j.Attempt}}), nil)
	}
}

// TestLeasesAndFencesAreAsTheModelSays: whatever workers, administrators and the clock do, each
// job has one holder, and nobody settles what was taken over.
func TestLeasesAndFencesAreAsTheModelSays(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		clock := &hands{now: noon}
		s := p.open(t, clock.use)
		rapid.Check(t, func(t *rapid.T) {
			m := &model{clock: clock, s: s, tickets: map[gateway.ID]*ticket{}}
			t.Repeat(map[string]func(*rapid.T){
				"add": m.add, "lease": m.lease, "settle": m.settle, "extend": m.extend, "release": m.release, "hold": m.hold,
				"retry": m.retry, "wait": m.wait,
			})
			m.empty(t)
		})
	})
}
