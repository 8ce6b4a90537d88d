package kit

import (
	"strings"
	"unicode/utf8"
)

// MaxMailto bounds a link, in characters: what every client and system takes whole.
const MaxMailto = 2000

// Mailto writes a link (RFC 6068 §2). A body that does not fit is cut after a word, ends with the model's notice, and short is true;
// the subject goes next, then there is the address alone.
func Mailto(m Model) (link string, short bool) {
	base := "mailto:" + encode(m.To, "@") + "?subject=" + encode(oneLine(m.Subject), "")
	if len(base) > MaxMailto {
		return "mailto:" + encode(m.To, "@"), true
	}
	if m.Body == "" {
		return base, false
	}
	base += "&body="
	if body := encode(lines(m.Body), ""); len(base)+len(body) <= MaxMailto {
		return base + body, false
	}
	notice := encode(lines("\n\n"+m.Cut), "")
	room := MaxMailto - len(base) - len(notice)
	if room < 0 {
		return strings.TrimSuffix(base, "&body="), true
	}
	return base + encode(lines(fitting(m.Body, room)), "") + notice, true
}

// fitting is the longest beginning of a text, ending at a word, that takes so many characters once encoded.
func fitting(text string, room int) string {
	size, end, word := 0, 0, 0
	for i, r := range text {
		if r == ' ' || r == '\n' {
			word = i
		}
		n := utf8.RuneLen(r)
		if n < 0 {
			n = 3 // written as U+FFFD
		}
		size += 3 * n // at most
		if r == '\n' {
			size += 3
		} else if n == 1 && plain(byte(r), "") {
			size -= 2
		}
		if size > room {
			end = word
			break
		}
		end = i + utf8.RuneLen(max(r, 0))
	}
	return strings.TrimRight(strings.ToValidUTF8(text[:min(end, len(text))], "\uFFFD"), " \r\n")
}

// oneLine keeps a subject on one line: no field can be added after it.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

// lines ends lines with CR LF (RFC 6068 §5).
func lines(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	s = strings.ReplaceAll(s, "\r", "\n")
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\n", "\r\n")
}

// encode percent-encodes all but the unreserved characters (RFC 3986 §2.3) and those to keep. A plus sign is encoded too:
// some clients read it as a space.
func encode(s, keep string) string {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if plain(c, keep) {
			b.WriteByte(c)
			continue
		}
		b.WriteString("%" + string(digits[c>>4]) + string(digits[c&15]))
	}
	return b.String()
}

func plain(c byte, keep string) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-._~"+keep, c) >= 0
}
