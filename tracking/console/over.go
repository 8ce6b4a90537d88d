package console

import (
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"vaguemestre/tracking/web"
)

// A session that ends while somebody writes: what they typed comes back to them, nothing of it is kept here meanwhile.

// overPage gives back what was typed to who is no longer signed in.
type overPage struct {
	SignIn string // where they sign in, in another tab
	Action string // where the form goes then
	Parts  bool   // the form is multipart/form-data
	Fields []overField
}

type overField struct{ Name, Value string }

// askToSignIn leads who is not signed in to where they can, and back to the page that they were on. What they wanted to change is
// not changed; what they typed at length is given back.
func (c *Console) askToSignIn(w http.ResponseWriter, r *http.Request, rt route, v *visit) {
	over := c.cookie(r, cookieSession) != ""
	if over {
		c.setCookie(w, cookieSession, "", -1)
	}
	if wantsJSON(r) {
		_ = c.said(w, http.StatusUnauthorized, draftAnswer{Text: c.site.Text(v.lang, "over.script")}) // who left does not concern us
		return
	}
	if p, some := c.typedBefore(w, r, rt); some {
		c.site.Write(w, r, web.Page{Name: "over", Status: http.StatusForbidden, Lang: v.lang, Data: p})
		return
	}
	to := url.Values{}
	if at := where(r, rt); at != "/" {
		to.Set("suite", at)
	}
	if over {
		to.Set("fin", "1")
	}
	path := "/connexion"
	if len(to) > 0 {
		path += "?" + to.Encode()
	}
	http.Redirect(w, r, path, http.StatusSeeOther)
}

// where is the page to come back to: the one that was asked for, or that of what the act was about.
func where(r *http.Request, rt route) string {
	if r.Method == http.MethodGet {
		return inside(r.URL.RequestURI())
	}
	switch rt.object {
	case theConsultation:
		return inside("/consultations/" + r.PathValue("consultation"))
	case theCourier:
		return inside("/courriers/" + r.PathValue("courier"))
	case theDraft:
		return inside("/brouillons/" + r.PathValue("draft"))
	case theGateway:
		return "/passerelle"
	}
	return "/"
}

// typedBefore is what the form held, but its files, when its route is one where people write at length.
func (c *Console) typedBefore(w http.ResponseWriter, r *http.Request, rt route) (p overPage, some bool) {
	if !rt.typed {
		return p, false
	}
	p = overPage{SignIn: "/connexion?" + url.Values{"suite": {where(r, rt)}}.Encode(), Action: r.URL.Path}
	var f typed
	if p.Parts = strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/"); p.Parts {
		skip := func(part *multipart.Part) error { _, err := copyTo(io.Discard, part); return err }
		f, _ = c.readParts(w, r, skip, func(string) {}) // what came before a cut is given back all the same
	} else {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		_ = r.ParseForm() // the same
		f = typed(r.PostForm)
	}
	names := make([]string, 0, len(f))
	for name := range f {
		if name != fieldForm && name != "faire" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	p.Fields = []overField{{fieldForm, f.get(fieldForm)}} // the token goes first, as it always does
	for _, name := range names {
		for _, value := range f[name] {
			p.Fields = append(p.Fields, overField{name, value})
		}
	}
	return p, f.get("texte") != ""
}

// stale says that the page's token was good no longer, so that nothing was done.
func (c *Console) stale(v *visit) string {
	c.metrics.forged.Inc()
	return c.site.Text(v.lang, "over.again")
}

// typedAgain shows the form with what was typed, under a token that is good: its own was not, so nothing of it is kept or sent until
// its author presses a button of it. A script is given the token, and goes on by itself.
func (c *Console) typedAgain(w http.ResponseWriter, r *http.Request, v *visit, f typed) error {
	text := c.stale(v)
	if wantsJSON(r) {
		return c.said(w, http.StatusForbidden, draftAnswer{Text: text, Form: v.token()})
	}
	stored := v.draft
	wrong, err := c.fill(r.Context(), v, f)
	if err != nil {
		return err
	}
	if stored.Version > 0 {
		v.draft.Version = number(f.get("version"))
	}
	return c.writeForm(w, r, v, formPage{Status: http.StatusForbidden, Errors: wrong, Conflict: text})
}
