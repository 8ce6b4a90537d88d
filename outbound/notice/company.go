package notice

import (
	"context"
	"io"
	"slices"
	"strings"

	"vaguemestre/gateway/message"
)

// received acknowledges a company's answer, with the hash of each file.
func (c *Composer) received(ctx context.Context, s *subject) (Mail, error) {
	to := s.job.Notice.To
	if to == "" {
		to = s.reply.From
	}
	if !c.person(to) {
		return Mail{}, ErrNothing
	}
	// A sealed answer is kept encrypted: what let it be taken as an answer must do here.
	if !s.reply.Closed() && !s.reply.Inbound.IsZero() {
		if err := c.open(ctx, s, s.reply.Content); err != nil {
			return Mail{}, err
		}
		if !c.answerable(s, to) {
			return Mail{}, ErrNothing
		}
	}
	w := c.words(s)
	w.At, w.Late, w.Files, w.Sealed, w.Opens = s.reply.Received, s.reply.Late, s.reply.Files, s.sealed(), s.courier.Options.Reply.By
	if w.Sealed {
		w.Files = nil
	}
	about := s.reply.MessageID
	if s.reply.Inbound.IsZero() {
		about = s.recipient.MessageID // an answer written on the page: the company's mail program knows our letter
	}
	return c.reply(s, "received", to, about, w)
}

// noReply answers a mail that was sent to an address that nobody reads.
func (c *Composer) noReply(ctx context.Context, s *subject) (Mail, error) {
	in, err := c.store.Inbound(ctx, s.job.Notice.Inbound)
	if err != nil {
		return Mail{}, err
	}
	if !in.Opens.IsZero() {
		return Mail{}, ErrNothing // under seal nobody can see whether a program wrote it, and a program is not answered
	}
	if err := c.open(ctx, s, in.Content); err != nil {
		return Mail{}, err
	}
	to := s.job.Notice.To
	if to == "" {
		to = in.From
	}
	if !c.answerable(s, to) {
		return Mail{}, ErrNothing
	}
	original, err := message.Read(s.content, s.content.Size(), message.Limits{})
	if err != nil {
		return Mail{}, ErrNothing
	}
	return c.reply(s, "noreply", to, original.Header().Get("Message-Id"), c.words(s))
}

// reply makes an automatic answer to a company (RFC 3834 §3.1).
func (c *Composer) reply(s *subject, template, to, about string, w words) (Mail, error) {
	language := s.language(c.o.Language)
	title, err := c.say(language, template+" subject", w)
	if err != nil {
		return Mail{}, err
	}
	body, err := c.say(language, template, w)
	if err != nil {
		return Mail{}, err
	}
	h := c.begin(s, clean(s.courier.Context.PublicBody), to, "", title, about, replied)
	h.mailbox("Reply-To", "", "nepasrepondre@"+c.o.Domain)
	return c.simple(s, h, to, body), nil
}

// answerable tells whether the stored mail may be answered by a machine (RFC 3834 §2): not
// another machine's, not a list's, not our own, not one without a sender.
func (c *Composer) answerable(s *subject, to string) bool {
	original, err := message.Read(s.content, s.content.Size(), message.Limits{})
	if err != nil {
		return false
	}
	h := original.Header()
	auto := strings.ToLower(strings.TrimSpace(h.Get("Auto-Submitted")))
	auto, _, _ = strings.Cut(auto, ";")
	precedence := strings.ToLower(strings.TrimSpace(h.Get("Precedence")))
	switch {
	case auto != "" && strings.TrimSpace(auto) != "no",
		slices.Contains([]string{"bulk", "junk", "list", "auto_reply"}, precedence),
		h.Has("List-Id"), h.Has("List-Post"), h.Has("List-Unsubscribe"), h.Has(loopField), h.Has("X-Loop"),
		strings.TrimSpace(h.Get("Return-Path")) == "<>",
		strings.HasPrefix(strings.ToLower(strings.TrimSpace(h.Get("Content-Type"))), "multipart/report"):
		return false
	}
	suppressed := strings.ToLower(h.Get("X-Auto-Response-Suppress"))
	if strings.Contains(suppressed, "all") || strings.Contains(suppressed, "autoreply") {
		return false
	}
	return c.person(to)
}

// person tells an address that may belong to a person.
func (c *Composer) person(address string) bool {
	local, domain, found := strings.Cut(strings.ToLower(address), "@")
	if !found || local == "" || domain == "" || domain == strings.ToLower(c.o.Domain) {
		return false
	}
	for _, machine := range [...]string{"mailer-daemon", "postmaster", "noreply", "no-reply", "nepasrepondre", "ne-pas-repondre", "listserv", "majordomo"} {
		if local == machine {
			return false
		}
	}
	return !strings.HasPrefix(local, "owner-") && !strings.HasSuffix(local, "-request")
}

// raw sends a stored message on, as it is behind our mark. One that bears the mark already came
// from us: it would go round for ever.
func (c *Composer) raw(ctx context.Context, s *subject) (Mail, error) {
	if s.job.Notice.To == "" {
		return Mail{}, ErrNothing
	}
	if err := c.open(ctx, s, s.job.Notice.Content); err != nil {
		return Mail{}, err
	}
	id := c.id(s.job)
	if original, err := message.Read(s.content, s.content.Size(), message.Limits{}); err == nil {
		if original.Header().Has(loopField) {
			return Mail{}, ErrNothing
		}
		if own := messageID(original.Header().Get("Message-Id")); own != "" {
			id = own
		}
	}
	mail := c.mail(s, s.job.Notice.To, func(out io.Writer) error {
		if _, err := io.WriteString(out, loopField+": "+s.job.ID.String()+"\r\n"); err != nil {
			return err
		}
		return copyContent(out, s)
	})
	mail.MessageID = id
	return mail, nil
}

func copyContent(out io.Writer, s *subject) error {
	_, err := io.Copy(out, io.NewSectionReader(s.content, 0, s.content.Size()))
	return err
}
