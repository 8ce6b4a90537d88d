// Package form writes the message of a courier that a program says in parts: a subject, a text, files.
//
// It promises that the same parts in the same order give the same octets, so that a request that is repeated is the
// same message (promise 3), and that files go through it as they come: none waits in memory. It keeps nothing.
package form

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"net/textproto"
	"slices"
	"strings"

	"vaguemestre/gateway"
	"vaguemestre/gateway/address"
	"vaguemestre/gateway/message"
)

// Options is what a caller says of a courier, beside its text and files.
type Options struct {
	Consultation string             `json:"consultation"`
	Type         gateway.TypeCode   `json:"type"`
	Subject      string             `json:"subject"`
	To           []string           `json:"to"`
	Registers    []gateway.Register `json:"registers"`
	Companies    []string           `json:"companies"`
	Acknowledged *bool              `json:"acknowledged"`
	Reply        *bool              `json:"reply"`
	ReplyBy      string             `json:"reply_by"`
	Sealed       *bool              `json:"sealed"`
}

// ErrName: a file's name cannot be written in a message.
var ErrName = errors.New("a file's name cannot be written in a message")

// Wish is what the options say in the words of the rules. Its error is for the caller to mend.
func (o Options) Wish() (address.Wish, error) {
	w := address.Wish{
		Source: address.FromField, Name: address.Fold(o.Consultation), Registers: o.Registers, Type: o.Type,
		Acknowledged: choice(o.Acknowledged), Reply: choice(o.Reply), Sealed: choice(o.Sealed),
	}
	for _, name := range o.Companies {
		w.Companies = append(w.Companies, address.Fold(name))
	}
	for _, register := range o.Registers {
		if !slices.Contains(gateway.Registers(), register) {
			return w, fmt.Errorf("no register %q: the registers are %v", register, gateway.Registers())
		}
	}
	if o.ReplyBy != "" {
		at, ok := address.ParseMoment(o.ReplyBy)
		if !ok {
			return w, fmt.Errorf("%q is no date", o.ReplyBy)
		}
		w.By = at
	}
	return w, nil
}

func choice(b *bool) address.Choice {
	if b == nil {
		return address.Unsaid
	}
	return address.Choose(*b)
}

// Writer writes one message: Text or HTML once, then File as often as there are files, then Close.
type Writer struct{ parts *multipart.Writer }

// New begins the message of an agent, who has an address. id is its Message-ID with angle brackets, or empty. The
// options are in its octets, by the boundary: other options make another message. It bears no date.
func New(w io.Writer, agent gateway.Agent, o Options, id string) (*Writer, error) {
	said, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	boundary := fmt.Sprintf("%x", sha256.Sum256(slices.Concat([]byte(id), []byte{0}, agent.ID[:], said)))
	from := mail.Address{Name: agent.Name, Address: agent.Addresses[0]}
	subject := strings.Join(strings.Fields(o.Subject), " ")
	head := "From: " + from.String() + "\r\nSubject: " + mime.BEncoding.Encode("utf-8", subject) + "\r\n"
	if id != "" {
		head += "Message-ID: " + id + "\r\n"
	}
	head += "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=" + boundary + "\r\n\r\n"
	if _, err := io.WriteString(w, head); err != nil {
		return nil, err
	}
	parts := multipart.NewWriter(w)
	return &Writer{parts}, parts.SetBoundary(boundary)
}

// Text writes the letter's text, in UTF-8.
func (w *Writer) Text(text string) error { return writeText(w.parts, "text/plain", text) }

// HTML writes the letter's text twice, for programs to choose: as text, and as HTML (RFC 2046 §5.1.4). It is made safe first: what
// runs, what is fetched from elsewhere and pictures are left out. The text is made of what is left, so that both say the same.
func (w *Writer) HTML(source string) error {
	safe := message.SafeHTML(source, func(string) string { return "" })
	return w.rich(message.HTMLToText(safe), safe)
}

func (w *Writer) rich(text, html string) error {
	boundary := fmt.Sprintf("%x", sha256.Sum256([]byte(w.parts.Boundary())))
	to, err := w.parts.CreatePart(textproto.MIMEHeader{"Content-Type": {"multipart/alternative; boundary=" + boundary}})
	if err != nil {
		return err
	}
	both := multipart.NewWriter(to)
	return cmp.Or(both.SetBoundary(boundary), writeText(both, "text/plain", text), writeText(both, "text/html", html), both.Close())
}

func writeText(parts *multipart.Writer, media, text string) error {
	crlf := strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n")
	return encoded(parts, media+"; charset=utf-8", "", strings.NewReader(crlf))
}

// File writes a file, of no known type when mediaType is empty or none of a single part. Its error is ErrName, or that of
// from or of what the message is written to.
func (w *Writer) File(name, mediaType string, from io.Reader) error {
	if strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return ErrName
	}
	disposition := mime.FormatMediaType("attachment", map[string]string{"filename": name})
	if disposition == "" || len(disposition) > 900 { // RFC 5322 §2.1.1: a line has at most 998 characters
		return ErrName
	}
	return encoded(w.parts, single(mediaType), disposition, from)
}

// single is a media type that one encoded part can have (RFC 2045 §6.4), without its parameters.
func single(mediaType string) string {
	t, _, err := mime.ParseMediaType(mediaType)
	if err != nil || strings.Count(t, "/") != 1 || len(t) > 100 || strings.HasPrefix(t, "message/") || strings.HasPrefix(t, "multipart/") {
		return "application/octet-stream"
	}
	return t
}

// Close ends the message.
func (w *Writer) Close() error { return w.parts.Close() }

// encoded writes one part in base64 (RFC 2045 §6.8).
func encoded(parts *multipart.Writer, media, disposition string, from io.Reader) error {
	h := textproto.MIMEHeader{"Content-Type": {media}, "Content-Transfer-Encoding": {"base64"}}
	if disposition != "" {
		h.Set("Content-Disposition", disposition)
	}
	to, err := parts.CreatePart(h)
	if err != nil {
		return err
	}
	enc := base64.NewEncoder(base64.StdEncoding, &lines{to: to})
	if _, err := io.Copy(enc, from); err != nil {
		return err
	}
	return enc.Close()
}

// lines breaks base64 into lines of 76.
type lines struct {
	to  io.Writer
	col int
}

func (l *lines) Write(b []byte) (n int, err error) {
	for len(b) > 0 {
		if l.col == 76 {
			if _, err := io.WriteString(l.to, "\r\n"); err != nil {
				return n, err
			}
			l.col = 0
		}
		k, err := l.to.Write(b[:min(len(b), 76-l.col)])
		n, l.col, b = n+k, l.col+k, b[k:]
		if err != nil {
			return n, err
		}
	}
	return n, nil
}
