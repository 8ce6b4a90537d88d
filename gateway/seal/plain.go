package seal

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"filippo.io/age"
)

// windowSize is how much of a long content is opened at once. Whatever is asked of the library, it throws away the 64 KiB
// it read into: asked for little at a time, it would leave as much garbage as the content is long.
const windowSize = 1 << 20

// windows are used again: the pieces of one file are opened one after the other.
var windows = sync.Pool{New: func() any { return new([windowSize]byte) }}

// Plain is what a sealed content says, open for reading. It holds 1 MiB at most, whatever the length, until it is closed. It is used by one
// goroutine at a time.
type Plain struct {
	from   io.ReaderAt
	size   int64
	next   int64 // of Read
	start  int64 // where the window lies
	window []byte
	pooled *[windowSize]byte
}

// Reader opens what Writer sealed into so many bytes. Octets that were changed are an error when they are read. The caller
// closes it, which does not close what it reads from.
func (v *Vault) Reader(sealed io.ReaderAt, size int64) (*Plain, error) {
	from, n, err := age.DecryptReaderAt(sealed, size, v.out...)
	if err != nil {
		return nil, fmt.Errorf("open what is sealed: %w", err)
	}
	return &Plain{from: from, size: n}, nil
}

// Size is its length, in bytes.
func (p *Plain) Size() int64 { return p.size }

// Close implements io.Closer. It never fails.
func (p *Plain) Close() error {
	if p.pooled != nil {
		windows.Put(p.pooled)
	}
	p.window, p.pooled = nil, nil
	return nil
}

// ReadAt implements io.ReaderAt.
func (p *Plain) ReadAt(b []byte, off int64) (n int, err error) {
	for n < len(b) {
		from, err := p.at(off + int64(n))
		if err != nil {
			return n, err
		}
		n += copy(b[n:], from)
	}
	return n, nil
}

// Read implements io.Reader.
func (p *Plain) Read(b []byte) (int, error) {
	from, err := p.at(p.next)
	n := copy(b, from)
	p.next += int64(n)
	return n, err
}

// WriteTo implements io.WriterTo: what Read has not given yet.
func (p *Plain) WriteTo(w io.Writer) (written int64, err error) {
	for {
		from, err := p.at(p.next)
		if errors.Is(err, io.EOF) {
			return written, nil
		}
		if err != nil {
			return written, err
		}
		n, err := w.Write(from)
		p.next, written = p.next+int64(n), written+int64(n)
		if err != nil {
			return written, err
		}
	}
}

// at gives what stands at an offset, one octet at least, valid until the next call; io.EOF behind the end.
func (p *Plain) at(off int64) ([]byte, error) {
	if off < 0 {
		return nil, errors.New("read before the beginning of what is sealed")
	}
	if off >= p.size {
		return nil, io.EOF
	}
	if off < p.start || off >= p.start+int64(len(p.window)) {
		if err := p.move(off); err != nil {
			return nil, err
		}
	}
	return p.window[off-p.start:], nil
}

// move puts the window where an offset lies in it.
func (p *Plain) move(off int64) error {
	var room []byte
	switch {
	case p.pooled != nil:
		room = p.pooled[:]
	case p.size <= windowSize/4: // not worth so much
		room = make([]byte, p.size)
	default:
		p.pooled = windows.Get().(*[windowSize]byte)
		room = p.pooled[:]
	}
	start := off / windowSize * windowSize
	room = room[:min(windowSize, p.size-start)]
	p.window = nil
	if _, err := io.ReadFull(io.NewSectionReader(p.from, start, int64(len(room))), room); err != nil {
		return fmt.Errorf("open what is sealed: %w", err)
	}
	p.start, p.window = start, room
	return nil
}
