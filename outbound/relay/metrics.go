package relay

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vaguemestre/gateway"
)

type metrics struct {
	connections  *prometheus.CounterVec
	transactions *prometheus.CounterVec
	duration     prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		connections: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vaguemestre_relay_connections_total", Help: "Connections to smarthosts: opened, reused, failed.",
		}, []string{"result"}),
		transactions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vaguemestre_relay_transactions_total", Help: "Messages given to smarthosts, by outcome and by the stage at which they stopped.",
		}, []string{"outcome", "stage"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "vaguemestre_relay_duration_seconds", Help: "Time from composing a message to the smarthost's verdict.",
			Buckets: []float64{.005, .02, .1, .5, 2, 10, 60, 300, 900},
		}),
	}
	if reg != nil {
		reg.MustRegister(m.connections, m.transactions, m.duration)
	}
	return m
}

func (m *metrics) observe(t *trouble, took time.Duration) {
	m.duration.Observe(took.Seconds())
	outcome, stage := "sent", ""
	if t != nil {
		stage = t.stage
		switch t.fault.Class {
		case gateway.Permanent:
			outcome = "refused"
		case gateway.Unknown:
			outcome = "uncertain"
		case gateway.Temporary:
			outcome = "deferred"
		}
	}
	m.transactions.WithLabelValues(outcome, stage).Inc()
}
