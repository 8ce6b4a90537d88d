package console

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/account"
	"vaguemestre/gateway/store"
	"vaguemestre/tracking/web"
)

func (c *Console) signInRoutes() []route {
	return []route{
		{method: "GET", path: "/connexion", object: theSite, permission: anybody, do: c.signIn},
		{method: "POST", path: "/connexion/lien", object: theSite, permission: anybody, do: c.askLink},
		{method: "GET", path: "/connexion/lien/{link}", object: theSite, permission: anybody, do: c.showLink},
		{method: "POST", path: "/connexion/lien/{link}", object: theSite, permission: anybody, do: c.takeLink},
		{method: "POST", path: "/connexion/mot-de-passe", object: theSite, permission: anybody, do: c.password},
		{method: "GET", path: "/connexion/openid", object: theSite, permission: anybody, do: c.toProvider},
		{method: "GET", path: "/connexion/openid/retour", object: theSite, permission: anybody, do: c.fromProvider},
		{method: "POST", path: "/deconnexion", object: theAccount, permission: signedIn, do: c.signOut},
	}
}

// LinkLife is how long a link sent to a mailbox opens the console.
const LinkLife = 10 * time.Minute

// signInPage is what the pages of signing in see.
type signInPage struct {
	Form    string
	Next    string
	Errors  []map[string]any
	Over    bool   // their session ended
	Login   string // as it was typed
	OpenID  string // the provider's name; empty: none
	Minutes int
	Link    string // of the page that uses it
	Agent   string // whose link it is
}

func (c *Console) signInData(v *visit, next string) signInPage {
	p := signInPage{Form: v.token(), Next: inside(next), Minutes: int(LinkLife / time.Minute)}
	if c.o.OpenID != nil {
		p.OpenID = c.o.OpenID.Name()
	}
	return p
}

func (c *Console) signIn(w http.ResponseWriter, r *http.Request, v *visit) error {
	next := r.URL.Query().Get("suite")
	signed := *v
	if err := c.recognise(r, &signed, true); err == nil {
		return after(w, r, inside(next), "")
	} else if !errors.Is(err, errSignIn) {
		return err
	}
	p := c.signInData(v, next)
	p.Over = r.URL.Query().Get("fin") != ""
	return c.signInPage(w, r, v, http.StatusOK, "signin", p)
}

func (c *Console) signInPage(w http.ResponseWriter, r *http.Request, v *visit, status int, name string, p signInPage) error {
	c.site.Write(w, r, web.Page{Name: name, Status: status, Lang: v.lang, Switch: "/connexion", Data: p})
	return nil
}

// again shows the page of signing in with what went wrong.
func (c *Console) again(w http.ResponseWriter, r *http.Request, v *visit, status int, field, key string) error {
	p := c.signInData(v, r.PostFormValue("suite"))
	p.Login = r.PostFormValue("login")
	p.Errors = []map[string]any{{"Field": field, "Text": c.site.Text(v.lang, "signin."+key, "Minutes", p.Minutes)}}
	return c.signInPage(w, r, v, status, "signin", p)
}

// maxAnswer bounds the agents that one address means: each gets a link of their own.
const maxAnswer = 5

// askLink sends a link to the mailbox of whoever the field names. What it answers, and the work it does, are the same
// for nobody.
func (c *Console) askLink(w http.ResponseWriter, r *http.Request, v *visit) error {
	typed := strings.ToLower(strings.TrimSpace(r.PostForm.Get("login")))
	if !c.tries.Allow(c.network(r)) {
		c.metrics.signIns.WithLabelValues(string(gateway.ByLink), "limited").Inc()
		return c.again(w, r, v, http.StatusTooManyRequests, "login", "limited")
	}
	if typed == "" || len(typed) > 255 || strings.ContainsFunc(typed, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return c.again(w, r, v, http.StatusUnprocessableEntity, "login", "no-login")
	}
	agents, err := c.named(r.Context(), typed)
	if err != nil {
		return err
	}
	browser := secret()
	if !c.mails.Allow(typed) { // said like a mail that was sent: a stranger must not learn of it
		c.metrics.signIns.WithLabelValues(string(gateway.ByLink), "limited").Inc()
		agents = nil
	}
	if len(agents) == 0 {
		agents = []gateway.Agent{{Name: typed, Addresses: []string{"nobody@" + c.o.Domain}}}
	}
	for _, agent := range agents {
		if err := c.offer(r.Context(), v, agent, typed, browser, r.PostForm.Get("suite")); err != nil {
			return err
		}
	}
	c.setCookie(w, cookieLink, browser, LinkLife)
	c.metrics.signIns.WithLabelValues(string(gateway.ByLink), "asked").Inc()
	return c.signInPage(w, r, v, http.StatusOK, "sent", c.signInData(v, ""))
}

// named gives the agents whom a login or an address means, who have a mailbox and are not closed.
func (c *Console) named(ctx context.Context, typed string) ([]gateway.Agent, error) {
	agents, err := c.d.Store.AgentsAt(ctx, typed)
	if err != nil {
		return nil, err
	}
	one, err := c.d.Store.AgentByLogin(ctx, typed)
	switch {
	case errors.Is(err, gateway.ErrNotFound):
	case err != nil:
		return nil, err
	case !one.Disabled && len(one.Addresses) > 0:
		agents = []gateway.Agent{one}
	}
	return agents[:min(len(agents), maxAnswer)], nil
}

func (c *Console) offer(ctx context.Context, v *visit, agent gateway.Agent, typed, browser, next string) error {
	link := secret()
	to := agent.Addresses[0]
	if agent.Owns(typed) {
		to = typed
	}
	spool := c.d.Store.Spool()
	defer spool.Discard()
	if err := c.writeLink(spool, v, agent, to, link, inside(next)); err != nil {
		return err
	}
	return c.d.Store.OfferSignIn(ctx, store.SignInLink{
		Secret: hashed("sign-in link", link), Browser: hashed("sign-in browser", browser), Agent: agent.ID, Ends: v.now.Add(LinkLife), Mail: spool, To: to,
	})
}

