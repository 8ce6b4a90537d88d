package compose

import (
	"embed"
	"fmt"
	htmltemplate "html/template"
	"strings"
	"sync"
	"text/template"
	"time"
	_ "time/tzdata" // dates are words of the letter: a machine without zones must not change them

	"vaguemestre/gateway"
	"vaguemestre/gateway/message"
)

//go:embed templates
var files embed.FS

// layouts are the templates of one language.
type layouts struct {
	text *template.Template
	html *htmltemplate.Template
}

// catalogue is read once; the files are embedded and tested, so that a broken one never ships.
var catalogue = sync.OnceValue(func() map[string]layouts {
	all := map[string]layouts{}
	for _, lang := range []string{"fr", "en"} {
		all[lang] = layouts{
			text: template.Must(template.ParseFS(files, "templates/"+lang+".tmpl", "templates/text.tmpl")),
			html: htmltemplate.Must(htmltemplate.ParseFS(files, "templates/"+lang+".tmpl", "templates/html.tmpl")),
		}
	}
	return all
})

func language(code string) string {
	if code == "en" {
		return "en"
	}
	return "fr"
}

// view is what the templates show: single lines, dates in words.
type view struct {
	Language                                         string
	Author, Body, Type, Subject, Recipient, To       string
	Reference, Title, Object, Deadline, Bodies, Link string
	Code, By, Sent                                   string
	Reply                                            gateway.ReplyPolicy
}

func newView(c gateway.Courier, r gateway.Recipient, a Addresses, zone *time.Location) view {
	b := c.Context
	v := view{
		Language: language(b.Language),
		Author:   oneLine(c.AuthorName), Body: oneLine(b.PublicBody),
		Type: firstOf(c.TypeLabel, string(c.Type)), Subject: subject(c),
		Recipient: oneLine(r.Address), To: oneLine(r.Address),
		Reference: oneLine(b.Reference), Title: oneLine(b.Title), Object: oneLine(b.Object),
		Bodies: oneLine(b.PublicBody), Link: a.Link, Reply: c.Options.Reply,
	}
	if name := oneLine(r.CompanyName); name != "" {
		v.Recipient = name + " (" + v.To + ")"
	}
	if entity := oneLine(b.PurchasingEntity); entity != "" {
		v.Bodies = strings.TrimPrefix(v.Bodies+" | "+entity, " | ")
	}
	if c.Options.Code {
		v.Code = a.Code
	}
	v.Deadline = inWords(v.Language, b.Deadline, zone)
	if v.Reply.Allowed {
		v.By = inWords(v.Language, v.Reply.By, zone)
	}
	return v
}

// line is a phrase of the catalogue, as text.
func (v view) line(name string) (string, error) {
	var text strings.Builder
	if err := catalogue()[v.Language].text.ExecuteTemplate(&text, name, v); err != nil {
		return "", fmt.Errorf("compose a line: %w", err)
	}
	return text.String(), nil
}

// notification is the words of an acknowledged letter.
func (v view) notification() (message.Words, error) { return v.words("notification") }

// block is what stands behind the agent's own words.
func (v view) block() (message.Words, error) { return v.words("plain") }

func (v view) words(name string) (message.Words, error) {
	l := catalogue()[v.Language]
	var text, html strings.Builder
	if err := l.text.ExecuteTemplate(&text, name, v); err != nil {
		return message.Words{}, fmt.Errorf("compose the text: %w", err)
	}
	if err := l.html.ExecuteTemplate(&html, name, v); err != nil {
		return message.Words{}, fmt.Errorf("compose the HTML: %w", err)
	}
	return message.Words{Text: text.String(), HTML: html.String()}, nil
}

// model is the type's own text, which stands for an empty body: paragraphs by blank lines.
func model(text string) (message.Words, error) {
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	var paragraphs [][]string
	for p := range strings.SplitSeq(text, "\n\n") {
		if p = strings.Trim(p, "\n"); p != "" {
			paragraphs = append(paragraphs, strings.Split(p, "\n"))
		}
	}
	var html strings.Builder
	if err := catalogue()["fr"].html.ExecuteTemplate(&html, "model", paragraphs); err != nil {
		return message.Words{}, fmt.Errorf("compose the model: %w", err)
	}
	return message.Words{Text: text + "\n", HTML: html.String()}, nil
}

var (
	weekdays = [...]string{"dimanche", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi"}
	months   = [...]string{"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"}
)

// inWords is a date as people say it, in the consultation's zone: "mardi 9 mars 2021 à 10:00". A
// zone other than the default one is named by its offset, since the company may sit elsewhere.
func inWords(lang string, t time.Time, in *time.Location) string {
	if t.IsZero() {
		return ""
	}
	t = t.In(in)
	zone := ""
	if in.String() != gateway.DefaultZone {
		zone = " (UTC" + t.Format("-07:00") + ")"
	}
	if lang == "en" {
		return t.Format("Monday 2 January 2006 at 15:04") + zone
	}
	day := fmt.Sprint(t.Day())
	if t.Day() == 1 {
		day = "1er"
	}
	return fmt.Sprintf("%s %s %s %d à %s%s", weekdays[t.Weekday()], day, months[t.Month()-1], t.Year(), t.Format("15:04"), zone)
}
