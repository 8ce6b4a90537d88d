package intake

import (
	"context"
	"fmt"
	"strings"

	"vaguemestre/gateway/address"
	"vaguemestre/gateway/catalog"
)

// Warning is something that the agent should know and that refuses nothing. Key and Args name its sentence in the catalogue.
type Warning struct {
	Key  string
	Args map[string]any
}

// maxCautions bounds the warnings of a receipt, which SMTP carries in a reply; a trial has them all.
const maxCautions = 3

// recall warns about the addresses typed by hand to which the last letter could not be delivered.
func (x *exam) recall(ctx context.Context) error {
	past, err := x.in.d.Store.Mishaps(ctx, x.free...)
	if err != nil {
		return fmt.Errorf("look for past failures: %w", err)
	}
	for _, m := range past {
		x.warnings = append(x.warnings, Warning{"warning.past-failure", map[string]any{"Address": address.Shown(m.Address), "At": m.At.In(x.consultation.Location())}})
	}
	return nil
}

func (in *Intake) caution(w Warning) string { return catalog.Text(in.o.Language, w.Key, w.Args) }

// cautions writes the first warnings after another sentence.
func (in *Intake) cautions(all []Warning) string {
	var b strings.Builder
	for i, w := range all {
		if i == maxCautions {
			b.WriteString(" …")
			break
		}
		b.WriteString(" " + in.caution(w))
	}
	return b.String()
}
