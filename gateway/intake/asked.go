package intake

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"vaguemestre/gateway"
	"vaguemestre/gateway/address"
	"vaguemestre/gateway/message"
	"vaguemestre/gateway/token"
)

// asked: every place where the agent may have said something is understood, and they agree.
func (x *exam) asked(ctx context.Context) ([]*gateway.Fault, error) {
	x.mayName()
	faults, err := x.readEnvelope(ctx)
	if err != nil || x.request != nil {
		return faults, err
	}
	header := fieldsOf(x.msg.Header())
	said := x.s.Said
	said.Source, said.Name = address.FromField, address.Fold(said.Name)
	fields, fault := x.in.grammar.Fields(header)
	client, bad := x.in.grammar.Client(header)
	subject, wrong := x.in.grammar.Subject(x.msg.Header().Text("Subject"), func(name string) bool { return x.names[name] != nil })
	faults = append(faults, fault, bad, wrong)
	x.subject, x.strays = subject.Text, subject.Strays
	x.wishes = slices.Concat([]address.Wish{said, fields, client}, subject.Wishes, x.wishes)
	faults = slices.DeleteFunc(faults, func(f *gateway.Fault) bool { return f == nil })
	if err := x.followThread(ctx, header); err != nil || len(faults) > 0 {
		return faults, err
	}
	return x.agree(), nil
}

// mayName sorts the consultations that the agent is entitled to by every name that means one of them: its
// address first, then its reference folded. A name that would mean two means none.
func (x *exam) mayName() {
	x.names = make(map[string]*gateway.Consultation, 2*len(x.entitled))
	count := map[string]int{}
	for i := range x.entitled {
		x.names[x.entitled[i].Address] = &x.entitled[i]
		count[address.Fold(x.entitled[i].Reference)]++
	}
	for i := range x.entitled {
		name := address.Fold(x.entitled[i].Reference)
		if x.names[name] == nil && count[name] == 1 && name != "" {
			x.names[name] = &x.entitled[i]
		}
	}
}

func fieldsOf(h message.Header) []address.Field {
	var fields []address.Field
	for _, f := range h.Fields() {
		fields = append(fields, address.Field{Name: f.Name, Value: message.DecodeWords(f.Value())})
	}
	return fields
}

// readEnvelope sorts the recipients into what they say and to whom they write.
func (x *exam) readEnvelope(ctx context.Context) (faults []*gateway.Fault, err error) {
	var special []address.Recipient
	for _, raw := range x.s.Recipients {
		r, fault := x.in.grammar.Recipient(raw)
		if fault != nil {
			faults = append(faults, fault)
			continue
		}
		switch r.Kind {
		case address.Free:
			x.free = append(x.free, r.Mailbox)
		case address.Control:
			x.wishes = append(x.wishes, r.Wish)
		case address.Thread:
			if fault, err = x.answer(ctx, r.Token); err != nil {
				return nil, err
			}
			faults = append(faults, fault)
		case address.Proof, address.Postmaster:
			special = append(special, r)
		}
	}
	if len(special) == 0 {
		return faults, nil
	}
	if len(special) < len(x.s.Recipients) {
		return append(faults, refuse("refuse.mixed-request", "Address", address.Shown(special[0].Written))), nil
	}
	x.request = &special[0]
	return nil, nil
}

// answer understands a thread address: the recipient whom the agent answers, in their consultation. A
// token that is forged and one of somebody else's consultation get the same refusal.
func (x *exam) answer(ctx context.Context, text string) (*gateway.Fault, error) {
	refused := refuse("refuse.unknown-thread")
	id, err := x.in.d.Tokens.Verify(token.Thread, text)
	if err != nil {
		return refused, nil
	}
	r, err := x.in.d.Store.Recipient(ctx, id)
	if absent(err) {
		return refused, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the recipient of a thread: %w", err)
	}
	c, mine, err := x.mine(ctx, r.Courier)
	if err != nil || !mine {
		return refused, err
	}
	x.answered = append(x.answered, target{address: r.Address, company: r.Company, name: r.CompanyName, register: r.Register})
	x.join(c, address.FromAddress)
	return nil, nil
}

