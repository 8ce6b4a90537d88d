package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

func TestConsultations(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s, ctx := p.open(t, (&hands{now: noon}).use), t.Context()
		c := gateway.Consultation{Reference: "TESTESR2020", Address: "testesr2020", Title: "Fourniture", Object: "Mobilier\x00\xff", Deadline: noon, Zone: "Europe/Paris", Language: "fr"}
		first := must(s.PutConsultation(ctx, c))(t)
		same(t, "text that is no UTF-8", first.Object, "Mobilier\uFFFD\uFFFD")
		same(t, "updated", first.Updated, noon)

		c.Title = "Fourniture de mobilier"
		again := must(s.PutConsultation(ctx, c))(t)
		if again.ID != first.ID || again.Title != c.Title {
			t.Fatalf("the same reference gives %+v", again)
		}
		_, err := s.PutConsultation(ctx, gateway.Consultation{Reference: "AUTRE", Address: "testesr2020"})
		wantErr(t, err, store.ErrAddressTaken)

		other := must(s.PutConsultation(ctx, gateway.Consultation{Reference: "AUTRE", Address: "autre", Archived: noon}))(t)
		same(t, "by address", must(s.ConsultationByAddress(ctx, "testesr2020"))(t), again)
		same(t, "by reference", must(s.ConsultationByReference(ctx, "AUTRE"))(t), other)
		same(t, "by ID", must(s.Consultation(ctx, other.ID))(t), other)
		same(t, "all", must(s.Consultations(ctx))(t), []gateway.Consultation{other, again})
		_, err = s.ConsultationByAddress(ctx, "inconnue")
		wantErr(t, err, gateway.ErrNotFound)
	})
}

func TestTwoConsultationsCannotTakeOneAddress(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		handles := []*store.Store{p.open(t), p.open(t)}
		errs := together(8, func(i int) error {
			_, err := handles[i%2].PutConsultation(context.Background(), gateway.Consultation{Reference: fmt.Sprint("R", i), Address: "une"})
			return err
		})
		lone(t, errs, store.ErrAddressTaken)
	})
}

func TestCompanies(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s, ctx := p.open(t), t.Context()
		c := must(s.PutConsultation(ctx, gateway.Consultation{Reference: "R", Address: "r"}))(t)
		list := []gateway.Company{
			{Ref: "alpha", Name: "Alpha", Addresses: []string{"a@alpha.example", "b@alpha.example"}, Registers: []gateway.Register{gateway.Retraits}},
			{Ref: "beta", Name: "Bêta", Addresses: []string{"c@beta.example"}, Registers: []gateway.Register{gateway.Depots, gateway.Retraits}},
		}
		check(t, s.PutCompanies(ctx, c.ID, list, store.Merge))
		check(t, s.PutCompanies(ctx, c.ID, list, store.Merge))
		alpha := must(s.CompanyByRef(ctx, c.ID, "alpha"))(t)
		same(t, "addresses", alpha.Addresses, list[0].Addresses)
		same(t, "by ID", must(s.Company(ctx, alpha.ID))(t), alpha)

		check(t, s.PutCompanies(ctx, c.ID, []gateway.Company{{Ref: "alpha", Name: "Alpha SA", Addresses: []string{"a@alpha.example"}, Registers: []gateway.Register{gateway.Questions}}}, store.Merge))
		merged := must(s.CompanyByRef(ctx, c.ID, "alpha"))(t)
		same(t, "registers add up", merged.Registers, []gateway.Register{gateway.Retraits, gateway.Questions})
		if merged.ID != alpha.ID || merged.Name != "Alpha SA" {
			t.Fatalf("%+v", merged)
		}
		same(t, "a register", len(must(s.Companies(ctx, c.ID, gateway.Retraits))(t)), 2)
		same(t, "another register", len(must(s.Companies(ctx, c.ID, gateway.Questions))(t)), 1)

		check(t, s.PutCompanies(ctx, c.ID, list[1:], store.Replace))
		left := must(s.Companies(ctx, c.ID, ""))(t)
		if len(left) != 1 || left[0].Ref != "beta" {
			t.Fatalf("after a whole list: %+v", left)
		}
		check(t, s.RemoveCompany(ctx, c.ID, "beta"))
		wantErr(t, s.RemoveCompany(ctx, c.ID, "beta"), gateway.ErrNotFound)
		wantErr(t, s.PutCompanies(ctx, gateway.NewID(noon), list, store.Merge), gateway.ErrNotFound)
	})
}

