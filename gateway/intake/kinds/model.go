package kinds

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"time"

	"vaguemestre/gateway"
)

type modelKey struct {
	code     gateway.TypeCode
	language string
}

// model is the subject and body of a type in one language.
type model struct {
	subject, body *template.Template
	placeholders  []string // of subject and body, as written in them
}

// Fields are what a model can say. Each is text, ready to show, and may be empty.
type Fields struct {
	Reference, Title, Object, Deadline string
	PublicBody, PurchasingEntity       string
	ReplyBy                            string
	Signature                          string // public body and purchasing entity, a line each
}

// FieldsOf takes the fields from the facts of a consultation. replyBy may be zero.
func FieldsOf(b gateway.ContextBlock, replyBy time.Time) Fields {
	f := Fields{
		Reference: b.Reference, Title: b.Title, Object: b.Object, PublicBody: b.PublicBody, PurchasingEntity: b.PurchasingEntity,
		Deadline: inWords(b.Deadline, b), ReplyBy: inWords(replyBy, b),
	}
	f.Signature = strings.Trim(b.PublicBody+"\n"+b.PurchasingEntity, "\n")
	if f.Signature == "" {
		f.Signature = "La plate-forme de dématérialisation des marchés publics"
		if b.Language == "en" {
			f.Signature = "The e-tendering platform"
		}
	}
	return f
}

var months = [...]string{"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"}

// inWords writes an instant in the consultation's zone and language, with its offset when the
// zone is not that of most companies.
func inWords(t time.Time, b gateway.ContextBlock) string {
	if t.IsZero() {
		return ""
	}
	t = t.In(b.Location())
	text := t.Format("2 January 2006 at 15:04")
	if b.Language != "en" {
		day := strconv.Itoa(t.Day())
		if t.Day() == 1 {
			day = "1er"
		}
		text = fmt.Sprintf("%s %s %d à %d h %02d", day, months[t.Month()-1], t.Year(), t.Hour(), t.Minute())
	}
	if b.Zone != "" && b.Zone != gateway.DefaultZone {
		text += t.Format(" (UTC-07:00)")
	}
	return text
}

// placeholder is what stands between brackets on one line, without a field in it.
var placeholder = regexp.MustCompile(`\[[^\[\]{}\n]{1,300}\]`)

func (r *reader) model(language string, t texts) model {
	m := model{subject: r.template(language, "subject", t.Subject), body: r.template(language, "body", t.Body)}
	if strings.Contains(strings.TrimSpace(t.Subject), "\n") {
		r.problem(language, "subject", "a subject has one line")
	}
	for _, p := range placeholder.FindAllString(t.Subject+"\n"+t.Body, -1) {
		if !slices.Contains(m.placeholders, p) {
			m.placeholders = append(m.placeholders, p)
		}
	}
	return m
}

// template parses a text and runs it with every field and with none.
func (r *reader) template(language, key, text string) *template.Template {
	if strings.TrimSpace(text) == "" {
		r.problem(language, key, "this text is missing")
		return nil
	}
	t, err := template.New(key).Parse(text)
	if err != nil {
		r.broken(language, key, err)
		return nil
	}
	full := Fields{"1", "2", "3", "4", "5", "6", "7", "8"}
	for _, fields := range []Fields{full, {}} {
		if err := t.Execute(&strings.Builder{}, fields); err != nil {
			r.broken(language, key, err)
			return nil
		}
	}
	return t
}

var templateLine = regexp.MustCompile(`^template: \w+:(\d+):(?:\d+:)? ?`)

// broken places a template's error: its own line within the text, added to the text's.
func (r *reader) broken(language, key string, err error) {
	what := err.Error()
	row := r.row(language, key)
	if m := templateLine.FindStringSubmatch(what); m != nil {
		within, _ := strconv.Atoi(m[1])
		what = what[len(m[0]):]
		row += within - 1
		if key == "body" { // its text begins after the line of the quotes
			row++
		}
	}
	r.problems = append(r.problems, fmt.Errorf("%s:%d: %s.%s: %s", r.name, row, language, key, what))
}

func (s *Set) model(code gateway.TypeCode, language string) model {
	if m, ok := s.models[modelKey{code, language}]; ok {
		return m
	}
	return s.models[modelKey{code, "fr"}]
}

// Subject is the model's subject, filled in, on one line. It is empty for an unknown type.
func (s *Set) Subject(code gateway.TypeCode, language string, f Fields) string {
	return strings.Join(strings.Fields(fill(s.model(code, language).subject, f)), " ")
}

// Body is the model's text, filled in, lines ended by LF, nothing blank at either end.
func (s *Set) Body(code gateway.TypeCode, language string, f Fields) string {
	return strings.Trim(blankLines.ReplaceAllString(fill(s.model(code, language).body, f), "\n\n"), "\n \t")
}

var blankLines = regexp.MustCompile(`\n[ \t]*(?:\n[ \t]*)+\n`)

func fill(t *template.Template, f Fields) string {
	var b strings.Builder
	if t != nil {
		_ = t.Execute(&b, f) // executed at load with and without every field
	}
	return b.String()
}

// Unfilled lists the model's placeholders that a text still contains, as they are written in the
// model. White space and case do not count: mail clients wrap lines.
func (s *Set) Unfilled(code gateway.TypeCode, language, text string) []string {
	if !strings.Contains(text, "[") {
		return nil // the usual case, and the rest is dear: every text of every courier comes here
	}
	there := loose(text)
	var left []string
	for _, p := range s.model(code, language).placeholders {
		if strings.Contains(there, loose(p)) {
			left = append(left, p)
		}
	}
	return left
}

// Holds tells whether a text contains a passage, by the same rule.
func Holds(text, passage string) bool {
	return strings.Contains(text, "[") && strings.Contains(loose(text), loose(passage))
}

// loose is text without what a mail client may change: kinds and number of spaces, case, typographic quotes, marks of quotation.
func loose(text string) string {
	return strings.Join(strings.Fields(straight.Replace(strings.ToLower(text))), "")
}

var straight = strings.NewReplacer(">", "", "’", "'", "‘", "'", "“", `"`, "”", `"`)
