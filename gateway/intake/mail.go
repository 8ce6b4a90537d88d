package intake

import (
	"crypto/rand"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"strings"

	"vaguemestre/gateway"
)

// letter writes a multipart/mixed message to an agent. The first failure is kept and given by end.
type letter struct {
	w        io.Writer
	boundary string
	err      error
}

// letterTo begins a message to the agent, threaded under theirs. To names them, unless the message is to be edited and sent to somebody else; answers
// go there too. RFC 3834 §5: it is marked as made by a program.
func (in *Intake) letterTo(x *exam, w io.Writer, subject, to string) *letter {
	l := &letter{w: w, boundary: rand.Text()}
	from := mail.Address{Name: "Vaguemestre", Address: "nepasrepondre@" + in.o.Domain}
	agent := mail.Address{Name: x.s.Agent.Name, Address: x.from}
	l.field("From", from.String())
	if to == "" {
		l.field("To", agent.String())
	} else {
		l.field("To", to)
		l.field("Reply-To", to)
	}
	l.field("Subject", mime.QEncoding.Encode("utf-8", subject))
	l.field("Date", x.now.In(x.consultation.Location()).Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	l.field("Message-ID", "<"+gateway.NewID(x.now).String()+"@"+in.o.Domain+">")
	if x.messageID != "" {
		l.field("In-Reply-To", x.messageID)
	}
	l.field("Auto-Submitted", "auto-generated")
	l.field("MIME-Version", "1.0")
	l.field("Content-Type", `multipart/mixed; boundary="`+l.boundary+`"`)
	l.print("\r\n")
	return l
}

// field writes a header field, folded between words (RFC 5322 §2.2.3).
func (l *letter) field(name, value string) {
	line := name + ":"
	for word := range strings.FieldsSeq(value) {
		if len(line)+1+len(word) > 76 && line != name+":" {
			l.print(line + "\r\n")
			line = ""
		}
		line += " " + word
	}
	l.print(line + "\r\n")
}

func (l *letter) print(text string) {
	if l.err == nil {
		_, l.err = io.WriteString(l.w, text)
	}
}

func (l *letter) part(fields ...string) {
	l.print("--" + l.boundary + "\r\n" + strings.Join(fields, "\r\n") + "\r\n\r\n")
}

// text adds what the agent reads first.
func (l *letter) text(body string) {
	l.part("Content-Type: text/plain; charset=utf-8", "Content-Transfer-Encoding: quoted-printable")
	l.quoted(body)
}

// file adds a text of another kind as a file.
func (l *letter) file(name, mediaType, body string) {
	l.part("Content-Type: "+mediaType, "Content-Transfer-Encoding: quoted-printable",
		"Content-Disposition: "+mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	l.quoted(body)
}

func (l *letter) quoted(body string) {
	if l.err != nil {
		return
	}
	q := quotedprintable.NewWriter(l.w) // writes every line end as CRLF, whatever the body's are
	_, err := io.WriteString(q, body)
	if closed := q.Close(); err == nil {
		err = closed
	}
	l.err = err
	l.print("\r\n")
}

// message attaches a whole message. RFC 2046 §5.2.1: it is not encoded.
func (l *letter) message(name string, content io.Reader) {
	l.part("Content-Type: message/rfc822", "Content-Transfer-Encoding: 8bit",
		"Content-Disposition: "+mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	if l.err == nil {
		_, l.err = io.Copy(l.w, content)
	}
	l.print("\r\n")
}

func (l *letter) end() error {
	l.print("--" + l.boundary + "--\r\n")
	if l.err != nil {
		return fmt.Errorf("write a message: %w", l.err)
	}
	return nil
}
