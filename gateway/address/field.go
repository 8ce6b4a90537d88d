package address

import (
	"net/mail"
	"slices"
	"strings"
	"time"

	"vaguemestre/gateway"
)

// FieldPrefix begins the names of the header fields that speak to the gateway.
const FieldPrefix = "Vaguemestre-"

// The header fields for programs.
const (
	FieldConsultation    = FieldPrefix + "Consultation"
	FieldType            = FieldPrefix + "Type"
	FieldAcknowledgement = FieldPrefix + "Acknowledgement"
	FieldReply           = FieldPrefix + "Reply"
	FieldReplyBy         = FieldPrefix + "Reply-By"
	FieldSealed          = FieldPrefix + "Sealed"
)

var fieldNames = [...]string{FieldConsultation, FieldType, FieldAcknowledgement, FieldReply, FieldReplyBy, FieldSealed}

// Field is a header field, its value unfolded and decoded (RFC 2047).
type Field struct{ Name, Value string }

// Fields reads the Vaguemestre-… fields of a header and leaves the others alone.
func (g *Grammar) Fields(header []Field) (Wish, *gateway.Fault) {
	w := Wish{Source: FromField}
	var seen []string
	for _, f := range header {
		if len(f.Name) < len(FieldPrefix) || !strings.EqualFold(f.Name[:len(FieldPrefix)], FieldPrefix) {
			continue
		}
		name, fault := fieldName(f.Name)
		if fault != nil {
			return Wish{}, fault
		}
		if slices.Contains(seen, name) {
			return Wish{}, refuse("refuse.repeated-field", "Field", name)
		}
		seen = append(seen, name)
		if fault := g.field(&w, name, strings.TrimSpace(f.Value)); fault != nil {
			return Wish{}, fault
		}
	}
	return w, nil
}

// maxValue bounds a field's value, in octets.
const maxValue = 1000

func fieldName(written string) (string, *gateway.Fault) {
	for _, name := range fieldNames {
		if strings.EqualFold(name, written) {
			return name, nil
		}
	}
	lower := make(map[string]string, len(fieldNames))
	var known []string
	for _, name := range fieldNames {
		lower[strings.ToLower(name)] = name
		known = append(known, strings.ToLower(name))
	}
	near := Near(strings.ToLower(written), known)
	for i := range near {
		near[i] = lower[near[i]]
	}
	return "", refuse("refuse.unknown-field", "Field", Shown(written), "Near", near)
}

func (g *Grammar) field(w *Wish, name, value string) (fault *gateway.Fault) {
	if value == "" {
		return nil // an empty field says nothing
	}
	if len(value) > maxValue {
		return refuse("refuse.long-field", "Field", name, "Max", maxValue)
	}
	switch name {
	case FieldConsultation:
		if w.Name = Fold(value); w.Name == "" {
			return refuse("refuse.unknown-consultation", "Name", Shown(value), "Near", []string(nil))
		}
	case FieldType:
		code := Fold(value)
		if !slices.Contains(g.types, code) {
			return refuse("refuse.unknown-type", "Word", Shown(value), "Near", Near(code, g.types), "Types", g.types)
		}
		w.Type = gateway.TypeCode(code)
	case FieldAcknowledgement:
		w.Acknowledged, fault = choice(name, value, wordAR, wordSimple)
	case FieldReply:
		w.Reply, fault = choice(name, value, wordReply, wordNoReply)
	case FieldSealed:
		w.Sealed, fault = choice(name, value, wordSealed, wordOpen)
	case FieldReplyBy:
		m, ok := ParseMoment(value)
		if !ok {
			return refuse("refuse.bad-date", "Word", Shown(value), "Want", []string{localExample, "2021-03-20T12:00:00+01:00"})
		}
		w.By = m
	}
	return fault
}

func choice(name, value, yes, no string) (Choice, *gateway.Fault) {
	switch Fold(value) {
	case "yes", "oui", "true", "1", yes:
		return Yes, nil
	case "no", "non", "false", "0", no:
		return No, nil
	}
	return Unsaid, refuse("refuse.bad-field", "Field", name, "Value", Shown(value), "Want", []string{"oui", "non"})
}

