package link

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	visits, reads, refused, closed                                  *prometheus.CounterVec
	downloads, unknown, outages, limited, wrong, withheld, receipts prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		visits:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "vaguemestre_link_visits_total", Help: "Visits to letters' links, by who they look like."}, []string{"looks"}),
		reads:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "vaguemestre_link_reads_total", Help: "Letters acknowledged, by what was asked of the reader."}, []string{"by"}),
		refused:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "vaguemestre_link_asked_again_total", Help: "Acknowledgements that were asked again, by reason."}, []string{"why"}),
		closed:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "vaguemestre_link_closed_total", Help: "Requests for letters that can no longer be shown, by reason."}, []string{"why"}),
		wrong:     prometheus.NewCounter(prometheus.CounterOpts{Name: "vaguemestre_link_wrong_recipient_total", Help: "Letters that a company said were not for them."}),
		withheld:  prometheus.NewCounter(prometheus.CounterOpts{Name: "vaguemestre_link_withheld_total", Help: "Requests for files that were withheld for malware."}),
		receipts:  prometheus.NewCounter(prometheus.CounterOpts{Name: "vaguemestre_link_receipts_total", Help: "Receipts handed to companies."}),
		downloads: prometheus.NewCounter(prometheus.CounterOpts{Name: "vaguemestre_link_downloads_total", Help: "Files fetched from letters' pages."}),
		unknown:   prometheus.NewCounter(prometheus.CounterOpts{Name: "vaguemestre_link_unknown_total", Help: "Requests for links that name nothing."}),
		outages:   prometheus.NewCounter(prometheus.CounterOpts{Name: "vaguemestre_link_outages_total", Help: "Pages that could not be served for a fault of ours."}),
		limited:   prometheus.NewCounter(prometheus.CounterOpts{Name: "vaguemestre_link_limited_total", Help: "Requests over the limit of their network."}),
	}
	reg.MustRegister(m.visits, m.reads, m.refused, m.downloads, m.unknown, m.outages, m.limited, m.closed, m.wrong, m.withheld, m.receipts)
	return m
}
