package sandbox

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
)

const (
	gatewayDomain = "courrier.acheteur.example"
	letterSender  = "courrier+b-jeton@" + gatewayDomain
)

func startWorld(t *testing.T, o WorldOptions) *World {
	t.Helper()
	o.Domain = gatewayDomain
	w, err := StartWorld(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Stop)
	return w
}

func patience(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func letterTo(to string) string {
	return "From: Ville <courrier@" + gatewayDomain + ">\r\nReply-To: courrier+r-jeton@" + gatewayDomain +
		"\r\nTo: " + to + "\r\nSubject: =?utf-8?q?March=C3=A9?=\r\nMessage-ID: <1@" + gatewayDomain + ">\r\n" +
		"MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n" +
		"--a\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nBonjour, voir https://liens.example/l/abc.\r\n" +
		"--a\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Bonjour <a href=\"https://liens.example/l/abc?x=1&amp;y=2\">ici</a><script>alert(1)</script></p>\r\n--a--\r\n" +
		"--b\r\nContent-Type: application/pdf; name=\"../../a.pdf\"\r\nContent-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\nUERG\r\n--b--\r\n"
}

// submit sends a letter as the gateway does, asking for every report.
func submit(t *testing.T, w *World, to string) error {
	t.Helper()
	return sendAsking(t.Context(), w.SMTP, w.clientTLS(), letterSender, to, letterTo(to))
}

// reports waits for the n-th mail of the gateway's mailbox and returns all of its messages.
func reports(t *testing.T, w *World, n int) []string {
	t.Helper()
	ctx := patience(t)
	r, err := OpenMailbox(ctx, w.IMAPS, w.clientTLS(), w.IMAPUser, w.IMAPPassword)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		raws, err := r.All("INBOX")
		if err != nil {
			t.Fatal(err)
		}
		if len(raws) >= n {
			return raws
		}
		if err := r.idle(ctx); err != nil {
			t.Fatalf("%d mails instead of %d: %v", len(raws), n, err)
		}
	}
}

func TestADeliveryIsReported(t *testing.T) {
	w := startWorld(t, WorldOptions{})
	if err := submit(t, w, "Contact+marches@Entreprise.example"); err != nil {
		t.Fatal(err)
	}
	m, err := w.Wait(patience(t), "contact@entreprise.example", func(m *Mail) bool { return m.Subject == "Marché" })
	if err != nil {
		t.Fatal(err)
	}
	raw, err := m.Raw()
	if err != nil || string(raw) != letterTo("Contact+marches@Entreprise.example") {
		t.Fatalf("%v\n%s", err, raw)
	}
	report := reports(t, w, 1)[0]
	for _, want := range []string{
		"Delivered-To: " + letterSender, "Action: delivered", "Original-Envelope-Id: enveloppe+1=x",
		"Original-Recipient: rfc822;Contact+marches@Entreprise.example", "text/rfc822-headers", "Message-ID: <1@",
	} {
		if !strings.Contains(report, want) {
			t.Errorf("no %q in\n%s", want, report)
		}
	}
	if strings.Contains(report, "Bonjour") {
		t.Error("RET=HDRS returned the body")
	}
}

func TestAddressesBehaveByTheirFirstWord(t *testing.T) {
	for _, tc := range []struct {
		local string
		code  int    // of the refusal
		want  string // in the last report
		count int    // reports
	}{
		{local: "inconnu", want: "Diagnostic-Code: smtp; 550 5.1.1 <inconnu@entreprise.example>", count: 1},
		{local: "plein", code: 452},
		{local: "refus", code: 550},
		{local: "lent", want: "Action: delivered", count: 2},
		{local: "muet"},
	} {
		t.Run(tc.local, func(t *testing.T) {
			w := startWorld(t, WorldOptions{Slow: time.Millisecond})
			to := tc.local + "@entreprise.example"
			err := submit(t, w, to)
			var refused *smtp.SMTPError
			if errors.As(err, &refused) != (tc.code != 0) || refused != nil && refused.Code != tc.code {
				t.Fatalf("%v, want %d", err, tc.code)
			}
			if tc.local == "muet" {
				if _, err := w.Wait(patience(t), to, nil); err != nil {
					t.Fatal(err)
				}
			}
			if tc.count == 0 {
				return
			}
			all := reports(t, w, tc.count)
			if last := all[len(all)-1]; !strings.Contains(last, tc.want) {
				t.Errorf("no %q in\n%s", tc.want, last)
			}
		})
	}
}

