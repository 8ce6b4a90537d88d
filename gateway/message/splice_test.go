package message

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"vaguemestre/gateway"
)

func spliced(t testing.TB, m *Message, s Splicing) *Message {
	t.Helper()
	var out bytes.Buffer
	if err := m.Splice(&out, s); err != nil {
		t.Fatal(err)
	}
	checkMail(t, out.Bytes())
	return open(t, out.Bytes())
}

// checkMail: CRLF, lines of at most 998 octets, no NUL, no bare CR.
func checkMail(t testing.TB, b []byte) {
	t.Helper()
	if in, err := inspect(bytes.NewReader(b)); err != nil || in.loose || in.unsafe() {
		t.Errorf("mail cannot carry this: %+v %v", in, err)
	}
}

// TestPromiseIntact: whatever the sample, its words and files are there after splicing, the words
// added stand behind the text, nothing else of the old header is left.
func TestPromiseIntact(t *testing.T) {
	files, err := filepath.Glob("testdata/*.eml")
	if err != nil || len(files) == 0 {
		t.Fatal(err, files)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			m := open(t, b)
			after := spliced(t, m, words)
			for _, f := range after.Header().Fields() {
				if !f.Is("From") && !f.Is("MIME-Version") && !strings.HasPrefix(strings.ToLower(f.Name), "content-") {
					t.Errorf("field %s", f.Name)
				}
			}
			if m.Kind().Protected() {
				return
			}
			sameFiles(t, m, after)
			if p := m.Text(); p != nil && m.Kind() != TNEF && text(t, p) != "" {
				if got, want := text(t, after.Text()), text(t, p); !strings.HasPrefix(got, want) {
					t.Errorf("text %q, want first %q", got, want)
				}
			}
		})
	}
}

// TestAnInvitationIsAFileBesideTheLetter: a mail client shows the letter, not its own page of an appointment.
func TestAnInvitationIsAFileBesideTheLetter(t *testing.T) {
	const calendar = "--b\r\nContent-Type: text/calendar; method=REQUEST\r\n%s\r\nBEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n--b--\r\n"
	for name, text := range map[string]string{
		"alone":      "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\nVisite\r\n" + fmt.Sprintf(calendar, ""),
		"inline":     "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\nVisite\r\n" + fmt.Sprintf(calendar, "Content-Disposition: inline\r\n"),
		"with files": "Content-Type: multipart/mixed; boundary=a\r\n\r\n--a\r\nContent-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\nVisite\r\n" + fmt.Sprintf(calendar, "") + "--a\r\nContent-Type: application/pdf\r\n\r\n%PDF\r\n--a--\r\n",
		"lying":      "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nVisit\xe9\r\n" + fmt.Sprintf(calendar, ""),
	} {
		after := spliced(t, open(t, []byte(text)), words)
		var files []*Part
		after.Root.Walk(func(p *Part) bool {
			for _, c := range p.Children {
				if c.MediaType == "text/calendar" {
					files = append(files, c)
					if p.MediaType != "multipart/mixed" || c.Disposition != "attachment" || c.Params["method"] != "REQUEST" {
						t.Errorf("%s: %s within %s", name, c.Disposition, p.MediaType)
					}
				}
			}
			return true
		})
		if len(files) != 1 || string(decoded(t, files[0])) != "BEGIN:VCALENDAR\r\nEND:VCALENDAR" {
			t.Errorf("%s: %d invitations", name, len(files))
		}
	}
}

// TestUntouchedPartsKeepTheirBytes: what nobody has to touch stands in the letter as it stood in the source.
func TestUntouchedPartsKeepTheirBytes(t *testing.T) {
	m := open(t, sample(t, "alternative.eml"))
	after := spliced(t, m, words)
	for _, path := range []string{"1.2.2", "2", "3"} {
		want, _ := io.ReadAll(m.Find(path).Raw())
		got, _ := io.ReadAll(after.Find(path).Raw())
		if !bytes.Equal(got, want) {
			t.Errorf("part %s: %q, want %q", path, got, want)
		}
	}
	if after.Find("2").Header.Has("X-Attachment-Id") {
		t.Error("a field of the agent's client is left")
	}
	if got := after.Find("2").Filename(); got != "Règlement de la consultation.pdf" {
		t.Errorf("name %q", got)
	}
	if got, want := text(t, after.HTML()), text(t, m.HTML()); !strings.HasPrefix(got, strings.TrimSuffix(want, "</body></html>")) || !strings.HasSuffix(got, "<p>Mot après l'autre</p>\n</body></html>") {
		t.Errorf("HTML %q", got)
	}
	if got := text(t, after.Text()); got != text(t, m.Text())+"\nMot après l'autre" {
		t.Errorf("text %q", got)
	}
}

