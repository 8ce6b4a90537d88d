package console

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"vaguemestre/configs"
	"vaguemestre/deploy/sandbox/browser"
	"vaguemestre/gateway"
	"vaguemestre/gateway/account"
	"vaguemestre/gateway/act"
	"vaguemestre/gateway/intake"
	"vaguemestre/gateway/intake/kinds"
	"vaguemestre/gateway/seal"
	"vaguemestre/gateway/store"
	"vaguemestre/gateway/token"
	"vaguemestre/tracking/ledger"
	"vaguemestre/tracking/proof"
	"vaguemestre/tracking/web"
)

var chromium browser.Browser

func TestMain(m *testing.M) { os.Exit(chromium.Main(m)) }

func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// hands is a clock that tests put forward.
type hands struct {
	mu     sync.Mutex
	behind time.Duration
}

func (h *hands) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return time.Now().Add(h.behind)
}

func (h *hands) add(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.behind += d
}

// composer stands where the daemon puts outbound/compose, which tracking cannot import.
type composer struct{}

func (composer) Version() int { return 1 }
func (composer) Letter(w io.Writer, c gateway.Courier, _ gateway.Recipient, _ io.ReaderAt) error {
	_, err := fmt.Fprint(w, c.Subject)
	return err
}

func (x composer) Try(c gateway.Courier, r gateway.Recipient, content io.ReaderAt) error {
	return x.Letter(io.Discard, c, r, content)
}

// pager stands where the daemon puts tracking/link.
type pager struct{}

func (pager) Page(_ context.Context, w io.Writer, c gateway.Courier, _ gateway.Recipient, _ *store.Spool) error {
	_, err := fmt.Fprintf(w, "<!DOCTYPE html><title>Page</title><p>%s</p>", c.Subject)
	return err
}

// matcher stands where the daemon puts inbound/mailbox: it notes what it is asked.
type matcher struct {
	mail, recipient gateway.ID
	by              act.By
	err             error
}

func (m *matcher) Match(_ context.Context, mail, recipient gateway.ID, by act.By) error {
	m.mail, m.recipient, m.by = mail, recipient, by
	return m.err
}

// dials stands where the daemon puts what it knows of the servers that it works with.
type dials struct{ shown Health }

func (d *dials) Health() Health { return d.shown }

// house is the console on the store, the rules, the accounts, the ledger and the issuer as they are. Victoria may write
// about TESTESR2020, Bruno about AUTRE1, the administrator about nothing.
type house struct {
	*Console
	t     testing.TB
	clock *hands
	site  *httptest.Server
	log   *bytes.Buffer

	about, other            gateway.Consultation
	victoria, bruno, admin  gateway.Agent
	rejection, many, theirs gateway.Courier // Victoria's to one company, hers to three, Bruno's
	count                   int
	vault                   *seal.Vault
	matched                 matcher
	health                  dials
}

const testPassword = "un mot de passe de console"

