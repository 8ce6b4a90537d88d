package link

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/time/rate"

	"vaguemestre/gateway"
	"vaguemestre/gateway/token"
	"vaguemestre/tracking/web"
)

// Store is what the pages read and record.
type Store interface {
	Recipient(context.Context, gateway.ID) (gateway.Recipient, error)
	Courier(context.Context, gateway.ID) (gateway.Courier, error)
	Consultation(context.Context, gateway.ID) (gateway.Consultation, error)
	Apply(context.Context, gateway.Step) error
}

// Contents opens what a courier is made of.
type Contents func(context.Context, gateway.Hash) (Content, error)

// Content is the bytes of a stored content.
type Content interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// Options says how the pages behave.
type Options struct {
	Tokens         *token.Ring
	MinDelay       time.Duration  // between showing the landing page and its acknowledgement
	PerMinute      int            // requests of one network (IPv4 /32, IPv6 /64)
	TrustedProxies []netip.Prefix // whose X-Forwarded-For is believed
	HSTS           bool           // the pages are served over TLS
	Theme          web.Theme
	Now            func() time.Time
	Logger         *slog.Logger
	Registerer     prometheus.Registerer
}

// Pages is the companies' pages. It is an http.Handler, safe for concurrent use.
type Pages struct {
	store    Store
	contents Contents
	opts     Options
	site     *web.Site
	forms    web.Forms
	limiter  *web.Limiter // per network
	codes    *web.Limiter // tries of the short code, per recipient
	metrics  *metrics
	mux      *http.ServeMux
}

// formLife is how long a page that was shown can still acknowledge.
const formLife = 24 * time.Hour

// New makes the pages.
func New(store Store, contents Contents, o Options) (*Pages, error) {
	site, err := newSite(o)
	if err != nil {
		return nil, err
	}
	p := &Pages{
		store: store, contents: contents, opts: o, site: site,
		forms:   web.Forms{Key: o.Tokens.Derive("link form"), Wait: o.MinDelay, Life: formLife},
		limiter: web.PerMinute(o.PerMinute, o.Now),
		codes:   web.NewLimiter(rate.Every(2*time.Minute), 5, o.Now),
		metrics: newMetrics(o.Registerer),
		mux:     http.NewServeMux(),
	}
	p.mux.HandleFunc("GET /l/{token}", p.letter)
	p.mux.HandleFunc("POST /l/{token}", p.acknowledge)
	p.mux.HandleFunc("GET /l/{token}/texte", p.body)
	p.mux.HandleFunc("GET /l/{token}/fichier/{n}/{name}", p.file)
	p.mux.HandleFunc("GET /l/{token}/tout.zip", p.archive)
	p.mux.HandleFunc("GET /l/{token}/image/{part}", p.image)
	p.mux.HandleFunc("GET "+web.AssetPrefix, site.Asset(p.unknown))
	p.mux.HandleFunc("GET /robots.txt", web.Robots)
	p.mux.HandleFunc("/", p.unknown)
	return p, nil
}

// ServeHTTP answers with the headers that every page bears, within the limits of its network.
func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p.site.Headers(w.Header())
	if !p.limiter.Allow(web.Network(web.ClientAddress(r, p.opts.TrustedProxies))) {
		p.metrics.limited.Inc()
		p.notice(w, r, http.StatusTooManyRequests, "limited", gateway.ContextBlock{})
		return
	}
	p.mux.ServeHTTP(w, r)
}

// letterOf finds what a link names. Every reason not to find it is the same to the visitor;
// an outage is not a reason.
func (p *Pages) letterOf(r *http.Request) (l letter, err error) {
	id, err := p.opts.Tokens.Verify(token.Link, r.PathValue("token"))
	if err != nil {
		return letter{}, gateway.ErrNotFound
	}
	if l.recipient, err = p.store.Recipient(r.Context(), id); err != nil {
		return letter{}, err
	}
	if l.courier, err = p.store.Courier(r.Context(), l.recipient.Courier); err != nil {
		return letter{}, err
	}
	if !l.courier.Options.Acknowledged {
		return letter{}, gateway.ErrNotFound // a plain letter has no page: its content is in the mail
	}
	l.consultation, err = p.store.Consultation(r.Context(), l.courier.Consultation)
	return l, err
}

type letter struct {
	recipient    gateway.Recipient
	courier      gateway.Courier
	consultation gateway.Consultation
}

