package message

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"strings"
	"unicode"
	"unicode/utf8"
)

// wordDecoder serves net/mail, which wants the standard library's type; it holds no state.
var wordDecoder = mime.WordDecoder{CharsetReader: func(label string, input io.Reader) (io.Reader, error) {
	return charsetReader(label, input), nil
}}

// DecodeWords decodes the encoded words of a header value (RFC 2047), and those that mail clients
// write against its rules: within words, split inside a character, with spaces in them. What is not
// an encoded word stays; bytes that are not UTF-8 are read as windows-1252.
func DecodeWords(v string) string {
	if !strings.Contains(v, "=?") {
		return toUTF8(v)
	}
	var out strings.Builder
	var run []byte // decoded bytes of adjacent words of one charset: a character may be cut between them
	runCharset := ""
	flush := func() {
		if len(run) > 0 {
			out.WriteString(decodeCharset(runCharset, run))
			run = run[:0]
		}
	}
	ends := strings.LastIndex(v, "?=")
	if ends < 0 {
		return toUTF8(v)
	}
	v, rest := v[:ends+2], v[ends+2:] // no word ends after
	for v != "" {
		i := strings.Index(v, "=?")
		if i < 0 {
			break
		}
		charset, content, n := encodedWord(v[i:])
		gap := v[:i]
		if n == 0 {
			flush()
			out.WriteString(toUTF8(v[:i+2]))
			v = v[i+2:]
			continue
		}
		if strings.Trim(gap, " \t\r\n") != "" || gap != "" && len(run) == 0 {
			flush()
			out.WriteString(toUTF8(gap))
		}
		if !strings.EqualFold(charset, runCharset) {
			flush()
		}
		runCharset = charset
		run = append(run, content...)
		v = v[i+n:]
	}
	flush()
	out.WriteString(toUTF8(v + rest))
	return out.String()
}

// maxWord is the longest encoded word that is believed, in octets. RFC 2047 §2 allows 75; clients put whole subjects in one.
const maxWord = 4096

// encodedWord reads `=?charset?e?text?=` at the beginning of s; n is 0 when there is none.
func encodedWord(s string) (charset string, content []byte, n int) {
	charset, rest, ok := strings.Cut(s[2:min(len(s), maxWord)], "?") // no further: words that never end must not cost more than they weigh
	if !ok || len(charset) > 64 || strings.ContainsAny(charset, " \t") || len(rest) < 3 || rest[1] != '?' {
		return "", nil, 0
	}
	text, _, ok := strings.Cut(rest[2:], "?=")
	if !ok {
		return "", nil, 0
	}
	n = 2 + len(charset) + 1 + 2 + len(text) + 2
	charset, _, _ = strings.Cut(charset, "*") // RFC 2231 §5: a language may follow
	switch rest[0] {
	case 'b', 'B':
		content = decodeBase64String(text)
	case 'q', 'Q':
		content = decodeQ(text)
	default:
		return "", nil, 0
	}
	return charset, content, n
}

func decodeBase64String(text string) []byte {
	out, _ := io.ReadAll(newBase64(strings.NewReader(text)))
	return out
}

func decodeQ(text string) []byte {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '_':
			out = append(out, ' ')
		case c == '=' && i+2 < len(text) && isHex(text[i+1]) && isHex(text[i+2]):
			out = append(out, unhex(text[i+1])<<4|unhex(text[i+2]))
			i += 2
		default:
			out = append(out, c)
		}
	}
	return out
}

// printable replaces control characters by spaces and removes those that change the direction of
// writing, by which a name can be made to read as another.
func printable(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || isBidi(r) }) {
		return strings.TrimSpace(s)
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case isBidi(r):
			return -1
		case unicode.IsControl(r):
			return ' '
		}
		return r
	}, s)
	return strings.TrimSpace(s)
}

func isBidi(r rune) bool {
	return r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 || r == 0x200e || r == 0x200f || r == 0x061c
}

