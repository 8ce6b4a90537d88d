package intake

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"vaguemestre/gateway"
)

type metrics struct {
	submissions *prometheus.CounterVec
	refusals    *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		submissions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vaguemestre_intake_submissions_total",
			Help: "Submissions by door and outcome (accepted, joined, draft, trial, model, proof, postmaster, refused, deferred).",
		}, []string{"door", "outcome"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vaguemestre_intake_refusals_total",
			Help: "Refused submissions by the key of the sentence that the agent got.",
		}, []string{"reason"}),
	}
	if r != nil {
		r.MustRegister(m.submissions, m.refusals)
	}
	return m
}

func (m *metrics) taken(door gateway.Door, o Outcome) {
	m.submissions.WithLabelValues(string(door), string(o)).Inc()
}

// refused counts a refusal by its key, of which the catalogue bounds the number, or a failure of ours.
func (m *metrics) refused(door gateway.Door, f *gateway.Fault) {
	if f.Class != gateway.Permanent {
		m.submissions.WithLabelValues(string(door), "deferred").Inc()
		return
	}
	m.submissions.WithLabelValues(string(door), "refused").Inc()
	m.refusals.WithLabelValues(strings.TrimPrefix(f.Key, "refuse.")).Inc()
}
