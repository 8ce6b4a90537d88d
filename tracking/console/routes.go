package console

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"vaguemestre/gateway"
)

// object is what a route shows or changes. The zero value names none: such a route is refused.
type object int

// The objects. What a route's path names is read, and held against the permission, before its handler runs.
const (
	theSite         object = iota + 1 // signing in, and nothing else
	theAccount                        // the agent's own
	theConsultation                   // {consultation}
	theCourier                        // {courier}, and {recipient}, {reply} or {event} of it
	theDraft                          // {draft}
	theGateway                        // queue, quarantine, agents
)

// permission is who may use a route. The zero value is nobody.
type permission int

// The permissions.
const (
	anybody       permission = iota + 1
	signedIn                 // any agent, on what is their own
	entitled                 // agents entitled to the consultation, or to that of the courier or the draft
	administrator            // agents who see to the gateway
)

// route is one page or act.
type route struct {
	method, path string
	object       object
	permission   permission
	do           func(http.ResponseWriter, *http.Request, *visit) error
	// streams: the handler reads the body itself, and checks the page's token with visit.form before it does anything.
	streams bool
	// typed: people write at length in its form, which is shown to them again when their session ended meanwhile.
	typed bool
	// passive: asking for it is not being there: it does not keep a session from idling.
	passive bool
}

// routes is the one table. Each file of pages has its own part.
func (c *Console) routes() []route {
	var all []route
	for _, part := range [][]route{c.signInRoutes(), c.accountRoutes(), c.consultationRoutes(), c.courierRoutes(), c.draftRoutes(), c.mailKitRoutes(), c.adminRoutes()} {
		all = append(all, part...)
	}
	return all
}

// needs tells which object goes with which permission; anything else is a slip of the table.
var needs = map[permission][]object{
	anybody:       {theSite},
	signedIn:      {theAccount},
	entitled:      {theConsultation, theCourier, theDraft},
	administrator: {theGateway},
}

func (rt route) check() error {
	name := rt.method + " " + rt.path
	allowed, known := needs[rt.permission]
	if !known || rt.do == nil {
		return fmt.Errorf("route %s: nobody may use it", name)
	}
	for _, o := range allowed {
		if o == rt.object {
			return rt.named(name)
		}
	}
	return fmt.Errorf("route %s: its permission does not go with its object", name)
}

// named makes sure that the path names what the guard reads.
func (rt route) named(name string) error {
	wanted := map[object]string{theConsultation: "{consultation}", theCourier: "{courier}", theDraft: "{draft}"}[rt.object]
	if !strings.Contains(rt.path, wanted) {
		return fmt.Errorf("route %s: its path does not name its object", name)
	}
	return nil
}

// maxForm bounds the forms that are not streamed, in octets.
const maxForm = 1 << 20

// guard lets a request through to its route's handler when it may.
func (c *Console) guard(rt route) http.Handler {
	name := rt.method + " " + rt.path
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v, err := c.admit(w, r, rt)
		if err == nil {
			err = rt.do(w, r, v)
		}
		outcome := "served"
		switch {
		case errors.Is(err, errSignIn):
			outcome = "signed-out"
			c.askToSignIn(w, r, rt, v)
		case errors.Is(err, gateway.ErrNotFound):
			outcome = "unknown"
			c.fail(w, r, v, err)
		case err != nil:
			outcome = "failed"
			c.fail(w, r, v, err)
		}
		c.metrics.requests.WithLabelValues(name, outcome).Inc()
	})
}

// admit decides: the session, the object, the permission, then the token of the form. Nothing of the request was
// acted on before.
func (c *Console) admit(w http.ResponseWriter, r *http.Request, rt route) (*visit, error) {
	v := &visit{console: c, lang: c.language(w, r), now: c.o.Now()}
	if rt.permission == anybody {
		v.bound = c.guest(w, r)
	} else {
		if err := c.recognise(r, v, rt.passive || r.Header.Get(liveField) != ""); err != nil {
			return v, err
		}
		if err := c.load(r, v, rt); err != nil {
			return v, err
		}
	}
	if r.Method == http.MethodGet || r.Method == http.MethodHead || rt.streams {
		return v, nil
	}
	return v, c.readSmall(w, r, v)
}

// readSmall reads a form that is not streamed, and checks the token of its page.
func (c *Console) readSmall(w http.ResponseWriter, r *http.Request, v *visit) error {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		return errForged
	}
	return v.form(r.PostForm.Get(fieldForm))
}

// load reads what the path names, and tells whether the agent may have it: whatever they may not have is not found.
func (c *Console) load(r *http.Request, v *visit, rt route) (err error) {
	switch rt.object {
	case theConsultation:
		return c.loadConsultation(r, v, r.PathValue("consultation"))
	case theCourier:
		return c.loadCourier(r, v)
	case theDraft:
		return c.loadDraft(r, v)
	case theGateway:
		if !v.agent.Administrator {
			return gateway.ErrNotFound
		}
		return nil
	case theAccount:
		return nil
	}
	return gateway.ErrNotFound
}

func (c *Console) loadConsultation(r *http.Request, v *visit, text string) error {
	id, err := gateway.ParseID(text)
	if err != nil {
		return gateway.ErrNotFound
	}
	may, err := c.d.Store.Entitled(r.Context(), v.agent.ID, id)
	if err != nil {
		return err
	}
	if !may {
		return gateway.ErrNotFound
	}
	v.consultation, err = c.d.Store.Consultation(r.Context(), id)
	return err
}

// loadCourier reads the courier and whatever of it the path names; what is another courier's is not found.
func (c *Console) loadCourier(r *http.Request, v *visit) (err error) {
	id, err := gateway.ParseID(r.PathValue("courier"))
	if err != nil {
		return gateway.ErrNotFound
	}
	if v.courier, err = c.d.Store.Courier(r.Context(), id); err != nil {
		return err
	}
	if err := c.loadConsultation(r, v, v.courier.Consultation.String()); err != nil {
		return err
	}
	if v.recipient, err = partOf(r, v, "recipient", c.d.Store.Recipient, func(x gateway.Recipient) gateway.ID { return x.Courier }); err != nil {
		return err
	}
	if v.reply, err = partOf(r, v, "reply", c.d.Store.Reply, func(x gateway.Reply) gateway.ID { return x.Courier }); err != nil {
		return err
	}
	v.event, err = partOf(r, v, "event", c.d.Store.Event, func(x gateway.Event) gateway.ID { return x.Courier })
	return err
}