func newHouse(t testing.TB, change ...func(*Options)) *house {
	t.Helper()
	h := &house{t: t, clock: &hands{}, log: &bytes.Buffer{}}
	ctx := context.Background()
	log := slog.New(slog.NewTextHandler(h.log, nil))
	s := must(store.Open(ctx, store.Options{Path: t.TempDir() + "/db", ContentDir: t.TempDir(), Now: h.clock.now}))(t)
	ring := must(token.NewRing(token.Key{ID: 3}))(t)
	h.vault = must(seal.New(must(seal.NewKey())(t)))(t)
	set := must(kinds.Load(configs.Courriers(), ""))(t)
	in := must(intake.New(intake.Options{Domain: "courrier.example", BaseURL: "https://pages.example", Postmaster: "admin@ville.example", Now: h.clock.now},
		intake.Deps{Store: s, Kinds: set, Tokens: ring, Composer: composer{}}))(t)
	key, _, err := ledger.NewKey("courrier.example")
	check(t, err)
	book := must(ledger.New(ledger.Options{Key: key, Owner: "test", Interval: 20 * time.Millisecond, Now: h.clock.now}, s))(t)
	signing := must(proof.OwnSeal(t.TempDir(), "courrier.example", h.clock.now))(t)
	accounts := must(account.New(account.Options{Now: h.clock.now, Wait: func(context.Context, time.Duration) {}}, s))(t)
	h.site = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.Console.ServeHTTP(w, r) }))
	o := Options{
		BaseURL: "http://" + h.site.Listener.Addr().String(), Domain: "courrier.example", Name: "Vaguemestre", PerMinute: 100_000,
		Theme: web.Theme{Name: "Courriers de la commande publique", Colour: web.Colour{R: 0x1d, G: 0x5c, B: 0x63}},
		Idle:  time.Hour, Lifetime: 12 * time.Hour, Now: h.clock.now, Logger: log,
	}
	for _, c := range change {
		c(&o)
	}
	h.Console = must(New(o, Deps{Store: s, Accounts: accounts, Intake: in, Prover: proof.New(proof.Options{Seal: signing, Now: h.clock.now}, s, book), Composer: composer{}, Pager: pager{}, Matcher: &h.matched, Vault: h.vault, Instruments: &h.health, APIKeys: APIKeys{Scopes: []string{"consultations", "agents", "send", "read", "events"}, New: func() (string, gateway.Hash) { s := secret(); return s, gateway.HashOf([]byte(s)) }}, Kinds: set, Tokens: ring}))(t)
	h.tries = web.PerMinute(100_000, h.clock.now)
	h.site.Start()
	running, cancel := context.WithCancel(ctx)
	var group sync.WaitGroup
	group.Go(func() { _ = book.Run(running) })
	group.Go(func() { _ = h.Words("test").Run(running) })
	t.Cleanup(func() {
		h.Drain()
		cancel()
		h.site.Close()
		group.Wait()
		check(t, s.Close())
	})
	h.settle()
	return h
}

// settle puts in what the manual shows, and somebody else's besides.
func (h *house) settle() {
	t, ctx, s := h.t, context.Background(), h.d.Store
	h.about = must(s.PutConsultation(ctx, gateway.Consultation{
		Reference: "TESTESR2020", Address: "testesr2020", Title: "TESTESR2020", Object: "test", Deadline: h.clock.now().Add(50 * time.Hour),
		PublicBody: "Agence Départementale du Numérique", Zone: gateway.DefaultZone, Language: "fr",
	}))(t)
	h.other = must(s.PutConsultation(ctx, gateway.Consultation{Reference: "AUTRE1", Address: "autre1", Title: "Autre", PublicBody: "Ville", Zone: gateway.DefaultZone, Language: "fr"}))(t)
	check(t, s.PutCompanies(ctx, h.about.ID, []gateway.Company{
		{Ref: "entreprise-x", Name: "Entreprise X", Addresses: []string{"contact@entreprise-x.example"}, Registers: []gateway.Register{gateway.Retraits}},
		{Ref: "entreprise-y", Name: "Entreprise Y", Addresses: []string{"marches@entreprise-y.example"}, Registers: []gateway.Register{gateway.Retraits}},
	}, store.Replace))
	hash := must(account.Hash(testPassword))(t)
	put := func(login, name string, admin bool, about ...gateway.Consultation) gateway.Agent {
		a := must(s.PutAgent(ctx, gateway.Agent{Login: login, Name: name, Addresses: []string{login + "@ville.example"}, Password: hash, Administrator: admin}))(t)
		for _, c := range about {
			check(t, s.Entitle(ctx, a.ID, c.ID))
		}
		return a
	}
	h.victoria, h.bruno, h.admin = put("victoria", "Victoria Brun", false, h.about), put("bruno", "Bruno Petit", false, h.other), put("admin", "Ada Dupont", true)
	h.rejection = h.send(h.victoria, "Courrier de rejet", "Bonjour,\nNous vous remercions d'avoir répondu à la consultation citée en référence.\nNous sommes toutefois au regret de vous annoncer que votre réponse n'a pas été retenue.\nMerci de votre intérêt pour cette consultation.", "testesr2020+rejet+reponse@courrier.example", "victoria.brun@lafibre64.example")
	h.many = h.send(h.victoria, "Report de la date limite", "Bonjour,\nla date limite est reportée d'une semaine.", "testesr2020+modification@courrier.example", "contact@entreprise-x.example", "marches@entreprise-y.example", "perdu@entreprise-z.example")
	h.theirs = h.send(h.bruno, "Confidentiel", "Rien de ceci ne vous regarde.", "autre1+libre@courrier.example", "secret@entreprise-w.example")
}

