package console

import (
	"net/http"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/act"
	"vaguemestre/tracking/web"
)

// adminRoutes are the pages of those who see to the gateway itself. Being an administrator opens no consultation: these
// pages show who is written to and what happened, never what a letter says.
func (c *Console) adminRoutes() []route {
	only := func(method, path string, do func(http.ResponseWriter, *http.Request, *visit) error) route {
		return route{method: method, path: "/passerelle" + path, object: theGateway, permission: administrator, do: do}
	}
	return []route{
		only("GET", "", c.gatewayState),
		only("GET", "/file", c.queue),
		only("POST", "/file", c.changeMany),
		only("GET", "/file/{job}", c.job),
		only("POST", "/file/{job}/essayer", c.retryJob),
		only("POST", "/file/{job}/retenir", c.holdJob),
		only("POST", "/file/{job}/liberer", c.releaseJob),
		only("POST", "/file/{job}/annuler", c.cancelJob),
		only("GET", "/quarantaine", c.quarantine),
		only("GET", "/quarantaine/{mail}", c.mail),
		only("GET", "/quarantaine/{mail}/message", c.rawMail),
		only("POST", "/quarantaine/{mail}/rapprocher", c.match),
		only("POST", "/quarantaine/{mail}/classer", c.dismiss),
		only("GET", "/agents", c.agents),
		only("POST", "/agents", c.addAgent),
		only("GET", "/agents/{agent}", c.agent),
		only("POST", "/agents/{agent}", c.changeAgent),
		only("POST", "/agents/{agent}/fermer", c.closeAgent),
		only("POST", "/agents/{agent}/ouvrir", c.openAgent),
		only("POST", "/agents/{agent}/mot-de-passe", c.resetPassword),
		only("POST", "/agents/{agent}/sessions", c.endAgentSessions),
		only("POST", "/agents/{agent}/avis", c.setNotices),
		only("POST", "/agents/{agent}/consultations", c.entitleAgent),
		only("POST", "/agents/{agent}/consultations/{about}/retirer", c.revokeAgent),
		only("POST", "/agents/{agent}/mots-de-passe/{password}/revoquer", c.revokeAgentPassword),
		only("GET", "/cles", c.keys),
		only("POST", "/cles", c.addKey),
		only("POST", "/cles/{key}/revoquer", c.revokeKey),
	}
}

// adminPage is what the pages of administrators have around them.
type adminPage struct {
	Shell shell
	Tab   string
	Error string // why nothing was done
}

func (v *visit) admin(r *http.Request, tab string) adminPage {
	return adminPage{Shell: v.shell(r, "gateway"), Tab: tab}
}

// administrating is who acts on the gateway, as events and the log name them.
func (v *visit) administrating(r *http.Request) act.By {
	by := v.by(r)
	by.Actor = "administrator:" + v.agent.Login
	return by
}

// audit writes down an act that no courier's events tell.
func (c *Console) audit(r *http.Request, v *visit, what string, about ...any) {
	by := v.administrating(r)
	c.o.Logger.InfoContext(r.Context(), "console: "+what, append([]any{"actor", by.Actor, "reason", by.Reason}, about...)...)
}

// pathID reads a number of the path; what is none is not found.
func pathID(r *http.Request, name string) (gateway.ID, error) {
	id, err := gateway.ParseID(r.PathValue(name))
	if err != nil {
		return id, gateway.ErrNotFound
	}
	return id, nil
}

// span is a length of time by its two largest units, as the catalogue says them.
func (c *Console) span(v *visit, d time.Duration) string {
	d = max(d, 0)
	days, hours, minutes := int(d/(24*time.Hour)), int(d/time.Hour)%24, int(d/time.Minute)%60
	switch {
	case days > 0:
		return c.site.Text(v.lang, "gateway.span-days", "Days", days, "Hours", hours)
	case hours > 0:
		return c.site.Text(v.lang, "gateway.span-hours", "Hours", hours, "Minutes", minutes)
	}
	return c.site.Text(v.lang, "gateway.span-minutes", "Minutes", minutes)
}

// measure is one line of what the gateway is like now.
type measure struct {
	Key   string // of its words
	Name  string // in them
	Value string
	Bad   bool
	Link  string // where to see more
	Alert string // that rings about it, as the runbook names it
}

type statePage struct {
	adminPage
	Parts []statePart
}

type statePart struct {
	Key      string // of its words
	Name     string // in them
	Node     string // whose it is; empty: there is one only, or it is everybody's
	Measures []measure
}

// gatewayState says at a glance whether something waits for a person.
func (c *Console) gatewayState(w http.ResponseWriter, r *http.Request, v *visit) error {
	p := statePage{adminPage: v.admin(r, "state")}
	for _, part := range []func(*http.Request, *visit) (statePart, error){c.queueState, c.mailState, c.ledgerState} {
		one, err := part(r, v)
		if err != nil {
			return err
		}
		p.Parts = append(p.Parts, one)
	}
	health, err := c.healthParts(r, v)
	if err != nil {
		return err
	}
	p.Parts = append(p.Parts, health...)
	return c.page(w, r, v, web.Page{Name: "admin-state", Data: p})
}
