package store_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

func entry(reference, address string, companies ...gateway.Company) store.Entry {
	return store.Entry{Consultation: gateway.Consultation{Reference: reference, Address: address}, Companies: companies, Listed: companies != nil}
}

func company(ref string) gateway.Company {
	return gateway.Company{Ref: ref, Name: ref, Addresses: []string{ref + "@entreprise.example"}}
}

func TestAnImportIsWholeOrNothing(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s, ctx := p.open(t), t.Context()
		must(s.ImportConsultations(ctx, []store.Entry{entry("UN", "un", company("alpha"))}, store.Import{}))(t)
		_, err := s.ImportConsultations(ctx, []store.Entry{entry("DEUX", "deux", company("beta")), entry("TROIS", "un")}, store.Import{})
		wantErr(t, err, store.ErrAddressTaken)
		same(t, "consultations", len(must(s.Consultations(ctx))(t)), 1)
	})
}

func TestAnImportKeepsWhatItDoesNotSay(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s, ctx := p.open(t), t.Context()
		c := must(s.ImportConsultations(ctx, []store.Entry{entry("UN", "un", company("alpha"))}, store.Import{}))(t)[0]
		must(s.ArchiveConsultation(ctx, c.ID))(t)

		again := store.Entry{Consultation: gateway.Consultation{Reference: "UN", Address: "autre", Title: "T"}, KeepAddress: true}
		stored := must(s.ImportConsultations(ctx, []store.Entry{again}, store.Import{Companies: store.Replace}))(t)[0]
		if stored.ID != c.ID || stored.Address != "un" || stored.Title != "T" || stored.Archived.IsZero() {
			t.Errorf("%+v", stored)
		}
		same(t, "companies", len(must(s.Companies(ctx, c.ID, ""))(t)), 1)
		again.Listed, again.KeepAddress = true, false
		stored = must(s.ImportConsultations(ctx, []store.Entry{again}, store.Import{Companies: store.Replace, Reopen: true}))(t)[0]
		if stored.Address != "autre" || !stored.Archived.IsZero() {
			t.Errorf("%+v", stored)
		}
		same(t, "companies", len(must(s.Companies(ctx, c.ID, ""))(t)), 0)
	})
}

func TestArchivingTwiceKeepsTheFirstInstant(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		clock := &hands{now: noon}
		s, ctx := p.open(t, clock.use), t.Context()
		c := must(s.PutConsultation(ctx, gateway.Consultation{Reference: "UN", Address: "un"}))(t)
		must(s.ArchiveConsultation(ctx, c.ID))(t)
		clock.add(time.Hour)
		same(t, "archived", must(s.ArchiveConsultation(ctx, c.ID))(t).Archived, noon)
		same(t, "reopened", must(s.ReopenConsultation(ctx, c.ID))(t).Archived, time.Time{})
		_, err := s.ArchiveConsultation(ctx, gateway.NewID(noon))
		wantErr(t, err, gateway.ErrNotFound)
	})
}

// Both read the same list; whoever puts second is told that it changed.
func TestOneOfTwoPutsOfAListThatWasReadWins(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		handles := []*store.Store{p.open(t), p.open(t)}
		c := must(handles[0].PutConsultation(t.Context(), gateway.Consultation{Reference: "UN", Address: "un"}))(t)
		lone(t, together(8, func(i int) error {
			return handles[i%2].PutCompaniesIf(context.Background(), c.ID, []gateway.Company{company(fmt.Sprint("e", i))}, store.Replace, func(now []gateway.Company) error {
				if len(now) > 0 {
					return store.ErrConflict
				}
				return nil
			})
		}), store.ErrConflict)
		same(t, "companies", len(must(handles[1].Companies(t.Context(), c.ID, ""))(t)), 1)

		var agents []gateway.ID
		for i := range 8 {
			agents = append(agents, must(handles[0].PutAgent(t.Context(), gateway.Agent{Login: fmt.Sprint("a", i)}))(t).ID)
		}
		lone(t, together(8, func(i int) error {
			return handles[i%2].EntitleOnly(context.Background(), c.ID, agents[i:i+1], func(now []gateway.Agent) error {
				if len(now) > 0 {
					return store.ErrConflict
				}
				return nil
			})
		}), store.ErrConflict)
		same(t, "entitled", len(must(handles[1].EntitledAgents(t.Context(), c.ID))(t)), 1)
		wantErr(t, handles[0].EntitleOnly(t.Context(), c.ID, []gateway.ID{gateway.NewID(noon)}, nil), gateway.ErrNotFound)
		same(t, "entitled after a put that failed", len(must(handles[1].EntitledAgents(t.Context(), c.ID))(t)), 1)
	})
}