// send submits a letter as an agent's mail client does.
func (h *house) send(agent gateway.Agent, subject, text string, to ...string) gateway.Courier {
	h.t.Helper()
	h.count++
	spool := h.d.Store.Spool()
	defer spool.Discard()
	fmt.Fprintf(spool, "From: %s\r\nSubject: =?utf-8?q?%s?=\r\nMessage-ID: <%d@ville.example>\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=motifs.pdf\r\n\r\n%%PDF-1.7 motifs\r\n--b--\r\n",
		agent.Addresses[0], strings.NewReplacer(" ", "_", "=", "=3D", "?", "=3F", "é", "=C3=A9", "_", "=5F").Replace(subject), h.count, strings.ReplaceAll(text, "\n", "\r\n"))
	receipt, err := h.d.Intake.Submit(context.Background(), intake.Submission{Agent: agent, Door: gateway.DoorSMTP, MailFrom: agent.Addresses[0], Recipients: to, Message: spool})
	if err != nil {
		h.t.Fatal(err)
	}
	return receipt.Courier
}

func (h *house) recipients(c gateway.Courier) []gateway.Recipient {
	h.t.Helper()
	return must(h.d.Store.Recipients(context.Background(), c.ID))(h.t)
}

// happens records an event about a recipient.
func (h *house) happens(kind gateway.EventKind, r gateway.Recipient, strength gateway.Strength, details any, contents ...gateway.Hash) gateway.Event {
	h.t.Helper()
	e := gateway.NewEvent(kind, h.clock.now(), details, nil).About(r.Courier, r.ID).By("company", strength)
	e.Contents = contents
	check(h.t, h.d.Store.Apply(context.Background(), gateway.Step{Events: []gateway.Event{e}}))
	return e
}

// keep stores a content.
func (h *house) keep(text string) gateway.Hash {
	h.t.Helper()
	spool := h.d.Store.Spool()
	defer spool.Discard()
	_, _ = io.WriteString(spool, text)
	return must(h.d.Store.Keep(context.Background(), spool))(h.t)
}

// replies stores a company's reply, encrypted when it is sealed until a date; shown is what is kept of its text, when
// that is not all of it.
func (h *house) replies(r gateway.Recipient, opens time.Time, subject, text string, shown ...string) gateway.Reply {
	h.t.Helper()
	now := gateway.Micros(h.clock.now())
	raw := "From: " + r.Address + "\r\nSubject: " + subject + "\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n" + text + "\r\n--b\r\nContent-Disposition: attachment; filename=offre.txt\r\n\r\nle prix\r\n--b--\r\n"
	reply := gateway.Reply{
		ID: gateway.NewID(now), Courier: r.Courier, Recipient: r.ID, From: r.Address, Sealed: !opens.IsZero(), Opens: opens, Subject: subject, Text: text,
		MessageID: "<r" + gateway.NewID(now).String() + "@x.example>", Received: now,
		Files: []gateway.File{{Name: "offre.txt", MediaType: "text/plain", Size: 7, SHA256: gateway.HashOf([]byte("le prix")), Part: "2"}},
	}
	details := gateway.ReplyDetails{Reply: reply.ID, By: "mail", From: reply.From, Sealed: reply.Sealed}
	e := gateway.NewEvent(gateway.Replied, now, details, nil).About(r.Courier, r.ID).By("company", gateway.ByMail)
	if len(shown) > 0 {
		reply.Text = shown[0]
	}
	if reply.Sealed {
		reply.Content = h.keep(string(must(h.vault.Seal([]byte(raw)))(h.t)))
		reply = must(h.vault.Close(reply))(h.t)
	} else {
		reply.Content = h.keep(raw)
		e.Contents = []gateway.Hash{reply.Content}
	}
	check(h.t, h.d.Store.Apply(context.Background(), gateway.Step{Events: []gateway.Event{e}, Replies: []gateway.Reply{reply}}))
	return reply
}

