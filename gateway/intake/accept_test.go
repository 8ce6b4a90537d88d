package intake

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
	"vaguemestre/gateway/token"
)

func TestWhatIsAcceptedIsFrozen(t *testing.T) {
	w := newWorld(t)
	r := w.accepted(t, "Disposition-Notification-To: alice@ville.example\n"+plainMail, "testesr2020+complement+limite-20210320-1200@passerelle.example", firm)
	c, err := w.store.Courier(t.Context(), r.Courier.ID)
	must(t, err)
	by := time.Date(2021, 3, 20, 11, 0, 0, 0, time.UTC)
	if len(c.Composition.Boundary) < 20 {
		t.Errorf("boundary %q can be guessed", c.Composition.Boundary)
	}
	want := gateway.Courier{
		ID: c.ID, Thread: c.ID, Consultation: w.testesr.ID, Author: w.alice.ID, AuthorName: "Alice Martin", AuthorAddr: "alice@ville.example",
		Door: gateway.DoorSMTP, Type: gateway.Complement, TypeLabel: "Demande de complément",
		Options: gateway.Options{Acknowledged: true, Reply: gateway.ReplyPolicy{Allowed: true, By: by, Sealed: true}},
		Subject: "Votre offre", Excerpt: "Madame, Monsieur, Voici.", MessageID: "<m1@ville.example>",
		Content: c.Content, Size: c.Size, ReceiptAsked: true, Context: w.testesr.Block(), Accepted: w.clock.now(),
		Composition: gateway.Composition{
			Version: 7, BaseURL: "https://courrier.example", Domain: domain, Date: w.clock.now(), Boundary: c.Composition.Boundary, KeyID: 3,
		},
	}
	if !r.Courier.ReceiptAsked {
		t.Error("the receipt that was asked for is forgotten")
	}
	if diff := cmp.Diff(want, r.Courier); diff != "" {
		t.Errorf("accepted (+) is not what was meant (-):\n%s", diff)
	}
	if got := w.raw(t, c.Content); !strings.HasSuffix(got, strings.ReplaceAll(plainMail, "\n", "\r\n")) {
		t.Errorf("stored content %q", got)
	}
	if want := "Courrier accepté : TESTESR2020, Demande de complément, avec accusé de réception, réponse scellée jusqu'au 20/03/2021 à 12:00, 1 destinataire."; r.Text != want {
		t.Errorf("answered %q, want %q", r.Text, want)
	}
	w.checkEvents(t, c, firm)
}

func (w *world) checkEvents(t *testing.T, c gateway.Courier, address string) {
	t.Helper()
	events, err := w.store.Events(t.Context(), c.ID, gateway.ID{})
	must(t, err)
	recipients, err := w.store.Recipients(t.Context(), c.ID)
	must(t, err)
	var whole, each int
	for _, e := range events {
		if e.Kind != gateway.Submitted || e.Actor != "agent:alice" || e.Strength != gateway.ByAgent {
			t.Errorf("event %+v", e)
		}
		if e.Recipient.IsZero() {
			whole++
			var d gateway.SubmittedDetails
			must(t, json.Unmarshal(e.Details, &d))
			if d.Content != c.Content || d.Type != c.Type || d.Author != "alice@ville.example" || !slices.Equal(e.Contents, []gateway.Hash{c.Content}) {
				t.Errorf("the courier's event says %+v", d)
			}
			continue
		}
		each++
		var d gateway.RecipientDetails
		must(t, json.Unmarshal(e.Details, &d))
		if d.Address != address || e.Recipient != recipients[0].ID {
			t.Errorf("the recipient's event says %+v", d)
		}
	}
	if whole != 1 || each != len(recipients) {
		t.Errorf("%d events of the courier, %d of its %d recipients", whole, each, len(recipients))
	}
}

