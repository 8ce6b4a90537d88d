package store_test

import (
	"context"
	"testing"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// furnished fills an installation with something of everything.
func furnished(t testing.TB, s *store.Store) gateway.Courier {
	t.Helper()
	ctx := context.Background()
	cons := must(s.PutConsultation(ctx, gateway.Consultation{Reference: "R", Address: "r", Deadline: noon}))(t)
	check(t, s.PutCompanies(ctx, cons.ID, []gateway.Company{{Ref: "alpha", Name: "Alpha", Addresses: []string{"a@alpha.example"}, Registers: []gateway.Register{gateway.Depots}}}, store.Merge))
	agent := must(s.PutAgent(ctx, gateway.Agent{Login: "camille", Addresses: []string{"c@acheteur.example"}}))(t)
	check(t, s.Entitle(ctx, agent.ID, cons.ID))
	must(s.AddAppPassword(ctx, gateway.AppPassword{Agent: agent.ID, Label: "mutt"}))(t)
	must(s.AddAPIKey(ctx, gateway.APIKey{Hash: gateway.HashOf([]byte("k"))}))(t)
	must(s.PutDraft(ctx, gateway.Draft{Agent: agent.ID, Consultation: cons.ID, Subject: "brouillon"}, spooled(t, s, []byte("draft")),
		store.DraftPiece{DraftFile: gateway.DraftFile{ID: gateway.NewID(noon), File: gateway.File{Name: "a.pdf"}}, Content: spooled(t, s, []byte("file"))}))(t)
	c, added := accept(t, s, letterTo(t, s, string(large("courier")), "k", "a@alpha.example", "b@beta.example"))
	file := gateway.AnswerFile{ID: gateway.NewID(noon), Label: []byte("plan.pdf"), Size: -1}
	a := must(s.BeginAnswer(ctx, gateway.Answer{ID: gateway.NewID(noon), Courier: c.ID, Recipient: added[1].ID}))(t)
	check(t, s.AddAnswerFile(ctx, a.ID, file, 1))
	check(t, s.AddChunk(ctx, a.ID, file.ID, gateway.Chunk{Size: 4}, spooled(t, s, []byte("plan")), 100))
	in, _, err := s.Receive(ctx, gateway.Inbound{Account: "principal", Mailbox: "INBOX", UIDValidity: 2, UID: 4}, spooled(t, s, []byte("mail")))
	check(t, err)
	e := gateway.NewEvent(gateway.Replied, noon, map[string]string{"a": "b"}, map[string]string{"c": "d"}).About(c.ID, added[0].ID)
	e.Once, e.Contents = "once", []gateway.Hash{in.Content}
	in.State = gateway.InboundDone
	check(t, s.Apply(ctx, gateway.Step{Inbound: &in, Events: []gateway.Event{e}, Replies: []gateway.Reply{{ID: gateway.NewID(noon), Courier: c.ID, Recipient: added[0].ID, Content: in.Content, Received: noon}}}))
	sequence(t, s, noon)
	note(t, s, 1)
	return c
}

func TestCopy(t *testing.T) {
	for name, places := range map[string]func(t *testing.T) (from, to place){
		"sqlite to postgres": func(t *testing.T) (place, place) { return sqlitePlace(t), postgresPlace(t) },
		"postgres to sqlite": func(t *testing.T) (place, place) { return postgresPlace(t), sqlitePlace(t) },
	} {
		t.Run(name, func(t *testing.T) {
			clock := &hands{now: noon}
			fromPlace, toPlace := places(t)
			from, to := fromPlace.open(t, clock.use), toPlace.open(t, clock.use)
			ctx := t.Context()
			c := furnished(t, from)
			check(t, store.Copy(ctx, from, to))
			wantErr(t, store.Copy(ctx, from, to), store.ErrNotEmpty)

			both := func(what string, read func(s *store.Store) any) {
				t.Helper()
				same(t, what, read(to), read(from))
			}
			both("consultations", func(s *store.Store) any { return must(s.Consultations(ctx))(t) })
			both("companies", func(s *store.Store) any { return must(s.Companies(ctx, must(s.Consultations(ctx))(t)[0].ID, ""))(t) })
			both("agents", func(s *store.Store) any { return must(s.Agents(ctx))(t) })
			agent := must(from.AgentByLogin(ctx, "camille"))(t)
			both("entitlements", func(s *store.Store) any { return must(s.EntitledConsultations(ctx, agent.ID))(t) })
			both("passwords", func(s *store.Store) any { return must(s.AppPasswords(ctx, agent.ID))(t) })
			both("keys", func(s *store.Store) any { return must(s.APIKeys(ctx))(t) })
			both("draft", func(s *store.Store) any {
				return must(s.Draft(ctx, must(s.Drafts(ctx, must(s.Consultations(ctx))(t)[0].ID))(t)[0].ID))(t)
			})
			both("couriers", func(s *store.Store) any { return must(s.Couriers(ctx, store.CourierFilter{Search: "resultat"}))(t) })
			both("recipients", func(s *store.Store) any { return must(s.Recipients(ctx, c.ID))(t) })
			both("events", func(s *store.Store) any { return must(s.Events(ctx, c.ID, gateway.ID{}))(t) })
			both("ledger", func(s *store.Store) any { return must(s.EventsFrom(ctx, 0, 100))(t) })
			both("waiting", func(s *store.Store) any { return must(s.Unsequenced(ctx, 100))(t) })
			both("hashes", func(s *store.Store) any { return must(s.LedgerHashes(ctx, []int64{1, 3}))(t) })
			both("checkpoints", func(s *store.Store) any { return must(s.Checkpoints(ctx, 0, 100))(t) })
			both("answers", func(s *store.Store) any {
				rs := must(s.Recipients(ctx, c.ID))(t)
				return must(s.AnswerOf(ctx, rs[1].ID))(t)
			})
			both("seals", func(s *store.Store) any { return must(s.SealedUntil(ctx, c.Consultation, noon))(t) })
			both("replies", func(s *store.Store) any { return must(s.Replies(ctx, c.ID))(t) })
			both("jobs", func(s *store.Store) any { return must(s.Jobs(ctx, store.JobFilter{}))(t) })
			both("mail", func(s *store.Store) any { return must(s.Inbounds(ctx, store.InboundFilter{}))(t) })
			both("content", func(s *store.Store) any { return contentOf(t, s, c.Content) })
			_, uid, err := to.LastUID(ctx, "principal", "INBOX")
			check(t, err)
			same(t, "last UID", uid, uint32(4))

			// It goes on there: the same retry joins, nothing named is swept, the ledger grows.
			known, joined, err := to.Accept(ctx, letterTo(t, to, string(large("courier")), "k", "a@alpha.example"))
			if err != nil || known.ID != c.ID || len(joined) != 0 {
				t.Fatalf("%v, %d joined, %v", known.ID, len(joined), err)
			}
			clock.add(48 * time.Hour)
			same(t, "swept", must(to.Sweep(ctx, time.Hour))(t).Contents, 0)
			sequence(t, to, clock.time())
		})
	}
}

func TestCopyThatFailsLeavesTheTargetEmpty(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		from, to := sqlitePlace(t).open(t), p.open(t)
		furnished(t, from)
		// Something in the last table copied.
		sequence(t, to, noon)
		wantErr(t, store.Copy(t.Context(), from, to), store.ErrNotEmpty)
		same(t, "agents", len(must(to.Agents(t.Context()))(t)), 0)
		same(t, "couriers", len(must(to.Couriers(t.Context(), store.CourierFilter{}))(t)), 0)
	})
}
