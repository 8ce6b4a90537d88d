package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// followed is a store with a few couriers of two consultations, their words written.
type followed struct {
	s            *store.Store
	about, other gateway.ID
	couriers     []gateway.Courier // of about, oldest first
	recipients   map[gateway.ID][]gateway.Recipient
}

func follow(t testing.TB, p place) followed {
	t.Helper()
	ctx, clock := context.Background(), &hands{now: noon}
	w := followed{s: p.open(t, clock.use), recipients: map[gateway.ID][]gateway.Recipient{}}
	w.about = must(w.s.PutConsultation(ctx, gateway.Consultation{Reference: "A", Address: "a"}))(t).ID
	w.other = must(w.s.PutConsultation(ctx, gateway.Consultation{Reference: "B", Address: "b"}))(t).ID
	texts := []struct {
		kind    gateway.TypeCode
		subject string
		to      []string
	}{
		{gateway.Rejet, "Courrier de rejet", []string{"contact@entreprise-x.example", "marches@entreprise-y.example"}},
		{gateway.Question, "Réponse à une question", []string{"contact@entreprise-x.example"}},
		{gateway.Rejet, "Rejet du lot 2", []string{"devis@z.example"}},
		{gateway.Libre, "Précisions sur l'été", []string{"contact@entreprise-x.example", "a@b.example", "c@d.example"}},
	}
	for i, text := range texts {
		a := letterTo(t, w.s, text.subject, "", text.to...)
		a.Courier.Consultation, a.Courier.Type, a.Courier.TypeLabel, a.Courier.Subject = w.about, text.kind, string(text.kind), text.subject
		a.Courier.Accepted = noon.Add(time.Duration(i) * time.Hour)
		c, added := accept(t, w.s, a)
		w.couriers = append(w.couriers, c)
		w.recipients[c.ID] = added
	}
	a := letterTo(t, w.s, "ailleurs", "", "contact@entreprise-x.example")
	a.Courier.Consultation, a.Courier.Subject = w.other, "Courrier de rejet"
	accept(t, w.s, a)
	for i, c := range w.couriers {
		row := store.CourierWords{Courier: c, Text: fmt.Sprintf("Bonjour, voici la pièce numéro%d. L'offre n'a pas été retenue.", i), Recipients: w.recipients[c.ID]}
		check(t, w.s.WriteWords(ctx, "test", []store.CourierWords{row}, store.Unfound{From: int64(i), To: int64(i + 1)}))
	}
	return w
}

func (w followed) event(t testing.TB, kind gateway.EventKind, courier, recipient int) {
	t.Helper()
	r := w.recipients[w.couriers[courier].ID][recipient]
	check(t, w.s.Apply(context.Background(), gateway.Step{Events: []gateway.Event{gateway.NewEvent(kind, noon, nil, nil).About(r.Courier, r.ID)}}))
}

// found lists which of the couriers a filter chooses, in its order.
func (w followed) found(t testing.TB, f store.FollowFilter) (places []int) {
	t.Helper()
	f.Consultation = w.about
	for _, c := range must(w.s.Follow(context.Background(), f))(t).Couriers {
		place := -1
		for i, known := range w.couriers {
			if known.ID == c.ID {
				place = i
			}
		}
		places = append(places, place)
	}
	return places
}

func TestAFollowedListIsFilteredSortedAndPaged(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		w := follow(t, p)
		w.event(t, gateway.Sent, 0, 0)
		w.event(t, gateway.Failed, 0, 1)
		w.event(t, gateway.Read, 3, 2)
		at := func(h int) time.Time { return noon.Add(time.Duration(h) * time.Hour) }
		for name, row := range map[string]struct {
			filter store.FollowFilter
			want   []int
		}{
			"all, newest first":   {store.FollowFilter{}, []int{3, 2, 1, 0}},
			"oldest first":        {store.FollowFilter{Ascending: true}, []int{0, 1, 2, 3}},
			"a type":              {store.FollowFilter{Type: gateway.Rejet}, []int{2, 0}},
			"dates":               {store.FollowFilter{Since: at(1), Until: at(3)}, []int{2, 1}},
			"a state":             {store.FollowFilter{States: []gateway.State{gateway.StateRead}}, []int{3}},
			"states, each once":   {store.FollowFilter{States: []gateway.State{gateway.StateSent, gateway.StateFailed, gateway.StateRead}}, []int{3, 0}},
			"state and type":      {store.FollowFilter{States: []gateway.State{gateway.StateQueued}, Type: gateway.Rejet}, []int{2}},
			"word of the subject": {store.FollowFilter{Search: "LOT"}, []int{2}},
			"without accents":     {store.FollowFilter{Search: "ete precisions"}, []int{3}},
			"beginning of a word": {store.FollowFilter{Search: "reten numero2"}, []int{2}},
			"a recipient's":       {store.FollowFilter{Search: "entreprise-y.example"}, []int{0}},
			"only a recipient's":  {store.FollowFilter{Recipient: "rejet"}, nil},
			"recipient and state": {store.FollowFilter{Recipient: "entreprise-x", States: []gateway.State{gateway.StateRead}}, []int{3}},
			"oldest of a search":  {store.FollowFilter{Search: "piece", Ascending: true}, []int{0, 1, 2, 3}},
			"signs are no words":  {store.FollowFilter{Search: `") * -- '%_`, Type: gateway.Libre}, []int{3}},
			"search within dates": {store.FollowFilter{Search: "piece", Since: at(2)}, []int{3, 2}},
			"search and type":     {store.FollowFilter{Search: "piece", Type: gateway.Question}, []int{1}},
			"after the first":     {store.FollowFilter{After: w.couriers[2].ID.String()}, []int{1, 0}},
			"after, oldest first": {store.FollowFilter{After: w.couriers[2].ID.String(), Ascending: true}, []int{3}},
			"after, searched":     {store.FollowFilter{After: w.couriers[2].ID.String(), Search: "piece"}, []int{1, 0}},
			"after, by state":     {store.FollowFilter{After: w.couriers[2].ID.String(), States: []gateway.State{gateway.StateQueued}}, []int{1}},
			"a page not known":    {store.FollowFilter{After: "ailleurs"}, []int{3, 2, 1, 0}},
			"a short page":        {store.FollowFilter{Limit: 1, States: []gateway.State{gateway.StateQueued}}, []int{3}},
		} {
			same(t, name, w.found(t, row.filter), row.want)
		}
	})
}