// TestWhoIsAddedLaterIsToldOfTheSameConsultation: what the event of each recipient proves is the block of the letter that they get, whatever became of the
// consultation meanwhile.
func TestWhoIsAddedLaterIsToldOfTheSameConsultation(t *testing.T) {
	w := newWorld(t)
	control := "testesr2020+rejet@passerelle.example"
	first := w.accepted(t, plainMail, control, firm)
	w.testesr.Title = "Toitures et façades"
	_, err := w.store.PutConsultation(t.Context(), w.testesr)
	must(t, err)
	more := w.accepted(t, plainMail, control, firm, "paul@autre.example")
	if more.Outcome != Joined || len(more.Added) != 1 || more.Courier.Context.Title != first.Courier.Context.Title {
		t.Fatalf("%s, %+v", more.Outcome, more.Courier.Context)
	}
	events, err := w.store.Events(t.Context(), more.Courier.ID, more.Added[0].ID)
	must(t, err)
	var d gateway.RecipientDetails
	if len(events) != 1 || json.Unmarshal(events[0].Details, &d) != nil || d.Context != more.Courier.Context.Digest() || d.Address != "paul@autre.example" {
		t.Errorf("%+v", d)
	}
}

func TestPromise3ARetryIsTheSameCourier(t *testing.T) {
	w := newWorld(t)
	control := "testesr2020+rejet@passerelle.example"
	first := w.accepted(t, plainMail, control, firm)
	again := w.accepted(t, plainMail, firm, control)
	if again.Outcome != Joined || again.Courier.ID != first.Courier.ID || len(again.Added) != 0 {
		t.Errorf("the retry is %s of %s, adds %d", again.Outcome, again.Courier.ID, len(again.Added))
	}
	if again.Text != "Courrier déjà accepté : rien n'a été envoyé une seconde fois." {
		t.Error(again.Text)
	}
	more := w.accepted(t, plainMail, control, firm, "paul@autre.example")
	if more.Outcome != Joined || !slices.Equal(addresses(more.Added), []string{"paul@autre.example"}) {
		t.Errorf("other recipients: %s, %v", more.Outcome, addresses(more.Added))
	}
	if jobs := w.jobs(t); len(jobs) != 2 {
		t.Errorf("%d letters for two recipients", len(jobs))
	}
	for name, other := range map[string]Receipt{
		"another body":       w.accepted(t, plainMail+"PS", control, firm),
		"another Message-ID": w.accepted(t, strings.Replace(plainMail, "m1", "m2", 1), control, firm),
		"another type":       w.accepted(t, plainMail, "testesr2020+question@passerelle.example", firm),
		"another option":     w.accepted(t, plainMail, "testesr2020+rejet+reponse@passerelle.example", firm),
	} {
		if other.Outcome != Accepted || other.Courier.ID == first.Courier.ID {
			t.Errorf("%s is the same courier", name)
		}
	}
}

func TestPromise3WithoutMessageIDWithinAnHour(t *testing.T) {
	w := newWorld(t)
	text, control := "Subject: Offre\n\nBonjour", "testesr2020@passerelle.example"
	first := w.accepted(t, text, control, firm)
	w.clock.forward(59 * time.Minute)
	if again := w.accepted(t, text, control, firm); again.Courier.ID != first.Courier.ID {
		t.Error("a retry after 59 minutes is another courier")
	}
	w.clock.forward(2 * time.Minute)
	if again := w.accepted(t, text, control, firm); again.Courier.ID == first.Courier.ID {
		t.Error("the same words an hour later are the same courier")
	}
}

func TestPromise3RetriesAtTheSameInstant(t *testing.T) {
	w := newWorld(t)
	submissions := make([]Submission, 8)
	for i := range submissions {
		submissions[i] = w.submission(t, w.alice, plainMail, "testesr2020@passerelle.example", firm, fmt.Sprintf("a%d@autre.example", i))
	}
	ids := make([]gateway.ID, len(submissions))
	var all sync.WaitGroup
	for i, s := range submissions {
		all.Go(func() {
			r, err := w.Submit(t.Context(), s)
			if err != nil {
				t.Error(err)
			}
			ids[i] = r.Courier.ID
		})
	}
	all.Wait()
	if len(slices.Compact(ids)) != 1 {
		t.Errorf("couriers %v", ids)
	}
	if jobs := w.jobs(t); len(jobs) != 9 {
		t.Errorf("%d letters for nine recipients", len(jobs))
	}
}

