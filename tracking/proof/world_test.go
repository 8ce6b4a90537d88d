package proof

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
	"vaguemestre/tracking/ledger"
)

var rewrite = flag.Bool("update", false, "write the golden files again")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is set by the test.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(text string) {
	at, err := time.ParseInLocation("02/01/2006 15:04:05", text, paris())
	if err != nil {
		panic(err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = at
}

func paris() *time.Location {
	loc, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		panic(err)
	}
	return loc
}

// world is an installation: a real store, a ledger and an issuer.
type world struct {
	*store.Store
	t      testing.TB
	clock  *clock
	key    *ledger.Key
	ledger *ledger.Ledger
	issuer *Issuer
	ids    uint16
}

func newWorld(t testing.TB, change ...func(*ledger.Options, *Options)) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{t: t, clock: &clock{}}
	w.clock.set("09/03/2021 11:50:00")
	s, err := store.Open(context.Background(), store.Options{Path: filepath.Join(dir, "test.db"), ContentDir: filepath.Join(dir, "contents"), Now: w.clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	w.Store = s
	if w.key, _, err = ledger.NewKey("courrier.example"); err != nil {
		t.Fatal(err)
	}
	seal, err := OwnSeal(dir, "courrier.example", w.clock.Now)
	if err != nil {
		t.Fatal(err)
	}
	lo := ledger.Options{Key: w.key, Owner: "test", Now: w.clock.Now}
	po := Options{Seal: seal, Now: w.clock.Now}
	for _, c := range change {
		c(&lo, &po)
	}
	if w.ledger, err = ledger.New(lo, s); err != nil {
		t.Fatal(err)
	}
	w.issuer = New(po, s, w.ledger)
	return w
}

// id gives identifiers that are the same in every run.
func (w *world) id() gateway.ID {
	w.ids++
	id := gateway.ID{0x01, 0x78, 0x17, 0xf8, 0, 0, 0x70, 0, 0x80}
	id[14], id[15] = byte(w.ids>>8), byte(w.ids)
	return id
}

func (w *world) keep(text string) gateway.Hash {
	w.t.Helper()
	sp := w.Spool()
	if _, err := sp.Write([]byte(strings.ReplaceAll(text, "\n", "\r\n"))); err != nil {
		w.t.Fatal(err)
	}
	h, err := w.Keep(context.Background(), sp)
	if err != nil {
		w.t.Fatal(err)
	}
	return h
}

// event records one with a salt that is the same in every run.
func (w *world) event(at string, kind gateway.EventKind, c gateway.Courier, r gateway.ID, actor string, s gateway.Strength, details any, contents ...gateway.Hash) gateway.Event {
	w.t.Helper()
	w.clock.set(at)
	e := w.newEvent(kind, c.ID, r, actor, s, details, contents...)
	if err := w.Apply(context.Background(), gateway.Step{Events: []gateway.Event{e}}); err != nil {
		w.t.Fatal(err)
	}
	return e
}

func (w *world) newEvent(kind gateway.EventKind, courier, r gateway.ID, actor string, s gateway.Strength, details any, contents ...gateway.Hash) gateway.Event {
	e := gateway.NewEvent(kind, w.clock.Now(), details, nil).About(courier, r).By(actor, s)
	e.ID, e.Contents = w.id(), contents
	if e.Details != nil {
		e.DetailsSalt = bytes.Repeat([]byte{byte(w.ids)}, 16)
		e.DetailsHash = gateway.SaltedHash(e.DetailsSalt, e.Details)
	}
	return e
}

const letterMail = `From: Camille Martin <camille.martin@region.example>
To: contact@concurrent.example, testesr2020+rejet@courrier.example
Subject: =?utf-8?q?R=C3=A9sultat?= de la consultation
Message-ID: <letter-1@region.example>
Date: Tue, 9 Mar 2021 11:50:00 +0100
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Bonjour,

Nous vous remercions d'avoir répondu à la consultation citée en référence.
Nous sommes toutefois au regret de vous annoncer que votre réponse n'a pas été retenue.

Les motifs : Ελληνικά, Кириллица, 漢字. Le détail est à l'adresse
https://plateforme.example/consultations/TESTESR2020/analyse-des-offres/rapport-complet-avec-tous-ses-motifs?format=pdf&langue=fr

Merci de votre intérêt pour cette consultation.
`

const deliveredDSN = `From: MAILER-DAEMON@mx.lafibre64.example
To: courrier+b-secret@courrier.example
Subject: Successful Mail Delivery Report
MIME-Version: 1.0
Content-Type: text/plain

The message was delivered.
`

// courier accepts a letter with an acknowledgement to the given addresses.
func (w *world) courier(options gateway.Options, addresses ...string) (gateway.Courier, []gateway.Recipient) {
	w.t.Helper()
	w.clock.set("09/03/2021 11:50:19")
	sp := w.Spool()
	if _, err := sp.Write([]byte(strings.ReplaceAll(letterMail, "\n", "\r\n"))); err != nil {
		w.t.Fatal(err)
	}
	deadline := time.Date(2021, 3, 9, 10, 0, 0, 0, paris())
	files := []gateway.File{
		{Name: "rapport d'analyse.pdf", MediaType: "application/pdf", Size: 1_234_567, SHA256: gateway.HashOf([]byte("rapport")), Part: "2"},
		{Name: "un_nom_de_fichier_tres_long_qui_ne_tient_pas_sur_une_seule_ligne_du_tableau.xlsx", MediaType: "application/vnd.ms-excel", Size: 45_678, SHA256: gateway.HashOf([]byte("x")), Part: "3"},
	}
	c := gateway.Courier{
		ID: w.id(), Consultation: w.id(), Author: w.id(), AuthorName: "Camille Martin", AuthorAddr: "camille.martin@region.example",
		Door: gateway.DoorSMTP, Type: gateway.Rejet, TypeLabel: "Courrier de rejet", Subject: "Résultat de la consultation", Options: options,
		MessageID: "<letter-1@region.example>", Content: sp.Hash(), Size: sp.Size(), Files: files, Accepted: w.clock.Now(),
		Context: gateway.ContextBlock{
			Reference: "TESTESR2020", Title: "Fourniture de mobilier de bureau", Object: "Accord-cadre à bons de commande",
			Deadline: deadline, PublicBody: "Région Nouvelle-Aquitaine", Zone: "Europe/Paris", Language: "fr",
		},
	}
	a := store.Acceptance{Courier: c, Contents: []*store.Spool{sp}}
	a.Events = append(a.Events, w.newEvent(gateway.Submitted, c.ID, gateway.ID{}, "agent:cmartin", gateway.ByAgent, gateway.SubmittedDetails{
		Type: c.Type, Options: c.Options, Subject: c.Subject, MessageID: c.MessageID, Content: c.Content, Files: c.Files, Door: c.Door, Author: c.AuthorAddr,
		Context: c.Context.Digest(),
	}, c.Content))
	for i, address := range addresses {
		r := gateway.Recipient{ID: w.id(), Courier: c.ID, Address: address, Register: gateway.Depots, MessageID: fmt.Sprintf("<m%d@courrier.example>", i)}
		r.CompanyName, _, _ = strings.Cut(address[strings.IndexByte(address, '@')+1:], ".")
		a.Recipients = append(a.Recipients, r)
		a.Events = append(a.Events, w.newEvent(gateway.Submitted, c.ID, r.ID, "agent:cmartin", gateway.ByAgent, gateway.RecipientDetails{Address: r.Address, Company: r.CompanyName, Register: r.Register, Context: c.Context.Digest()}))
	}
	if _, _, err := w.Accept(context.Background(), a); err != nil {
		w.t.Fatal(err)
	}
	return c, a.Recipients
}

func (w *world) sent(at string, c gateway.Courier, r gateway.Recipient) {
	w.event(at, gateway.Sent, c, r.ID, "relay:smtp.region.example", gateway.ByRelay, gateway.RelayDetails{
		Host: "smtp.region.example:25", Peer: "smtp.region.example", Code: 250, Enhanced: "2.0.0", Reply: "2.0.0 Ok: queued as 4F3A2B1C", TLS: "TLS 1.3",
		Cipher: "TLS_AES_128_GCM_SHA256", Verified: true, MessageID: r.MessageID, ENVID: "q7ltu", DSN: true, SHA256: gateway.HashOf([]byte(r.Address)), Size: 4321,
	})
}

func (w *world) delivered(at string, c gateway.Courier, r gateway.Recipient) gateway.Hash {
	raw := w.keep(deliveredDSN + r.Address + "\n")
	host := "mx." + r.Address[strings.IndexByte(r.Address, '@')+1:]
	w.event(at, gateway.Delivered, c, r.ID, "reporter:"+host, gateway.ByReport, gateway.ReportDetails{
		Action: "delivered", Status: "2.0.0", Diagnostic: "smtp; 250 2.0.0 delivered to mailbox", ReportingMTA: host, FinalRecipient: r.Address, Standard: true, Content: raw,
	}, raw)
	return raw
}

func (w *world) read(at string, c gateway.Courier, r gateway.Recipient) {
	w.event(at, gateway.Read, c, r.ID, "company", gateway.ByButton, gateway.ReadDetails{By: "button", Looks: "person", Language: "fr", Shown: c.Content})
}

func (w *world) reply(at string, c gateway.Courier, r gateway.Recipient, text string, sealed bool) gateway.Reply {
	w.t.Helper()
	w.clock.set(at)
	reply := gateway.Reply{
		ID: w.id(), Courier: c.ID, Recipient: r.ID, Inbound: w.id(), From: r.Address, Sealed: sealed, MessageID: "<reply@" + r.CompanyName + ".example>",
		Content: w.keep("Subject: x\n\n" + text), Received: w.clock.Now(),
	}
	d := gateway.ReplyDetails{Reply: reply.ID, By: "mail", From: reply.From, Sealed: sealed, MessageID: reply.MessageID, MatchedBy: "token"}
	var contents []gateway.Hash
	plain := reply.Content
	if sealed {
		d.Commitment = gateway.Commitment(reply.ID, plain)
		reply.Content, reply.Opens, reply.Manifest = w.keep("encrypted"+reply.ID.String()), c.Options.Reply.By, []byte("encrypted")
	} else {
		reply.Subject, reply.Text = "Re: "+c.Subject, text
		reply.Files = []gateway.File{{Name: "reponse.pdf", MediaType: "application/pdf", Size: 9876, SHA256: gateway.HashOf([]byte(text)), Part: "2"}}
		d.Content, d.Files = reply.Content, reply.Files
		contents = []gateway.Hash{reply.Content}
	}
	e := w.newEvent(gateway.Replied, c.ID, r.ID, "company", gateway.ByMail, d, contents...)
	if err := w.Apply(context.Background(), gateway.Step{Events: []gateway.Event{e}, Replies: []gateway.Reply{reply}}); err != nil {
		w.t.Fatal(err)
	}
	reply.Content = plain
	return reply
}

// unseal opens a sealed reply, as is done at its date.
func (w *world) unseal(at string, r gateway.Reply) {
	w.t.Helper()
	w.clock.set(at)
	sealed, err := w.Reply(context.Background(), r.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	plain := w.Spool()
	defer plain.Discard()
	opened, err := w.OpenContent(context.Background(), r.Content)
	if err != nil {
		w.t.Fatal(err)
	}
	defer opened.Close()
	if _, err := io.Copy(plain, io.NewSectionReader(opened, 0, opened.Size())); err != nil {
		w.t.Fatal(err)
	}
	e := w.newEvent(gateway.Unsealed, r.Courier, r.Recipient, "gateway", gateway.ByUs, gateway.UnsealedDetails{Reply: r.ID, Content: r.Content})
	u := gateway.Unsealing{Sealed: sealed.Content, Replies: []gateway.Reply{r}, Events: []gateway.Event{e}, At: w.clock.Now()}
	if err := w.Unseal(context.Background(), u, plain); err != nil {
		w.t.Fatal(err)
	}
}

// story is the exchange of the manual's last page, and one that went less well.
func (w *world) story() (gateway.Courier, []gateway.Recipient) {
	c, rs := w.courier(gateway.Options{Acknowledged: true, Reply: gateway.ReplyPolicy{Allowed: true}}, "victoria.brun@lafibre64.example", "contact@concurrent.example")
	w.sent("09/03/2021 11:50:22", c, rs[0])
	w.event("09/03/2021 11:50:25", gateway.Deferred, c, rs[1].ID, "relay:smtp.region.example", gateway.ByRelay, gateway.RelayDetails{Host: "smtp.region.example:25", Code: 450, Reply: "4.2.0 try again"})
	w.delivered("09/03/2021 11:50:51", c, rs[0])
	w.read("09/03/2021 11:51:09", c, rs[0])
	raw := w.keep("Subject: Undelivered\n\n550 5.1.1 unknown user\n")
	w.event("09/03/2021 12:00:00", gateway.Failed, c, rs[1].ID, "reporter:smtp.region.example", gateway.ByReport, gateway.ReportDetails{
		Action: "failed", Status: "5.1.1", Diagnostic: "smtp; 550 5.1.1 unknown user", ReportingMTA: "smtp.region.example", Standard: true, Content: raw,
	}, raw)
	w.reply("10/03/2021 09:30:00", c, rs[0], "Bonjour,\n\nPouvez-vous préciser les motifs du rejet ?\n\nVictoria Brun", false)
	w.clock.set("19/03/2021 09:55:00")
	return c, rs
}

func (w *world) pdf(courier, recipient gateway.ID, language string) []byte {
	w.t.Helper()
	var b bytes.Buffer
	if err := w.issuer.Write(context.Background(), &b, courier, recipient, language); err != nil {
		w.t.Fatal(err)
	}
	return b.Bytes()
}

func (w *world) verify(b []byte, trust Trust) *Report {
	w.t.Helper()
	r, err := Verify(bytes.NewReader(b), int64(len(b)), trust)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// keys lists what a report says, for comparison.
func keys(r *Report, v Verdict) []string {
	var all []string
	for _, f := range r.Findings {
		if f.Verdict == v {
			all = append(all, f.Key)
		}
	}
	return all
}

// run runs a Debian program that make test installs, on a file, and gives what it says.
func run(t testing.TB, pdf []byte, program string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatalf("%s is missing (poppler-utils, qpdf): %v", program, err)
	}
	file := filepath.Join(t.TempDir(), "preuve.pdf")
	if err := os.WriteFile(file, pdf, 0o600); err != nil {
		t.Fatal(err)
	}
	for i, a := range args {
		args[i] = strings.ReplaceAll(a, "FILE", file)
	}
	out, err := exec.Command(path, args...).CombinedOutput()
	if err != nil {
		t.Logf("%s: %v", program, err)
	}
	return string(out)
}
