package store

import (
	"context"
	"testing"

	"vaguemestre/gateway"
)

// CheckAppendOnly tries to change an event behind the store's back.
func CheckAppendOnly(t *testing.T, s *Store) {
	ctx := context.Background()
	e := gateway.NewEvent(gateway.Sent, s.now(), map[string]string{"a": "b"}, map[string]string{"c": "d"})
	if err := s.Apply(ctx, gateway.Step{Events: []gateway.Event{e}}); err != nil {
		t.Fatal(err)
	}
	before, err := s.Event(ctx, e.ID)
	if err != nil {
		t.Fatal(err)
	}
	change := func(query string) error {
		return s.engine.write(ctx, func(t *tx) error {
			_, err := t.exec(query)
			return err
		})
	}
	if err := change("UPDATE event SET position = 0 WHERE position < 0"); err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{
		"UPDATE event SET recorded = 1", "UPDATE event SET kind = 'read'", "UPDATE event SET position = 7", "UPDATE event SET position = -1",
		"UPDATE event SET details = network", "UPDATE event SET network_salt = details_salt", "UPDATE event SET details_hash = NULL", "DELETE FROM event",
	} {
		if err := change(query); err == nil {
			t.Errorf("%s: done", query)
		}
	}
	before.Position = 0
	after, err := s.Event(ctx, e.ID)
	if err != nil || string(after.Leaf()) != string(before.Leaf()) || string(after.Details) != string(before.Details) {
		t.Errorf("%+v, %v", after, err)
	}
}

// RecordSlowly records an event in a transaction that stays open, its event stamped, from the word on stamped until
// the word on finish.
func RecordSlowly(ctx context.Context, s *Store, e gateway.Event, stamped chan<- struct{}, finish <-chan struct{}) error {
	return s.engine.write(ctx, func(t *tx) error {
		if err := t.record([]gateway.Event{e}); err != nil {
			return err
		}
		close(stamped)
		<-finish
		return nil
	})
}

// AuthorsKept is the bound of the agents kept in memory.
const AuthorsKept = authorsKept

// KeepAuthor keeps an agent with so many consultations.
func (s *Store) KeepAuthor(a gateway.Agent, consultations int) {
	s.authors.put(a.ID, author{agent: a, entitled: make([]gateway.Consultation, consultations)})
}

// AuthorsInMemory counts the agents kept.
func (s *Store) AuthorsInMemory() int { return len(s.authors.kept) }