// TestSignedBytesStay: every byte that a signature covers is there, with nothing between it and its delimiters.
func TestSignedBytesStay(t *testing.T) {
	for _, name := range []string{"smime-signed.eml", "pgp-signed.eml"} {
		m := open(t, sample(t, name))
		after := spliced(t, m, words)
		wrapped := after.Find("2")
		if wrapped == nil || wrapped.Embedded == nil {
			t.Fatalf("%s is not wrapped", name)
		}
		root := wrapped.Embedded.Root
		for i, c := range m.Root.Children {
			want, _ := io.ReadAll(c.RawWhole())
			got, _ := io.ReadAll(root.Children[i].RawWhole())
			if !bytes.Equal(got, want) {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		if len(wrapped.Embedded.Header().Fields()) != 3 {
			t.Errorf("%s: header %q", name, wrapped.Embedded.Header().Raw())
		}
	}
}

func TestSignedPartAmongOthers(t *testing.T) {
	inner := strings.TrimSuffix(string(sample(t, "smime-signed.eml")), "\r\n")
	m := open(t, []byte("Content-Type: multipart/mixed; boundary=out\r\n\r\n--out\r\n"+inner+"\r\n--out\r\nContent-Type: text/plain\r\n\r\npied de page\r\n--out--\r\n"))
	after := spliced(t, m, words)
	if got := text(t, after.Text()); got != "Bonjour" {
		t.Errorf("text %q", got)
	}
	if len(m.KeptHeaders()) != 2 {
		t.Errorf("%d kept headers", len(m.KeptHeaders()))
	}
}

func TestLongLinesOfSignedPartsAreRefused(t *testing.T) {
	b := strings.Replace(string(sample(t, "smime-signed.eml")), "Bonjour", strings.Repeat("x", 1200), 1)
	err := open(t, []byte(b)).Splice(io.Discard, words)
	if gateway.FaultOf(err).Key != "refuse.message.signed-lines" {
		t.Errorf("%v", err)
	}
}

func TestLongTextIsRefused(t *testing.T) {
	b := "\r\n" + strings.Repeat("un texte sans fin\r\n", MaxText/18)
	err := open(t, []byte(b)).Splice(io.Discard, words)
	if f := gateway.FaultOf(err); f.Key != "refuse.message.long-text" || f.Class != gateway.Permanent {
		t.Errorf("%v", err)
	}
}

// TestWordsCannotBeHidden: an element, a style or a comment left open does not swallow the words.
func TestWordsCannotBeHidden(t *testing.T) {
	for _, body := range []string{
		`<p>a</p><div style="display:none">`, `a<style>table{}`, `a<!-- b`, `a<div title="x`, `<title>a`, `<textarea>a`, `<script>a`, `<select><option>a`, `<b><i><table><tr><td>a`,
	} {
		m := open(t, []byte("Content-Type: text/html; charset=utf-8\r\n\r\n"+body))
		got := text(t, spliced(t, m, words).HTML())
		if !strings.Contains(HTMLToText(got), "Mot après l'autre") {
			t.Errorf("%s: %q", body, got)
		}
		if i, j := strings.Index(got, "</div>"), strings.Index(got, "<p>Mot"); strings.Contains(body, "<div style") && (i < 0 || i > j) {
			t.Errorf("%s: not closed before the words: %q", body, got)
		}
	}
}

func TestWordsBefore(t *testing.T) {
	s := words
	s.Before = Words{Text: "Modèle\n", HTML: "<p>Modèle</p>"}
	m := open(t, []byte("Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\n\r\n-- \r\nMarie\r\n--b\r\nContent-Type: text/html\r\n\r\n<html><body class=x><p>Marie</p></body></html>\r\n--b--\r\n"))
	after := spliced(t, m, s)
	if got := text(t, after.Text()); got != "Modèle\n\n-- \nMarie\nMot après l'autre" {
		t.Errorf("text %q", got)
	}
	if got := HTMLToText(text(t, after.HTML())); got != "Modèle\n\nMarie\n\nMot après l'autre" {
		t.Errorf("HTML %q", got)
	}
}

// TestTheHeadHasTheLettersFieldsAlone: of the part whose fields stand in the letter's header nothing describes it but how to show
// it, and no delimiter is the agent's; a part that stands lower keeps what describes it.
func TestTheHeadHasTheLettersFieldsAlone(t *testing.T) {
	const described = "Content-Language: de\r\nCONTENT-ID: <1@poste.interne.example>\r\nContent-Description: poste\r\nContent-Location: file:///C:/poste\r\n"
	for name, body := range map[string]string{
		"text":        "Content-Type: text/plain\r\n\r\nVisite\r\n",
		"HTML":        "Content-Type: text/html\r\n\r\n<p>Visite</p>\r\n",
		"parts":       "Content-Type: multipart/mixed; boundary=\"poste-de-marie\"\r\n\r\n--poste-de-marie\r\n\r\nVisite\r\n--poste-de-marie--\r\n",
		"apostrophes": "Content-Type: multipart/mixed; boundary='poste'\r\n\r\n--'poste'\r\n\r\nVisite\r\n--'poste'--\r\n",
		"signed":      "Content-Type: multipart/signed; protocol=\"application/pgp-signature\"; boundary=poste\r\n\r\n--poste\r\n\r\nVisite\r\n--poste\r\nContent-Type: application/pgp-signature\r\n\r\nx\r\n--poste--\r\n",
		"armour":      "Content-Type: text/plain\r\n\r\n-----BEGIN PGP MESSAGE-----\r\n\r\nx\r\n-----END PGP MESSAGE-----\r\n",
	} {
		m := open(t, []byte(described+body))
		var out strings.Builder
		if err := m.Splice(&out, words); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.String(), "poste") || strings.Contains(out.String(), ": de\r\n") {
			t.Errorf("%s shows the agent's machine:\n%s", name, out.String())
		}
	}
	m := open(t, []byte("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n"+described+"\r\nVisite\r\n--b--\r\n"))
	if p := spliced(t, m, words).Root.Children[0]; p.ContentID() != "1@poste.interne.example" || p.Header.Get("Content-Language") != "de" {
		t.Errorf("a part that is no head lost what describes it: %s", p.Header.Raw())
	}
}

// TestFlowedTextStaysApart: the words never join a paragraph that goes on, nor a quotation, and quoted levels stay what they are.
func TestFlowedTextStaysApart(t *testing.T) {
	s := words
	s.Before, s.After = Words{Text: "Modèle \n"}, Words{Text: "\n> Mot\nFrom ici\n après\n"}
	for _, delSp := range []bool{false, true} {
		const body = ">> La date de la \r\n>> visite ?\r\n> Elle sera \r\n> fixée.\r\n >citée ?\r\nElle est fixée, et \r\nse poursuit "
		m := open(t, []byte("Content-Type: text/plain; charset=utf-8; format=flowed; delsp="+map[bool]string{true: "yes", false: "no"}[delSp]+"\r\n\r\n"+body))
		after := spliced(t, m, s).Text()
		flowed, del := after.Flowed()
		shown, err := after.Text(1 << 20)
		if err != nil || !flowed || del != delSp || !strings.Contains(shown, body) {
			t.Fatalf("%v %v %v %q", err, flowed, del, shown)
		}
		sep := map[bool]string{true: "", false: " "}[delSp]
		want := "Modèle\n\n>> La date de la" + sep + "visite ?\n> Elle sera" + sep + "fixée.\n>citée ?\nElle est fixée, et" + sep + "se poursuit" + sep + "\n> Mot\nFrom ici\n après"
		if got := Unflow(strings.TrimRight(shown, "\r\n"), del); strings.Join(strings.Fields(got), " ") != strings.Join(strings.Fields(want), " ") || strings.Contains(got, "poursuit"+sep+"> Mot") {
			t.Errorf("delsp %v: %q, want %q", delSp, got, want)
		}
	}
}

// TestBuiltMailsComeBack: mails of any shape, read, spliced and read again, keep every file's bytes,
// every name and the text.
func TestBuiltMailsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := rapid.StringMatching(`[a-zà-ÿ€ .\n<>=-]{0,300}`).Draw(t, "text")
		n := rapid.IntRange(0, 5).Draw(t, "files")
		var b strings.Builder
		b.WriteString("To: secret@client.example\r\nContent-Type: multipart/mixed; boundary=bound\r\n\r\n--bound\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" +
			strings.ReplaceAll(body, "\n", "\r\n") + "\r\n")
		var contents [][]byte
		for i := range n {
			content := rapid.SliceOfN(rapid.Byte(), 0, 400).Draw(t, "content")
			contents = append(contents, content)
			b.WriteString("--bound\r\nContent-Type: application/octet-stream" + FormatParam("name", fmt.Sprintf("pièce %d.bin", i)) + "\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n")
			for _, c := range content {
				fmt.Fprintf(&b, "=%02X", c)
			}
			b.WriteString("\r\n")
		}
		b.WriteString("--bound--\r\n")
		m, err := Read(strings.NewReader(b.String()), int64(b.Len()), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := m.Splice(&out, words); err != nil {
			t.Fatal(err)
		}
		if in, _ := inspect(bytes.NewReader(out.Bytes())); in.loose || in.unsafe() {
			t.Fatalf("mail cannot carry this: %+v", in)
		}
		after, err := Read(bytes.NewReader(out.Bytes()), int64(out.Len()), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		files := after.Files()
		if len(files) != n {
			t.Fatalf("%d files, want %d", len(files), n)
		}
		for i, f := range files {
			got, _ := io.ReadAll(f.Decoded())
			if !bytes.Equal(got, contents[i]) || f.Filename() != fmt.Sprintf("pièce %d.bin", i) {
				t.Fatalf("%s: %q, want %q", f.Filename(), got, contents[i])
			}
		}
		got, err := after.Text().Text(1 << 20)
		if err != nil || !strings.HasPrefix(got, strings.ReplaceAll(body, "\n", "\r\n")) {
			t.Fatalf("text %q, want %q, %v", got, body, err)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	raw, err := os.ReadFile("testdata/alternative.eml")
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Read(bytes.NewReader(raw), int64(len(raw)), Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadLarge(b *testing.B) {
	raw := []byte("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nBonjour\r\n--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
		strings.Repeat(strings.Repeat("QUJD", 19)+"\r\n", 100_000) + "--b--\r\n")
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Read(bytes.NewReader(raw), int64(len(raw)), Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