func TestImportsOfTheSameCompaniesDoNotMingle(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		handles := []*store.Store{p.open(t), p.open(t)}
		c := must(handles[0].PutConsultation(t.Context(), gateway.Consultation{Reference: "R", Address: "r"}))(t)
		registers := gateway.Registers()
		for _, err := range together(len(registers), func(i int) error {
			var list []gateway.Company
			for n := range 50 {
				list = append(list, gateway.Company{Ref: fmt.Sprint("c", n), Name: fmt.Sprint("C", n), Addresses: []string{"a@b.example"}, Registers: registers[i : i+1]})
			}
			return handles[i%2].PutCompanies(context.Background(), c.ID, list, store.Merge)
		}) {
			check(t, err)
		}
		for _, company := range must(handles[1].Companies(t.Context(), c.ID, ""))(t) {
			if len(company.Registers) != len(registers) {
				t.Fatalf("%s lost registers: %v", company.Ref, company.Registers)
			}
		}
	})
}

func TestAgents(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s, ctx := p.open(t), t.Context()
		a := must(s.PutAgent(ctx, gateway.Agent{Login: "Camille", Name: "Camille Martin", Addresses: []string{"Camille@Acheteur.example"}, Password: "x"}))(t)
		if a.Version != 1 || a.Login != "camille" || a.Addresses[0] != "camille@acheteur.example" {
			t.Fatalf("%+v", a)
		}
		a.Disabled = true
		b := must(s.PutAgent(ctx, a))(t)
		if b.ID != a.ID || b.Version != 2 || !b.Disabled {
			t.Fatalf("%+v", b)
		}
		same(t, "by login", must(s.AgentByLogin(ctx, "CAMILLE"))(t), b)
		same(t, "by ID", must(s.Agent(ctx, a.ID))(t), b)
		same(t, "all", must(s.Agents(ctx))(t), []gateway.Agent{b})

		c := must(s.PutConsultation(ctx, gateway.Consultation{Reference: "R", Address: "r"}))(t)
		check(t, s.Entitle(ctx, a.ID, c.ID))
		check(t, s.Entitle(ctx, a.ID, c.ID))
		same(t, "entitled", must(s.Entitled(ctx, a.ID, c.ID))(t), true)
		same(t, "consultations", must(s.EntitledConsultations(ctx, a.ID))(t), []gateway.Consultation{c})
		same(t, "agents", must(s.EntitledAgents(ctx, c.ID))(t), []gateway.Agent{b})
		same(t, "references", must(s.Entitlements(ctx))(t), map[gateway.ID][]string{a.ID: {"R"}})
		wantErr(t, s.Entitle(ctx, a.ID, gateway.NewID(noon)), gateway.ErrNotFound)
		check(t, s.Revoke(ctx, a.ID, c.ID))
		check(t, s.Revoke(ctx, a.ID, c.ID))
		same(t, "revoked", must(s.Entitled(ctx, a.ID, c.ID))(t), false)
	})
}

func TestEveryChangeOfAnAgentGrowsItsVersion(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		handles := []*store.Store{p.open(t), p.open(t)}
		for _, err := range together(20, func(i int) error {
			_, err := handles[i%2].PutAgent(context.Background(), gateway.Agent{Login: "camille"})
			return err
		}) {
			check(t, err)
		}
		same(t, "version", must(handles[0].AgentByLogin(t.Context(), "camille"))(t).Version, int64(20))
	})
}

