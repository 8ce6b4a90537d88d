package store

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	transactions *prometheus.CounterVec
	commit       prometheus.Histogram
	group        prometheus.Histogram
	retries      prometheus.Counter
	swept        *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		transactions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vaguemestre_store_transactions_total",
			Help: "Transactions by outcome: committed, answered (rolled back by an answer such as not found), failed.",
		}, []string{"outcome"}),
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "vaguemestre_store_commit_seconds", Help: "Time that commits take.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2.5, 12),
		}),
		group: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "vaguemestre_store_group_transactions", Help: "Transactions that share one commit.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 9),
		}),
		retries: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "vaguemestre_store_retries_total", Help: "Transactions run again: deadlock, serialization failure, or failure of their group.",
		}),
		swept: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vaguemestre_store_swept_total", Help: "What the sweep removed, by kind: content, file, temporary; and rescued: named though nobody counted it, which is a defect.",
		}, []string{"kind"}),
	}
	for _, outcome := range []string{"committed", "answered", "failed"} {
		m.transactions.WithLabelValues(outcome)
	}
	if r != nil {
		r.MustRegister(m.transactions, m.commit, m.group, m.retries, m.swept)
	}
	return m
}

func (m *metrics) committed(took time.Duration, group int) {
	m.commit.Observe(took.Seconds())
	m.group.Observe(float64(group))
}

func (m *metrics) outcome(err error) {
	switch {
	case err == nil:
		m.transactions.WithLabelValues("committed").Inc()
	case answer(err):
		m.transactions.WithLabelValues("answered").Inc()
	default:
		m.transactions.WithLabelValues("failed").Inc()
	}
}
