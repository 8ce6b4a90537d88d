package console

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/mail"
	"strconv"
	"strings"
	"unicode/utf8"

	"vaguemestre/gateway"
	"vaguemestre/gateway/account"
	"vaguemestre/gateway/store"
	"vaguemestre/tracking/web"
)

type agentsPage struct {
	adminPage
	Agents []agentRow
	Form   agentForm
	Shown  string // the password of the one just added, this once
}

type agentRow struct {
	gateway.Agent
	Entitled []string // references
}

// agentForm is an agent as they are typed.
type agentForm struct {
	Login, Name, Addresses string
	Administrator          bool
	Version                int64 // of the agent that the form was filled in from
}

func formOf(a gateway.Agent) agentForm {
	return agentForm{a.Login, a.Name, strings.Join(a.Addresses, ", "), a.Administrator, a.Version}
}

func (c *Console) agents(w http.ResponseWriter, r *http.Request, v *visit) error {
	return c.showAgents(w, r, v, agentsPage{adminPage: v.admin(r, "agents")})
}

func (c *Console) showAgents(w http.ResponseWriter, r *http.Request, v *visit, p agentsPage) error {
	agents, err := c.d.Store.Agents(r.Context())
	if err != nil {
		return err
	}
	may, err := c.d.Store.Entitlements(r.Context())
	if err != nil {
		return err
	}
	for _, a := range agents {
		p.Agents = append(p.Agents, agentRow{a, may[a.ID]})
	}
	return c.page(w, r, v, web.Page{Name: "admin-agents", Status: formStatus(p.Error), Switch: "/passerelle/agents", Data: p})
}

// formStatus is 422 for a form that says what is wrong with it.
func formStatus(problem string) int {
	if problem != "" {
		return http.StatusUnprocessableEntity
	}
	return http.StatusOK
}

const (
	maxLogin = 64  // characters, of the accounts that are made here
	maxName  = 400 // octets, as of those that the platform makes
)

// login is the login typed for a new account; problem names the sentence that says what is wrong.
func (f agentForm) login() (login, problem string) {
	if f.Login == "" || utf8.RuneCountInString(f.Login) > maxLogin || strings.ContainsAny(f.Login, " \t:") {
		return "", "agents.no-login"
	}
	return strings.ToLower(f.Login), ""
}

// read checks what may be changed of an account; problem is as login's. Nothing is cut: what is too long is refused.
func (f agentForm) read() (a gateway.Agent, problem string) {
	a.Name = f.Name
	switch {
	case a.Name == "":
		return a, "agents.no-name"
	case len(a.Name) > maxName:
		return a, "agents.long-name"
	}
	for _, text := range strings.FieldsFunc(f.Addresses, func(r rune) bool { return r == ',' || r == ';' || r == ' ' || r == '\n' || r == '\r' }) {
		parsed, err := mail.ParseAddress(text)
		if err != nil || parsed.Address != text {
			return a, "agents.bad-address"
		}
		a.Addresses = append(a.Addresses, strings.ToLower(text))
	}
	if len(a.Addresses) == 0 {
		return a, "agents.bad-address"
	}
	return a, ""
}

// addAgent adds one with a password that is made here, and shown this once: the store keeps its hash.
func (c *Console) addAgent(w http.ResponseWriter, r *http.Request, v *visit) error {
	p := agentsPage{adminPage: v.admin(r, "agents"), Form: agentForm{
		Login: oneLine(r.PostForm.Get("login")), Name: oneLine(r.PostForm.Get("nom")), Addresses: oneLine(r.PostForm.Get("adresses")),
	}}
	login, problem := p.Form.login()
	a, wrong := p.Form.read()
	a.Login, problem = login, cmp.Or(problem, wrong)
	if problem == "" {
		p.Shown = rand.Text() // 26 characters, 128 bits
		var err error
		if a.Password, err = account.Hash(p.Shown); err != nil {
			return err
		}
		switch _, err := c.d.Store.AddAgent(r.Context(), a); {
		case errors.Is(err, store.ErrLoginTaken):
			problem = "agents.taken"
		case err != nil:
			return err
		}
	}
	if problem != "" {
		p.Shown, p.Error = "", c.site.Text(v.lang, problem)
		return c.showAgents(w, r, v, p)
	}
	c.audit(r, v, "agent added", "agent", a.Login)
	return c.showAgents(w, r, v, p)
}

