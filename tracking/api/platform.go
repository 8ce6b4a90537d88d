package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/intake/roster"
	"vaguemestre/gateway/store"
)

const (
	maxRegisters = 64 << 20 // octets of consultations with their companies
	maxAgents    = 4 << 20
	bulk         = 10_000 // agents, or entitlements, in one request
)

type consultationView struct {
	ID               gateway.ID `json:"id"`
	Reference        string     `json:"reference"`
	Address          string     `json:"address"`
	Title            string     `json:"title"`
	Object           string     `json:"object"`
	Deadline         time.Time  `json:"deadline,omitzero"`
	PublicBody       string     `json:"public_body"`
	PurchasingEntity string     `json:"purchasing_entity"`
	Zone             string     `json:"zone"`
	Language         string     `json:"language"`
	Archived         time.Time  `json:"archived,omitzero"`
}

func viewConsultation(c gateway.Consultation) consultationView {
	return consultationView{c.ID, c.Reference, c.Address, c.Title, c.Object, c.Deadline, c.PublicBody, c.PurchasingEntity, c.Zone, c.Language, c.Archived}
}

// tag is the ETag of what is shown (RFC 9110 §8.8.3).
func tag(v any) (string, error) {
	text, err := json.Marshal(v)
	return fmt.Sprintf("%q", gateway.HashOf(text).String()), err
}

func (a *API) putConsultations(w http.ResponseWriter, r *http.Request, _ call) error {
	mode := store.Replace
	switch r.URL.Query().Get("companies") {
	case "", "replace":
	case "merge":
		mode = store.Merge
	default:
		return bad("companies is replace or merge")
	}
	entries, err := roster.Read(http.MaxBytesReader(w, r.Body, maxRegisters), a.o.Domain)
	if err != nil {
		return err
	}
	a.puts.Lock()
	defer a.puts.Unlock()
	if err := roster.Settle(r.Context(), a.store, entries); err != nil {
		return err
	}
	if err := a.keepArchived(r, entries); err != nil {
		return err
	}
	stored, err := roster.Put(r.Context(), a.store, entries, mode)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, map[string]any{"consultations": views(stored, viewConsultation)})
}

// keepArchived leaves what is archived so: a put that does not speak of it reopens nothing, unless the query says reopen=true.
func (a *API) keepArchived(r *http.Request, entries []roster.Entry) error {
	switch r.URL.Query().Get("reopen") {
	case "true":
		return nil
	case "", "false":
	default:
		return bad("reopen is true or false")
	}
	for i := range entries {
		c := &entries[i].Consultation
		stored, err := a.store.ConsultationByReference(r.Context(), c.Reference)
		if err != nil && !absent(err) {
			return err
		}
		if c.Archived.IsZero() {
			c.Archived = stored.Archived
		}
	}
	return nil
}

func (a *API) listConsultations(w http.ResponseWriter, r *http.Request, _ call) error {
	all, err := a.store.Consultations(r.Context())
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, map[string]any{"consultations": views(all, viewConsultation)})
}

func (a *API) getConsultation(w http.ResponseWriter, r *http.Request, _ call) error {
	c, err := a.consultation(r)
	if err != nil {
		return err
	}
	return tagged(w, r, viewConsultation(c))
}

