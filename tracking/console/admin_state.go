package console

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/tracking/web"
)

// From when a number of the page of the gateway's state asks for a person: as the alerts of deploy/prometheus/rules.yml.
const (
	queueOld    = time.Hour
	ledgerOld   = 2 * time.Minute
	sealOverdue = 5 * time.Minute
)

// when is a moment, or the word for none.
func (c *Console) when(v *visit, at time.Time) string {
	if at.IsZero() {
		return c.site.Text(v.lang, "gateway.none-date")
	}
	return web.Stamp(v.lang, at, v.zone())
}

func count(n int64) string { return strconv.FormatInt(n, 10) }

func (c *Console) queueState(r *http.Request, v *visit) (statePart, error) {
	q, err := c.d.Store.QueueStats(r.Context())
	if err != nil {
		return statePart{}, err
	}
	age := c.site.Text(v.lang, "gateway.none-waits")
	if !q.Oldest.IsZero() {
		age = c.span(v, v.now.Sub(q.Oldest))
	}
	const to = "/passerelle/file"
	return statePart{Key: "queue", Measures: []measure{
		{Key: "letters", Value: count(q.Waiting[gateway.JobLetter]), Link: to},
		{Key: "reminders", Value: count(q.Waiting[gateway.JobReminder]), Link: to},
		{Key: "notices", Value: count(q.Waiting[gateway.JobNotice]), Link: to},
		{Key: "leased", Value: count(q.Leased)},
		{Key: "held", Value: count(q.Held), Bad: q.Held > 0, Link: to + "?quoi=retenus", Alert: "VaguemestreQueueHeld"},
		{Key: "oldest", Value: age, Bad: !q.Oldest.IsZero() && v.now.Sub(q.Oldest) > queueOld, Link: to, Alert: "VaguemestreQueueOld"},
		{Key: "next", Value: c.when(v, q.Next)},
	}}, nil
}

func (c *Console) mailState(r *http.Request, v *visit) (statePart, error) {
	mails, err := c.d.Store.InboundStats(r.Context())
	if err != nil {
		return statePart{}, err
	}
	sealed, next, err := c.d.Store.SealedStats(r.Context())
	if err != nil {
		return statePart{}, err
	}
	quarantined := mails[gateway.InboundQuarantined]
	return statePart{Key: "mail", Measures: []measure{
		{Key: "new", Value: count(mails[gateway.InboundNew]), Alert: "VaguemestreInboundWaiting"},
		{Key: "quarantined", Value: count(quarantined), Bad: quarantined > 0, Link: "/passerelle/quarantaine", Alert: "VaguemestreQuarantine"},
		{Key: "understood", Value: count(mails[gateway.InboundDone])},
		{Key: "dismissed", Value: count(mails[gateway.InboundDismissed])},
		{Key: "sealed", Value: count(sealed)},
		{Key: "opens", Value: c.when(v, next), Bad: !next.IsZero() && v.now.Sub(next) > sealOverdue, Alert: "VaguemestreSealOverdue"},
	}}, nil
}

func (c *Console) ledgerState(r *http.Request, v *visit) (statePart, error) {
	last, err := c.d.Store.LastCheckpoint(r.Context())
	if err != nil && !errors.Is(err, gateway.ErrNotFound) {
		return statePart{}, err
	}
	waiting, since, err := c.d.Store.LedgerLag(r.Context())
	if err != nil {
		return statePart{}, err
	}
	stamp := "gateway.stamp-none"
	if len(last.Stamp) > 0 {
		stamp = "gateway.stamp-there"
	}
	return statePart{Key: "ledger", Measures: []measure{
		{Key: "size", Value: count(last.Size)},
		{Key: "checkpoint", Value: c.when(v, last.Time)},
		{Key: "stamp", Value: c.site.Text(v.lang, stamp), Alert: "VaguemestreTimestampMissing"},
		{Key: "waiting", Value: count(waiting)},
		{Key: "lag", Value: c.when(v, since), Bad: !since.IsZero() && v.now.Sub(since) > ledgerOld, Alert: "VaguemestreLedgerLag"},
	}}, nil
}
