package notice

import (
	"io"
	"strings"

	"vaguemestre/gateway"
	"vaguemestre/gateway/message"
)

// parts writes a multipart message; after an error it writes nothing more.
type parts struct {
	w        io.Writer
	boundary string
	err      error
}

// newParts writes the header. The boundary is the job's identifier, which is drawn at random
// after the parts came in: none of them can hold it.
func newParts(w io.Writer, header, mediaType string, job gateway.Job) *parts {
	p := &parts{w: w, boundary: "=_" + job.ID.String()}
	p.write(header + "Content-Type: " + mediaType + "; boundary=\"" + p.boundary + "\"\r\n\r\n")
	return p
}

func (p *parts) write(s string) {
	if p.err == nil {
		_, p.err = io.WriteString(p.w, s)
	}
}

// add writes one part: its fields, the empty line, its body.
func (p *parts) add(part func(io.Writer) error) {
	p.write("--" + p.boundary + "\r\n")
	if p.err == nil {
		p.err = part(p.w)
	}
	p.write("\r\n")
}

func (p *parts) end() error {
	p.write("--" + p.boundary + "--\r\n")
	return p.err
}

// writeEntity writes header, then the Content fields of a part as they came, the empty line, and
// its body byte for byte.
func writeEntity(w io.Writer, before string, p *message.Part) error {
	h := new(header)
	for _, f := range p.Header.Fields() {
		if len(f.Name) > 8 && strings.EqualFold(f.Name[:8], "Content-") {
			h.raw(f)
		}
	}
	if _, err := io.WriteString(w, before+h.String()+"\r\n"); err != nil {
		return err
	}
	_, err := io.Copy(w, p.Raw())
	return err
}
