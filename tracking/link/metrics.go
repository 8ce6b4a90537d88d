package link

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	visits, reads, refused               *prometheus.CounterVec
	downloads, unknown, outages, limited prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		visits:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "vaguemestre_link_visits_total", Help: "Visits to letters' links, by who they look like."}, []string{"looks"}),
		reads:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "vaguemestre_link_reads_total", Help: "Letters acknowledged, by what was asked of the reader."}, []string{"by"}),
		refused:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "vaguemestre_link_asked_again_total", Help: "Acknowledgements that were asked again, by reason."}, []string{"why"}),
		downloads: prometheus.NewCounter(prometheus.CounterOpts{Name: "vaguemestre_link_downloads_total", Help: "Files fetched from letters' pages."}),
		unknown:   prometheus.NewCounter(prometheus.CounterOpts{Name: "vaguemestre_link_unknown_total", Help: "Requests for links that name nothing."}),
		outages:   prometheus.NewCounter(prometheus.CounterOpts{Name: "vaguemestre_link_outages_total", Help: "Pages that could not be served for a fault of ours."}),
		limited:   prometheus.NewCounter(prometheus.CounterOpts{Name: "vaguemestre_link_limited_total", Help: "Requests over the limit of their network."}),
	}
	reg.MustRegister(m.visits, m.reads, m.refused, m.downloads, m.unknown, m.outages, m.limited)
	return m
}
