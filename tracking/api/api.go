// Package api is the platform's way in: HTTP and JSON, one key with scopes per program.
//
// It promises that a request without a key in force, or whose key lacks the route's scope, changes and
// learns nothing; that couriers are sent and read in the name of an agent and for that agent's
// consultations only, what they may not see answering exactly as what does not exist (promise 11); that
// what is put twice is stored once, and a list is put whole or not at all; and that every error is a problem document
// (RFC 9457) with a type that never changes and a title in the caller's language. The document at /v1/openapi.json is made
// from the table that routes requests, and every answer is as it says.
//
// A courier is sent under an idempotency key: the same request is the same courier, another one under the same key is
// refused. Under If-Match, a list is put only while it is the one that the caller read. The feed of events follows the
// ledger: it neither skips nor repeats. What waits, waits no longer once Drain was called.
//
// None of this rests on one process: the store holds it, for all nodes. Everything is stored by the store or the intake
// before the answer; a crash leaves nothing else.
package api

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vaguemestre/gateway"
	"vaguemestre/gateway/address"
	"vaguemestre/gateway/intake"
	"vaguemestre/gateway/store"
)

// Intake takes couriers (*intake.Intake).
type Intake interface {
	Submit(ctx context.Context, s intake.Submission) (intake.Receipt, error)
	Check(ctx context.Context, s intake.Submission) (intake.Report, error)
}

// Prover writes proofs (*proof.Issuer).
type Prover interface {
	Write(ctx context.Context, w io.Writer, courier, recipient gateway.ID, language string) error
}

// Options says what the API needs to know of the installation.
type Options struct {
	Domain    string // of the gateway's addresses
	PerMinute int    // requests of one key; 0: 600
	MaxBytes  int64  // of a courier as it travels; 0: 84,000,000

	Now        func() time.Time // nil: time.Now
	Logger     *slog.Logger     // nil: silent
	Registerer prometheus.Registerer
}

// API is the handler. Safe for concurrent use; it owns no goroutine.
type API struct {
	o       Options
	store   *store.Store
	intake  Intake
	prover  Prover
	rates   *rates
	metrics *metrics
	mux     *http.ServeMux
	doc     []byte
	grammar *address.Grammar // of the domain; it knows no types

	draining context.Context
	drain    context.CancelFunc
}

// New makes the API.
func New(o Options, s *store.Store, in Intake, p Prover) (*API, error) {
	if o.PerMinute == 0 {
		o.PerMinute = 600
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 84_000_000
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	a := &API{o: o, store: s, intake: in, prover: p, rates: newRates(o.PerMinute), metrics: newMetrics(o.Registerer), mux: http.NewServeMux()}
	a.draining, a.drain = context.WithCancel(context.Background())
	var err error
	if a.grammar, err = address.New(o.Domain, nil); err != nil {
		return nil, err
	}
	if a.doc, err = document(a.routes()); err != nil {
		return nil, err
	}
	for _, rt := range a.routes() {
		name := rt.method + " " + rt.path
		a.mux.Handle(name, a.handler(name, rt))
		for _, status := range []string{"401", "503"} { // what alerts look at counts from 0
			a.metrics.requests.WithLabelValues(name, status)
		}
	}
	return a, nil
}

// Drain ends the requests that wait: polls answer what there is, proofs are put off. Requests at work go on.
func (a *API) Drain() { a.drain() }

// call is one request whose key was checked.
type call struct {
	key   gateway.APIKey
	agent gateway.Agent // of routes that act for one
}

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	_, pattern := a.mux.Handler(r)
	if pattern == "" {
		a.unrouted(w, r)
		return
	}
	a.mux.ServeHTTP(w, r)
}

// unrouted answers what no route takes, telling a known path from an unknown one.
func (a *API) unrouted(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPut} {
		other := &http.Request{Method: m, URL: r.URL, Host: r.Host}
		if _, p := a.mux.Handler(other); p != "" {
			allowed = append(allowed, m)
		}
	}
	if len(allowed) == 0 {
		a.fail(w, r, "none", problems().notFound.problem(""))
		return
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	a.fail(w, r, "none", problems().methodNotAllowed.problem(""))
}

func (a *API) handler(name string, rt route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := a.admit(r, rt)
		if err == nil {
			err = rt.do(w, r, c)
		}
		if err != nil {
			a.fail(w, r, name, err)
			return
		}
		a.metrics.requests.WithLabelValues(name, strconv.Itoa(rt.success)).Inc()
	})
}

// absent tells that there is no such thing.
func absent(err error) bool { return errors.Is(err, gateway.ErrNotFound) }

type metrics struct {
	requests *prometheus.CounterVec
	polls    prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{requests: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "vaguemestre_api_requests_total", Help: "Requests of the platform's API, by route and status.",
	}, []string{"route", "status"}), polls: prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "vaguemestre_api_polls", Help: "Requests that wait for events.",
	})}
	if reg != nil {
		reg.MustRegister(m.requests, m.polls)
	}
	return m
}
