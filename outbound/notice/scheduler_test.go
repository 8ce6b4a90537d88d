package notice

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// office is two nodes on a real store, and an agent's letter that was sent on Monday.
type office struct {
	store *store.Store
	nodes [2]*Scheduler
	mu    sync.Mutex
	now   time.Time
	agent gateway.Agent
	about gateway.Consultation
	to    []gateway.Recipient
}

func (o *office) time() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.now
}

func (o *office) set(t time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.now = t
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newOffice(t *testing.T) *office {
	o := &office{now: monday}
	dir := t.TempDir()
	var err error
	o.store, err = store.Open(t.Context(), store.Options{Path: filepath.Join(dir, "v.db"), ContentDir: filepath.Join(dir, "contents"), Now: o.time})
	check(t, err)
	t.Cleanup(func() { check(t, o.store.Close()) })
	paris, err := time.LoadLocation("Europe/Paris")
	check(t, err)
	for i := range o.nodes {
		o.nodes[i] = NewScheduler(Schedule{
			Owner: string(rune('a' + i)), UnreadDays: 7, DigestHour: 7, Zone: paris, Now: o.time, Logger: slog.New(slog.DiscardHandler),
		}, o.store)
	}
	o.agent, err = o.store.PutAgent(t.Context(), gateway.Agent{Login: "anne", Addresses: []string{"anne@mairie.example"}})
	check(t, err)
	o.about, err = o.store.PutConsultation(t.Context(), gateway.Consultation{Reference: "A", Title: "A"})
	check(t, err)
	o.letter(t)
	return o
}

func (o *office) letter(t *testing.T) {
	p := o.store.Spool()
	defer p.Discard()
	_, err := p.Write([]byte("Subject: x\r\n\r\n"))
	check(t, err)
	c := gateway.Courier{ID: gateway.NewID(monday), Author: o.agent.ID, AuthorAddr: "anne@mairie.example", Subject: "Rejet", Type: gateway.Rejet, Consultation: o.about.ID, Options: gateway.Options{Acknowledged: true}, Content: p.Hash(), Accepted: monday}
	a := store.Acceptance{Courier: c, Contents: []*store.Spool{p}}
	for _, address := range []string{"muet@acme.example", "lu@acme.example"} {
		a.Recipients = append(a.Recipients, gateway.Recipient{ID: gateway.NewID(monday), Address: address})
	}
	_, o.to, err = o.store.Accept(t.Context(), a)
	check(t, err)
	for _, r := range o.to {
		o.happens(t, gateway.Sent, r)
	}
	o.happens(t, gateway.Read, o.to[1])
}

func (o *office) happens(t *testing.T, k gateway.EventKind, r gateway.Recipient) {
	t.Helper()
	check(t, o.store.Apply(t.Context(), gateway.Step{Events: []gateway.Event{gateway.NewEvent(k, o.time(), nil, nil).About(r.Courier, r.ID)}}))
}

// round has both nodes go round at once, and gives the notices that wait since the beginning.
func (o *office) round(t *testing.T, at time.Time) (kinds []gateway.Job) {
	t.Helper()
	o.set(at)
	var all sync.WaitGroup
	for _, n := range o.nodes {
		all.Go(func() {
			if err := n.Round(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	jobs, err := o.store.Jobs(t.Context(), store.JobFilter{Kind: gateway.JobNotice})
	check(t, err)
	return jobs
}

func TestAnUnreadLetterIsToldOnce(t *testing.T) {
	o := newOffice(t)
	if jobs := o.round(t, monday.Add(6*24*time.Hour)); len(jobs) > 0 {
		t.Fatalf("too early: %+v", jobs)
	}
	for range 3 {
		jobs := o.round(t, monday.Add(7*24*time.Hour+time.Hour))
		if len(jobs) != 1 || jobs[0].Notice.Kind != gateway.NoticeUnread || jobs[0].Courier != o.to[0].Courier {
			t.Fatalf("%+v", jobs)
		}
	}
}

func TestDaysWithoutReadingAreTheAgents(t *testing.T) {
	o := newOffice(t)
	check(t, o.store.SetNotices(t.Context(), o.agent.ID, gateway.Notices{UnreadDays: 2}))
	if jobs := o.round(t, monday.Add(49*time.Hour)); len(jobs) != 1 {
		t.Errorf("%+v", jobs)
	}
	never := newOffice(t)
	check(t, never.store.SetNotices(t.Context(), never.agent.ID, gateway.Notices{UnreadDays: -1}))
	if jobs := never.round(t, monday.Add(20*24*time.Hour)); len(jobs) != 0 {
		t.Errorf("%+v", jobs)
	}
}

func TestADigestEachMorning(t *testing.T) {
	o := newOffice(t)
	check(t, o.store.SetNotices(t.Context(), o.agent.ID, gateway.Notices{Digest: true, UnreadDays: -1}))
	tuesday := time.Date(2026, 3, 17, 6, 30, 0, 0, time.UTC) // 7:30 in Paris
	if jobs := o.round(t, tuesday.Add(-time.Hour)); len(jobs) != 0 {
		t.Fatalf("before the hour: %+v", jobs)
	}
	for range 2 {
		jobs := o.round(t, tuesday)
		if len(jobs) != 1 {
			t.Fatalf("%+v", jobs)
		}
		m, err := newDigestComposer(t, o).Compose(t.Context(), jobs[0])
		check(t, err)
		m.Close()
		if m.To != "anne@mairie.example" {
			t.Errorf("to %s", m.To)
		}
	}
}

func newDigestComposer(t *testing.T, o *office) *Composer {
	c := newComposer(t, newShelf())
	c.store = o.store
	return c
}

func TestTheSchedulerStops(t *testing.T) {
	o := newOffice(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := o.nodes[0].Run(ctx); err != nil {
		t.Error(err)
	}
	_, free, err := o.store.AcquireLease(t.Context(), leaseName, "another", time.Minute)
	if err != nil || !free {
		t.Errorf("the lease stays: %v", err)
	}
}
