package store_test

import (
	"context"
	"testing"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

func signedUp(t testing.TB, s *store.Store, login string, addresses ...string) gateway.Agent {
	t.Helper()
	return must(s.PutAgent(context.Background(), gateway.Agent{Login: login, Name: login, Addresses: addresses, Password: "hash"}))(t)
}

func TestPromiseASessionEndsByIdlenessAgeRevocationPasswordAndClosing(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		ctx, clock := context.Background(), &hands{now: noon}
		s := p.open(t, clock.use)
		agent := signedUp(t, s, "victoria", "victoria@ville.example")
		secret := func(text string) gateway.Hash { return gateway.HashOf([]byte(text)) }
		open := func(text string) gateway.Session {
			return must(s.AddSession(ctx, gateway.Session{Agent: agent.ID, Way: gateway.ByPassword, Browser: "Firefox", Ends: clock.time().Add(12 * time.Hour)}, secret(text)))(t)
		}
		alive := func(text string) bool {
			_, err := s.SessionOf(ctx, secret(text), time.Hour)
			if err != nil {
				wantErr(t, err, gateway.ErrNotFound)
			}
			return err == nil
		}
		is := func(what string, got, want bool) {
			t.Helper()
			if got != want {
				t.Fatalf("%s: open is %v", what, got)
			}
		}
		first := open("one")
		same(t, "the session", must(s.SessionOf(ctx, secret("one"), time.Hour))(t), first)
		is("another secret", alive("other"), false)
		clock.add(59 * time.Minute)
		is("before idling", alive("one"), true)
		check(t, s.UsedSession(ctx, first.ID))
		clock.add(59 * time.Minute)
		is("used meanwhile", alive("one"), true)
		clock.add(time.Minute)
		is("idle", alive("one"), false)

		second := open("two")
		for range 13 {
			clock.add(55 * time.Minute)
			check(t, s.UsedSession(ctx, second.ID))
		}
		clock.add(5 * time.Minute)
		is("past its end though used", alive("two"), false)

		third, fourth := open("three"), open("four")
		same(t, "the agent's sessions", len(must(s.Sessions(ctx, agent.ID, time.Hour))(t)), 2)
		wantErr(t, s.EndSession(ctx, gateway.NewID(noon), third.ID), gateway.ErrNotFound)
		is("ended by somebody else", alive("three"), true)
		check(t, s.EndSession(ctx, agent.ID, third.ID))
		is("ended", alive("three"), false)
		open("five")
		check(t, s.EndSessions(ctx, agent.ID, fourth.ID))
		is("the one kept", alive("four"), true)
		is("the others", alive("five"), false)

		agent.Name = "Victoria Brun"
		must(s.PutAgent(ctx, agent))(t)
		is("another name", alive("four"), true)
		agent.Password = "other hash"
		must(s.PutAgent(ctx, agent))(t)
		is("another password", alive("four"), false)
		open("six")
		agent.Disabled = true
		must(s.PutAgent(ctx, agent))(t)
		is("closed account", alive("six"), false)
		_, err := s.AddSession(ctx, gateway.Session{Agent: agent.ID, Ends: noon.AddDate(1, 0, 0)}, secret("seven"))
		wantErr(t, err, gateway.ErrNotFound)

		must(s.AddSession(ctx, gateway.Session{Agent: signedUp(t, s, "autre").ID, Ends: clock.time().Add(time.Hour)}, secret("eight")))(t)
		clock.add(48 * time.Hour)
		if n := must(s.SweepSignIns(ctx))(t); n == 0 {
			t.Fatal("sessions that are over are kept for ever")
		}
	})
}

func TestPromiseALinkToSignInWorksOnceInTheBrowserThatAsked(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		ctx, clock := context.Background(), &hands{now: noon}
		s := p.open(t, clock.use)
		agent := signedUp(t, s, "victoria", "victoria@ville.example")
		link, browser, other := gateway.HashOf([]byte("link")), gateway.HashOf([]byte("browser")), gateway.HashOf([]byte("other"))
		offer := func(l gateway.Hash, who gateway.ID) {
			check(t, s.OfferSignIn(ctx, store.SignInLink{Secret: l, Browser: browser, Agent: who, Ends: clock.time().Add(10 * time.Minute), Mail: spooled(t, s, []byte("Subject: x\r\n\r\n"+l.String())), To: "victoria@ville.example"}))
		}
		take := func(l, b gateway.Hash) error {
			_, err := s.TakeSignIn(ctx, l, b, gateway.Session{Way: gateway.ByLink, Ends: clock.time().Add(time.Hour)}, gateway.HashOf([]byte(gateway.NewID(noon).String())))
			return err
		}
		offer(link, agent.ID)
		jobs := must(s.Lease(ctx, "test", []gateway.JobKind{gateway.JobNotice}, 10, time.Minute))(t)
		if len(jobs) != 1 || jobs[0].Notice.To != "victoria@ville.example" {
			t.Fatalf("the link's mail: %+v", jobs)
		}
		wantErr(t, take(link, other), gateway.ErrNotFound)
		same(t, "whose link", must(s.OpenSignIn(ctx, link, browser))(t), agent.ID)
		lone(t, together(8, func(int) error { return take(link, browser) }), gateway.ErrNotFound)
		same(t, "sessions of one link", len(must(s.Sessions(ctx, agent.ID, time.Hour))(t)), 1)

		late := gateway.HashOf([]byte("late"))
		offer(late, agent.ID)
		clock.add(10 * time.Minute)
		wantErr(t, take(late, browser), gateway.ErrNotFound)
		nobody := gateway.HashOf([]byte("nobody"))
		offer(nobody, gateway.ID{})
		wantErr(t, take(nobody, browser), gateway.ErrNotFound)
	})
}

func TestAgentsAreFoundByAnyOfTheirAddresses(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		ctx := context.Background()
		s := p.open(t)
		a := signedUp(t, s, "a", "a@ville.example", "marches@ville.example")
		b := signedUp(t, s, "b", "marches@ville.example")
		signedUp(t, s, "c", "xmarches@ville.example", "m_rches@ville.example")
		names := func(address string) (logins []string) {
			for _, agent := range must(s.AgentsAt(ctx, address))(t) {
				logins = append(logins, agent.Login)
			}
			return logins
		}
		same(t, "both", names("Marches@ville.example"), []string{a.Login, b.Login})
		same(t, "a joker is a letter", names("m_rches@ville.example"), []string{"c"})
		same(t, "nobody", names("%@ville.example"), nil)
	})
}

func TestAnAdministratorStaysOneUntilItIsSaid(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		ctx, s := context.Background(), p.open(t)
		yes, no := true, false
		must(s.PutAgent(ctx, gateway.Agent{Login: "grace", Name: "Grace", Administrator: true}))(t) // who stays
		for i, row := range []struct {
			said *bool
			want bool
		}{{nil, false}, {&yes, true}, {nil, true}, {&no, false}, {&yes, true}} {
			check(t, s.PutAgents(ctx, []store.AgentPut{{Login: "ada", Name: "Ada", Addresses: []string{"ada@ville.example"}, Administrator: row.said}}))
			if got := must(s.AgentByLogin(ctx, "ada"))(t).Administrator; got != row.want {
				t.Errorf("after put %d: %v", i, got)
			}
		}
	})
}
