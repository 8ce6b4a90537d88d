package queue

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

type metrics struct {
	length      *prometheus.GaugeVec
	oldest      prometheus.Gauge
	held        prometheus.Gauge
	inFlight    prometheus.Gauge
	attempts    *prometheus.CounterVec
	latency     *prometheus.HistogramVec
	duration    prometheus.Histogram
	tries       prometheus.Histogram
	storeErrors prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	m := &metrics{
		length: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "vaguemestre_queue_jobs", Help: "Jobs in the store that are not held, by kind.",
		}, []string{"kind"}),
		oldest: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "vaguemestre_queue_oldest_seconds", Help: "Age of the oldest job that is not held.",
		}),
		held: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "vaguemestre_queue_held_jobs", Help: "Jobs that the administrator holds.",
		}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "vaguemestre_queue_deliveries", Help: "Deliveries under way.",
		}),
		attempts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "vaguemestre_queue_attempts_total", Help: "Attempts by kind of job and outcome.",
		}, []string{"kind", "outcome"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "vaguemestre_queue_latency_seconds", Help: "Time from the making of a job to its being sent.",
			Buckets: []float64{.05, .2, 1, 5, 30, 120, 600, 3600, 6 * 3600, 86400, 5 * 86400},
		}, []string{"kind"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "vaguemestre_queue_attempt_seconds", Help: "Time from taking a job to its outcome being recorded.",
			Buckets: []float64{.005, .02, .1, .5, 2, 10, 60, 300, 900},
		}),
		tries: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "vaguemestre_queue_tries", Help: "How many attempts a sent message took.",
			Buckets: []float64{1, 2, 3, 5, 10, 20, 40},
		}),
		storeErrors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "vaguemestre_queue_store_errors_total", Help: "Times that the store did not answer the queue.",
		}),
	}
	if reg != nil {
		reg.MustRegister(m.length, m.oldest, m.held, m.inFlight, m.attempts, m.latency, m.duration, m.tries, m.storeErrors)
	}
	return m
}

func (m *metrics) settled(job gateway.Job, outcome string, now, begun time.Time) {
	m.attempts.WithLabelValues(string(job.Kind), outcome).Inc()
	m.duration.Observe(now.Sub(begun).Seconds())
	if outcome == sent {
		m.latency.WithLabelValues(string(job.Kind)).Observe(now.Sub(job.Created).Seconds())
		m.tries.Observe(float64(job.Attempt))
	}
}

// measure keeps the length and the age of the queue up to date.
func (q *Queue) measure(ctx context.Context) {
	if q.o.Stats == nil {
		return
	}
	tick := time.NewTicker(q.o.Poll / 2)
	defer tick.Stop()
	for {
		if stats, err := q.o.Stats(ctx); err == nil {
			q.metrics.show(stats, q.o.Now())
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (m *metrics) show(stats store.QueueStats, now time.Time) {
	for kind, n := range stats.Waiting {
		m.length.WithLabelValues(string(kind)).Set(float64(n))
	}
	m.held.Set(float64(stats.Held))
	age := 0.0
	if !stats.Oldest.IsZero() {
		age = max(now.Sub(stats.Oldest).Seconds(), 0)
	}
	m.oldest.Set(age)
}
