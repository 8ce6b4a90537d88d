package intake

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"vaguemestre/configs"
	"vaguemestre/gateway"
	"vaguemestre/gateway/intake/kinds"
	"vaguemestre/gateway/store"
	"vaguemestre/gateway/token"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const domain = "passerelle.example"

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// composer stands for outbound/compose: it writes what it was given, or refuses.
type composer struct {
	mu      sync.Mutex
	letters int
	err     error
}

func (c *composer) Version() int { return 7 }

func (c *composer) Letter(w io.Writer, courier gateway.Courier, r gateway.Recipient, content io.ReaderAt) error {
	c.mu.Lock()
	c.letters++
	err := c.err
	c.mu.Unlock()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "Subject: %s\r\nTo: %s\r\n\r\n%s\r\n", courier.Subject, r.Address, courier.Context.Reference)
	return err
}

func (c *composer) Try(courier gateway.Courier, r gateway.Recipient, content io.ReaderAt) error {
	return c.Letter(io.Discard, courier, r, content)
}

type prover struct{ asked []gateway.ID }

func (p *prover) Prove(_ context.Context, _ gateway.Agent, _ string, courier gateway.ID) error {
	p.asked = append(p.asked, courier)
	return nil
}

// world is two agents and two consultations on a real store. Alice may write about TESTESR2020, Bob
// about MAPA 2021/03.
type world struct {
	*Intake
	clock         *clock
	store         *store.Store
	composer      *composer
	prover        *prover
	ring          *token.Ring
	metrics       *prometheus.Registry
	alice, bob    gateway.Agent
	testesr, mapa gateway.Consultation
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{clock: &clock{t: time.Date(2021, 3, 1, 9, 0, 0, 0, time.UTC)}, composer: &composer{}, prover: &prover{}, metrics: prometheus.NewRegistry()}
	dir := t.TempDir()
	var err error
	w.store, err = store.Open(t.Context(), store.Options{Path: filepath.Join(dir, "v.db"), ContentDir: filepath.Join(dir, "contents"), Now: w.clock.now})
	must(t, err)
	t.Cleanup(func() { must(t, w.store.Close()) })
	w.ring, err = token.NewRing(token.Key{ID: 3})
	must(t, err)
	set, err := kinds.Load(configs.Courriers(), "")
	must(t, err)
	w.Intake, err = New(Options{
		Domain: domain, BaseURL: "https://courrier.example", Postmaster: "admin@ville.example", MaxRecipients: 3000, Now: w.clock.now, Registerer: w.metrics,
	}, Deps{Store: w.store, Kinds: set, Tokens: w.ring, Composer: w.composer, Prover: w.prover})
	must(t, err)
	w.people(t)
	return w
}

func (w *world) people(t testing.TB) {
	t.Helper()
	ctx := t.Context()
	var err error
	w.alice, err = w.store.PutAgent(ctx, gateway.Agent{Login: "alice", Name: "Alice Martin", Addresses: []string{"alice@ville.example", "marches@ville.example"}})
	must(t, err)
	w.bob, err = w.store.PutAgent(ctx, gateway.Agent{Login: "bob", Name: "Bob Petit", Addresses: []string{"bob@ville.example"}})
	must(t, err)
	w.testesr, err = w.store.PutConsultation(ctx, gateway.Consultation{
		Reference: "TESTESR2020", Address: "testesr2020", Title: "Toitures", Object: "Couverture", PublicBody: "Agence Départementale du Numérique",
		Deadline: time.Date(2021, 3, 9, 9, 0, 0, 0, time.UTC), Language: "fr",
	})
	must(t, err)
	w.mapa, err = w.store.PutConsultation(ctx, gateway.Consultation{Reference: "MAPA 2021/03", Address: "mapa-2021-03", Title: "Voirie", Language: "fr"})
	must(t, err)
	must(t, w.store.Entitle(ctx, w.alice.ID, w.testesr.ID))
	must(t, w.store.Entitle(ctx, w.bob.ID, w.mapa.ID))
	must(t, w.store.PutCompanies(ctx, w.testesr.ID, []gateway.Company{
		{Ref: "acme", Name: "Acme", Addresses: []string{"contact@acme.example", "ventes@acme.example"}, Registers: []gateway.Register{gateway.Retraits, gateway.Depots}},
		{Ref: "durand", Name: "Durand & Fils", Addresses: []string{"durand@durand.example"}, Registers: []gateway.Register{gateway.Retraits}},
		{Ref: "sa-les-couvreurs", Name: "SA Les couvreurs", Addresses: []string{"Contact@ACME.example"}, Registers: []gateway.Register{gateway.Questions}},
	}, store.Merge))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// crlf is a message in short: its fields and body, CRLF put in. Without a From it is Alice's.
func crlf(text string) string {
	if !strings.Contains(text, "From:") {
		text = "From: Alice Martin <alice@ville.example>\n" + text
	}
	return strings.ReplaceAll(text, "\n", "\r\n")
}

const plainMail = "Message-ID: <m1@ville.example>\nSubject: Votre offre\n\nMadame, Monsieur,\nVoici.\n"

// submission spools a message from an agent's client.
func (w *world) submission(t testing.TB, agent gateway.Agent, text string, to ...string) Submission {
	t.Helper()
	spool := w.store.Spool()
	t.Cleanup(spool.Discard)
	_, err := io.WriteString(spool, crlf(text))
	must(t, err)
	return Submission{Agent: agent, Door: gateway.DoorSMTP, MailFrom: agent.Addresses[0], Recipients: to, Message: spool}
}

func (w *world) send(t testing.TB, text string, to ...string) (Receipt, error) {
	t.Helper()
	return w.Submit(t.Context(), w.submission(t, w.alice, text, to...))
}

func (w *world) accepted(t testing.TB, text string, to ...string) Receipt {
	t.Helper()
	r, err := w.send(t, text, to...)
	must(t, err)
	return r
}

// nothingStored holds the store to its emptiness.
func (w *world) nothingStored(t testing.TB) {
	t.Helper()
	couriers, err := w.store.Couriers(t.Context(), store.CourierFilter{})
	must(t, err)
	drafts, err := w.store.Drafts(t.Context(), w.testesr.ID)
	must(t, err)
	if jobs := w.jobs(t); len(couriers)+len(drafts)+len(jobs) > 0 {
		t.Errorf("stored: %d couriers, %d drafts, %d jobs", len(couriers), len(drafts), len(jobs))
	}
}

func (w *world) jobs(t testing.TB) []gateway.Job {
	t.Helper()
	jobs, err := w.store.Jobs(t.Context(), store.JobFilter{Limit: 5000})
	must(t, err)
	return jobs
}

// raw reads a content that was stored.
func (w *world) raw(t testing.TB, h gateway.Hash) string {
	t.Helper()
	c, err := w.store.OpenContent(t.Context(), h)
	must(t, err)
	defer c.Close()
	text, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
	must(t, err)
	return string(text)
}

func addresses(all []gateway.Recipient) []string {
	list := make([]string, len(all))
	for i, r := range all {
		list[i] = r.Address
	}
	return list
}