// tagged answers with an ETag, or that nothing changed.
func tagged(w http.ResponseWriter, r *http.Request, v any) error {
	t, err := tag(v)
	if err != nil {
		return err
	}
	w.Header().Set("ETag", t)
	if r.Header.Get("If-None-Match") == t {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return answer(w, http.StatusOK, v)
}

func (a *API) consultation(r *http.Request) (gateway.Consultation, error) {
	id, err := pathID(r, "consultation")
	if err != nil {
		return gateway.Consultation{}, err
	}
	return a.store.Consultation(r.Context(), id)
}

// pathID reads an ID of the path; what is none names nothing.
func pathID(r *http.Request, name string) (gateway.ID, error) {
	id, err := gateway.ParseID(r.PathValue(name))
	if err != nil {
		return id, gateway.ErrNotFound
	}
	return id, nil
}

// archive closes a consultation, from now on; repeating it changes nothing.
func (a *API) archive(w http.ResponseWriter, r *http.Request, _ call) error {
	a.puts.Lock()
	defer a.puts.Unlock()
	c, err := a.consultation(r)
	if err != nil {
		return err
	}
	if c.Archived.IsZero() {
		c.Archived = gateway.Micros(a.o.Now())
		if c, err = a.store.PutConsultation(r.Context(), c); err != nil {
			return err
		}
	}
	return tagged(w, r, viewConsultation(c))
}

type companyView struct {
	Ref       string             `json:"ref"`
	Name      string             `json:"name"`
	Addresses []string           `json:"addresses"`
	Registers []gateway.Register `json:"registers"`
}

func viewCompany(c gateway.Company) companyView {
	return companyView{c.Ref, c.Name, some(c.Addresses), some(c.Registers)}
}

func (a *API) listCompanies(w http.ResponseWriter, r *http.Request, _ call) error {
	c, err := a.consultation(r)
	if err != nil {
		return err
	}
	all, err := a.store.Companies(r.Context(), c.ID, "")
	if err != nil {
		return err
	}
	return tagged(w, r, map[string]any{"companies": views(all, viewCompany)})
}

type agentView struct {
	Login         string   `json:"login"`
	Name          string   `json:"name"`
	Addresses     []string `json:"addresses"`
	Disabled      *bool    `json:"disabled,omitempty"` // absent in a put: it stays
	Consultations []string `json:"consultations"`      // references; absent in a put: entitlements stay
}

// check says what is to be changed of an agent.
func (v *agentView) check(path string) (problems roster.Problems) {
	say := func(key, text string) {
		problems = append(problems, roster.Problem{Path: path + "." + key, Text: text})
	}
	v.Login = strings.ToLower(v.Login)
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

// putAgents stores agents and their whole entitlements. Passwords are never set here.
func (a *API) putAgents(w http.ResponseWriter, r *http.Request, _ call) error {
	var in struct {
		Agents []agentView `json:"agents"`
	}
	if err := decode(http.MaxBytesReader(w, r.Body, maxAgents), &in); err != nil {
		return err
	}
	if len(in.Agents) > bulk {
		return bad("at most %d agents in one request", bulk)
	}
	var problems roster.Problems
	known := map[string]gateway.ID{}
	for i := range in.Agents {
		path := fmt.Sprintf("agents[%d]", i)
		problems = append(problems, in.Agents[i].check(path)...)
		for n, reference := range in.Agents[i].Consultations {
			c, err := a.store.ConsultationByReference(r.Context(), reference)
			if absent(err) {
				problems = append(problems, roster.Problem{Path: fmt.Sprintf("%s.consultations[%d]", path, n), Text: "no such consultation"})
			} else if err != nil {
				return err
			}
			known[reference] = c.ID
		}
	}
	if len(problems) > 0 {
		return problems
	}
	a.puts.Lock()
	defer a.puts.Unlock()
	for _, v := range in.Agents {
		if err := a.putAgent(r, v, known); err != nil {
			return err
		}
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *API) putAgent(r *http.Request, v agentView, known map[string]gateway.ID) error {
	ctx := r.Context()
	stored, err := a.store.AgentByLogin(ctx, v.Login)
	if err != nil && !absent(err) {
		return err
	}
	agent := stored
	agent.Login, agent.Name, agent.Addresses = v.Login, v.Name, v.Addresses
	if v.Disabled != nil {
		agent.Disabled = *v.Disabled
	}
	if absent(err) || agent.Name != stored.Name || agent.Disabled != stored.Disabled || !slices.EqualFunc(agent.Addresses, stored.Addresses, strings.EqualFold) {
		agent, err = a.store.PutAgent(ctx, agent)
	}
	if err != nil || v.Consultations == nil {
		return err
	}
	wanted := map[gateway.ID]bool{}
	for _, reference := range v.Consultations {
		wanted[known[reference]] = true
	}
	before, err := a.store.EntitledConsultations(ctx, agent.ID)
	if err != nil {
		return err
	}
	for _, c := range before {
		if !wanted[c.ID] {
			if err := a.store.Revoke(ctx, agent.ID, c.ID); err != nil {
				return err
			}
		}
		delete(wanted, c.ID)
	}
	for id := range wanted {
		if err := a.store.Entitle(ctx, agent.ID, id); err != nil {
			return err
		}
	}
	return nil
}

func (a *API) listAgents(w http.ResponseWriter, r *http.Request, _ call) error {
	all, err := a.store.Agents(r.Context())
	if err != nil {
		return err
	}
	list := []agentView{}
	for _, agent := range all {
		may, err := a.store.EntitledConsultations(r.Context(), agent.ID)
		if err != nil {
			return err
		}
		list = append(list, agentView{agent.Login, agent.Name, some(agent.Addresses), &agent.Disabled,
			views(may, func(c gateway.Consultation) string { return c.Reference })})
	}
	return answer(w, http.StatusOK, map[string]any{"agents": list})
}

// views shows each; the list is never null.
func views[T, V any](all []T, view func(T) V) []V {
	list := make([]V, 0, len(all))
	for _, one := range all {
		list = append(list, view(one))
	}
	return list
}

func some[T any](all []T) []T { return append([]T{}, all...) }
