package link

import (
	"bufio"
	"crypto/rand"
	"encoding/base64"
	"io"
	"mime/quotedprintable"
	"net/mail"
	"strconv"
	"strings"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/message"
)

// answerMessage is an answer as the message that a mail program would have sent: everything that follows treats it as an answer by mail.
type answerMessage struct {
	letter
	reply  gateway.Reply
	domain string
	files  []draftFile
}

// described is its files with their places in the message.
func (m answerMessage) described() []gateway.File {
	files := make([]gateway.File, len(m.files))
	for i, f := range m.files {
		files[i] = gateway.File{Name: f.Name(), MediaType: f.Type(), Size: f.Received, SHA256: f.Hash(), Part: strconv.Itoa(i + 2)}
	}
	return files
}

// boundary cannot be in a part: the words are in quoted-printable, which writes "=_" otherwise, and the files in base64.
func (m answerMessage) boundary() string { return "=_" + m.reply.ID.String() }

// write writes the message; pour writes the octets of a file. Memory does not grow with the files.
func (m answerMessage) write(to io.Writer, pour func(io.Writer, draftFile) error) error {
	w := bufio.NewWriterSize(to, 32<<10)
	w.WriteString(m.header())
	if len(m.files) == 0 {
		if err := m.words(w); err != nil {
			return err
		}
		return w.Flush()
	}
	w.WriteString("Content-Type: multipart/mixed;\r\n boundary=\"" + m.boundary() + "\"\r\n\r\n--" + m.boundary() + "\r\n")
	if err := m.words(w); err != nil {
		return err
	}
	for _, f := range m.files {
		w.WriteString("\r\n--" + m.boundary() + "\r\nContent-Type: " + f.Type() + message.FormatParam("name", f.Name()) +
			"\r\nContent-Disposition: attachment" + message.FormatParam("filename", f.Name()) +
			"\r\nContent-Transfer-Encoding: base64\r\n\r\n")
		lines := &lines{w: w}
		encoder := base64.NewEncoder(base64.StdEncoding, lines)
		if err := pour(encoder, f); err != nil {
			return err
		}
		if err := encoder.Close(); err != nil {
			return err
		}
	}
	w.WriteString("\r\n--" + m.boundary() + "--\r\n")
	return w.Flush() // the first error of all
}

// header is the fields before Content-Type. No value can end its field: names and subjects are encoded or folded. A sealed answer
// bears random bits: without them, whoever sees its commitment could try what it may say, all else being known.
func (m answerMessage) header() string {
	from := mail.Address{Name: m.recipient.CompanyName, Address: m.recipient.Address}
	var b strings.Builder
	field := func(name, value string) { b.WriteString(name + ": " + value + "\r\n") }
	field("Date", m.reply.Received.UTC().Format(time.RFC1123Z))
	field("From", from.String())
	field("To", "courrier@"+m.domain)
	field("Subject", message.EncodeWords(m.reply.Subject, len("Subject: ")))
	field("Message-ID", m.reply.MessageID)
	if m.recipient.MessageID != "" {
		field("In-Reply-To", m.recipient.MessageID)
		field("References", m.recipient.MessageID)
	}
	if m.reply.Sealed {
		field("Vaguemestre-Salt", rand.Text())
	}
	field("MIME-Version", "1.0")
	return b.String()
}

func (m answerMessage) words(w io.Writer) error {
	const fields = "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
	if _, err := io.WriteString(w, fields); err != nil {
		return err
	}
	qp := quotedprintable.NewWriter(w)
	if _, err := io.WriteString(qp, strings.ReplaceAll(m.reply.Text, "\n", "\r\n")+"\r\n"); err != nil {
		return err
	}
	return qp.Close()
}

// lines breaks base64 into lines of 76 characters (RFC 2045 §6.8).
type lines struct {
	w    io.Writer
	full int // characters of the line so far
}

// Write implements io.Writer.
func (l *lines) Write(b []byte) (written int, err error) {
	const most = 76
	for len(b) > 0 {
		if l.full == most {
			if _, err := io.WriteString(l.w, "\r\n"); err != nil {
				return written, err
			}
			l.full = 0
		}
		n, err := l.w.Write(b[:min(len(b), most-l.full)])
		written, l.full = written+n, l.full+n
		if err != nil {
			return written, err
		}
		b = b[n:]
	}
	return written, nil
}
