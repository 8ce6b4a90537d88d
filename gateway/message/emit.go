package message

import (
	"bytes"
	"encoding/base64"
	"io"
	"slices"
	"strconv"
	"strings"

	"vaguemestre/gateway"
)

// entity writes the Content-* fields of a part, a blank line and its body, which does not end with
// a line end unless the part's own does.
func (p *splicer) entity(part *Part) error {
	if e, shown := p.edits[part]; shown {
		return p.words(part, e)
	}
	switch {
	case part.within != nil:
		return p.recovered(part)
	case protection(part) != "" && len(part.Children) > 0:
		return p.signed(part)
	case len(part.Children) > 0:
		return p.multipart(part)
	}
	return p.leaf(part)
}

// words writes a part that a person reads.
func (p *splicer) words(part *Part, e edited) error {
	if e.charset == "" && part.cleanType && part.Header.Has("Content-Type") {
		p.field(part, "Content-Type")
	} else {
		p.contentType(part, e.charset, "")
	}
	encoding := "7bit"
	if !plainLines(e.body) {
		encoding = "quoted-printable"
	}
	p.w.WriteString("Content-Transfer-Encoding: " + encoding + "\r\n")
	p.field(part, "Content-Disposition")
	p.described(part, "Content-ID", "Content-Description", "Content-Language", "Content-Location")
	p.w.WriteString("\r\n")
	if encoding == "7bit" {
		return writeCRLF(p.w, e.body)
	}
	return writeQP(p.w, e.body)
}

// boundary is a new one, that no part can contain.
func (p *splicer) boundary() string {
	p.made++
	return p.s.Boundary + "." + strconv.Itoa(p.made)
}

// divided writes the Content-Type of a multipart, under a boundary of ours: the one that a client made may say which client, on
// which machine, and not every reader takes every one.
func (p *splicer) divided(part *Part) string {
	if p.m.first {
		if b := p.firstBoundary(part); b != "" {
			p.field(part, "Content-Type")
			return b
		}
	}
	b := p.boundary()
	p.contentType(part, "", b)
	return b
}

func (p *splicer) multipart(part *Part) error {
	b := p.divided(part)
	p.field(part, "Content-Disposition")
	p.described(part, "Content-ID", "Content-Description", "Content-Language", "Content-Location")
	p.w.WriteString("\r\n")
	return p.between(b, func() error {
		for _, c := range part.Children {
			if err := p.child(b, c); err != nil {
				return err
			}
		}
		if part == p.m.Root && part.MediaType == "multipart/mixed" {
			return p.liftedInto(b)
		}
		return nil
	})
}

// between writes parts and the delimiter that closes them.
func (p *splicer) between(boundary string, parts func() error) error {
	p.boundaries = append(p.boundaries, boundary)
	if err := parts(); err != nil {
		return err
	}
	p.boundaries = p.boundaries[:len(p.boundaries)-1]
	_, err := p.w.WriteString("--" + boundary + "--\r\n")
	return err
}

// child writes one part with its delimiter: the files of a winmail.dat in its place, nothing of what is lifted out.
func (p *splicer) child(boundary string, c *Part) error {
	if slices.Contains(p.lifted, c) {
		return nil
	}
	parts := []*Part{c}
	if c.tnef != nil {
		parts = c.recoveredFiles()
	}
	for _, c := range parts {
		p.w.WriteString("--" + boundary + "\r\n")
		if err := p.entity(c); err != nil {
			return err
		}
		p.w.WriteString("\r\n")
	}
	return nil
}

// signed writes a multipart/signed or /encrypted whose parts keep every byte, headers too; what
// stands outside them goes.
func (p *splicer) signed(part *Part) error {
	b := p.divided(part)
	p.w.WriteString("\r\n")
	for _, c := range part.Children {
		p.w.WriteString("--" + b + "\r\n")
		if in, err := inspect(c.RawWhole()); err != nil || in.unsafe() {
			return orFault(err, "refuse.message.signed-lines")
		}
		if err := copyCRLF(p.w, c.RawWhole()); err != nil {
			return err
		}
		p.w.WriteString("\r\n")
	}
	_, err := p.w.WriteString("--" + b + "--\r\n")
	return err
}

