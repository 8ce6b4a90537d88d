package console

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/catalog"
	"vaguemestre/tracking/web"
)

// Why a request goes no further.
var (
	errSignIn = errors.New("nobody is signed in")
	errForged = errors.New("request without the token of its page")
)

// visit is one request, with what the guard read for it.
type visit struct {
	console *Console
	lang    string
	now     time.Time
	bound   string    // what forms are bound to: the session, or the guest's cookie
	shown   time.Time // when the page was shown that the form came from

	agent   gateway.Agent
	session gateway.Session

	consultation gateway.Consultation
	courier      gateway.Courier
	recipient    gateway.Recipient
	reply        gateway.Reply
	event        gateway.Event
	draft        gateway.Draft
}

// partOf reads a part of the courier that the path names, when it names one.
func partOf[T any](r *http.Request, v *visit, name string, read func(context.Context, gateway.ID) (T, error), courier func(T) gateway.ID) (T, error) {
	var none T
	text := r.PathValue(name)
	if text == "" {
		return none, nil
	}
	id, err := gateway.ParseID(text)
	if err != nil {
		return none, gateway.ErrNotFound
	}
	part, err := read(r.Context(), id)
	if err != nil {
		return none, err
	}
	if courier(part) != v.courier.ID {
		return none, gateway.ErrNotFound
	}
	return part, nil
}

// fieldForm is the hidden field of every form.
const fieldForm = "form"

// token is the hidden field of the forms of a page shown now.
func (v *visit) token() string { return v.console.forms.Mint(v.now, v.bound) }

// form checks the hidden field of a form that came back.
func (v *visit) form(field string) error {
	shown, err := v.console.forms.Check(field, v.now, v.bound)
	if err != nil {
		return errForged
	}
	v.shown = shown.At
	return nil
}

// zone is the one in which this visit's dates are shown.
func (v *visit) zone() *time.Location { return v.consultation.Location() }

// shell is what every page of a signed-in agent has around it.
type shell struct {
	Agent         string
	Administrator bool
	Form          string
	Here          string // which entry of the navigation this is
	Done          string // what was just done; a key of the catalogue
	Lang          string
	Zone          *time.Location
	Now           time.Time
}

// doneField tells the page after an act what was done.
const doneField = "fait"

func (v *visit) shell(r *http.Request, here string) shell {
	s := shell{Agent: v.agent.Name, Administrator: v.agent.Administrator, Form: v.token(), Here: here, Lang: v.lang, Zone: v.zone(), Now: v.now}
	if done := r.URL.Query().Get(doneField); done != "" && len(done) < 40 && catalog.Has("console.done."+done) {
		s.Done = "done." + done
	}
	return s
}

// page writes a page of a signed-in agent. data embeds a shell.
func (c *Console) page(w http.ResponseWriter, r *http.Request, v *visit, p web.Page) error {
	p.Lang, p.Wide = v.lang, true
	if p.Switch == "" {
		p.Switch = r.URL.Path
	}
	c.site.Write(w, r, p)
	return nil
}

// after leads to another page of the console once something was done.
func after(w http.ResponseWriter, r *http.Request, path, done string) error {
	if done != "" {
		path += "?" + url.Values{doneField: {done}}.Encode()
	}
	http.Redirect(w, r, path, http.StatusSeeOther)
	return nil
}

// inside is the path to go on to after signing in: one of this console, never another site (CWE-601).
func inside(path string) string {
	u, err := url.Parse(path)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(path, "/") ||
		strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t\x00") || len(path) > 500 || strings.HasPrefix(path, "/connexion") {
		return "/"
	}
	return path
}

// The cookies. The prefix binds them to this host, over TLS (RFC 6265bis §4.1.3).
const (
	cookieSession  = "session"
	cookieGuest    = "visite"
	cookieLink     = "lien"
	cookieOpenID   = "openid"
	cookieLanguage = "langue"
)

func (c *Console) cookieName(name string) string {
	if c.secure {
		return "__Host-" + name
	}
	return "vaguemestre-" + name
}

// setCookie gives a cookie that scripts cannot read and other sites cannot send, but by a link that is followed.
func (c *Console) setCookie(w http.ResponseWriter, name, value string, life time.Duration) {
	k := &http.Cookie{Name: c.cookieName(name), Value: value, Path: "/", HttpOnly: true, Secure: c.secure, SameSite: http.SameSiteLaxMode}
	switch {
	case life < 0:
		k.MaxAge = -1
	case life > 0:
		k.MaxAge = int(life / time.Second)
	}
	http.SetCookie(w, k)
}

func (c *Console) cookie(r *http.Request, name string) string {
	k, err := r.Cookie(c.cookieName(name))
	if err != nil {
		return ""
	}
	return k.Value
}

// secret is 256 random bits as text.
func secret() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // documented never to fail (Go 1.24)
	return base64.RawURLEncoding.EncodeToString(b)
}

// hashed is what is kept of a secret. One that cannot be ours hashes like any other: it is found nowhere.
func hashed(purpose, secret string) gateway.Hash {
	return gateway.HashOf([]byte("vaguemestre " + purpose + "\x00" + secret))
}

// guest binds the forms of who is not signed in to their browser.
func (c *Console) guest(w http.ResponseWriter, r *http.Request) string {
	if known := c.cookie(r, cookieGuest); known != "" {
		return "guest " + known
	}
	value := secret()
	c.setCookie(w, cookieGuest, value, 0)
	return "guest " + value
}

// touchEvery bounds how often the last use of a session is written.
const touchEvery = time.Minute

// recognise finds the agent of the session; errSignIn when there is none.
func (c *Console) recognise(r *http.Request, v *visit, passive bool) (err error) {
	value := c.cookie(r, cookieSession)
	if value == "" {
		return errSignIn
	}
	hash := hashed("session", value)
	v.session, err = c.d.Store.SessionOf(r.Context(), hash, c.o.Idle)
	if errors.Is(err, gateway.ErrNotFound) {
		return errSignIn
	}
	if err != nil {
		return err
	}
	if v.agent, err = c.d.Store.Agent(r.Context(), v.session.Agent); err != nil {
		return err
	}
	if v.agent.Disabled {
		return errSignIn
	}
	v.bound = "session " + hash.String()
	if passive || v.now.Sub(v.session.Used) < touchEvery {
		return nil
	}
	if err := c.d.Store.UsedSession(r.Context(), v.session.ID); err != nil && !errors.Is(err, gateway.ErrNotFound) {
		return err
	}
	return nil
}

// language is the agent's choice, which a cookie keeps, or what their browser asks.
func (c *Console) language(w http.ResponseWriter, r *http.Request) string {
	if lang := web.Chosen(r); lang != "" {
		c.setCookie(w, cookieLanguage, lang, 365*24*time.Hour)
		return lang
	}
	switch lang := c.cookie(r, cookieLanguage); lang {
	case catalog.French, catalog.English:
		return lang
	}
	return web.Language(r, catalog.French)
}
