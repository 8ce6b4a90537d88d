package link

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-rod/rod/lib/input"
	"github.com/go-rod/rod/lib/proto"

	"vaguemestre/deploy/sandbox"
	"vaguemestre/deploy/sandbox/browser"
	"vaguemestre/gateway"
)

var chromium browser.Browser

func TestMain(m *testing.M) { os.Exit(chromium.Main(m)) }

// served is a desk whose pages a browser can reach, with what they weighed.
type served struct {
	*desk
	at     string // of the letter
	base   string
	weight atomic.Int64
}

func serveDesk(t *testing.T, change ...func(*gateway.Courier)) *served {
	t.Helper()
	letter := func(c *gateway.Courier) {
		c.Context = gateway.ContextBlock{
			Reference: "TESTESR2020", Title: "Nettoyage des locaux", Object: "Nettoyage des locaux et des vitres de trois sites, en deux lots",
			PublicBody: "Agence Départementale du Numérique", PurchasingEntity: "Direction des achats", Zone: "Europe/Paris", Language: "fr",
			Deadline: time.Date(2026, 12, 18, 11, 0, 0, 0, time.UTC),
		}
		c.Options.Reply = gateway.ReplyPolicy{Allowed: true, By: time.Date(2026, 12, 4, 16, 0, 0, 0, time.UTC)}
		c.Subject = "Votre offre pour le lot 2"
	}
	s := &served{desk: newDesk(t, append([]func(*gateway.Courier){letter}, change...)...)}
	s.store.recipient.CompanyName = "Société Dupont & Fils"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.pages.ServeHTTP(&scale{w, &s.weight}, r)
	}))
	t.Cleanup(server.Close)
	s.base, s.at = server.URL, server.URL+s.link
	return s
}

// scale weighs what is sent.
type scale struct {
	http.ResponseWriter
	weight *atomic.Int64
}

func (s *scale) Write(b []byte) (int, error) {
	s.weight.Add(int64(len(b)))
	return s.ResponseWriter.Write(b)
}

// Unwrap lets the server find what the writer can do.
func (s *scale) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func TestAPersonReadsALetter(t *testing.T) {
	views := append(browser.Views(), browser.Desktop().InTheDark(), browser.Phone().InTheDark(), browser.Zoomed(), browser.Desktop().InHighContrast())
	for _, v := range views {
		t.Run(v.Name, func(t *testing.T) {
			s := serveDesk(t)
			s.pages.opts.Receipts = &drawer{text: "%PDF"}
			p := chromium.Open(t, v).Go(s.at).Shoot("landing").Axe().Fits()
			p.Says("Un courrier vous attend", "Agence Départementale du Numérique vous adresse", "vous accusez réception", "TESTESR2020", "4 décembre 2026 à 17:00")
			s.advance(4 * time.Second)
			p.Press("button[type=submit]").Shoot("content").Axe().Fits()
			p.Says("Réception accusée le 23 novembre 2026 à 13:00", "1 pièce jointe", "motifs.txt", "SHA-256", "Télécharger le récépissé")
			if s.store.count(gateway.Read) != 1 {
				t.Fatalf("%d acknowledgements", s.store.count(gateway.Read))
			}
			if weight := s.weight.Load(); weight > 100_000 {
				t.Errorf("two pages weigh %d bytes", weight)
			}
		})
	}
}

func TestAPersonWhoReadsEnglishIsServedInEnglish(t *testing.T) {
	s := serveDesk(t)
	p := chromium.Open(t, browser.Phone().In("en")).Go(s.at).Shoot("landing").Axe()
	p.Says("A letter is waiting for you", "Open the letter")
	p.Press(".languages a").Says("Un courrier vous attend")
	s.advance(4 * time.Second)
	p.Press("button[type=submit]").Says("Réception accusée") // the choice stays
	p.Press(".languages a").Says("Receipt acknowledged").Shoot("content").Axe()
}

