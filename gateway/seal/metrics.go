package seal

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	sealed, overdue  prometheus.Gauge
	opened, failures prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		sealed:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "vaguemestre_seal_replies", Help: "Answers that are still sealed."}),
		overdue:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "vaguemestre_seal_overdue_seconds", Help: "How long the date of the oldest answer still sealed is past."}),
		opened:   prometheus.NewCounter(prometheus.CounterOpts{Name: "vaguemestre_seal_opened_total", Help: "Answers opened at their date."}),
		failures: prometheus.NewCounter(prometheus.CounterOpts{Name: "vaguemestre_seal_failures_total", Help: "Sealed contents that could not be opened, at each attempt."}),
	}
	if reg != nil {
		reg.MustRegister(m.sealed, m.overdue, m.opened, m.failures)
	}
	return m
}
