package link

import (
	"embed"
	"io/fs"
	"net/http"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/tracking/web"
)

//go:embed templates/*.html static
var siteFiles embed.FS

// newSite is the pages' own templates over what every site shares.
func newSite(o Options) (*web.Site, error) {
	templates, err := fs.Sub(siteFiles, "templates")
	if err != nil {
		return nil, err
	}
	static, err := fs.Sub(siteFiles, "static")
	if err != nil {
		return nil, err
	}
	return web.New(web.Options{
		Prefix: "link", Templates: templates, Static: static, Theme: o.Theme, HSTS: o.HSTS, Logger: o.Logger,
		// The letter's own frame; the answer's own script and what it asks.
		Policy: web.Policy{"frame-src": "'self'", "script-src": "'self'", "connect-src": "'self'"},
	})
}

// view is what the templates see.
type view struct {
	Path      string // of this letter
	Block     gateway.ContextBlock
	Zone      *time.Location
	Author    string
	Type      string
	Subject   string
	Sent      time.Time
	Reply     gateway.ReplyPolicy
	Recipient string
	Answer    string // "open", "late", "closed"; empty: none can be written here
	Code      bool
	Form      string
	Again     string
	Now       time.Time
	Late      bool // the time to answer is over
	Wrong     time.Time
	Remark    string // typed in a form that is asked again
	Receipt   bool   // there is one to be had
	Read      time.Time
	Text      string
	HTML      bool
	Frame     string // how tall the frame of the HTML is, by the style sheet's word
	Files     []fileView
	Total     int64
}

type fileView struct {
	gateway.File
	Link     string
	Withheld bool
}

func (p *Pages) view(r *http.Request, l letter) view {
	c := l.courier
	return view{
		Answer: p.answering(l),
		Path:   "/l/" + r.PathValue("token"), Block: c.Context, Zone: c.Context.Location(), Author: c.AuthorName, Type: c.TypeLabel, Subject: c.Subject,
		Sent: c.Accepted, Reply: c.Options.Reply, Recipient: l.recipient.Name(), Code: c.Options.Code, Read: l.recipient.Standing.Read,
		Now: p.opts.Now(), Late: c.Options.Reply.Allowed && !c.Options.Reply.By.IsZero() && !p.opts.Now().Before(c.Options.Reply.By),
		Wrong: l.recipient.Standing.WrongRecipient, Receipt: p.opts.Receipts != nil,
	}
}

// page writes one page about a letter.
func (p *Pages) page(w http.ResponseWriter, r *http.Request, status int, name string, v view) {
	p.site.Write(w, r, web.Page{
		Name: name, Status: status, Lang: web.Language(r, v.Block.Language), About: v.Block.Reference,
		Owner: v.Block.PublicBody, Switch: v.Path, Data: v,
	})
}

// notice writes a page that is only words: it is about no letter, or about one that cannot be shown.
func (p *Pages) notice(w http.ResponseWriter, r *http.Request, status int, name string, about gateway.ContextBlock, more ...any) {
	args := map[string]any{"Body": about.PublicBody, "Reference": about.Reference}
	for i := 0; i+1 < len(more); i += 2 {
		args[more[i].(string)] = more[i+1]
	}
	page := web.Page{
		Name: name, Status: status, Lang: web.Language(r, about.Language), About: about.Reference, Owner: about.PublicBody,
		Data: args,
	}
	if about.Reference != "" && r.Method != http.MethodPost {
		page.Switch = "/l/" + r.PathValue("token")
	}
	p.site.Write(w, r, page)
}
