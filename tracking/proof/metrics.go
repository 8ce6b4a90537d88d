package proof

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	issued, failures, unstamped prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "vaguemestre_proof_" + name, Help: help})
	}
	m := &metrics{
		issued:    counter("issued_total", "Proofs and bundles that were written whole."),
		failures:  counter("failures_total", "Proofs and bundles that could not be made, or not be written whole; unknown couriers apart."),
		unstamped: counter("unstamped_total", "Proofs whose seal or checkpoint the time-stamping authority did not stamp."),
	}
	if reg != nil {
		reg.MustRegister(m.issued, m.failures, m.unstamped)
	}
	return m
}
