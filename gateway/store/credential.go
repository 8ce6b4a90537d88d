package store

import (
	"context"

	"vaguemestre/gateway"
)

const appPasswordColumns = `id, agent, label, hash, created, used, revoked`

func scanAppPassword(row scanner) (p gateway.AppPassword, err error) {
	err = row.Scan(&p.ID, &p.Agent, &p.Label, &p.Hash, when{&p.Created}, when{&p.Used}, when{&p.Revoked})
	return p, err
}

// AddAppPassword stores a new one; it sets ID and Created when they are zero.
func (s *Store) AddAppPassword(ctx context.Context, p gateway.AppPassword) (gateway.AppPassword, error) {
	if p.Created.IsZero() {
		p.Created = gateway.Micros(s.now())
	}
	if p.ID.IsZero() {
		p.ID = gateway.NewID(p.Created)
	}
	return p, s.write(ctx, "add an application password", func(t *tx) error {
		if err := t.outdate(p.Agent.String()); err != nil {
			return err
		}
		_, err := t.exec("INSERT INTO app_password ("+appPasswordColumns+") VALUES ($1, $2, $3, $4, $5, $6, $7)",
			p.ID.String(), p.Agent.String(), p.Label, p.Hash, micros(p.Created), micros(p.Used), micros(p.Revoked))
		return err
	})
}

// outdate grows an agent's version, so that remembered verifications die.
func (t *tx) outdate(agent string) error {
	return t.must(gateway.ErrNotFound, "UPDATE agent SET version = version + 1 WHERE id = $1", agent)
}

// AppPasswords gives those of an agent, revoked ones too, oldest first.
func (s *Store) AppPasswords(ctx context.Context, agent gateway.ID) ([]gateway.AppPassword, error) {
	return all(ctx, s, "list application passwords", scanAppPassword,
		"SELECT "+appPasswordColumns+" FROM app_password WHERE agent = $1 ORDER BY created, id", agent.String())
}

// UsedAppPassword remembers that one was used now.
func (s *Store) UsedAppPassword(ctx context.Context, id gateway.ID) error {
	return s.write(ctx, "use an application password", func(t *tx) error {
		return t.must(gateway.ErrNotFound, "UPDATE app_password SET used = $1 WHERE id = $2", micros(t.now()), id.String())
	})
}

// RevokeAppPassword ends one for ever; the agent's version grows with it.
// gateway.ErrNotFound when there is none in force.
func (s *Store) RevokeAppPassword(ctx context.Context, id gateway.ID) error {
	return s.write(ctx, "revoke an application password", func(t *tx) error {
		var agent string
		err := t.value([]any{&agent}, "UPDATE app_password SET revoked = $1 WHERE id = $2 AND revoked = 0 RETURNING agent", micros(t.now()), id.String())
		if err != nil {
			return err
		}
		return t.outdate(agent)
	})
}

const apiKeyColumns = `id, label, hash, scopes, created, used, revoked`

func scanAPIKey(row scanner) (k gateway.APIKey, err error) {
	err = row.Scan(&k.ID, &k.Label, &k.Hash, object{&k.Scopes}, when{&k.Created}, when{&k.Used}, when{&k.Revoked})
	return k, err
}

// AddAPIKey stores a new one; it sets ID and Created when they are zero.
func (s *Store) AddAPIKey(ctx context.Context, k gateway.APIKey) (gateway.APIKey, error) {
	if k.Created.IsZero() {
		k.Created = gateway.Micros(s.now())
	}
	if k.ID.IsZero() {
		k.ID = gateway.NewID(k.Created)
	}
	return k, s.write(ctx, "add an API key", func(t *tx) error {
		_, err := t.exec("INSERT INTO api_key ("+apiKeyColumns+") VALUES ($1, $2, $3, $4, $5, $6, $7)",
			k.ID.String(), k.Label, digest(k.Hash), text(k.Scopes), micros(k.Created), micros(k.Used), micros(k.Revoked))
		return err
	})
}

// APIKeyByHash gives the one with this hash, revoked or not.
func (s *Store) APIKeyByHash(ctx context.Context, h gateway.Hash) (gateway.APIKey, error) {
	return get(ctx, s, "read an API key", scanAPIKey, "SELECT "+apiKeyColumns+" FROM api_key WHERE hash = $1", digest(h))
}

// APIKeys gives all of them, revoked ones too, oldest first.
func (s *Store) APIKeys(ctx context.Context) ([]gateway.APIKey, error) {
	return all(ctx, s, "list API keys", scanAPIKey, "SELECT "+apiKeyColumns+" FROM api_key ORDER BY created, id")
}

// UsedAPIKey remembers that one was used now.
func (s *Store) UsedAPIKey(ctx context.Context, id gateway.ID) error {
	return s.write(ctx, "use an API key", func(t *tx) error {
		return t.must(gateway.ErrNotFound, "UPDATE api_key SET used = $1 WHERE id = $2", micros(t.now()), id.String())
	})
}

// RevokeAPIKey ends one for ever; gateway.ErrNotFound when there is none in force.
func (s *Store) RevokeAPIKey(ctx context.Context, id gateway.ID) error {
	return s.write(ctx, "revoke an API key", func(t *tx) error {
		return t.must(gateway.ErrNotFound, "UPDATE api_key SET revoked = $1 WHERE id = $2 AND revoked = 0", micros(t.now()), id.String())
	})
}
