package intake

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"

	"vaguemestre/gateway"
	"vaguemestre/gateway/catalog"
	"vaguemestre/gateway/store"
)

// maxListed bounds the recipients that a trial lists by name.
const maxListed = 2000

// try mails the agent what would happen, and sends nothing else.
func (in *Intake) try(ctx context.Context, x *exam) (Receipt, error) {
	spool := in.d.Store.Spool()
	defer spool.Discard()
	report := x.report()
	m := in.letterTo(x, spool, catalog.Text(in.o.Language, "trial.subject", map[string]any{"Subject": x.subject}), "")
	m.text(in.reportText(x, report))
	if err := in.attachFirst(ctx, m, x, report); err != nil {
		return Receipt{}, err
	}
	if err := m.end(); err != nil {
		return Receipt{}, fmt.Errorf("write the trial: %w", err)
	}
	if err := in.mail(ctx, x, x.from, spool); err != nil {
		return Receipt{}, err
	}
	receipt := in.receipt(Tried, nil)
	receipt.Warnings = x.warnings
	receipt.Text += in.cautions(x.warnings)
	return receipt, nil
}

// attachFirst adds the exact message of the first recipient, when it can be made.
func (in *Intake) attachFirst(ctx context.Context, m *letter, x *exam, r Report) error {
	if !r.Good() || len(r.Recipients) == 0 {
		return nil
	}
	first := in.d.Store.Spool()
	defer first.Discard()
	if err := in.d.Composer.Letter(first, r.Courier, r.Recipients[0], x.s.Message.ReaderAt()); err != nil {
		return fmt.Errorf("compose the first message: %w", err)
	}
	m.message(catalog.Text(in.o.Language, "trial.file", nil), whole(first))
	return in.attachPage(ctx, m, x, r)
}

// attachPage adds the page that the first recipient would see once they acknowledge.
func (in *Intake) attachPage(ctx context.Context, m *letter, x *exam, r Report) error {
	if in.d.Pager == nil || !r.Courier.Options.Acknowledged {
		return nil
	}
	var page bytes.Buffer
	if err := in.d.Pager.Page(ctx, &page, r.Courier, r.Recipients[0], x.s.Message); err != nil {
		return fmt.Errorf("make the page: %w", err)
	}
	m.file(catalog.Text(in.o.Language, "trial.page", nil), "text/html; charset=utf-8", page.String())
	return nil
}

func whole(p *store.Spool) io.Reader { return io.NewSectionReader(p.ReaderAt(), 0, p.Size()) }

// reportText is the body of a trial.
func (in *Intake) reportText(x *exam, r Report) string {
	say := func(key string) string { return catalog.Text(in.o.Language, "trial."+key, nil) }
	var b strings.Builder
	line := func(text string) { b.WriteString(text + "\n") }
	pair := func(key, value string) { line(in.pair(say(key), value)) }
	title := func(key string) { line("\n" + say(key) + "\n" + strings.Repeat("-", len([]rune(say(key))))) }
	line(say("intro"))
	verdict := "verdict-bad"
	if r.Good() {
		verdict = "verdict-good"
	}
	line(say(verdict))
	title("understood")
	c := x.consultation
	pair("consultation", c.Reference+" | "+c.Title)
	pair("type", x.kind.Name(in.o.Language))
	pair("options", in.optionsText(x.options, c))
	pair("object", x.subject)
	pair("files", in.filesText(x.files))
	if r.Model {
		line(say("model-used"))
	}
	title("recipients")
	line(catalog.Text(in.o.Language, "trial.count", map[string]any{"Count": len(r.Recipients)}))
	for i, t := range r.Recipients {
		if i == maxListed {
			line("- …")
			break
		}
		line("- " + in.recipientText(t))
	}
	if len(r.Warnings) > 0 {
		title("warnings")
	}
	for _, w := range r.Warnings {
		line("- " + in.caution(w))
	}
	title("checks")
	for _, check := range r.Checks {
		in.checkText(line, check)
	}
	if r.Good() && len(r.Recipients) > 0 {
		line("\n" + say("attached"))
		if in.d.Pager != nil && r.Courier.Options.Acknowledged {
			line(say("attached-page"))
		}
	}
	return b.String()
}

// pair writes "name : value" with the spaces of the language.
func (in *Intake) pair(name, value string) string {
	return catalog.Text(in.o.Language, "trial.pair", map[string]any{"Name": name, "Value": value})
}

func (in *Intake) filesText(files []gateway.File) string {
	if len(files) == 0 {
		return catalog.Text(in.o.Language, "trial.none", nil)
	}
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = catalog.Text(in.o.Language, "trial.one-file", map[string]any{"Name": f.Name, "Size": f.Size})
	}
	return strings.Join(names, ", ")
}

func (in *Intake) recipientText(r gateway.Recipient) string {
	text := r.Address
	if r.CompanyName != "" {
		text += " (" + r.CompanyName + ")"
	}
	if r.Register != "" {
		text += ", " + catalog.Text(in.o.Language, "register."+string(r.Register), nil)
	}
	return text
}

func (in *Intake) checkText(line func(string), c Check) {
	name := catalog.Text(in.o.Language, "check."+c.Rule, nil)
	switch {
	case c.Skipped:
		line("- " + in.pair(name, catalog.Text(in.o.Language, "trial.skipped", nil)))
	case len(c.Faults) == 0:
		line("- " + in.pair(name, catalog.Text(in.o.Language, "trial.ok", nil)))
	}
	for _, f := range c.Faults {
		line("- " + catalog.Text(in.o.Language, "trial.wrong", map[string]any{"Name": name, "Value": catalog.Text(in.o.Language, f.Key, f.Args)}))
	}
}
