package message

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
)

// window is how much of the source is held at a time. headBytes is how much of a line the parser
// looks at: longer than any delimiter that is believed.
const (
	window    = 32 << 10
	headBytes = 1000
)

var windows = sync.Pool{New: func() any { b := make([]byte, window); return &b }}

// line is one line of the source. head is its beginning, without its line end; valid until the
// next one is read.
type line struct {
	start, end, next int64 // end: before the line end; next: after it
	head             []byte
}

// scanner cuts a source into lines, whatever their length, holding one window of it.
type scanner struct {
	src  io.ReaderAt
	size int64
	pos  int64 // of the next line
	buf  *[]byte
	base int64 // of buf[0] in the source
	n    int   // bytes held
	long []byte
}

func newScanner(src io.ReaderAt, size int64) *scanner {
	return &scanner{src: src, size: size, buf: windows.Get().(*[]byte)}
}

func (s *scanner) close() { windows.Put(s.buf) }

// fill makes the window begin at off.
func (s *scanner) fill(off int64) error {
	held := (*s.buf)[:s.n]
	kept := 0
	if skip := off - s.base; skip >= 0 && skip < int64(len(held)) {
		kept = copy(*s.buf, held[skip:])
	}
	s.base = off
	want := min(int64(window-kept), s.size-off-int64(kept))
	n, err := readAt(s.src, (*s.buf)[kept:kept+int(want)], off+int64(kept))
	s.n = kept + n
	return err
}

// readAt reads all of p; a source shorter than it was said to be is an error.
func readAt(src io.ReaderAt, p []byte, off int64) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := src.ReadAt(p, off)
	if n == len(p) {
		return n, nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, fmt.Errorf("read the source at %d: %w", off, err)
}

// next gives the next line; io.EOF after the last one.
func (s *scanner) next() (line, error) {
	if s.pos >= s.size {
		return line{}, io.EOF
	}
	start := s.pos
	if start < s.base || start >= s.base+int64(s.n) {
		if err := s.fill(start); err != nil {
			return line{}, err
		}
	}
	held := (*s.buf)[start-s.base : s.n]
	i := bytes.IndexByte(held, '\n')
	if i < 0 && s.base+int64(s.n) < s.size && start > s.base {
		if err := s.fill(start); err != nil {
			return line{}, err
		}
		held = (*s.buf)[:s.n]
		i = bytes.IndexByte(held, '\n')
	}
	switch {
	case i >= 0:
		s.pos = start + int64(i) + 1
		return cut(held[:i+1], start, s.pos), nil
	case s.base+int64(s.n) >= s.size:
		s.pos = s.size
		return line{start: start, end: s.size, next: s.size, head: held}, nil
	}
	return s.longLine(start, held)
}

func cut(whole []byte, start, next int64) line {
	n := len(whole) - 1
	if n > 0 && whole[n-1] == '\r' {
		n--
	}
	return line{start: start, end: start + int64(n), next: next, head: whole[:n]}
}

// longLine finds the end of a line that does not fit in the window.
func (s *scanner) longLine(start int64, held []byte) (line, error) {
	s.long = append(s.long[:0], held[:headBytes]...)
	last := held[len(held)-1]
	for {
		off := s.base + int64(s.n)
		if off >= s.size {
			s.pos = s.size
			return line{start: start, end: s.size, next: s.size, head: s.long}, nil
		}
		s.n = 0
		if err := s.fill(off); err != nil {
			return line{}, err
		}
		held = (*s.buf)[:s.n]
		if i := bytes.IndexByte(held, '\n'); i >= 0 {
			if i > 0 {
				last = held[i-1]
			}
			end := off + int64(i)
			s.pos = end + 1
			if last == '\r' {
				end--
			}
			return line{start: start, end: end, next: s.pos, head: s.long}, nil
		}
		last = held[len(held)-1]
	}
}
