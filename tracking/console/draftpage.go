package console

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"vaguemestre/gateway"
	"vaguemestre/gateway/address"
	"vaguemestre/gateway/catalog"
	"vaguemestre/gateway/intake"
	"vaguemestre/gateway/intake/kinds"
	"vaguemestre/tracking/web"
)

// formPage is « Nouveau message ».
type formPage struct {
	Shell        shell
	Consultation gateway.Consultation
	Clock        clock
	Status       int
	Draft        gateway.Draft
	Action       string // where the form goes
	Back         string
	Types        []typeChoice
	Rules        string // of each type, for the script: JSON
	By           string // the deadline of answers, as an input has it
	Registers    []registerRow
	Others       []companyRow // of no register
	Free         string       // addresses typed by hand
	Known        []string     // addresses to propose
	Total        int64        // of the files
	Max          int64
	MaxPlain     int64
	Protected    bool // a message that cannot be edited
	Errors       []fieldError
	Conflict     string
	Report       *reportPage
	Sending      bool // the report stands in the way of sending
}

type fieldError struct{ Field, Text string }

type registerRow struct {
	Word, Label string
	Ticked      bool
	Companies   []companyRow
	Open        bool // one of its companies is ticked by itself
}

type companyRow struct {
	gateway.Company
	Ticked bool
}

// typeRules is what the script needs to know of a type.
type typeRules struct {
	Acknowledged bool   `json:"acknowledged"`
	Locked       bool   `json:"locked"`
	Reply        bool   `json:"reply"`
	Sealed       bool   `json:"sealed"`
	Deadline     bool   `json:"deadline"`
	Usual        string `json:"usual,omitempty"`
}

// maxKnown bounds the addresses that a page proposes.
const maxKnown = 500

func (c *Console) fields(v *visit) kinds.Fields {
	return kinds.FieldsOf(v.consultation.Block(), v.draft.Options.Reply.By)
}

func (c *Console) wrong(v *visit, field string, f *gateway.Fault) fieldError {
	return fieldError{field, catalog.Text(v.lang, f.Key, f.Args)}
}

// writeForm writes the form as the draft stands, with what p has to say of it.
func (c *Console) writeForm(w http.ResponseWriter, r *http.Request, v *visit, p formPage) error {
	d := v.draft
	p.Shell, p.Consultation, p.Draft = v.shell(r, "follow"), v.consultation, d
	p.Back = "/consultations/" + v.consultation.ID.String()
	p.Action = v.draftPath()
	if d.Version == 0 {
		p.Action = p.Back + "/nouveau"
	}
	p.Types, p.Rules = c.types(v.lang), c.typeRules()
	p.Max, p.MaxPlain, p.Protected = c.o.MaxFiles, c.o.MaxPlain, !d.Content.IsZero()
	if by := d.Options.Reply.By; !by.IsZero() {
		p.By = by.In(v.zone()).Format(momentForm)
	}
	for _, f := range d.Files {
		p.Total += f.Size
	}
	var err error
	if p.Clock, err = c.clockOf(r, v); err != nil {
		return err
	}
	if err := c.people(r.Context(), v, &p); err != nil {
		return err
	}
	return c.page(w, r, v, web.Page{Name: "draft", Status: cmp.Or(p.Status, http.StatusOK), About: v.consultation.Reference, Switch: p.Action, Data: p})
}

func (c *Console) typeRules() string {
	rules := map[gateway.TypeCode]typeRules{}
	for _, t := range c.d.Kinds.Types() {
		rules[t.Code] = typeRules{t.Acknowledged, t.AcknowledgedLocked, t.Reply.Allowed, t.Reply.Sealed, t.DeadlineRequired, string(t.UsualRegister)}
	}
	b, err := json.Marshal(rules)
	if err != nil {
		panic("console: " + err.Error()) // booleans and text only
	}
	return string(b)
}

