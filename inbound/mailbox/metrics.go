package mailbox

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vaguemestre/inbound/classify"
	"vaguemestre/inbound/correlate"
)

// metrics of the inbound wing. The label mailbox is an account's name, as configured.
type metrics struct {
	connected  *prometheus.GaugeVec   // 1 while logged in
	success    *prometheus.GaugeVec   // Unix time of the last complete look
	received   *prometheus.CounterVec // mails stored raw
	failures   *prometheus.CounterVec // connections ended by a failure, by stage
	missing    *prometheus.CounterVec // mails that the server lists and does not give
	understood *prometheus.CounterVec // by class and outcome
	retried    prometheus.Counter     // failures to understand a mail
	lag        prometheus.Histogram   // from received to understood
	waiting    prometheus.Gauge       // mails not understood yet
	oldest     prometheus.Gauge       // age of the oldest of them
}

// The outcomes of understanding.
const (
	outcomeDone        = "done"
	outcomeQuarantined = "quarantined"
	outcomeByHand      = "matched-by-hand"
)

func newMetrics(r prometheus.Registerer, accounts []Account) *metrics {
	gauges := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "vaguemestre_" + name, Help: help}, labels)
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: "vaguemestre_" + name, Help: help}, labels)
	}
	m := &metrics{
		connected:  gauges("imap_connected", "1 while the gateway is logged in to the mailbox.", "mailbox"),
		success:    gauges("imap_last_success_timestamp_seconds", "When the mailbox was last looked through to the end.", "mailbox"),
		received:   counters("imap_received_total", "Mails fetched and stored.", "mailbox"),
		failures:   counters("imap_failures_total", "Connections ended by a failure, by the stage that failed.", "mailbox", "stage"),
		missing:    counters("imap_unfetchable_total", "Mails that the server lists and does not give.", "mailbox"),
		understood: counters("inbound_understood_total", "Mails understood, by class and outcome.", "class", "outcome"),
		retried:    prometheus.NewCounter(prometheus.CounterOpts{Name: "vaguemestre_inbound_failures_total", Help: "Failures to understand a mail."}),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "vaguemestre_inbound_lag_seconds", Help: "Time from storing a mail to having understood it.", Buckets: prometheus.ExponentialBuckets(0.01, 4, 9),
		}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{Name: "vaguemestre_inbound_waiting", Help: "Mails stored and not understood yet."}),
		oldest:  prometheus.NewGauge(prometheus.GaugeOpts{Name: "vaguemestre_inbound_oldest_waiting_seconds", Help: "Age of the oldest mail not understood yet."}),
	}
	if r != nil {
		r.MustRegister(m.connected, m.success, m.received, m.failures, m.missing, m.understood, m.retried, m.lag, m.waiting, m.oldest)
	}
	for _, a := range accounts { // so that an alert sees a mailbox that never connected
		m.connected.WithLabelValues(a.Name).Set(0)
		m.success.WithLabelValues(a.Name).Set(0)
	}
	for _, class := range classes() {
		m.understood.WithLabelValues(class, outcomeDone)
		m.understood.WithLabelValues(class, outcomeQuarantined)
		m.understood.WithLabelValues(class, outcomeByHand)
	}
	return m
}

func classes() []string {
	return []string{
		string(classify.ClassReport), string(classify.ClassReceipt), string(classify.ClassComplaint), string(classify.ClassAbsence),
		string(classify.ClassChallenge), string(classify.ClassBulk), string(classify.ClassReply), classUnreadable, correlate.ClassCanary,
	}
}

func (m *metrics) looked(account string, now time.Time) {
	m.success.WithLabelValues(account).Set(float64(now.UnixMilli()) / 1000)
}
