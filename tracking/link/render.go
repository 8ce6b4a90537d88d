package link

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"

	"vaguemestre/gateway"
	"vaguemestre/gateway/catalog"
)

//go:embed templates/*.html
var templateFiles embed.FS

//go:embed static/*
var staticFiles embed.FS

// pages are parsed once per language.
var pages = map[string]*template.Template{"fr": parse("fr"), "en": parse("en")}

func parse(lang string) *template.Template {
	return template.Must(template.New("").Funcs(template.FuncMap{
		"t":    func(key string, pairs ...any) string { return catalog.Text(lang, "link."+key, arguments(pairs)) },
		"size": func(n int64) string { return size(lang, n) },
		"date": func(at time.Time, in *time.Location) string { return date(lang, at, in) },
		"lang": func() string { return lang },
	}).ParseFS(templateFiles, "templates/*.html"))
}

func arguments(pairs []any) map[string]any {
	args := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		args[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return args
}

// view is what the templates see.
type view struct {
	Page      string // catalogue prefix of title and words
	Path      string // of this letter, with its language
	Other     string // the same page in the other language
	Block     gateway.ContextBlock
	Zone      *time.Location
	Author    string
	Type      string
	Subject   string
	Sent      time.Time
	Reply     gateway.ReplyPolicy
	Recipient string
	Code      bool
	Form      string
	Again     string
	Read      time.Time
	Text      string
	HTML      bool
	Files     []fileView
	Total     int64
}

type fileView struct {
	gateway.File
	Link string
}

func (p *Pages) view(r *http.Request, l letter) view {
	c := l.courier
	path := "/l/" + r.PathValue("token")
	return view{
		Path: path, Block: c.Context, Zone: c.Context.Location(), Author: c.AuthorName, Type: c.TypeLabel, Subject: c.Subject,
		Sent: c.Accepted, Reply: c.Options.Reply, Recipient: l.recipient.Name(), Code: c.Options.Code, Read: l.recipient.Standing.Read,
	}
}

// page writes one page whole or, should a template fail, none of it.
func (p *Pages) page(w http.ResponseWriter, r *http.Request, status int, name string, v view) {
	lang := chosen(r, v.Block.Language)
	v.Page, v.Other = name, map[string]string{"fr": "en", "en": "fr"}[lang]
	var b bytes.Buffer
	if err := pages[lang].ExecuteTemplate(&b, "page", v); err != nil {
		p.opts.Logger.Error("page not rendered", "page", name, "cause", err)
		http.Error(w, catalog.Text(lang, "link.outage.title", nil), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", lang)
	w.Header().Set("Content-Length", strconv.Itoa(b.Len()))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(b.Bytes()) // a visitor who left does not concern us
	}
}

// chosen is the language of the page: the visitor's click, what their browser asks, the letter's own.
func chosen(r *http.Request, own string) string {
	if lang := r.FormValue("lang"); pages[lang] != nil {
		return lang
	}
	fallback := language.French
	if own == "en" {
		fallback = language.English
	}
	matcher := language.NewMatcher([]language.Tag{fallback, language.French, language.English})
	tag, _ := language.MatchStrings(matcher, r.Header.Get("Accept-Language"))
	if base, _ := tag.Base(); base.String() == "en" {
		return "en"
	}
	return "fr"
}

// size is a number of bytes as the manual counts them: 1 Mo = 1,000,000.
func size(lang string, n int64) string {
	unit := map[string][3]string{"fr": {"octets", "ko", "Mo"}, "en": {"bytes", "kB", "MB"}}[lang]
	var s string
	switch {
	case n < 1000:
		return fmt.Sprintf("%d %s", n, unit[0])
	case n < 1_000_000:
		s = fmt.Sprintf("%.1f %s", float64(n)/1000, unit[1])
	default:
		s = fmt.Sprintf("%.1f %s", float64(n)/1_000_000, unit[2])
	}
	if lang == "fr" {
		s = strings.Replace(s, ".", ",", 1)
	}
	return s
}

// date is a moment in the consultation's zone, with its offset: what a proof would say.
func date(lang string, at time.Time, in *time.Location) string {
	if in == nil {
		in = time.UTC
	}
	if lang == "en" {
		return at.In(in).Format("2 January 2006 at 15:04 (UTC-07:00)")
	}
	months := [...]string{"janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre", "octobre", "novembre", "décembre"}
	at = at.In(in)
	day := strconv.Itoa(at.Day())
	if at.Day() == 1 {
		day = "1er"
	}
	return day + " " + months[at.Month()-1] + " " + at.Format("2006 à 15:04 (UTC-07:00)")
}

func static(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "public, max-age=3600")
	http.ServeFileFS(w, r, staticFiles, "static/"+r.PathValue("name"))
}

func robots(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("User-agent: *\nDisallow: /\n"))
}
