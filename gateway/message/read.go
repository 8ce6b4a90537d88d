package message

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"
)

// Read reads the structure of a message of the given size. The source must stay open and
// unchanged as long as the Message is used.
//
// Errors: a *gateway.Fault (permanent, keys refuse.message.parts and refuse.message.header) when a
// limit is passed; the source's own. Everything else is tolerated, with a Defect.
func Read(src io.ReaderAt, size int64, l Limits) (*Message, error) {
	p := &parser{src: src, lim: l.orDefault()}
	m, err := p.read(src, size, 1, "")
	if err != nil {
		return nil, err
	}
	m.Defects, m.first = p.defects, p.lim.first()
	return m, nil
}

// parser reads one source, and the messages embedded in it under the same bounds.
type parser struct {
	src     io.ReaderAt
	lim     Limits
	s       *scanner
	open    []delimiter // of the multiparts being read, outermost first
	parts   int
	headers int64
	opened  int64 // bytes of encoded embedded messages that were decoded
	defects []Defect
}

type delimiter struct {
	text []byte // with its two hyphens
}

// stop says why a part ended.
type stop struct {
	level   int   // which open delimiter was met; -1: the source ended
	closing bool  // with its two final hyphens
	cut     int64 // where the content before ends
	end     int64 // of the delimiter's line, without its line end
}

// openedMax bounds the decoded bytes of embedded messages that come in base64 or quoted-printable,
// against RFC 2046 §5.2.1; they alone are held in memory.
const openedMax = 2 << 20

func (p *parser) read(src io.ReaderAt, size int64, depth int, path string) (*Message, error) {
	outer, open := p.s, p.open
	p.s, p.open = newScanner(src, size), nil
	defer func() { p.s.close(); p.s, p.open = outer, open }()
	if err := p.mboxLine(path); err != nil {
		return nil, err
	}
	root, _, err := p.part(path, depth, "text/plain", true)
	if err != nil {
		return nil, err
	}
	return &Message{Root: root}, nil
}

func (p *parser) defect(what Problem, path string, at int64) {
	if len(p.defects) < 1000 {
		p.defects = append(p.defects, Defect{what, path, at})
	}
}

// mboxLine passes over the `From ` line that mbox files put before the header.
func (p *parser) mboxLine(path string) error {
	at := p.s.pos
	ln, err := p.s.next()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return err
	}
	if bytes.HasPrefix(ln.head, []byte("From ")) || bytes.HasPrefix(ln.head, []byte(">From ")) {
		p.defect(MboxLine, path, at)
		return nil
	}
	p.s.pos = at
	return nil
}

// part reads the part that begins here, up to a delimiter or the end. asMessage: it is the root of a
// message, whose path follows RFC 9051 §6.4.5.1.
func (p *parser) part(path string, depth int, defaultType string, asMessage bool) (*Part, stop, error) {
	if p.parts++; p.parts > p.lim.Parts {
		return nil, stop{}, tooMuch("parts", int64(p.lim.Parts))
	}
	pt := &Part{src: p.s.src, Path: path}
	st, ended, err := p.header(pt)
	if err != nil {
		return nil, st, err
	}
	p.describe(pt, defaultType)
	if asMessage && !pt.isMultipart() {
		pt.Path = child(path, 1)
	}
	switch {
	case ended:
		pt.bodyEnd = pt.bodyStart
		if pt.isMultipart() {
			p.defect(BoundaryUnseen, pt.Path, pt.start)
			pt.fallBack()
		}
	case depth >= p.lim.Depth && (pt.isMultipart() || pt.isMessage()):
		p.defect(TooDeep, pt.Path, pt.start)
		st, err = p.leaf(pt)
		return pt, st, err
	case pt.isMultipart():
		st, err = p.multipart(pt, depth)
	case pt.isMessage() && pt.identity():
		st, err = p.embedded(pt, depth)
	default:
		st, err = p.leaf(pt)
	}
	if err != nil {
		return nil, st, err
	}
	if !ended && pt.isMessage() && pt.Embedded == nil {
		err = p.openEncoded(pt, depth)
	} else if !ended && len(pt.Children) == 0 {
		err = p.openTNEF(pt)
	}
	return pt, st, err
}

func child(path string, n int) string {
	if path == "" {
		return strconv.Itoa(n)
	}
	return path + "." + strconv.Itoa(n)
}

// multipart reads the children. The delimiter that ends it may be its own or an outer one's.
func (p *parser) multipart(pt *Part, depth int) (stop, error) {
	boundary := pt.Params["boundary"]
	pt.boundary = boundary
	if boundary == "" || len(boundary) > headBytes-8 {
		p.defect(NoBoundary, pt.Path, pt.start)
		bare, err := p.bareDelimiters(pt)
		if err != nil {
			return stop{}, err
		}
		if !bare {
			pt.fallBack()
			return p.leaf(pt)
		}
	}
	level := len(p.open)
	p.open = append(p.open, delimiter{[]byte("--" + boundary)})
	defer func() { p.open = p.open[:level] }()
	childType := "text/plain"
	if pt.MediaType == "multipart/digest" {
		childType = "message/rfc822"
	}
	st, err := p.skip(p.s.pos)
	if err == nil && st.level < level {
		p.defect(BoundaryUnseen, pt.Path, pt.start)
		pt.fallBack()
		pt.bodyEnd = max(st.cut, pt.bodyStart)
		return st, nil
	}
	for err == nil && st.level == level && !st.closing {
		var c *Part
		c, st, err = p.part(child(pt.Path, len(pt.Children)+1), depth+1, childType, false)
		if err == nil {
			pt.Children = append(pt.Children, c)
		}
	}
	if err != nil {
		return st, err
	}
	if st.level != level {
		p.defect(BoundaryUnclosed, pt.Path, pt.start)
		pt.bodyEnd = max(st.cut, pt.bodyStart)
		return st, nil
	}
	if len(pt.Children) == 0 {
		p.defect(BoundaryUnseen, pt.Path, pt.start)
		pt.fallBack()
	}
	p.open = p.open[:level] // the epilogue, up to an outer delimiter
	if st, err = p.skip(st.end); err == nil {
		pt.bodyEnd = max(st.cut, pt.bodyStart)
	}
	return st, err
}

