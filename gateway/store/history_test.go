package store_test

import (
	"testing"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// happened records events of a recipient, each a minute after the one before.
func happened(t testing.TB, s *store.Store, r gateway.Recipient, at time.Time, kinds ...gateway.EventKind) {
	t.Helper()
	for i, k := range kinds {
		e := gateway.NewEvent(k, at.Add(time.Duration(i)*time.Minute), nil, nil).About(r.Courier, r.ID)
		check(t, s.Apply(t.Context(), gateway.Step{Events: []gateway.Event{e}}))
	}
}

func TestPastFailuresOfAnAddress(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s := p.open(t)
		_, first := accept(t, s, letterTo(t, s, "1", "", "Perdu@acme.example", "retrouve@acme.example", "plein@acme.example"))
		happened(t, s, first[0], noon, gateway.Sent, gateway.Failed)
		happened(t, s, first[1], noon, gateway.Sent, gateway.Failed)
		happened(t, s, first[2], noon, gateway.Sent, gateway.Expired)
		_, second := accept(t, s, letterTo(t, s, "2", "", "retrouve@acme.example"))
		happened(t, s, second[0], noon.Add(time.Hour), gateway.Sent, gateway.Delivered)
		got := must(s.Mishaps(t.Context(), "perdu@ACME.example", "retrouve@acme.example", "plein@acme.example", "neuf@acme.example"))(t)
		same(t, "failures", got, []store.Mishap{{Address: "perdu@acme.example", At: noon.Add(time.Minute)}})
	})
}

func TestCompaniesByAddress(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s, ctx := p.open(t), t.Context()
		c := must(s.PutConsultation(ctx, gateway.Consultation{Reference: "R", Address: "r"}))(t)
		check(t, s.PutCompanies(ctx, c.ID, []gateway.Company{
			{Ref: "alpha", Name: "Alpha", Addresses: []string{"A_b&c@alpha.example", "b@alpha.example"}},
			{Ref: "beta", Name: "Bêta", Addresses: []string{"axb&c@alpha.example"}},
		}, store.Merge))
		for _, addresses := range [][]string{{"a_B&c@alpha.example"}, {"a_b&c@alpha.example", "2", "3", "4", "5", "6", "7", "8", "9"}} {
			found := must(s.CompaniesAt(ctx, c.ID, addresses...))(t)
			if len(found) != 1 || found[0].Ref != "alpha" {
				t.Errorf("%v: %+v", addresses, found)
			}
		}
		same(t, "nobody's", len(must(s.CompaniesAt(ctx, c.ID, "x@alpha.example"))(t)), 0)
	})
}

func TestSilencesAndNews(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		clock := &hands{now: noon}
		s, ctx := p.open(t, clock.use), t.Context()
		c, rs := accept(t, s, letterTo(t, s, "1", "", "muet@acme.example", "lu@acme.example"))
		happened(t, s, rs[0], noon, gateway.Sent, gateway.Delivered)
		happened(t, s, rs[1], noon, gateway.Sent, gateway.Delivered, gateway.Read)
		found := must(s.Silences(ctx, noon, noon.Add(time.Hour), "unread:", 10))(t)
		same(t, "silent", found, []store.Silence{{Courier: c.ID, Author: c.Author, Sent: noon}})
		told := gateway.NewEvent(gateway.Notified, noon, nil, nil).About(c.ID, gateway.ID{})
		told.Once = "unread:" + c.ID.String()
		check(t, s.Apply(ctx, gateway.Step{Events: []gateway.Event{told}}))
		same(t, "told", len(must(s.Silences(ctx, noon, noon.Add(time.Hour), "unread:", 10))(t)), 0)

		news := must(s.NewsOf(ctx, c.Author, noon, noon.Add(time.Hour), noon.Add(-time.Hour)))(t)
		same(t, "news", news, []store.News{{Courier: c.ID, Kind: gateway.Delivered, Count: 2}, {Courier: c.ID, Kind: gateway.Read, Count: 1}})
	})
}