func TestCredentials(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		clock := &hands{now: noon}
		s, ctx := p.open(t, clock.use), t.Context()
		a := must(s.PutAgent(ctx, gateway.Agent{Login: "camille"}))(t)
		pw := must(s.AddAppPassword(ctx, gateway.AppPassword{Agent: a.ID, Label: "Thunderbird", Hash: "$argon2id$…"}))(t)
		clock.add(time.Minute)
		check(t, s.UsedAppPassword(ctx, pw.ID))
		check(t, s.RevokeAppPassword(ctx, pw.ID))
		wantErr(t, s.RevokeAppPassword(ctx, pw.ID), gateway.ErrNotFound)
		pw.Used, pw.Revoked = noon.Add(time.Minute), noon.Add(time.Minute)
		same(t, "passwords", must(s.AppPasswords(ctx, a.ID))(t), []gateway.AppPassword{pw})
		same(t, "version", must(s.Agent(ctx, a.ID))(t).Version, int64(3))
		_, err := s.AddAppPassword(ctx, gateway.AppPassword{Agent: gateway.NewID(noon)})
		wantErr(t, err, gateway.ErrNotFound)

		key := must(s.AddAPIKey(ctx, gateway.APIKey{Label: "plate-forme", Hash: gateway.HashOf([]byte("k")), Scopes: []string{"read"}}))(t)
		check(t, s.UsedAPIKey(ctx, key.ID))
		check(t, s.RevokeAPIKey(ctx, key.ID))
		wantErr(t, s.RevokeAPIKey(ctx, key.ID), gateway.ErrNotFound)
		key.Used, key.Revoked = clock.time(), clock.time()
		same(t, "by hash", must(s.APIKeyByHash(ctx, key.Hash))(t), key)
		same(t, "keys", must(s.APIKeys(ctx))(t), []gateway.APIKey{key})
		_, err = s.APIKeyByHash(ctx, gateway.HashOf([]byte("other")))
		wantErr(t, err, gateway.ErrNotFound)
	})
}

func TestDrafts(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s, ctx := p.open(t, (&hands{now: noon}).use), t.Context()
		a := must(s.PutAgent(ctx, gateway.Agent{Login: "camille"}))(t)
		about := gateway.NewID(noon)
		d := must(s.PutDraft(ctx, gateway.Draft{Agent: a.ID, Consultation: about, Subject: "un", Type: gateway.Libre, Recipients: []string{"retraits.r", "a@b.example"}}, spooled(t, s, []byte("un"))))(t)
		same(t, "version", d.Version, int64(1))
		same(t, "stored", must(s.Draft(ctx, d.ID))(t), d)

		d.Subject, d.Text, d.Rich = "deux", "<p>deux</p>", true
		changed := must(s.PutDraft(ctx, d, nil))(t)
		same(t, "content kept", string(contentOf(t, s, changed.Content)), "un")
		_, err := s.PutDraft(ctx, d, nil) // the version read before
		wantErr(t, err, store.ErrConflict)
		changed.Agent = gateway.NewID(noon) // whoever changes it, who began it stays
		changed = must(s.PutDraft(ctx, changed, nil))(t)
		changed.Agent = a.ID
		same(t, "drafts", must(s.Drafts(ctx, about))(t), []gateway.Draft{changed})

		replaced := must(s.PutDraft(ctx, changed, spooled(t, s, []byte("deux"))))(t)
		check(t, s.DeleteDraft(ctx, d.ID))
		wantErr(t, s.DeleteDraft(ctx, d.ID), gateway.ErrNotFound)
		_, err = s.PutDraft(ctx, replaced, nil)
		wantErr(t, err, store.ErrConflict)

		later := p.open(t, (&hands{now: noon.Add(time.Hour)}).use)
		same(t, "contents of the draft go", must(later.Sweep(ctx, time.Minute))(t).Contents, 2)
	})
}

