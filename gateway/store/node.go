package store

import (
	"context"
	"time"
)

// Node is what a node says of itself, for the others to show.
type Node struct {
	Name  string    // unique among those that live
	Seen  time.Time // when it said so, by its own clock
	State string    // JSON, in a shape of its own
}

// nodeForgotten is after how long a node that says nothing is no more.
const nodeForgotten = 24 * time.Hour

// SeeNode stores what a node says of itself now, in the place of what it said before, and forgets those silent for a day.
func (s *Store) SeeNode(ctx context.Context, name, state string) error {
	return s.write(ctx, "see a node", func(t *tx) error {
		now := t.now()
		if _, err := t.exec("DELETE FROM node WHERE seen < $1 AND name <> $2", micros(now.Add(-nodeForgotten)), name); err != nil {
			return err
		}
		_, err := t.exec("INSERT INTO node (name, seen, state) VALUES ($1, $2, $3) ON CONFLICT (name) DO UPDATE SET seen = excluded.seen, state = excluded.state",
			name, micros(now), state)
		return err
	})
}

// DropNode forgets a node that stops; repeating it changes nothing.
func (s *Store) DropNode(ctx context.Context, name string) error {
	return s.write(ctx, "drop a node", func(t *tx) error {
		_, err := t.exec("DELETE FROM node WHERE name = $1", name)
		return err
	})
}

// Nodes gives all that are not forgotten, by name.
func (s *Store) Nodes(ctx context.Context) ([]Node, error) {
	return all(ctx, s, "list nodes", func(row scanner) (n Node, err error) {
		err = row.Scan(&n.Name, when{&n.Seen}, &n.State)
		return n, err
	}, "SELECT name, seen, state FROM node ORDER BY name")
}
