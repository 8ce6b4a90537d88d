package notice

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"vaguemestre/gateway"
	"vaguemestre/gateway/message"
)

// delivered is the delivery report that the agent's mail program asked for with NOTIFY=SUCCESS (RFC 3461 §6.2,
// RFC 3464): a report came from the company's side, and the gateway passes on what it says. The header of the
// agent's own message goes with it, as for every report of a success (RFC 3461 §4.3).
func (c *Composer) delivered(ctx context.Context, s *subject) (Mail, error) {
	w := c.words(s)
	w.At, w.Relayed = s.event.Occurred, s.event.Kind == gateway.HandedOver
	language, to := s.language(c.o.Language), s.toAgent()
	title, err := c.say(language, "delivered subject", w)
	if err != nil {
		return Mail{}, err
	}
	body, err := c.say(language, "delivered", w)
	if err != nil {
		return Mail{}, err
	}
	original, err := c.originalHeader(ctx, s)
	if err != nil {
		return Mail{}, err
	}
	h := c.begin(s, c.o.Name, to, s.courier.AuthorName, title, s.courier.MessageID, replied)
	h.add("MIME-Version", "1.0")
	return c.mail(s, to, func(out io.Writer) error {
		parts := newParts(out, h.String(), "multipart/report; report-type=delivery-status", s.job)
		parts.add(func(out io.Writer) error { return writeText(out, body) })
		parts.add(func(out io.Writer) error { return c.writeStatus(out, s) })
		parts.add(func(out io.Writer) error {
			_, err := io.WriteString(out, "Content-Type: text/rfc822-headers\r\n\r\n"+original)
			return err
		})
		return parts.end()
	}), nil
}

// originalHeader is the header of the agent's message as it was submitted.
func (c *Composer) originalHeader(ctx context.Context, s *subject) (string, error) {
	if err := c.open(ctx, s, s.courier.Content); err != nil {
		return "", err
	}
	m, err := message.Read(s.content, s.content.Size(), message.Limits{})
	if err != nil {
		return "", nil // accepted by rules that have changed since: the report goes without
	}
	h := new(header)
	for _, f := range m.Header().Fields() {
		h.raw(f)
	}
	return h.String(), nil
}

// writeStatus writes the part that programs read (RFC 3464 §2.2, §2.3).
func (c *Composer) writeStatus(out io.Writer, s *subject) error {
	asked, _ := s.courier.DSNOf(s.recipient)
	var said gateway.ReportDetails
	_ = json.Unmarshal(s.event.Details, &said) // erased: the report says less
	action := "delivered"
	if s.event.Kind == gateway.HandedOver {
		action = "relayed"
	}
	status := clean(said.Status)
	if !strings.HasPrefix(status, "2.") || len(status) > 9 {
		status = "2.0.0"
	}
	m, r := new(header), new(header)
	m.add("Original-Envelope-Id", ascii(s.courier.DSN.EnvelopeID))
	m.add("Reporting-MTA", "dns; "+c.o.Domain)
	m.add("Arrival-Date", s.courier.Accepted.UTC().Format(rfc5322))
	if asked.Original != "" {
		r.add("Original-Recipient", typed(asked.Original))
	}
	r.add("Final-Recipient", typed(s.recipient.Address))
	r.add("Action", action)
	r.add("Status", status)
	if said.ReportingMTA != "" {
		r.add("Remote-MTA", "dns; "+ascii(said.ReportingMTA))
	}
	r.add("Last-Attempt-Date", s.event.Occurred.UTC().Format(rfc5322))
	_, err := fmt.Fprintf(out, "Content-Type: message/delivery-status\r\n\r\n%s\r\n%s", m.String(), r.String())
	return err
}

const rfc5322 = "Mon, 02 Jan 2006 15:04:05 -0700"

// typed is an address with its type, in ASCII whatever it holds (RFC 6533 §3, utf-8-addr-xtext).
func typed(address string) string {
	if escaped := ascii(address); escaped != clean(address) {
		return "utf-8; " + escaped
	}
	return "rfc822; " + clean(address)
}

// ascii writes every other character as \x{HEX}.
func ascii(s string) string {
	var b strings.Builder
	for _, r := range clean(s) {
		if r > 0x7e {
			fmt.Fprintf(&b, `\x{%X}`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
