package message

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// seed adds our own samples.
func seed(f *testing.F, pattern string) {
	files, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(files) == 0 {
		f.Fatalf("no samples %s: %v", pattern, err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
}

var words = Splicing{
	Header: "From: a@b.example\r\n", Boundary: "K7QWXNMRTZ5LDHVAYJ3CPBFGSE", After: Words{Text: "Mot après l'autre\n", HTML: "<p>Mot après l'autre</p>"},
	Wrapped: "From: a@b.example\r\n", Caption: "objet.eml",
}

// FuzzRead: whatever the bytes, reading ends, keeps within the source, and splicing loses no file.
func FuzzRead(f *testing.F) {
	seed(f, "*.eml")
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Read(bytes.NewReader(b), int64(len(b)), Limits{})
		if err != nil {
			return
		}
		m.Root.Walk(func(p *Part) bool {
			if p.start < 0 || p.start > p.bodyStart || p.bodyStart > p.bodyEnd {
				t.Fatalf("part %q: %d %d %d of %d", p.Path, p.start, p.bodyStart, p.bodyEnd, len(b))
			}
			checkName(t, p.Filename())
			return true
		})
		checkSpliced(t, m)
	})
}

func checkSpliced(t *testing.T, m *Message) {
	var out bytes.Buffer
	if err := m.Splice(&out, words); err != nil {
		return
	}
	again, err := Read(bytes.NewReader(out.Bytes()), int64(out.Len()), Limits{Depth: 30, Parts: 3000, HeaderBytes: 1 << 20})
	if err != nil {
		t.Fatalf("cannot be read again: %v", err)
	}
	if !m.Kind().Protected() {
		sameFiles(t, m, again)
	}
	shown := ""
	again.Root.Walk(func(p *Part) bool {
		if p.Embedded == nil && strings.HasPrefix(p.MediaType, "text/") {
			s, _ := p.Text(8 << 20)
			shown += html.UnescapeString(s)
		}
		return p.Embedded == nil
	})
	if !strings.Contains(shown, "Mot après l'autre") {
		t.Fatalf("the words are lost in %q", out.String())
	}
}

// sameFiles: every file of a message is among those of another, byte for byte.
func sameFiles(t *testing.T, m, again *Message) {
	var after [][]byte
	for _, p := range again.Files() {
		after = append(after, decoded(t, p))
	}
	for _, p := range m.Files() {
		want, found := decoded(t, p), false
		for i, got := range after {
			if bytes.Equal(got, want) || p.isMessage() && bytes.Equal(loose(got), loose(want)) {
				after, found = append(after[:i], after[i+1:]...), true
				break
			}
		}
		if !found && len(bytes.TrimSpace(want)) > 0 {
			t.Fatalf("file %s (%s, %q) is lost: %q", p.Path, p.MediaType, p.Filename(), want)
		}
	}
}

