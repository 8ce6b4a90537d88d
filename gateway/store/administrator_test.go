package store_test

import (
	"testing"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

func TestPromiseWhoeverHasAnAdministratorKeepsOne(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s, ctx, no, yes := p.open(t), t.Context(), false, true
		victoria := signedUp(t, s, "victoria", "victoria@ville.example")
		check(t, s.SetDisabled(ctx, victoria.ID, true)) // nobody is one yet: there is nobody to keep
		check(t, s.SetDisabled(ctx, victoria.ID, false))
		ada := must(s.PutAgent(ctx, gateway.Agent{Login: "ada", Name: "Ada", Addresses: []string{"ada@ville.example"}, Administrator: true}))(t)
		plain := ada
		plain.Administrator = false
		closed := ada
		closed.Disabled = true
		for way, err := range map[string]error{
			"changed":    s.ChangeAgent(ctx, plain),
			"put":        func() error { _, err := s.PutAgent(ctx, plain); return err }(),
			"put closed": func() error { _, err := s.PutAgent(ctx, closed); return err }(),
			"closed":     s.SetDisabled(ctx, ada.ID, true),
			"listed":     s.PutAgents(ctx, []store.AgentPut{{Login: "ada", Name: "Ada", Addresses: ada.Addresses, Administrator: &no}}),
			"all closed": s.PutAgents(ctx, []store.AgentPut{{Login: "ada", Name: "Ada", Addresses: ada.Addresses, Disabled: &yes}}),
		} {
			t.Run(way, func(t *testing.T) { wantErr(t, err, store.ErrLastAdministrator) })
		}
		if a := must(s.Agent(ctx, ada.ID))(t); !a.Administrator || a.Disabled {
			t.Errorf("%+v", a)
		}
		check(t, s.PutAgents(ctx, []store.AgentPut{ // one takes the place of the other
			{Login: "ada", Name: "Ada", Addresses: ada.Addresses, Administrator: &no}, {Login: "victoria", Name: "Victoria", Addresses: victoria.Addresses, Administrator: &yes},
		}))
		check(t, s.SetDisabled(ctx, ada.ID, true))
	})
}

func TestTwoAdministratorsNeverBothTakeTheLastOneAway(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		handles := []*store.Store{p.open(t), p.open(t)}
		var both [2]gateway.Agent
		for i, login := range []string{"ada", "grace"} {
			both[i] = must(handles[0].PutAgent(t.Context(), gateway.Agent{Login: login, Name: login, Addresses: []string{login + "@ville.example"}, Administrator: true}))(t)
		}
		lone(t, together(2, func(i int) error { return handles[i].SetDisabled(t.Context(), both[i].ID, true) }), store.ErrLastAdministrator)
	})
}

func TestAnAgentIsAddedOnceAndChangedAsTheyWereSeen(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s, ctx := p.open(t), t.Context()
		a := must(s.AddAgent(ctx, gateway.Agent{Login: "Chloe", Name: "Chloé", Addresses: []string{"C@ville.example"}, Password: "one"}))(t)
		_, err := s.AddAgent(ctx, gateway.Agent{Login: "chloe", Name: "Une autre", Password: "two"})
		wantErr(t, err, store.ErrLoginTaken)
		if got := must(s.AgentByLogin(ctx, "chloe"))(t); got.Password != "one" || got.Name != "Chloé" {
			t.Errorf("%+v", got)
		}
		seen := a
		a.Name, a.Addresses = "Chloé Roy", []string{"Roy@ville.example"}
		check(t, s.ChangeAgent(ctx, a))
		wantErr(t, s.ChangeAgent(ctx, seen), store.ErrConflict)
		wantErr(t, s.ChangeAgent(ctx, gateway.Agent{ID: gateway.NewID(noon)}), gateway.ErrNotFound)
		got := must(s.Agent(ctx, a.ID))(t)
		if got.Name != "Chloé Roy" || got.Addresses[0] != "roy@ville.example" || got.Password != "one" || got.Version <= a.Version {
			t.Errorf("%+v", got)
		}
	})
}
