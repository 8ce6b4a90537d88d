package sandbox

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"io"
	netmail "net/mail"
	"strings"
	"time"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/mail"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// File is a file to attach.
type File struct {
	Name, MediaType string // MediaType "application/octet-stream" when empty
	Content         []byte
}

// replyAddress is where a mail client sends the answer.
func replyAddress(l Letter) (string, error) {
	for _, field := range []string{l.ReplyTo, l.From} {
		if field == "" {
			continue
		}
		if a, err := netmail.ParseAddress(field); err == nil {
			return a.Address, nil
		}
	}
	return "", fmt.Errorf("reply to %q: no address to answer to", l.Subject)
}

// composeReply writes the answer that a mail client would.
func composeReply(m *Mail, l Letter, to, text string, files []File, now time.Time) (raw []byte, id string, err error) {
	_, domain := split(m.Box)
	id = "<" + rand.Text() + "@" + domain + ">"
	var h mail.Header
	h.SetDate(now)
	h.SetSubject(replySubject(l.Subject))
	h.SetAddressList("From", []*mail.Address{{Address: m.Box}})
	h.SetAddressList("To", []*mail.Address{{Address: to}})
	h.Set("Message-Id", id)
	if l.MessageID != "" {
		h.Set("In-Reply-To", l.MessageID)
		h.Set("References", l.References)
	}
	var b bytes.Buffer
	w, err := mail.CreateWriter(&b, h)
	if err != nil {
		return nil, "", fmt.Errorf("compose the answer: %w", err)
	}
	if err := writeParts(w, text, files); err != nil {
		return nil, "", fmt.Errorf("compose the answer: %w", err)
	}
	err = w.Close()
	return b.Bytes(), id, err
}

func replySubject(subject string) string {
	if len(subject) >= 3 && strings.EqualFold(subject[:3], "re:") {
		return subject
	}
	return "Re: " + subject
}

func writeParts(w *mail.Writer, text string, files []File) error {
	var h mail.InlineHeader
	h.SetContentType("text/plain", map[string]string{"charset": "utf-8"})
	p, err := w.CreateSingleInline(h)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(p, text); err != nil {
		return err
	}
	if err := p.Close(); err != nil {
		return err
	}
	for _, f := range files {
		if err := writeAttachment(w, f); err != nil {
			return err
		}
	}
	return nil
}

func writeAttachment(w *mail.Writer, f File) error {
	h := mail.AttachmentHeader{Header: message.Header{}}
	kind := f.MediaType
	if kind == "" {
		kind = "application/octet-stream"
	}
	h.SetContentType(kind, nil)
	h.SetFilename(f.Name)
	p, err := w.CreateAttachment(h)
	if err != nil {
		return err
	}
	if _, err := p.Write(f.Content); err != nil {
		return err
	}
	return p.Close()
}

// login is the SASL client of the world's own account, or nil.
func (w *World) login() sasl.Client {
	if w.options.SMTPUser == "" {
		return nil
	}
	return sasl.NewPlainClient("", w.options.SMTPUser, w.options.SMTPPassword)
}

// sendMail submits one message with STARTTLS.
func sendMail(ctx context.Context, address string, config *tls.Config, auth sasl.Client, from string, to []string, raw []byte) error {
	c, err := smtp.DialStartTLS(address, config)
	if err != nil {
		return fmt.Errorf("reach %s: %w", address, err)
	}
	defer c.Close()
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	if auth != nil {
		if err := c.Auth(auth); err != nil {
			return fmt.Errorf("log in: %w", err)
		}
	}
	if err := c.SendMail(from, to, bytes.NewReader(raw)); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return c.Quit()
}