func TestAReportIsNeverReportedOn(t *testing.T) {
	w := startWorld(t, WorldOptions{})
	if err := w.Send(t.Context(), "", []string{"inconnu@ailleurs.example", "ici@ailleurs.example"}, []byte("Subject: x\r\n\r\nx\r\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Wait(patience(t), "ici@ailleurs.example", nil); err != nil {
		t.Fatal(err)
	}
	if n := w.imap.stored.Load(); n != 0 {
		t.Errorf("%d octets of reports", n)
	}
}

func TestTheSmarthostAsksForALogin(t *testing.T) {
	w := startWorld(t, WorldOptions{SMTPUser: "passerelle", SMTPPassword: "secret"})
	raw := []byte("Subject: x\r\n\r\nx\r\n")
	if err := sendMail(t.Context(), w.SMTP, w.clientTLS(), nil, "a@b.example", []string{"c@d.example"}, raw); err == nil {
		t.Error("accepted without AUTH")
	}
	if err := w.Send(t.Context(), "a@b.example", []string{"c@d.example"}, raw); err != nil {
		t.Error(err)
	}
}

func TestLargeMailsGoToAFileAndOldOnesGoAway(t *testing.T) {
	w := startWorld(t, WorldOptions{Keep: 2})
	large := "Subject: gros\r\n\r\n" + strings.Repeat(strings.Repeat("x", 76)+"\r\n", 2*inMemory/78)
	for range 4 {
		if err := w.Send(t.Context(), "a@b.example", []string{"c@d.example"}, []byte(large)); err != nil {
			t.Fatal(err)
		}
	}
	m, err := w.Wait(patience(t), "c@d.example", func(m *Mail) bool { return m.Number == 4 })
	if err != nil {
		t.Fatal(err)
	}
	if raw, err := m.Raw(); err != nil || string(raw) != large || m.body.path == "" {
		t.Errorf("%v, %d octets, file %q", err, len(raw), m.body.path)
	}
	if n := len(w.Mails("c@d.example")); n != 2 {
		t.Errorf("%d mails kept", n)
	}
}

func TestWaitNamesWhatCame(t *testing.T) {
	w := startWorld(t, WorldOptions{})
	if err := w.Send(t.Context(), "a@b.example", []string{"c@d.example"}, []byte("Subject: autre\r\n\r\nx\r\n")); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := w.Wait(ctx, "c@d.example", func(*Mail) bool { cancel(); return false })
	if err == nil || !strings.Contains(err.Error(), "autre") {
		t.Errorf("%v", err)
	}
}

func TestALetterIsReadAsAMailClientDoes(t *testing.T) {
	w := startWorld(t, WorldOptions{})
	if err := submit(t, w, "contact@entreprise.example"); err != nil {
		t.Fatal(err)
	}
	m, err := w.Wait(patience(t), "contact@entreprise.example", nil)
	if err != nil {
		t.Fatal(err)
	}
	l, err := m.Letter()
	if err != nil {
		t.Fatal(err)
	}
	if got := l.Links(); len(got) != 2 || got[0] != "https://liens.example/l/abc" || got[1] != "https://liens.example/l/abc?x=1&y=2" {
		t.Errorf("links %q", got)
	}
	if len(l.Files) != 1 || l.Files[0].Name != "a.pdf" || l.Files[0].Size != 3 {
		t.Errorf("files %+v", l.Files)
	}
	var b bytes.Buffer
	if err := m.WriteFile(&b, 0); err != nil || b.String() != "PDF" {
		t.Errorf("%v %q", err, b.String())
	}
}

func get(t *testing.T, address string) (int, string, http.Header) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, string(text), r.Header
}