func TestAgentsPutAgainUnchangedAreNotWritten(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s, ctx := p.open(t), t.Context()
		c := must(s.PutConsultation(ctx, gateway.Consultation{Reference: "UN", Address: "un"}))(t)
		put := store.AgentPut{Login: "Camille", Name: "Camille", Addresses: []string{"C@ville.example"}, Entitled: []gateway.ID{c.ID}, Listed: true}
		check(t, s.PutAgents(ctx, []store.AgentPut{put}))
		first := must(s.AgentByLogin(ctx, "camille"))(t)
		check(t, s.SetPassword(ctx, first.ID, "$argon2id$…"))
		check(t, s.SetDisabled(ctx, first.ID, true))
		check(t, s.PutAgents(ctx, []store.AgentPut{put}))
		again := must(s.AgentByLogin(ctx, "camille"))(t)
		if again.ID != first.ID || again.Version != 3 || again.Password == "" || !again.Disabled {
			t.Errorf("%+v", again)
		}
		same(t, "entitled", must(s.Entitled(ctx, first.ID, c.ID))(t), true)

		open := false
		check(t, s.PutAgents(ctx, []store.AgentPut{{Login: "camille", Name: "Camille M", Addresses: put.Addresses, Disabled: &open, Listed: true}}))
		changed := must(s.AgentByLogin(ctx, "camille"))(t)
		if changed.Version != 4 || changed.Disabled || changed.Name != "Camille M" || changed.Password == "" {
			t.Errorf("%+v", changed)
		}
		same(t, "entitled", must(s.Entitled(ctx, first.ID, c.ID))(t), false)

		put.Entitled = []gateway.ID{gateway.NewID(noon)}
		wantErr(t, s.PutAgents(ctx, []store.AgentPut{{Login: "nouveau", Addresses: put.Addresses}, put}), gateway.ErrNotFound)
		same(t, "none of them", len(must(s.Agents(ctx))(t)), 1)
		wantErr(t, s.SetPassword(ctx, gateway.NewID(noon), "x"), gateway.ErrNotFound)
	})
}

func TestAnotherPasswordOrAClosedAccountEndsSessions(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s, ctx := p.open(t), t.Context()
		open, closed := false, true
		a := must(s.PutAgent(ctx, gateway.Agent{Login: "camille"}))(t)
		for name, change := range map[string]func() error{
			"password": func() error { return s.SetPassword(ctx, a.ID, "$argon2id$…") },
			"closed":   func() error { return s.SetDisabled(ctx, a.ID, true) },
			"put":      func() error { return s.PutAgents(ctx, []store.AgentPut{{Login: "camille", Disabled: &closed}}) },
		} {
			check(t, s.PutAgents(ctx, []store.AgentPut{{Login: "camille", Disabled: &open}}))
			must(s.AddSession(ctx, gateway.Session{Agent: a.ID, Way: gateway.ByPassword, Ends: time.Now().Add(time.Hour)}, gateway.HashOf([]byte(name))))(t)
			check(t, change())
			if _, err := s.SessionOf(ctx, gateway.HashOf([]byte(name)), time.Hour); err == nil {
				t.Errorf("%s: the session goes on", name)
			}
		}
	})
}

