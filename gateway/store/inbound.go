package store

import (
	"context"
	"errors"
	"fmt"

	"vaguemestre/gateway"
)

const inboundColumns = `id, account, mailbox, uidvalidity, uid, content, size, received, state, class, reason, failures, courier, recipient,
	from_addr, subject, fingerprint, opens`

func scanInbound(row scanner) (in gateway.Inbound, err error) {
	err = row.Scan(&in.ID, &in.Account, &in.Mailbox, &in.UIDValidity, &in.UID, &in.Content, &in.Size, when{&in.Received}, &in.State, &in.Class,
		&in.Reason, &in.Failures, &in.Courier, &in.Recipient, &in.From, &in.Subject, &in.Fingerprint, when{&in.Opens})
	return in, err
}

// Receive stores a mail raw, before anything is understood of it, and remembers how far its
// mailbox was read. The same content met again, at whatever place, is the same mail: it is
// given as it stands, and fresh is false. Mails of one mailbox are received in the order of
// their UIDs, so that none is behind LastUID without being stored. A mail that no mailbox
// numbers (local delivery) has UID 0. The caller gives the Fingerprint; where there is no key to make one, it is the content's hash.
func (s *Store) Receive(ctx context.Context, in gateway.Inbound, raw *Spool) (stored gateway.Inbound, fresh bool, err error) {
	if err := raw.settle(); err != nil {
		return in, false, fault("receive a mail", err)
	}
	in.Content, in.Size = raw.Hash(), raw.Size()
	if in.Fingerprint.IsZero() {
		in.Fingerprint = in.Content
	}
	if in.State == "" {
		in.State = gateway.InboundNew
	}
	if in.Received.IsZero() {
		in.Received = gateway.Micros(s.now())
	}
	if in.ID.IsZero() {
		in.ID = gateway.NewID(in.Received)
	}
	err = s.write(ctx, "receive a mail", func(t *tx) (err error) {
		if stored, fresh, err = t.receive(in, raw); err != nil {
			return err
		}
		return t.readTo(in)
	})
	return stored, fresh, err
}

func (t *tx) receive(in gateway.Inbound, raw *Spool) (gateway.Inbound, bool, error) {
	n, err := t.exec(`INSERT INTO inbound (`+inboundColumns+`)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) ON CONFLICT (fingerprint) DO NOTHING`, inboundArgs(in)...)
	if err != nil {
		return in, false, err
	}
	if n == 1 {
		if err := t.keep(raw, 1); err != nil {
			return in, false, err
		}
		t.topics |= onInbound
	} else if in, err = one(t.ctx, t.run, scanInbound, "SELECT "+inboundColumns+" FROM inbound WHERE fingerprint = $1", in.Fingerprint[:]); err != nil {
		return in, false, fmt.Errorf("read the mail known by its fingerprint: %w", err)
	}
	return in, n == 1, nil
}

func inboundArgs(in gateway.Inbound) []any {
	return []any{in.ID.String(), in.Account, in.Mailbox, int64(in.UIDValidity), int64(in.UID), digest(in.Content), in.Size, micros(in.Received),
		string(in.State), in.Class, in.Reason, int64(in.Failures), in.Courier.String(), in.Recipient.String(), in.From, in.Subject, digest(in.Fingerprint), micros(in.Opens)}
}

// readTo remembers how far a mailbox was read. Another UIDVALIDITY begins anew (RFC 9051 §2.3.1.1).
func (t *tx) readTo(in gateway.Inbound) error {
	if in.UID == 0 {
		return nil
	}
	_, err := t.exec(`INSERT INTO mailbox (account, mailbox, uidvalidity, uid) VALUES ($1, $2, $3, $4)
		ON CONFLICT (account, mailbox) DO UPDATE SET uidvalidity = excluded.uidvalidity,
			uid = CASE WHEN mailbox.uidvalidity = excluded.uidvalidity AND mailbox.uid > excluded.uid THEN mailbox.uid ELSE excluded.uid END`,
		in.Account, in.Mailbox, int64(in.UIDValidity), int64(in.UID))
	return err
}

