package link

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type answerMetrics struct {
	sent, files *prometheus.CounterVec
	bytes       prometheus.Counter
}

func newAnswerMetrics(reg prometheus.Registerer, s stats, log *slog.Logger) *answerMetrics {
	m := &answerMetrics{
		sent:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "vaguemestre_link_answers_total", Help: "Answers sent on letters' pages, by outcome: sent, late, sealed, refused-late, again."}, []string{"outcome"}),
		files: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "vaguemestre_link_answer_files_total", Help: "Files of answers, by outcome: received, removed, cut, full, infected, refused."}, []string{"outcome"}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{Name: "vaguemestre_link_answer_bytes_total", Help: "Bytes of files of answers made durable."}),
	}
	reg.MustRegister(m.sent, m.files, m.bytes, &openAnswers{stats: s, log: log,
		answers: prometheus.NewDesc("vaguemestre_link_open_answers", "Answers that companies are writing, in the whole installation.", nil, nil),
		bytes:   prometheus.NewDesc("vaguemestre_link_open_answers_bytes", "Bytes of the files of answers being written, in the whole installation.", nil, nil),
	})
	return m
}

// stats counts the answers being written and the bytes that their files hold.
type stats interface {
	AnswerStats(context.Context) (answers, size int64, err error)
}

// countWithin bounds how long a look at the metrics waits for the store.
const countWithin = 2 * time.Second

// openAnswers counts the answers being written when the metrics are looked at: one row each, which are few. While the store does not answer, the
// metrics are absent.
type openAnswers struct {
	stats          stats
	log            *slog.Logger
	answers, bytes *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (o *openAnswers) Describe(to chan<- *prometheus.Desc) { to <- o.answers; to <- o.bytes }

// Collect implements prometheus.Collector.
func (o *openAnswers) Collect(to chan<- prometheus.Metric) {
	ctx, done := context.WithTimeout(context.Background(), countWithin)
	defer done()
	answers, size, err := o.stats.AnswerStats(ctx)
	if err != nil {
		o.log.Warn("answers being written not counted", "cause", err)
		return
	}
	to <- prometheus.MustNewConstMetric(o.answers, prometheus.GaugeValue, float64(answers))
	to <- prometheus.MustNewConstMetric(o.bytes, prometheus.GaugeValue, float64(size))
}
