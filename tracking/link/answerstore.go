package link

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"strings"

	"vaguemestre/gateway"
	"vaguemestre/gateway/message"
	"vaguemestre/gateway/store"
)

const (
	chunkSize = 4 << 20   // bytes of a file made durable at once
	leastSize = 64 << 10  // of a chunk that is not a file's last: what a cut leaves below it is sent again
	maxWords  = 200 << 10 // bytes of the words of an answer
)

// label is what is known of a file beside its octets.
type label struct {
	Name   string       `json:"name"`
	Type   string       `json:"type"`
	SHA256 gateway.Hash `json:"sha256,omitzero"`
}

// newLabel makes what a company says of its file safe: a base name, a media type that a part of a message can have. ok is false when
// there is no name.
func newLabel(name, mediaType string) (l label, ok bool) {
	l = label{Name: message.CleanName(name), Type: "application/octet-stream"}
	if t, _, err := mime.ParseMediaType(mediaType); err == nil && strings.Count(t, "/") == 1 && len(t) <= 100 {
		switch kind, _, _ := strings.Cut(t, "/"); kind {
		case "message", "multipart": // may not be encoded (RFC 2045 §6.4): they stay files
		default:
			l.Type = t
		}
	}
	return l, l.Name != ""
}

// lock and unlock keep the small things of an answer, encrypted when it is sealed.
func (a *answers) lock(sealed bool, b []byte) ([]byte, error) {
	if !sealed {
		return b, nil
	}
	return a.Vault.Seal(b)
}

func (a *answers) unlock(sealed bool, b []byte) ([]byte, error) {
	if !sealed || len(b) == 0 {
		return b, nil
	}
	return a.Vault.Open(b)
}

func (a *answers) writeLabel(sealed bool, l label) ([]byte, error) {
	b, err := json.Marshal(l)
	if err != nil {
		return nil, fmt.Errorf("write a file's label: %w", err)
	}
	return a.lock(sealed, b)
}

func (a *answers) readLabel(sealed bool, b []byte) (l label, err error) {
	if b, err = a.unlock(sealed, b); err == nil {
		err = json.Unmarshal(b, &l)
	}
	if err != nil {
		return l, fmt.Errorf("read a file's label: %w", err)
	}
	return l, nil
}

// spool takes up to most bytes of r, encrypted when they are sealed. It gives what came, with the error that ended it early; io.EOF
// is none.
func (a *answers) spool(sealed bool, r io.Reader, most int64) (*store.Spool, int64, error) {
	s := a.Desk.Spool()
	var w io.Writer = s
	closing := func() error { return nil }
	if sealed {
		out, err := a.Vault.Writer(s)
		if err != nil {
			return s, 0, err
		}
		w, closing = out, out.Close
	}
	n, err := io.CopyN(w, r, most)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return s, n, errors.Join(closing(), err)
}

// errEmpty: a file without an octet.
var errEmpty = errors.New("empty file")

// receive takes a whole file whose length is not known, chunk by chunk. What cannot be taken whole is taken out again.
func (a *answers) receive(ctx context.Context, d draft, l label, r io.Reader) (err error) {
	f := draftFile{AnswerFile: gateway.AnswerFile{ID: gateway.NewID(a.opts.Now()), Size: -1}, label: l}
	if f.Label, err = a.writeLabel(d.Sealed, l); err != nil {
		return err
	}
	if err := a.Desk.AddAnswerFile(ctx, d.ID, f.AnswerFile, a.MaxFiles); err != nil {
		return err
	}
	defer func() {
		if err != nil { // the request may have ended
			_ = a.Desk.RemoveAnswerFile(context.WithoutCancel(ctx), d.ID, f.ID) // what stays shows as not whole
		}
	}()
	for {
		n, err := a.take(ctx, d, f, r, chunkSize)
		if err != nil {
			return err
		}
		f.Received += n
		if n < chunkSize {
			break
		}
	}
	if f.Received == 0 {
		return errEmpty
	}
	fresh, err := a.Desk.AnswerOf(ctx, d.Recipient)
	if err != nil {
		return err
	}
	for _, stored := range fresh.Files {
		if stored.ID == f.ID {
			f.AnswerFile = stored
		}
	}
	return a.finish(ctx, d, f)
}

// take makes the next chunk of a file durable.
func (a *answers) take(ctx context.Context, d draft, f draftFile, r io.Reader, most int64) (int64, error) {
	s, n, err := a.spool(d.Sealed, r, most)
	defer s.Discard()
	if err != nil || n == 0 {
		return n, err
	}
	if err := a.keep(ctx, d, f, s, n); err != nil {
		return 0, err
	}
	return n, nil
}