func orFault(err error, key string) error {
	if err != nil {
		return err
	}
	f := gateway.Refuse(554, [3]int{5, 6, 1}, key, nil)
	f.Op = "splice"
	return f
}

// leaf copies a part's bytes, or encodes them anew when mail cannot carry them as they are.
func (p *splicer) leaf(part *Part) error {
	in, err := inspect(part.Raw())
	if err != nil {
		return err
	}
	anew := in.unsafe()
	switch {
	case part.isMessage() || part.Embedded != nil:
	case part.Encoding == "base64":
	default:
		anew = anew || in.loose
	}
	if anew {
		return p.encoded(part)
	}
	p.typeOf(part)
	switch word, _, _ := parseValue(part.Header.Get("Content-Transfer-Encoding")); {
	case part.identity() && in.high && (word == "" || word == "7bit" || word == "binary"):
		p.w.WriteString("Content-Transfer-Encoding: 8bit\r\n")
	case word == "binary", word == "base64" && part.identity(), word == "quoted-printable" && part.identity():
		// What mail carries in lines is not binary (RFC 2045 §2.9); a multipart that has no parts is not
		// encoded, whatever it says (§6.4).
		p.w.WriteString("Content-Transfer-Encoding: " + map[bool]string{true: "8bit", false: "7bit"}[in.high] + "\r\n")
	case part.Header.Has("Content-Transfer-Encoding"):
		p.field(part, "Content-Transfer-Encoding")
	}
	p.leafFields(part)
	p.w.WriteString("\r\n")
	return copyCRLF(p.w, part.Raw())
}

func (p *splicer) leafFields(part *Part) {
	if p.isFile(part) {
		p.w.WriteString("Content-Disposition: attachment" + FormatParam("filename", part.Filename()) + "\r\n")
	} else {
		p.field(part, "Content-Disposition")
	}
	p.described(part, "Content-ID", "Content-Description", "Content-Language", "Content-Location", "Content-MD5", "Content-Class")
}

func (p *splicer) typeOf(part *Part) {
	switch {
	case part.cleanType && part.Header.Has("Content-Type"):
		p.field(part, "Content-Type")
	case part.MediaType != "text/plain" || len(part.Params) > 0:
		p.contentType(part, "", "")
	}
}

// encoded writes the decoded bytes of a part in base64. A message or a multipart may not be encoded
// (RFC 2046 §5.2.1, RFC 2045 §6.4): it becomes a file.
func (p *splicer) encoded(part *Part) error {
	body := part.Decoded()
	if part.isMessage() || part.isMultipart() || part.Embedded != nil {
		p.w.WriteString("Content-Type: application/octet-stream" + FormatParam("name", part.Filename()) + "\r\n" +
			"Content-Disposition: attachment" + FormatParam("filename", part.Filename()) + "\r\n")
	} else {
		p.typeOf(part)
		p.leafFields(part)
	}
	return p.base64(body)
}

// recovered writes a file out of a winmail.dat.
func (p *splicer) recovered(part *Part) error {
	name := part.Filename()
	p.w.WriteString("Content-Type: " + part.MediaType + FormatParam("name", name) + "\r\n")
	disposition := "attachment"
	if id := part.ContentID(); id != "" && isASCII(id) && !strings.ContainsAny(id, " \r\n<>") && len(id) < 900 {
		p.w.WriteString("Content-ID: <" + id + ">\r\n")
		disposition = "inline"
	}
	p.w.WriteString("Content-Disposition: " + disposition + FormatParam("filename", name) + "\r\n")
	return p.base64(part.Decoded())
}

func (p *splicer) base64(body io.Reader) error {
	p.w.WriteString("Content-Transfer-Encoding: base64\r\n\r\n")
	lines := &lineBreaker{w: p.w}
	enc := base64.NewEncoder(base64.StdEncoding, lines)
	if _, err := io.Copy(enc, body); err != nil {
		return err
	}
	return enc.Close()
}

