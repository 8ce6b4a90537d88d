package api

import (
	"errors"
	"fmt"
	"net/http"
	"net/mail"
	"strings"

	"vaguemestre/gateway"
	"vaguemestre/gateway/intake/roster"
	"vaguemestre/gateway/store"
	"vaguemestre/tracking/api/view"
)

const (
	maxAgents = 4 << 20
	bulk      = 10_000 // agents in one request
)

// checkAgent says what is to be changed of an agent.
func checkAgent(path string, v view.Agent) (problems roster.Problems) {
	say := func(key, text string) {
		problems = append(problems, roster.Problem{Path: path + "." + key, Text: text})
	}
	if v.Login == "" || len(v.Login) > 200 || strings.ContainsFunc(v.Login, spaceOrControl) {
		say("login", "1 to 200 octets without space are expected")
	}
	if strings.TrimSpace(v.Name) == "" || len(v.Name) > 400 || strings.ContainsFunc(v.Name, control) {
		say("name", "1 to 400 octets on one line are expected")
	}
	if len(v.Addresses) == 0 {
		say("addresses", "one at least is expected")
	}
	for i, address := range v.Addresses {
		if parsed, err := mail.ParseAddress(address); err != nil || parsed.Address != address {
			say(fmt.Sprintf("addresses[%d]", i), "not a mail address")
		}
	}
	return problems
}

func control(r rune) bool        { return r < ' ' || r == 0x7f }
func spaceOrControl(r rune) bool { return r <= ' ' || r == 0x7f }

// putAgents stores all of a list or nothing of it. Passwords are never set here.
func (a *API) putAgents(w http.ResponseWriter, r *http.Request, _ call) error {
	var in view.Agents
	if err := decode(http.MaxBytesReader(w, r.Body, maxAgents), &in); err != nil {
		return err
	}
	if len(in.Agents) > bulk {
		return bad("at most %d agents in one request", bulk)
	}
	var list roster.Problems
	known := map[string]gateway.ID{}
	puts := make([]store.AgentPut, len(in.Agents))
	for i, v := range in.Agents {
		path := fmt.Sprintf("agents[%d]", i)
		list = append(list, checkAgent(path, v)...)
		puts[i] = store.AgentPut{Login: v.Login, Name: v.Name, Addresses: v.Addresses, Disabled: v.Disabled, Administrator: v.Administrator, Listed: v.Consultations != nil}
		for n, reference := range v.Consultations {
			id, err := a.known(r, known, reference)
			if absent(err) {
				list = append(list, roster.Problem{Path: fmt.Sprintf("%s.consultations[%d]", path, n), Text: "no such consultation"})
			} else if err != nil {
				return err
			}
			puts[i].Entitled = append(puts[i].Entitled, id)
		}
	}
	if len(list) > 0 {
		return list
	}
	switch err := a.store.PutAgents(r.Context(), puts); {
	case errors.Is(err, store.ErrLastAdministrator):
		return roster.Problems{{Path: "agents", Text: "no administrator whose account is open would be left"}}
	case err != nil:
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// known is the consultation of a reference, looked up once.
func (a *API) known(r *http.Request, known map[string]gateway.ID, reference string) (gateway.ID, error) {
	if id, ok := known[reference]; ok {
		return id, nil
	}
	c, err := a.store.ConsultationByReference(r.Context(), reference)
	if err == nil {
		known[reference] = c.ID
	}
	return c.ID, err
}

// agentsOf are the agents of logins.
func (a *API) agentsOf(r *http.Request, logins []string) (ids []gateway.ID, err error) {
	var list roster.Problems
	for i, login := range logins {
		agent, err := a.store.AgentByLogin(r.Context(), login)
		if absent(err) {
			list = append(list, roster.Problem{Path: fmt.Sprintf("agents[%d]", i), Text: "no such agent"})
		} else if err != nil {
			return nil, err
		}
		ids = append(ids, agent.ID)
	}
	if len(list) > 0 {
		return nil, list
	}
	return ids, nil
}

func (a *API) listAgents(w http.ResponseWriter, r *http.Request, _ call) error {
	all, err := a.store.Agents(r.Context())
	if err != nil {
		return err
	}
	may, err := a.store.Entitlements(r.Context())
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, view.OfAgents(all, may))
}