func TestPromise4EachRecipientAlone(t *testing.T) {
	w := newWorld(t)
	r := w.accepted(t, plainMail, "retraits.testesr2020+question@passerelle.example", "testesr2020+e-sa-les-couvreurs@passerelle.example",
		"Contact@acme.example", firm, firm, "VICTORIA@entreprise.example")
	want := []string{"contact@acme.example", "ventes@acme.example", "durand@durand.example", firm}
	if diff := cmp.Diff(want, addresses(r.Added)); diff != "" {
		t.Errorf("recipients:\n%s", diff)
	}
	seen := map[string]bool{}
	for _, one := range r.Added {
		if strings.HasSuffix(one.Address, "@"+domain) {
			t.Errorf("an address of the gateway is a recipient: %s", one.Address)
		}
		if one.MessageID != "<"+one.ID.String()+"@"+domain+">" || seen[one.MessageID] {
			t.Errorf("Message-ID %s", one.MessageID)
		}
		seen[one.MessageID] = true
	}
	if a := r.Added[0]; a.CompanyName != "Acme" || a.Register != gateway.Retraits || a.Company.IsZero() {
		t.Errorf("the register is not recorded: %+v", a)
	}
	jobs := w.jobs(t)
	for _, j := range jobs {
		if j.Kind != gateway.JobLetter || j.Courier != r.Courier.ID || j.Recipient.IsZero() {
			t.Errorf("job %+v", j)
		}
	}
	if len(jobs) != len(want) {
		t.Errorf("%d jobs", len(jobs))
	}
	stored, err := w.store.Recipients(t.Context(), r.Courier.ID)
	must(t, err)
	if diff := cmp.Diff(want, addresses(stored)); diff != "" {
		t.Errorf("stored in another order:\n%s", diff)
	}
}

// register puts so many companies in a register that was empty.
func (w *world) register(t testing.TB, n int) {
	t.Helper()
	companies := make([]gateway.Company, n)
	for i := range companies {
		ref := fmt.Sprintf("f%04d", i)
		companies[i] = gateway.Company{Ref: ref, Name: ref, Addresses: []string{ref + "@entreprise.example"}, Registers: []gateway.Register{gateway.PhasePrecedente}}
	}
	must(t, w.store.PutCompanies(t.Context(), w.testesr.ID, companies, store.Merge))
}

func TestAWholeRegisterInOneTransaction(t *testing.T) {
	w := newWorld(t)
	w.register(t, 300)
	r := w.accepted(t, plainMail, "phase-precedente.testesr2020@passerelle.example")
	if len(r.Added) != 300 || len(w.jobs(t)) != 300 {
		t.Errorf("%d recipients", len(r.Added))
	}
	w.o.MaxRecipients = 299
	if _, err := w.send(t, plainMail+"PS", "phase-precedente.testesr2020@passerelle.example"); gateway.FaultOf(err).Key != "refuse.too-many-recipients" {
		t.Errorf("a recipient too many: %v", err)
	}
}

func BenchmarkARegisterOfTwoThousand(b *testing.B) {
	w := newWorld(b)
	w.register(b, 2000)
	for b.Loop() {
		w.clock.forward(2 * time.Hour) // no Message-ID: another courier
		w.accepted(b, "Subject: x\n\nBonjour", "phase-precedente.testesr2020@passerelle.example")
	}
}

// threadOf gives Alice's thread address of a courier of hers, and the message it went out as.
func (w *world) threadOf(r Receipt) (address, messageID string) {
	return "courrier+f-" + w.ring.Mint(token.Thread, r.Added[0].ID) + "@" + domain, r.Added[0].MessageID
}

