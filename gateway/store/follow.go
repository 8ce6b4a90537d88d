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
	Search       string          // every word begins a word of its subject, text, author, recipients or answers; without case or accents
	Recipient    string          // likewise, of its recipients' addresses and names only
	Sort         FollowSort
	Ascending    bool   // from A to Z, from the oldest; else the other way round
	After        string // Next of the page before; empty, or not understood: the first page
	Limit        int    // 0: DefaultPage
}

// FollowPage is a page of a list.
type FollowPage struct {
	Couriers []gateway.Courier
	Next     string // what the next page comes after; empty: there is none
}

// words tells whether the filter searches words; signs alone are none.
func (f FollowFilter) words() bool { return len(wanted(f.Search))+len(wanted(f.Recipient)) > 0 }

// order is the order of a list by these columns.
func (f FollowFilter) order(columns ...string) string {
	if f.Ascending {
		return strings.Join(columns, ", ")
	}
	return strings.Join(columns, " DESC, ") + " DESC"
}

// beyond is how what comes later in the list compares.
func (f FollowFilter) beyond() string {
	if f.Ascending {
		return ">"
	}
	return "<"
}

// within bounds a query by date.
func (f FollowFilter) within(q *filter, accepted string) {
	if !f.Since.IsZero() {
		q.and(accepted+" >=", micros(f.Since))
	}
	if !f.Until.IsZero() {
		q.and(accepted+" <", micros(f.Until))
	}
}

// span bounds a query by date and by the page before, of a list by date.
func (f FollowFilter) span(q *filter, accepted, id string) {
	f.within(q, accepted)
	if after := f.after(); !after.courier.IsZero() {
		last := q.arg(after.courier.String())
		q.raw(" AND (" + accepted + ", " + id + ") " + f.beyond() + " ((SELECT accepted FROM courier WHERE id = " + last + "), " + last + ")")
	}
}

// Follow gives a page of the couriers that the filter chooses. Whichever filter or order drives, an index gives its
// couriers in the order of the list, so that a page costs about what it shows.
func (s *Store) Follow(ctx context.Context, f FollowFilter) (page FollowPage, err error) {
	if f.Limit <= 0 {
		f.Limit = DefaultPage
	}
	full := f.Limit
	f.Limit++ // one more tells that there are more
	q, err := s.followQuery(ctx, f)
	if err != nil {
		return page, fault("follow couriers", err)
	}
	var last cursor
	err = eachRow(ctx, s.engine.reader(), func(row scanner) (c gateway.Courier, err error) {
		var state gateway.State
		if err = row.Scan(append(courierDest(&c), &state)...); err == nil && len(page.Couriers) < full {
			last = cursor{c.ID, state}
		}
		return c, err
	}, func(c gateway.Courier) error {
		page.Couriers = append(page.Couriers, c)
		return nil
	}, q.text.String(), q.args...)
	if len(page.Couriers) > full {
		page.Couriers, page.Next = page.Couriers[:full], last.text(f)
	}
	return page, fault("follow couriers", err)
}

func (s *Store) followQuery(ctx context.Context, f FollowFilter) (*filter, error) {
	var place []string
	state := "0"
	if f.Sort != ByDate {
		place = []string{"found." + f.Sort.column()}
	}
	if f.Sort == ByState {
		state = place[0]
	}
	q := newFilter("SELECT " + qualified("courier", courierColumns) + ", " + state + " FROM (")
	if err := s.chosen(ctx, q, f); err != nil {
		return nil, err
	}
	q.raw(") AS found JOIN courier ON courier.id = found.courier ORDER BY " + f.order(append(place, "found.accepted", "found.courier")...))
	return q, nil
}

// chosen is the query of the couriers of the page.
func (s *Store) chosen(ctx context.Context, q *filter, f FollowFilter) error {
	d, r := s.engine.dialect(), s.engine.reader()
	switch {
	case f.Sort != ByDate:
		return f.sorted(ctx, d, r, q)
	case f.words():
		return d.find(ctx, r, q, f)
	case len(f.States) > 0:
		f.byState(q)
	default:
		q.raw("SELECT id AS courier, accepted FROM courier WHERE true")
		q.id("consultation =", f.Consultation)
		f.ofType(q, "type")
		f.span(q, "accepted", "id")
		q.page(f.order("accepted", "id"), f.Limit)
	}
	return nil
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