// settleInbound writes what was understood of a mail, or decided by hand. One whose content was sealed or opened since the caller read it is fenced.
func (t *tx) settleInbound(in gateway.Inbound) error {
	t.topics |= onInbound
	return t.must(gateway.ErrFenced, `UPDATE inbound SET state = $1, class = $2, reason = $3, courier = $4, recipient = $5, from_addr = $6, subject = $7, opens = $8
		WHERE id = $9 AND state IN ('new', 'quarantined') AND content = $10`,
		string(in.State), in.Class, in.Reason, in.Courier.String(), in.Recipient.String(), in.From, in.Subject, micros(in.Opens), in.ID.String(), digest(in.Content))
}

// InboundNew gives up to n mails that nobody has understood yet, oldest first.
func (s *Store) InboundNew(ctx context.Context, n int) ([]gateway.Inbound, error) {
	return s.Inbounds(ctx, InboundFilter{State: gateway.InboundNew, Limit: n})
}

// InboundFailure counts a failure to understand a mail, and gives their number.
func (s *Store) InboundFailure(ctx context.Context, id gateway.ID, reason string) (failures int, err error) {
	err = s.write(ctx, "count a failure", func(t *tx) error {
		return t.value([]any{&failures}, "UPDATE inbound SET failures = failures + 1, reason = $1 WHERE id = $2 RETURNING failures", reason, id.String())
	})
	return failures, err
}

// Inbound gives one by its ID.
func (s *Store) Inbound(ctx context.Context, id gateway.ID) (gateway.Inbound, error) {
	return get(ctx, s, "read a mail", scanInbound, "SELECT "+inboundColumns+" FROM inbound WHERE id = $1", id.String())
}

// InboundFilter chooses mails; a zero field chooses nothing out.
type InboundFilter struct {
	State     gateway.InboundState
	Class     string
	Courier   gateway.ID
	Recipient gateway.ID
	After     gateway.ID // the last of the page before
	Limit     int        // 0: DefaultPage
}

// Inbounds gives those that the filter chooses, oldest first.
func (s *Store) Inbounds(ctx context.Context, f InboundFilter) ([]gateway.Inbound, error) {
	q := newFilter("SELECT " + inboundColumns + " FROM inbound WHERE true")
	if f.State != "" {
		q.and("state =", string(f.State))
	}
	if f.Class != "" {
		q.and("class =", f.Class)
	}
	q.id("courier =", f.Courier)
	q.id("recipient =", f.Recipient)
	q.after("inbound", "received", f.After)
	q.page("received, id", f.Limit)
	return all(ctx, s, "list mails", scanInbound, q.text.String(), q.args...)
}

// InboundStats counts the mails by state.
func (s *Store) InboundStats(ctx context.Context) (map[gateway.InboundState]int64, error) {
	type count struct {
		state gateway.InboundState
		n     int64
	}
	counts, err := all(ctx, s, "count mails", func(row scanner) (c count, err error) {
		err = row.Scan(&c.state, &c.n)
		return c, err
	}, "SELECT state, count(*) FROM inbound GROUP BY state")
	stats := map[gateway.InboundState]int64{gateway.InboundNew: 0, gateway.InboundDone: 0, gateway.InboundQuarantined: 0, gateway.InboundDismissed: 0}
	for _, c := range counts {
		stats[c.state] = c.n
	}
	return stats, err
}

// LastUID tells how far a mailbox was read: the last UID stored, under its UIDVALIDITY.
// Zeros when it was never read.
func (s *Store) LastUID(ctx context.Context, account, mailbox string) (uidvalidity, uid uint32, err error) {
	err = value(ctx, s.engine.reader(), []any{&uidvalidity, &uid},
		"SELECT uidvalidity, uid FROM mailbox WHERE account = $1 AND mailbox = $2", account, mailbox)
	if errors.Is(err, gateway.ErrNotFound) {
		return 0, 0, nil
	}
	return uidvalidity, uid, fault("read how far a mailbox was read", err)
}
