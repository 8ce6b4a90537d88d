package message

import (
	"bytes"
	"sync"
)

// scratch is memory in which texts are read and written, used again from message to message: most of what composing a letter
// would leave to be collected. What was put in is lost with giveBack.
type scratch struct {
	buffers []*bytes.Buffer
	used    int
}

// scratchKept is how large a buffer may be, in bytes, to be used again.
const scratchKept = 64 << 10

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// buffer gives an empty one.
func (s *scratch) buffer() *bytes.Buffer {
	if s.used == len(s.buffers) {
		s.buffers = append(s.buffers, new(bytes.Buffer))
	}
	s.used++
	return s.buffers[s.used-1]
}

// giveBack keeps no more than a few buffers of ordinary letters.
func (s *scratch) giveBack() {
	s.buffers = s.buffers[:min(len(s.buffers), 8)]
	for i, b := range s.buffers {
		if b.Reset(); b.Cap() > scratchKept {
			s.buffers[i] = new(bytes.Buffer)
		}
	}
	s.used = 0
	scratches.Put(s)
}