func (l letter) log(log *slog.Logger) *slog.Logger {
	return log.With("courier", l.courier.ID.String(), "recipient", l.recipient.ID.String())
}

// closed names the page that stands in the way of the letter, if one does.
func (l letter) closed() string {
	switch {
	case !l.recipient.Standing.Withdrawn.IsZero():
		return "withdrawn"
	case !l.recipient.Standing.Cancelled.IsZero():
		return "withdrawn"
	case !l.consultation.Archived.IsZero():
		return "archived"
	}
	return ""
}

// open finds the letter and answers in its place when it cannot be shown.
func (p *Pages) open(w http.ResponseWriter, r *http.Request) (letter, bool) {
	l, err := p.letterOf(r)
	switch {
	case errors.Is(err, gateway.ErrNotFound):
		p.unknown(w, r)
		return l, false
	case err != nil:
		p.outage(w, r, "find the letter", err)
		return l, false
	}
	if reason := l.closed(); reason != "" {
		p.notice(w, r, http.StatusGone, reason, l.courier.Context)
		return l, false
	}
	return l, true
}

func (p *Pages) unknown(w http.ResponseWriter, r *http.Request) {
	p.metrics.unknown.Inc()
	p.notice(w, r, http.StatusNotFound, "unknown", gateway.ContextBlock{})
}

// outage says that it is ours. The cause is logged; the path, which bears the token, is not.
func (p *Pages) outage(w http.ResponseWriter, r *http.Request, doing string, err error) {
	if r.Context().Err() != nil {
		return // the visitor left
	}
	p.metrics.outages.Inc()
	p.opts.Logger.Error("page not served", "doing", doing, "cause", err)
	w.Header().Set("Retry-After", "60")
	p.notice(w, r, http.StatusServiceUnavailable, "outage", gateway.ContextBlock{})
}

// letter shows the landing page, or the letter when it has been acknowledged. It records the visit and
// acknowledges nothing.
func (p *Pages) letter(w http.ResponseWriter, r *http.Request) {
	l, ok := p.open(w, r)
	if !ok {
		return
	}
	if !p.visited(w, r, l) {
		return
	}
	if l.recipient.Standing.Read.IsZero() {
		p.landing(w, r, l, http.StatusOK, "")
		return
	}
	p.content(w, r, l)
}

func (p *Pages) landing(w http.ResponseWriter, r *http.Request, l letter, status int, again string) {
	v := p.view(r, l)
	v.Form = p.forms.Mint(p.opts.Now(), l.recipient.ID.String())
	v.Again = again
	p.page(w, r, status, "landing", v)
}

// since is the time from the letter's leaving to now.
func (p *Pages) since(l letter) time.Duration {
	if l.recipient.Standing.Sent.IsZero() {
		return 0
	}
	return max(p.opts.Now().Sub(l.recipient.Standing.Sent), 1)
}

// visited records who seems to have come, once per recipient, kind and hour.
func (p *Pages) visited(w http.ResponseWriter, r *http.Request, l letter) bool {
	looks, why := Classify(r, p.since(l))
	p.metrics.visits.WithLabelValues(string(looks)).Inc()
	now := p.opts.Now()
	e := gateway.NewEvent(gateway.Visited, now, gateway.VisitDetails{Method: r.Method, Looks: string(looks), Why: why}, p.seen(r)).
		About(l.courier.ID, l.recipient.ID).By("visitor", gateway.ByClaim)
	e.Once = "visited:" + l.recipient.ID.String() + ":" + string(looks) + ":" + now.UTC().Format("2006010215")
	err := p.store.Apply(r.Context(), gateway.Step{Events: []gateway.Event{e}})
	if err != nil && !errors.Is(err, gateway.ErrRecorded) {
		p.outage(w, r, "record a visit", err)
		return false
	}
	return true
}

// Network is what is known of a visitor; it has its own, shorter retention (promise 14).
type Network struct {
	Address   string `json:"address"`
	UserAgent string `json:"user_agent,omitempty"`
}

const maxUserAgent = 300

func (p *Pages) seen(r *http.Request) Network {
	agent := r.UserAgent()
	if len(agent) > maxUserAgent {
		agent = agent[:maxUserAgent]
	}
	return Network{Address: web.ClientAddress(r, p.opts.TrustedProxies).String(), UserAgent: agent}
}
