package console

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	signIns  *prometheus.CounterVec
	requests *prometheus.CounterVec
	limited  prometheus.Counter
	forged   prometheus.Counter
	outages  prometheus.Counter
	live     prometheus.Gauge
	crowded  prometheus.Counter
	words    *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "vaguemestre_console_" + name, Help: help})
	}
	vector := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "vaguemestre_console_" + name, Help: help}, labels)
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "vaguemestre_console_" + name, Help: help})
	}
	m := &metrics{
		signIns:  vector("sign_ins_total", "Tries to sign in to the console, by way and outcome.", "way", "outcome"),
		requests: vector("requests_total", "Requests of the console, by route and outcome.", "route", "outcome"),
		limited:  counter("limited_total", "Requests refused because their network asks too much."),
		forged:   counter("forged_total", "Requests refused because another site made them, or their page was too old."),
		outages:  counter("outages_total", "Pages of the console not served because of a failure of ours."),
		live:     gauge("live_pages", "Pages of the console that are being updated live."),
		crowded:  counter("live_refused_total", "Pages of the console that were not updated live, for there were too many."),
		words:    vector("words_total", "Couriers whose words were written for searching, by outcome.", "outcome"),
	}
	if reg != nil {
		reg.MustRegister(m.signIns, m.requests, m.limited, m.forged, m.outages, m.live, m.crowded, m.words)
	}
	return m
}