func TestPromise11NobodyCrossesAnEntitlement(t *testing.T) {
	w := newWorld(t)
	alices := w.accepted(t, plainMail, "testesr2020@passerelle.example", firm)
	thread, messageID := w.threadOf(alices)
	proof := "preuve+" + alices.Courier.ID.String() + "@" + domain
	bob := "From: bob@ville.example\nMessage-ID: <b1@ville.example>\n"
	jobs := len(w.jobs(t))
	for _, c := range []struct {
		way, text string
		to        []string
		key       string
	}{
		{"address", bob + "Subject: x\n\nBonjour", to("testesr2020@passerelle.example", firm), "refuse.unknown-consultation"},
		{"group", bob + "Subject: x\n\nBonjour", to("retraits.testesr2020@passerelle.example"), "refuse.unknown-consultation"},
		{"company", bob + "Subject: x\n\nBonjour", to("testesr2020+e-acme@passerelle.example"), "refuse.unknown-consultation"},
		{"draft", bob + "Subject: x\n\nBonjour", to("testesr2020+brouillon@passerelle.example"), "refuse.unknown-consultation"},
		{"trial", bob + "Subject: x\n\nBonjour", to("testesr2020+essai@passerelle.example"), "refuse.unknown-consultation"},
		{"model", bob + "Subject: x\n\nBonjour", to("testesr2020+modele@passerelle.example"), "refuse.unknown-consultation"},
		{"header", bob + "Vaguemestre-Consultation: TESTESR2020\nSubject: x\n\nBonjour", to(firm), "refuse.unknown-consultation"},
		{"tag", bob + "Subject: [TESTESR2020 rejet] x\n\nBonjour", to(firm), "refuse.unknown-consultation"},
		{"thread", bob + "Subject: x\n\nBonjour", to(thread), "refuse.unknown-thread"},
		{"reply", bob + "Subject: Re: x\nIn-Reply-To: " + messageID + "\n\nBonjour", to(firm), "refuse.no-consultation"},
		{"references", bob + "Subject: Re: x\nReferences: " + messageID + "\n\nBonjour", to(firm), "refuse.no-consultation"},
		{"proof", bob + "Subject: x\n\nBonjour", to(proof), "refuse.unknown-courier"},
		{"Alice's name", "From: alice@ville.example\nSubject: x\n\nBonjour", to("mapa-2021-03@passerelle.example", firm), "refuse.foreign-from"},
		{"Alice's envelope", bob + "Subject: x\n\nBonjour", to("mapa-2021-03@passerelle.example", firm), "refuse.foreign-mail-from"},
	} {
		s := w.submission(t, w.bob, c.text, c.to...)
		if c.way == "Alice's envelope" {
			s.MailFrom = "alice@ville.example"
		}
		_, err := w.Submit(t.Context(), s)
		if f := gateway.FaultOf(err); f.Class != gateway.Permanent || f.Key != c.key {
			t.Errorf("by %s: %v, want %s", c.way, err, c.key)
		}
	}
	if len(w.jobs(t)) != jobs || len(w.prover.asked) != 0 {
		t.Error("a refused way left something")
	}
}

func TestPromise11WhatIsHiddenAnswersAsWhatIsNot(t *testing.T) {
	w := newWorld(t)
	for _, name := range [][2]string{{"mapa-2021-03", "mapa-2021-99"}, {"mapa-2021-03+rejet", "mapa-2021-99+rejet"}} {
		_, hidden := w.send(t, plainMail, name[0]+"@"+domain, firm)
		_, absent := w.send(t, plainMail, name[1]+"@"+domain, firm)
		a, b := gateway.FaultOf(hidden), gateway.FaultOf(absent)
		a.Args["Name"], b.Args["Name"] = "", ""
		if diff := cmp.Diff(a, b); diff != "" {
			t.Errorf("a consultation that exists answers otherwise:\n%s", diff)
		}
	}
}

func TestPromise11AnEntitlementRevokedEndsThreadsToo(t *testing.T) {
	w := newWorld(t)
	thread, _ := w.threadOf(w.accepted(t, plainMail, "testesr2020@passerelle.example", firm))
	must(t, w.store.Revoke(t.Context(), w.alice.ID, w.testesr.ID))
	if _, err := w.send(t, plainMail, thread); gateway.FaultOf(err).Key != "refuse.unknown-thread" {
		t.Errorf("a thread after the entitlement: %v", err)
	}
}

func TestAnAnswerStaysInItsThread(t *testing.T) {
	w := newWorld(t)
	first := w.accepted(t, plainMail, "testesr2020+e-durand@passerelle.example")
	thread, messageID := w.threadOf(first)
	second := w.accepted(t, "Message-ID: <m2@v>\nSubject: Re: Votre offre\n\nMerci.", thread)
	if second.Courier.Thread != first.Courier.ID || second.Courier.Subject != "Re: Votre offre" || second.Courier.Type != gateway.Libre {
		t.Errorf("by address: thread %s, %q, %s", second.Courier.Thread, second.Courier.Subject, second.Courier.Type)
	}
	if a := second.Added[0]; a.Address != "durand@durand.example" || a.CompanyName != "Durand & Fils" {
		t.Errorf("answered %+v", a)
	}
	third := w.accepted(t, "Message-ID: <m3@v>\nSubject: Re: Votre offre\nIn-Reply-To: "+messageID+"\n\nMerci.", firm)
	if third.Courier.Thread != first.Courier.ID || third.Courier.Consultation != w.testesr.ID {
		t.Errorf("by In-Reply-To: %+v", third.Courier)
	}
	must(t, w.store.Entitle(t.Context(), w.alice.ID, w.mapa.ID))
	_, err := w.send(t, "Subject: Re: x\nIn-Reply-To: "+messageID+"\n\nMerci.", "mapa-2021-03@passerelle.example", firm)
	if f := gateway.FaultOf(err); f.Key != "refuse.two-consultations" {
		t.Errorf("another consultation within a thread: %v", err)
	}
}

