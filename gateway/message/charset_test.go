package message

import (
	"strings"
	"testing"
	"unicode/utf16"

	"golang.org/x/net/html"
)

func wide(text string, big, mark bool) []byte {
	units := utf16.Encode([]rune(text))
	if mark {
		units = append([]uint16{0xfeff}, units...)
	}
	var b []byte
	for _, u := range units {
		if big {
			b = append(b, byte(u>>8), byte(u))
		} else {
			b = append(b, byte(u), byte(u>>8))
		}
	}
	return b
}

// TestTheByteOrderMarkDecides: a text of two octets a character is read by its mark, whatever its name; the mark is no part of it.
func TestTheByteOrderMarkDecides(t *testing.T) {
	const said = "Réponse à 12 €, 𠮷\r\n"
	for name, raw := range map[string][]byte{
		"utf-16 big": wide(said, true, true), "utf-16 little": wide(said, false, true), "utf-16 unmarked": wide(said, false, false), "utf-16le marked": wide(said, false, true),
		"utf-16be unmarked": wide(said, true, false), "utf-16-le unmarked": wide(said, false, false), "utf-16-be unmarked": wide(said, true, false), "iso-10646-ucs-2 big": wide(said, true, true),
		"utf-32 little": append([]byte{0xff, 0xfe, 0, 0}, fourOctets(said)...), "utf-32le unmarked": fourOctets(said),
	} {
		label, _, _ := strings.Cut(name, " ")
		for kind, mediaType := range map[string]string{"text": "text/plain", "HTML": "text/html"} {
			m := open(t, append([]byte("Content-Type: "+mediaType+"; charset="+label+"\r\nContent-Transfer-Encoding: binary\r\n\r\n"), raw...))
			after := spliced(t, m, words)
			shown := after.Text()
			if kind == "HTML" {
				shown = after.HTML()
			}
			if got := text(t, shown); shown != after.Root || !strings.HasPrefix(got, strings.TrimSpace(said)) || !strings.Contains(got, "Mot après l'autre") {
				t.Errorf("%s, %s: %q", name, kind, got)
			}
		}
	}
}

func fourOctets(text string) (b []byte) {
	for _, r := range text {
		b = append(b, byte(r), byte(r>>8), byte(r>>16), 0)
	}
	return b
}

// TestOnlyWhatIsUTF7IsReadAsUTF7: what merely claims to be keeps its octets, the words beside it, and no word of it is lost to who reads it.
func TestOnlyWhatIsUTF7IsReadAsUTF7(t *testing.T) {
	for body, exact := range map[string]bool{
		"+AOk-crit": true, "1 +- 1 +AGEAYg": true, "+2EDeNg-": true, "Hi Mom -+Jjo--!": true,
		"C++ et R+D": false, "a + b": false, "\xe9crit +AOk-": false, "+2EA-": false, "+3jY-": false, "+AOn-": false, "fin +": false, "+2EAAYQ-": false,
	} {
		m := open(t, []byte("Content-Type: text/plain; charset=utf-7\r\n\r\n"+body+"\r\n"))
		after := spliced(t, m, words)
		if after.Text().Charset() == "utf-8" != exact {
			t.Errorf("%q: exact %v expected: %q", body, exact, text(t, after.Text()))
		}
		if got := text(t, m.Text()); !exact && got != toUTF8(body) {
			t.Errorf("%q is read as %q", body, got)
		}
		if got := string(decoded(t, after.Root.firstLeaf())); !exact && got != body+"\r\n" && got != body {
			t.Errorf("%q became %q", body, got)
		}
	}
}

func (p *Part) firstLeaf() *Part {
	for len(p.Children) > 0 {
		p = p.Children[0]
	}
	return p
}

// TestCharsetsUnderTheNamesThatProgramsGiveThem: what an agent's program calls its charset is understood, and the words go into the text.
func TestCharsetsUnderTheNamesThatProgramsGiveThem(t *testing.T) {
	for label, c := range map[string]struct{ raw, said string }{
		"hz": {"~{VPND~} ok", "中文 ok"}, "cp932": {"\x93\xfc\x8eD", "入札"}, "ms949": {"\xc0\xd4\xc2\xfb", "입찰"}, "cp950": {"\xa9\xdb\xbc\xd0", "招標"}, "latin-1": {"\xe9crit", "écrit"},
		"latin9": {"12 \xa4", "12 €"}, "mac-roman": {"\x8ecrit", "écrit"}, "ibm-850": {"\x82crit", "écrit"}, "utf_8": {"écrit", "écrit"}, "cp65001": {"écrit", "écrit"}, "win-1251": {"\xcf", "П"},
	} {
		for _, mediaType := range []string{"text/plain", "text/html"} {
			m := open(t, []byte("Content-Type: "+mediaType+"; charset="+label+"\r\n\r\n"+c.raw+"\r\n"))
			after := spliced(t, m, words)
			if got := text(t, after.Root); !strings.HasPrefix(got, c.said) || !strings.Contains(html.UnescapeString(got), "Mot après l'autre") {
				t.Errorf("%s, %s: %q", label, mediaType, got)
			}
		}
	}
}

func TestCodePages(t *testing.T) {
	for n, want := range map[uint32]string{
		1252: "é", 1251: "й", 28591: "é", 28605: "é", 437: "Θ", 850: "Ú", 65001: "\u00e9", 20866: "И", 10000: "È", 874: "้",
	} {
		raw := []byte{0xe9}
		if n == 65001 {
			raw = []byte("é")
		}
		if got := decodeCharset(codePage(n), raw); got != want {
			t.Errorf("%d (%s): %q, want %q", n, codePage(n), got, want)
		}
	}
	for n, b := range map[uint32]string{932: "\x93\x8e", 936: "\xce\xc4", 949: "\xb9\xae", 950: "\xa4\xe5", 50220: "\x1b$BJ8"} {
		if _, known := encodingOf(codePage(n)); !known || strings.ContainsAny(decodeCharset(codePage(n), []byte(b)), "\uFFFD") {
			t.Errorf("%d (%s): %q", n, codePage(n), decodeCharset(codePage(n), []byte(b)))
		}
	}
}
