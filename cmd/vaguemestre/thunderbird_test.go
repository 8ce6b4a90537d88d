package main

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vaguemestre/deploy/sandbox"
	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// bird is an agent with Thunderbird beside a gateway among the real programs.
type bird struct {
	*real
	*sandbox.Thunderbird
	store *store.Store
}

func installBird(t *testing.T) *bird {
	t.Helper()
	if os.Getenv("VAGUEMESTRE_SOAK") == "" {
		t.Skip("a minute with Thunderbird: make soak")
	}
	sandbox.Need(t, "thunderbird", "Xvfb", "import")
	r := installReal(t, "")
	ctx, cancel := context.WithTimeout(context.Background(), 15*time.Minute)
	t.Cleanup(cancel)
	r.ctx = ctx
	r.feed(r.kit.Companies[0].Address, r.kit.Companies[1].Address)
	r.serve()
	b := &bird{real: r, store: r.look()}
	var err error
	b.Thunderbird, err = sandbox.StartThunderbird(r.ctx, sandbox.ThunderbirdOptions{
		Name: "Victoria Brun", Address: "agent@acheteur.test", SMTP: r.cfg.Submission.StartTLS, Security: sandbox.StartTLS,
		User: "victoria", Password: agentPassword, IMAPS: r.kit.Dovecot.IMAPS, Mailbox: r.kit.Agent, CA: r.kit.CA,
	})
	if err != nil {
		t.Fatal(err)
	}
	sandbox.Attach(t, "Thunderbird", b.Thunderbird)
	return b
}

func (b *bird) picture(name string) {
	b.Helper()
	if err := b.Screenshot(b.ctx, name); err != nil {
		b.Fatal(err)
	}
}

// sends sends a message that must leave, and gives the courier that it became.
func (b *bird) sends(w sandbox.Written) gateway.Courier {
	b.Helper()
	refused, err := b.Send(w)
	if err != nil || refused != "" {
		b.picture("unexpected")
		b.Fatalf("%s: %q, %v", w.Subject, refused, err)
	}
	couriers, err := b.store.Couriers(b.ctx, store.CourierFilter{Limit: 1})
	if err != nil || len(couriers) != 1 {
		b.Fatalf("%s: %d couriers, %v", w.Subject, len(couriers), err)
	}
	return couriers[0]
}

// told waits for a mail to the agent that has these words.
func (b *bird) told(words ...string) {
	b.Helper()
	_, err := b.kit.Wait(b.ctx, b.kit.Agent, func(raw string) bool {
		text := unsoft(raw)
		return !slices.ContainsFunc(words, func(w string) bool { return !strings.Contains(text, w) })
	})
	if err != nil {
		b.Fatalf("%q: %v", words, err)
	}
}

// shows opens the newest message of the agent's inbox with these words in its subject, and keeps a picture.
func (b *bird) shows(words, picture string) {
	b.Helper()
	if err := b.Show(words); err != nil {
		b.Fatal(err)
	}
	b.picture(picture)
}

// TestSoakThunderbird is an agent's day with Thunderbird and nothing else.
func TestSoakThunderbird(t *testing.T) {
	b := installBird(t)
	t.Run("a control address, formatted text, a file and a requested receipt", b.courier)
	t.Run("a group", b.group)
	t.Run("a refusal is read in its dialog", b.refusals)
	t.Run("what failed is told under the agent's own letter", b.notices)
	t.Run("a trial comes back", b.trial)
	t.Run("a model comes back, is edited as a new message and sent", b.model)
	t.Run("a company's answer is answered in its thread", b.thread)
	t.Run("the address book is imported", b.imports)
}

// courier writes with all that the window of composition has.
func (b *bird) courier(t *testing.T) {
	company := b.kit.Companies[0]
	file := filepath.Join(b.dir, "Notation détaillée.ods")
	content := strings.Repeat("\x00\r\n\xffnote", 20000)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	c := b.sends(sandbox.Written{
		To: company.Address + ", " + b.control("+rejet+reponse"), Subject: "Votre offre – élagage", Files: []string{file}, Receipt: true,
		HTML: "<p>Bonjour,</p><p>Votre réponse n'est <b>pas retenue</b> : son prix la place au deuxième rang.</p>",
	})
	if c.Type != gateway.Rejet || !c.Options.Acknowledged || !c.ReceiptAsked || c.Subject != "Votre offre – élagage" {
		t.Errorf("understood as %+v", c)
	}
	if len(c.Files) != 1 || c.Files[0].Name != "Notation détaillée.ods" || c.Files[0].Size != int64(len(content)) {
		t.Errorf("files: %+v", c.Files)
	}
	got := b.received(t, company, "élagage")
	if strings.Contains(got, "testesr2020+") {
		t.Error("the control address shows")
	}
	b.press(t, pageLink.FindString(decodeText(t, got)))
	b.event(b.store, c.ID, company.Address, gateway.Read)
	b.told("report-type=disposition-notification", c.MessageID)
}

// group writes to a whole register, and asks for a delivery report of each.
func (b *bird) group(t *testing.T) {
	c := b.sends(sandbox.Written{To: "retraits." + b.control("+question"), Subject: "Visite du site", HTML: "<p>Question : peut-on visiter ?</p><p>Réponse : oui.</p>", Report: true})
	recipients, err := b.store.Recipients(b.ctx, c.ID)
	if err != nil || len(recipients) != 2 || c.Type != gateway.Question {
		t.Errorf("%d recipients of a %s, %v", len(recipients), c.Type, err)
	}
	for _, r := range recipients {
		b.told("report-type=delivery-status", c.MessageID, "rfc822; "+r.Address)
	}
}

