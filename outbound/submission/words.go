package submission

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/emersion/go-smtp"
	"golang.org/x/text/unicode/norm"

	"vaguemestre/gateway"
	"vaguemestre/gateway/catalog"
)

// words turns failures into replies: the only place that speaks SMTP codes for them.
type words struct{ language string }

// maxReply is the longest text on a line of a reply: with the codes and CR LF, 512 octets (RFC 5321 §4.5.3.1.5).
const maxReply = 480

// reply is the bare *smtp.SMTPError of a failure; any other kind of error would be sent as it is,
// or as a 554 for good. The sentence is UTF-8 only for a client that used SMTPUTF8 (RFC 6531
// §3.7.4.2). The cause is never in it.
func (w words) reply(err error, accents bool) *smtp.SMTPError {
	f := gateway.FaultOf(err)
	code, enhanced := f.Code, f.Enhanced
	switch {
	case f.Class == gateway.Permanent && code/100 == 5:
	case f.Class == gateway.Permanent:
		code, enhanced = 550, [3]int{5, 7, 0}
	case f.Class == gateway.Temporary && code/100 == 4:
	default:
		code, enhanced = 451, [3]int{4, 3, 0}
	}
	if enhanced[0] != code/100 {
		enhanced = [3]int{code / 100, 0, 0}
	}
	key := f.Key
	if key == "" || !catalog.Has(key) {
		key = "internal"
	}
	return w.error(code, enhanced, catalog.Text(w.language, key, f.Args), accents)
}

// error is a reply with its text cut into lines; all but the last bear the enhanced code here,
// the last one gets it from the library (RFC 2034 §4).
func (w words) error(code int, enhanced [3]int, text string, accents bool) *smtp.SMTPError {
	text = strings.Join(strings.Fields(strings.Map(plain, text)), " ")
	if !accents {
		text = ascii(text)
	}
	lines := wrap(text, maxReply)
	e := smtp.EnhancedCode(enhanced)
	for i := range lines[:len(lines)-1] {
		lines[i] = enhancedText(e) + " " + lines[i]
	}
	return &smtp.SMTPError{Code: code, EnhancedCode: e, Message: strings.Join(lines, "\n")}
}

func enhancedText(e smtp.EnhancedCode) string {
	var b strings.Builder
	for i, n := range e {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(strconv.Itoa(n))
	}
	return b.String()
}

// plain makes a space of whatever would end a line or move a cursor: sentences quote what agents write.
func plain(r rune) rune {
	if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' || r == unicode.ReplacementChar {
		return ' '
	}
	return r
}

// wrap cuts text into lines of at most width octets, at spaces where there are.
func wrap(text string, width int) []string {
	var lines []string
	for len(text) > width {
		cut := strings.LastIndexByte(text[:width+1], ' ')
		if cut <= 0 {
			for cut = width; cut > 1 && !startsRune(text[cut]); cut-- {
			}
		}
		lines = append(lines, text[:cut])
		text = strings.TrimLeft(text[cut:], " ")
	}
	return append(lines, text)
}

func startsRune(c byte) bool { return c&0xC0 != 0x80 }

var folds = strings.NewReplacer(
	"«\u00a0", `"`, "« ", `"`, "«\u202f", `"`, "\u00a0»", `"`, " »", `"`, "\u202f»", `"`, "«", `"`, "»", `"`, "“", `"`, "”", `"`,
	"’", "'", "‘", "'", "–", "-", "—", "-", "…", "...", "œ", "oe", "Œ", "OE", "æ", "ae", "Æ", "AE", "€", "EUR", "\u00a0", " ", "\u202f", " ", "°", "o",
)

// ascii writes a French sentence for a client that may not be sent UTF-8.
func ascii(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf }) {
		return text
	}
	var b strings.Builder
	for _, r := range norm.NFD.String(folds.Replace(text)) {
		switch {
		case unicode.Is(unicode.Mn, r):
		case r < 0x80:
			b.WriteRune(r)
		default:
			b.WriteByte('?')
		}
	}
	return b.String()
}