// loose compares messages as mail carries them: lines.
func loose(b []byte) []byte {
	return bytes.TrimRight(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")), "\n")
}

func decoded(t testing.TB, p *Part) []byte {
	b, err := io.ReadAll(p.Decoded())
	if err != nil {
		t.Fatalf("decode %s: %v", p.Path, err)
	}
	return b
}

func checkName(t *testing.T, name string) {
	if name == "" || len(name) > maxName+10 || strings.ContainsAny(name, "/\\\x00\r\n:") || strings.Trim(name, ". ") == "" || !utf8.ValidString(name) {
		t.Fatalf("file name %q", name)
	}
	if strings.ContainsFunc(name, func(r rune) bool { return unicode.IsControl(r) || isBidi(r) }) {
		t.Fatalf("file name %q", name)
	}
}

// FuzzHeader: fields, words, parameters and addresses, read and written.
func FuzzHeader(f *testing.F) {
	for _, s := range []string{
		"Subject: =?utf-8?q?R=C3=A9ponse?=\r\n =?utf-8?b?w6k=?=\r\nTo: a <b@c>, d@e\r\n\r\nrest", "Content-Type: text/plain; name*0*=utf-8''%e2%82; name*1*=%ac; charset=\"x",
		"broken line\nFrom : x@y (comment (nested)) \n\n", "To: \"a, b\" <c@d>; group: e@f;, <>, g h@i", "A: =?us-ascii?q?=?= =?x?b??=", "\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		h, rest := ParseHeader(b)
		if len(h.Raw())+len(rest) > len(b) {
			t.Fatal("more than there was")
		}
		for _, field := range h.Fields() {
			h.Addresses(field.Name)
			parseValue(field.Value())
			text := h.Text(field.Name)
			written := EncodeWords(text, len(field.Name)+2)
			checkField(t, "X: "+written)
			if got := DecodeWords(unfold([]byte(written))); got != printable(strings.ToValidUTF8(text, "\uFFFD")) {
				t.Fatalf("%q is written as %q and read as %q", text, written, got)
			}
			name := CleanName(text)
			if name == "" {
				continue
			}
			checkName(t, name)
			_, params, _ := parseValue(unfold([]byte("attachment" + FormatParam("filename", name))))
			if params["filename"] != name {
				t.Fatalf("name %q is written as %q and read as %q", name, FormatParam("filename", name), params["filename"])
			}
			checkField(t, "Content-Disposition: attachment"+FormatParam("filename", name))
		}
	})
}

// checkField: a field that cannot end early nor hold another, in lines that mail carries.
func checkField(t *testing.T, field string) {
	for i, line := range strings.Split(field, "\r\n") {
		if strings.ContainsAny(line, "\r\n\x00") || i > 0 && !strings.HasPrefix(line, " ") || len(line) > maxLine || i > 0 && strings.TrimSpace(line) == "" {
			t.Fatalf("field %q", field)
		}
	}
}

// FuzzTNEF: whatever stands in a winmail.dat, opening it ends and gives places within it.
func FuzzTNEF(f *testing.F) {
	seed(f, "*.tnef")
	f.Fuzz(func(t *testing.T, b []byte) {
		head := "Content-Type: application/ms-tnef; name=winmail.dat\r\nContent-Transfer-Encoding: binary\r\n\r\n"
		src := append([]byte(head), b...)
		m, err := Read(bytes.NewReader(src), int64(len(src)), Limits{})
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range m.Root.Recovered() {
			checkName(t, p.Filename())
			if n := int64(len(decoded(t, p))); p.within.data == nil && n > p.within.size {
				t.Fatalf("%d bytes of %d", n, p.within.size)
			}
			if found := m.Find(p.Path); found == nil || found.within != p.within {
				t.Fatalf("%s is not found again (%d)", p.Path, i)
			}
		}
		checkSpliced(t, m)
	})
}

// FuzzHTML: safe HTML loads and runs nothing; text is made of any HTML.
func FuzzHTML(f *testing.F) {
	for _, s := range []string{
		`<p>a<script>x</script><img src="https://t/x.gif"><img src=cid:a alt=b><a href="javascript:x">c</a><a href="https://d">e</a>`,
		`<table><tr><td>a<td>b<tr><td>c</table><ul><li>x<ol><li>y</ul><blockquote>z<pre> 1
 2</pre>`, `<style>@import "x"</style><div style="background:url(x);color:red">`, `<!-- a`, `<svg><style><img src=x onerror=y>`, `</p></body></html>`,
		`<base href=x><meta http-equiv=refresh content="0;url=x"><form action=x><input></form><iframe src=x>`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		HTMLToText(s)
		checkSafe(t, SafeHTML(s, func(id string) string { return "/image/" + strings.Trim(id, "/") }))
		if at, ok := htmlPlaces([]byte(s)); ok && (at.begin < 0 || at.begin > at.end || at.end > len(s)) {
			t.Fatalf("places %+v of %d", at, len(s))
		}
	})
}

