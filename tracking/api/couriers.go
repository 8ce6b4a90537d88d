package api

import (
	"context"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
	"vaguemestre/tracking/api/view"
)

const maxPage = 500

// listCouriers gives those of the agent's consultations, newest first.
func (a *API) listCouriers(w http.ResponseWriter, r *http.Request, c call) error {
	f, err := a.filter(r, c)
	if err != nil {
		return err
	}
	list, err := a.store.Couriers(r.Context(), f)
	if err != nil {
		return err
	}
	states, err := a.store.RecipientStates(r.Context(), view.All(list, func(c gateway.Courier) gateway.ID { return c.ID })...)
	if err != nil {
		return err
	}
	shown := view.All(list, func(c gateway.Courier) view.Courier { return view.OfCourier(c).WithStates(states[c.ID]) })
	next := ""
	if len(list) == f.Limit {
		next = list[len(list)-1].ID.String()
	}
	return answer(w, http.StatusOK, view.Couriers{Couriers: shown, Next: next})
}

func (a *API) filter(r *http.Request, c call) (store.CourierFilter, error) {
	q := r.URL.Query()
	f := store.CourierFilter{Limit: 100, Type: gateway.TypeCode(q.Get("type")), Search: q.Get("search")}
	for _, s := range q["state"] {
		i := slices.IndexFunc(gateway.States(), func(known gateway.State) bool { return known.String() == s })
		if i < 0 {
			return f, bad("no state %q", s)
		}
		f.States = append(f.States, gateway.States()[i])
	}
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > maxPage {
			return f, bad("limit is 1 to %d", maxPage)
		}
		f.Limit = n
	}
	if text := q.Get("before"); text != "" {
		id, err := gateway.ParseID(text)
		if err != nil {
			return f, bad("before is the next of the page before")
		}
		f.Before = id
	}
	may, err := a.store.EntitledConsultations(r.Context(), c.agent.ID)
	if reference := q.Get("consultation"); reference != "" {
		may = slices.DeleteFunc(may, func(c gateway.Consultation) bool { return c.Reference != reference })
	}
	f.Consultations = view.All(may, func(c gateway.Consultation) gateway.ID { return c.ID })
	return f, err
}

// courier is the one of the path when the agent may see it (promise 11).
func (a *API) courier(r *http.Request, c call) (gateway.Courier, error) {
	id, err := pathID(r, "courier")
	if err != nil {
		return gateway.Courier{}, err
	}
	courier, err := a.store.Courier(r.Context(), id)
	if err != nil {
		return gateway.Courier{}, err
	}
	may, err := a.store.Entitled(r.Context(), c.agent.ID, courier.Consultation)
	if err == nil && !may {
		err = gateway.ErrNotFound
	}
	if err != nil {
		return gateway.Courier{}, err
	}
	return courier, nil
}

func (a *API) getCourier(w http.ResponseWriter, r *http.Request, c call) error {
	courier, err := a.courier(r, c)
	if err != nil {
		return err
	}
	recipients, err := a.store.Recipients(r.Context(), courier.ID)
	if err != nil {
		return err
	}
	events, err := a.store.Events(r.Context(), courier.ID, gateway.ID{})
	if err != nil {
		return err
	}
	return tagged(w, r, view.OfCourier(courier).With(recipients, events))
}

// proofPatience bounds the wait for a courier's events to be in the ledger.
const proofPatience = time.Minute

// proof is spooled whole first: a failure is a problem document, never half a file.
func (a *API) proof(w http.ResponseWriter, r *http.Request, c call) error {
	courier, err := a.courier(r, c)
	if err != nil {
		return err
	}
	ctx, done := context.WithTimeout(r.Context(), proofPatience)
	defer done()
	defer context.AfterFunc(a.draining, done)()
	file := a.store.Spool()
	defer file.Discard()
	if err := a.prover.Write(ctx, file, courier.ID, gateway.ID{}, ""); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/pdf")
	w.Header().Set("Content-Disposition", `attachment; filename="preuve-`+courier.ID.String()+`.pdf"`)
	_, _ = io.Copy(w, io.NewSectionReader(file.ReaderAt(), 0, file.Size())) // nobody to tell when the caller is gone
	return nil
}