func TestAPersonWhoIsTooFastIsAskedAgain(t *testing.T) {
	for _, v := range []browser.View{browser.Desktop(), browser.Phone().WithoutScript()} {
		s := serveDesk(t)
		p := chromium.Open(t, v).Go(s.at).Press("button[type=submit]").Shoot("fast").Axe().Fits().Says("trop vite")
		s.advance(2 * time.Second)
		p.Press("button[type=submit]").Says("Réception accusée")
	}
}

func TestAPersonTypesTheCodeOfTheMail(t *testing.T) {
	for _, v := range browser.Views() {
		s := serveDesk(t, func(c *gateway.Courier) { c.Options.Code = true })
		code, err := s.ring.Code(1, s.store.recipient.ID)
		if err != nil {
			t.Fatal(err)
		}
		p := chromium.Open(t, v).Go(s.at).Shoot("code").Axe().Fits()
		s.advance(4 * time.Second)
		p.Type("#code", "12").Press("button[type=submit]").Shoot("code-wrong").Axe().Says("Ce code n'est pas celui du message")
		s.advance(4 * time.Second)
		p.Type("#code", code[:3]+" "+code[3:]).Press("button[type=submit]").Says("Réception accusée")
	}
}

func TestAPersonSaysThatTheLetterIsNotForThem(t *testing.T) {
	for _, v := range browser.Views() {
		s := serveDesk(t)
		p := chromium.Open(t, v).Go(s.at).Press(".quiet").Shoot("mistake").Axe().Fits().Says("Ce courrier n'est pas pour vous ?", "Société Dupont & Fils")
		s.advance(4 * time.Second)
		p.Type("#remark", "Mme Roux, service marchés").Press("button[type=submit]").Shoot("mistake-said").Axe().Fits().Says("Merci de votre signalement")
		if s.store.count(gateway.WrongPerson) != 1 || s.store.count(gateway.Read) != 0 {
			t.Errorf("%s: %d reports, %d acknowledgements", v.Name, s.store.count(gateway.WrongPerson), s.store.count(gateway.Read))
		}
	}
}

func TestTheKeyboardAloneReadsALetter(t *testing.T) {
	s := serveDesk(t)
	p := chromium.Open(t, browser.Desktop()).Go(s.at)
	focus := func() string {
		e, err := p.Eval(`() => document.activeElement.textContent.trim()`)
		if err != nil {
			t.Fatal(err)
		}
		return e.Value.Str()
	}
	p.Key(input.Tab)
	if focus() != "Aller au contenu" {
		t.Errorf("the first stop is %q", focus())
	}
	for range 3 {
		if p.Key(input.Tab); focus() == "Accéder au courrier" {
			break
		}
	}
	if focus() != "Accéder au courrier" {
		t.Fatalf("the button is not reached, but %q", focus())
	}
	p.Shoot("focus")
	s.advance(4 * time.Second)
	wait := p.WaitNavigation(proto.PageLifecycleEventNameLoad)
	p.Key(input.Enter)
	wait()
	p.Says("Réception accusée")
}

func TestStatesSayWhatToDo(t *testing.T) {
	infected := &verdicts{infected: map[gateway.Hash]string{gateway.HashOf([]byte("prix")): "Eicar"}}
	for name, tc := range map[string]struct {
		make func(*served)
		path string
		says string
	}{
		"withdrawn": {func(s *served) { s.store.recipient.Standing.Withdrawn = s.now }, "", "a retiré ce courrier"},
		"archived":  {func(s *served) { s.store.consultation.Archived = s.now }, "", "est archivée"},
		"expired":   {func(s *served) { s.pages.opts.OpenFor = time.Minute }, "", "n'est plus consultable"},
		"unknown":   {func(*served) {}, "x", "ne mène à aucun courrier"},
		"outage":    {func(s *served) { s.store.broken = errors.New("disk") }, "", "La panne vient de nous"},
		"infected":  {func(s *served) { s.press(); s.pages.opts.Antivirus = infected }, "/fichier/1/motifs.txt", "il est retenu"},
		"unscanned": {func(s *served) { s.press(); s.pages.opts.Antivirus = &verdicts{err: errors.New("x")} }, "/fichier/1/motifs.txt", "Réessayez dans quelques minutes"},
		"withheld":  {func(s *served) { s.press(); s.pages.opts.Antivirus = infected }, "", "Retenu : logiciel malveillant"},
		"first":     {func(*served) {}, "/tout.zip", "n'a pas encore été ouvert"},
		"said":      {func(s *served) { s.store.recipient.Standing.WrongRecipient = s.now }, "", "signalé comme ne vous étant pas destiné"},
	} {
		for _, v := range []browser.View{browser.Desktop(), browser.Phone().WithoutScript()} {
			s := serveDesk(t)
			tc.make(s)
			chromium.Open(t, v).Go(s.at + tc.path).Shoot("state-" + name).Axe().Fits().Says(tc.says)
		}
	}
}

