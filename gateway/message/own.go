package message

import (
	"bufio"
	"io"
)

// WriteWords writes a message that holds nothing but words of ours, as text and HTML: header is its
// fields but MIME-Version and Content-*, each ended by CRLF; boundary as in Splicing.
func WriteWords(w io.Writer, header, boundary string, words Words) error {
	out := writers.Get().(*bufio.Writer)
	out.Reset(w)
	defer func() {
		out.Reset(nil)
		writers.Put(out)
	}()
	out.WriteString(header)
	out.WriteString("MIME-Version: 1.0\r\n")
	p := &splicer{s: Splicing{Boundary: boundary}, w: out}
	if err := p.forms(words); err != nil {
		return err
	}
	return out.Flush()
}

// KeptHeaders gives the headers that Splice copies whole because a signature covers them: those of
// the parts of a multipart/signed or /encrypted. Whoever sends the message answers for what they say.
func (m *Message) KeptHeaders() []Header {
	var all []Header
	var walk func(p *Part, kept bool)
	walk = func(p *Part, kept bool) {
		if kept {
			all = append(all, p.Header)
		}
		kept = kept || protection(p) != ""
		for _, c := range p.Children {
			walk(c, kept)
		}
	}
	walk(m.Root, false)
	return all
}
