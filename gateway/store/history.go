package store

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"vaguemestre/gateway"
)

// Mishap is a letter that could not be delivered to an address.
type Mishap struct {
	Address string // in lower case
	At      time.Time
}

// Mishaps gives the last lasting failure of each of these addresses, whichever consultation it was about; an
// address that took a letter since, or never failed, has none.
func (s *Store) Mishaps(ctx context.Context, addresses ...string) ([]Mishap, error) {
	var found []Mishap
	for page := range slices.Chunk(addresses, 500) {
		q := newFilter("SELECT folded, max(failed) FROM recipient WHERE failed > 0")
		q.and("state =", int64(gateway.StateFailed))
		q.in("folded", len(page), func(i int) any { return foldAddress(page[i]) })
		q.raw(` AND NOT EXISTS (SELECT 1 FROM recipient AS later WHERE later.folded = recipient.folded AND later.delivered > 0
			AND later.delivered > recipient.failed) GROUP BY folded ORDER BY folded`)
		some, err := all(ctx, s, "look for failures of addresses", func(row scanner) (m Mishap, err error) {
			err = row.Scan(&m.Address, when{&m.At})
			return m, err
		}, q.text.String(), q.args...)
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
	}
	return found, nil
}

// CompaniesAt gives the companies of the consultation that have one of these addresses, compared without case.
func (s *Store) CompaniesAt(ctx context.Context, consultation gateway.ID, addresses ...string) ([]gateway.Company, error) {
	const few = 8 // a row is compared with each: beyond, one reading of all of them is cheaper
	if len(addresses) == 0 {
		return nil, nil
	}
	q := newFilter("SELECT " + companyColumns + " FROM company WHERE true")
	q.id("consultation =", consultation)
	if len(addresses) <= few {
		q.raw(" AND (false")
		for _, a := range addresses {
			quoted, _ := json.Marshal(foldAddress(a)) // text: it cannot fail
			q.raw(" OR " + s.engine.dialect().place + "(lower(addresses), " + q.arg(string(quoted)) + ") > 0")
		}
		q.raw(")")
	}
	q.raw(" ORDER BY name, ref")
	wanted := make(map[string]bool, len(addresses))
	for _, a := range addresses {
		wanted[foldAddress(a)] = true
	}
	found, err := all(ctx, s, "look for companies by address", scanCompany, q.text.String(), q.args...)
	return slices.DeleteFunc(found, func(c gateway.Company) bool {
		return !slices.ContainsFunc(c.Addresses, func(a string) bool { return wanted[foldAddress(a)] })
	}), err
}

// Silence is a courier that asks for an acknowledgement and that some recipient has not read.
type Silence struct {
	Courier, Author gateway.ID
	Sent            time.Time // to the first of those who have not read
}

// Silences gives the couriers sent in [since, until) that somebody has not read, nor answered, and that nothing
// named once(courier) tells of; oldest first, at most n.
func (s *Store) Silences(ctx context.Context, since, until time.Time, once string, n int) ([]Silence, error) {
	return all(ctx, s, "look for unread couriers", func(row scanner) (x Silence, err error) {
		err = row.Scan(&x.Courier, &x.Author, when{&x.Sent})
		return x, err
	}, `SELECT courier.id, courier.author, min(recipient.sent) AS first FROM recipient JOIN courier ON courier.id = recipient.courier
		WHERE recipient.sent > 0 AND recipient.read_at = 0 AND recipient.replied = 0 AND recipient.failed = 0
			AND recipient.sent >= $1 AND recipient.sent < $2 AND recipient.cancelled = 0 AND recipient.withdrawn = 0
			AND courier.options LIKE '%"acknowledged":true%'
			AND NOT EXISTS (SELECT 1 FROM event WHERE event.once = $3 || courier.id)
		GROUP BY courier.id, courier.author ORDER BY first, courier.id LIMIT $4`, micros(since), micros(until), once, n)
}

// News is how often something happened to one courier.
type News struct {
	Courier gateway.ID
	Kind    gateway.EventKind
	Count   int
}

// NewsOf counts what was recorded in [since, until) about the couriers of an author that were accepted after old:
// deliveries, readings, answers and failures of the letters themselves. In an order that never changes.
func (s *Store) NewsOf(ctx context.Context, author gateway.ID, since, until, old time.Time) ([]News, error) {
	kinds := []gateway.EventKind{gateway.Delivered, gateway.Read, gateway.Replied, gateway.Failed, gateway.Expired, gateway.WrongPerson}
	q := newFilter("SELECT courier.id, event.kind, count(*) FROM courier JOIN event ON event.courier = courier.id WHERE true")
	q.id("courier.author =", author)
	q.and("courier.accepted >", micros(old))
	q.and("event.recorded >=", micros(since))
	q.and("event.recorded <", micros(until))
	q.and("event.purpose =", string(gateway.ForLetter))
	q.in("event.kind", len(kinds), func(i int) any { return string(kinds[i]) })
	q.raw(" GROUP BY courier.id, event.kind ORDER BY courier.id, event.kind")
	return all(ctx, s, "count an agent's news", func(row scanner) (n News, err error) {
		err = row.Scan(&n.Courier, &n.Kind, &n.Count)
		return n, err
	}, q.text.String(), q.args...)
}