func TestAgentsPutAtTheSameInstant(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		handles := []*store.Store{p.open(t), p.open(t)}
		var list []store.AgentPut
		for i := range 40 {
			list = append(list, store.AgentPut{Login: fmt.Sprint("agent", i), Name: "A"})
		}
		for _, err := range together(8, func(i int) error {
			mine := slices.Clone(list)
			if i%2 == 1 {
				slices.Reverse(mine)
			}
			return handles[i%2].PutAgents(context.Background(), mine)
		}) {
			check(t, err)
		}
		for _, a := range must(handles[0].Agents(t.Context()))(t) {
			same(t, "version", a.Version, int64(1))
		}
	})
}

// The key is the caller's: two other letters under it, on two nodes at once, are one courier and refusals.
func TestPromise3OneClaimIsOneCourier(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		handles := []*store.Store{p.open(t), p.open(t)}
		claimed := func(i int) store.Acceptance {
			a := letterTo(t, handles[i%2], fmt.Sprint("content ", i), fmt.Sprint("key ", i), "a@entreprise.example")
			a.Claim = gateway.HashOf([]byte("claim"))
			return a
		}
		var all []store.Acceptance
		for i := range 8 {
			all = append(all, claimed(i))
		}
		errs := together(len(all), func(i int) error {
			_, _, err := handles[i%2].Accept(context.Background(), all[i])
			return err
		})
		lone(t, errs, store.ErrClaimed)
		couriers := must(handles[0].Couriers(t.Context(), store.CourierFilter{}))(t)
		same(t, "couriers", len(couriers), 1)
		same(t, "jobs", len(must(handles[0].Jobs(t.Context(), store.JobFilter{}))(t)), 1)
		won := slices.Index(errs, nil)
		c, added := accept(t, handles[1], claimed(won)) // the same letter again
		if c.ID != couriers[0].ID || len(added) != 0 {
			t.Errorf("%s, %d added", c.ID, len(added))
		}
	})
}

// An event that was stamped first and committed last is neither skipped by who follows the ledger, nor out of its order.
func TestTheFeedSkipsNothingThatCommitsLate(t *testing.T) {
	p := postgresPlace(t)
	slow, quick, ctx := p.open(t), p.open(t), t.Context()
	lease, held, err := quick.AcquireLease(ctx, store.LeaseLedger, "test", time.Hour)
	if err != nil || !held {
		t.Fatal(held, err)
	}
	event := func() gateway.Event { return gateway.NewEvent(gateway.ProofIssued, noon, nil, nil) }
	first, second := event(), event()
	stamped, finish, done := make(chan struct{}), make(chan struct{}), make(chan error, 2)
	go func() { done <- store.RecordSlowly(context.WithoutCancel(ctx), slow, first, stamped, finish) }()
	<-stamped
	check(t, quick.Apply(ctx, gateway.Step{Events: []gateway.Event{second}}))

	go func() { done <- placeAll(context.WithoutCancel(ctx), quick, lease) }() // waits for the first one
	seen := func(from int64) []gateway.ID {
		var ids []gateway.ID
		for _, e := range must(slow.EventsFrom(ctx, from, 10))(t) {
			ids = append(ids, e.ID)
		}
		return ids
	}
	before := seen(0)
	close(finish)
	check(t, <-done)
	check(t, <-done)
	got := append(before, seen(int64(len(before)))...)
	same(t, "the feed", got, []gateway.ID{first.ID, second.ID})
}

// placeAll gives every event that waits its place, as the ledger does.
func placeAll(ctx context.Context, s *store.Store, epoch int64) error {
	waiting, err := s.Unsequenced(ctx, 100)
	if err != nil {
		return err
	}
	b := store.LedgerBatch{Checkpoint: store.Checkpoint{Size: int64(len(waiting)), Root: tlog.Hash{1}, Note: []byte("note"), Time: waiting[len(waiting)-1].Recorded}}
	for _, e := range waiting {
		b.Events = append(b.Events, e.ID)
	}
	return s.AppendLedger(ctx, epoch, b)
}
