package oauth

import "github.com/prometheus/client_golang/prometheus"

// Metrics counts requests for tokens. The label name is that of the configuration's table.
type Metrics struct{ requests *prometheus.CounterVec }

// The outcomes.
const (
	given   = "given"
	failed  = "failed"  // the endpoint gave none
	refused = "refused" // the endpoint gave one, and a server did not take it
)

// NewMetrics makes them; names are shown from the start, so that an alert sees the first failure.
func NewMetrics(reg prometheus.Registerer, names ...string) *Metrics {
	m := &Metrics{requests: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "vaguemestre_oauth_tokens_total", Help: "Access tokens asked for: given, failed; and those that a server refused.",
	}, []string{"name", "result"})}
	for _, name := range names {
		for _, result := range []string{given, failed, refused} {
			m.requests.WithLabelValues(name, result)
		}
	}
	if reg != nil {
		reg.MustRegister(m.requests)
	}
	return m
}

func (m *Metrics) asked(name string, err error) {
	switch {
	case m == nil:
	case err != nil:
		m.requests.WithLabelValues(name, failed).Inc()
	default:
		m.requests.WithLabelValues(name, given).Inc()
	}
}

func (m *Metrics) refused(name string) {
	if m != nil {
		m.requests.WithLabelValues(name, refused).Inc()
	}
}
