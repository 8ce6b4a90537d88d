package compose

import (
	"io"
	"runtime"
	"strings"
	"testing"
)

// TestPromiseBounded: a message of 60 MB composes in a memory that does not grow with it.
func TestPromiseBounded(t *testing.T) {
	c := plainSample()
	src := &large{lines: 60_000_000 / 78}
	c.Size = src.size()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	out := &counter{}
	if err := Letter(out, c, company(), src, addresses()); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if out.n < c.Size {
		t.Errorf("%d bytes of %d", out.n, c.Size)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 2<<20 {
		t.Errorf("%d bytes allocated for a message of %d", grown, c.Size)
	}
}

const (
	largeHead = "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nBonjour\r\n--b\r\nContent-Type: application/pdf; name=a.pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n"
	largeTail = "--b--\r\n"
	largeLine = "QUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJDQUJD\r\n"
)

// large is a mail with one large file, that takes no memory.
type large struct{ lines int }

func (l *large) size() int64 { return int64(len(largeHead) + l.lines*len(largeLine) + len(largeTail)) }

// ReadAt implements io.ReaderAt.
func (l *large) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	for n < len(p) && off < l.size() {
		var from string
		switch at := off - int64(len(largeHead)); {
		case at < 0:
			from = largeHead[off:]
		case at < int64(l.lines*len(largeLine)):
			from = largeLine[at%int64(len(largeLine)):]
		default:
			from = largeTail[at-int64(l.lines*len(largeLine)):]
		}
		k := copy(p[n:], from)
		n, off = n+k, off+int64(k)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

type counter struct{ n int64 }

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return len(p), nil
}

func BenchmarkLetterAcknowledged(b *testing.B) {
	c := sample()
	b.ReportAllocs()
	for b.Loop() {
		if err := Letter(io.Discard, c, company(), nil, addresses()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLetterPlain4KiB(b *testing.B) {
	c := plainSample()
	mail := "Content-Type: multipart/alternative; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n" + strings.Repeat("Nous vous remercions de votre réponse.\r\n", 45) +
		"--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body>" + strings.Repeat("<p>Nous vous remercions de votre réponse.</p>\r\n", 45) + "</body></html>\r\n--b--\r\n"
	c.Size = int64(len(mail))
	b.SetBytes(c.Size)
	b.ReportAllocs()
	for b.Loop() {
		if err := Letter(io.Discard, c, company(), strings.NewReader(mail), addresses()); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLetterPlain60MB(b *testing.B) {
	c := plainSample()
	src := &large{lines: 60_000_000 / 78}
	c.Size = src.size()
	b.SetBytes(c.Size)
	b.ReportAllocs()
	for b.Loop() {
		if err := Letter(io.Discard, c, company(), src, addresses()); err != nil {
			b.Fatal(err)
		}
	}
}
