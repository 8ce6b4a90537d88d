package message

import (
	"bytes"
	"net/mail"
	"strings"
)

// Field is one header field as it stands in the source.
type Field struct {
	Name string // as written, without the space that may stand before its colon
	raw  []byte // name, colon, value and line ends
	body int    // where the value begins
}

// Raw is the whole field with its line ends, byte for byte. Not to be changed.
func (f Field) Raw() []byte { return f.raw }

// Value is the value unfolded (RFC 5322 §2.2.3), its bytes otherwise untouched.
func (f Field) Value() string { return unfold(f.raw[f.body:]) }

// Is compares the name without case.
func (f Field) Is(name string) bool { return strings.EqualFold(f.Name, name) }

// Header is the fields of a message or part, in order.
type Header struct {
	fields []Field
	raw    []byte
}

// Fields gives every field, in order. Not to be changed.
func (h Header) Fields() []Field { return h.fields }

// Raw is the header as it stands in the source, without the blank line. Not to be changed.
func (h Header) Raw() []byte { return h.raw }

// Has tells whether a field is there.
func (h Header) Has(name string) bool {
	for _, f := range h.fields {
		if f.Is(name) {
			return true
		}
	}
	return false
}

// Get is the first such field's value, unfolded; empty when there is none.
func (h Header) Get(name string) string {
	for _, f := range h.fields {
		if f.Is(name) {
			return f.Value()
		}
	}
	return ""
}

// Values gives the values of all such fields, unfolded, in order.
func (h Header) Values(name string) []string {
	var all []string
	for _, f := range h.fields {
		if f.Is(name) {
			all = append(all, f.Value())
		}
	}
	return all
}

// Text is the first such field's value for people: encoded words decoded (RFC 2047), raw bytes
// read as UTF-8 or windows-1252, no control character.
func (h Header) Text(name string) string { return printable(DecodeWords(h.Get(name))) }

// Addresses gives the mailboxes of all such fields, groups opened, names decoded, as far as they
// can be read; what cannot be read as an address is left out.
func (h Header) Addresses(name string) []*mail.Address {
	var all []*mail.Address
	for _, v := range h.Values(name) {
		all = append(all, parseAddresses(v)...)
	}
	return all
}

// ParseHeader reads a block of header fields held in memory, as the header of a report's part is;
// rest is what follows the blank line. Lines that are no field are left out.
func ParseHeader(block []byte) (h Header, rest []byte) {
	end := len(block)
	rest = nil
	for at := 0; at < len(block); {
		next := lineAfter(block, at)
		if len(trimEOL(block[at:next])) == 0 {
			end, rest = at, block[next:]
			break
		}
		at = next
	}
	h, _ = parseFields(block[:end])
	return h, rest
}

// parseFields cuts a header into fields. Lines that belong to no field are given back apart.
func parseFields(raw []byte) (h Header, junk int) {
	h.raw = raw
	h.fields = make([]Field, 0, 1+bytes.Count(raw, []byte{'\n'})/2)
	for at := 0; at < len(raw); {
		end := lineAfter(raw, at)
		name, body := fieldName(raw[at:end])
		if name == "" {
			junk++
			at = end
			continue
		}
		for end < len(raw) && isWSP(raw[end]) {
			end = lineAfter(raw, end)
		}
		h.fields = append(h.fields, Field{Name: name, raw: raw[at:end:end], body: body})
		at = end
	}
	return h, junk
}

func lineAfter(b []byte, at int) int {
	if i := bytes.IndexByte(b[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(b)
}

func trimEOL(b []byte) []byte {
	b = bytes.TrimSuffix(b, []byte{'\n'})
	return bytes.TrimSuffix(b, []byte{'\r'})
}

func isWSP(c byte) bool { return c == ' ' || c == '\t' }

// fieldName reads the name of a field's first line: printable ASCII up to a colon (RFC 5322
// §2.2), the obsolete space before the colon allowed (§4.5.8). Empty: not a field.
func fieldName(line []byte) (name string, body int) {
	colon := bytes.IndexByte(line, ':')
	if colon < 1 {
		return "", 0
	}
	word := bytes.TrimRight(line[:colon], " \t")
	if len(word) == 0 {
		return "", 0
	}
	for _, c := range word {
		if c <= ' ' || c > '~' {
			return "", 0
		}
	}
	return intern(word), colon + 1
}

// intern spares an allocation for the names that nearly every mail has.
func intern(word []byte) string {
	switch string(word) {
	case "From":
		return "From"
	case "To":
		return "To"
	case "Subject":
		return "Subject"
	case "Date":
		return "Date"
	case "Received":
		return "Received"
	case "Message-ID":
		return "Message-ID"
	case "MIME-Version":
		return "MIME-Version"
	case "Content-Type":
		return "Content-Type"
	case "Content-Transfer-Encoding":
		return "Content-Transfer-Encoding"
	case "Content-Disposition":
		return "Content-Disposition"
	}
	return string(word)
}

// unfold removes the line ends of a field's value, and the white space around it.
func unfold(value []byte) string {
	value = bytes.Trim(value, " \t\r\n")
	if bytes.IndexByte(value, '\n') < 0 && bytes.IndexByte(value, '\r') < 0 {
		return string(value)
	}
	out := make([]byte, 0, len(value))
	for i, c := range value {
		switch {
		case c == '\n':
		case c == '\r' && (i+1 == len(value) || value[i+1] == '\n'):
		case c == '\r':
			out = append(out, ' ')
		default:
			out = append(out, c)
		}
	}
	return string(out)
}

// parseAddresses reads a list of addresses; one that is broken does not lose the others.
func parseAddresses(v string) []*mail.Address {
	p := mail.AddressParser{WordDecoder: &wordDecoder}
	if list, err := p.ParseList(v); err == nil {
		return list
	}
	var all []*mail.Address
	for _, piece := range splitAddresses(v) {
		if a, err := p.Parse(piece); err == nil {
			all = append(all, a)
		} else if a := bareAddress(piece); a != nil {
			all = append(all, a)
		}
	}
	return all
}

// splitAddresses cuts at the commas and semicolons that stand outside quotes, comments and angle brackets.
func splitAddresses(v string) []string {
	var all []string
	quoted, depth, angle, from := false, 0, false, 0
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case c == '\\':
			i++
		case c == '"' && depth == 0:
			quoted = !quoted
		case quoted:
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case c == '<':
			angle = true
		case c == '>':
			angle = false
		case (c == ',' || c == ';') && depth == 0 && !angle:
			all = append(all, v[from:i])
			from = i + 1
		}
	}
	return append(all, v[from:])
}

// bareAddress finds the one thing like an address in a piece of a broken list.
func bareAddress(piece string) *mail.Address {
	name := ""
	if i := strings.LastIndexByte(piece, '<'); i >= 0 {
		name = strings.Trim(piece[:i], " \t\"'")
		piece, _, _ = strings.Cut(piece[i+1:], ">")
	}
	addr := strings.Trim(piece, " \t\"'<>()")
	local, domain, ok := strings.Cut(addr, "@")
	if !ok || local == "" || domain == "" || strings.ContainsAny(addr, " \t\"<>(),;:\\") || strings.Contains(domain, "@") {
		return nil
	}
	return &mail.Address{Name: printable(DecodeWords(name)), Address: addr}
}
