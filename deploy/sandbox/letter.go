package sandbox

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"mime"
	"regexp"
	"strings"

	"github.com/emersion/go-message"
	_ "github.com/emersion/go-message/charset" // companies' clients read every charset
	"github.com/emersion/go-message/mail"
)

// Letter is what a company's mail client shows of a mail. It is read with go-message, not with the
// gateway's own reader: a witness does not share the code it judges.
type Letter struct {
	From, To, ReplyTo, Subject, Date, MessageID string

	References string // with its own Message-ID last, as a reply says it
	Text, HTML string
	Files      []Attachment
}

// Attachment is one file of a letter.
type Attachment struct {
	Name, MediaType string
	Size            int64 // decoded
	SHA256          [sha256.Size]byte
}

// maxShown bounds the text and the HTML of a letter.
const maxShown = 4 << 20

// Letter reads the mail as a mail client does. What cannot be decoded is shown as it is.
func (m *Mail) Letter() (Letter, error) {
	var l Letter
	err := m.walk(func(h message.Header, first bool, kind, name string, body io.Reader) error {
		if first {
			l.fill(mail.Header{Header: h})
			return nil
		}
		switch {
		case kind == "text/plain" && name == "" && l.Text == "":
			return readInto(&l.Text, body)
		case kind == "text/html" && name == "" && l.HTML == "":
			return readInto(&l.HTML, body)
		}
		sum := sha256.New()
		size, err := io.Copy(sum, body)
		l.Files = append(l.Files, Attachment{Name: fileName(name, kind), MediaType: kind, Size: size, SHA256: [sha256.Size]byte(sum.Sum(nil))})
		return err
	})
	return l, err
}

// WriteFile copies the n-th file of the letter, from 0, decoded.
func (m *Mail) WriteFile(w io.Writer, n int) error {
	var text, html bool
	i := 0
	return m.walk(func(_ message.Header, first bool, kind, name string, body io.Reader) error {
		switch {
		case first:
			return nil
		case kind == "text/plain" && name == "" && !text:
			text = true
			return nil
		case kind == "text/html" && name == "" && !html:
			html = true
			return nil
		}
		i++
		if i-1 != n {
			return nil
		}
		_, err := io.Copy(w, body)
		return err
	})
}

// Links are the web addresses of the text, then of the HTML, each once.
func (l Letter) Links() []string {
	seen := map[string]bool{}
	var links []string
	for _, text := range []string{l.Text, unescapeAmp(l.HTML)} {
		for _, found := range linkPattern.FindAllString(text, -1) {
			found = strings.TrimRight(found, ".,;:)")
			if !seen[found] {
				seen[found] = true
				links = append(links, found)
			}
		}
	}
	return links
}

var linkPattern = regexp.MustCompile(`https?://[^\s<>"'\x60]+`)

func unescapeAmp(s string) string { return strings.ReplaceAll(s, "&amp;", "&") }

func (l *Letter) fill(h mail.Header) {
	text := func(key string) string {
		if s, err := h.Text(key); err == nil {
			return s
		}
		return h.Get(key)
	}
	l.From, l.To, l.ReplyTo, l.Subject = text("From"), text("To"), text("Reply-To"), text("Subject")
	l.Date, l.MessageID = h.Get("Date"), h.Get("Message-Id")
	l.References = strings.TrimSpace(strings.Join(strings.Fields(h.Get("References")), " ") + " " + l.MessageID)
}

type visit func(h message.Header, first bool, kind, name string, body io.Reader) error

// walk shows the head of the mail, then every leaf.
func (m *Mail) walk(see visit) error {
	r, err := m.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	root, err := message.Read(r)
	if root == nil {
		return fmt.Errorf("read mail %d: %w", m.Number, err)
	}
	if err := see(root.Header, true, "", "", nil); err != nil {
		return err
	}
	return root.Walk(func(_ []int, e *message.Entity, err error) error {
		if err != nil && !message.IsUnknownCharset(err) && !message.IsUnknownEncoding(err) {
			return err
		}
		kind, params, _ := e.Header.ContentType()
		if strings.HasPrefix(kind, "multipart/") {
			return nil
		}
		disposition, fields, _ := e.Header.ContentDisposition()
		name := fields["filename"]
		if name == "" {
			name = params["name"]
		}
		if name == "" && disposition == "attachment" {
			name = "sans nom"
		}
		return see(e.Header, false, kind, decodeWord(name), e.Body)
	})
}

func decodeWord(s string) string {
	if decoded, err := new(mime.WordDecoder).DecodeHeader(s); err == nil {
		return decoded
	}
	return s
}

// fileName keeps the base name: what a mail says is no path.
func fileName(name, kind string) string {
	name = strings.TrimSpace(name[strings.LastIndexAny(name, `/\`)+1:])
	if name != "" {
		return name
	}
	if kind == "message/rfc822" {
		return "message.eml"
	}
	return "partie"
}

func readInto(s *string, r io.Reader) error {
	text, err := io.ReadAll(io.LimitReader(r, maxShown))
	*s = string(text)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	return err
}
