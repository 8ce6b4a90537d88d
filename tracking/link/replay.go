package link

import (
	"errors"
	"io"
)

// replay is a content that can only be read from its beginning, as one that can be read from anywhere: to go back, it
// begins again. Memory does not grow with it.
type replay struct {
	size  int64
	begin func() io.ReadCloser
	from  io.ReadCloser
	at    int64 // where from stands
	want  int64 // where the next Read begins
	fault error // that ended a reading too early
}

func newReplay(size int64, begin func() io.ReadCloser) *replay {
	return &replay{size: size, begin: begin}
}

// Seek implements io.Seeker.
func (p *replay) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += p.want
	case io.SeekEnd:
		offset += p.size
	}
	if offset < 0 {
		return 0, errors.New("seek before the beginning")
	}
	p.want = offset
	return offset, nil
}

// Read implements io.Reader. A content that ends before its size is a fault.
func (p *replay) Read(b []byte) (int, error) {
	if p.want >= p.size {
		return 0, io.EOF
	}
	if err := p.reach(); err != nil {
		return 0, p.fail(err)
	}
	n, err := p.from.Read(b[:min(int64(len(b)), p.size-p.at)])
	p.at += int64(n)
	p.want = p.at
	if err != nil && p.at < p.size {
		return n, p.fail(err)
	}
	return n, nil
}

// reach brings from to where the next Read begins.
func (p *replay) reach() error {
	if p.from != nil && p.at > p.want {
		if err := p.Close(); err != nil {
			return err
		}
	}
	if p.from == nil {
		p.from, p.at = p.begin(), 0
	}
	n, err := io.CopyN(io.Discard, p.from, p.want-p.at)
	p.at += n
	return err
}

func (p *replay) fail(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	p.fault = err
	return err
}

// Close implements io.Closer.
func (p *replay) Close() error {
	if p.from == nil {
		return nil
	}
	err := p.from.Close()
	p.from = nil
	return err
}
