package store

import (
	"context"
	"fmt"
	"time"

	"vaguemestre/gateway"
)

const eventColumns = `id, kind, courier, recipient, occurred, recorded, generation, attempt, purpose, strength, actor,
	details, details_salt, details_hash, network, network_salt, network_hash, contents, once, position`

func scanEvent(row scanner) (e gateway.Event, err error) {
	var contents []byte
	var once *string
	err = row.Scan(&e.ID, &e.Kind, &e.Courier, &e.Recipient, when{&e.Occurred}, when{&e.Recorded}, &e.Generation, &e.Attempt, &e.Purpose,
		&e.Strength, &e.Actor, &e.Details, &e.DetailsSalt, &e.DetailsHash, &e.Network, &e.NetworkSalt, &e.NetworkHash, &contents, &once, &e.Position)
	for ; len(contents) >= len(gateway.Hash{}); contents = contents[len(gateway.Hash{}):] {
		e.Contents = append(e.Contents, gateway.Hash(contents[:len(gateway.Hash{})]))
	}
	if once != nil {
		e.Once = *once
	}
	return e, err
}

// record stores events, and counts the contents that they name.
func (t *tx) record(news []gateway.Event) error {
	if err := t.insertEvents(news); err != nil {
		return err
	}
	var contents []gateway.Hash
	for _, e := range news {
		contents = append(contents, e.Contents...)
	}
	return t.name(contents...)
}

// insertEvents stores events with the time of recording, and wakes who waits for events.
// gateway.ErrRecorded when one of them is known, by its ID or its Once.
func (t *tx) insertEvents(news []gateway.Event) error {
	if len(news) == 0 {
		return nil
	}
	rows := make([][]any, len(news))
	for i, e := range news {
		recorded, err := t.stamp()
		if err != nil {
			return err
		}
		e.Recorded, e.Position = at(recorded), -1
		rows[i] = eventArgs(e)
	}
	t.topics |= onEvents
	if err := t.mustAll(gateway.ErrRecorded, insertEvent, rows); err != nil {
		return fmt.Errorf("record events: %w", err)
	}
	return nil
}

const insertEvent = `INSERT INTO event (` + eventColumns + `)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20) ON CONFLICT DO NOTHING`

func eventArgs(e gateway.Event) []any {
	var once any
	if e.Once != "" {
		once = e.Once
	}
	var contents []byte
	for _, h := range e.Contents {
		contents = append(contents, h[:]...)
	}
	return []any{e.ID.String(), string(e.Kind), e.Courier.String(), e.Recipient.String(), micros(e.Occurred), micros(e.Recorded), int64(e.Generation),
		int64(e.Attempt), string(e.Purpose), string(e.Strength), e.Actor, octets(e.Details), octets(e.DetailsSalt), digest(e.DetailsHash),
		octets(e.Network), octets(e.NetworkSalt), digest(e.NetworkHash), octets(contents), once, e.Position}
}

// Event gives one by its ID.
func (s *Store) Event(ctx context.Context, id gateway.ID) (gateway.Event, error) {
	return get(ctx, s, "read an event", scanEvent, "SELECT "+eventColumns+" FROM event WHERE id = $1", id.String())
}

// Events gives the events of a courier in the order in which they were recorded: all of
// them, or those of one recipient when it is not zero.
func (s *Store) Events(ctx context.Context, courier, recipient gateway.ID) ([]gateway.Event, error) {
	q := newFilter("SELECT " + eventColumns + " FROM event WHERE true")
	q.and("courier =", courier.String())
	q.id("recipient =", recipient)
	q.raw(" ORDER BY recorded, id")
	return all(ctx, s, "list events", scanEvent, q.text.String(), q.args...)
}

// EventAt gives the event at a position of the ledger.
func (s *Store) EventAt(ctx context.Context, position int64) (gateway.Event, error) {
	return get(ctx, s, "read an event", scanEvent, "SELECT "+eventColumns+" FROM event WHERE position = $1 AND position >= 0", position)
}

// EventsFrom gives up to n events from a position of the ledger on, in its order: a feed
// that neither skips nor repeats.
func (s *Store) EventsFrom(ctx context.Context, position int64, n int) ([]gateway.Event, error) {
	return all(ctx, s, "list events", scanEvent,
		"SELECT "+eventColumns+" FROM event WHERE position >= $1 AND position >= 0 ORDER BY position LIMIT $2", position, n)
}

// EraseNetwork erases the network details (address, user agent) of events recorded before
// an instant, and gives their number. The ledger stays valid (promise 14).
func (s *Store) EraseNetwork(ctx context.Context, before time.Time) (erased int64, err error) {
	err = s.write(ctx, "erase network details", func(t *tx) (err error) {
		erased, err = t.exec("UPDATE event SET network = NULL, network_salt = NULL WHERE network IS NOT NULL AND recorded < $1", micros(before))
		return err
	})
	return erased, err
}

// EraseDetails erases the details and network details of one event; repeating it changes
// nothing. The ledger stays valid (promise 14).
func (s *Store) EraseDetails(ctx context.Context, event gateway.ID) error {
	return s.write(ctx, "erase details", func(t *tx) error {
		return t.must(gateway.ErrNotFound, `UPDATE event SET details = NULL, details_salt = NULL, network = NULL, network_salt = NULL
			WHERE id = $1`, event.String())
	})
}
