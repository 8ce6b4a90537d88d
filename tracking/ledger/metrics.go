package ledger

import (
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vaguemestre/gateway/store"
)

type metrics struct {
	size, waiting, last, stamped, broken prometheus.Gauge
	batches, failures, stampFailures     prometheus.Counter
	since                                atomic.Int64 // Unix microseconds of the first waiting event; 0: none
}

func newMetrics(reg prometheus.Registerer, now func() time.Time) *metrics {
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: "vaguemestre_ledger_" + name, Help: help})
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: "vaguemestre_ledger_" + name, Help: help})
	}
	m := &metrics{
		size:          gauge("size_events", "Events in the ledger."),
		waiting:       gauge("lag_events", "Events that wait for a place in the ledger."),
		last:          gauge("checkpoint_timestamp_seconds", "Time of the last checkpoint: when its last event was recorded."),
		stamped:       gauge("stamp_timestamp_seconds", "When this process last had a checkpoint time-stamped."),
		broken:        gauge("broken", "1 while the stored ledger does not match its signed checkpoint, and is not extended."),
		batches:       counter("batches_total", "Batches of events that this process put into the ledger."),
		failures:      counter("failures_total", "Batches that failed, and are tried again."),
		stampFailures: counter("stamp_failures_total", "Time stamps that the authority did not give."),
	}
	age := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "vaguemestre_ledger_lag_seconds", Help: "Age of the oldest event that waits for a place in the ledger.",
	}, func() float64 {
		since := m.since.Load()
		if since == 0 {
			return 0
		}
		return max(0, now().Sub(time.UnixMicro(since)).Seconds())
	})
	if reg != nil {
		reg.MustRegister(m.size, m.waiting, m.last, m.stamped, m.broken, m.batches, m.failures, m.stampFailures, age)
	}
	return m
}

func (m *metrics) lag(waiting int64, since time.Time) {
	m.waiting.Set(float64(waiting))
	if since.IsZero() {
		m.since.Store(0)
		return
	}
	m.since.Store(since.UnixMicro())
}

func (m *metrics) checkpoint(c store.Checkpoint) {
	m.size.Set(float64(c.Size))
	m.last.Set(float64(c.Time.UnixMicro()) / 1e6)
}
