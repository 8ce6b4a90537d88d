package api

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"vaguemestre/gateway"
	"vaguemestre/gateway/intake/roster"
	"vaguemestre/gateway/store"
	"vaguemestre/tracking/api/view"
)

const maxRegisters = 64 << 20 // octets of consultations with their companies

// putConsultations stores all of a list or nothing of it.
func (a *API) putConsultations(w http.ResponseWriter, r *http.Request, _ call) error {
	how := store.Import{}
	var err error
	if how.Companies, err = mode(r); err != nil {
		return err
	}
	if how.Reopen, err = truth(r, "reopen"); err != nil {
		return err
	}
	entries, err := roster.Read(http.MaxBytesReader(w, r.Body, maxRegisters), a.o.Domain)
	if err != nil {
		return err
	}
	stored, err := roster.Put(r.Context(), a.store, entries, how)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, view.Consultations{Consultations: view.All(stored, view.OfConsultation)})
}

// mode reads whether companies replace those that are stored, as they do unless it is said, or add to them.
func mode(r *http.Request) (store.Mode, error) {
	switch r.URL.Query().Get("companies") {
	case "", "replace":
		return store.Replace, nil
	case "merge":
		return store.Merge, nil
	}
	return 0, bad("companies is replace or merge")
}

// truth reads a truth value of the query; absent, it is false.
func truth(r *http.Request, name string) (bool, error) {
	switch r.URL.Query().Get(name) {
	case "true":
		return true, nil
	case "", "false":
		return false, nil
	}
	return false, bad("%s is true or false", name)
}

func (a *API) listConsultations(w http.ResponseWriter, r *http.Request, _ call) error {
	q := r.URL.Query()
	archived, err := truth(r, "archived")
	if err != nil {
		return err
	}
	all, err := a.store.Consultations(r.Context())
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(c gateway.Consultation) bool {
		return q.Has("reference") && c.Reference != q.Get("reference") || q.Has("archived") && archived == c.Archived.IsZero()
	})
	return answer(w, http.StatusOK, view.Consultations{Consultations: view.All(all, view.OfConsultation)})
}

func (a *API) getConsultation(w http.ResponseWriter, r *http.Request, _ call) error {
	c, err := a.consultation(r)
	if err != nil {
		return err
	}
	return tagged(w, r, view.OfConsultation(c))
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
	return a.changed(w, r, a.store.ArchiveConsultation)
}

func (a *API) reopen(w http.ResponseWriter, r *http.Request, _ call) error {
	return a.changed(w, r, a.store.ReopenConsultation)
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
	return tagged(w, r, companies(all))
}

func companies(all []gateway.Company) view.Companies {
	return view.Companies{Companies: view.All(all, view.OfCompany)}
}

// putCompanies stores the companies of one consultation; under If-Match, only those that the caller read.
func (a *API) putCompanies(w http.ResponseWriter, r *http.Request, _ call) error {
	how, err := mode(r)
	if err != nil {
		return err
	}
	c, err := a.consultation(r)
	if err != nil {
		return err
	}
	list, err := roster.ReadCompanies(http.MaxBytesReader(w, r.Body, maxRegisters), a.o.Domain)
	if err != nil {
		return err
	}
	err = a.store.PutCompaniesIf(r.Context(), c.ID, list, how, func(now []gateway.Company) error { return unchanged(r, companies(now)) })
	if err != nil {
		return stale(err)
	}
	return a.listCompanies(w, r, call{})
}

func (a *API) listEntitled(w http.ResponseWriter, r *http.Request, _ call) error {
	c, err := a.consultation(r)
	if err != nil {
		return err
	}
	all, err := a.store.EntitledAgents(r.Context(), c.ID)
	if err != nil {
		return err
	}
	return tagged(w, r, view.OfEntitled(all))
}

// putEntitled makes the agents of the list those who may write about a consultation, and no others.
func (a *API) putEntitled(w http.ResponseWriter, r *http.Request, _ call) error {
	c, err := a.consultation(r)
	if err != nil {
		return err
	}
	var in view.Entitled
	if err := decode(http.MaxBytesReader(w, r.Body, maxAgents), &in); err != nil {
		return err
	}
	ids, err := a.agentsOf(r, in.Agents)
	if err != nil {
		return err
	}
	err = a.store.EntitleOnly(r.Context(), c.ID, ids, func(now []gateway.Agent) error { return unchanged(r, view.OfEntitled(now)) })
	if err != nil {
		return stale(err)
	}
	return a.listEntitled(w, r, call{})
}

// unchanged is the condition If-Match of a request (RFC 9110 §13.1.1); without one nothing is asked.
func unchanged(r *http.Request, now any) error {
	wanted := r.Header.Get("If-Match")
	if wanted == "" || wanted == "*" {
		return nil
	}
	t, err := tag(now)
	if err == nil && !slices.Contains(strings.FieldsFunc(wanted, func(r rune) bool { return r == ',' || r == ' ' }), t) {
		err = store.ErrConflict
	}
	return err
}

func stale(err error) error {
	if errors.Is(err, store.ErrConflict) {
		return problems().changedMeanwhile.problem("")
	}
	return err
}
