package compose

import (
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // dates are words of the letter: a machine without zones must not change them

	"golang.org/x/net/idna"

	"vaguemestre/gateway"
	"vaguemestre/gateway/message"
)

// view is what the templates show: single lines, dates in words.
type view struct {
	words                                            layouts
	Language                                         string
	Author, Body, Type, Subject, Recipient, To       string
	Reference, Title, Object, Deadline, Bodies, Link string
	Code, By, Sent                                   string
	Reply                                            gateway.ReplyPolicy
}

func (e edition) view(c gateway.Courier, r gateway.Recipient, a Addresses, zone *time.Location) view {
	b := c.Context
	v := view{
		words: e[language(b.Language)], Language: language(b.Language),
		Author: oneLine(c.AuthorName), Body: oneLine(b.PublicBody),
		Type: firstOf(c.TypeLabel, string(c.Type)), Subject: subject(c),
		Recipient: readable(r.Address), To: readable(r.Address),
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

// readable is an address for people: its domain as it is written in their language (RFC 5890 U-labels).
func readable(address string) string {
	at := strings.LastIndexByte(address, '@')
	domain, err := idna.Display.ToUnicode(address[at+1:])
	if err != nil {
		return oneLine(address)
	}
	return oneLine(address[:at+1] + domain)
}

// line is a phrase of the catalogue, as text.
func (v view) line(name string) (string, error) {
	var text strings.Builder
	if err := v.words.text.ExecuteTemplate(&text, name, v); err != nil {
		return "", fmt.Errorf("compose a line: %w", err)
	}
	return text.String(), nil
}

// notification is the words of an acknowledged letter.
func (v view) notification() (message.Words, error) { return v.both("notification") }

// block is what stands behind the agent's own words. It says nothing of the letter nor of its recipient: all those that an
// agent writes about a consultation with the same options share it, and it is made once.
func (v view) block() (message.Words, error) {
	v.Type, v.Subject, v.Recipient, v.To, v.Link, v.Code, v.Sent = "", "", "", "", "", "", ""
	return v.words.blocks.get(v, func() (message.Words, error) { return v.both("plain") })
}

func (v view) both(name string) (message.Words, error) {
	var text, html strings.Builder
	if err := v.words.text.ExecuteTemplate(&text, name, v); err != nil {
		return message.Words{}, fmt.Errorf("compose the text: %w", err)
	}
	if err := v.words.html.ExecuteTemplate(&html, name, v); err != nil {
		return message.Words{}, fmt.Errorf("compose the HTML: %w", err)
	}
	return message.Words{Text: text.String(), HTML: html.String()}, nil
}

// model is the type's own text, which stands for an empty body: paragraphs by blank lines.
func (v view) model(text string) (message.Words, error) {
	text = strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
	var paragraphs [][]string
	for p := range strings.SplitSeq(text, "\n\n") {
		if p = strings.Trim(p, "\n"); p != "" {
			paragraphs = append(paragraphs, strings.Split(p, "\n"))
		}
	}
	var html strings.Builder
	if err := v.words.html.ExecuteTemplate(&html, "model", paragraphs); err != nil {
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
