package store

import (
	"context"
	"strings"
	"time"

	"vaguemestre/gateway"
)

// FollowFilter chooses couriers of one consultation for the agents who follow them; a zero field chooses nothing out.
type FollowFilter struct {
	Consultation gateway.ID
	Type         gateway.TypeCode
	States       []gateway.State // some recipient is in one of them
	Since, Until time.Time       // accepted at or after; before
	Search       string          // every word begins a word of its subject, text, author or recipients; without case or accents
	Recipient    string          // likewise, of its recipients' addresses and names only
	Oldest       bool            // oldest first; else newest first
	After        gateway.ID      // the last of the page before; zero: the first page
	Limit        int             // 0: DefaultPage
}

// words tells whether the filter searches words; signs alone are none.
func (f FollowFilter) words() bool { return len(wanted(f.Search))+len(wanted(f.Recipient)) > 0 }

// order is the order of lists, and before compares with the courier that the page before ended with.
func (f FollowFilter) order(accepted, id string) string {
	if f.Oldest {
		return accepted + ", " + id
	}
	return accepted + " DESC, " + id + " DESC"
}

func (f FollowFilter) limit() int {
	if f.Limit <= 0 {
		return DefaultPage
	}
	return f.Limit
}

// span bounds a query by date and by the page before.
func (f FollowFilter) span(q *filter, accepted, id string) {
	if !f.Since.IsZero() {
		q.and(accepted+" >=", micros(f.Since))
	}
	if !f.Until.IsZero() {
		q.and(accepted+" <", micros(f.Until))
	}
	if f.After.IsZero() {
		return
	}
	than := "<"
	if f.Oldest {
		than = ">"
	}
	last := q.arg(f.After.String())
	q.raw(" AND (" + accepted + ", " + id + ") " + than + " ((SELECT accepted FROM courier WHERE id = " + last + "), " + last + ")")
}

// Follow gives a page of the couriers that the filter chooses. Whichever filter drives, an index gives its couriers in
// the order of the list, so that a page costs about what it shows.
func (s *Store) Follow(ctx context.Context, f FollowFilter) ([]gateway.Courier, error) {
	q, err := s.followQuery(ctx, f)
	if err != nil {
		return nil, fault("follow couriers", err)
	}
	return all(ctx, s, "follow couriers", scanCourier, q.text.String(), q.args...)
}

func (s *Store) followQuery(ctx context.Context, f FollowFilter) (*filter, error) {
	q := newFilter("SELECT " + qualified("courier", courierColumns) + " FROM (")
	switch {
	case f.words():
		if err := s.engine.dialect().find(ctx, s.engine.reader(), q, f); err != nil {
			return nil, err
		}
	case len(f.States) > 0:
		f.byState(q)
	default:
		q.raw("SELECT id AS courier, accepted FROM courier WHERE true")
		q.id("consultation =", f.Consultation)
		f.ofType(q, "type")
		f.span(q, "accepted", "id")
		q.page(f.order("accepted", "id"), f.Limit)
	}
	q.raw(") AS found JOIN courier ON courier.id = found.courier ORDER BY " + f.order("found.accepted", "found.courier"))
	return q, nil
}

func (f FollowFilter) ofType(q *filter, column string) {
	if f.Type != "" {
		q.and(column+" =", string(f.Type))
	}
}

// byState takes a page of each state from the index, and the first of them all.
func (f FollowFilter) byState(q *filter) {
	q.raw("SELECT courier, accepted FROM (")
	for i, state := range f.States {
		if i > 0 {
			q.raw(" UNION ")
		}
		q.raw("SELECT courier, accepted FROM (SELECT DISTINCT accepted, courier FROM recipient WHERE true")
		q.id("consultation =", f.Consultation)
		q.and("state =", int64(state))
		f.ofType(q, "type")
		f.span(q, "accepted", "courier")
		q.page(f.order("accepted", "courier"), f.Limit)
		q.raw(") AS one")
	}
	q.raw(") AS any_state")
	q.page(f.order("accepted", "courier"), f.Limit)
}

// besides keeps to couriers that some recipient's state chooses, among those that words were found in; the type is
// a word of theirs.
func (f FollowFilter) besides(q *filter, courier, accepted string) {
	if len(f.States) > 0 {
		q.raw(" AND EXISTS (SELECT 1 FROM recipient WHERE recipient.consultation = " + q.arg(f.Consultation.String()))
		q.states(f.States)
		q.raw(" AND recipient.accepted = " + accepted + " AND recipient.courier = " + courier + ")")
	}
}

func qualified(table, columns string) string {
	names := strings.Split(columns, ",")
	for i, name := range names {
		names[i] = table + "." + strings.TrimSpace(name)
	}
	return strings.Join(names, ", ")
}

// FirstRecipients gives up to n recipients of each courier, in the order in which they were added.
func (s *Store) FirstRecipients(ctx context.Context, n int, couriers ...gateway.ID) (map[gateway.ID][]gateway.Recipient, error) {
	found := make(map[gateway.ID][]gateway.Recipient, len(couriers))
	if len(couriers) == 0 {
		return found, nil
	}
	q := newFilter("SELECT " + recipientColumns + " FROM (SELECT " + recipientColumns +
		", added, row_number() OVER (PARTITION BY courier ORDER BY added, id) AS place FROM recipient WHERE true")
	q.among("courier", couriers)
	q.raw(") AS placed WHERE true")
	q.and("place <=", int64(n))
	q.raw(" ORDER BY courier, place")
	list, err := all(ctx, s, "list first recipients", scanRecipient, q.text.String(), q.args...)
	for _, r := range list {
		found[r.Courier] = append(found[r.Courier], r)
	}
	return found, err
}

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
