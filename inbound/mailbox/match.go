package mailbox

import (
	"context"
	"errors"
	"fmt"
	"io"

	"vaguemestre/gateway"
	"vaguemestre/gateway/act"
	"vaguemestre/inbound/classify"
	"vaguemestre/inbound/correlate"
)

// Match records that a mail in quarantine is about the letter of a recipient, as a person says, and what it then is:
// a reply, a report, an absence (correlate.Rules.UnderstandByHand). An answer to a letter whose answers are sealed is sealed first; one that was
// sealed because it could have been such an answer, and is said to be none, is opened first.
// gateway.ErrNotFound: there is no such mail or recipient; gateway.ErrFenced: it is in quarantine no more.
func (s *Service) Match(ctx context.Context, mail, recipient gateway.ID, by act.By) error {
	in, err := s.store.Inbound(ctx, mail)
	if err != nil {
		return err
	}
	if in.State != gateway.InboundQuarantined {
		return gateway.ErrFenced
	}
	match := correlate.Match{}
	if match.Recipient, err = s.store.Recipient(ctx, recipient); err != nil {
		return err
	}
	if match.Courier, err = s.store.Courier(ctx, match.Recipient.Courier); err != nil {
		return err
	}
	if !in.Opens.IsZero() && in.Recipient.IsZero() {
		ctx = context.WithoutCancel(ctx) // whoever leaves now does not leave it open and unplaced
		if in, err = s.loosen(ctx, in, match, by); err != nil {
			return err
		}
	}
	step, err := s.byHand(ctx, in, match, by)
	if err != nil {
		return err
	}
	if in.Opens.IsZero() && !step.Inbound.Opens.IsZero() {
		if in, err = s.seal(ctx, in, step.Inbound.Opens); err != nil {
			return err
		}
		if step, err = s.byHand(ctx, in, match, by); err != nil {
			return err
		}
	}
	if err := s.store.Apply(ctx, step); err != nil {
		if errors.Is(err, gateway.ErrRecorded) {
			return gateway.ErrFenced
		}
		return err
	}
	s.metrics.understood.WithLabelValues(step.Inbound.Class, outcomeByHand).Inc()
	s.o.Logger.InfoContext(ctx, "mail matched by hand", "inbound", in.ID.String(), "class", step.Inbound.Class, "courier", match.Courier.ID.String(),
		"recipient", recipient.String(), "actor", by.Actor)
	return nil
}

// loosen gives a mail the seal of the answers to its letter in the place of the one it had because it could have answered any: another
// date, or none. Who has it opened stands in the register with the opening itself: were the rest of the match to fail, it is known.
func (s *Service) loosen(ctx context.Context, in gateway.Inbound, match correlate.Match, by act.By) (gateway.Inbound, error) {
	policy := match.Courier.Options.Reply
	if policy.Sealed && s.o.Now().Before(policy.By) && correlate.Sealable(classify.Class(in.Class)) {
		in.Opens = policy.By
		return in, nil
	}
	sealed, err := s.open(ctx, in)
	if err != nil {
		return in, fmt.Errorf("open a mail in quarantine: %w", err)
	}
	defer sealed.Close()
	plain := s.store.Spool()
	defer plain.Discard()
	if _, err := io.Copy(plain, io.NewSectionReader(sealed, 0, sealed.Size())); err != nil {
		return in, fmt.Errorf("open a mail in quarantine: %w", err)
	}
	content := plain.Hash()
	e := gateway.NewEvent(gateway.Unsealed, by.Now, gateway.UnsealedDetails{Mail: in.ID, Content: content, Reason: by.Reason}, nil).
		About(match.Courier.ID, match.Recipient.ID).By(by.Actor, gateway.ByAgent)
	e.Once, e.Contents = "unsealed:"+in.ID.String(), []gateway.Hash{content}
	u := gateway.Unsealing{Sealed: in.Content, Mails: []gateway.Inbound{in}, Events: []gateway.Event{e}}
	if err := s.store.Unseal(ctx, u, plain); err != nil {
		return in, err
	}
	return s.store.Inbound(ctx, in.ID)
}

// byHand reads a mail again, for the letter that a person names. One that cannot be read is put beside the letter as it is.
func (s *Service) byHand(ctx context.Context, in gateway.Inbound, match correlate.Match, by act.By) (step gateway.Step, err error) {
	defer func() {
		if p := recover(); p != nil {
			step, err = s.o.Rules.UnderstandByHand(correlate.Mail{Inbound: in, Now: s.o.Now()}, match, by)
		}
	}()
	mail, err := s.read(ctx, in)
	var ours *outage
	switch {
	case errors.As(err, &ours), ctx.Err() != nil:
		return step, fmt.Errorf("read a mail in quarantine: %w", errors.Join(err, ctx.Err()))
	case err != nil:
		mail = correlate.Mail{Inbound: in, Now: s.o.Now()}
	}
	return s.o.Rules.UnderstandByHand(mail, match, by)
}
