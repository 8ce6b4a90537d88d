package classify

import (
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of what is read of one mail. What lies beyond changes no decision; the raw mail is kept.
const (
	maxText       = 64 << 10 // of the text a person reads first
	maxFields     = 256 << 10
	maxRecipients = 500
	maxDiagnostic = 2 << 10
)

// block is a run of header-like fields, in their order.
type block []field

type field struct{ name, value string } // name in lower case, value unfolded and trimmed

// get is the first value of a field, or "".
func (b block) get(name string) string {
	for _, f := range b {
		if f.name == name {
			return f.value
		}
	}
	return ""
}

// all are the values of a field.
func (b block) all(name string) []string {
	var found []string
	for _, f := range b {
		if f.name == name {
			found = append(found, f.value)
		}
	}
	return found
}

func (b block) has(name string) bool {
	for _, f := range b {
		if f.name == name {
			return true
		}
	}
	return false
}

// parseBlocks reads the groups of fields of a message/delivery-status body (RFC 3464 §2.1). It
// forgives what real reporters write: spaces before the colon, several blank
// lines or none, stray lines, any line end.
func parseBlocks(text string) []block {
	if len(text) > maxFields {
		text = text[:maxFields]
	}
	var blocks []block
	var current block
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n \t")
		switch {
		case line == "":
			if len(current) > 0 {
				blocks = append(blocks, current)
				current = nil
			}
		case line[0] == ' ' || line[0] == '\t':
			if n := len(current); n > 0 {
				if rest := strings.TrimSpace(line); rest != "" {
					current[n-1].value = strings.TrimLeft(current[n-1].value+" "+rest, " ")
				}
				continue
			}
			current = appendField(current, strings.TrimSpace(line)) // an indented report
		default:
			current = appendField(current, line)
		}
	}
	if len(current) > 0 {
		blocks = append(blocks, current)
	}
	return blocks
}

func appendField(b block, line string) block {
	name, value, ok := strings.Cut(line, ":")
	name = strings.TrimRight(name, " \t")
	if !ok || !fieldName(name) {
		return b
	}
	return append(b, field{strings.ToLower(name), strings.TrimSpace(value)})
}

// fieldName tells a name of RFC 5322 §3.6.8, at most 70 octets.
func fieldName(s string) bool {
	if s == "" || len(s) > 70 {
		return false
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' || s[i] == ':' {
			return false
		}
	}
	return true
}

// recipientFields are the fields that only a group about a recipient has (RFC 3464 §2.3).
var recipientFields = map[string]bool{
	"final-recipient": true, "original-recipient": true, "action": true, "status": true,
	"diagnostic-code": true, "remote-mta": true, "last-attempt-date": true, "will-retry-until": true,
	"final-log-id": true, "x-actual-recipient": true, "x-supplementary-info": true, "x-display-name": true,
}

// splitReport separates what concerns the message from the groups that concern one
// recipient each, by the names of the fields rather than by the blank lines, which real
// reports forget or add.
func splitReport(blocks []block) (message block, recipients []block) {
	var current block
	flush := func() {
		if len(current) > 0 && len(recipients) < maxRecipients {
			recipients = append(recipients, current)
		}
		current = nil
	}
	for _, b := range blocks {
		named := b.has("final-recipient") || b.has("original-recipient")
		if named && (current.has("final-recipient") || current.has("original-recipient")) {
			flush()
		}
		for _, f := range b {
			if !recipientFields[f.name] {
				if len(current) > 0 {
					current = append(current, f)
				} else {
					message = append(message, f)
				}
				continue
			}
			if startsAnother(current, f.name) {
				flush()
			}
			current = append(current, f)
		}
	}
	flush()
	return message, recipients
}

// startsAnother tells a field that cannot belong to the group any more.
func startsAnother(current block, name string) bool {
	switch name {
	case "final-recipient", "action", "status", "original-recipient":
		return current.has(name)
	}
	return false
}

// typed splits "rfc822; someone@example.org" into its type and the rest.
func typed(value string) (kind, rest string) {
	before, after, ok := strings.Cut(value, ";")
	if !ok || strings.ContainsAny(before, "@<>\" ") && !strings.HasSuffix(before, " ") {
		return "", strings.TrimSpace(value)
	}
	return strings.ToLower(strings.TrimSpace(before)), strings.TrimSpace(after)
}

// addressField is the address of a recipient field, bare. RFC 6533 §3 writes
// addresses of type utf-8 with \x{…} where ASCII alone may stand.
func addressField(value string) string {
	kind, rest := typed(value)
	if kind == "utf-8" {
		rest = unescapeUTF8(rest)
	}
	return bareAddress(rest)
}

var utf8Escape = regexp.MustCompile(`\\x\{([0-9A-Fa-f]{2,6})\}`)

func unescapeUTF8(s string) string {
	return utf8Escape.ReplaceAllStringFunc(s, func(m string) string {
		n, err := strconv.ParseUint(m[3:len(m)-1], 16, 32)
		if err != nil || !utf8.ValidRune(rune(n)) || n < ' ' {
			return m
		}
		return string(rune(n))
	})
}

// bareAddress takes the brackets, quotes and comments from around an address.
func bareAddress(s string) string {
	s = strings.TrimSpace(s)
	if open := strings.LastIndexByte(s, '<'); open >= 0 {
		if end := strings.IndexByte(s[open:], '>'); end > 1 {
			s = s[open+1 : open+end]
		}
	}
	if i := strings.IndexByte(s, '('); i > 0 {
		s = s[:i]
	}
	s = strings.TrimSpace(s)
	for len(s) > 1 && (s[0] == '"' && s[len(s)-1] == '"' || s[0] == '\'' && s[len(s)-1] == '\'') {
		s = s[1 : len(s)-1]
	}
	s = strings.TrimPrefix(strings.TrimPrefix(s, "mailto:"), "SMTP:")
	return strings.Trim(strings.TrimSpace(s), "<>,;")
}

// mtaName is the name in an MTA field ("dns; mx.example.org (192.0.2.1)").
func mtaName(value string) string {
	_, rest := typed(value)
	if i := strings.IndexByte(rest, '('); i > 0 {
		rest = rest[:i]
	}
	return Clip(strings.Trim(strings.TrimSpace(rest), "<>"), 255)
}

// dateLayouts are RFC 5322 dates with the habits of old mailers.
var dateLayouts = []string{
	"Mon, 2 Jan 2006 15:04:05 -0700", "2 Jan 2006 15:04:05 -0700", "Mon, 2 Jan 2006 15:04:05 MST",
	"2 Jan 2006 15:04:05 MST", "Mon, 2 Jan 2006 15:04 -0700", time.RFC3339,
}

// parseDate reads a date field; zero when it cannot be read.
func parseDate(value string) time.Time {
	if i := strings.IndexByte(value, '('); i > 0 {
		value = value[:i]
	}
	value = strings.Join(strings.Fields(value), " ")
	for _, layout := range dateLayouts {
		if t, err := time.Parse(layout, value); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// Clip bounds a text without cutting a rune.
func Clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
