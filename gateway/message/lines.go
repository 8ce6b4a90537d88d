package message

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"sync"
)

// inspection is what decides whether mail can carry bytes as they are.
type inspection struct {
	longest int  // line, in octets without its end
	loose   bool // lines that end with LF alone
	cr, nul bool // CR that ends no line; NUL
	high    bool // octets over 127
}

// unsafe tells bytes that SMTP would refuse, cut or change (RFC 5321 §2.3.8, §4.5.3.1.6).
func (in inspection) unsafe() bool { return in.longest > maxLine || in.cr || in.nul }

var copyBuffers = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

// inspect reads to the end. It goes by blocks and lines, not by octets: every file of every courier comes here.
func inspect(r io.Reader) (in inspection, err error) {
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	var l lineCount
	for {
		n, err := r.Read(*buf)
		b := (*buf)[:n]
		in.nul = in.nul || bytes.IndexByte(b, 0) >= 0
		in.high = in.high || hasHigh(b)
		l.add(b)
		if err == nil {
			continue
		}
		in.longest, in.loose, in.cr = max(l.longest, l.width), l.loose, l.returns > l.ended
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return in, err
	}
}

// lineCount follows lines from block to block.
type lineCount struct {
	longest, width int  // of lines that ended, of the one under way
	last           byte // octet before the block
	returns, ended int  // CRs, and those of them that end a line
	loose          bool
}

func (l *lineCount) add(b []byte) {
	l.returns += bytes.Count(b, []byte{'\r'})
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			l.width += len(b)
			l.last = b[len(b)-1]
			return
		}
		if i > 0 {
			l.last = b[i-1]
		}
		l.width += i
		if l.last == '\r' {
			l.width--
			l.ended++
		} else {
			l.loose = true
		}
		l.longest, l.width, l.last = max(l.longest, l.width), 0, '\n'
		b = b[i+1:]
	}
}

// hasHigh tells whether an octet is over 127, eight at a time.
func hasHigh(b []byte) bool {
	for ; len(b) >= 8; b = b[8:] {
		if binary.NativeEndian.Uint64(b)&0x8080808080808080 != 0 {
			return true
		}
	}
	for _, c := range b {
		if c >= 0x80 {
			return true
		}
	}
	return false
}

// copyCRLF copies, every line end made CRLF. A CR that ends no line stays.
func copyCRLF(w *bufio.Writer, r io.Reader) error {
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	cr := false
	for {
		n, err := r.Read(*buf)
		if werr := writeLines(w, (*buf)[:n], &cr); werr != nil {
			return werr
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func writeCRLF(w *bufio.Writer, b []byte) error {
	cr := false
	return writeLines(w, b, &cr)
}

// writeLines writes b; cr remembers from call to call whether the last octet was CR.
func writeLines(w *bufio.Writer, b []byte, cr *bool) error {
	for len(b) > 0 {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			break
		}
		has := *cr
		if i > 0 {
			has = b[i-1] == '\r'
		}
		w.Write(b[:i])
		if !has {
			w.WriteByte('\r')
		}
		w.WriteByte('\n')
		b, *cr = b[i+1:], false
	}
	if len(b) > 0 {
		*cr = b[len(b)-1] == '\r'
	}
	_, err := w.Write(b)
	return err
}

// plainLines tells a text that can go as 7bit: ASCII without controls, no line over 998 octets or
// one that mail software on the way is known to change.
func plainLines(b []byte) bool {
	width := 0
	for i, c := range b {
		switch {
		case c == '\n':
			width = 0
			continue
		case c == '\r':
			if i+1 == len(b) || b[i+1] != '\n' {
				return false
			}
			continue
		case c >= 0x7f || c < ' ' && c != '\t':
			return false
		}
		if width == 0 && (c == 'F' && bytes.HasPrefix(b[i:], []byte("From ")) || c == '-' || c == '.') {
			return false
		}
		if width++; width > maxLine {
			return false
		}
	}
	return true
}

// qpWidth is the room of a line before its soft break.
const qpWidth = 75

// qpSelf are the octets that stand for themselves wherever they are; spaces do where no line ends.
var qpSelf = func() (t [256]bool) {
	for c := byte(' ') + 1; c <= '~'; c++ {
		t[c] = c != '='
	}
	return t
}()

// writeQP writes text in quoted-printable (RFC 2045 §6.7), line ends made CRLF. No line begins with
// `-` (no delimiter of a multipart can appear), with `.` or with `From `.
func writeQP(w *bufio.Writer, b []byte) error {
	width := 0
	for i := 0; i < len(b); {
		if n := qpRun(b[i:], width); n > 0 {
			w.Write(b[i : i+n])
			i, width = i+n, width+n
			continue
		}
		c := b[i]
		if c == '\n' || c == '\r' && i+1 < len(b) && b[i+1] == '\n' {
			i += 1 + b2i(c == '\r')
			w.WriteString("\r\n")
			width = 0
			continue
		}
		if width+3 > qpWidth {
			w.WriteString("=\r\n")
			width = 0
			continue // what was to be escaped may stand at the beginning, or the other way round
		}
		const hex = "0123456789ABCDEF"
		w.WriteByte('=')
		w.WriteByte(hex[c>>4])
		w.WriteByte(hex[c&15])
		i, width = i+1, width+3
	}
	_, err := w.Write(nil)
	return err
}

// qpRun is how many octets can be written as they are, width octets into a line.
func qpRun(b []byte, width int) int {
	if width == 0 && (b[0] == '-' || b[0] == '.' || b[0] == 'F' && bytes.HasPrefix(b, []byte("From "))) {
		return 0
	}
	n, most := 0, min(len(b), qpWidth-width)
	for n < most && (qpSelf[b[n]] || isWSP(b[n]) && n+1 < len(b) && b[n+1] != '\n' && b[n+1] != '\r') {
		n++
	}
	return n
}

// lineBreaker breaks base64 into lines of 76 characters.
type lineBreaker struct {
	w     *bufio.Writer
	width int
}

// Write implements io.Writer.
func (l *lineBreaker) Write(p []byte) (int, error) {
	total := len(p)
	for len(p) > 0 {
		if l.width == 76 {
			l.w.WriteString("\r\n")
			l.width = 0
		}
		n := min(76-l.width, len(p))
		if _, err := l.w.Write(p[:n]); err != nil {
			return 0, err
		}
		l.width += n
		p = p[n:]
	}
	return total, nil
}
