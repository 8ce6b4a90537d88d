package console

import (
	"errors"
	"net/http"

	"vaguemestre/gateway"
	"vaguemestre/tracking/web"
)

func (c *Console) accountRoutes() []route {
	return []route{
		{method: "GET", path: "/compte", object: theAccount, permission: signedIn, do: c.account},
		{method: "POST", path: "/compte/avis", object: theAccount, permission: signedIn, do: c.setOwnNotices},
		{method: "POST", path: "/compte/sessions/{session}/fermer", object: theAccount, permission: signedIn, do: c.endSession},
		{method: "POST", path: "/compte/sessions/fermer", object: theAccount, permission: signedIn, do: c.endOthers},
	}
}

type accountPage struct {
	Shell     shell
	Login     string
	Addresses []string
	Sessions  []sessionRow
	Notices   noticesForm
}

type sessionRow struct {
	gateway.Session
	This bool
}

// account shows where the agent is signed in.
func (c *Console) account(w http.ResponseWriter, r *http.Request, v *visit) error {
	sessions, err := c.d.Store.Sessions(r.Context(), v.agent.ID, c.o.Idle)
	if err != nil {
		return err
	}
	p := accountPage{Shell: v.shell(r, "account"), Login: v.agent.Login, Addresses: v.agent.Addresses, Notices: noticesOf(v.agent.Notices, "/compte/avis", "account.")}
	for _, s := range sessions {
		p.Sessions = append(p.Sessions, sessionRow{s, s.ID == v.session.ID})
	}
	return c.page(w, r, v, web.Page{Name: "account", Data: p})
}

func (c *Console) endSession(w http.ResponseWriter, r *http.Request, v *visit) error {
	id, err := gateway.ParseID(r.PathValue("session"))
	if err != nil {
		return gateway.ErrNotFound
	}
	if err := c.d.Store.EndSession(r.Context(), v.agent.ID, id); err != nil && (id != v.session.ID || !errors.Is(err, gateway.ErrNotFound)) {
		return err
	}
	return after(w, r, "/compte", "session-ended")
}

func (c *Console) endOthers(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := c.d.Store.EndSessions(r.Context(), v.agent.ID, v.session.ID); err != nil {
		return err
	}
	return after(w, r, "/compte", "sessions-ended")
}