// refusals reads three of them in the dialog that Thunderbird shows.
func (b *bird) refusals(t *testing.T) {
	company := b.kit.Companies[0]
	for n, refused := range []struct{ words, text, want string }{
		{"+rejett", "<p>Bonjour.</p>", `"rejett" n'est pas un mot connu : vouliez-vous "rejet" ?`},
		{"+complement", "<p>Il manque une attestation.</p>", "demande une date limite de reponse : ajoutez par exemple +limite-"},
		{"+rejet", "<p>Motifs : [Motifs du rejet de la candidature ou de l'offre : critères, notes obtenues, classement]</p>", "passages a remplir ou a supprimer : [Motifs du rejet"},
	} {
		said, err := b.Send(sandbox.Written{To: company.Address + ", " + b.control(refused.words), Subject: "Votre offre", HTML: refused.text})
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(said, refused.want) {
			t.Errorf("the dialog says %q, not %q", said, refused.want)
		}
		b.picture("thunderbird-refusal-" + string(rune('1'+n)))
		if err := b.Dismiss(); err != nil {
			t.Fatal(err)
		}
	}
}

// notices looks at what comes back of letters.
func (b *bird) notices(t *testing.T) {
	unknown := "inconnue@entreprise.test"
	c := b.sends(sandbox.Written{To: unknown + ", " + b.control("+libre"), Subject: "Une précision", HTML: "<p>Le site ouvre à 8 heures.</p>"})
	b.event(b.store, c.ID, unknown, gateway.Failed)
	b.told(c.MessageID, unknown)
	b.shows("inconnue@entreprise.test", "thunderbird-failed")
	b.shows("élagage", "thunderbird-read")
	b.shows("Visite du site", "thunderbird-delivered")
}

// trial asks what would happen.
func (b *bird) trial(t *testing.T) {
	company := b.kit.Companies[0]
	refused, err := b.Send(sandbox.Written{To: company.Address + ", " + b.control("+rejet+essai"), Subject: "Votre offre", HTML: "<p>Bonjour, le prix est trop élevé.</p>"})
	if err != nil || refused != "" {
		t.Fatalf("%q, %v", refused, err)
	}
	b.told("premier-destinataire.eml")
	b.shows("Essai", "thunderbird-trial")
}

// model asks for the model, fills it in and sends it.
func (b *bird) model(t *testing.T) {
	company := b.kit.Companies[0]
	refused, err := b.Send(sandbox.Written{To: b.control("+annulation+modele"), Subject: "Modèle", HTML: "<p></p>"})
	if err != nil || refused != "" {
		t.Fatalf("%q, %v", refused, err)
	}
	b.told("[Mode d'emploi")
	b.shows("annulation", "thunderbird-model")
	if refused, err = b.EditAsNew(company.Address, `^\[Mode.*\]$`, "", `\[Motif.*\]`, "Crédits insuffisants.", `\[Indiquer.*\]`, ""); err != nil || refused != "" {
		b.picture("unexpected")
		t.Fatalf("%q, %v", refused, err)
	}
	b.reveal(t, pageLink.FindString(decodeText(t, b.received(t, company, "annulation"))), "Crédits insuffisants.")
}

// thread answers a company's answer.
func (b *bird) thread(t *testing.T) {
	company := b.kit.Companies[0]
	c := b.sends(sandbox.Written{To: company.Address + ", " + b.control("+libre"), Subject: "Votre plan", HTML: "<p>Quelle échelle a-t-il ?</p>"})
	b.answer(t, company, b.received(t, company, "Votre plan"))
	b.event(b.store, c.ID, company.Address, gateway.Replied)
	b.told("Merci de nous dire pourquoi", c.MessageID)
	b.shows("Courrier de rejet", "thunderbird-answer")
	if refused, err := b.Reply("<p>Au centième, merci.</p>"); err != nil || refused != "" {
		t.Fatalf("%q, %v", refused, err)
	}
	couriers, err := b.store.Couriers(b.ctx, store.CourierFilter{Limit: 1})
	if err != nil || len(couriers) != 1 || couriers[0].Thread != c.ID || couriers[0].ID == c.ID {
		t.Errorf("the answer is no part of the thread: %+v, %v", couriers, err)
	}
}

// imports reads the agent's address book in its three formats.
func (b *bird) imports(t *testing.T) {
	group := "retraits." + b.control("")
	for _, kind := range []string{"vcard", "ldif", "csv"} {
		path := filepath.Join(b.dir, "carnet."+kind)
		b.must("", "kit", "addressbook", "victoria", "--format", kind, "--out", path)
		cards, err := b.Import(kind, path)
		if err != nil {
			t.Fatal(err)
		}
		has := func(address string) bool {
			return slices.ContainsFunc(cards, func(c sandbox.Card) bool { return c.Name != "" && slices.Contains(c.Addresses, address) })
		}
		if !has(group) || !has(b.control("+rejet")) {
			t.Errorf("%s: %d cards, the group or the type is not among them: %+v", kind, len(cards), cards)
		}
	}
}