// ParseMoment reads a date as programs and people write it. Forms without a zone are in the
// consultation's; a day alone lasts until 23:59.
func ParseMoment(value string) (Moment, bool) {
	if m, ok := compactDate(value); ok {
		return m, true
	}
	for _, form := range []string{localForm, "2006-01-02T15:04", "02/01/2006 15:04", "02/01/2006 à 15:04", "02/01/2006 à 15h04", "02/01/2006 15h04"} {
		if t, err := time.Parse(form, value); err == nil {
			return Moment{Local: t.Format(localForm)}, t.Year() >= 1000
		}
	}
	for _, form := range []string{"2006-01-02", "02/01/2006"} {
		if t, err := time.Parse(form, value); err == nil {
			return Moment{Local: t.Format("2006-01-02") + " 23:59"}, t.Year() >= 1000
		}
	}
	if t, err := time.Parse(time.RFC3339, value); err == nil {
		return At(t), t.Year() >= 1000
	}
	return mailDate(value)
}

func mailDate(value string) (Moment, bool) {
	t, err := mail.ParseDate(value)
	if err != nil {
		return Moment{}, false
	}
	return At(t), t.Year() >= 1000
}

// FormatFields writes a wish as header fields. Registers, companies and actions are said by addresses only.
func (g *Grammar) FormatFields(w Wish) []Field {
	all := []Field{
		{FieldConsultation, w.Name},
		{FieldType, string(w.Type)},
		{FieldAcknowledgement, pick(w.Acknowledged, "oui", "non")},
		{FieldReply, pick(w.Reply, "oui", "non")},
		{FieldReplyBy, w.By.String()},
		{FieldSealed, pick(w.Sealed, "oui", "non")},
	}
	return slices.DeleteFunc(all, func(f Field) bool { return f.Value == "" })
}

// Client reads what mail clients already have: a requested receipt (RFC 8098 §2.1) and a
// Reply-By date (RFC 4021 §2.1.47). The first of each counts; an unreadable date is refused.
func (g *Grammar) Client(header []Field) (Wish, *gateway.Fault) {
	w := Wish{Source: FromClient}
	for _, f := range header {
		value := strings.TrimSpace(f.Value)
		switch {
		case value == "" || len(value) > maxValue:
		case strings.EqualFold(f.Name, "Disposition-Notification-To"):
			w.Acknowledged = Yes
		case strings.EqualFold(f.Name, "Reply-By") && w.By.IsZero():
			m, ok := mailDate(value)
			if !ok {
				return Wish{}, refuse("refuse.bad-date", "Word", Shown(value), "Want", []string{"Sat, 20 Mar 2021 12:00:00 +0100"})
			}
			w.By = m
		}
	}
	return w, nil
}

// Answered lists the messages of the gateway that a header answers: the identifiers at its domain in
// In-Reply-To, then in References from the last, without angle brackets.
func (g *Grammar) Answered(header []Field) []string {
	var found []string
	for _, name := range []string{"In-Reply-To", "References"} {
		for _, f := range header {
			if !strings.EqualFold(f.Name, name) {
				continue
			}
			ids := g.identifiers(f.Value)
			slices.Reverse(ids)
			found = append(found, ids...)
		}
	}
	var once []string
	for _, id := range found {
		if !slices.Contains(once, id) {
			once = append(once, id)
		}
	}
	return once
}

const maxAnswered = 20 // a long thread names many messages; the last ones tell enough

func (g *Grammar) identifiers(value string) []string {
	var ids []string
	for _, word := range strings.FieldsFunc(value, func(r rune) bool { return r == ' ' || r == '\t' || r == '<' || r == '>' || r == ',' }) {
		if _, domain, ok := strings.Cut(word, "@"); ok && strings.EqualFold(domain, g.domain) {
			ids = append(ids, word)
		}
	}
	return ids[max(0, len(ids)-maxAnswered):]
}
