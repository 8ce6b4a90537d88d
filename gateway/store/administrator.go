package store

import (
	"context"
	"errors"

	"vaguemestre/gateway"
)

// administered runs a transaction that changes agents. An installation may have no administrator, but whoever has
// one keeps one whose account is open. Two transactions that each take one away wait for one another on the row of
// people, which each changes, so that what is counted afterwards is what will be.
func (s *Store) administered(ctx context.Context, op string, fn func(*tx) error) error {
	return s.write(ctx, op, func(t *tx) error {
		before, err := t.administrators()
		if err != nil {
			return err
		}
		if err := fn(t); err != nil || before == 0 {
			return err
		}
		after, err := t.administrators()
		if err == nil && after == 0 {
			err = ErrLastAdministrator
		}
		return err
	})
}

func (t *tx) administrators() (n int, err error) {
	err = t.value([]any{&n}, "SELECT count(*) FROM (SELECT 1 FROM agent WHERE administrator = 1 AND disabled = 0 LIMIT 1) AS open")
	return n, err
}

// AddAgent inserts an agent whose login nobody has, and gives it as it is stored. ErrLoginTaken when somebody does.
func (s *Store) AddAgent(ctx context.Context, a gateway.Agent) (stored gateway.Agent, err error) {
	a.ID = gateway.NewID(s.now())
	err = s.write(ctx, "add an agent", func(t *tx) (err error) {
		stored, err = one(t.ctx, t.run, scanAgent, insertAgent+" ON CONFLICT (login) DO NOTHING RETURNING "+agentColumns, agentArgs(a)...)
		return notFound(err, ErrLoginTaken)
	})
	return stored, err
}

// ChangeAgent changes the name, the addresses and the administrator's part of an agent as a person saw them, and grows Version.
// ErrConflict when they changed since; ErrLastAdministrator when no administrator would be left; gateway.ErrNotFound.
func (s *Store) ChangeAgent(ctx context.Context, a gateway.Agent) error {
	return s.administered(ctx, "change an agent", func(t *tx) error {
		n, err := t.exec("UPDATE agent SET name = $1, addresses = $2, administrator = $3, version = version + 1 WHERE id = $4 AND version = $5",
			a.Name, text(lowered(a.Addresses)), bit(a.Administrator), a.ID.String(), a.Version)
		if err != nil || n == 1 {
			return err
		}
		if _, err := one(t.ctx, t.run, scanAgent, agentByID, a.ID.String()); errors.Is(err, gateway.ErrNotFound) {
			return err
		}
		return ErrConflict
	})
}