// visitor is a browser of its own, without scripts, that follows no redirection by itself.
type visitor struct {
	h      *house
	client *http.Client
}

// answer is what a page answered.
type answer struct {
	Status int
	Body   string
	Header http.Header
}

func (h *house) visitor() *visitor {
	jar, _ := cookiejar.New(nil) // it never fails
	return &visitor{h: h, client: &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

func (p *visitor) ask(method, path string, form url.Values, change ...func(*http.Request)) answer {
	p.h.t.Helper()
	r, err := http.NewRequest(method, p.h.site.URL+path, strings.NewReader(form.Encode()))
	if err != nil {
		p.h.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("Accept-Language", "fr")
	for _, c := range change {
		c(r)
	}
	a, err := p.client.Do(r)
	if err != nil {
		p.h.t.Fatal(err)
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	if err != nil {
		p.h.t.Fatal(err)
	}
	return answer{a.StatusCode, string(b), a.Header}
}

func (p *visitor) get(path string) answer { p.h.t.Helper(); return p.ask(http.MethodGet, path, nil) }

var formField = regexp.MustCompile(`name="form" value="([^"]+)"`)

// token is the hidden field of a page.
func (p *visitor) token(path string) string {
	p.h.t.Helper()
	m := formField.FindStringSubmatch(p.get(path).Body)
	if m == nil {
		p.h.t.Fatalf("%s has no form", path)
	}
	return m[1]
}

// send sends the form of a page.
func (p *visitor) send(from, path string, pairs ...string) answer {
	p.h.t.Helper()
	form := url.Values{"form": {p.token(from)}}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return p.ask(http.MethodPost, path, form)
}

// signedIn is a browser in which an agent signed in with their password.
func (h *house) signedIn(agent gateway.Agent) *visitor {
	h.t.Helper()
	p := h.visitor()
	if a := p.send("/connexion", "/connexion/mot-de-passe", "login", agent.Login, "password", testPassword); a.Status != http.StatusSeeOther || a.Header.Get("Location") != "/" {
		h.t.Fatalf("%s cannot sign in: %d %s", agent.Login, a.Status, a.Body)
	}
	return p
}

// says fails the test unless an answer has this status and says each of these.
func (a answer) says(t testing.TB, status int, wanted ...string) answer {
	t.Helper()
	if a.Status != status {
		t.Fatalf("answered %d, want %d:\n%s", a.Status, status, a.Body)
	}
	for _, w := range wanted {
		if !strings.Contains(a.Body, w) {
			t.Fatalf("does not say %q:\n%s", w, a.Body[max(0, strings.Index(a.Body, "<main")):])
		}
	}
	return a
}

// leads fails the test unless an answer leads there.
func (a answer) leads(t testing.TB, to string) answer {
	t.Helper()
	if a.Status != http.StatusSeeOther || !strings.HasPrefix(a.Header.Get("Location"), to) {
		t.Fatalf("answered %d, to %q instead of %q:\n%s", a.Status, a.Header.Get("Location"), to, a.Body)
	}
	return a
}
