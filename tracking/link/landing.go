package link

import (
	"encoding/hex"
	"errors"
	"net/http"
	"sync"

	"vaguemestre/gateway"
	"vaguemestre/tracking/web"
)

// letter shows the landing page, or the letter when it has been acknowledged. It records the visit and
// acknowledges nothing.
func (p *Pages) letter(w http.ResponseWriter, r *http.Request) {
	l, ok := p.open(w, r)
	if !ok {
		return
	}
	shown := web.NewShown(p.opts.Now())
	if !p.visited(w, r, l, shown) {
		return
	}
	if l.recipient.Standing.Read.IsZero() {
		p.landing(w, r, l, shown, http.StatusOK, "")
		return
	}
	p.content(w, r, l)
}

// landing shows the landing page: its form is bound to this showing, to the recipient, and to the browser that it is shown to.
func (p *Pages) landing(w http.ResponseWriter, r *http.Request, l letter, shown web.Shown, status int, again string) {
	v := p.view(r, l)
	v.Form = p.forms.Field(shown, bound(r, l, "read")...)
	v.Again, v.Now = again, shown.At
	keepCookie(w, r, shown, p.opts.HSTS)
	p.page(w, r, status, "landing", v)
}

// bound is what the form of an act holds for.
func bound(r *http.Request, l letter, act string) []string {
	return []string{act, l.recipient.ID.String(), agentOf(r)}
}

// visitCookie tells whether who presses keeps cookies, as people's browsers mostly do. It holds the number of the
// visit; nothing depends on it.
const visitCookie = "visite"

func keepCookie(w http.ResponseWriter, r *http.Request, shown web.Shown, secure bool) {
	if r.Method == http.MethodHead {
		return
	}
	http.SetCookie(w, &http.Cookie{
		Name: visitCookie, Value: hex.EncodeToString(shown.Visit[:]), Path: "/l/", Secure: secure, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}

// visited records who seems to have come, once per recipient, kind and hour. What is known to be recorded costs no write.
func (p *Pages) visited(w http.ResponseWriter, r *http.Request, l letter, shown web.Shown) bool {
	looks, why := Classify(p.signs(r, l))
	p.metrics.visits.WithLabelValues(string(looks)).Inc()
	now := p.opts.Now()
	hour := now.UTC().Format("2006010215")
	once := "visited:" + l.recipient.ID.String() + ":" + string(looks) + ":" + hour
	if p.recent.known(hour, once) {
		return true
	}
	details := gateway.VisitDetails{Method: r.Method, Looks: string(looks), Why: why, Visit: hex.EncodeToString(shown.Visit[:])}
	e := gateway.NewEvent(gateway.Visited, now, details, p.seen(r)).About(l.courier.ID, l.recipient.ID).By("visitor", gateway.ByClaim)
	e.Once = once
	err := p.store.Apply(r.Context(), gateway.Step{Events: []gateway.Event{e}})
	if err != nil && !errors.Is(err, gateway.ErrRecorded) {
		p.outage(w, r, "record a visit", err)
		return false
	}
	p.recent.add(hour, once)
	return true
}

// recentMost bounds what recent holds: an hour's visits of a large installation.
const recentMost = 100_000

// recent holds which visits of this hour are in the store. It forgets with the hour, and when it is full; to forget costs a
// write that changes nothing. Its zero value is ready.
type recent struct {
	mu   sync.Mutex
	hour string
	set  map[string]struct{}
}

func (v *recent) known(hour, once string) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	_, ok := v.set[once]
	return ok && v.hour == hour
}

func (v *recent) add(hour, once string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.hour != hour || len(v.set) >= recentMost {
		v.hour, v.set = hour, map[string]struct{}{}
	}
	v.set[once] = struct{}{}
}

// Network is what is known of a visitor; it has its own, shorter retention (promise 14).
type Network struct {
	Address   string `json:"address"`
	UserAgent string `json:"user_agent,omitempty"`
}

const maxUserAgent = 300

func (p *Pages) seen(r *http.Request) Network {
	return Network{Address: web.ClientAddress(r, p.opts.TrustedProxies).String(), UserAgent: agentOf(r)}
}

func agentOf(r *http.Request) string {
	agent := r.UserAgent()
	return agent[:min(len(agent), maxUserAgent)]
}
