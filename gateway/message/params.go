package message

import (
	"sort"
	"strconv"
	"strings"
)

// parseValue reads a Content-Type or Content-Disposition value: the word before the parameters in
// lower case, and the parameters by lower-case name, continuations and charsets undone (RFC 2231),
// encoded words too, which clients put there against RFC 2047 §5. clean is false when something
// had to be guessed or passed over.
func parseValue(v string) (word string, params map[string]string, clean bool) {
	s := &paramScanner{text: v, clean: true}
	word = strings.ToLower(s.word())
	var raw []param
	for len(raw) < 100 {
		p, ok := s.next()
		if !ok {
			break
		}
		raw = append(raw, p)
	}
	return word, assemble(raw, &s.clean), s.clean
}

type param struct {
	name, value string
	quoted      bool
}

type paramScanner struct {
	text  string
	clean bool
}

// skip passes over white space and comments (RFC 5322 §3.2.2).
func (s *paramScanner) skip() {
	for {
		s.text = strings.TrimLeft(s.text, " \t")
		if !strings.HasPrefix(s.text, "(") {
			return
		}
		depth, i := 0, 0
		for ; i < len(s.text); i++ {
			switch s.text[i] {
			case '\\':
				i++
			case '(':
				depth++
			case ')':
				depth--
			}
			if depth == 0 {
				break
			}
		}
		if i >= len(s.text) {
			s.clean = false
		}
		s.text = s.text[min(i+1, len(s.text)):]
	}
}

// word reads up to the first semicolon.
func (s *paramScanner) word() string {
	s.skip()
	i := strings.IndexAny(s.text, ";(")
	if i < 0 {
		i = len(s.text)
	}
	w := strings.TrimSpace(s.text[:i])
	s.text = s.text[i:]
	s.skip()
	if j := strings.IndexAny(w, " \t\"="); j >= 0 { // a lost semicolon
		s.clean = false
		if w[j] == '=' {
			s.text, w = ";"+w+s.text, ""
		} else {
			s.text, w = ";"+w[j+1:]+s.text, w[:j]
		}
	}
	return strings.ReplaceAll(w, " ", "")
}

func (s *paramScanner) next() (param, bool) {
	for {
		s.skip()
		s.text = strings.TrimLeft(s.text, "; \t")
		s.skip()
		if s.text == "" {
			return param{}, false
		}
		i := strings.IndexAny(s.text, "=;")
		if i < 0 {
			s.clean = false
			return param{}, false
		}
		if s.text[i] == ';' {
			s.clean = false
			s.text = s.text[i:]
			continue
		}
		name := strings.ToLower(strings.TrimSpace(s.text[:i]))
		s.text = s.text[i+1:]
		s.skip()
		value, quoted := s.value()
		if name == "" || strings.ContainsAny(name, " \t\"") {
			s.clean = false
			continue
		}
		return param{name, value, quoted}, true
	}
}

// value reads a token or a quoted string. A quote that never closes takes all that is left.
func (s *paramScanner) value() (v string, quoted bool) {
	if !strings.HasPrefix(s.text, `"`) {
		i := strings.IndexByte(s.text, ';')
		if i < 0 {
			i = len(s.text)
		}
		v = strings.TrimSpace(s.text[:i])
		s.text = s.text[i:]
		if j := strings.IndexByte(v, '('); j > 0 && (v[j-1] == ' ' || v[j-1] == '\t') && strings.HasSuffix(v, ")") {
			v = strings.TrimSpace(v[:j])
		}
		if v == "" || strings.ContainsAny(v, " \t()<>@,:\\\"/[]?=") {
			s.clean = false
		}
		return v, false
	}
	var out strings.Builder
	i := 1
	for ; i < len(s.text) && s.text[i] != '"'; i++ {
		// A backslash quotes only what needs it: Windows paths are written unquoted.
		if s.text[i] == '\\' && i+1 < len(s.text) && (s.text[i+1] == '"' || s.text[i+1] == '\\') {
			i++
		}
		out.WriteByte(s.text[i])
	}
	if i >= len(s.text) {
		s.clean = false
	}
	s.text = s.text[min(i+1, len(s.text)):]
	return out.String(), true
}

// piece is one continuation of a long value.
type piece struct {
	n       int
	value   string
	encoded bool
}