func TestThePageShowsAMailAndAnswersIt(t *testing.T) {
	w := startWorld(t, WorldOptions{})
	if err := submit(t, w, "muet@entreprise.example"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Wait(patience(t), "muet@entreprise.example", nil); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/": "muet@entreprise.example", "/boite/muet@entreprise.example": "Marché",
		"/message/1": `<a href="https://liens.example/l/abc" target="_blank"`, "/message/1/source": "Return-Path: <" + letterSender,
		"/message/1/fichier/0": "PDF", "/style.css": "body {",
	} {
		if status, text, _ := get(t, w.Page+path); status != http.StatusOK || !strings.Contains(text, want) {
			t.Errorf("%s: %d, no %q in\n%s", path, status, want, text)
		}
	}
	if _, _, h := get(t, w.Page+"/message/1/html"); !strings.HasPrefix(h.Get("Content-Security-Policy"), "sandbox allow-popups ") {
		t.Errorf("the HTML of a mail is not in a sandbox: %v", h)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	r, err := client.PostForm(w.Page+"/message/1/repondre", url.Values{"texte": {"Merci, bien reçu."}})
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(r.Body)
	r.Body.Close()
	if !strings.Contains(string(text), "Votre réponse est partie.") {
		t.Errorf("%d %s", r.StatusCode, text)
	}
	answer := reports(t, w, 1)[0]
	for _, want := range []string{"To: <courrier+r-jeton@", "In-Reply-To: <1@", "Subject: =?utf-8?q?Re:_March=C3=A9?=", "From: <muet@entreprise.example>"} {
		if !strings.Contains(answer, want) {
			t.Errorf("no %q in\n%s", want, answer)
		}
	}
}

func TestThePageRefusesOtherHostsAndEmptyAnswers(t *testing.T) {
	w := startWorld(t, WorldOptions{})
	if err := w.Send(t.Context(), "a@b.example", []string{"c@d.example"}, []byte("Subject: x\r\nFrom: a@b.example\r\n\r\nx\r\n")); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Wait(patience(t), "c@d.example", nil); err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for _, tc := range []struct {
		host, method, path string
		want               int
	}{
		{"mechant.example:80", "GET", "/", http.StatusMisdirectedRequest},
		{"", "POST", "/message/1/repondre", http.StatusUnprocessableEntity},
		{"", "GET", "/message/99", http.StatusNotFound},
		{"", "GET", "/message/1/fichier/0", http.StatusNotFound},
	} {
		r, err := http.NewRequestWithContext(t.Context(), tc.method, w.Page+tc.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = tc.host
		answer, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != tc.want {
			t.Errorf("%s %s: %d, want %d", tc.method, tc.path, answer.StatusCode, tc.want)
		}
	}
}

func TestPiecesKeepEveryCharacter(t *testing.T) {
	text := "a https://x.example/1. b <https://x.example/2> c"
	var b strings.Builder
	links := 0
	for _, p := range pieces(text) {
		b.WriteString(p.Text)
		if p.Link != "" {
			links++
		}
	}
	if b.String() != text || links != 2 {
		t.Errorf("%q, %d links", b.String(), links)
	}
}

var reportBoundary = regexp.MustCompile(`boundary="([^"]+)"`)

func TestAReportIsWellFormed(t *testing.T) {
	w := startWorld(t, WorldOptions{})
	if err := submit(t, w, "inconnu@entreprise.example"); err != nil {
		t.Fatal(err)
	}
	report := reports(t, w, 1)[0]
	boundary := reportBoundary.FindStringSubmatch(report)
	if boundary == nil || !strings.HasSuffix(report, "--"+boundary[1]+"--\r\n") {
		t.Errorf("the report does not end:\n%s", report)
	}
	if strings.Contains(strings.ReplaceAll(report, "\r\n", ""), "\n") {
		t.Error("bare LF in the report")
	}
}