type agentPage struct {
	adminPage
	Agent     gateway.Agent
	Form      agentForm
	Path      string
	Self      bool
	Entitled  []gateway.Consultation
	Passwords []gateway.AppPassword
	Sessions  []gateway.Session
	Notices   noticesForm
	Shown     string // a new password, this once
}

// loadAgent reads the agent of the path.
func (c *Console) loadAgent(r *http.Request) (gateway.Agent, error) {
	id, err := pathID(r, "agent")
	if err != nil {
		return gateway.Agent{}, err
	}
	return c.d.Store.Agent(r.Context(), id)
}

func (c *Console) agent(w http.ResponseWriter, r *http.Request, v *visit) error {
	return c.showAgent(w, r, v, "", "")
}

func (c *Console) showAgent(w http.ResponseWriter, r *http.Request, v *visit, shown, problem string) error {
	a, err := c.loadAgent(r)
	if err != nil {
		return err
	}
	return c.showForm(w, r, v, a, formOf(a), shown, problem)
}

// showForm shows an agent with the form as it was typed.
func (c *Console) showForm(w http.ResponseWriter, r *http.Request, v *visit, a gateway.Agent, form agentForm, shown, problem string) (err error) {
	p := agentPage{adminPage: v.admin(r, "agents"), Agent: a, Form: form, Shown: shown}
	p.Error = problem
	id := p.Agent.ID
	p.Path, p.Self = agentPath(id), id == v.agent.ID
	if p.Entitled, err = c.d.Store.EntitledConsultations(r.Context(), id); err != nil {
		return err
	}
	p.Notices = noticesOf(p.Agent.Notices, p.Path+"/avis", "agents.")
	if p.Passwords, err = c.d.Store.AppPasswords(r.Context(), id); err != nil {
		return err
	}
	if p.Sessions, err = c.d.Store.Sessions(r.Context(), id, c.o.Idle); err != nil {
		return err
	}
	return c.page(w, r, v, web.Page{Name: "admin-agent", Status: formStatus(problem), Switch: p.Path, Data: p})
}

// changeAgent changes what an agent is called, which addresses they write from, and whether they see to the gateway.
// Nobody takes that from themselves: the page would shut under their hand.
func (c *Console) changeAgent(w http.ResponseWriter, r *http.Request, v *visit) error {
	before, err := c.loadAgent(r)
	if err != nil {
		return err
	}
	form := agentForm{Login: before.Login, Name: oneLine(r.PostForm.Get("nom")), Addresses: oneLine(r.PostForm.Get("adresses")), Administrator: r.PostForm.Has("administrateur")}
	form.Version, _ = strconv.ParseInt(r.PostForm.Get("version"), 10, 64)
	a, problem := form.read()
	a.ID, a.Login, a.Administrator, a.Version = before.ID, before.Login, form.Administrator, form.Version
	if problem == "" && before.ID == v.agent.ID && before.Administrator && !a.Administrator {
		problem = "agents.self"
	}
	if problem == "" {
		switch err := c.d.Store.ChangeAgent(r.Context(), a); {
		case errors.Is(err, store.ErrConflict):
			problem, form.Version = "agents.meanwhile", before.Version
		case errors.Is(err, store.ErrLastAdministrator):
			problem = "agents.last"
		case err != nil:
			return err
		}
	}
	if problem != "" {
		return c.showForm(w, r, v, before, form, "", c.site.Text(v.lang, problem))
	}
	c.audit(r, v, "agent changed", "agent", a.Login, "name", a.Name, "addresses", a.Addresses, "administrator", a.Administrator)
	return after(w, r, agentPath(a.ID), "agent-changed")
}

// setNotices chooses what an agent is told by mail.
func (c *Console) setNotices(w http.ResponseWriter, r *http.Request, v *visit) error {
	return c.change(w, r, v, "notices", func(ctx context.Context, a gateway.Agent) error {
		return c.d.Store.SetNotices(ctx, a.ID, readNotices(r.PostForm))
	})
}

func agentPath(id gateway.ID) string { return "/passerelle/agents/" + id.String() }

