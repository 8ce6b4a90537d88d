package message

import (
	"bytes"
	"maps"
	"slices"
	"strings"
)

// field writes a field as it stands in the source when mail can carry it, else nothing.
func (p *splicer) field(part *Part, name string) {
	raw := rawField(part, name)
	if raw == nil {
		return
	}
	if !safeField(raw) {
		p.rebuilt(part, name)
		return
	}
	_ = writeCRLF(p.w, bytes.TrimRight(raw, "\r\n")) // the writer keeps the error
	p.w.WriteString("\r\n")
}

// described writes the fields by which a client describes a part; none of the part that heads a message: there they would
// stand among the letter's own, say its language a second time (RFC 3282 §2 has one field), and name the agent's machine
// (Content-ID, Content-Location).
func (p *splicer) described(part *Part, names ...string) {
	if part == p.head && !p.m.first {
		return
	}
	for _, name := range names {
		p.field(part, name)
	}
}

// rebuilt writes a field from what was understood of it.
func (p *splicer) rebuilt(part *Part, name string) {
	switch name {
	case "Content-Type":
		p.contentType(part, "", "")
	case "Content-Disposition":
		p.w.WriteString("Content-Disposition: " + part.Disposition)
		if part.DispositionParams["filename"] != "" {
			p.w.WriteString(FormatParam("filename", part.Filename()))
		}
		p.w.WriteString("\r\n")
	case "Content-Transfer-Encoding":
		p.w.WriteString("Content-Transfer-Encoding: " + strings.Replace(part.Encoding, "uuencode", "x-uuencode", 1) + "\r\n")
	case "Content-Description":
		p.w.WriteString("Content-Description: " + EncodeWords(part.Header.Text(name), len(name)+2) + "\r\n")
	}
}

// contentType writes the field from what was understood of it, parameters in alphabetical order.
func (p *splicer) contentType(part *Part, charset, boundary string) {
	p.w.WriteString("Content-Type: " + part.MediaType)
	for _, name := range slices.Sorted(maps.Keys(part.Params)) {
		value := part.Params[name]
		switch {
		case name == "charset" && charset != "", name == "boundary" && boundary != "", !isToken(name), len(value) > 500:
			continue
		case name == "name":
			value = part.Filename()
		}
		p.w.WriteString(FormatParam(name, value))
	}
	if charset != "" {
		p.w.WriteString(FormatParam("charset", charset))
	}
	if boundary != "" {
		p.w.WriteString(";\r\n boundary=\"" + boundary + "\"")
	}
	p.w.WriteString("\r\n")
}

func isToken(s string) bool {
	if s == "" || len(s) > 60 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("()<>@,;:\\\"/[]?=*'%", c) >= 0 {
			return false
		}
	}
	return true
}

// rawField is the first field of that name, as it stands; nil when there is none.
func rawField(part *Part, name string) []byte {
	for _, f := range part.Header.fields {
		if f.Is(name) {
			return f.raw
		}
	}
	return nil
}

// safeField tells a field that mail can carry: printable ASCII, folded lines of at most 998 octets.
func safeField(raw []byte) bool {
	raw = trimEOL(raw)
	width := 0
	for i, c := range raw {
		switch {
		case c == '\n':
			width = -1
		case c == '\r' && i+1 < len(raw) && raw[i+1] == '\n':
		case c != '\t' && (c < ' ' || c > '~'):
			return false
		}
		if width++; width > maxLine {
			return false
		}
	}
	return len(raw) > 0
}
