package message

import (
	"bytes"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// bodies is what a person reads first, in every form that a client may choose to show.
type bodies struct {
	texts, htmls []*Part
}

func (b bodies) none() bool { return len(b.texts)+len(b.htmls) == 0 }

func (b bodies) has(p *Part) bool { return slices.Contains(b.texts, p) || slices.Contains(b.htmls, p) }

// Text is the text/plain part that a person reads first; nil when there is none. Encrypted content
// has none.
func (m *Message) Text() *Part {
	if b := m.bodies(); len(b.texts) > 0 {
		return b.texts[0]
	}
	return nil
}

// HTML is the text/html part that a person reads first: of several in a multipart/alternative the
// last (RFC 2046 §5.1.4); nil when there is none.
func (m *Message) HTML() *Part {
	if b := m.bodies(); len(b.htmls) > 0 {
		return b.htmls[len(b.htmls)-1]
	}
	return nil
}

// Words is what a person reads first, as text: the text/plain part, or the HTML where there is none or it is blank, as
// some programs leave it. At most most octets, whole characters, with ErrCut when there were more; HTML is read up to four
// times as much. Errors are those of Part.Text.
func (m *Message) Words(most int) (string, error) {
	if p := m.Text(); p != nil {
		text, err := p.Text(int64(most))
		if strings.TrimSpace(text) != "" || m.HTML() == nil {
			return text, err
		}
	}
	p := m.HTML()
	if p == nil {
		return "", nil
	}
	source, err := p.Text(4 * int64(most))
	text := HTMLToText(source)
	if cut := clip(text, most); len(cut) < len(text) && err == nil {
		return cut, ErrCut
	}
	return clip(text, most), err
}

// clip bounds a text without cutting a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func (m *Message) bodies() bodies {
	b := readFirst(m.Root)
	if b.none() {
		b = m.tnefBodies()
	}
	return b
}

// readFirst finds the parts that show what a person reads first of p and below.
func readFirst(p *Part) bodies {
	switch {
	case p.Disposition == "attachment" || p.Embedded != nil:
		return bodies{}
	case p.MediaType == "text/plain":
		return bodies{texts: []*Part{p}}
	case p.MediaType == "text/html":
		return bodies{htmls: []*Part{p}}
	case p.MediaType == "multipart/alternative":
		var b bodies
		for _, c := range p.Children {
			in := readFirst(c)
			b.texts, b.htmls = append(b.texts, in.texts...), append(b.htmls, in.htmls...)
		}
		return b
	case p.MediaType == "multipart/related" && len(p.Children) > 0:
		return readFirst(p.relatedRoot())
	case p.MediaType == "multipart/signed" && len(p.Children) > 0:
		return readFirst(p.Children[0])
	case p.MediaType == "multipart/encrypted":
		return bodies{}
	}
	for _, c := range p.Children {
		if b := readFirst(c); !b.none() {
			return b
		}
	}
	return bodies{}
}

// relatedRoot is the part of a multipart/related that the others serve (RFC 2387 §3.2).
func (p *Part) relatedRoot() *Part {
	if start := strings.Trim(p.Params["start"], "<> \t"); start != "" {
		for _, c := range p.Children {
			if c.ContentID() == start {
				return c
			}
		}
	}
	return p.Children[0]
}

// Files gives what else there is, in order: attached files, inline images with their Content-ID,
// attached messages, further texts, files out of a winmail.dat. Nothing that a person could want is
// left out but other renderings of the same text and the signature of a multipart/signed.
func (m *Message) Files() []*Part {
	f := fileLister{shown: m.bodies()}
	f.list(m.Root)
	return f.files
}

type fileLister struct {
	shown bodies
	files []*Part
}

func (f *fileLister) list(p *Part) {
	switch {
	case f.shown.has(p):
	case p.tnef != nil:
		f.files = append(f.files, p.recoveredFiles()...)
	case p.MediaType == "multipart/alternative":
		for _, c := range p.Children {
			if !f.holdsShown(p) || !isRendering(c) {
				f.list(c)
			}
		}
	case isSigned(p):
		f.list(p.Children[0])
	case len(p.Children) > 0:
		for _, c := range p.Children {
			f.list(c)
		}
	case !isBlankText(p):
		f.files = append(f.files, p)
	}
}

// holdsShown tells whether a person reads something of the part.
func (f *fileLister) holdsShown(p *Part) bool {
	return f.shown.has(p) || slices.ContainsFunc(p.Children, f.holdsShown)
}

// isRendering tells a child of an alternative that says the same in another text format.
func isRendering(p *Part) bool {
	return strings.HasPrefix(p.MediaType, "text/") && p.MediaType != "text/calendar" && p.Disposition != "attachment" &&
		p.MediaType != "text/plain" && p.MediaType != "text/html" && !p.Named()
}

func isSigned(p *Part) bool {
	return p.MediaType == "multipart/signed" && len(p.Children) == 2 && isSignature(p.Children[1].MediaType)
}

func isSignature(mediaType string) bool {
	switch mediaType {
	case "application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature":
		return true
	}
	return false
}

// isBlankText tells the nameless empty text that clients put after an attachment.
func isBlankText(p *Part) bool {
	if !strings.HasPrefix(p.MediaType, "text/") || p.Named() || p.RawSize() > 256 || p.Disposition == "attachment" {
		return false
	}
	b, err := io.ReadAll(p.Decoded())
	return err == nil && len(bytes.TrimSpace(b)) == 0
}

// ByContentID gives the part with that Content-ID, compared as written, with or without angle
// brackets (RFC 2392); nil when there is none.
func (m *Message) ByContentID(id string) *Part {
	id = strings.Trim(id, "<> ")
	if id == "" {
		return nil
	}
	var found *Part
	m.Root.Walk(func(p *Part) bool {
		if found == nil && p.ContentID() == id {
			found = p
		}
		for _, f := range p.Recovered() {
			if found == nil && f.ContentID() == id {
				found = f
			}
		}
		return found == nil
	})
	return found
}