func checkSafe(t *testing.T, safe string) {
	z := html.NewTokenizer(strings.NewReader(safe))
	for {
		switch z.Next() {
		case html.ErrorToken:
			return
		case html.StartTagToken, html.SelfClosingTagToken:
			checkTag(t, z.Token(), safe)
		case html.CommentToken, html.DoctypeToken:
			t.Fatalf("comment in %q", safe)
		}
	}
}

func checkTag(t *testing.T, tag html.Token, safe string) {
	switch tag.Data {
	case "script", "style", "link", "meta", "base", "form", "input", "button", "iframe", "frame", "object", "embed", "svg", "math", "video", "audio", "source", "template":
		t.Fatalf("<%s> in %q", tag.Data, safe)
	}
	for _, a := range tag.Attr {
		v := strings.ToLower(strings.TrimSpace(a.Val))
		switch {
		case strings.HasPrefix(a.Key, "on"), a.Key == "srcset", a.Key == "background", a.Key == "action", a.Key == "poster":
			t.Fatalf("%s in %q", a.Key, safe)
		case a.Key == "style" && (strings.Contains(v, "url(") || strings.Contains(v, "expression") || strings.Contains(v, "@import") || strings.Contains(v, "position")):
			t.Fatalf("style %q in %q", a.Val, safe)
		case a.Key == "src" && !strings.HasPrefix(v, "/image/") && !strings.HasPrefix(v, "data:image/"):
			t.Fatalf("src %q in %q", a.Val, safe)
		case a.Key == "href" && !strings.HasPrefix(v, "http://") && !strings.HasPrefix(v, "https://") && !strings.HasPrefix(v, "mailto:") && !strings.HasPrefix(v, "tel:"):
			t.Fatalf("href %q in %q", a.Val, safe)
		}
	}
}

// FuzzRTF: Outlook's compressed RTF, whatever it holds.
func FuzzRTF(f *testing.F) {
	f.Add([]byte(`{\rtf1\ansi\ansicpg1252\fromhtml1 {\*\htmltag84 <b>}\htmlrtf {\b \htmlrtf0 caf\'e9 \u8364?{\*\htmltag92 </b>}}`), true)
	f.Add([]byte("-\x00\x00\x00+\x00\x00\x00LZFu\xf1\xc5\xc7\xa7\x03\x00\n\x00rcpg125B2\n\xf3 hel\t\x00 bw\x05\xb0ld}\n\x80\x0f\xa0"), false)
	f.Fuzz(func(t *testing.T, b []byte, open bool) {
		if !open {
			var err error
			if b, err = unpackRTF(b); err != nil {
				return
			}
		}
		if len(b) > rtfMax {
			t.Fatalf("%d bytes", len(b))
		}
		readRTF(b, codePage)
	})
}

// FuzzTransfer: every decoder takes any bytes, in pieces of any size, to the same end.
func FuzzTransfer(f *testing.F) {
	f.Add([]byte("SGVs bG8=\r\n-- \r\nfooter"), byte(1))
	f.Add([]byte("a=E9=\r\nb= \t\r\n=zz=3"), byte(2))
	f.Add([]byte("begin 644 x\n#0V%T\n`\nend\n"), byte(5))
	f.Fuzz(func(t *testing.T, b []byte, step byte) {
		for _, encoding := range []string{"base64", "quoted-printable", "uuencode", "7bit"} {
			whole, err := io.ReadAll(decoder(encoding, bytes.NewReader(b)))
			if err != nil {
				t.Fatal(err)
			}
			var pieces bytes.Buffer
			buf := make([]byte, int(step)%7+1)
			r := decoder(encoding, bytes.NewReader(b))
			for {
				n, err := r.Read(buf)
				pieces.Write(buf[:n])
				if err != nil {
					break
				}
			}
			if !bytes.Equal(whole, pieces.Bytes()) {
				t.Fatalf("%s: %q in one, %q in pieces", encoding, whole, pieces.Bytes())
			}
		}
	})
}
