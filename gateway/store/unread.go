package store

import (
	"context"
	"time"

	"vaguemestre/gateway"
)

// UnreadFilter chooses recipients to be called again.
type UnreadFilter struct {
	Types []gateway.TypeCode // of their couriers
	Most  int                // those called less often
	Since time.Time          // whose letter was sent from then on
	Until time.Time          // and before that, and to whom nothing was sent by hand or as a reminder since
	After gateway.Recipient  // the last of the page before
	Limit int                // 0: DefaultPage
}

// Unread gives the recipients who were sent a letter with acknowledgement and have neither read nor answered it, whom
// it did not fail to reach, who did not say that it is not for them, and from whom it was not taken back; in the order of their sending.
func (s *Store) Unread(ctx context.Context, f UnreadFilter) ([]gateway.Recipient, error) {
	q := newFilter(`SELECT r.id, r.courier, r.address, r.company, r.company_name, r.register, r.message_id, r.generation, r.state, r.sent, r.delivered,
			r.read_at, r.replied, r.failed, r.cancelled, r.withdrawn, r.wrong_recipient, r.reminders
		FROM recipient AS r JOIN courier ON courier.id = r.courier JOIN consultation ON consultation.id = courier.consultation
		WHERE r.sent > 0 AND r.read_at = 0 AND r.replied = 0 AND r.failed = 0 AND r.cancelled = 0 AND r.withdrawn = 0 AND r.wrong_recipient = 0
			AND consultation.archived = 0 AND courier.options LIKE '%"acknowledged":true%'`)
	q.in("courier.type", len(f.Types), func(i int) any { return string(f.Types[i]) })
	q.and("r.reminders <", int64(f.Most))
	q.and("r.state >=", int64(gateway.StateSent))
	q.and("r.sent >=", micros(f.Since))
	q.and("r.sent <", micros(f.Until))
	if !f.After.ID.IsZero() {
		q.raw(" AND (r.sent, r.id) > (" + q.arg(micros(f.After.Standing.Sent)) + ", " + q.arg(f.After.ID.String()) + ")")
	}
	q.raw(" AND NOT EXISTS (SELECT 1 FROM event WHERE event.courier = r.courier AND event.recipient = r.id")
	q.and("event.recorded >=", micros(f.Until))
	q.raw(" AND event.kind IN ('reminded', 'retried'))")
	q.page("r.sent, r.id", f.Limit)
	return all(ctx, s, "look for recipients who have not read", scanRecipient, q.text.String(), q.args...)
}
