package link

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"vaguemestre/deploy/sandbox/browser"
	"vaguemestre/gateway"
)

// serve opens a bureau to a browser; the letter's address.
func (b *bureau) serve() string {
	b.Helper()
	server := httptest.NewServer(b.pages)
	b.Cleanup(server.Close)
	return server.URL + b.link
}

// paper is a file on the disk that a person chooses.
func paper(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func attach(t *testing.T, p *browser.Page, paths ...string) {
	t.Helper()
	if err := p.Find("#files").SetFiles(paths); err != nil {
		t.Fatal(err)
	}
}

func TestAPersonAnswersInAnyBrowser(t *testing.T) {
	by := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	views := append(browser.Views(), browser.Phone().InTheDark(), browser.Desktop().In("en"))
	for _, v := range views {
		t.Run(v.Name, func(t *testing.T) {
			b := newBureau(t, gateway.ReplyPolicy{Allowed: true, By: by, Sealed: true})
			at := b.serve()
			p := chromium.Open(t, v).Go(at).Fits().Axe().Shoot("answer-1-letter")
			p.Press(`a[href*="/reponse"]`).Axe().Fits().Shoot("answer-2-form")
			p.Press(`button[value="review"]`).Axe().Shoot("answer-3-nothing") // nothing was written
			p.Type("#text", "Madame, Monsieur,\n\nvous trouverez ci-joint les pièces demandées.")
			attach(t, p, paper(t, "Attestation fiscale 2026.pdf", bytes.Repeat([]byte("%PDF"), 1000)), paper(t, "DC1.odt", []byte("odt")))
			if v.NoScript {
				p.Press(`button[value="add"]`)
			}
			p.Find(`#here li:nth-child(2):not([data-file]) strong`)
			p.Axe().Fits().Shoot("answer-4-files")
			p.Press(`button[value="review"]`).Axe().Fits().Shoot("answer-5-review")
			p.Press(`form button`).Axe().Fits().Shoot("answer-6-sent")
			if replies := b.replies(); len(replies) != 1 || !replies[0].Closed() {
				t.Fatalf("%+v", replies)
			}
			m, err := b.vault.Manifest(b.replies()[0])
			if err != nil || len(m.Files) != 2 || m.Files[0].Name != "Attestation fiscale 2026.pdf" || !strings.Contains(m.Text, "pièces demandées") {
				t.Errorf("%+v, %v", m, err)
			}
			p.Says("DC1.odt", gateway.HashOf([]byte("odt")).String())
		})
	}
}

func TestRefusalsAreShownWhereTheyAre(t *testing.T) {
	b := newBureau(t, gateway.ReplyPolicy{Allowed: true}, func(o *Answers) { o.MaxBytes = 3000 })
	b.pages.opts.Antivirus = new(eicar)
	for _, v := range []browser.View{browser.Phone(), browser.Phone().WithoutScript()} {
		p := chromium.Open(t, v).Go(b.serve() + "/reponse")
		attach(t, p, paper(t, "facture.exe", []byte("EICAR")), paper(t, "trop lourd.zip", make([]byte, 4000)))
		if v.NoScript {
			p.Press(`button[value="add"]`)
		} else {
			p.Find("#coming li:nth-child(2).wrong")
		}
		p.Says("« facture.exe » a été refusé : un logiciel malveillant", "« trop lourd.zip » n'a pas été pris").Axe().Fits().Shoot("answer-refused")
	}
}

// TestFilesAreDroppedAndWordsSavedAsTheyAreWritten: what a person did survives their leaving.
func TestFilesAreDroppedAndWordsSavedAsTheyAreWritten(t *testing.T) {
	b := newBureau(t, gateway.ReplyPolicy{Allowed: true})
	at := b.serve() + "/reponse"
	p := chromium.Open(t, browser.Desktop()).Go(at)
	p.Type("#text", "écrit avant de partir")
	_, err := p.Eval(`() => {
		const all = new DataTransfer();
		all.items.add(new File(["plan"], "plan déposé.pdf", { type: "application/pdf" }));
		document.querySelector(".drop").dispatchEvent(new DragEvent("drop", { dataTransfer: all, bubbles: true, cancelable: true }));
	}`)
	if err != nil {
		t.Fatal(err)
	}
	p.Find("#here li:not([data-file]) strong")
	if _, err := p.ElementR("#save", "Texte enregistré"); err != nil {
		t.Fatal(err)
	}
	again := chromium.Open(t, browser.Phone().WithoutScript()).Go(at)
	again.Says("plan déposé.pdf")
	if text, err := again.Find("#text").Property("value"); err != nil || text.Str() != "écrit avant de partir" {
		t.Errorf("%q, %v", text.Str(), err)
	}
	again.Press("#here button[name=remove]")
	if n := again.Count("#here li"); n != 0 {
		t.Errorf("%d files are left", n)
	}
}

// scissors is a wire that is cut each time so many more octets have gone up.
type scissors struct {
	net.Listener
	to   string
	cuts []int64

	mu   sync.Mutex
	went int64
	cut  int
	left sync.WaitGroup
}

func newScissors(t *testing.T, to string, cuts ...int64) *scissors {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &scissors{Listener: l, to: to, cuts: cuts}
	s.left.Go(s.run)
	t.Cleanup(func() {
		_ = l.Close()
		s.left.Wait()
	})
	return s
}

func (s *scissors) run() {
	for {
		up, err := s.Accept()
		if err != nil {
			return
		}
		s.left.Go(func() { s.join(up.(*net.TCPConn)) })
	}
}

func (s *scissors) join(client *net.TCPConn) {
	defer client.Close()
	server, err := net.Dial("tcp", s.to)
	if err != nil {
		return
	}
	defer server.Close()
	s.left.Go(func() {
		_, _ = io.Copy(client, server)
		_ = client.Close()
	})
	b := make([]byte, 16<<10)
	for {
		n, err := client.Read(b)
		if s.due(int64(n)) {
			_ = client.SetLinger(0) // a reset, as of a line that breaks
			return
		}
		if _, lost := server.Write(b[:n]); err != nil || lost != nil {
			return
		}
	}
}

// due tells that the wire is cut now.
func (s *scissors) due(n int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.went += n
	if s.cut < len(s.cuts) && s.went >= s.cuts[s.cut] {
		s.cut++
		return true
	}
	return false
}

func (s *scissors) made() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.cut
}