func TestAFileIsDownloadedNeverOpened(t *testing.T) {
	for _, v := range []browser.View{browser.Desktop(), browser.Phone().WithoutScript()} {
		s := serveDesk(t)
		s.press()
		p := chromium.Open(t, v).Go(s.at)
		folder := t.TempDir()
		wait := p.Browser().Context(p.GetContext()).WaitDownload(folder)
		p.Click(".files a")
		got, err := os.ReadFile(filepath.Join(folder, wait().GUID))
		if err != nil || string(got) != "prix" || s.store.count(gateway.Downloaded) != 1 {
			t.Errorf("%s: %q, %v, %d events", v.Name, got, err, s.store.count(gateway.Downloaded))
		}
	}
}

func TestTheLetterPrintsWhole(t *testing.T) {
	sandbox.Need(t, "pdftotext")
	s := serveDesk(t)
	s.press()
	p := chromium.Open(t, browser.Desktop()).Go(s.at)
	stream, err := p.PDF(&proto.PagePrintToPDF{})
	if err != nil {
		t.Fatal(err)
	}
	pdf, err := io.ReadAll(stream)
	if err != nil {
		t.Fatal(err)
	}
	if folder := os.Getenv("VAGUEMESTRE_SCREENSHOTS"); folder != "" {
		if err := os.WriteFile(filepath.Join(folder, "content-print.pdf"), pdf, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	read := exec.CommandContext(t.Context(), "pdftotext", "-layout", "-", "-")
	read.Stdin = bytes.NewReader(pdf)
	text, err := read.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"votre offre n'a pas été retenue", "motifs.txt", "TESTESR2020", "Réception accusée le"} {
		if !strings.Contains(strings.Join(strings.Fields(string(text)), " "), want) {
			t.Errorf("%q is not printed:\n%s", want, text)
		}
	}
}

// The robots that need a browser: they run scripts, click on all that can be clicked, and send every form.
func TestPromiseReadMeansReadABrowserDrivenByARobotAcknowledgesNothing(t *testing.T) {
	for name, robot := range map[string]func(*served, *browser.Page){
		"that clicks every link": func(s *served, p *browser.Page) {
			for i := range p.Count("a[href]") {
				p.Go(s.at)
				if _, err := p.Eval(`i => document.querySelectorAll("a[href]")[i].click()`, i); err != nil {
					t.Error(err)
				}
				p.Go(s.at)
			}
		},
		"that submits every form at once": func(s *served, p *browser.Page) {
			for range 5 {
				wait := p.WaitNavigation(proto.PageLifecycleEventNameLoad)
				if _, err := p.Eval(`() => document.querySelectorAll("form").forEach(f => f.submit())`); err != nil {
					t.Error(err)
				}
				wait()
			}
		},
		"that presses every button at once": func(s *served, p *browser.Page) {
			for range 5 {
				p.Press("button")
			}
		},
		"that looks like nobody": func(s *served, p *browser.Page) { p.Go(s.at + "?lang=en").Go(s.at + "/texte").Go(s.at + "/tout.zip") },
	} {
		for _, v := range []browser.View{browser.Desktop(), {Name: "headless", Width: 800, Height: 600, Agent: "Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/140.0.0.0"}} {
			s := serveDesk(t)
			robot(s, chromium.Open(t, v).Go(s.at))
			if n := s.store.count(gateway.Read) + s.store.count(gateway.WrongPerson); n != 0 {
				t.Errorf("a browser %s (%s): %d acts", name, v.Name, n)
			}
		}
	}
}
