package store_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// pages lists what a filter chooses, so many at a time.
func (w followed) pages(t testing.TB, f store.FollowFilter, between func()) (places []int) {
	t.Helper()
	f.Consultation = w.about
	for {
		page := must(w.s.Follow(context.Background(), f))(t)
		for _, c := range page.Couriers {
			places = append(places, slices.IndexFunc(w.couriers, func(known gateway.Courier) bool { return known.ID == c.ID }))
		}
		if f.After = page.Next; page.Next == "" {
			return places
		}
		if len(page.Couriers) == 0 {
			t.Fatal("an empty page that is not the last")
		}
		between()
	}
}

// heed tells lists where the recipients of all couriers are.
func (w followed) heed(t testing.TB, position *int64) {
	t.Helper()
	u := store.Unfound{From: *position, To: *position + 1}
	for _, c := range w.couriers {
		u.Moved = append(u.Moved, c.ID)
	}
	check(t, w.s.WriteWords(context.Background(), "test", nil, u))
	*position++
}

func TestAFollowedListIsInTheOrderAskedForOnAnyPageLength(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		w := follow(t, p)
		w.event(t, gateway.Sent, 0, 0)
		w.event(t, gateway.Failed, 0, 1)
		w.event(t, gateway.Delivered, 2, 0)
		position := int64(4)
		w.heed(t, &position)
		for name, row := range map[string]struct {
			filter store.FollowFilter
			want   []int // ascending
		}{
			"recipient":              {store.FollowFilter{Sort: store.ByRecipient}, []int{0, 1, 3, 2}},
			"subject":                {store.FollowFilter{Sort: store.BySubject}, []int{0, 3, 2, 1}},
			"type":                   {store.FollowFilter{Sort: store.ByType}, []int{3, 1, 0, 2}},
			"state":                  {store.FollowFilter{Sort: store.ByState}, []int{1, 3, 0, 2}},
			"subject of a type":      {store.FollowFilter{Sort: store.BySubject, Type: gateway.Rejet}, []int{0, 2}},
			"recipient in a state":   {store.FollowFilter{Sort: store.ByRecipient, States: []gateway.State{gateway.StateQueued, gateway.StateFailed}}, []int{0, 1, 3}},
			"type within dates":      {store.FollowFilter{Sort: store.ByType, Since: w.couriers[1].Accepted, Until: w.couriers[3].Accepted}, []int{1, 2}},
			"state, searched":        {store.FollowFilter{Sort: store.ByState, Search: "piece", Recipient: "entreprise-x"}, []int{1, 3, 0}},
			"subject, found nowhere": {store.FollowFilter{Sort: store.BySubject, Search: "introuvable"}, nil},
		} {
			back := slices.Clone(row.want)
			slices.Reverse(back)
			for _, n := range []int{1, 2, 3, 4, 100} {
				row.filter.Limit, row.filter.Ascending = n, true
				same(t, name, w.pages(t, row.filter, func() {}), row.want)
				row.filter.Ascending = false
				same(t, name+", backwards", w.pages(t, row.filter, func() {}), back)
			}
		}
	})
}

func TestAPageGoesOnFromWhereTheLastEndedWhateverMovedMeanwhile(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		w := follow(t, p)
		w.event(t, gateway.Sent, 3, 0)
		w.event(t, gateway.Sent, 3, 1)
		w.event(t, gateway.Sent, 3, 2)
		w.event(t, gateway.Sent, 2, 0)
		position := int64(4)
		w.heed(t, &position)
		seen := 0
		got := w.pages(t, store.FollowFilter{Sort: store.ByState, Ascending: true, Limit: 1}, func() {
			if seen++; seen == 1 { // the letter just shown goes further than all others
				w.event(t, gateway.Read, 0, 0)
				w.event(t, gateway.Read, 0, 1)
				w.heed(t, &position)
			}
		})
		same(t, "pages", got, []int{0, 1, 2, 3, 0}) // it shows again where it is now, and no other is passed over
	})
}

func TestNumbersInListsAreInTheirOrder(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		ctx := context.Background()
		w := follow(t, p)
		about := must(w.s.PutConsultation(ctx, gateway.Consultation{Reference: "C", Address: "c"}))(t).ID
		want := []string{"« Élagage »", "Lot 2", "lot 10", "Lot 10 bis", "Zone"}
		for i, n := range []int{3, 0, 4, 2, 1} {
			a := letterTo(t, w.s, want[n], "", "contact@entreprise-x.example")
			a.Courier.Consultation, a.Courier.Subject = about, want[n]
			c, added := accept(t, w.s, a)
			check(t, w.s.WriteWords(ctx, "test", []store.CourierWords{{Courier: c, Recipients: added}}, store.Unfound{From: int64(4 + i), To: int64(5 + i)}))
		}
		var got []string
		for _, c := range must(w.s.Follow(ctx, store.FollowFilter{Consultation: about, Sort: store.BySubject, Ascending: true}))(t).Couriers {
			got = append(got, c.Subject)
		}
		same(t, "in order", got, want)
	})
}

func TestListsAreToldOfNewCouriersAnswersAndProgress(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		ctx := context.Background()
		w := follow(t, p)
		at := func(i int) gateway.ID { return w.couriers[i].ID }
		ask := func() store.Unfound {
			sequence(t, w.s, noon.Add(24*time.Hour))
			return must(w.s.Unfound(ctx, "other", 1000))(t)
		}
		u := ask()
		if len(u.New) != 5 || len(u.Moved) != 0 || u.From != 0 {
			t.Fatalf("at first %+v", u)
		}
		check(t, w.s.WriteWords(ctx, "other", nil, u))
		w.event(t, gateway.Delivered, 1, 0)
		w.event(t, gateway.Replied, 2, 0)
		u = ask()
		same(t, "an answer", u.New, []gateway.ID{at(2)})
		same(t, "progress", u.Moved, []gateway.ID{at(1)})
		woken, cancel := w.s.Watch(store.TopicLists)
		defer cancel()
		check(t, w.s.WriteWords(ctx, "other", nil, u))
		<-woken
		if u = must(w.s.Unfound(ctx, "other", 1000))(t); u.From != u.To || len(u.New)+len(u.Moved) > 0 {
			t.Errorf("told again: %+v", u)
		}
	})
}