// EncodeWords writes text for a header field whose name and colon take `first` octets: as it is
// when ASCII that can be folded, else in encoded words (RFC 2047) of at most 75 octets, each whole
// in its characters; folded with CRLF SP so that no line passes 76 octets where a space allows it.
// Control characters become spaces: nothing can end the field.
func EncodeWords(text string, first int) string {
	text = printable(strings.ToValidUTF8(text, "\uFFFD"))
	if plainWords(text) {
		return fold(text, first)
	}
	return encodeWords(text, first)
}

// escapeQuoted escapes what a quoted string cannot hold as it is (RFC 5322 §3.2.4).
var escapeQuoted = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// EncodePhrase writes a display name (RFC 5322 §3.2.5) that stands `first` octets into its line: a
// quoted string when it is short ASCII, else encoded words. Empty stays empty.
func EncodePhrase(name string, first int) string {
	name = printable(strings.ToValidUTF8(name, "\uFFFD"))
	switch {
	case name == "":
		return ""
	case plainWords(name) && len(name) <= 60:
		return `"` + escapeQuoted.Replace(name) + `"`
	}
	return encodeWords(name, first)
}

// plainWords tells text that needs no encoding: printable ASCII, nothing like an encoded word, and
// neither a word nor a row of spaces too long to fold.
func plainWords(text string) bool {
	run := 0
	for i := range len(text) {
		c := text[i]
		if c < ' ' || c > '~' || c == '=' && i+1 < len(text) && text[i+1] == '?' {
			return false
		}
		if run++; i > 0 && (c == ' ') != (text[i-1] == ' ') {
			run = 1
		}
		if run > 70 {
			return false
		}
	}
	return true
}

func fold(text string, first int) string {
	if first+len(text) <= 76 {
		return text
	}
	var out strings.Builder
	width := first
	for text != "" {
		n := len(text)
		if i := strings.IndexByte(text[1:], ' '); i >= 0 {
			n = i + 1
		}
		if width+n > 76 && text[0] == ' ' && strings.Trim(text, " ") != "" && n > 1 {
			out.WriteString("\r\n")
			width = 0
		}
		out.WriteString(text[:n])
		width += n
		text = text[n:]
	}
	return out.String()
}

func encodeWords(text string, first int) string {
	const head, tail = "=?utf-8?", "?="
	useB := costQ(text) > base64.StdEncoding.EncodedLen(len(text))
	var out strings.Builder
	room := max(75-first, 24) // of the first word
	for text != "" {
		n := wordLength(text, room-len(head)-2-len(tail), useB)
		out.WriteString(head)
		if useB {
			out.WriteString("b?" + base64.StdEncoding.EncodeToString([]byte(text[:n])))
		} else {
			out.WriteString("q?")
			writeQ(&out, text[:n])
		}
		out.WriteString(tail)
		if text = text[n:]; text != "" {
			out.WriteString("\r\n ")
		}
		room = 75
	}
	return out.String()
}

// wordLength is how many bytes of text, whole characters, fit into room octets once encoded; at
// least one character.
func wordLength(text string, room int, useB bool) int {
	n, cost := 0, 0
	for n < len(text) {
		_, size := utf8.DecodeRuneInString(text[n:])
		if useB {
			cost = base64.StdEncoding.EncodedLen(n + size)
		} else {
			cost += costQ(text[n : n+size])
		}
		if cost > room && n > 0 {
			break
		}
		n += size
	}
	return n
}

// costQ is the length of text in Q encoding, with the characters that RFC 2047 §5 (3) lets stand
// in a phrase.
func costQ(text string) int {
	n := 0
	for i := 0; i < len(text); i++ {
		if qPlain(text[i]) || text[i] == ' ' {
			n++
		} else {
			n += 3
		}
	}
	return n
}

func qPlain(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || bytes.IndexByte([]byte("!*+-/"), c) >= 0
}

func writeQ(out *strings.Builder, text string) {
	const hex = "0123456789ABCDEF"
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == ' ':
			out.WriteByte('_')
		case qPlain(c):
			out.WriteByte(c)
		default:
			out.WriteByte('=')
			out.WriteByte(hex[c>>4])
			out.WriteByte(hex[c&15])
		}
	}
}
