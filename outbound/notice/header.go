package notice

import (
	"net/mail"
	"strings"
	"time"
	"unicode"

	"vaguemestre/gateway"
	"vaguemestre/gateway/message"
	"vaguemestre/gateway/token"
)

// header builds a header section with CRLF line ends, in which no value can end its field.
type header struct{ b strings.Builder }

// add writes an unstructured or otherwise safe value; an empty one writes nothing.
func (h *header) add(name, value string) {
	if value = clean(value); value != "" {
		h.b.WriteString(name + ": " + value + "\r\n")
	}
}

// text writes words for people, in encoded words as needed.
func (h *header) text(name, value string) {
	h.b.WriteString(name + ": " + message.EncodeWords(clean(value), len(name)+2) + "\r\n")
}

func (h *header) mailbox(name, display, address string) {
	h.add(name, (&mail.Address{Name: clean(display), Address: clean(address)}).String())
}

func (h *header) date(t time.Time) { h.add("Date", t.UTC().Format("Mon, 02 Jan 2006 15:04:05 -0700")) }

// raw writes fields as they are, whole.
func (h *header) raw(f message.Field) {
	text := strings.TrimRight(string(f.Raw()), "\r\n")
	h.b.WriteString(strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n") + "\r\n")
}

func (h *header) String() string { return h.b.String() }

// clean makes one line of a text.
func clean(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?")))
}

// messageID gives an identifier that is safe in a header, or nothing.
func messageID(id string) string {
	inner, opened := strings.CutPrefix(id, "<")
	inner, closed := strings.CutSuffix(inner, ">")
	if !opened || !closed || inner == "" || len(id) > 900 || strings.ContainsFunc(inner, func(r rune) bool {
		return r <= ' ' || r == '<' || r == '>' || r == 0x7f
	}) {
		return ""
	}
	return id
}

// begin writes the fields that all notices have. About is the Message-ID that it hangs under.
func (c *Composer) begin(s *subject, display, to, toName, title, about string, automatic string) *header {
	h := new(header)
	h.mailbox("From", display, "courrier@"+c.o.Domain)
	h.mailbox("To", toName, to)
	h.text("Subject", title)
	h.date(s.job.Created)
	h.add("Message-ID", c.id(s.job))
	h.add("In-Reply-To", messageID(about))
	h.add("References", messageID(about))
	h.add("Auto-Submitted", automatic)
	// Exchange looks at this one before it answers by itself, not at Auto-Submitted.
	h.add("X-Auto-Response-Suppress", "All")
	h.add(loopField, s.job.ID.String())
	return h
}

// What Auto-Submitted says (RFC 3834 §5).
const (
	generated = "auto-generated"
	replied   = "auto-replied"
)

// loopField marks our notices: one that comes back is never sent on.
const loopField = "Vaguemestre-Notice"

func (c *Composer) id(job gateway.Job) string {
	return "<notice." + job.ID.String() + "@" + c.o.Domain + ">"
}

// thread is the address by which the agent answers the company within the courier's thread.
func (c *Composer) thread(s *subject) string {
	t, err := c.ring.MintWith(s.courier.Composition.KeyID, token.Thread, s.recipient.ID)
	if err != nil { // that key was retired: tokens of the one in force are as good
		t = c.ring.Mint(token.Thread, s.recipient.ID)
	}
	return "courrier+f-" + t + "@" + c.o.Domain
}

// via is how an answer is signed in lists of mails.
func (c *Composer) via(s *subject) string {
	if c.o.Name == "" {
		return s.recipient.Name()
	}
	return s.recipient.Name() + " via " + c.o.Name
}
