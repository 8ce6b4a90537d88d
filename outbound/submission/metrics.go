package submission

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"vaguemestre/gateway"
	"vaguemestre/gateway/catalog"
)

type metrics struct {
	open       *prometheus.GaugeVec
	sessions   *prometheus.CounterVec
	handshakes *prometheus.CounterVec
	logins     *prometheus.CounterVec
	couriers   *prometheus.CounterVec
	refusals   *prometheus.CounterVec
	limits     *prometheus.CounterVec
	bytes      prometheus.Counter
	receiving  prometheus.Histogram
	submitting prometheus.Histogram
}

var durations = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}

func newMetrics(r prometheus.Registerer) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "vaguemestre_submission_" + name, Help: help}, labels)
	}
	histogram := func(name, help string) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: "vaguemestre_submission_" + name, Help: help, Buckets: durations})
	}
	m := &metrics{
		open: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "vaguemestre_submission_open_sessions", Help: "Sessions open now, by listener (starttls, tls).",
		}, []string{"listener"}),
		sessions:   counter("sessions_total", "Sessions begun, by listener.", "listener"),
		handshakes: counter("handshakes_total", "TLS handshakes by outcome (ok, failed).", "outcome"),
		logins:     counter("logins_total", "AUTH by outcome (ok, denied, unavailable: locked out or an outage).", "outcome"),
		couriers:   counter("couriers_total", "Messages by outcome: accepted, refused (5xx), deferred (4xx), cut (the session ended within them).", "outcome"),
		refusals:   counter("refusals_total", "Refusals and deferrals by SMTP code and key of their sentence.", "code", "key"),
		limits:     counter("limits_total", "Limits that bit.", "limit"),
		bytes:      prometheus.NewCounter(prometheus.CounterOpts{Name: "vaguemestre_submission_received_bytes_total", Help: "Bytes of messages read."}),
		receiving:  histogram("receive_seconds", "Time to read a message, from DATA to its final dot."),
		submitting: histogram("submit_seconds", "Time from the final dot to the reply."),
	}
	m.zero()
	if r != nil {
		r.MustRegister(m.open, m.sessions, m.handshakes, m.logins, m.couriers, m.refusals, m.limits, m.bytes, m.receiving, m.submitting)
	}
	return m
}

// zero makes the series that alerts watch exist from the start.
func (m *metrics) zero() {
	for _, outcome := range []string{"accepted", "refused", "deferred", "cut"} {
		m.couriers.WithLabelValues(outcome)
	}
	for _, outcome := range []string{"ok", "denied", "unavailable"} {
		m.logins.WithLabelValues(outcome)
	}
	for _, l := range limits {
		m.limits.WithLabelValues(l)
	}
}

// limits are the labels of limits_total.
var limits = [...]string{
	"connections", "sessions-per-address", "failed-logins", "commands", "recipients", "size", "header", "line", "command-line",
	"malformed-line", "bdat", "smuggling", "starttls-injection", "no-tls", "handshake-time", "command-time", "data-time", "login-time", "session-time", "lost",
}

func (m *metrics) limit(name string) {
	if name != "" {
		m.limits.WithLabelValues(name).Inc()
	}
}

// keyOf bounds the label: a key of the catalogue, or internal.
func keyOf(f *gateway.Fault) string {
	if f.Key == "" || !catalog.Has(f.Key) {
		return "internal"
	}
	return f.Key
}

func itoa(n int) string { return strconv.Itoa(n) }