func TestWordsWrittenAgainTakeThePlaceOfTheOld(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		w := follow(t, p)
		ctx := context.Background()
		row := store.CourierWords{Courier: w.couriers[0], Text: "tout autre chose"}
		check(t, w.s.WriteWords(ctx, "test", []store.CourierWords{row}, store.Unfound{From: 4, To: 5}))
		same(t, "the old words", w.found(t, store.FollowFilter{Search: "numero0"}), nil)
		same(t, "the new ones", w.found(t, store.FollowFilter{Search: "autre"}), []int{0})
		wantErr(t, w.s.WriteWords(ctx, "test", nil, store.Unfound{From: 4, To: 6}), gateway.ErrFenced)
	})
}

func TestFirstRecipientsAreInTheirOrder(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		w := follow(t, p)
		got := must(w.s.FirstRecipients(context.Background(), 2, w.couriers[0].ID, w.couriers[3].ID))(t)
		same(t, "of two", got[w.couriers[0].ID], w.recipients[w.couriers[0].ID])
		same(t, "of three", got[w.couriers[3].ID], w.recipients[w.couriers[3].ID][:2])
	})
}

func TestWhatAwaitsAnAgentIsCounted(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		w := follow(t, p)
		ctx := context.Background()
		agent := signedUp(t, w.s, "victoria", "victoria@ville.example")
		must(w.s.PutDraft(ctx, gateway.Draft{Agent: agent.ID, Consultation: w.about}, nil))(t)
		must(w.s.PutDraft(ctx, gateway.Draft{Agent: signedUp(t, w.s, "autre").ID, Consultation: w.about}, nil))(t)
		w.event(t, gateway.Sent, 0, 0)
		w.event(t, gateway.Failed, 0, 1)
		w.event(t, gateway.Delivered, 3, 0)
		w.event(t, gateway.Withdrawn, 3, 0)
		w.event(t, gateway.Read, 3, 1)
		sealed := func(sealed bool) gateway.Reply {
			c := w.couriers[0]
			r := gateway.Reply{ID: gateway.NewID(noon), Courier: c.ID, Recipient: w.recipients[c.ID][0].ID, Content: c.Content, Received: noon}
			if sealed {
				r.Sealed, r.Opens, r.Manifest = true, noon.Add(time.Hour), []byte("encrypted")
			}
			check(t, w.s.Apply(ctx, gateway.Step{Replies: []gateway.Reply{r}}))
			return r
		}
		plain := sealed(false)
		shut := sealed(true)
		want := store.Tally{Drafts: 2, Unread: 1, Failed: 1, Unopened: 1, Sealed: 1}
		same(t, "tally", must(w.s.Tallies(ctx, w.about, w.other))(t)[w.about], want)

		opened := gateway.NewEvent(gateway.Opened, noon, gateway.OpenedDetails{Reply: plain.ID}, nil).About(plain.Courier, plain.Recipient)
		check(t, w.s.Apply(ctx, gateway.Step{Events: []gateway.Event{opened}}))
		want.Unopened = 0
		same(t, "once read", must(w.s.Tallies(ctx, w.about))(t)[w.about], want)
		check(t, w.s.Unseal(ctx, gateway.Unsealing{Sealed: shut.Content, Replies: []gateway.Reply{shut}, At: noon}, spooled(t, w.s, []byte("plain"))))
		want.Sealed, want.Unopened = 0, 1
		same(t, "once unsealed", must(w.s.Tallies(ctx, w.about))(t)[w.about], want)
		same(t, "when it was read", must(w.s.Reply(ctx, plain.ID))(t).Opened, noon)
	})
}

func TestRejectionsAreCountedFromTheLastThatLeft(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		w := follow(t, p)
		at := noon.Add(3 * time.Hour)
		r := w.recipients[w.couriers[2].ID][0]
		check(t, w.s.Apply(context.Background(), gateway.Step{Events: []gateway.Event{gateway.NewEvent(gateway.Sent, at, nil, nil).About(r.Courier, r.ID)}}))
		w.event(t, gateway.Sent, 0, 0)
		w.event(t, gateway.Failed, 0, 1)
		got := must(w.s.RejectionsOf(context.Background(), w.about, gateway.Rejet))(t)
		same(t, "rejections", got, store.Rejections{States: map[gateway.State]int{gateway.StateSent: 2, gateway.StateFailed: 1}, Last: at})
	})
}
