// Package quarantine shows a person the mail that the gateway could not place (promise 10), and takes it off their
// list: its header, its text made safe, the raw mail, and putting it aside. Saying which letter it is about is inbound/mailbox's, which
// understands mail.
//
// It promises that such mail, when it came while the answers to some letter were sealed, shows nothing but its header before the date at which it is
// opened, since it may be one of them (promise 9): it is stored encrypted, and what this package decrypts of it are the fields that show; that a mail is put aside once, with who did it and why in an event; and that it is kept, raw, all the same. A
// crash leaves all of that or nothing.
package quarantine

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/act"
	"vaguemestre/gateway/message"
	"vaguemestre/gateway/seal"
	"vaguemestre/gateway/store"
)

// MaxText bounds the text that is shown, in octets; the whole is in the raw mail.
const MaxText = 64 << 10

// Sealed is the answer for what may not be read before a date.
type Sealed struct{ Until time.Time }

func (s Sealed) Error() string {
	return "answers are sealed until " + s.Until.UTC().Format(time.RFC3339) + ", and this mail may be one of them: only its header may be read before"
}

// View is what may be shown of a mail.
type View struct {
	gateway.Inbound
	Header      []Field
	Text        string
	Cut         bool      // the text is longer
	Files       int       // attachments
	Unreadable  string    // why it cannot be read
	SealedUntil time.Time // zero: all of it may be shown
}

// Field is one of the header, on one line, without control characters.
type Field struct{ Name, Value string }

// maxFields and maxValue bound the header that is shown.
const (
	maxFields = 60
	maxValue  = 500 // octets
)

// Look reads a mail for a person; of a sealed one that was placed, nothing.
func Look(ctx context.Context, s *store.Store, vault *seal.Vault, id gateway.ID) (v View, err error) {
	if v.Inbound, err = s.Inbound(ctx, id); err != nil {
		return v, err
	}
	v.SealedUntil = v.Opens
	sealed := !v.Opens.IsZero()
	if sealed && !v.Recipient.IsZero() {
		return v, nil
	}
	content, err := s.OpenContent(ctx, v.Content)
	if err != nil {
		return v, err
	}
	defer content.Close()
	var raw io.ReaderAt = content
	if sealed {
		plain, err := vault.Reader(content, content.Size())
		if err != nil {
			return v, err
		}
		defer plain.Close()
		raw, v.Size = plain, plain.Size()
	}
	m, err := message.Read(raw, v.Size, message.DefaultLimits())
	if err != nil {
		v.Unreadable = err.Error()
		return v, nil
	}
	v.Header = shown(m.Header())
	if sealed {
		v.Subject = oneLine(m.Header().Text("Subject"))
		return v, nil
	}
	v.Files = len(m.Files())
	return v, v.read(m)
}

// read takes the text of a mail, from its HTML when it has no other.
func (v *View) read(m *message.Message) error {
	part := m.Text()
	if part == nil {
		part = m.HTML()
	}
	if part == nil {
		return nil
	}
	text, err := part.Text(MaxText)
	if v.Cut = errors.Is(err, message.ErrCut); err != nil && !v.Cut {
		v.Unreadable = err.Error()
		return nil
	}
	if part == m.HTML() {
		text = message.HTMLToText(text)
	}
	v.Text = text
	return nil
}

func shown(h message.Header) (fields []Field) {
	for _, f := range h.Fields() {
		if len(fields) == maxFields {
			break
		}
		value := oneLine(message.DecodeWords(f.Value()))
		fields = append(fields, Field{oneLine(f.Name), value[:min(len(value), maxValue)]})
	}
	for i := range fields {
		fields[i].Value = strings.ToValidUTF8(fields[i].Value, "")
	}
	return fields
}

// oneLine keeps control characters off screens and terminals.
func oneLine(s string) string {
	return strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u2028' || r == '\u2029' || r >= '\u202a' && r <= '\u202e' {
			return ' '
		}
		return r
	}, s)), " ")
}

// Raw opens a mail as it came; a Sealed error before the date from which it may be read. The caller closes it.
func Raw(ctx context.Context, s *store.Store, id gateway.ID) (store.Content, error) {
	in, err := s.Inbound(ctx, id)
	if err != nil {
		return nil, err
	}
	if !in.Opens.IsZero() {
		return nil, Sealed{in.Opens}
	}
	return s.OpenContent(ctx, in.Content)
}

// Dismiss says that a mail needs nothing more. gateway.ErrFenced: it is in quarantine no more.
func Dismiss(ctx context.Context, s *store.Store, id gateway.ID, by act.By) error {
	in, err := s.Inbound(ctx, id)
	if err != nil {
		return err
	}
	if in.State != gateway.InboundQuarantined {
		return gateway.ErrFenced
	}
	d := gateway.MailDetails{From: in.From, Reason: by.Reason}
	var contents []gateway.Hash
	if in.Opens.IsZero() {
		d.Content, contents = in.Content, []gateway.Hash{in.Content}
	}
	e := gateway.NewEvent(gateway.Dismissed, by.Now, d, nil).About(in.Courier, in.Recipient).By(by.Actor, gateway.ByAgent)
	e.Once, e.Contents = "dismissed:"+in.ID.String(), contents
	in.State, in.Reason = gateway.InboundDismissed, by.Actor+": "+by.Reason
	err = s.Apply(ctx, gateway.Step{Inbound: &in, Events: []gateway.Event{e}})
	if errors.Is(err, gateway.ErrRecorded) {
		return gateway.ErrFenced
	}
	return err
}
