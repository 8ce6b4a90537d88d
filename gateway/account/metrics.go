package account

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	logins   *prometheus.CounterVec
	locks    *prometheus.CounterVec
	checking prometheus.Histogram
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vaguemestre_account_logins_total",
			Help: "Logins by outcome: verified (by its hash or by the directory), remembered, app (app password), denied, locked, unavailable (an outage of ours).",
		}, []string{"outcome"}),
		locks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vaguemestre_account_locks_total",
			Help: "Locks closed by failed logins, on an account or on an address.",
		}, []string{"by"}),
		checking: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "vaguemestre_account_check_seconds",
			Help:    "Time to check one password that was not remembered, by its hash or with the directory, the wait for a free slot included.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
	}
	for _, outcome := range []string{outcomeVerified, outcomeRemembered, outcomeApp, outcomeDenied, outcomeLocked, outcomeUnavailable} {
		m.logins.WithLabelValues(outcome)
	}
	for _, by := range []string{"account", "address"} {
		m.locks.WithLabelValues(by)
	}
	if r != nil {
		r.MustRegister(m.logins, m.locks, m.checking)
	}
	return m
}

const (
	outcomeVerified    = "verified"
	outcomeRemembered  = "remembered"
	outcomeApp         = "app"
	outcomeDenied      = "denied"
	outcomeLocked      = "locked"
	outcomeUnavailable = "unavailable"
)