// TestWhatShowsSomethingIsNotEmpty: pictures without words, a multipart whose parts are nowhere and a piece of a message
// are letters that somebody can read.
func TestWhatShowsSomethingIsNotEmpty(t *testing.T) {
	w := newWorld(t)
	const image = "Content-Type: text/html\n\n<body><img src=\"%s\"></body>"
	for name, c := range map[string]struct{ text, word string }{
		"a pasted picture":           {fmt.Sprintf(image, "data:image/png;base64,iVBORw0KGgo="), "ar"},
		"a picture of a web site":    {fmt.Sprintf(image, "https://ville.example/lettre.png"), "simple"},
		"no boundary":                {"Content-Type: multipart/mixed\n\nBonjour", "ar"},
		"parts that are nowhere":     {"Content-Type: multipart/mixed; boundary=b\n\nBonjour", "simple"},
		"the last piece of a letter": {"Content-Type: message/partial; id=x; number=2; total=2\n\nTo: bob@ville.example", "simple"},
	} {
		if r := w.accepted(t, "Subject: x\n"+c.text, "testesr2020+libre+"+c.word+"@passerelle.example", firm); r.Courier.Composition.Model != "" {
			t.Errorf("%s: the model stands for it", name)
		}
	}
	_, err := w.send(t, "Subject: x\n"+fmt.Sprintf(image, "https://ville.example/lettre.png"), "testesr2020+libre+ar@passerelle.example", firm)
	if f := gateway.FaultOf(err); f.Key != "refuse.placeholder-model" {
		t.Errorf("the page would show nothing: %v", err)
	}
}

// TestAnInvitationOfOneIsSent: whoever is invited alone sees nobody else.
func TestAnInvitationOfOneIsSent(t *testing.T) {
	w := newWorld(t)
	w.accepted(t, "To: "+firm+"\n"+invitation(firm), "testesr2020+simple@passerelle.example", firm)
	w.accepted(t, strings.Replace(invitation("alice@ville.example"), "<invitation@", "<autre@", 1), "testesr2020+simple@passerelle.example", firm, "durand@durand.example")
}

func TestTheModelStandsForAnEmptyText(t *testing.T) {
	w := newWorld(t)
	for _, body := range []string{"", "\n \n", "-- \nAlice Martin", "\nEnvoyé de mon iPhone\n"} {
		r := w.accepted(t, "Subject: \n\n"+body, "testesr2020+notification@passerelle.example", firm)
		if !strings.Contains(r.Courier.Composition.Model, "vous notifier le marché issu de la consultation TESTESR2020 : Toitures") {
			t.Errorf("%q: model %q", body, r.Courier.Composition.Model)
		}
		if r.Courier.Subject != "Consultation TESTESR2020 : notification du marché" {
			t.Errorf("%q: subject %q", body, r.Courier.Subject)
		}
	}
	html := w.accepted(t, "Subject: x\nContent-Type: text/html\n\n<p><br></p>", "testesr2020+notification@passerelle.example", firm)
	if html.Courier.Composition.Model == "" {
		t.Error("an HTML message without words is not empty")
	}
	full := w.accepted(t, plainMail+"-- \nAlice", "testesr2020+notification@passerelle.example", firm)
	if full.Courier.Composition.Model != "" {
		t.Error("the model stands for a text")
	}
}

func TestTheOtherDoors(t *testing.T) {
	w := newWorld(t)
	s := w.submission(t, w.alice, plainMail, firm)
	s.Door, s.MailFrom = gateway.DoorConsole, ""
	s.Said.Name, s.Said.Type = "TESTESR2020", gateway.Rejet
	s.Said.Registers = []gateway.Register{gateway.Depots}
	r, err := w.Submit(t.Context(), s)
	must(t, err)
	if r.Courier.Door != gateway.DoorConsole || r.Courier.Type != gateway.Rejet || len(r.Added) != 3 {
		t.Errorf("by the console: %+v", r.Courier)
	}
}
