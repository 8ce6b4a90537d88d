package api

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/address"
	"vaguemestre/gateway/store"
)

type courierView struct {
	ID           gateway.ID       `json:"id"`
	Consultation string           `json:"consultation"` // reference, as it was
	Type         gateway.TypeCode `json:"type"`
	Subject      string           `json:"subject"`
	Author       string           `json:"author"`
	Accepted     time.Time        `json:"accepted"`
	Content      gateway.Hash     `json:"content"`
	States       map[string]int   `json:"states,omitempty"`
	Recipients   []recipientView  `json:"recipients,omitempty"`
	Events       []eventView      `json:"events,omitempty"`
}

type recipientView struct {
	ID      gateway.ID `json:"id"`
	Address string     `json:"address"`
	Company string     `json:"company"`
	State   string     `json:"state"`
}

type eventView struct {
	ID        gateway.ID        `json:"id"`
	Kind      gateway.EventKind `json:"kind"`
	Courier   gateway.ID        `json:"courier,omitzero"`
	Recipient gateway.ID        `json:"recipient,omitzero"`
	Occurred  time.Time         `json:"occurred"`
	Recorded  time.Time         `json:"recorded"`
	Position  int64             `json:"position"` // -1: not yet in the ledger
}

func viewCourier(c gateway.Courier) courierView {
	return courierView{ID: c.ID, Consultation: c.Context.Reference, Type: c.Type, Subject: c.Subject, Author: c.AuthorAddr, Accepted: c.Accepted, Content: c.Content}
}

func viewRecipient(r gateway.Recipient) recipientView {
	return recipientView{r.ID, r.Address, r.CompanyName, r.Standing.State.String()}
}

// viewEvent leaves the details and network details out: they may be erased, and name people.
func viewEvent(e gateway.Event) eventView {
	return eventView{e.ID, e.Kind, e.Courier, e.Recipient, e.Occurred, e.Recorded, e.Position}
}

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
	states, err := a.store.RecipientStates(r.Context(), views(list, func(c gateway.Courier) gateway.ID { return c.ID })...)
	if err != nil {
		return err
	}
	shown := views(list, func(c gateway.Courier) courierView {
		v := viewCourier(c)
		v.States = map[string]int{}
		for state, n := range states[c.ID] {
			v.States[state.String()] = n
		}
		return v
	})
	next := ""
	if len(list) == f.Limit {
		next = list[len(list)-1].ID.String()
	}
	return answer(w, http.StatusOK, map[string]any{"couriers": shown, "next": next})
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
	f.Consultations = views(may, func(c gateway.Consultation) gateway.ID { return c.ID })
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
	v := viewCourier(courier)
	v.Recipients, v.Events = views(recipients, viewRecipient), views(events, viewEvent)
	return tagged(w, r, v)
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

// sendOptions is what a caller says of a courier.
type sendOptions struct {
	Consultation string             `json:"consultation"`
	Type         gateway.TypeCode   `json:"type"`
	Subject      string             `json:"subject"`
	To           []string           `json:"to"`
	Registers    []gateway.Register `json:"registers"`
	Companies    []string           `json:"companies"`
	Acknowledged *bool              `json:"acknowledged"`
	Reply        *bool              `json:"reply"`
	ReplyBy      string             `json:"reply_by"`
	Sealed       *bool              `json:"sealed"`
}

func choice(b *bool) address.Choice {
	if b == nil {
		return address.Unsaid
	}
	return address.Choose(*b)
}

func (o sendOptions) wish() (address.Wish, error) {
	w := address.Wish{
		Source: address.FromField, Name: address.Fold(o.Consultation), Registers: o.Registers, Type: o.Type,
		Acknowledged: choice(o.Acknowledged), Reply: choice(o.Reply), Sealed: choice(o.Sealed),
	}
	for _, name := range o.Companies {
		w.Companies = append(w.Companies, address.Fold(name))
	}
	for _, register := range o.Registers {
		if !slices.Contains(gateway.Registers(), register) {
			return w, bad("no register %q", register)
		}
	}
	if o.ReplyBy != "" {
		at, ok := address.ParseMoment(o.ReplyBy)
		if !ok {
			return w, bad("reply_by is no date")
		}
		w.By = at
	}
	return w, nil
}

// readOptions reads the part of that name. LimitReader gives one octet more than may come, which tells what is too large.
func (a *API) readOptions(r io.Reader) (o sendOptions, err error) {
	text, err := io.ReadAll(io.LimitReader(r, maxOptions+1))
	switch {
	case err != nil:
		return o, broken(err)
	case len(text) > maxOptions:
		return o, problem{Status: http.StatusRequestEntityTooLarge, Title: "the options are too large", Detail: fmt.Sprintf("at most %d octets", maxOptions)}
	}
	if err := decode(bytes.NewReader(text), &o); err != nil {
		return o, err
	}
	if len(o.Subject) > maxSubject {
		return o, bad("subject is at most %d octets", maxSubject)
	}
	// An address of the gateway may ask for a draft, a trial, a model, a proof or the administrator: what is sent is
	// said by the other options only.
	for _, to := range o.To {
		if _, fault := a.grammar.Company(to); fault != nil {
			return o, fault
		}
	}
	return o, nil
}
