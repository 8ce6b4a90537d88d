package web

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"vaguemestre/gateway/catalog"
)

//go:embed templates/*.html
var sharedTemplates embed.FS

//go:embed static/*
var sharedStatic embed.FS

// Options says what a site is made of.
type Options struct {
	Prefix    string // of the site's sentences in the catalogue: "link"
	Home      string // path of its first page, to which its name leads; empty: it has none
	Templates fs.FS  // one file per page; "_….html" are parts
	Static    fs.FS  // the site's own static files; nil: none
	Theme     Theme
	Policy    Policy // over the policy of every site
	HSTS      bool   // the site is served over TLS
	Logger    *slog.Logger
}

// Site makes the pages of one site. It is safe for concurrent use.
type Site struct {
	opts    Options
	headers []header
	assets  *assets
	pages   map[string]map[string]*template.Template // by language and page
}

// New reads the templates in every language.
func New(o Options) (*Site, error) {
	s := &Site{opts: o, headers: fixed(policy().with(o.Policy), o.HSTS), assets: newAssets(), pages: map[string]map[string]*template.Template{}}
	if err := s.static(); err != nil {
		return nil, fmt.Errorf("static files of the site %s: %w", o.Prefix, err)
	}
	for _, lang := range Languages() {
		pages, err := s.parse(lang)
		if err != nil {
			return nil, fmt.Errorf("templates of the site %s: %w", o.Prefix, err)
		}
		s.pages[lang] = pages
	}
	return s, nil
}

func (s *Site) static() error {
	own, err := fs.Sub(sharedStatic, "static")
	if err != nil {
		return err
	}
	if err := s.assets.addAll(own); err != nil {
		return err
	}
	sheet, err := fs.ReadFile(own, "theme.css")
	if err != nil {
		return err
	}
	s.assets.add("theme.css", append(sheet, s.opts.Theme.sheet()...))
	if l := s.opts.Theme.Logo; l != nil {
		s.assets.add(logoName+s.opts.Theme.LogoType, l)
	}
	if s.opts.Static == nil {
		return nil
	}
	return s.assets.addAll(s.opts.Static)
}

// parse makes the pages of one language: the shared parts, the site's parts, then one page over a copy of them.
func (s *Site) parse(lang string) (map[string]*template.Template, error) {
	base, err := template.New("").Funcs(s.functions(lang)).ParseFS(sharedTemplates, "templates/*.html")
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(s.opts.Templates, "*.html")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if strings.HasPrefix(name, "_") {
			if _, err := base.ParseFS(s.opts.Templates, name); err != nil {
				return nil, err
			}
		}
	}
	pages := map[string]*template.Template{"": base}
	for _, name := range names {
		if strings.HasPrefix(name, "_") {
			continue
		}
		page, err := base.Clone()
		if err == nil {
			_, err = page.ParseFS(s.opts.Templates, name)
		}
		if err != nil {
			return nil, err
		}
		pages[strings.TrimSuffix(path.Base(name), ".html")] = page
	}
	return pages, nil
}

func (s *Site) functions(lang string) template.FuncMap {
	return template.FuncMap{
		"t":      func(key string, pairs ...any) string { return s.Text(lang, key, pairs...) },
		"has":    func(key string) bool { return catalog.Has(s.opts.Prefix+"."+key) || catalog.Has("web."+key) },
		"lang":   func() string { return lang },
		"size":   func(n int64) string { return Size(lang, n) },
		"date":   func(at time.Time, in *time.Location) string { return Date(lang, at, in) },
		"moment": func(at time.Time, in *time.Location) string { return Moment(lang, at, in) },
		"local":  func(at time.Time, in *time.Location) string { return Local(lang, at, in) },
		"stamp":  func(at time.Time, in *time.Location) string { return Stamp(lang, at, in) },
		"day":    func(at time.Time, in *time.Location) string { return Day(lang, at, in) },
		"iso":    func(at time.Time) string { return at.UTC().Format(time.RFC3339) },
		"set":    func(text string) string { return set(lang, text) },
		"asset":  s.assets.of,
		"icon":   icon,
		"dict":   func(pairs ...any) map[string]any { return arguments(pairs) },
		"list":   func(items ...any) []any { return items },
		"theme":  func() Theme { return s.opts.Theme },
		"home":   func() string { return s.opts.Home },
	}
}

// Text is a sentence of the site: PREFIX.KEY, or web.KEY when the site has none of its own.
func (s *Site) Text(lang, key string, pairs ...any) string {
	own := s.opts.Prefix + "." + key
	if !catalog.Has(own) && catalog.Has("web."+key) {
		own = "web." + key
	}
	return set(lang, catalog.Text(lang, own, arguments(pairs)))
}

// set is a sentence as its language sets it: French signs stay on the line of the word that they belong to, after a space that
// does not break, a thin one before ; ! ? (Lexique des règles typographiques, Imprimerie nationale).
func set(lang, text string) string {
	if lang == catalog.French {
		return unbroken.Replace(text)
	}
	return text
}

var unbroken = strings.NewReplacer(" :", "\u00a0:", " ;", "\u202f;", " ?", "\u202f?", " !", "\u202f!", "« ", "«\u00a0", " »", "\u00a0»")

func arguments(pairs []any) map[string]any {
	if len(pairs) == 1 {
		if args, ok := pairs[0].(map[string]any); ok {
			return args
		}
	}
	args := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		args[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return args
}

// Page is one page to write.
type Page struct {
	Name   string // the file of its template, and its table in the catalogue
	Status int    // 200 when 0
	Lang   string // French when empty
	About  string // beside the title in the browser's tab: the consultation
	Owner  string // who speaks, at the top of the page; the theme's name when empty
	Switch string // path of the same page, for the link to the other language; empty: no link
	Wide   bool   // for tables
	Data   any    // what the page's own template sees
}

// frame is what the layout sees.
type frame struct {
	Page
	Other string // the other language
}

// notice is a page without a template of its own: its sentences (NAME.title, NAME.text and, if there is one, NAME.todo)
// are all there is to it.
type notice struct {
	Name string
	Args any // what the sentences take: a map[string]any, or nil
}

// Write writes one page whole or, should its template fail, none of it.
func (s *Site) Write(w http.ResponseWriter, r *http.Request, p Page) {
	if s.pages[p.Lang] == nil {
		p.Lang = catalog.French
	}
	var b bytes.Buffer
	page := s.pages[p.Lang][p.Name]
	if page == nil {
		page = s.pages[p.Lang][""]
		p.Data = notice{Name: p.Name, Args: p.Data}
	}
	if err := page.ExecuteTemplate(&b, "layout", frame{Page: p, Other: other(p.Lang)}); err != nil {
		s.opts.Logger.Error("page not rendered", "site", s.opts.Prefix, "page", p.Name, "cause", err)
		http.Error(w, s.Text(p.Lang, "outage.title"), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", p.Lang)
	w.Header().Set("Vary", "Accept-Language")
	if p.Status == 0 {
		p.Status = http.StatusOK
	}
	write(w, r, p.Status, b.Bytes())
}

// write sends an answer whose length is known. HEAD gets its headers alone.
func write(w http.ResponseWriter, r *http.Request, status int, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // a visitor who left does not concern us
	}
}
