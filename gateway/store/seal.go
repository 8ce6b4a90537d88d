package store

import (
	"context"
	"time"

	"vaguemestre/gateway"
)

// seal remembers until when the answers to a courier are sealed.
func (t *tx) seal(c gateway.Courier) error {
	if !c.Options.Reply.Sealed || c.Options.Reply.By.IsZero() {
		return nil
	}
	_, err := t.exec("INSERT INTO seal (courier, consultation, opens) VALUES ($1, $2, $3)", c.ID.String(), c.Consultation.String(), micros(c.Options.Reply.By))
	return err
}

// SealedUntil is the latest date until which answers of a consultation are sealed, of any when it is zero; zero when no seal is
// open at now. While one is, mail that was matched with nothing may be such an answer: only its header may be shown (DESIGN §6).
func (s *Store) SealedUntil(ctx context.Context, consultation gateway.ID, now time.Time) (time.Time, error) {
	var opens int64
	query, args := "SELECT coalesce(max(opens), 0) FROM seal WHERE opens > $1", []any{micros(now)}
	if !consultation.IsZero() {
		query, args = query+" AND consultation = $2", append(args, consultation.String())
	}
	err := value(ctx, s.engine.reader(), []any{&opens}, query, args...)
	return at(opens), fault("look for open seals", err)
}

// SealInbound puts what a stored mail is encrypted to in its place, until it opens, and removes what could be read: at once, unless
// something else names it too. gateway.ErrFenced when the mail is no longer as the caller read it.
func (s *Store) SealInbound(ctx context.Context, in gateway.Inbound, opens time.Time, sealed *Spool) (gateway.Inbound, error) {
	if err := sealed.settle(); err != nil {
		return in, fault("seal a mail", err)
	}
	plain, h := in.Content, sealed.Hash()
	err := s.write(ctx, "seal a mail", func(t *tx) error {
		err := t.must(gateway.ErrFenced, "UPDATE inbound SET content = $1, opens = $2 WHERE id = $3 AND content = $4 AND opens = 0", h[:], micros(opens), in.ID.String(), plain[:])
		if err != nil {
			return err
		}
		if err := t.keep(sealed, 1); err != nil {
			return err
		}
		return t.unname(plain)
	})
	if err != nil {
		return in, err
	}
	in.Content, in.Opens = h, opens
	err = s.sweepContent(ctx, plain, s.now().Add(time.Hour), new(Swept))
	if e, ok := s.engine.(scrubber); ok && err == nil {
		err = e.scrub(ctx)
	}
	return in, fault("remove what was sealed", err)
}

// scrubber is an engine that can leave nothing on the disk of what was removed.
type scrubber interface {
	scrub(ctx context.Context) error
}

// SealedStats counts the replies that are still sealed, and tells when the next one opens; zero when there is none.
func (s *Store) SealedStats(ctx context.Context) (sealed int64, next time.Time, err error) {
	var opens int64
	err = value(ctx, s.engine.reader(), []any{&sealed, &opens}, "SELECT count(*), coalesce(min(opens), 0) FROM reply WHERE sealed = 1 AND unsealed = 0")
	return sealed, at(opens), fault("count sealed replies", err)
}

// ToUnseal gives up to n sealed contents whose date has come by now, earliest first, each with the mails and the replies that came with it.
func (s *Store) ToUnseal(ctx context.Context, now time.Time, n int) ([]gateway.Unsealing, error) {
	const op = "look for seals to open"
	due, err := all(ctx, s, op, scanHash, `SELECT content FROM (
		SELECT content, opens FROM reply WHERE sealed = 1 AND unsealed = 0 AND opens <= $1
		UNION SELECT content, opens FROM inbound WHERE opens > 0 AND opens <= $1 AND state <> 'new') AS due ORDER BY opens LIMIT $2`, micros(now), n)
	if err != nil {
		return nil, err
	}
	unsealings := make([]gateway.Unsealing, 0, len(due))
	for _, h := range due {
		replies, err := all(ctx, s, op, scanReply, "SELECT "+replyColumns+" FROM reply WHERE content = $1 AND sealed = 1 AND unsealed = 0 ORDER BY id", h[:])
		if err != nil {
			return nil, err
		}
		mails, err := all(ctx, s, op, scanInbound, "SELECT "+inboundColumns+" FROM inbound WHERE content = $1 AND opens > 0 ORDER BY id", h[:])
		if err != nil {
			return nil, err
		}
		unsealings = append(unsealings, gateway.Unsealing{Sealed: h, Mails: mails, Replies: replies})
	}
	return unsealings, nil
}

// Unseal puts a content that can be read in the place of a sealed one, for the replies and the mail that it came with, and records the
// events and the jobs of it, in one transaction. gateway.ErrRecorded or gateway.ErrFenced when another node did.
func (s *Store) Unseal(ctx context.Context, u gateway.Unsealing, plain *Spool) error {
	if err := plain.settle(); err != nil {
		return fault("open a seal", err)
	}
	return s.write(ctx, "open a seal", func(t *tx) error {
		if err := t.keep(plain, 0); err != nil {
			return err
		}
		if err := t.record(u.Events); err != nil {
			return err
		}
		h := plain.Hash()
		for _, in := range u.Mails {
			err := t.must(gateway.ErrFenced, "UPDATE inbound SET content = $1, size = $2, subject = $3, opens = 0 WHERE id = $4 AND content = $5 AND opens > 0",
				h[:], plain.Size(), in.Subject, in.ID.String(), u.Sealed[:])
			if err != nil {
				return err
			}
			if err := t.exchange(u.Sealed, h); err != nil {
				return err
			}
		}
		for _, r := range u.Replies {
			err := t.must(gateway.ErrFenced, `UPDATE reply SET subject = $1, body = $2, files = $3, content = $4, unsealed = $5, manifest = NULL
				WHERE id = $6 AND content = $7 AND sealed = 1 AND unsealed = 0`,
				r.Subject, r.Text, text(r.Files), h[:], micros(u.At), r.ID.String(), u.Sealed[:])
			if err != nil {
				return err
			}
			if err := t.exchange(u.Sealed, h); err != nil {
				return err
			}
		}
		return t.addJobs(u.Jobs)
	})
}

// exchange names one content more and another less.
func (t *tx) exchange(old, new gateway.Hash) error {
	if err := t.name(new); err != nil {
		return err
	}
	return t.unname(old)
}
