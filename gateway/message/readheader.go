package message

import (
	"bytes"
	"errors"
	"io"
	"strings"
)

// header reads the fields of a part. ended: a delimiter or the end of the source came before the
// blank line, and there is no body.
func (p *parser) header(pt *Part) (st stop, ended bool, err error) {
	pt.start = p.s.pos
	end, cut := p.s.pos, p.s.pos
	body := int64(-1)
	for body < 0 {
		var ln line
		ln, err = p.s.next()
		if errors.Is(err, io.EOF) {
			err = nil
			st, ended, end, body = stop{level: -1, cut: p.s.size}, true, p.s.size, p.s.size
			break
		}
		if err != nil {
			return st, false, err
		}
		hit, ok, err := p.delimiter(ln, max(cut, pt.start))
		if err != nil {
			return st, false, err
		}
		if ok {
			st, ended, end, body = hit, true, ln.start, hit.cut
			break
		}
		switch {
		case ln.start == ln.end || len(bytes.Trim(ln.head, "\r")) == 0 && ln.end-ln.start < headBytes:
			end, body = ln.start, ln.next
		case isWSP(ln.head[0]) && ln.start > pt.start, isField(ln):
			end = ln.next
		default:
			var more bool
			if more, err = p.fieldsFollow(ln); err != nil {
				return st, false, err
			}
			if more {
				p.defect(BadHeaderLine, pt.Path, ln.start)
				end = ln.next
				break
			}
			p.defect(NoBlankLine, pt.Path, ln.start)
			p.s.pos = ln.start
			end, body = ln.start, ln.start
		}
		cut = ln.end
		if end-pt.start > p.lim.HeaderBytes {
			return st, false, tooMuch("header", p.lim.HeaderBytes)
		}
	}
	pt.bodyStart = body
	if ended && end > pt.start {
		p.defect(CutHeader, pt.Path, pt.start)
	}
	return st, ended, p.fields(pt, end)
}

func isField(ln line) bool {
	name, _ := fieldName(ln.head)
	return name != ""
}

// fieldsFollow looks whether a line that is no field stands among fields, of which the next lines
// hold one that mail is known to have, or begins the body. The scanner goes back where it was.
func (p *parser) fieldsFollow(bad line) (bool, error) {
	if bytes.HasPrefix(bad.head, []byte("--")) { // the delimiter of a multipart: its first part's fields follow
		return false, nil
	}
	back := p.s.pos
	defer func() { p.s.pos = back }()
	for range 8 {
		ln, err := p.s.next()
		if errors.Is(err, io.EOF) || err == nil && len(bytes.TrimRight(ln.head, "\r \t")) == 0 {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if name, _ := fieldName(ln.head); name != "" && knownField(name) {
			return true, nil
		}
		if ln.next-bad.start > 4*headBytes {
			return false, nil
		}
	}
	return false, nil
}

func knownField(name string) bool {
	low := strings.ToLower(name)
	switch low {
	case "from", "to", "cc", "subject", "date", "message-id", "mime-version", "received", "return-path",
		"reply-to", "sender", "references", "in-reply-to", "delivered-to", "user-agent", "dkim-signature":
		return true
	}
	return strings.HasPrefix(low, "content-") || strings.HasPrefix(low, "x-") || strings.HasPrefix(low, "arc-")
}

// fields loads and cuts the header that ends at end.
func (p *parser) fields(pt *Part, end int64) error {
	n := end - pt.start
	if p.headers += n; n > p.lim.HeaderBytes || p.headers > p.lim.TotalHeaderBytes {
		return tooMuch("header", p.lim.HeaderBytes)
	}
	raw := make([]byte, n)
	if _, err := readAt(p.s.src, raw, pt.start); err != nil {
		return err
	}
	pt.Header, _ = parseFields(raw)
	p.checkHeader(pt, raw)
	return nil
}

func (p *parser) checkHeader(pt *Part, raw []byte) {
	lf, cr, high := false, false, false
	for i, c := range raw {
		switch {
		case c == '\n':
			lf = lf || i == 0 || raw[i-1] != '\r'
		case c == '\r':
			cr = cr || i+1 == len(raw) || raw[i+1] != '\n'
		case c >= 0x80:
			high = true
		}
	}
	if lf {
		p.defect(BareLF, pt.Path, pt.start)
	}
	if cr {
		p.defect(BareCR, pt.Path, pt.start)
	}
	if high {
		p.defect(EightBitHeader, pt.Path, pt.start)
	}
}
