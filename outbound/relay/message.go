package relay

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
)

// maxHeader bounds the header section kept in memory to be signed, in octets.
const maxHeader = 1 << 20

var (
	errHeaderSize = fmt.Errorf("header section over %d octets", maxHeader)
	errChanged    = errors.New("two compositions of the same message differ")
)

// message is a composed message, measured and signed, ready to be sent any number of times.
type message struct {
	prefix    []byte        // the signature fields
	signature []string      // the same, one each
	held      *bytes.Buffer // the whole message when it is small; otherwise nil and compose is run again
	compose   func(io.Writer) error
	check     uint64 // fingerprint of what was measured, against a composition that changed
	seed      maphash.Seed
	size      int64 // octets on the wire without dot-stuffing, prefix included
	eightBit  bool  // the body has bytes over 127
	utf8      bool  // the header has
}

// measure receives a message with CRLF line ends, once, and learns all that sending it needs.
type measure struct {
	header   []byte // up to and without the empty line
	inBody   bool
	body     io.Writer // of the DKIM body hash; nil: not signed
	hold     *bytes.Buffer
	limit    int // of hold
	size     int64
	check    maphash.Hash
	eightBit bool
	utf8     bool
}

// Write implements io.Writer.
func (m *measure) Write(p []byte) (int, error) {
	m.size += int64(len(p))
	_, _ = m.check.Write(p) // documented never to fail
	m.keep(p)
	if m.inBody {
		return len(p), m.writeBody(p)
	}
	from := max(len(m.header)-3, 0)
	m.header = append(m.header, p...)
	end := bytes.Index(m.header[from:], []byte("\r\n\r\n"))
	if end < 0 {
		if len(m.header) > maxHeader {
			return 0, errHeaderSize
		}
		return len(p), nil
	}
	end += from + 2
	rest := m.header[end+2:]
	m.header, m.inBody = m.header[:end], true
	m.utf8 = !asciiBytes(m.header)
	return len(p), m.writeBody(rest)
}

func (m *measure) keep(p []byte) {
	if m.hold == nil {
		return
	}
	if m.hold.Len()+len(p) > m.limit {
		m.hold = nil
		return
	}
	m.hold.Write(p)
}

func (m *measure) writeBody(p []byte) error {
	m.eightBit = m.eightBit || !asciiBytes(p)
	if m.body == nil {
		return nil
	}
	_, err := m.body.Write(p)
	return err
}

// prepare composes the message once, measures and signs it. Buffer, when the message fits in
// limit octets, keeps it for sending.
func prepare(signer *Signer, env Envelope, buffer *bytes.Buffer, limit int, compose func(io.Writer) error) (*message, error) {
	m := measure{hold: buffer, limit: limit}
	signed := signer != nil && !env.Date.IsZero()
	body := newBodyHash()
	if signed {
		m.body = body
	}
	lines := newLines(&m)
	if err := compose(lines); err != nil {
		return nil, err
	}
	if err := lines.Close(); err != nil {
		return nil, err
	}
	msg := &message{held: m.hold, compose: compose, check: m.check.Sum64(), seed: m.check.Seed(), size: m.size, eightBit: m.eightBit, utf8: m.utf8}
	if !m.inBody {
		m.utf8 = !asciiBytes(m.header)
		msg.utf8 = m.utf8
	}
	if signed {
		fields, err := signer.Sign(m.header, body.Sum(), env.Date)
		if err != nil {
			return nil, fmt.Errorf("sign: %w", err)
		}
		msg.signature = fields
		for _, f := range fields {
			msg.prefix = append(append(msg.prefix, f...), "\r\n"...)
		}
		msg.size += int64(len(msg.prefix))
	}
	return msg, nil
}

// writeTo sends the exact bytes.
func (m *message) writeTo(w io.Writer) error {
	if _, err := w.Write(m.prefix); err != nil {
		return err
	}
	if m.held != nil {
		_, err := w.Write(m.held.Bytes())
		return err
	}
	var check maphash.Hash
	check.SetSeed(m.seed)
	lines := newLines(io.MultiWriter(w, &check))
	if err := m.compose(lines); err != nil {
		return err
	}
	if err := lines.Close(); err != nil {
		return err
	}
	if check.Sum64() != m.check {
		return errChanged
	}
	return nil
}