// followThread lets a reply to a message of the gateway stay in its consultation and thread.
func (x *exam) followThread(ctx context.Context, header []address.Field) error {
	for _, id := range x.in.grammar.Answered(header) {
		r, err := x.in.d.Store.RecipientByMessageID(ctx, "<"+id+">")
		if absent(err) {
			continue // a notice, or another's invention: it names nothing
		}
		if err != nil {
			return fmt.Errorf("look for the message answered: %w", err)
		}
		c, mine, err := x.mine(ctx, r.Courier)
		if err != nil {
			return err
		}
		if mine {
			x.join(c, address.FromClient)
			return nil
		}
	}
	return nil
}

// mine gives a courier if it belongs to a consultation that the agent may name.
func (x *exam) mine(ctx context.Context, id gateway.ID) (gateway.Courier, bool, error) {
	c, err := x.in.d.Store.Courier(ctx, id)
	if absent(err) {
		return c, false, nil
	}
	if err != nil {
		return c, false, fmt.Errorf("read a courier: %w", err)
	}
	return c, x.consultationOf(c.Consultation) != nil, nil
}

func (x *exam) consultationOf(id gateway.ID) *gateway.Consultation {
	for i := range x.entitled {
		if x.entitled[i].ID == id {
			return &x.entitled[i]
		}
	}
	return nil
}

func (x *exam) join(c gateway.Courier, source address.Source) {
	x.wishes = append(x.wishes, address.Wish{Source: source, Name: x.consultationOf(c.Consultation).Address})
	if x.thread.IsZero() {
		x.thread = c.Thread
	}
}

// agree replaces every name by the address of the consultation it means, and merges all wishes.
func (x *exam) agree() []*gateway.Fault {
	for i, w := range x.wishes {
		if w.Name == "" {
			continue
		}
		c := x.names[w.Name]
		if c == nil {
			return one(x.unknown(w.Name))
		}
		x.wishes[i].Name = c.Address
	}
	wish, fault := address.Merge(x.wishes...)
	if fault != nil {
		return one(fault)
	}
	x.wish = wish
	return nil
}

// unknown refuses a name with those it may stand for, among the agent's own consultations only.
func (x *exam) unknown(name string) *gateway.Fault {
	if word, near, rest := address.NearRegister(name); len(near) > 0 && x.names[rest] != nil {
		return refuse("refuse.unknown-register", "Word", word, "Near", near)
	}
	near := x.near(name)
	if meant := x.in.grammar.Meant(name, slices.Collect(maps.Keys(x.names))); meant != "" {
		near = []string{meant}
	}
	return refuse("refuse.unknown-consultation", "Name", address.Shown(strings.ToUpper(name)), "Near", near)
}

// near lists the references closest to a name.
func (x *exam) near(name string) []string {
	known := make([]string, 0, len(x.names))
	for n := range x.names {
		known = append(known, n)
	}
	var references []string
	for _, n := range address.Near(name, known) {
		if r := x.names[n].Reference; !slices.Contains(references, r) {
			references = append(references, r)
		}
	}
	return references
}

// named: exactly one consultation, still open.
func (x *exam) named(ctx context.Context) ([]*gateway.Fault, error) {
	for _, stray := range x.strays {
		name, worded := x.in.grammar.StrayName(stray)
		if near := x.near(name); x.wish.Name == "" || worded && len(near) > 0 {
			return one(refuse("refuse.unknown-consultation", "Name", address.Shown(stray), "Near", near)), nil
		}
	}
	if x.wish.Name == "" {
		reference, name := "REFERENCE", "reference"
		if len(x.entitled) > 0 {
			reference, name = x.entitled[0].Reference, x.entitled[0].Address
		}
		return one(refuse("refuse.no-consultation", "Example", name+"+rejet@"+x.in.o.Domain, "Reference", reference)), nil
	}
	x.consultation = *x.names[x.wish.Name]
	if x.consultation.Archived.IsZero() {
		return nil, nil
	}
	again, err := x.retried(ctx)
	if err != nil || again {
		return nil, err
	}
	return one(refuse("refuse.archived", "Reference", x.consultation.Reference)), nil
}