func TestFilesOfADraft(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s, ctx := p.open(t, (&hands{now: noon}).use), t.Context()
		a := must(s.PutAgent(ctx, gateway.Agent{Login: "camille"}))(t)
		piece := func(name, text string) store.DraftPiece {
			return store.DraftPiece{DraftFile: gateway.DraftFile{ID: gateway.NewID(noon), File: gateway.File{Name: name, MediaType: "text/plain"}}, Content: spooled(t, s, []byte(text))}
		}
		room := store.DraftRoom{Bytes: 10, Files: 2}
		d := must(s.PutDraft(ctx, gateway.Draft{Agent: a.ID}, nil, piece("un.txt", "un")))(t)
		same(t, "with its file", must(s.Draft(ctx, d.ID))(t), d)
		wantErr(t, s.AddDraftFiles(ctx, d.ID, room, piece("gros.txt", "neuf octets")), store.ErrFull)
		check(t, s.AddDraftFiles(ctx, d.ID, room, piece("deux.txt", "deux")))
		wantErr(t, s.AddDraftFiles(ctx, d.ID, room, piece("trois.txt", "3")), store.ErrFull)
		now := must(s.Draft(ctx, d.ID))(t)
		same(t, "files change no version", now.Version, d.Version)
		same(t, "both", len(now.Files), 2)
		same(t, "content", string(contentOf(t, s, now.Files[1].SHA256)), "deux")
		check(t, s.RemoveDraftFile(ctx, d.ID, now.Files[0].ID))
		wantErr(t, s.RemoveDraftFile(ctx, d.ID, now.Files[0].ID), gateway.ErrNotFound)
		check(t, s.DeleteDraft(ctx, d.ID))
		wantErr(t, s.AddDraftFiles(ctx, d.ID, room, piece("quatre.txt", "4")), gateway.ErrNotFound)
		later := p.open(t, (&hands{now: noon.Add(time.Hour)}).use)
		same(t, "contents of the files go", must(later.Sweep(ctx, time.Minute))(t).Contents, 2)
	})
}

func TestADraftGoesWithTheCourierSentFromIt(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s, ctx := p.open(t), t.Context()
		a := must(s.PutAgent(ctx, gateway.Agent{Login: "camille"}))(t)
		d := must(s.PutDraft(ctx, gateway.Draft{Agent: a.ID}, nil))(t)
		for range 2 { // the second is a retry
			sent := letterTo(t, s, "courrier", "k", "a@alpha.example")
			sent.Draft = d.ID
			accept(t, s, sent)
			_, err := s.Draft(ctx, d.ID)
			wantErr(t, err, gateway.ErrNotFound)
		}
	})
}

func TestOneOfTwoChangesOfADraftWins(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		handles := []*store.Store{p.open(t), p.open(t)}
		a := must(handles[0].PutAgent(t.Context(), gateway.Agent{Login: "camille"}))(t)
		d := must(handles[0].PutDraft(t.Context(), gateway.Draft{Agent: a.ID}, nil))(t)
		lone(t, together(8, func(i int) error {
			_, err := handles[i%2].PutDraft(context.Background(), d, nil)
			return err
		}), store.ErrConflict)
	})
}

func TestTenThousandCompaniesAtOnce(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s, ctx := p.open(t), t.Context()
		c := must(s.PutConsultation(ctx, gateway.Consultation{Reference: "R", Address: "r"}))(t)
		list := make([]gateway.Company, 10_000)
		for i := range list {
			list[i] = gateway.Company{Ref: fmt.Sprint("c", i), Name: "C", Addresses: []string{"a@b.example"}, Registers: []gateway.Register{gateway.Retraits}}
		}
		check(t, s.PutCompanies(ctx, c.ID, list, store.Replace))
		same(t, "companies", len(must(s.Companies(ctx, c.ID, gateway.Retraits))(t)), len(list))
	})
}

func TestMoreQueriesThanAreKeptPrepared(t *testing.T) {
	s := sqlitePlace(t).open(t)
	var ids []gateway.ID
	for range 300 {
		ids = append(ids, gateway.NewID(noon))
		must(s.RecipientStates(t.Context(), ids...))(t)
		must(s.Hold(t.Context(), ids...))(t)
	}
}