// TestAnUploadCutThreeTimesResumes: real TCP connections break under a real browser, and the file arrives; what had come of it
// before a cut is not asked for again.
func TestAnUploadCutThreeTimesResumes(t *testing.T) {
	b := newBureau(t, gateway.ReplyPolicy{Allowed: true}, func(o *Answers) { o.MaxBytes = 20_000_000 })
	var mu sync.Mutex
	var from []int64 // where each piece that came up begins
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPatch {
			at, _ := strconv.ParseInt(r.Header.Get(offsetHeader), 10, 64) // 0 otherwise, which is seen below
			mu.Lock()
			from = append(from, at)
			mu.Unlock()
		}
		b.pages.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	content := bytes.Repeat([]byte("0123456789abcde\n"), 500_000) // 8 MB
	wire := newScissors(t, strings.TrimPrefix(server.URL, "http://"), 1_500_000, 3_500_000, 6_000_000)
	p := chromium.Open(t, browser.Desktop()).Go("http://" + wire.Addr().String() + b.link + "/reponse")
	attach(t, p, paper(t, "plans.zip", content))
	p.Find("#here li:not([data-file]) strong")
	if wire.made() != 3 {
		t.Fatalf("%d cuts", wire.made())
	}
	mu.Lock()
	within := slices.ContainsFunc(from, func(at int64) bool { return at%chunkSize != 0 })
	if len(from) < 4 || !slices.IsSorted(from) || !within {
		t.Errorf("pieces began at %v", from)
	}
	mu.Unlock()
	p.Press(`button[value="review"]`).Says("plans.zip", gateway.HashOf(content).String())
}

// slowAnswer hands on to next, and keeps what it says to the first PUT until it is let go.
type slowAnswer struct {
	next       http.Handler
	once       sync.Once
	kept, gone chan struct{}
}

func (s *slowAnswer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	first := false
	if r.Method == http.MethodPut {
		s.once.Do(func() { first = true })
	}
	if !first {
		s.next.ServeHTTP(w, r)
		return
	}
	said := httptest.NewRecorder()
	s.next.ServeHTTP(said, r)
	close(s.kept)
	<-s.gone
	for name, values := range said.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(said.Code)
	_, _ = said.Body.WriteTo(w) // whoever left does not concern us
}

// TestWhoGoesOnWhileWordsAreSavedIsNotTheirOwnRival: what the page has under way does not stand against what it posts.
func TestWhoGoesOnWhileWordsAreSavedIsNotTheirOwnRival(t *testing.T) {
	b := newBureau(t, gateway.ReplyPolicy{Allowed: true})
	slow := &slowAnswer{next: b.pages, kept: make(chan struct{}), gone: make(chan struct{})}
	server := httptest.NewServer(slow)
	t.Cleanup(server.Close)
	p := chromium.Open(t, browser.Desktop()).Go(server.URL + b.link + "/reponse")
	p.Type("#text", "Madame,").Click("h1") // which takes the focus from the field
	<-slow.kept
	p.Type("#text", "Madame, Monsieur,").Click(`button[value="review"]`)
	p.Find(`#answer[aria-busy="true"]`)
	close(slow.gone)
	p.Find("#effect")
	p.Says("Madame, Monsieur,")
}