// showLink shows the button that uses a link. Looking at it uses nothing: programs that follow links in mails do that.
func (c *Console) showLink(w http.ResponseWriter, r *http.Request, v *visit) error {
	id, err := c.d.Store.OpenSignIn(r.Context(), hashed("sign-in link", r.PathValue("link")), hashed("sign-in browser", c.cookie(r, cookieLink)))
	if errors.Is(err, gateway.ErrNotFound) {
		return c.signInPage(w, r, v, http.StatusGone, "link-over", c.signInData(v, ""))
	}
	if err != nil {
		return err
	}
	agent, err := c.d.Store.Agent(r.Context(), id)
	if err != nil {
		return err
	}
	p := c.signInData(v, r.URL.Query().Get("suite"))
	p.Link, p.Agent = r.PathValue("link"), agent.Name
	return c.signInPage(w, r, v, http.StatusOK, "link", p)
}

func (c *Console) takeLink(w http.ResponseWriter, r *http.Request, v *visit) error {
	value := secret()
	_, err := c.d.Store.TakeSignIn(r.Context(), hashed("sign-in link", r.PathValue("link")), hashed("sign-in browser", c.cookie(r, cookieLink)),
		c.newSession(r, v, gateway.ByLink), hashed("session", value))
	if errors.Is(err, gateway.ErrNotFound) {
		c.metrics.signIns.WithLabelValues(string(gateway.ByLink), "denied").Inc()
		return c.signInPage(w, r, v, http.StatusGone, "link-over", c.signInData(v, ""))
	}
	if err != nil {
		return err
	}
	c.setCookie(w, cookieLink, "", -1)
	return c.opened(w, r, value, gateway.ByLink, r.PostForm.Get("suite"))
}

// password takes a login and a password, under the same locks as the mail clients'. App passwords are for programs:
// they open nothing here.
func (c *Console) password(w http.ResponseWriter, r *http.Request, v *visit) error {
	if !c.tries.Allow(c.network(r)) {
		c.metrics.signIns.WithLabelValues(string(gateway.ByPassword), "limited").Inc()
		return c.again(w, r, v, http.StatusTooManyRequests, "password", "limited")
	}
	agent, err := c.d.Accounts.Login(r.Context(), account.Attempt{
		Login: r.PostForm.Get("login"), Password: r.PostForm.Get("password"), Address: web.ClientAddress(r, c.o.TrustedProxies), InPerson: true,
	})
	var fault *gateway.Fault
	switch {
	case errors.As(err, &fault) && fault.Class == gateway.Permanent:
		c.metrics.signIns.WithLabelValues(string(gateway.ByPassword), "denied").Inc()
		return c.again(w, r, v, http.StatusUnauthorized, "password", "denied")
	case errors.As(err, &fault) && fault.Key == "account.locked":
		c.metrics.signIns.WithLabelValues(string(gateway.ByPassword), "locked").Inc()
		return c.again(w, r, v, http.StatusTooManyRequests, "password", "locked")
	case err != nil:
		c.metrics.signIns.WithLabelValues(string(gateway.ByPassword), "unavailable").Inc()
		c.o.Logger.Error("console: check a password", "err", err)
		return c.again(w, r, v, http.StatusServiceUnavailable, "password", "unavailable")
	}
	return c.enter(w, r, v, agent, gateway.ByPassword, r.PostForm.Get("suite"))
}

// enter opens a session of an agent who proved who they are.
func (c *Console) enter(w http.ResponseWriter, r *http.Request, v *visit, agent gateway.Agent, way gateway.SignInWay, next string) error {
	value := secret()
	n := c.newSession(r, v, way)
	n.Agent = agent.ID
	if _, err := c.d.Store.AddSession(r.Context(), n, hashed("session", value)); err != nil {
		return err
	}
	return c.opened(w, r, value, way, next)
}

// maxBrowser bounds what is kept of a browser's name, in octets.
const maxBrowser = 200

func (c *Console) newSession(r *http.Request, v *visit, way gateway.SignInWay) gateway.Session {
	browser := r.UserAgent()
	return gateway.Session{Way: way, Browser: strings.ToValidUTF8(browser[:min(len(browser), maxBrowser)], ""), Ends: v.now.Add(c.o.Lifetime)}
}

// opened gives the browser its new secret: whatever it held before, somebody may have put there (session fixation).
func (c *Console) opened(w http.ResponseWriter, r *http.Request, value string, way gateway.SignInWay, next string) error {
	if old := c.cookie(r, cookieSession); old != "" {
		if before, err := c.d.Store.SessionOf(r.Context(), hashed("session", old), c.o.Idle); err == nil {
			if err := c.d.Store.EndSession(r.Context(), before.Agent, before.ID); err != nil && !errors.Is(err, gateway.ErrNotFound) {
				return err
			}
		}
	}
	c.setCookie(w, cookieSession, value, c.o.Lifetime)
	c.setCookie(w, cookieGuest, "", -1)
	c.metrics.signIns.WithLabelValues(string(way), "signed-in").Inc()
	return after(w, r, inside(next), "")
}

func (c *Console) signOut(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := c.d.Store.EndSession(r.Context(), v.agent.ID, v.session.ID); err != nil && !errors.Is(err, gateway.ErrNotFound) {
		return err
	}
	c.setCookie(w, cookieSession, "", -1)
	w.Header().Set("Clear-Site-Data", `"cache", "storage"`)
	return after(w, r, "/connexion", "")
}
