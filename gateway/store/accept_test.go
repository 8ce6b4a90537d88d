package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/google/go-cmp/cmp"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

func TestAcceptedCourierIsAllThere(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		clock := &hands{now: noon}
		s, ctx := p.open(t, clock.use), t.Context()
		a := letterTo(t, s, "Bonjour", "k", "a@alpha.example", "b@beta.example")
		c, added := accept(t, s, a)
		want := a.Courier
		want.Thread = want.ID
		same(t, "given", c, want)
		same(t, "added", len(added), 2)

		other := p.open(t)
		same(t, "courier", must(other.Courier(ctx, c.ID))(t), want)
		same(t, "by Message-ID", must(other.CourierByMessageID(ctx, c.MessageID))(t), want)
		same(t, "recipients", must(other.Recipients(ctx, c.ID))(t), added)
		same(t, "recipient", must(other.Recipient(ctx, added[0].ID))(t), added[0])
		same(t, "by Message-ID", must(other.RecipientByMessageID(ctx, added[1].MessageID))(t), added[1])
		same(t, "content", string(contentOf(t, other, c.Content)), "Bonjour")

		stored := must(other.Events(ctx, c.ID, gateway.ID{}))(t)
		for i := range a.Events {
			a.Events[i].Recorded = noon.Add(time.Duration(i) * time.Microsecond)
		}
		same(t, "events", stored, a.Events)
		same(t, "one event", must(other.Event(ctx, stored[1].ID))(t), stored[1])
		same(t, "of one recipient", must(other.Events(ctx, c.ID, added[1].ID))(t), stored[2:])
		same(t, "jobs", must(other.Jobs(ctx, store.JobFilter{Courier: c.ID}))(t), a.Jobs, cmpopts.SortSlices(func(a, b gateway.Job) bool { return a.ID.Compare(b.ID) < 0 }))
		for _, missing := range []string{"", "<inconnu@x>", gateway.MessageID(c.ID, "courrier.example"), gateway.MessageID(added[0].ID, "ailleurs.example")} {
			_, err := s.CourierByMessageID(ctx, missing)
			wantErr(t, err, gateway.ErrNotFound)
			_, err = s.RecipientByMessageID(ctx, missing)
			wantErr(t, err, gateway.ErrNotFound)
		}
	})
}

// TestPromiseOnceRetriesJoin: a client's retry is no second courier, whatever it races with.
func TestPromiseOnceRetriesJoin(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		handles := []*store.Store{p.open(t), p.open(t)}
		ctx := t.Context()
		const n = 12
		tries := make([]store.Acceptance, n)
		for i := range tries {
			// Everybody sends to a@; half of them to b@ too, spelled in another way.
			addresses := []string{"a@alpha.example", "A@Alpha.example"}
			if i%2 == 0 {
				addresses = append(addresses, "b@beta.example")
			}
			tries[i] = letterTo(t, handles[i%2], "Bonjour", "the same key", addresses...)
		}
		couriers, joined := make([]gateway.Courier, n), make([]int, n)
		for _, err := range together(n, func(i int) error {
			c, added, err := handles[i%2].Accept(context.Background(), tries[i])
			couriers[i], joined[i] = c, len(added)
			return err
		}) {
			check(t, err)
		}
		total := 0
		for i := range couriers {
			same(t, "the courier", couriers[i], couriers[0])
			total += joined[i]
		}
		same(t, "recipients added", total, 2)
		all := must(handles[0].Couriers(ctx, store.CourierFilter{}))(t)
		same(t, "couriers", all, couriers[:1])
		same(t, "recipients", len(must(handles[0].Recipients(ctx, all[0].ID))(t)), 2)
		same(t, "jobs", len(must(handles[0].Jobs(ctx, store.JobFilter{}))(t)), 2)
		same(t, "events", len(must(handles[0].Events(ctx, all[0].ID, gateway.ID{}))(t)), 3)
		lag, _, err := handles[0].LedgerLag(ctx)
		check(t, err)
		same(t, "events of nobody else", lag, int64(3))
	})
}

func TestKeyEndsInTime(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		clock := &hands{now: noon}
		s := p.open(t, clock.use)
		send := func() gateway.ID {
			a := letterTo(t, s, "Bonjour", "k", "a@alpha.example")
			a.KeyUntil = clock.time().Add(time.Hour)
			c, _ := accept(t, s, a)
			return c.ID
		}
		first := send()
		clock.add(time.Hour - time.Microsecond)
		if send() != first {
			t.Fatal("a retry within the hour is another courier")
		}
		clock.add(time.Microsecond)
		second := send()
		if second == first {
			t.Fatal("the key has no end")
		}
		// The second courier has the key now, for an hour of its own.
		clock.add(30 * time.Minute)
		if send() != second {
			t.Fatal("the key went back to nobody")
		}
		clock.add(time.Hour)
		same(t, "keys swept", must(s.Sweep(t.Context(), time.Hour))(t).Keys, 1)
	})
}

func TestCourierWithoutKeyIsAlwaysAnother(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s := p.open(t)
		a, _ := accept(t, s, letterTo(t, s, "Bonjour", "", "a@alpha.example"))
		b, _ := accept(t, s, letterTo(t, s, "Bonjour", "", "a@alpha.example"))
		if a.ID == b.ID {
			t.Fatal("one courier for two")
		}
	})
}

