package store

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"vaguemestre/gateway"
)

// Spool takes a content whose size is not known yet: in memory while it is small, then in a
// temporary file, so that memory does not grow with it (promise 12). It is used by one
// goroutine at a time, and ended by Discard whatever became of it. What is in it is not
// durable before the transaction that names it.
type Spool struct {
	files   *files
	inline  int64
	memory  bytes.Buffer
	file    *os.File
	path    string // of the temporary file, while it has one
	secret  bool   // the temporary file has no name
	settled bool   // it has its final place
	sum     hash.Hash
	size    int64
	hash    gateway.Hash
	hashed  bool
}

// Spool begins an empty one.
func (s *Store) Spool() *Spool {
	return &Spool{files: s.files, inline: s.inline, sum: sha256.New()}
}

// SecretSpool begins one of what may have to be encrypted before it is stored: its temporary file is nameless from the start, so that a crash
// leaves none to be read. Storing it after all takes a copy.
func (s *Store) SecretSpool() *Spool {
	p := s.Spool()
	p.secret = true
	return p
}

// Write implements io.Writer. A failure (disk full) is temporary.
func (p *Spool) Write(b []byte) (int, error) {
	if p.file == nil && p.size+int64(len(b)) > p.inline {
		if err := p.spill(); err != nil {
			return 0, fault("spool a content", err)
		}
	}
	n, err := len(b), error(nil)
	if p.file != nil {
		n, err = p.file.Write(b)
	} else {
		p.memory.Write(b)
	}
	p.sum.Write(b[:n])
	p.size += int64(n)
	p.hashed = false
	return n, fault("spool a content", err)
}

// spill moves what memory holds into a temporary file.
func (p *Spool) spill() error {
	f, err := p.files.temporary()
	if err != nil {
		return err
	}
	p.file, p.path = f, f.Name()
	if p.secret {
		if err := os.Remove(p.path); err != nil {
			return err
		}
		p.path = ""
	}
	_, err = f.Write(p.memory.Bytes())
	p.memory = bytes.Buffer{}
	return err
}

// Size is the number of bytes written.
func (p *Spool) Size() int64 { return p.size }

// Hash is the SHA-256 of the bytes written so far.
func (p *Spool) Hash() gateway.Hash {
	if !p.hashed {
		p.hash, p.hashed = gateway.Hash(p.sum.Sum(nil)), true
	}
	return p.hash
}

// ReaderAt reads what was written; valid until Discard.
func (p *Spool) ReaderAt() io.ReaderAt {
	if p.file != nil {
		return p.file
	}
	return bytes.NewReader(p.memory.Bytes())
}

// inlined is the content as the database keeps it: NULL when it is in a file.
func (p *Spool) inlined() any {
	if p.file != nil {
		return nil
	}
	if p.size == 0 {
		return []byte{} // an empty content is no NULL
	}
	return p.memory.Bytes()
}

// Discard gives back the memory or the temporary file. What a transaction has named stays.
func (p *Spool) Discard() {
	p.memory = bytes.Buffer{}
	if p.file == nil {
		return
	}
	_ = p.file.Close()
	if p.path != "" {
		_ = os.Remove(p.path) // what stays behind, the sweep takes
	}
	p.file, p.path = nil, ""
}

// settle makes a large content durable under its final name.
func (p *Spool) settle() error {
	var err error
	switch {
	case p.file == nil || p.settled:
		return nil
	case p.secret:
		err = p.files.put(io.NewSectionReader(p.file, 0, p.size), p.Hash())
	default:
		err = p.files.settle(p.file, p.path, p.Hash())
	}
	if err != nil {
		return fmt.Errorf("settle a content: %w", err)
	}
	p.path, p.settled = "", true
	return nil
}

// restore puts a settled content back if the sweep took it between settle and the
// transaction that names it. The caller's transaction holds the content's row, as the
// sweep does while it removes a file.
func (p *Spool) restore() error {
	if p.file == nil {
		return nil
	}
	switch _, err := p.files.stat(p.Hash()); {
	case err == nil:
		return nil
	case !errors.Is(err, os.ErrNotExist):
		return err
	}
	return p.files.put(io.NewSectionReader(p.file, 0, p.size), p.Hash())
}