// lines makes every line end CRLF, and ends the last line: a bare CR or LF never reaches the
// wire, where some hosts would take it as a line end and others would not (RFC 5321 §2.3.8).
type lines struct {
	w     io.Writer
	cr    bool // a CR is pending
	begun bool // the last line has octets
}

func newLines(w io.Writer) *lines { return &lines{w: w} }

var crlf = []byte("\r\n")

// Write implements io.Writer. Whole runs of well-formed lines go through in one piece.
func (l *lines) Write(p []byte) (int, error) {
	written := len(p)
	if l.cr && len(p) > 0 {
		l.cr = false
		if p[0] == '\n' {
			p = p[1:]
		}
		if err := l.end(); err != nil {
			return 0, err
		}
	}
	for len(p) > 0 {
		n := clean(p)
		if n > 0 {
			if _, err := l.w.Write(p[:n]); err != nil {
				return 0, err
			}
			l.begun = p[n-1] != '\n'
			p = p[n:]
			continue
		}
		// p begins with a bare LF, a bare CR, or a CR that ends this piece.
		if p[0] == '\r' && len(p) == 1 {
			l.cr = true
			break
		}
		if err := l.end(); err != nil {
			return 0, err
		}
		p = p[1:]
	}
	return written, nil
}

func (l *lines) end() error {
	l.begun = false
	_, err := l.w.Write(crlf)
	return err
}

// Close ends the last line.
func (l *lines) Close() error {
	if !l.cr && !l.begun {
		return nil
	}
	l.cr = false
	return l.end()
}

// clean is the length of the longest beginning of p in which each CR and LF is part of a CRLF.
func clean(p []byte) int {
	n := 0
	for n < len(p) {
		lf := bytes.IndexByte(p[n:], '\n')
		line := p[n:]
		if lf >= 0 {
			line = p[n : n+lf]
		}
		cr := bytes.IndexByte(line, '\r')
		switch {
		case lf < 0 && cr < 0:
			return len(p)
		case lf < 0 || cr >= 0 && cr < lf-1:
			return n + cr
		case cr < 0:
			return n + lf
		}
		n += lf + 1
	}
	return n
}

// asciiBytes tells that no byte is over 127, eight at a time.
func asciiBytes(p []byte) bool {
	const high = 0x8080808080808080
	for len(p) >= 8 {
		if binary.LittleEndian.Uint64(p)&high != 0 {
			return false
		}
		p = p[8:]
	}
	for _, c := range p {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// stuff doubles the dot that begins a line (RFC 5321 §4.5.2). It receives CRLF line ends only.
type stuff struct {
	w    io.Writer
	tail int // how much of CRLF stands at the end of what was written: 2 at a line's beginning
}

// Write implements io.Writer.
func (s *stuff) Write(p []byte) (int, error) {
	written := len(p)
	for len(p) > 0 {
		if s.tail == 2 && p[0] == '.' {
			if _, err := s.w.Write(p[:1]); err != nil {
				return 0, err
			}
		}
		if s.tail == 1 && len(p) > 1 && p[0] == '\n' && p[1] == '.' {
			if _, err := s.w.Write(p[:1]); err != nil {
				return 0, err
			}
			p, s.tail = p[1:], 2
			continue
		}
		n := len(p)
		if i := bytes.Index(p, []byte("\r\n.")); i >= 0 {
			n = i + 2
		}
		if _, err := s.w.Write(p[:n]); err != nil {
			return 0, err
		}
		s.tail = tailOf(s.tail, p[:n])
		p = p[n:]
	}
	return written, nil
}

func tailOf(before int, p []byte) int {
	last := p[len(p)-1]
	switch {
	case last == '\r':
		return 1
	case last != '\n':
		return 0
	case len(p) == 1 && before != 1:
		return 0
	}
	return 2
}
