package link

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vaguemestre/gateway"
	"vaguemestre/gateway/config"
	"vaguemestre/gateway/message"
	"vaguemestre/gateway/seal"
	"vaguemestre/gateway/store"
	"vaguemestre/gateway/token"
	"vaguemestre/tracking/web"
)

// bureau is the pages over a real store, with one acknowledged letter.
type bureau struct {
	*testing.T
	store     *store.Store
	dir       string
	pages     *Pages
	vault     *seal.Vault
	now       time.Time
	log       bytes.Buffer
	courier   gateway.Courier
	recipient gateway.Recipient
	link      string
}

// eicar is a scanner that knows one malware, and is away when it is told so.
type eicar struct{ away bool }

func (e *eicar) Judge(_ context.Context, _ gateway.Hash, open func() (io.Reader, error)) (string, error) {
	if e.away {
		return "", errors.New("connection refused")
	}
	r, err := open()
	if err != nil {
		return "", err
	}
	text, err := io.ReadAll(r)
	if strings.Contains(string(text), "EICAR") {
		return "Eicar-Test", err
	}
	return "", err
}

func (*eicar) Known(gateway.Hash) (string, bool) { return "", false }

func newBureau(t *testing.T, policy gateway.ReplyPolicy, change ...func(*Answers)) *bureau {
	t.Helper()
	b := &bureau{T: t, now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), dir: t.TempDir()}
	clock := func() time.Time { return b.now }
	s, err := store.Open(t.Context(), store.Options{Path: filepath.Join(b.dir, "base"), ContentDir: b.dir, Now: clock, Inline: 4 << 10})
	if err != nil {
		t.Fatal(err)
	}
	b.store = s
	t.Cleanup(func() { _ = s.Close() })
	key, err := seal.NewKey()
	if err == nil {
		b.vault, err = seal.New(key)
	}
	ring, ringErr := token.NewRing(token.Key{ID: 1, Secret: [32]byte{1}})
	if err := errors.Join(err, ringErr); err != nil {
		t.Fatal(err)
	}
	b.accept(policy)
	o := Answers{Desk: s, Vault: b.vault, Domain: "courrier.example", MaxBytes: 1_000_000, MaxFiles: 5}
	for _, c := range change {
		c(&o)
	}
	contents := func(ctx context.Context, h gateway.Hash) (Content, error) { return s.OpenContent(ctx, h) }
	theme, err := web.LoadTheme(config.Default().Theme)
	if err != nil {
		t.Fatal(err)
	}
	b.pages, err = New(s, contents, Options{
		Theme:  theme,
		Tokens: ring, PerMinute: 60000, Now: clock, Answers: &o,
		Logger: slog.New(slog.NewTextHandler(&b.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	b.link = "/l/" + ring.Mint(token.Link, b.recipient.ID)
	return b
}

func (b *bureau) accept(policy gateway.ReplyPolicy) {
	b.Helper()
	ctx := b.Context()
	cons, err := b.store.PutConsultation(ctx, gateway.Consultation{Reference: "TESTESR2020", Address: "testesr2020", PublicBody: "Ville <de Test>"})
	if err != nil {
		b.Fatal(err)
	}
	body := b.store.Spool()
	defer body.Discard()
	_, _ = io.WriteString(body, mailText)
	c := gateway.Courier{
		ID: gateway.NewID(b.now), Consultation: cons.ID, Author: gateway.NewID(b.now), AuthorName: "Victoria Brun", AuthorAddr: "victoria@ville.example",
		TypeLabel: "Demande de complément", Subject: "Complément", Options: gateway.Options{Acknowledged: true, Reply: policy}, Accepted: b.now,
		Content: body.Hash(), Context: cons.Block(), Composition: gateway.Composition{KeyID: 1},
	}
	r := gateway.Recipient{ID: gateway.NewID(b.now), Courier: c.ID, Address: "contact@x.example", CompanyName: "Société \"X\"\r\nBcc: y", MessageID: "<lettre@courrier.example>"}
	read := gateway.NewEvent(gateway.Read, b.now, nil, nil).About(c.ID, r.ID)
	c, added, err := b.store.Accept(ctx, store.Acceptance{Courier: c, Recipients: []gateway.Recipient{r}, Contents: []*store.Spool{body}})
	if err == nil {
		err = b.store.Apply(ctx, gateway.Step{Events: []gateway.Event{read}})
	}
	if err != nil {
		b.Fatal(err)
	}
	b.courier, b.recipient = c, added[0]
}

func (b *bureau) do(method, path string, body io.Reader, headers ...string) *httptest.ResponseRecorder {
	b.Helper()
	r := httptest.NewRequest(method, b.link+path, body)
	r.Header.Set("Accept-Language", "fr")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	b.pages.ServeHTTP(w, r)
	w.Body = bytes.NewBufferString(strings.ReplaceAll(w.Body.String(), "\u00a0", " ")) // French signs stay with their word
	return w
}

func (b *bureau) see(path string) string { return b.do("GET", path, nil).Body.String() }

func (b *bureau) field(page, name string) string {
	b.Helper()
	m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(page)
	if m == nil {
		b.Fatalf("no field %s in\n%s", name, page)
	}
	return m[1]
}

type attached struct{ name, mediaType, body string }

// post sends the form as a browser without a script does.
func (b *bureau) post(text, action string, files ...attached) *httptest.ResponseRecorder {
	b.Helper()
	page := b.see("/reponse")
	return b.postForm(b.field(page, "form"), b.field(page, "saves"), text, action, files...)
}

func (b *bureau) postForm(form, saves, text, action string, files ...attached) *httptest.ResponseRecorder {
	var body bytes.Buffer
	m := multipart.NewWriter(&body)
	_ = m.WriteField("form", form)
	_ = m.WriteField("saves", saves)
	_ = m.WriteField("text", text)
	for _, f := range files {
		h := textproto.MIMEHeader{"Content-Type": {f.mediaType}, "Content-Disposition": {fmt.Sprintf(`form-data; name="files"; filename=%q`, f.name)}}
		w, _ := m.CreatePart(h)
		_, _ = io.WriteString(w, f.body)
	}
	_ = m.WriteField("action", action)
	_ = m.Close()
	return b.do("POST", "/reponse", &body, "Content-Type", m.FormDataContentType())
}

// press sends what the review shows.
func (b *bureau) press(review string) *httptest.ResponseRecorder {
	b.Helper()
	return b.do("POST", "/reponse/envoyer", strings.NewReader("form="+b.field(review, "form")+"&answer="+b.field(review, "answer")+"&version="+b.field(review, "version")),
		"Content-Type", "application/x-www-form-urlencoded")
}

func (b *bureau) replies() []gateway.Reply {
	b.Helper()
	replies, err := b.store.Replies(b.Context(), b.courier.ID)
	if err != nil {
		b.Fatal(err)
	}
	return replies
}

func (b *bureau) jobs() (kinds []gateway.NoticeKind) {
	b.Helper()
	jobs, err := b.store.Jobs(b.Context(), store.JobFilter{})
	if err != nil {
		b.Fatal(err)
	}
	for _, j := range jobs {
		kinds = append(kinds, j.Notice.Kind)
	}
	slices.Sort(kinds)
	return kinds
}

func (b *bureau) content(h gateway.Hash) []byte {
	b.Helper()
	c, err := b.store.OpenContent(b.Context(), h)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	raw, err := io.ReadAll(io.NewSectionReader(c, 0, c.Size()))
	if err != nil {
		b.Fatal(err)
	}
	return raw
}

func TestAnAnswerIsWrittenInRoundsAndSentOnce(t *testing.T) {
	b := newBureau(t, gateway.ReplyPolicy{Allowed: true})
	if w := b.post("Bonjour,", "add", attached{"prix.pdf", "application/pdf", "%PDF prix"}); w.Code != http.StatusSeeOther {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	big := strings.Repeat("0123456789", 20_000)
	if w := b.post("Bonjour,\r\nvoici nos pièces.", "review", attached{"délai.txt", "text/plain", big}); w.Code != http.StatusSeeOther || !strings.HasSuffix(w.Header().Get("Location"), "/reponse/verifier") {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if len(b.replies()) > 0 {
		t.Fatal("something was sent before the review")
	}
	review := b.see("/reponse/verifier")
	for _, want := range []string{"voici nos pièces.", "prix.pdf", "délai.txt", gateway.HashOf([]byte(big)).String(), "Envoyer la réponse"} {
		if !strings.Contains(review, want) {
			t.Errorf("the review does not show %q", want)
		}
	}
	first := b.press(review)
	second := b.press(review) // a double click
	if first.Code != http.StatusSeeOther || first.Header().Get("Location") != second.Header().Get("Location") {
		t.Fatalf("%d %s, then %d %s", first.Code, first.Header().Get("Location"), second.Code, second.Header().Get("Location"))
	}
	replies := b.replies()
	if len(replies) != 1 || len(b.jobs()) != 2 {
		t.Fatalf("%d answers, notices %v", len(replies), b.jobs())
	}
	r := replies[0]
	if r.Late || r.Closed() || r.From != "contact@x.example" || r.Text != "Bonjour,\nvoici nos pièces." || len(r.Files) != 2 {
		t.Errorf("%+v", r)
	}
	raw := b.content(r.Content)
	m, err := message.Read(bytes.NewReader(raw), int64(len(raw)), message.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for i, f := range r.Files {
		part := m.Find(f.Part)
		if part == nil {
			t.Fatalf("no part %s", f.Part)
		}
		body, err := io.ReadAll(part.Decoded())
		if err != nil || gateway.HashOf(body) != f.SHA256 || part.Filename() != []string{"prix.pdf", "délai.txt"}[i] {
			t.Errorf("file %d is not what was sent: %s, %v", i, part.Filename(), err)
		}
	}
	if h := m.Header(); h.Get("In-Reply-To") != "<lettre@courrier.example>" || h.Has("Bcc") || h.Text("Subject") != "Re: Complément" {
		t.Errorf("header\n%s", raw[:400])
	}
	recipient, err := b.store.Recipient(t.Context(), b.recipient.ID)
	if err != nil || recipient.Standing.State != gateway.StateReplied {
		t.Errorf("%v, %v", recipient.Standing.State, err)
	}
	receipt := b.see(strings.TrimPrefix(first.Header().Get("Location"), b.link))
	if !strings.Contains(receipt, "Accusé de réception") || !strings.Contains(receipt, r.Files[1].SHA256.String()) {
		t.Errorf("the receipt:\n%s", receipt)
	}
	if page := b.see("/reponse"); strings.Contains(page, "prix.pdf") || !strings.Contains(page, "Vous avez déjà répondu") {
		t.Error("the next answer does not begin empty, or does not recall the first")
	}
}

// sendFile sends a file as the page's script does, in pieces of n octets.
func (b *bureau) sendFile(name, body string, n int) (id string, last *httptest.ResponseRecorder) {
	b.Helper()
	form := b.field(b.see("/reponse"), "form")
	w := b.do("POST", "/reponse/fichiers", strings.NewReader(fmt.Sprintf(`{"name":%q,"type":"application/pdf","size":%d}`, name, len(body))), formHeader, form)
	if w.Code != http.StatusCreated {
		return "", w
	}
	id = w.Header().Get("Location")[strings.LastIndexByte(w.Header().Get("Location"), '/')+1:]
	for at := 0; at < len(body); at += n {
		last = b.do("PATCH", "/reponse/fichiers/"+id, strings.NewReader(body[at:min(at+n, len(body))]), formHeader, form, offsetHeader, fmt.Sprint(at))
		if last.Code != http.StatusNoContent {
			return id, last
		}
	}
	return id, last
}

func TestAFileGoesOnWhereItWasCut(t *testing.T) {
	b := newBureau(t, gateway.ReplyPolicy{Allowed: true})
	body := strings.Repeat("0123456789abcdef", 20_000) // 320,000 octets
	form := b.field(b.see("/reponse"), "form")
	begun := b.do("POST", "/reponse/fichiers", strings.NewReader(fmt.Sprintf(`{"name":"plan.pdf","type":"application/pdf","size":%d}`, len(body))), formHeader, form)
	path := strings.TrimPrefix(begun.Header().Get("Location"), b.link)
	patch := func(at int, r io.Reader) *httptest.ResponseRecorder {
		return b.do("PATCH", path, r, formHeader, form, offsetHeader, fmt.Sprint(at))
	}
	// A cut after 100,000 octets: what came is kept, and the sender is told from where to go on.
	patch(0, io.MultiReader(strings.NewReader(body[:100_000]), broken{}))
	offset := b.do("HEAD", path, nil, formHeader, form)
	if offset.Header().Get(offsetHeader) != "100000" || offset.Header().Get(lengthHeader) != fmt.Sprint(len(body)) {
		t.Fatalf("after a cut: %v", offset.Header())
	}
	// Too little to be worth keeping: it is sent again.
	if w := patch(100_000, io.MultiReader(strings.NewReader(body[100_000:100_010]), broken{})); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("%d", w.Code)
	}
	// The same piece twice, or one from elsewhere, is a conflict that says where the file ends.
	if w := patch(0, strings.NewReader(body[:100_000])); w.Code != http.StatusConflict || w.Header().Get(offsetHeader) != "100000" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if w := patch(100_000, strings.NewReader(body[100_000:])); w.Code != http.StatusNoContent || w.Header().Get(offsetHeader) != fmt.Sprint(len(body)) {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	b.post("", "review")
	if review := b.see("/reponse/verifier"); !strings.Contains(review, gateway.HashOf([]byte(body)).String()) {
		t.Errorf("the file is not whole:\n%s", review)
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

func TestBoundsOfAnAnswerAreSaidWithTheFilesName(t *testing.T) {
	b := newBureau(t, gateway.ReplyPolicy{Allowed: true}, func(o *Answers) {
		o.MaxBytes, o.MaxFiles = 100, 2
	})
	scanner := new(eicar)
	b.pages.opts.Antivirus = scanner
	for name, c := range map[string]struct {
		f    attached
		want string
	}{
		"too heavy": {attached{"lourd.pdf", "application/pdf", strings.Repeat("x", 101)}, "« lourd.pdf »"},
		"empty":     {attached{"vide.pdf", "application/pdf", ""}, "« vide.pdf » est vide"},
		"infected":  {attached{"virus.exe", "application/x-dosexec", "EICAR"}, "« virus.exe » a été refusé : un logiciel malveillant y a été trouvé (Eicar-Test)"},
		"no name":   {attached{"..", "a/b", "x"}, "pas de nom utilisable"},
	} {
		w := b.post("texte", "review", c.f)
		if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), c.want) || !strings.Contains(w.Body.String(), ">texte</textarea>") {
			t.Errorf("%s: %d\n%s", name, w.Code, w.Body)
		}
	}
	scanner.away = true
	if w := b.post("texte", "add", attached{"sain.pdf", "", "1"}); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "« sain.pdf » n&#39;a pas pu être analysé") {
		t.Errorf("without the scanner: %d\n%s", w.Code, w.Body)
	}
	scanner.away = false
	if w := b.post("texte", "add", attached{"a", "", "1"}, attached{"b", "", "2"}, attached{"c", "", "3"}); w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "« c »") {
		t.Errorf("%d", w.Code)
	}
	if _, w := b.sendFile("d.pdf", "12", 2); w.Code != http.StatusRequestEntityTooLarge && w.Code != http.StatusUnprocessableEntity {
		t.Errorf("by the script: %d %s", w.Code, w.Body)
	}
	if w := b.post(strings.Repeat("x", maxWords+1), "review"); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("a text without end: %d", w.Code)
	}
	if b.see("/reponse/verifier"); len(b.replies()) > 0 {
		t.Error("something was sent")
	}
}

// TestNothingIsTakenWithoutThePagesToken: another site's form, or one that is invented, leaves nothing.
func TestNothingIsTakenWithoutThePagesToken(t *testing.T) {
	b := newBureau(t, gateway.ReplyPolicy{Allowed: true})
	other := newBureau(t, gateway.ReplyPolicy{Allowed: true})
	for _, form := range []string{"", "invented", other.field(other.see("/reponse"), "form")} {
		if w := b.postForm(form, "0", "texte", "review", attached{"a.pdf", "application/pdf", "x"}); w.Code != http.StatusForbidden {
			t.Errorf("form %q: %d", form, w.Code)
		}
		for _, c := range [][2]string{{"PUT", "/texte"}, {"POST", "/fichiers"}, {"PATCH", "/fichiers/x"}, {"DELETE", "/fichiers/x"}, {"HEAD", "/fichiers/x"}} {
			if w := b.do(c[0], "/reponse"+c[1], strings.NewReader(`{"name":"a","size":1}`), formHeader, form, savesHeader, "0", offsetHeader, "0"); w.Code != http.StatusForbidden {
				t.Errorf("%s %s with %q: %d", c[0], c[1], form, w.Code)
			}
		}
		if w := b.do("POST", "/reponse/envoyer", strings.NewReader("form="+form), "Content-Type", "application/x-www-form-urlencoded"); w.Code != http.StatusForbidden {
			t.Errorf("sending with %q: %d", form, w.Code)
		}
	}
	if _, err := b.store.AnswerOf(t.Context(), b.recipient.ID); !errors.Is(err, gateway.ErrNotFound) {
		t.Errorf("an answer was begun: %v", err)
	}
	page := b.see("/reponse")
	form := b.field(page, "form")
	b.now = b.now.Add(answerLife + time.Second)
	if w := b.postForm(form, "0", "un long texte", "review"); w.Code != http.StatusForbidden {
		t.Errorf("an old page: %d", w.Code)
	}
}

func TestTheServersClockDecidesAtTheMomentOfSending(t *testing.T) {
	by := time.Date(2026, 11, 23, 13, 0, 0, 0, time.UTC)
	for _, refuse := range []bool{false, true} {
		b := newBureau(t, gateway.ReplyPolicy{Allowed: true, By: by}, func(o *Answers) { o.RefuseLate = refuse })
		if page := b.see("/reponse"); !strings.Contains(page, "il reste 1 heure 0 minute") {
			t.Errorf("the time left is not said:\n%s", page)
		}
		b.post("texte", "add", attached{"a.pdf", "application/pdf", "begun before the deadline"})
		review := b.see("/reponse/verifier")
		b.now = by.Add(time.Microsecond)
		w := b.press(review)
		switch {
		case refuse && (w.Code != http.StatusForbidden || len(b.replies()) != 0 || !strings.Contains(w.Body.String(), "ne reçoit plus de réponse")):
			t.Errorf("refused: %d, %d answers", w.Code, len(b.replies()))
		case refuse && !strings.Contains(b.see(""), "ne reçoit plus de réponse"):
			t.Error("the letter does not say that it is too late")
		case !refuse && (w.Code != http.StatusSeeOther || len(b.replies()) != 1 || !b.replies()[0].Late):
			t.Errorf("late: %d %+v", w.Code, b.replies())
		case !refuse && !strings.Contains(b.see("/reponse"), "marquée comme arrivée hors délai"):
			t.Error("it is not said before typing")
		}
	}
}

func TestALetterThatCallsForNoAnswerHasNoForm(t *testing.T) {
	b := newBureau(t, gateway.ReplyPolicy{})
	if w := b.do("GET", "/reponse", nil); w.Code != http.StatusForbidden || strings.Contains(w.Body.String(), "<form") || !strings.Contains(w.Body.String(), "appelle pas de réponse") {
		t.Errorf("%d\n%s", w.Code, w.Body)
	}
	if strings.Contains(b.see(""), "/reponse") {
		t.Error("the letter offers to answer")
	}
}

// TestPromiseSealedUntilOnThePage: from the first octet that is kept to the date, nothing that the company wrote can be read on the
// disk; whoever has the link without the receipt reads nothing either.
func TestPromiseSealedUntilOnThePage(t *testing.T) {
	by := time.Date(2026, 11, 23, 13, 0, 0, 0, time.UTC)
	b := newBureau(t, gateway.ReplyPolicy{Allowed: true, By: by, Sealed: true})
	secrets := []string{"douze mille euros", "bordereau-secret.pdf", strings.Repeat("contenu secret ", 1000)}
	if page := b.see("/reponse"); !strings.Contains(page, "sous scellé") {
		t.Error("the seal is not said")
	}
	b.post(secrets[0], "review", attached{secrets[1], "application/pdf", secrets[2]})
	b.unreadable(secrets)
	w := b.press(b.see("/reponse/verifier"))
	b.unreadable(secrets)
	r := b.replies()[0]
	if !r.Closed() || !r.Opens.Equal(by) || r.Text+r.Subject != "" || r.Files != nil {
		t.Fatalf("%+v", r)
	}
	receipt := strings.TrimPrefix(w.Header().Get("Location"), b.link)
	hash := gateway.HashOf([]byte(secrets[2])).String()
	if page := b.see(receipt); !strings.Contains(page, secrets[1]) || !strings.Contains(page, hash) {
		t.Error("the company does not see what it sent")
	}
	for _, path := range []string{"", "/reponse", "/reponse/verifier", receipt[:len(receipt)-1] + "x"} {
		for _, s := range append(secrets, hash) {
			if strings.Contains(b.see(path), s) {
				t.Errorf("%q shows at %s", s[:10], path)
			}
		}
	}
	events, err := b.store.Events(t.Context(), b.courier.ID, b.recipient.ID)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		for _, s := range append(secrets, hash, r.Content.String()) {
			if bytes.Contains(e.Details, []byte(s)) {
				t.Errorf("the event %s shows %q", e.Kind, s[:10])
			}
		}
	}
	b.now = by
	opener := seal.NewOpener(seal.Options{Now: func() time.Time { return b.now }, Logger: slog.New(slog.DiscardHandler)}, b.vault, b.store)
	if err := opener.Round(t.Context()); err != nil {
		t.Fatal(err)
	}
	r = b.replies()[0]
	if r.Closed() || r.Text != secrets[0] || r.Files[0].Name != secrets[1] || r.Files[0].SHA256.String() != hash {
		t.Errorf("once open: %+v", r)
	}
	if raw := b.content(r.Content); gateway.Commitment(r.ID, gateway.HashOf(raw)) != commitment(t, events) {
		t.Error("the commitment does not bind the answer")
	}
	if kinds := fmt.Sprint(b.jobs()); kinds != "[received reply reply]" {
		t.Errorf("notices %s", kinds)
	}
}

func commitment(t *testing.T, events []gateway.Event) gateway.Hash {
	t.Helper()
	m := regexp.MustCompile(`"commitment":"([0-9a-f]{64})"`)
	for _, e := range events {
		if found := m.FindSubmatch(e.Details); found != nil {
			h, err := gateway.ParseHash(string(found[1]))
			if err != nil {
				t.Fatal(err)
			}
			return h
		}
	}
	t.Fatal("no commitment")
	return gateway.Hash{}
}

// unreadable looks for what is secret in every file of the installation.
func (b *bureau) unreadable(secrets []string) {
	b.Helper()
	err := filepath.WalkDir(b.dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		for _, s := range secrets {
			if bytes.Contains(text, []byte(s[:min(len(s), 40)])) {
				b.Errorf("%q can be read in %s", s[:10], filepath.Base(path))
			}
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
}

func TestWhatTheCompanyWritesIsShownAndSentAsText(t *testing.T) {
	b := newBureau(t, gateway.ReplyPolicy{Allowed: true})
	evil := "</textarea><script>alert(1)</script>\r\n.\r\nSubject: x"
	name := "../../etc/a\"; x=\"<img src=x>\u202efdp.exe"
	b.post(evil, "add", attached{name, "text/html\"; boundary=b", "<script>"})
	for _, path := range []string{"/reponse", "/reponse/verifier"} {
		if page := b.see(path); strings.Contains(page, "<script>alert") || strings.Contains(page, "<img src=x") || strings.Contains(page, "\u202e") {
			t.Errorf("%s runs what was written:\n%s", path, page)
		}
	}
	b.press(b.see("/reponse/verifier"))
	r := b.replies()[0]
	raw := b.content(r.Content)
	m, err := message.Read(bytes.NewReader(raw), int64(len(raw)), message.Limits{})
	if err != nil || m.Header().Text("Subject") != "Re: Complément" || len(m.Files()) != 1 || strings.ContainsAny(r.Files[0].Name, "/\\\"<>") {
		t.Errorf("%v, %+v", err, r.Files)
	}
	text, err := m.Text().Text(1 << 20)
	if err != nil || strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n")) != words([]byte(evil)) {
		t.Errorf("%q, %v", text, err)
	}
}

func TestTwoWindowsOfOneCompanyLoseNoWord(t *testing.T) {
	b := newBureau(t, gateway.ReplyPolicy{Allowed: true})
	page := b.see("/reponse")
	form := b.field(page, "form")
	if w := b.postForm(form, "0", "first window", "add"); w.Code != http.StatusSeeOther {
		t.Fatal(w.Code)
	}
	w := b.postForm(form, "0", "second window", "review")
	if w.Code != http.StatusUnprocessableEntity || !strings.Contains(w.Body.String(), "first window") || !strings.Contains(w.Body.String(), ">second window</textarea>") {
		t.Errorf("%d\n%s", w.Code, w.Body)
	}
	if w := b.do("PUT", "/reponse/texte", strings.NewReader("third"), formHeader, form, savesHeader, "0"); w.Code != http.StatusConflict {
		t.Errorf("by the script: %d", w.Code)
	}
	if w := b.do("PUT", "/reponse/texte", strings.NewReader("third"), formHeader, form, savesHeader, "1"); w.Code != http.StatusNoContent || w.Header().Get(savesHeader) != "2" {
		t.Errorf("by the script: %d", w.Code)
	}
	review := b.see("/reponse/verifier")
	b.do("PUT", "/reponse/texte", strings.NewReader("changed since"), formHeader, form, savesHeader, "2")
	if w := b.press(review); w.Code != http.StatusConflict || len(b.replies()) != 0 || !strings.Contains(w.Body.String(), "changed since") {
		t.Errorf("what was not reviewed is sent: %d", w.Code)
	}
}

func TestAnswersLeaveNoTokenAndNoWordInTheLog(t *testing.T) {
	b := newBureau(t, gateway.ReplyPolicy{Allowed: true})
	b.post("mot-secret", "review", attached{"nom-secret.pdf", "application/pdf", "x"})
	w := b.press(b.see("/reponse/verifier"))
	said := b.log.String()
	for _, s := range []string{strings.TrimPrefix(b.link, "/l/"), "mot-secret", "nom-secret", w.Header().Get("Location")} {
		if strings.Contains(said, s) {
			t.Errorf("%q is in the log", s)
		}
	}
	if !strings.Contains(said, "courier="+b.courier.ID.String()) {
		t.Errorf("no line of the answer: %s", said)
	}
}