// assemble joins the continuations and decodes. The first of several equal names counts.
func assemble(raw []param, clean *bool) map[string]string {
	params := make(map[string]string, len(raw))
	var long map[string][]piece
	for _, p := range raw {
		base, rest, star := strings.Cut(p.name, "*")
		if !star {
			if _, twice := params[base]; twice {
				*clean = false
				continue
			}
			params[base] = decodeParam(base, p.value)
			continue
		}
		number, encoded := strings.CutSuffix(rest, "*")
		if rest == "" {
			number, encoded = "0", true
		}
		n, err := strconv.Atoi(number)
		if err != nil || n < 0 {
			*clean = false
			continue
		}
		if long == nil {
			long = map[string][]piece{}
		}
		long[base] = append(long[base], piece{n, p.value, encoded})
	}
	for base, pieces := range long {
		value, whole := join(pieces)
		*clean = *clean && whole
		params[base] = value // RFC 6266 §4.3 and every client: the extended form wins
	}
	return params
}

// join is a long value out of its pieces; whole is false when some are missing.
func join(pieces []piece) (value string, whole bool) {
	sort.SliceStable(pieces, func(i, j int) bool { return pieces[i].n < pieces[j].n })
	charset, bytes, whole := "", []byte(nil), true
	for i, p := range pieces {
		if i > 0 && p.n != pieces[i-1].n+1 {
			whole = false
			break
		}
		v := p.value
		if i == 0 && p.encoded {
			if a := strings.SplitN(v, "'", 3); len(a) == 3 {
				charset, v = a[0], a[2]
			}
		}
		if p.encoded {
			bytes = append(bytes, unpercent(v)...)
		} else {
			bytes = append(bytes, v...)
		}
	}
	value = decodeCharset(charset, bytes)
	if charset == "" {
		value = DecodeWords(value)
	}
	return value, whole
}

func decodeParam(name, v string) string {
	switch name {
	case "boundary", "charset":
		return v
	}
	return DecodeWords(v)
}

func unpercent(v string) []byte {
	out := make([]byte, 0, len(v))
	for i := 0; i < len(v); i++ {
		if v[i] == '%' && i+2 < len(v) && isHex(v[i+1]) && isHex(v[i+2]) {
			out = append(out, unhex(v[i+1])<<4|unhex(v[i+2]))
			i += 2
			continue
		}
		out = append(out, v[i])
	}
	return out
}

// FormatParam writes `; name=value` for a Content-* field: a token or a quoted string when ASCII,
// else in pieces of UTF-8 (RFC 2231), each on a line of its own so that none is long.
func FormatParam(name, value string) string {
	value = printable(strings.ToValidUTF8(value, "\uFFFD"))
	if isASCII(value) && len(value) <= 60 {
		if value != "" && !strings.ContainsAny(value, " \t()<>@,;:\\\"/[]?='*%") {
			return ";\r\n " + name + "=" + value
		}
		quoted := escapeQuoted.Replace(value)
		return ";\r\n " + name + `="` + quoted + `"`
	}
	var out strings.Builder
	encoded := percent(value)
	if len(encoded) <= 60 {
		return ";\r\n " + name + "*=utf-8''" + encoded
	}
	for i := 0; encoded != ""; i++ {
		n := min(50, len(encoded))
		for n < len(encoded) && n > 0 && (encoded[n-1] == '%' || n > 1 && encoded[n-2] == '%') {
			n--
		}
		prefix := ""
		if i == 0 {
			prefix = "utf-8''"
		}
		out.WriteString(";\r\n " + name + "*" + strconv.Itoa(i) + "*=" + prefix + encoded[:n])
		encoded = encoded[n:]
	}
	return out.String()
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// percent encodes all but RFC 2231's attribute characters.
func percent(v string) string {
	const hex = "0123456789ABCDEF"
	var out strings.Builder
	for i := range len(v) {
		c := v[i]
		if c > ' ' && c < 0x7f && !strings.ContainsRune("()<>@,;:\\\"/[]?='*%", rune(c)) {
			out.WriteByte(c)
			continue
		}
		out.WriteByte('%')
		out.WriteByte(hex[c>>4])
		out.WriteByte(hex[c&15])
	}
	return out.String()
}
