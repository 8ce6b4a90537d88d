package daemon

import (
	"context"
	"encoding/json"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// health answers /livez and /readyz, and measures what no part measures by itself.
type health struct {
	store *store.Store
	state atomic.Int32

	certificates func() []*certificate
}

const (
	starting = iota
	serving
	leaving
)

// probe bounds the questions that a scrape or a probe asks of the store.
const probe = 5 * time.Second

func newHealth(s *store.Store, certificates func() []*certificate, reg prometheus.Registerer) *health {
	h := &health{store: s, certificates: certificates}
	reg.MustRegister(h)
	return h
}

func (h *health) started()  { h.state.Store(serving) }
func (h *health) stopping() { h.state.Store(leaving) }

// alive: the process answers; it says nothing of what it depends on, since a restart would not mend that.
func (h *health) alive() bool { return true }

func (h *health) routes(mux *http.ServeMux, g prometheus.Gatherer) {
	mux.Handle("GET /metrics", promhttp.HandlerFor(g, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError}))
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { answer(w, nil) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) { answer(w, h.problems(r.Context())) })
}

// problems are why no work should be sent here. A relay or a mailbox that is away is none: couriers are taken and wait.
func (h *health) problems(ctx context.Context) map[string]string {
	problems := map[string]string{}
	switch h.state.Load() {
	case starting:
		problems["daemon"] = "starting"
	case leaving:
		problems["daemon"] = "stopping"
	}
	ctx, stop := context.WithTimeout(ctx, probe)
	defer stop()
	if h.store.Ping(ctx) != nil {
		problems["store"] = "does not answer or cannot be written"
	}
	return problems
}

func answer(w http.ResponseWriter, problems map[string]string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	if len(problems) > 0 {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"ok": len(problems) == 0, "problems": problems}) // a probe that left does not concern us
}

var (
	quarantineMails = prometheus.NewDesc("vaguemestre_quarantine_mails", "Mails that wait for a person.", nil, nil)
	expiry          = prometheus.NewDesc("vaguemestre_certificate_expiry_timestamp_seconds", "When the certificate in use ends.", []string{"listener"}, nil)
	storeUp         = prometheus.NewDesc("vaguemestre_store_up", "1 when the store answers.", nil, nil)
)

// Describe implements prometheus.Collector.
func (h *health) Describe(to chan<- *prometheus.Desc) {
	to <- quarantineMails
	to <- expiry
	to <- storeUp
}

// Collect implements prometheus.Collector; a store that does not answer shows as such.
func (h *health) Collect(to chan<- prometheus.Metric) {
	for _, c := range h.certificates() {
		to <- prometheus.MustNewConstMetric(expiry, prometheus.GaugeValue, float64(c.expiry().Unix()), c.listener)
	}
	ctx, stop := context.WithTimeout(context.Background(), probe)
	defer stop()
	counts, err := h.store.InboundStats(ctx)
	up := 1.0
	if err != nil {
		up = 0
	}
	to <- prometheus.MustNewConstMetric(storeUp, prometheus.GaugeValue, up)
	if err != nil {
		return
	}
	to <- prometheus.MustNewConstMetric(quarantineMails, prometheus.GaugeValue, float64(counts[gateway.InboundQuarantined]))
}
