package message

import (
	"bufio"
	"io"
	"strings"
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

// FragmentHeader is the header with which the first piece of a message that was cut into several begins (RFC 2046
// §5.2.2): the cut message's own, which no splicing takes out of the piece. Empty for any other message.
func (m *Message) FragmentHeader() Header {
	if m.Root.MediaType != "message/partial" || strings.TrimLeft(m.Root.Params["number"], "0") > "1" {
		return Header{}
	}
	start, err := io.ReadAll(io.LimitReader(m.Root.Decoded(), 256<<10))
	if err != nil {
		return Header{}
	}
	h, _ := ParseHeader(start)
	return h
}

// Telling finds a field that may name others than the recipient, or say where a message comes from: the name of the
// first, empty when there is none.
func (h Header) Telling(recipient string) string {
	for _, f := range h.fields {
		name := strings.ToLower(f.Name)
		switch {
		case strings.HasPrefix(name, "content-"):
		case name == "mime-version", name == "subject", name == "date", name == "from", name == "message-id":
		case name == "to" || name == "cc":
			for _, a := range h.Addresses(name) {
				if !strings.EqualFold(a.Address, recipient) {
					return f.Name
				}
			}
		default:
			return f.Name
		}
	}
	return ""
}