// people fills in the registers, what of them the draft names, and the addresses that it names besides.
func (c *Console) people(ctx context.Context, v *visit, p *formPage) error {
	companies, err := c.d.Store.Companies(ctx, v.consultation.ID, "")
	if err != nil {
		return err
	}
	registers, refs, free := c.addressed(v)
	p.Free = strings.Join(free, "\n")
	for _, register := range gateway.Registers() {
		row := registerRow{
			Word: string(register), Label: catalog.Text(v.lang, "register."+string(register), nil), Ticked: slices.Contains(registers, register),
		}
		for _, company := range companies {
			if slices.Contains(company.Registers, register) {
				one := companyRow{company, slices.Contains(refs, company.Ref)}
				row.Open = row.Open || one.Ticked
				row.Companies = append(row.Companies, one)
			}
		}
		if len(row.Companies) > 0 {
			p.Registers = append(p.Registers, row)
		}
	}
	for _, company := range companies {
		if len(company.Registers) == 0 {
			p.Others = append(p.Others, companyRow{company, slices.Contains(refs, company.Ref)})
		}
		for _, a := range company.Addresses {
			if len(p.Known) < maxKnown {
				p.Known = append(p.Known, a)
			}
		}
	}
	return nil
}

// addressed sorts what the draft names: registers, companies, and addresses. What means nothing stays to be seen among the addresses.
func (c *Console) addressed(v *visit) (registers []gateway.Register, refs, free []string) {
	for _, text := range v.draft.Recipients {
		to, fault := c.grammar.Recipient(text)
		if fault == nil && to.Kind == address.Control && to.Wish.Name == v.consultation.Address && len(to.Wish.Registers)+len(to.Wish.Companies) > 0 {
			registers, refs = append(registers, to.Wish.Registers...), append(refs, to.Wish.Companies...)
			continue
		}
		free = append(free, text)
	}
	return registers, refs, free
}

// reportPage is what the rules found.
type reportPage struct {
	Good       bool
	Checks     []checkRow
	Warnings   []string
	Seen       string // of the warnings: pressing again after these were shown sends
	Recipients []gateway.Recipient
	Count      int
	Options    string
	Subject    string
	Model      bool
	Page       bool // there is a page to look at
}

type checkRow struct {
	Name, Field string
	Skipped     bool
	Faults      []string
}

func (p *reportPage) status() int {
	if p.Good {
		return http.StatusOK
	}
	return http.StatusUnprocessableEntity
}

// shownInReport is how many recipients a report lists.
const shownInReport = 50

// fieldOf is the field of the form where what a rule refuses is mended.
func fieldOf(rule string) string {
	return map[string]string{
		"type": "type", "options": "options", "recipients": "adresses", "addresses": "adresses", "files": "fichiers", "subject": "objet", "body": "texte",
	}[rule]
}

func (c *Console) reportOf(v *visit, report intake.Report) *reportPage {
	p := &reportPage{
		Good: report.Good(), Count: len(report.Recipients), Recipients: report.Recipients[:min(len(report.Recipients), shownInReport)],
		Subject: report.Courier.Subject, Model: report.Model, Page: report.Courier.Options.Acknowledged,
	}
	if p.Good {
		p.Options = c.options(v, report.Courier)
	}
	for _, check := range report.Checks {
		row := checkRow{Name: catalog.Text(v.lang, "check."+check.Rule, nil), Field: fieldOf(check.Rule), Skipped: check.Skipped}
		for _, f := range check.Faults {
			row.Faults = append(row.Faults, catalog.Text(v.lang, f.Key, f.Args))
		}
		p.Checks = append(p.Checks, row)
	}
	for _, warning := range report.Warnings {
		p.Warnings = append(p.Warnings, catalog.Text(v.lang, warning.Key, warning.Args))
	}
	p.Seen = gateway.HashOf([]byte(strings.Join(p.Warnings, "\n"))).String()
	return p
}

// Faults lists what is wrong, for the summary before the form.
func (p *reportPage) Faults() (all []fieldError) {
	for _, check := range p.Checks {
		for _, f := range check.Faults {
			all = append(all, fieldError{check.Field, f})
		}
	}
	return all
}