// beside writes the words as a part of their own: first, unless the message has a text that a
// person reads before them.
func (p *splicer) beside(untouched bool) error {
	b := p.boundary()
	p.w.WriteString("Content-Type: multipart/mixed;\r\n boundary=\"" + b + "\"\r\n\r\n")
	return p.between(b, func() error {
		before, after := joined(p.s.Before, p.s.After), Words{}
		switch {
		case untouched:
			before, after = p.s.Before, p.s.After
			p.edits = nil
		case !p.shown.none(): // the text of a winmail.dat
			before = Words{}
			if err := p.spoken(b); err != nil {
				return err
			}
		}
		if err := p.ownPart(b, before); err != nil {
			return err
		}
		if err := p.child(b, p.m.Root); err != nil {
			return err
		}
		if p.m.Root.MediaType != "multipart/mixed" {
			if err := p.liftedInto(b); err != nil {
				return err
			}
		}
		return p.ownPart(b, after)
	})
}

func joined(a, b Words) Words {
	if a.Text != "" {
		a.Text = strings.TrimRight(a.Text, "\r\n") + "\r\n"
	}
	return Words{a.Text + b.Text, a.HTML + b.HTML}
}

// spoken writes the text recovered from a winmail.dat, with the words put in.
func (p *splicer) spoken(boundary string) error {
	parts := append(slices.Clone(p.shown.texts), p.shown.htmls...)
	p.w.WriteString("--" + boundary + "\r\n")
	if len(parts) == 1 {
		err := p.entity(parts[0])
		p.w.WriteString("\r\n")
		return err
	}
	err := p.alternative(func(b string) error {
		for _, part := range parts {
			p.w.WriteString("--" + b + "\r\n")
			if err := p.entity(part); err != nil {
				return err
			}
			p.w.WriteString("\r\n")
		}
		return nil
	})
	p.w.WriteString("\r\n")
	return err
}

func (p *splicer) alternative(parts func(boundary string) error) error {
	b := p.boundary()
	p.w.WriteString("Content-Type: multipart/alternative;\r\n boundary=\"" + b + "\"\r\n\r\n")
	return p.between(b, func() error { return parts(b) })
}

// ownPart writes words of ours as a multipart/alternative.
func (p *splicer) ownPart(boundary string, words Words) error {
	if words.Text == "" && words.HTML == "" {
		return nil
	}
	p.w.WriteString("--" + boundary + "\r\n")
	err := p.forms(words)
	p.w.WriteString("\r\n")
	return err
}

func (p *splicer) forms(words Words) error {
	return p.alternative(func(b string) error {
		var text bytes.Buffer
		putWords(&text, words.Text, false)
		for _, form := range []struct{ mediaType, body string }{{"text/plain", text.String()}, {"text/html", words.HTML}} {
			p.w.WriteString("--" + b + "\r\nContent-Type: " + form.mediaType + "; charset=utf-8\r\n" +
				"Content-Transfer-Encoding: quoted-printable\r\n\r\n")
			if err := writeQP(p.w, []byte(form.body)); err != nil {
				return err
			}
			p.w.WriteString("\r\n")
		}
		return nil
	})
}

// wrap writes the words and, beneath, the whole message as it was signed or encrypted, under a
// header of ours.
func (p *splicer) wrap() error {
	p.w.WriteString(p.s.Header)
	b := p.boundary()
	p.w.WriteString("MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n boundary=\"" + b + "\"\r\n\r\n")
	return p.between(b, func() error {
		if err := p.ownPart(b, joined(p.s.Before, p.s.After)); err != nil {
			return err
		}
		in, err := inspect(p.m.Root.Raw())
		if err != nil {
			return err
		}
		p.w.WriteString("--" + b + "\r\nContent-Type: message/rfc822\r\n")
		if in.high {
			p.w.WriteString("Content-Transfer-Encoding: 8bit\r\n")
		}
		p.w.WriteString("Content-Disposition: inline" + FormatParam("filename", p.s.Caption) + "\r\n\r\n")
		p.w.WriteString(p.s.Wrapped)
		p.w.WriteString("MIME-Version: 1.0\r\n")
		p.head = p.m.Root
		err = p.untouched(p.m.Root)
		p.w.WriteString("\r\n")
		return err
	})
}

// untouched writes a protected root. What is signed within a text (PGP's armour) keeps even its transfer
// encoding, and so does all that stands around it.
func (p *splicer) untouched(root *Part) error {
	if len(root.Children) > 0 && protection(root) != "" {
		return p.signed(root)
	}
	if len(root.Children) > 0 {
		return p.multipart(root)
	}
	return p.leaf(root)
}
