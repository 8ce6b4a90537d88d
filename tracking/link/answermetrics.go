package link

import "github.com/prometheus/client_golang/prometheus"

type answerMetrics struct {
	sent, files *prometheus.CounterVec
	bytes       prometheus.Counter
}

func newAnswerMetrics(reg prometheus.Registerer) *answerMetrics {
	m := &answerMetrics{
		sent:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "vaguemestre_link_answers_total", Help: "Answers sent on letters' pages, by outcome: sent, late, sealed, refused-late, again."}, []string{"outcome"}),
		files: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "vaguemestre_link_answer_files_total", Help: "Files of answers, by outcome: received, removed, cut, full, infected, refused."}, []string{"outcome"}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{Name: "vaguemestre_link_answer_bytes_total", Help: "Bytes of files of answers made durable."}),
	}
	reg.MustRegister(m.sent, m.files, m.bytes)
	return m
}
