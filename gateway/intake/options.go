package intake

import (
	"cmp"
	"context"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/address"
)

// typed: the type that was said, or the free letter.
func (x *exam) typed(context.Context) ([]*gateway.Fault, error) {
	kind, ok := x.in.d.Kinds.Type(cmp.Or(x.wish.Type, gateway.Libre))
	if !ok {
		types := x.in.d.Kinds.Codes()
		names := make([]string, len(types))
		for i, t := range types {
			names[i] = string(t)
		}
		return one(refuse("refuse.unknown-type", "Word", address.Shown(string(cmp.Or(x.wish.Type, gateway.Libre))), "Near", []string(nil), "Types", names)), nil
	}
	x.kind = kind
	return nil, nil
}

// chosen: the options that were said, else the type's, none of which contradict another.
func (x *exam) chosen(ctx context.Context) ([]*gateway.Fault, error) {
	k, w := x.kind, x.wish
	label := k.Name(x.in.o.Language)
	acknowledged := w.Acknowledged.Or(k.Acknowledged)
	var faults []*gateway.Fault
	if k.AcknowledgedLocked && acknowledged != k.Acknowledged {
		faults = append(faults, refuse("refuse.locked-acknowledged", "Type", label))
	}
	allowed := w.Reply.Or(k.Reply.Allowed)
	x.options = gateway.Options{
		Acknowledged: acknowledged, Code: k.AskCode && acknowledged,
		Reply: gateway.ReplyPolicy{Allowed: allowed, Sealed: w.Sealed.Or(k.Reply.Sealed && allowed)},
	}
	by, fault := w.By.In(x.consultation.Location())
	if fault != nil {
		return append(faults, fault), nil
	}
	x.options.Reply.By = gateway.Micros(by)
	late, err := x.deadline(ctx, x.options.Reply.By)
	if err != nil {
		return nil, err
	}
	return append(append(faults, x.replies(label)...), late), nil
}

// replies judges the reply policy as it was resolved.
func (x *exam) replies(label string) (faults []*gateway.Fault) {
	policy := x.options.Reply
	example := x.now.In(x.consultation.Location()).AddDate(0, 0, 15).Format("20060102") + "-1200"
	switch {
	case !policy.Allowed && x.kind.DeadlineRequired:
		return one(refuse("refuse.reply-required", "Type", label))
	case !policy.Allowed && !policy.By.IsZero():
		faults = append(faults, refuse("refuse.deadline-without-reply"))
	case policy.Allowed && policy.By.IsZero() && x.kind.DeadlineRequired:
		return one(refuse("refuse.deadline-required", "Type", label, "Example", example))
	}
	switch {
	case policy.Sealed && !policy.Allowed:
		faults = append(faults, refuse("refuse.sealed-without-reply"))
	case policy.Sealed && policy.By.IsZero():
		faults = append(faults, refuse("refuse.sealed-without-deadline", "Example", example))
	}
	return faults
}

// deadline: to come, and no slip of the year.
func (x *exam) deadline(ctx context.Context, by time.Time) (*gateway.Fault, error) {
	shown := by.In(x.consultation.Location())
	switch {
	case by.IsZero():
	case !by.After(x.now):
		if again, err := x.retried(ctx); err != nil || again {
			return nil, err
		}
		return refuse("refuse.deadline-past", "By", shown), nil
	case by.After(x.now.AddDate(maxYears, 0, 0)):
		return refuse("refuse.deadline-far", "By", shown, "Years", maxYears), nil
	}
	return nil, nil
}
