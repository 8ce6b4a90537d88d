package link

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/message"
)

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

func TestAFileOfAnySizeAnnouncedIsMeasured(t *testing.T) {
	b := newBureau(t, gateway.ReplyPolicy{Allowed: true})
	b.sendFile("plan.pdf", "%PDF", 4)
	form := b.field(b.see("/reponse"), "form")
	if w := b.do("POST", "/reponse/fichiers", strings.NewReader(`{"name":"a.pdf","size":9223372036854775807}`), formHeader, form); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("%d %s", w.Code, w.Body)
	}
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
	if w := patch(len(body), strings.NewReader("")); w.Code != http.StatusNoContent {
		t.Errorf("once whole, asked again: %d", w.Code)
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

// TestAnswersBeingWrittenAreCounted: by the metrics, with the bytes of their files; no longer once they are sent.
func TestAnswersBeingWrittenAreCounted(t *testing.T) {
	b := newBureau(t, gateway.ReplyPolicy{Allowed: true})
	counted := func() string {
		t.Helper()
		all, err := b.registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		said := ""
		for _, family := range all {
			if strings.HasPrefix(family.GetName(), "vaguemestre_link_open_answers") {
				said += fmt.Sprintf("%.0f ", family.GetMetric()[0].GetGauge().GetValue())
			}
		}
		return said
	}
	if got := counted(); got != "0 0 " {
		t.Error(got)
	}
	b.post("Bonjour,", "add", attached{"prix.pdf", "application/pdf", "%PDF prix"})
	if got := counted(); got != "1 9 " {
		t.Error(got)
	}
	b.press(b.see("/reponse/verifier"))
	if got := counted(); got != "0 0 " {
		t.Error(got)
	}
}
