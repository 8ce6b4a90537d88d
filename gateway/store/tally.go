package store

import (
	"context"
	"time"

	"vaguemestre/gateway"
)

// Counted is where counting recipients for a tally stops: beyond, what people want to know is that there are many.
const Counted = 1000

// Tally is what awaits an agent in one consultation.
type Tally struct {
	Drafts   int
	Unread   int // recipients of couriers with acknowledgement whom it left for, and who have not read; at most Counted
	Failed   int // recipients who cannot be reached; likewise
	Unopened int // replies that nobody read through the gateway, and that may be read
	Sealed   int // replies that may not be read yet
}

// Tallies counts for each of these consultations.
func (s *Store) Tallies(ctx context.Context, consultations ...gateway.ID) (map[gateway.ID]Tally, error) {
	t := tallies{s: s, found: make(map[gateway.ID]Tally, len(consultations))}
	if len(consultations) == 0 {
		return t.found, nil
	}
	for _, count := range []func(context.Context, []gateway.ID) error{t.recipients, t.drafts, t.replies, t.sealed} {
		if err := count(ctx, consultations); err != nil {
			return nil, err
		}
	}
	return t.found, nil
}

type tallies struct {
	s     *Store
	found map[gateway.ID]Tally
}

// add counts the rows of a query (consultation, number) into place.
func (t tallies) add(ctx context.Context, into func(*Tally, int), q *filter) error {
	type row struct {
		consultation gateway.ID
		n            int
	}
	rows, err := all(ctx, t.s, "count what awaits an agent", func(sc scanner) (r row, err error) {
		err = sc.Scan(&r.consultation, &r.n)
		return r, err
	}, q.text.String(), q.args...)
	for _, r := range rows {
		tally := t.found[r.consultation]
		into(&tally, r.n)
		t.found[r.consultation] = tally
	}
	return err
}

func (t tallies) recipients(ctx context.Context, consultations []gateway.ID) error {
	waiting := []gateway.State{gateway.StateSent, gateway.StateHandedOver, gateway.StateDelivered}
	if err := t.some(ctx, func(y *Tally, n int) { y.Unread = n }, consultations, " AND acknowledged = 1 AND withdrawn = 0", waiting); err != nil {
		return err
	}
	failed := []gateway.State{gateway.StateExpired, gateway.StateFailed}
	return t.some(ctx, func(y *Tally, n int) { y.Failed = n }, consultations, "", failed)
}

// some counts recipients in states, up to Counted for each consultation.
func (t tallies) some(ctx context.Context, into func(*Tally, int), consultations []gateway.ID, besides string, states []gateway.State) error {
	q := newFilter("SELECT id, (SELECT count(*) FROM (SELECT 1 FROM recipient WHERE recipient.consultation = consultation.id" + besides)
	q.states(states)
	q.raw(" LIMIT " + q.arg(int64(Counted)) + ") AS counted) FROM consultation WHERE true")
	q.among("id", consultations)
	return t.add(ctx, into, q)
}

func (t tallies) drafts(ctx context.Context, consultations []gateway.ID) error {
	q := newFilter("SELECT consultation, count(*) FROM draft WHERE true")
	q.among("consultation", consultations)
	q.raw(" GROUP BY consultation")
	return t.add(ctx, func(y *Tally, n int) { y.Drafts = n }, q)
}

func (t tallies) replies(ctx context.Context, consultations []gateway.ID) error {
	q := newFilter("SELECT consultation, count(*) FROM reply WHERE opened = 0 AND (sealed = 0 OR unsealed > 0)")
	q.among("consultation", consultations)
	q.raw(" GROUP BY consultation")
	return t.add(ctx, func(y *Tally, n int) { y.Unopened = n }, q)
}

func (t tallies) sealed(ctx context.Context, consultations []gateway.ID) error {
	q := newFilter("SELECT consultation, count(*) FROM reply WHERE sealed = 1 AND unsealed = 0")
	q.among("consultation", consultations)
	q.raw(" GROUP BY consultation")
	return t.add(ctx, func(y *Tally, n int) { y.Sealed = n }, q)
}

// Rejections is how far the rejections of a consultation got.
type Rejections struct {
	States map[gateway.State]int // of their recipients, those taken back apart
	Last   time.Time             // when the last of them left; zero: none did
}

// RejectionsOf counts the recipients of a consultation's couriers of one type, and tells when the last of them left.
func (s *Store) RejectionsOf(ctx context.Context, consultation gateway.ID, kind gateway.TypeCode) (Rejections, error) {
	found := Rejections{States: map[gateway.State]int{}}
	err := eachRow(ctx, s.engine.reader(), func(row scanner) (struct{}, error) {
		var state gateway.State
		var n int
		var last time.Time
		err := row.Scan(&state, &n, when{&last})
		found.States[state] += n
		if last.After(found.Last) {
			found.Last = last
		}
		return struct{}{}, err
	}, func(struct{}) error { return nil }, `SELECT state, count(*), max(sent) FROM recipient
		WHERE courier IN (SELECT id FROM courier WHERE consultation = $1 AND type = $2) AND cancelled = 0 AND withdrawn = 0 GROUP BY state`, consultation.String(), string(kind))
	return found, fault("count rejections", err)
}