func (a *answers) keep(ctx context.Context, d draft, f draftFile, s *store.Spool, n int64) error {
	if !a.chunks.Allow(d.Recipient.String()) {
		return errTooMany
	}
	err := a.Desk.AddChunk(ctx, d.ID, f.ID, gateway.Chunk{Start: f.Received, Size: n}, s, a.MaxBytes)
	if err == nil {
		a.metrics.bytes.Add(float64(n))
	}
	return err
}

// errTooMany: more than is allowed in a while.
var errTooMany = errors.New("too many chunks in a while")

// infectedError names what was found in a file.
type infectedError struct{ file, found string }

func (e *infectedError) Error() string { return "malware in a file of an answer: " + e.found }

// finish hashes a file whose octets are all there, has it looked at, and says that it is whole. One in which something is
// found is taken out.
func (a *answers) finish(ctx context.Context, d draft, f draftFile) error {
	sum := sha256.New()
	if err := a.pour(ctx, sum, d, f); err != nil {
		return err
	}
	f.label.SHA256 = gateway.Hash(sum.Sum(nil))
	if err := a.harmless(ctx, d, f); err != nil {
		return err
	}
	b, err := a.writeLabel(d.Sealed, f.label)
	if err != nil {
		return err
	}
	f.Label = b
	if err := a.Desk.FinishAnswerFile(ctx, d.ID, f.AnswerFile); err != nil {
		return err
	}
	a.metrics.files.WithLabelValues("received").Inc()
	return nil
}

// errUnscanned: the scanner did not answer.
var errUnscanned = errors.New("not scanned")

// harmless has a file scanned, when there is a scanner. One in which something is found is taken out.
func (a *answers) harmless(ctx context.Context, d draft, f draftFile) error {
	if a.opts.Antivirus == nil {
		return nil
	}
	var open []io.ReadCloser
	found, err := a.opts.Antivirus.Judge(ctx, f.label.SHA256, func() (io.Reader, error) {
		open = append(open, a.reader(ctx, d, f))
		return open[len(open)-1], nil
	})
	for _, r := range open {
		err = errors.Join(err, r.Close())
	}
	switch {
	case err != nil:
		return fmt.Errorf("%w: %w", errUnscanned, err)
	case found == "":
		return nil
	}
	a.metrics.files.WithLabelValues("infected").Inc()
	return errors.Join(&infectedError{f.label.Name, found}, a.Desk.RemoveAnswerFile(ctx, d.ID, f.ID))
}

// reader reads a file from its chunks, one open at a time. An error ends it.
func (a *answers) reader(ctx context.Context, d draft, f draftFile) io.ReadCloser {
	return &pieces{ctx: ctx, a: a, sealed: d.Sealed, left: f.Chunks}
}

// pour writes a whole file to w.
func (a *answers) pour(ctx context.Context, w io.Writer, d draft, f draftFile) error {
	r := a.reader(ctx, d, f)
	_, err := io.Copy(w, r)
	if err = errors.Join(err, r.Close()); err != nil {
		return fmt.Errorf("read a file of an answer: %w", err)
	}
	return nil
}

type pieces struct {
	ctx    context.Context
	a      *answers
	sealed bool
	left   []gateway.Chunk
	open   []io.Closer
	now    io.Reader
}

// Read implements io.Reader.
func (p *pieces) Read(b []byte) (int, error) {
	for {
		if p.now == nil {
			if len(p.left) == 0 {
				return 0, io.EOF
			}
			if err := p.next(); err != nil {
				return 0, err
			}
		}
		n, err := p.now.Read(b)
		if !errors.Is(err, io.EOF) {
			return n, err
		}
		if err := p.Close(); err != nil || n > 0 {
			return n, err
		}
	}
}

// Close closes the chunk that is open.
func (p *pieces) Close() (err error) {
	for _, open := range p.open {
		err = errors.Join(err, open.Close())
	}
	p.now, p.open = nil, nil
	return err
}

func (p *pieces) next() error {
	c := p.left[0]
	content, err := p.a.contents(p.ctx, c.Content)
	if err != nil {
		return err
	}
	p.open = append(p.open, content)
	switch {
	case p.sealed:
		plain, err := p.a.Vault.Reader(content, content.Size())
		if err != nil {
			return err
		}
		p.now, p.open = plain, append(p.open, plain)
	case content.Size() != c.Size:
		return fmt.Errorf("a chunk of %d bytes has %d", c.Size, content.Size())
	default:
		p.now = io.NewSectionReader(content, 0, content.Size())
	}
	p.left = p.left[1:]
	return nil
}
