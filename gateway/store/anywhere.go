package store

import (
	"context"
	"fmt"
	"strings"

	"vaguemestre/gateway"
)

const (
	// maxAnywhere is in how many couriers a person is looked for; beyond, what was searched says too little.
	maxAnywhere = 500
	// SQLite reads the index from its newest end; PostgreSQL takes some of what is found.
	foundAnywhereSQLite = `SELECT courier_order.courier FROM courier_words JOIN courier_order ON courier_order.place = courier_words.rowid
		WHERE courier_words MATCH $1 ORDER BY courier_words.rowid DESC LIMIT $2`
	foundAnywherePostgres = "SELECT courier FROM (SELECT courier, accepted FROM courier_words WHERE words @@ $1::text::tsquery LIMIT $2) AS found ORDER BY accepted DESC"
)

// RecipientsLike gives up to n recipients in whose address or company is all of a text, its words from their beginnings, whatever
// the accents, the case and the consultation; the newest first. Lists know of couriers a moment after acceptance (WriteWords).
func (s *Store) RecipientsLike(ctx context.Context, text string, n int) ([]gateway.Recipient, error) {
	const op = "find recipients"
	asked := wanted(text)
	if len(asked) == 0 {
		return nil, nil
	}
	beginnings := make([][]string, len(asked))
	for i, word := range asked {
		beginnings[i] = []string{anywhere + word}
	}
	d, r := s.engine.dialect(), s.engine.reader()
	match, err := d.terms.match(ctx, r, beginnings)
	if err != nil || match == "" {
		return nil, fault(op, err)
	}
	couriers, err := all(ctx, s, op, func(row scanner) (id gateway.ID, err error) {
		err = row.Scan(&id)
		return id, err
	}, d.foundAnywhere, match, int64(maxAnywhere))
	if err != nil || len(couriers) == 0 {
		return nil, err
	}
	q := newFilter("SELECT " + recipientColumns + " FROM recipient WHERE true")
	q.among("courier", couriers)
	for field := range strings.FieldsSeq(words(text)) { // one recipient bears it all, as it is written
		q.raw(fmt.Sprintf(" AND %s(search, %s) > 0", d.place, q.arg(field)))
	}
	q.page("accepted DESC, id", n)
	return all(ctx, s, op, scanRecipient, q.text.String(), q.args...)
}
