package notice

import (
	"context"
	"fmt"
	"io"
	"strings"

	"vaguemestre/gateway"
	"vaguemestre/gateway/message"
)

// failed tells the agent that a recipient cannot be reached, why, and what to do.
func (c *Composer) failed(s *subject) (Mail, error) {
	why := causeOf(s.event)
	w := c.words(s)
	w.At, w.Expired = s.event.Occurred, s.event.Kind == gateway.Expired
	w.Rejection = s.courier.Type == gateway.Rejet
	w.Reason, w.Status, w.Said, w.By = why.reason(), clean(why.Status), clean(why.Said), clean(why.by())
	return c.tell(s, "failed", w)
}

// tell makes a notice of text to the agent, under the agent's own letter.
func (c *Composer) tell(s *subject, template string, w words) (Mail, error) {
	language, to := s.language(c.o.Language), s.toAgent()
	title, err := c.say(language, template+" subject", w)
	if err != nil {
		return Mail{}, err
	}
	body, err := c.say(language, template, w)
	if err != nil {
		return Mail{}, err
	}
	name := s.courier.AuthorName
	if to != s.courier.AuthorAddr && !s.agent.Owns(to) {
		name = "" // the administrator
	}
	h := c.begin(s, c.o.Name, to, name, title, s.courier.MessageID, generated)
	return c.simple(s, h, to, body), nil
}

// answer hands a company's answer to the agent: its body and its Content fields as they came,
// beneath a header of ours. What the agent must know of it stands in the subject and, after
// the answer, in a text of its own, so that mail programs show the answer first. One that is larger than agents' mailboxes take
// is told with its text and the list of its files: a notice that is refused for its size would tell nothing.
func (c *Composer) answer(ctx context.Context, s *subject) (Mail, error) {
	w := c.words(s)
	w.At, w.Late, w.Opens = s.reply.Received, s.reply.Late, s.courier.Options.Reply.By
	if s.reply.OtherSender {
		w.Other = clean(s.reply.From)
	}
	if s.sealed() {
		return c.tell(s, "sealed", w)
	}
	if err := c.open(ctx, s, s.reply.Content); err != nil {
		return Mail{}, err
	}
	if c.o.MaxBytes > 0 && s.content.Size() > c.o.MaxBytes {
		w.Text, w.Files = clipped(s.reply.Text), s.reply.Files
		return c.tell(s, "large", w)
	}
	original, err := message.Read(s.content, s.content.Size(), message.Limits{})
	if err != nil {
		return c.attached(s, w) // beyond the reader's bounds: it goes whole, as a file
	}
	h, err := c.answerHeader(s, w)
	if err != nil {
		return Mail{}, err
	}
	if !w.Late && w.Other == "" {
		return c.mail(s, s.toAgent(), func(out io.Writer) error { return writeEntity(out, h.String(), original.Root) }), nil
	}
	note, err := c.say(s.language(c.o.Language), "remarks", w)
	if err != nil {
		return Mail{}, err
	}
	return c.mail(s, s.toAgent(), func(out io.Writer) error {
		parts := newParts(out, h.String(), "multipart/mixed", s.job)
		parts.add(func(out io.Writer) error { return writeEntity(out, "", original.Root) })
		parts.add(func(out io.Writer) error { return writeText(out, note) })
		return parts.end()
	}), nil
}

// maxWords bounds the text of an answer whose files are too large to be sent on, in bytes.
const maxWords = 20_000

func clipped(text string) string {
	if len(text) <= maxWords {
		return text
	}
	return strings.ToValidUTF8(text[:maxWords], "") + " […]"
}

func (c *Composer) answerHeader(s *subject, w words) (*header, error) {
	mark, err := c.say(s.language(c.o.Language), "answer subject", w)
	if err != nil {
		return nil, err
	}
	title := clean(s.reply.Subject)
	if title == "" {
		title = "Re: " + w.Subject
	}
	title = strings.TrimSpace(mark + " " + title)
	h := c.begin(s, c.via(s), s.toAgent(), s.courier.AuthorName, title, s.courier.MessageID, generated)
	h.mailbox("Reply-To", s.recipient.Name(), c.thread(s))
	h.add("Vaguemestre-Courier", s.courier.ID.String())
	h.add("Vaguemestre-Sender", s.reply.From)
	h.add("Vaguemestre-Received", s.reply.Received.UTC().Format("2006-01-02T15:04:05Z"))
	h.add("MIME-Version", "1.0")
	return h, nil
}

// attached hands over an answer that cannot be taken apart.
func (c *Composer) attached(s *subject, w words) (Mail, error) {
	h, err := c.answerHeader(s, w)
	if err != nil {
		return Mail{}, err
	}
	note, err := c.say(s.language(c.o.Language), "whole", w)
	if err != nil {
		return Mail{}, err
	}
	return c.mail(s, s.toAgent(), func(out io.Writer) error {
		parts := newParts(out, h.String(), "multipart/mixed", s.job)
		parts.add(func(out io.Writer) error { return writeText(out, note) })
		parts.add(func(out io.Writer) error {
			const fields = "Content-Type: message/rfc822\r\nContent-Disposition: attachment; filename=\"reponse.eml\"\r\n\r\n"
			if _, err := io.WriteString(out, fields); err != nil {
				return err
			}
			return copyContent(out, s)
		})
		return parts.end()
	}), nil
}

// receipt is the read receipt that the agent's mail program asked for (RFC 8098 §3): a person
// acknowledged the letter on the page, and the gateway says so.
func (c *Composer) receipt(s *subject) (Mail, error) {
	w := c.words(s)
	w.At = s.event.Occurred
	language, to := s.language(c.o.Language), s.toAgent()
	title, err := c.say(language, "read subject", w)
	if err != nil {
		return Mail{}, err
	}
	body, err := c.say(language, "read", w)
	if err != nil {
		return Mail{}, err
	}
	h := c.begin(s, c.via(s), to, s.courier.AuthorName, title, s.courier.MessageID, replied)
	h.add("MIME-Version", "1.0")
	return c.mail(s, to, func(out io.Writer) error {
		parts := newParts(out, h.String(), "multipart/report; report-type=disposition-notification", s.job)
		parts.add(func(out io.Writer) error { return writeText(out, body) })
		parts.add(func(out io.Writer) error { return c.writeDisposition(out, s) })
		return parts.end()
	}), nil
}

func (c *Composer) writeDisposition(out io.Writer, s *subject) error {
	h := new(header)
	h.add("Reporting-UA", c.o.Domain+"; Vaguemestre")
	kind := "rfc822"
	if strings.ContainsFunc(s.recipient.Address, func(r rune) bool { return r > 0x7e }) {
		kind = "utf-8" // RFC 6533 §5
	}
	h.add("Original-Recipient", kind+";"+s.recipient.Address)
	h.add("Final-Recipient", kind+";"+s.recipient.Address)
	h.add("Original-Message-ID", messageID(s.courier.MessageID))
	h.add("Disposition", "manual-action/MDN-sent-manually; displayed")
	_, err := fmt.Fprintf(out, "Content-Type: message/disposition-notification\r\n\r\n%s", h.String())
	return err
}