// change does something to the agent of the path, and writes down who did it.
func (c *Console) change(w http.ResponseWriter, r *http.Request, v *visit, done string, do func(context.Context, gateway.Agent) error) error {
	a, err := c.loadAgent(r)
	if err == nil {
		err = do(r.Context(), a)
	}
	if err != nil {
		return err
	}
	c.audit(r, v, "agent: "+done, "agent", a.Login)
	return after(w, r, agentPath(a.ID), "agent-"+done)
}

// closeAgent closes an account. An administrator cannot close their own: the last one would lock everybody out.
func (c *Console) closeAgent(w http.ResponseWriter, r *http.Request, v *visit) error {
	a, err := c.loadAgent(r)
	if err != nil {
		return err
	}
	if a.ID == v.agent.ID {
		return c.showAgent(w, r, v, "", c.site.Text(v.lang, "agents.self"))
	}
	err = c.d.Store.SetDisabled(r.Context(), a.ID, true)
	if errors.Is(err, store.ErrLastAdministrator) {
		return c.showAgent(w, r, v, "", c.site.Text(v.lang, "agents.last"))
	}
	return c.change(w, r, v, "closed", func(context.Context, gateway.Agent) error { return err })
}

func (c *Console) openAgent(w http.ResponseWriter, r *http.Request, v *visit) error {
	return c.change(w, r, v, "opened", func(ctx context.Context, a gateway.Agent) error { return c.d.Store.SetDisabled(ctx, a.ID, false) })
}

func (c *Console) endAgentSessions(w http.ResponseWriter, r *http.Request, v *visit) error {
	return c.change(w, r, v, "sessions-ended", func(ctx context.Context, a gateway.Agent) error {
		return c.d.Store.EndSessions(ctx, a.ID, v.session.ID) // the administrator's own page goes on
	})
}

// resetPassword makes a new password, shown this once; the agent's sessions end.
func (c *Console) resetPassword(w http.ResponseWriter, r *http.Request, v *visit) error {
	a, err := c.loadAgent(r)
	if err != nil {
		return err
	}
	if a.ID == v.agent.ID {
		return c.showAgent(w, r, v, "", c.site.Text(v.lang, "agents.self"))
	}
	shown := rand.Text()
	hash, err := account.Hash(shown)
	if err != nil {
		return err
	}
	if err := c.d.Store.SetPassword(r.Context(), a.ID, hash); err != nil {
		return err
	}
	c.audit(r, v, "agent: password reset", "agent", a.Login)
	return c.showAgent(w, r, v, shown, "")
}

func (c *Console) entitleAgent(w http.ResponseWriter, r *http.Request, v *visit) error {
	a, err := c.loadAgent(r)
	if err != nil {
		return err
	}
	about, err := c.d.Store.ConsultationByReference(r.Context(), singleLine(r.PostForm.Get("reference"), 200))
	if errors.Is(err, gateway.ErrNotFound) {
		return c.showAgent(w, r, v, "", c.site.Text(v.lang, "agents.no-consultation"))
	}
	if err != nil {
		return err
	}
	if err := c.d.Store.Entitle(r.Context(), a.ID, about.ID); err != nil {
		return err
	}
	c.audit(r, v, "agent entitled", "agent", a.Login, "consultation", about.Reference)
	return after(w, r, agentPath(a.ID), "agent-entitled")
}

func (c *Console) revokeAgent(w http.ResponseWriter, r *http.Request, v *visit) error {
	about, err := pathID(r, "about")
	if err != nil {
		return err
	}
	return c.change(w, r, v, "revoked", func(ctx context.Context, a gateway.Agent) error {
		if may, err := c.d.Store.Entitled(ctx, a.ID, about); err != nil || !may {
			return errors.Join(err, gateway.ErrNotFound)
		}
		return c.d.Store.Revoke(ctx, a.ID, about)
	})
}

// revokeAgentPassword ends an application password of the agent's.
func (c *Console) revokeAgentPassword(w http.ResponseWriter, r *http.Request, v *visit) error {
	id, err := pathID(r, "password")
	if err != nil {
		return err
	}
	return c.change(w, r, v, "password-revoked", func(ctx context.Context, a gateway.Agent) error {
		known, err := c.d.Store.AppPasswords(ctx, a.ID)
		if err != nil {
			return err
		}
		for _, one := range known {
			if one.ID == id && one.Revoked.IsZero() {
				return c.d.Store.RevokeAppPassword(ctx, id)
			}
		}
		return gateway.ErrNotFound
	})
}
