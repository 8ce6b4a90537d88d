package store_test

import (
	"fmt"
	"testing"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// TestAnAuthorIsAsStoredNow: what another process changes is seen at the next call, though an author is kept in memory
// (promise 11).
func TestAnAuthorIsAsStoredNow(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s, other, ctx := p.open(t), p.open(t), t.Context()
		agent := must(other.PutAgent(ctx, gateway.Agent{Login: "camille", Name: "Camille Martin"}))(t)
		r := must(other.PutConsultation(ctx, gateway.Consultation{Reference: "R", Address: "r"}))(t)
		q := must(other.PutConsultation(ctx, gateway.Consultation{Reference: "Q", Address: "q"}))(t)
		entitled := []gateway.Consultation{}
		for _, x := range []step{
			{"nothing", func() {}},
			{"entitled", func() { check(t, other.Entitle(ctx, agent.ID, r.ID)); entitled = []gateway.Consultation{r} }},
			{"entitled again", func() { check(t, other.Entitle(ctx, agent.ID, q.ID)); entitled = []gateway.Consultation{q, r} }},
			{"consultation", func() {
				r.Title = "Toitures"
				r = must(other.PutConsultation(ctx, r))(t)
				entitled = []gateway.Consultation{q, r}
			}},
			{"revoked", func() { check(t, other.Revoke(ctx, agent.ID, q.ID)); entitled = []gateway.Consultation{r} }},
			{"disabled", func() { agent.Disabled = true; agent = must(other.PutAgent(ctx, agent))(t) }},
			{"application password", func() {
				must(other.AddAppPassword(ctx, gateway.AppPassword{Agent: agent.ID, Label: "téléphone"}))(t)
				agent = must(other.Agent(ctx, agent.ID))(t)
			}},
			{"notices", func() {
				check(t, other.SetNotices(ctx, agent.ID, gateway.Notices{}))
				agent = must(other.Agent(ctx, agent.ID))(t)
			}},
		} {
			x.do()
			for range 2 { // read, then kept
				a, may, err := s.Author(ctx, agent.ID)
				check(t, err)
				same(t, x.name+": agent", a, agent)
				same(t, x.name+": consultations", append([]gateway.Consultation{}, may...), entitled)
			}
		}
		_, _, err := s.Author(ctx, gateway.NewID(noon))
		wantErr(t, err, gateway.ErrNotFound)
	})
}

type step struct {
	name string
	do   func()
}

// TestAuthorsKeptAreBounded: however many write (promise 12).
func TestAuthorsKeptAreBounded(t *testing.T) {
	s, ctx := sqlitePlace(t).open(t), t.Context()
	for i := range store.AuthorsKept + 1 {
		s.KeepAuthor(gateway.Agent{ID: gateway.NewID(noon), Login: fmt.Sprint(i)}, 0)
	}
	if n := s.AuthorsInMemory(); n > store.AuthorsKept {
		t.Errorf("%d agents are kept", n)
	}
	agent := must(s.PutAgent(ctx, gateway.Agent{Login: "camille"}))(t)
	s.KeepAuthor(agent, store.AuthorsKept)
	got, _, err := s.Author(ctx, agent.ID)
	check(t, err)
	same(t, "an author too large to keep", got, agent)
}
