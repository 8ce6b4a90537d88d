package store

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"vaguemestre/gateway"
)

// FollowSort is what a list of couriers is in order of; those that are equal in it are by date.
type FollowSort int

// The orders of lists.
const (
	ByDate      FollowSort = iota // of acceptance
	ByRecipient                   // the first one's name
	BySubject
	ByType  // its label
	ByState // of the recipient that the courier got least far with
)

// column is what courier_order calls it.
func (o FollowSort) column() string {
	switch o {
	case ByRecipient:
		return "recipient"
	case BySubject:
		return "subject"
	case ByType:
		return "label"
	case ByState:
		return "state"
	}
	return "accepted"
}

// cursor is the last courier of a page. Its state is the one that it was listed under: it may be another by the time of
// the next page, which goes on from where this one ended all the same.
type cursor struct {
	courier gateway.ID
	state   gateway.State
}

func (c cursor) text(f FollowFilter) string {
	if f.Sort == ByState {
		return c.courier.String() + "." + strconv.Itoa(int(c.state))
	}
	return c.courier.String()
}

// after reads the cursor. One that cannot be read is of the first page.
func (f FollowFilter) after() (c cursor) {
	id, state, _ := strings.Cut(f.After, ".")
	n, _ := strconv.Atoi(state)
	c.courier, _ = gateway.ParseID(id)
	c.state = gateway.State(n)
	return c
}

// sorted lists by what the courier was told to be in order of. The index of that order gives the page, unless words
// leave few couriers: these are then put in order.
func (f FollowFilter) sorted(ctx context.Context, d *dialect, r runner, q *filter) error {
	by := f.Sort.column()
	var words among
	if f.words() {
		var err error
		if words, err = d.among(ctx, r, q, f); err != nil {
			return err
		}
	}
	q.raw("SELECT courier, place AS accepted, " + by + " FROM courier_order" + words.table + " WHERE true" + words.where)
	q.id("consultation =", f.Consultation)
	f.ofType(q, "type")
	if len(f.States) > 0 {
		q.raw(" AND states & " + q.arg(stateSet(f.States)) + " <> 0")
	}
	f.within(q, "place")
	if after := f.after(); !after.courier.IsZero() {
		last := q.arg(after.courier.String())
		was := "(SELECT " + by + " FROM courier_order WHERE courier = " + last + ")"
		if f.Sort == ByState {
			was = q.arg(int64(after.state))
		}
		q.raw(fmt.Sprintf(" AND (%s, place, courier) %s (%s, (SELECT place FROM courier_order WHERE courier = %s), %s)", by, f.beyond(), was, last, last))
	}
	q.page(f.order(by, "place", "courier"), f.Limit)
	return nil
}

// among keeps the couriers of courier_order to those that words are found in.
type among struct {
	table string // said of the table
	where string // further conditions; empty, or begins with AND
}

// stateSet is a set of states as courier_order has it.
func stateSet(states []gateway.State) (set int64) {
	for _, s := range states {
		set |= 1 << s
	}
	return set
}

// maxOrdered is how much of a text its place in a list depends on, in octets.
const maxOrdered = 120

// ordered is the place of a text in lists: its folded words, numbers as long as one another, so that lot 2 comes before lot 10.
func ordered(text string) string {
	const digits = "0123456789"
	list := split(text)
	for i, word := range list {
		if number := word[:len(word)-len(strings.TrimLeft(word, digits))]; number != "" && len(number) < 9 {
			list[i] = strings.Repeat("0", 9-len(number)) + word
		}
	}
	whole := strings.Join(list, " ")
	return strings.ToValidUTF8(whole[:min(len(whole), maxOrdered)], "")
}

const putOrder = `INSERT INTO courier_order (courier, place, consultation, type, subject, label, recipient, state, states)
	VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0) ON CONFLICT DO NOTHING`

// orderArgs are a courier's places in lists; its states are written by restate.
func (w CourierWords) orderArgs() []any {
	c, first := w.Courier, ""
	if len(w.Recipients) > 0 {
		first = w.Recipients[0].Name()
	}
	return []any{c.ID.String(), micros(c.Accepted), c.Consultation.String(), string(c.Type), ordered(c.Subject), ordered(c.TypeLabel), ordered(first)}
}

// restateAll writes the states of the couriers whose words were written, and of those that moved.
func (t *tx) restateAll(rows []CourierWords, moved []gateway.ID) error {
	all := slices.Clone(moved)
	for _, w := range rows {
		all = append(all, w.Courier.ID)
	}
	for page := range slices.Chunk(all, 500) {
		if err := t.restate(page); err != nil {
			return err
		}
	}
	return nil
}

// restate writes the states that the recipients of couriers are in.
func (t *tx) restate(couriers []gateway.ID) error {
	type standing struct {
		courier string
		state   gateway.State
	}
	q := newFilter("SELECT DISTINCT courier, state FROM recipient WHERE true")
	q.among("courier", couriers)
	q.raw(" ORDER BY courier, state")
	found, err := list(t.ctx, t.run, func(row scanner) (s standing, err error) {
		err = row.Scan(&s.courier, &s.state)
		return s, err
	}, q.text.String(), q.args...)
	if err != nil {
		return err
	}
	var rows [][]any
	for i := 0; i < len(found); {
		least, states := found[i], []gateway.State{}
		for ; i < len(found) && found[i].courier == least.courier; i++ {
			states = append(states, found[i].state)
		}
		rows = append(rows, []any{int64(least.state), stateSet(states), least.courier})
	}
	_, err = t.many("UPDATE courier_order SET state = $1, states = $2 WHERE courier = $3 AND (state <> $1 OR states <> $2)", rows)
	return err
}
