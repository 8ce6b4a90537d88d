package kinds

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/pelletier/go-toml/v2"

	"vaguemestre/gateway"
	"vaguemestre/gateway/address"
)

// kind is one file, read.
type kind struct {
	file   string
	typ    gateway.CourierType
	models map[string]model
}

// file is the shape of a courier type's file. Pointers tell a missing key from a zero one.
type file struct {
	Code          *string           `toml:"code"`
	Order         *int              `toml:"order"`
	UsualRegister string            `toml:"usual_register"`
	AskCode       bool              `toml:"ask_code"`
	Label         map[string]string `toml:"label"`
	Sending       struct {
		Acknowledged *bool `toml:"acknowledged"`
		Locked       bool  `toml:"locked"`
	} `toml:"sending"`
	Reply struct {
		Allowed          *bool `toml:"allowed"`
		Sealed           bool  `toml:"sealed"`
		DeadlineRequired bool  `toml:"deadline_required"`
	} `toml:"reply"`
	Reminders *struct {
		AfterDays *int `toml:"after_days"`
		Most      *int `toml:"most"`
	} `toml:"reminders"`
	FR *texts `toml:"fr"`
	EN *texts `toml:"en"`
}

type texts struct {
	Subject string `toml:"subject"`
	Body    string `toml:"body"`
}

// reader collects the problems of one file.
type reader struct {
	name     string
	lines    []string
	problems []error
}

func read(name, text string) (kind, error) {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	var f file
	d := toml.NewDecoder(bytes.NewReader([]byte(text))).DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return kind{}, placed(name, err)
	}
	r := &reader{name: name, lines: strings.Split(text, "\n")}
	k := kind{file: name, typ: r.options(f), models: map[string]model{}}
	k.typ.Subject, k.typ.Body = map[string]string{}, map[string]string{}
	for language, t := range map[string]*texts{"fr": f.FR, "en": f.EN} {
		if t == nil {
			continue
		}
		k.models[language] = r.model(language, *t)
		k.typ.Subject[language], k.typ.Body[language] = t.Subject, t.Body
	}
	if f.FR == nil {
		r.problem("fr", "", "the table [fr] with subject and body is missing")
	}
	return k, errors.Join(r.problems...)
}

// placed gives go-toml's errors their file and line.
func placed(name string, err error) error {
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) {
		var all []error
		for _, e := range strict.Errors {
			row, _ := e.Position()
			all = append(all, fmt.Errorf("%s:%d: the key %q is not known", name, row, strings.Join(e.Key(), ".")))
		}
		return errors.Join(all...)
	}
	var decode *toml.DecodeError
	if errors.As(err, &decode) {
		row, _ := decode.Position()
		return fmt.Errorf("%s:%d: %w", name, row, decode)
	}
	return fmt.Errorf("%s: %w", name, err)
}

func (r *reader) options(f file) gateway.CourierType {
	t := gateway.CourierType{
		Label: f.Label, UsualRegister: gateway.Register(f.UsualRegister), AskCode: f.AskCode,
		AcknowledgedLocked: f.Sending.Locked, DeadlineRequired: f.Reply.DeadlineRequired,
	}
	t.Code = gateway.TypeCode(required(r, "", "code", f.Code))
	t.Order = required(r, "", "order", f.Order)
	t.Acknowledged = required(r, "sending", "acknowledged", f.Sending.Acknowledged)
	t.Reply = gateway.ReplyPolicy{Allowed: required(r, "reply", "allowed", f.Reply.Allowed), Sealed: f.Reply.Sealed}
	if m := f.Reminders; m != nil {
		t.Reminders = &gateway.Reminders{AfterDays: required(r, "reminders", "after_days", m.AfterDays), Most: required(r, "reminders", "most", m.Most)}
	}
	r.check(t)
	return t
}

func (r *reader) check(t gateway.CourierType) {
	if err := address.CheckType(t.Code); err != nil && t.Code != "" {
		r.problem("", "code", err.Error())
	}
	if t.Label["fr"] == "" {
		r.problem("label", "fr", "the French label is missing")
	}
	for language := range t.Label {
		if language != "fr" && language != "en" {
			r.problem("label", language, "the languages are fr and en")
		}
	}
	if t.UsualRegister != "" && !slices.Contains(gateway.Registers(), t.UsualRegister) {
		r.problem("", "usual_register", fmt.Sprintf("%q is not a register; the registers are %v", t.UsualRegister, gateway.Registers()))
	}
	if t.Reply.Sealed && !t.Reply.Allowed {
		r.problem("reply", "sealed", "sealed replies need allowed = true")
	}
	if t.DeadlineRequired && !t.Reply.Allowed {
		r.problem("reply", "deadline_required", "a reply deadline needs allowed = true")
	}
	if t.AskCode && !t.Acknowledged {
		r.problem("", "ask_code", "a reading code needs sending.acknowledged = true")
	}
	if m := t.Reminders; m != nil && (m.AfterDays < 0 || m.AfterDays > maxReminderDays) {
		r.problem("reminders", "after_days", fmt.Sprintf("from 0 (never) to %d days", maxReminderDays))
	}
	if m := t.Reminders; m != nil && (m.Most < 1 || m.Most > maxReminders) {
		r.problem("reminders", "most", fmt.Sprintf("from 1 to %d calls; after_days = 0 is for none", maxReminders))
	}
}

// More would be no reminder, but a nuisance. gateway/config has the same bounds.
const (
	maxReminderDays = 365
	maxReminders    = 10
)

func required[T any](r *reader, table, key string, value *T) T {
	if value == nil {
		r.problem(table, key, "this key is missing")
		return *new(T)
	}
	return *value
}

// problem notes what is wrong with a key, at its line when it has one.
func (r *reader) problem(table, key, what string) {
	place := r.name
	if row := r.row(table, key); row > 0 {
		place = fmt.Sprintf("%s:%d", r.name, row)
	}
	r.problems = append(r.problems, fmt.Errorf("%s: %s: %s", place, strings.Trim(table+"."+key, "."), what))
}

// row is the line of a key, or of its table when the key is not there; 0 when neither is.
func (r *reader) row(table, key string) int {
	current, found := "", 0
	if table == "" {
		found = 1
	}
	for i, line := range r.lines {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "[") {
			current = strings.Trim(strings.SplitN(line, "#", 2)[0], "[] ")
			if current == table {
				found = i + 1
			}
		}
		name, _, assigned := strings.Cut(line, "=")
		if current == table && assigned && strings.TrimSpace(name) == key {
			return i + 1
		}
	}
	return found
}
