package link

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/message"
	"vaguemestre/gateway/seal"
)

func TestTheServersClockDecidesAtTheMomentOfSending(t *testing.T) {
	by := time.Date(2026, 11, 23, 13, 0, 0, 0, time.UTC)
	for _, refuse := range []bool{false, true} {
		b := newBureau(t, gateway.ReplyPolicy{Allowed: true, By: by}, func(o *Answers) { o.RefuseLate = refuse })
		if page := b.see("/reponse"); !strings.Contains(page, "(il reste 1 heure)") {
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
	if !regexp.MustCompile(`(?m)^Vaguemestre-Salt: [A-Z2-7]{26}\r$`).Match(b.content(r.Content)) {
		t.Error("what the answer says could be found by trying, until the commitment is met")
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
	if w := b.postForm(form, "0", "first window", "review"); w.Code != http.StatusSeeOther {
		t.Errorf("the words that are kept are said to be others: %d\n%s", w.Code, w.Body)
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

// TestAPageOpenTooLongLosesNoWord: what was written on a page whose token is good no longer is kept nowhere, and shown again for its author
// to go on with; words saved meanwhile from another window stand beside it.
func TestAPageOpenTooLongLosesNoWord(t *testing.T) {
	b := newBureau(t, gateway.ReplyPolicy{Allowed: true})
	form := b.field(b.see("/reponse"), "form")
	b.now = b.now.Add(2 * answerLife)
	w := b.postForm(form, "0", "an hour of work", "review")
	if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), ">an hour of work</textarea>") || strings.Contains(b.see("/reponse"), "an hour of work") {
		t.Fatalf("%d\n%s", w.Code, w.Body)
	}
	if again := b.postForm(b.field(w.Body.String(), "form"), "0", "an hour of work", "add"); again.Code != http.StatusSeeOther || !strings.Contains(b.see("/reponse"), "an hour of work") {
		t.Errorf("it does not go on: %d", again.Code)
	}
	if w := b.postForm(form, "0", "other words", "review"); w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), ">other words</textarea>") || !strings.Contains(w.Body.String(), "modifié dans une autre fenêtre") {
		t.Errorf("%d\n%s", w.Code, w.Body)
	}
}