// bareDelimiters tells a multipart whose boundary is the empty string (against RFC 2046 §5.1.1): two hyphens alone, and here the
// fields of a part. The scanner goes back where it was.
func (p *parser) bareDelimiters(pt *Part) (bool, error) {
	if boundary, given := pt.Params["boundary"]; !given || boundary != "" || p.lim.first() {
		return false, nil
	}
	back := p.s.pos
	defer func() { p.s.pos = back }()
	for range 8 {
		ln, err := p.s.next()
		switch head := string(bytes.TrimRight(ln.head, "\r")); {
		case errors.Is(err, io.EOF), err == nil && strings.TrimSpace(head) != "" && head != bareDelimiter:
			return false, nil
		case err != nil:
			return false, err
		case head == bareDelimiter:
			return p.partFollows()
		}
	}
	return false, nil
}

// bareDelimiter begins a part under an empty boundary. With a space after it, it begins a signature everywhere.
const bareDelimiter = "--"

// partFollows tells whether the next line is a field of a part: two hyphens alone are words elsewhere. It looks beside the scanner,
// whose line stays valid.
func (p *parser) partFollows() (bool, error) {
	head := make([]byte, min(64, p.s.size-p.s.pos)) // the longest name is Content-Transfer-Encoding
	if _, err := readAt(p.s.src, head, p.s.pos); err != nil {
		return false, err
	}
	head, _, _ = bytes.Cut(head, []byte("\n"))
	name, _ := fieldName(head)
	return strings.HasPrefix(strings.ToLower(name), "content-"), nil
}

// skip passes over lines up to a delimiter. cut is where the content ends when that comes at once.
func (p *parser) skip(cut int64) (stop, error) {
	for {
		ln, err := p.s.next()
		if errors.Is(err, io.EOF) {
			return stop{level: -1, cut: p.s.size}, nil
		}
		if err != nil {
			return stop{}, err
		}
		if st, ok, err := p.delimiter(ln, cut); ok || err != nil {
			return st, err
		}
		cut = ln.end
	}
}

func (p *parser) leaf(pt *Part) (stop, error) {
	st, err := p.skip(p.s.pos)
	pt.bodyEnd = max(st.cut, pt.bodyStart)
	return st, err
}

// delimiter tells whether the line is an open multipart's, the innermost first. RFC 2046 §5.1.1:
// the line end before it belongs to it.
func (p *parser) delimiter(ln line, cut int64) (stop, bool, error) {
	h := ln.head
	if len(h) < 2 || h[0] != '-' || h[1] != '-' {
		return stop{}, false, nil
	}
	for i := len(p.open) - 1; i >= 0; i-- {
		d := p.open[i].text
		if !bytes.HasPrefix(h, d) {
			continue
		}
		rest := bytes.TrimRight(h[len(d):], " \t\r")
		if len(rest) > 0 && string(rest) != "--" {
			continue
		}
		st := stop{level: i, closing: len(rest) > 0, cut: cut, end: ln.end}
		if string(d) != bareDelimiter || st.closing {
			return st, true, nil
		}
		if string(bytes.TrimRight(h, "\r")) != bareDelimiter {
			return stop{}, false, nil
		}
		follows, err := p.partFollows() // as for every other that is open and bare
		return st, follows, err
	}
	return stop{}, false, nil
}

// embedded reads a message/rfc822 part in place.
func (p *parser) embedded(pt *Part, depth int) (stop, error) {
	if err := p.mboxLine(pt.Path); err != nil {
		return stop{}, err
	}
	root, st, err := p.part(pt.Path, depth+1, "text/plain", true)
	if err != nil {
		return st, err
	}
	pt.Embedded = &Message{Root: root}
	pt.bodyEnd = root.bodyEnd
	return st, nil
}

// openEncoded reads a message/rfc822 part that was encoded, from memory.
func (p *parser) openEncoded(pt *Part, depth int) error {
	if pt.bodyEnd-pt.bodyStart > 2*openedMax || p.opened > openedMax {
		p.defect(EmbeddedTooLarge, pt.Path, pt.start)
		return nil
	}
	whole, err := io.ReadAll(io.LimitReader(pt.Decoded(), openedMax+1))
	if err != nil {
		return err
	}
	if p.opened += int64(len(whole)); p.opened > openedMax {
		p.defect(EmbeddedTooLarge, pt.Path, pt.start)
		return nil
	}
	pt.Embedded, err = p.read(bytes.NewReader(whole), int64(len(whole)), depth+1, pt.Path)
	return err
}
