package message

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"vaguemestre/gateway"
)

func sample(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func open(t testing.TB, b []byte) *Message {
	t.Helper()
	m, err := Read(bytes.NewReader(b), int64(len(b)), Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func text(t testing.TB, p *Part) string {
	t.Helper()
	if p == nil {
		return ""
	}
	s, err := p.Text(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n"))
}

// TestEveryBreachIsRead: each kind of broken mail is read as well as can be, and the breach is named.
func TestEveryBreachIsRead(t *testing.T) {
	for name, want := range map[string]struct {
		problem    Problem
		text, html string
		files      string
	}{
		"mbox-line.eml":         {MboxLine, "Bonjour", "", ""},
		"no-blank-line.eml":     {NoBlankLine, "Bonjour, ceci est le texte.\nEncore le texte.", "", ""},
		"bad-header-line.eml":   {BadHeaderLine, "", "<p>Bonjour</p>", ""},
		"cut-header.eml":        {CutHeader, "", "", "piece-2.html=<p>ici</p>"},
		"bare-lf.eml":           {BareLF, "Bonjour", "", "x.bin=1\n2\r\n3"},
		"bare-cr.eml":           {BareCR, "Bonjour", "", "x.bin=1\r2"},
		"eight-bit-header.eml":  {EightBitHeader, "Bonjour", "", "règlement.pdf=%PDF"},
		"bad-content-type.eml":  {BadContentType, "Bonjour", "", ""},
		"field-twice.eml":       {TwiceField, "Bonjour", "", ""},
		"no-boundary.eml":       {NoBoundary, "--b\n\nBonjour\n--b--", "", ""},
		"boundary-unseen.eml":   {BoundaryUnseen, "Bonjour, sans aucune partie.", "", ""},
		"boundary-unclosed.eml": {BoundaryUnclosed, "Bonjour", "<p>Bonjour</p>", "a.pdf=%PDF"},
		"bad-encoding.eml":      {BadEncoding, "Obawbhe", "", ""},
		"encoded-multipart.eml": {EncodedMultipart, "Bonjour", "", ""},
		"unknown-charset.eml":   {UnknownCharset, "Réponse", "", ""},
		"tnef-cut.eml":          {BadTNEF, "Bonjour", "", "winmail.dat=…"},
	} {
		t.Run(name, func(t *testing.T) {
			m := open(t, sample(t, name))
			found := false
			for _, d := range m.Defects {
				found = found || d.Problem == want.problem
			}
			if !found {
				t.Errorf("defects %v, want %s", m.Defects, want.problem)
			}
			if got := text(t, m.Text()); got != want.text {
				t.Errorf("text %q, want %q", got, want.text)
			}
			if got := text(t, m.HTML()); got != want.html {
				t.Errorf("HTML %q, want %q", got, want.html)
			}
			if got := listed(t, m); got != want.files {
				t.Errorf("files %q, want %q", got, want.files)
			}
		})
	}
}

// listed is the files with their contents, long ones left out.
func listed(t testing.TB, m *Message) string {
	t.Helper()
	var all []string
	for _, f := range m.Files() {
		b := decoded(t, f)
		if len(b) > 60 {
			b = []byte("…")
		}
		all = append(all, f.Filename()+"="+string(b))
	}
	return strings.Join(all, " ")
}

func TestWhatAPersonReadsFirst(t *testing.T) {
	for name, want := range map[string]struct{ text, html, files string }{
		"alternative.eml":         {"Bonjour, votre offre a été \nexaminée.\n-- \nMarie Dupont", `<p>Bonjour, votre offre a été examinée.</p>`, "logo.png=… Règlement de la consultation.pdf=%PDF-1.4\n%äüöß\n Pièce jointe-1.eml=…"},
		"alternative-unshown.eml": {"", "", "piece-1.bin=<bold>Bonjour</bold>"},
		"attachment-only.eml":     {"", "", "seul.pdf=%PDF-1.4\n"},
		"html-only-latin1.eml":    {"", "Réponse", ""},
		"utf16.eml":               {"", "<p>Réponse</p>", ""},
		"utf7.eml":                {"Réponse à 2\u00a0€", "", ""},
		"calendar.eml":            {"Reunion", "", "piece-2.ics=BEGIN:VCALENDAR\r\nEND:VCALENDAR"},
		"apple.eml":               {"Avant", "", "photo.jpg=\xff\xd8\xff\xe0\x00\x10 piece-3.txt=Apres"},
		"digest.eml":              {"", "", "un.eml=Subject: un\r\n\r\ntexte un deux.eml=Subject: deux\r\n\r\ntexte deux"},
		"uuencode.eml":            {"Bonjour", "", "chat.txt=Cat"},
		"embedded-encoded.eml":    {"Bonjour", "", "dedans.eml=Subject: dedans\n\ntexte intérieur\n"},
		"smime-signed.eml":        {"Bonjour", "", ""},
		"pgp-signed.eml":          {"Bonjour", "", ""},
		"tnef.eml":                {"Bonjour", "", "Règlement de la consultation.pdf=%PDF-1.4 r\xe8glement\n photo.png=\x89PNG\r\n\x1a\n"},
		"tnef-only.eml":           {"Réponse de Outlook", "<html><body><p>Réponse de Outlook</p></body></html>", "Règlement de la consultation.pdf=%PDF-1.4 r\xe8glement\n photo.png=\x89PNG\r\n\x1a\n"},
	} {
		t.Run(name, func(t *testing.T) {
			m := open(t, sample(t, name))
			if got := text(t, m.Text()); got != want.text {
				t.Errorf("text %q, want %q", got, want.text)
			}
			if got := text(t, m.HTML()); !strings.Contains(got, want.html) || want.html == "" && got != "" {
				t.Errorf("HTML %q, want %q", got, want.html)
			}
			if got := listed(t, m); got != want.files {
				t.Errorf("files %q, want %q", got, want.files)
			}
		})
	}
}

func TestKinds(t *testing.T) {
	for name, want := range map[string]Kind{
		"alternative.eml": Ordinary, "smime-signed.eml": SMIMESigned, "smime-opaque.eml": SMIMEOpaque, "smime-encrypted.eml": SMIMEEncrypted,
		"pgp-signed.eml": PGPSigned, "pgp-encrypted.eml": PGPEncrypted, "pgp-inline.eml": PGPInline, "report.eml": Report,
		"calendar.eml": Calendar, "tnef.eml": TNEF, "tnef-cut.eml": Ordinary,
	} {
		if got := open(t, sample(t, name)).Kind(); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestStructure(t *testing.T) {
	b := sample(t, "alternative.eml")
	m := open(t, b)
	if got := m.Header().Text("Subject"); got != "Réponse à votre offre" {
		t.Errorf("subject %q", got)
	}
	for path, want := range map[string]string{
		"": "multipart/mixed", "1": "multipart/alternative", "1.1": "text/plain", "1.2.2": "image/png", "2": "application/pdf",
		"3": "message/rfc822", "3.1": "text/plain", "3.2": "application/octet-stream",
	} {
		if p := m.Find(path); p == nil || p.MediaType != want {
			t.Errorf("part %q: %+v, want %s", path, p, want)
		}
	}
	if p := m.Find("9.9"); p != nil {
		t.Errorf("part 9.9: %+v", p)
	}
	inner := m.Find("3")
	if inner.Embedded == nil || inner.Embedded.Header().Get("Received") != "from client by server" {
		t.Errorf("embedded %+v", inner.Embedded)
	}
	if got := m.Find("3.2").Filename(); got != "passwd" {
		t.Errorf("name %q", got)
	}
	if p := m.ByContentID("<logo@agence>"); p == nil || p.Path != "1.2.2" {
		t.Errorf("by Content-ID: %+v", p)
	}
	raw, err := io.ReadAll(inner.RawWhole())
	if err != nil || !bytes.Contains(b, raw) || !bytes.HasPrefix(raw, []byte("Content-Type: message/rfc822\r\n")) || !bytes.HasSuffix(raw, []byte("--x--")) {
		t.Errorf("raw %q %v", raw, err)
	}
	head, _ := io.ReadAll(inner.RawHeader())
	body, _ := io.ReadAll(inner.Raw())
	if string(head)+string(body) != string(raw) || inner.RawSize() != int64(len(body)) {
		t.Error("header and body are not the whole")
	}
}

// TestPromiseBounded: deep and wide messages cost no more than their bytes.
func TestPromiseBounded(t *testing.T) {
	t.Run("5,000 parts within parts", func(t *testing.T) {
		var b strings.Builder
		for i := range 5000 {
			fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
		}
		b.WriteString("\r\nau fond\r\n")
		m := open(t, []byte(b.String()))
		depth := 0
		for p := m.Root; len(p.Children) > 0; p = p.Children[0] {
			depth++
		}
		if depth != DefaultLimits().Depth-1 {
			t.Errorf("depth %d", depth)
		}
		if len(m.Defects) > 1000 {
			t.Errorf("%d defects", len(m.Defects))
		}
	})
	t.Run("messages within messages", func(t *testing.T) {
		m := open(t, []byte(strings.Repeat("Content-Type: message/rfc822\r\n\r\n", 5000)+"\r\nau fond"))
		if m.Root.Embedded == nil {
			t.Error("nothing embedded")
		}
	})
	t.Run("1,001 parts", func(t *testing.T) {
		b := "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\n\r\n", 1001) + "--b--\r\n"
		if _, err := Read(strings.NewReader(b), int64(len(b)), Limits{}); gateway.FaultOf(err).Key != "refuse.message.parts" {
			t.Errorf("%v", err)
		}
	})
	t.Run("a header without end", func(t *testing.T) {
		b := strings.Repeat("X-A: b\r\n", 100_000)
		if _, err := Read(strings.NewReader(b), int64(len(b)), Limits{}); gateway.FaultOf(err).Key != "refuse.message.header" {
			t.Errorf("%v", err)
		}
	})
	t.Run("a field without end", func(t *testing.T) {
		b := "X-A: " + strings.Repeat("b", 1<<20)
		if _, err := Read(strings.NewReader(b), int64(len(b)), Limits{}); gateway.FaultOf(err).Key != "refuse.message.header" {
			t.Errorf("%v", err)
		}
	})
	t.Run("60 MB in one line", func(t *testing.T) {
		src := &endless{head: "Content-Type: application/octet-stream\r\n\r\n", size: 60_000_000}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		m, err := Read(src, src.size, Limits{})
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, m.Root.Decoded())
		if err != nil || n != src.size-int64(len(src.head)) {
			t.Errorf("%d bytes, %v", n, err)
		}
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
			t.Errorf("%d bytes allocated", grown)
		}
	})
}

// endless is a source of any size that takes no memory.
type endless struct {
	head string
	size int64
}

func (e *endless) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for ; n < len(p) && off+int64(n) < e.size; n++ {
		p[n] = 'A'
		if at := off + int64(n); at < int64(len(e.head)) {
			p[n] = e.head[at]
		}
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

var errBroken = errors.New("broken disk")

type broken struct{}

func (broken) ReadAt([]byte, int64) (int, error) { return 0, errBroken }

func TestSourceErrors(t *testing.T) {
	if _, err := Read(broken{}, 10, Limits{}); !errors.Is(err, errBroken) {
		t.Errorf("%v", err)
	}
	if _, err := Read(strings.NewReader("short"), 100, Limits{}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("%v", err)
	}
	m, err := Read(strings.NewReader(""), 0, Limits{})
	if err != nil || m.Root.MediaType != "text/plain" || m.Root.Path != "1" {
		t.Errorf("%+v %v", m, err)
	}
}

// TestTextIsCut: a limit cuts between characters.
func TestTextIsCut(t *testing.T) {
	m := open(t, []byte("Content-Type: text/plain; charset=utf-8\r\n\r\naéaé"))
	for limit, want := range []string{"", "a", "a", "aé", "aéa", "aéa", "aéaé"} {
		got, err := m.Text().Text(int64(limit))
		if got != want || (limit < 6) != errors.Is(err, ErrCut) {
			t.Errorf("limit %d: %q %v, want %q", limit, got, err, want)
		}
	}
}

// TestCorpus: every real mail is read, without error, and all of it can be used.
func TestCorpus(t *testing.T) {
	files, err := filepath.Glob("../../../shared/corpora/*/*.eml")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("the corpora of real mail are not on this machine")
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Read(bytes.NewReader(b), int64(len(b)), Limits{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if h := m.HTML(); h != nil {
			s, _ := h.Text(1 << 20)
			HTMLToText(s)
			checkSafe(t, SafeHTML(s, func(string) string { return "/image/1" }))
		}
		for _, f := range m.Files() {
			checkName(t, f.Filename())
		}
		checkSpliced(t, m)
	}
}

// TestTheEmptyBoundary: a multipart that says its boundary is empty has the parts that two hyphens begin, as other readers find; where
// none begins there, they begin a signature.
func TestTheEmptyBoundary(t *testing.T) {
	const nested = "Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n--\r\n"
	for body, want := range map[string]string{
		nested + "Content-Type: text/plain\r\n\r\nBonjour\r\n----\r\n":                                                                                           "Bonjour",
		nested + nested + "Content-Type: text/plain\r\n\r\nBonjour\r\n":                                                                                          "Bonjour",
		nested + "Content-Type: text/html\r\n\r\n<p>x</p>\r\n--\r\nContent-Type: text/plain\r\n\r\nBonjour\r\n----\r\n":                                          "",
		nested + "Content-Type: text/plain\r\n\r\nBonjour\r\n\r\n-- \r\nJean Durand\r\n--\r\nMairie\r\n--\r\nContent-Type: application/pdf\r\n\r\nx\r\n----\r\n": "Bonjour\n\n-- \nJean Durand\n--\nMairie",
		"Content-Type: multipart/mixed; boundary=\"\"\r\n\r\nBonjour\r\n-- \r\nMarie\r\n":                                                                        "Bonjour\n-- \nMarie",
		"Content-Type: multipart/mixed; boundary=\"\"\r\n\r\n-- \r\nMarie\r\n":                                                                                   "-- \nMarie",
		"Content-Type: multipart/mixed\r\n\r\n--\r\nContent-Type: text/plain\r\n\r\nBonjour\r\n":                                                                 "--\nContent-Type: text/plain\n\nBonjour",
	} {
		m := open(t, []byte(body))
		if got := text(t, m.Text()); got != want {
			t.Errorf("%q: %q, want %q", body, got, want)
		}
		if got := text(t, spliced(t, m, words).Text()); !strings.HasPrefix(got, want) {
			t.Errorf("%q: %q after splicing", body, got)
		}
	}
}

// TestBombsEnd: thousands of parts are refused with their bound, a thousand levels are left closed, a hundred thousand delimiters
// cost no more than their octets.
func TestBombsEnd(t *testing.T) {
	many := "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\n", 100_000) + "--b--\r\n"
	if _, err := Read(strings.NewReader(many), int64(len(many)), Limits{}); gateway.FaultOf(err).Key != "refuse.message.parts" {
		t.Errorf("%v", err)
	}
	var deep strings.Builder
	for i := range 1000 {
		deep.WriteString("Content-Type: multipart/mixed; boundary=b" + strings.Repeat("x", i%50) + "\r\n\r\n--b" + strings.Repeat("x", i%50) + "\r\n")
	}
	deep.WriteString("\r\nau fond\r\n")
	m := open(t, []byte(deep.String()))
	after := spliced(t, m, words)
	if len(after.Files()) == 0 || !strings.Contains(string(decoded(t, after.Files()[len(after.Files())-1])), "au fond") {
		t.Errorf("what stands deep is lost")
	}
}
