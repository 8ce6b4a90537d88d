package relay

import (
	"bytes"
	"crypto/sha256"
	"hash"
)

// relaxField appends a header field in relaxed form (RFC 6376 §3.4.2): name in lower case, no
// space around the colon, unfolded, each run of white space one space, none at the end.
func relaxField(to, raw []byte) []byte {
	colon := bytes.IndexByte(raw, ':')
	to = append(to, bytes.ToLower(bytes.TrimRight(raw[:colon], " \t"))...)
	to = append(to, ':')
	begin := len(to)
	space := false
	for _, c := range raw[colon+1:] {
		switch c {
		case ' ', '\t':
			space = true
		case '\r', '\n': // unfolding: the line break goes, the white space after it stays
		default:
			if space && len(to) > begin {
				to = append(to, ' ')
			}
			space = false
			to = append(to, c)
		}
	}
	return append(to, crlf...)
}

// bodyHash is the SHA-256 of a body in relaxed form (RFC 6376 §3.4.4), computed as it streams:
// white space at the ends of lines goes, each other run of it is one space, empty lines at the
// end go. It receives CRLF line ends only. Memory: one small buffer, and three counters for
// what may still turn out to stand at an end.
type bodyHash struct {
	h     hash.Hash
	out   []byte // canonical octets on their way to h, so that it hashes large pieces
	blank int    // line ends not yet written: they count only if something follows
	any   bool   // something was written: the body is not empty
	space bool   // a run of white space is pending
}

const bodyHashBuffer = 8 << 10

func newBodyHash() *bodyHash {
	return &bodyHash{h: sha256.New(), out: make([]byte, 0, bodyHashBuffer)}
}

// Write implements io.Writer; it never fails.
func (b *bodyHash) Write(p []byte) (int, error) {
	written := len(p)
	for len(p) > 0 {
		lf := bytes.IndexByte(p, '\n')
		if lf < 0 {
			b.text(p)
			break
		}
		b.text(p[:lf])
		b.endLine()
		p = p[lf+1:]
	}
	return written, nil
}

func (b *bodyHash) endLine() {
	b.space = false
	b.blank++
}

// text takes a piece of one line. A CR in it ends the line (no bare one comes here).
func (b *bodyHash) text(p []byte) {
	if n := len(p); n > 0 && p[n-1] == '\r' {
		p = p[:n-1]
	}
	if !b.space && plain(p) {
		b.begin()
		b.write(p)
		return
	}
	for len(p) > 0 {
		n := nextSpace(p)
		if n > 0 {
			b.begin()
			b.write(p[:n])
			p = p[n:]
			continue
		}
		b.space = true
		p = p[1:]
	}
}

// plain tells a piece of a line, not empty, that is canonical as it stands: most are.
func plain(p []byte) bool {
	n := len(p)
	return n > 0 && p[n-1] != ' ' && bytes.IndexByte(p, '\t') < 0 && !bytes.Contains(p, []byte("  "))
}

// begin writes what stood pending before a piece of text.
func (b *bodyHash) begin() {
	for ; b.blank > 0; b.blank-- {
		b.write(crlf)
	}
	if b.space {
		b.write([]byte{' '})
		b.space = false
	}
	b.any = true
}

func nextSpace(p []byte) int {
	n := bytes.IndexByte(p, ' ')
	if n < 0 {
		n = len(p)
	}
	if tab := bytes.IndexByte(p[:n], '\t'); tab >= 0 {
		return tab
	}
	return n
}

func (b *bodyHash) write(p []byte) {
	if len(b.out)+len(p) > cap(b.out) {
		b.h.Write(b.out)
		b.out = b.out[:0]
	}
	if len(p) > cap(b.out) {
		b.h.Write(p)
		return
	}
	b.out = append(b.out, p...)
}

// Sum ends the body. A body that is not empty ends with one CRLF; an empty one stays empty.
func (b *bodyHash) Sum() [sha256.Size]byte {
	if b.any {
		b.write(crlf)
	}
	b.h.Write(b.out)
	b.out = b.out[:0]
	return [sha256.Size]byte(b.h.Sum(nil))
}
