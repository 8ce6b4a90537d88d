package intake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"vaguemestre/gateway"
	"vaguemestre/gateway/address"
	"vaguemestre/gateway/catalog"
	"vaguemestre/gateway/store"
)

// serve answers what is no courier: a proof asked for, or a word to the administrator.
func (in *Intake) serve(ctx context.Context, x *exam) (Receipt, error) {
	if fault := x.first([]string{"account", "message", "sender"}); fault != nil {
		return Receipt{}, fault
	}
	if x.request.Kind == address.Proof {
		return in.prove(ctx, x)
	}
	if in.o.Postmaster == "" {
		return Receipt{}, gateway.Refuse(550, [3]int{5, 1, 1}, "refuse.no-postmaster", nil)
	}
	if err := in.mail(ctx, x, in.o.Postmaster, x.s.Message); err != nil {
		return Receipt{}, err
	}
	return in.receipt(Postmaster, nil), nil
}

func (in *Intake) receipt(o Outcome, args map[string]any) Receipt {
	return Receipt{Outcome: o, Text: catalog.Text(in.o.Language, "receipt."+string(o), args)}
}

func (in *Intake) prove(ctx context.Context, x *exam) (Receipt, error) {
	if in.d.Prover == nil {
		return Receipt{}, gateway.Refuse(550, [3]int{5, 3, 3}, "refuse.no-proof", nil)
	}
	c, mine, err := x.mine(ctx, x.request.Courier)
	if err != nil {
		return Receipt{}, err
	}
	if !mine {
		return Receipt{}, gateway.Refuse(550, [3]int{5, 7, 1}, "refuse.unknown-courier", nil)
	}
	if err := in.d.Prover.Prove(ctx, x.s.Agent, x.from, c.ID); err != nil {
		return Receipt{}, fmt.Errorf("ask for a proof: %w", err)
	}
	r := in.receipt(Proving, nil)
	r.Courier = c
	return r, nil
}

// draft stores the message to be finished later. The same message is the same draft, so that a
// client's retry makes no second one.
func (in *Intake) draft(ctx context.Context, x *exam) (Receipt, error) {
	key := x.draftKey()
	d := gateway.Draft{
		ID: gateway.ID(key[:16]), Agent: x.s.Agent.ID, Consultation: x.consultation.ID, Type: x.kind.Code, Options: x.options,
		Subject: x.subject, Recipients: x.draftRecipients(), Content: x.s.Message.Hash(),
	}
	stored, err := in.d.Store.PutDraft(ctx, d, x.s.Message)
	if err != nil && !errors.Is(err, store.ErrConflict) {
		return Receipt{}, fmt.Errorf("store a draft: %w", err)
	}
	r := in.receipt(Drafted, map[string]any{"Reference": x.consultation.Reference})
	r.Draft = stored
	return r, nil
}

func (x *exam) draftKey() gateway.Hash {
	text, err := json.Marshal([]string{"draft", x.s.Agent.ID.String(), x.consultation.ID.String(), x.messageID, x.s.Message.Hash().String()})
	if err != nil {
		panic("intake: " + err.Error()) // text only
	}
	return gateway.HashOf(text)
}

// draftRecipients writes the recipients again, without the words: the draft holds their meaning.
func (x *exam) draftRecipients() []string {
	var all []string
	for _, r := range x.wish.Registers {
		text, _ := x.in.grammar.Format(address.Wish{Name: x.wish.Name, Registers: []gateway.Register{r}})
		all = append(all, text)
	}
	for _, c := range x.wish.Companies {
		text, _ := x.in.grammar.Format(address.Wish{Name: x.wish.Name, Companies: []string{c}})
		all = append(all, text)
	}
	for _, t := range x.answered {
		all = append(all, t.address)
	}
	return append(all, x.free...)
}

// mailModel sends the model, filled in, to the agent; its To is where it goes once it is complete.
func (in *Intake) mailModel(ctx context.Context, x *exam) (Receipt, error) {
	control := x.again()
	args := map[string]any{"Type": x.kind.Name(in.o.Language), "Reference": x.consultation.Reference, "Address": control}
	subject := in.d.Kinds.Subject(x.kind.Code, x.consultation.Language, x.fields())
	body := in.d.Kinds.Body(x.kind.Code, x.consultation.Language, x.fields())
	spool := in.d.Store.Spool()
	defer spool.Discard()
	m := in.letterTo(x, spool, subject, control)
	// In the text, and between brackets, not in a file of its own: whoever edits it as a new message sends the files on.
	m.text(catalog.Text(in.o.Language, "model.mark", nil) + catalog.Text(in.o.Language, "model.intro", args) + "\n\n" + body)
	if err := m.end(); err != nil {
		return Receipt{}, fmt.Errorf("write the model: %w", err)
	}
	if err := in.mail(ctx, x, x.from, spool); err != nil {
		return Receipt{}, err
	}
	return in.receipt(Modelled, args), nil
}

// again is the address that says what was said, without the word that asked for the model; with less of it when all does not fit.
func (x *exam) again() (control string) {
	w := x.wish
	w.Name, w.Type, w.Action = x.consultation.Address, x.kind.Code, address.Send
	alone := w
	alone.Registers, alone.Companies = nil, nil
	for _, w := range []address.Wish{w, alone, {Name: w.Name, Type: w.Type}} {
		if text, ok := x.in.grammar.Format(w); ok {
			return text
		}
	}
	return ""
}

// mail has the queue send a message as it is.
func (in *Intake) mail(ctx context.Context, x *exam, to string, content *store.Spool) error {
	hash, err := in.d.Store.Keep(ctx, content)
	if err != nil {
		return fmt.Errorf("keep a notice: %w", err)
	}
	job := gateway.Job{
		ID: gateway.NewID(x.now), Kind: gateway.JobNotice, Created: x.now, Due: x.now,
		Notice: gateway.Notice{Kind: gateway.NoticeRaw, To: to, Content: hash},
	}
	if err := in.d.Store.Apply(ctx, gateway.Step{Jobs: []gateway.Job{job}}); err != nil {
		return fmt.Errorf("store a notice: %w", err)
	}
	return nil
}