func TestAcceptanceThatFailsLeavesNothing(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s, ctx := p.open(t), t.Context()
		a := letterTo(t, s, "Bonjour", "k", "a@alpha.example")
		a.Events[0].Once = "once"
		accept(t, s, a)
		b := letterTo(t, s, string(large("b")), "other", "b@beta.example")
		b.Events[1].Once = "once"
		_, _, err := s.Accept(ctx, b)
		wantErr(t, err, gateway.ErrRecorded)
		_, err = s.Courier(ctx, b.Courier.ID)
		wantErr(t, err, gateway.ErrNotFound)
		_, err = s.OpenContent(ctx, b.Courier.Content)
		wantErr(t, err, gateway.ErrNotFound)
		b.Events[1].Once = ""
		if c, _ := accept(t, s, b); c.ID != b.Courier.ID {
			t.Fatal("the key stayed behind")
		}
		contentOf(t, s, b.Courier.Content)

		c := letterTo(t, s, "Bonsoir", "", "c@gamma.example")
		c.Contents = nil // names a content that nobody stored
		if _, _, err = s.Accept(ctx, c); err == nil {
			t.Fatal("a courier without its content was accepted")
		}
		same(t, "fault", gateway.FaultOf(err).Code, 451)
	})
}

func TestCouriersByFilter(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s, ctx := p.open(t), t.Context()
		var all []gateway.Courier
		for i := range 5 {
			a := letterTo(t, s, fmt.Sprint("lettre ", i), "", fmt.Sprintf("c%d@alpha.example", i))
			a.Courier.Accepted = noon.Add(time.Duration(i) * time.Hour)
			a.Courier.ID = gateway.NewID(a.Courier.Accepted)
			if i == 3 {
				a.Courier.Subject, a.Courier.Type = "100 % Été_à la mer", gateway.Libre
			}
			c, _ := accept(t, s, a)
			all = append([]gateway.Courier{c}, all...)
		}
		same(t, "newest first", must(s.Couriers(ctx, store.CourierFilter{}))(t), all)
		page := must(s.Couriers(ctx, store.CourierFilter{Limit: 2}))(t)
		same(t, "a page", page, all[:2])
		same(t, "the next", must(s.Couriers(ctx, store.CourierFilter{Limit: 2, Before: page[1].ID}))(t), all[2:4])
		for name, tc := range map[string]struct {
			filter store.CourierFilter
			want   []gateway.Courier
		}{
			"consultation":    {store.CourierFilter{Consultations: []gateway.ID{all[1].Consultation, all[4].Consultation}}, []gateway.Courier{all[1], all[4]}},
			"no consultation": {store.CourierFilter{Consultations: []gateway.ID{}}, nil},
			"author":          {store.CourierFilter{Author: all[2].Author}, all[2:3]},
			"thread":          {store.CourierFilter{Thread: all[2].ID}, all[2:3]},
			"type":            {store.CourierFilter{Type: gateway.Libre}, all[1:2]},
			"time":            {store.CourierFilter{Since: noon.Add(time.Hour), Until: noon.Add(3 * time.Hour)}, all[2:4]},
			"accents":         {store.CourierFilter{Search: "ETE MER"}, all[1:2]},
			"wildcards":       {store.CourierFilter{Search: "100 % e_e"}, nil},
			"literally":       {store.CourierFilter{Search: "% été_"}, all[1:2]},
			"recipient":       {store.CourierFilter{Search: "C2@alpha societe"}, all[2:3]},
			"state":           {store.CourierFilter{States: []gateway.State{gateway.StateQueued}, Limit: 1}, all[:1]},
			"no such state":   {store.CourierFilter{States: []gateway.State{gateway.StateRead}}, nil},
		} {
			if diff := cmp.Diff(tc.want, must(s.Couriers(ctx, tc.filter))(t)); diff != "" {
				t.Errorf("%s:\n%s", name, diff)
			}
		}
		counts := must(s.RecipientStates(ctx, all[0].ID, all[1].ID))(t)
		same(t, "counts", counts, map[gateway.ID]map[gateway.State]int{all[0].ID: {gateway.StateQueued: 1}, all[1].ID: {gateway.StateQueued: 1}})
	})
}

// TestCouriersOfOneMessageIDAreFoundByIt: the newest of them, and none that stands beside them only.
func TestCouriersOfOneMessageIDAreFoundByIt(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s := p.open(t)
		var last gateway.Courier
		for i := range 5 {
			a := letterTo(t, s, "Bonjour", "k", "a@alpha.example")
			a.Key, a.Courier.Accepted = gateway.HashOf([]byte{byte(i)}), noon.Add(time.Duration(i)*time.Second)
			last, _ = accept(t, s, a)
			other := letterTo(t, s, "Bonjour", fmt.Sprint("autre ", i), "a@alpha.example")
			accept(t, s, other)
		}
		same(t, "found", must(s.CourierByMessageID(t.Context(), "<k@acheteur.example>"))(t), last)
		nameless := letterTo(t, s, "Bonjour", "sans", "a@alpha.example")
		nameless.Courier.MessageID = ""
		first, _ := accept(t, s, nameless)
		again, added, err := s.Accept(t.Context(), nameless)
		check(t, err)
		same(t, "joined", again.ID, first.ID)
		same(t, "added", len(added), 0)
	})
}
