package store

import (
	"context"
	"errors"
	"strings"

	"vaguemestre/gateway"
)

const agentColumns = `id, login, name, addresses, password, disabled, version, notices, administrator`

func scanAgent(row scanner) (a gateway.Agent, err error) {
	err = row.Scan(&a.ID, &a.Login, &a.Name, object{&a.Addresses}, &a.Password, flag{&a.Disabled}, &a.Version, object{&a.Notices},
		flag{&a.Administrator})
	return a, err
}

// PutAgent inserts an agent, or updates the one with that Login, and gives it as it is
// stored. It sets ID and grows Version; login and addresses become lower case. Sessions of an account that
// is closed, or whose password changes, end.
func (s *Store) PutAgent(ctx context.Context, a gateway.Agent) (gateway.Agent, error) {
	if a.ID.IsZero() {
		a.ID = gateway.NewID(s.now())
	}
	addresses := make([]string, len(a.Addresses))
	for i, address := range a.Addresses {
		addresses[i] = strings.ToLower(address)
	}
	var stored gateway.Agent
	err := s.write(ctx, "put an agent", func(t *tx) (err error) {
		// Who closes an account or changes its password means its sessions too.
		if _, err := t.exec(`DELETE FROM session WHERE agent IN (SELECT id FROM agent WHERE login = $1 AND (password <> $2 OR 1 = $3))`,
			strings.ToLower(a.Login), a.Password, bit(a.Disabled)); err != nil {
			return err
		}
		stored, err = one(t.ctx, t.run, scanAgent, `INSERT INTO agent (`+agentColumns+`) VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8)
			ON CONFLICT (login) DO UPDATE SET name = excluded.name, addresses = excluded.addresses, password = excluded.password,
				disabled = excluded.disabled, administrator = excluded.administrator, version = agent.version + 1
			RETURNING `+agentColumns,
			a.ID.String(), strings.ToLower(a.Login), a.Name, text(addresses), a.Password, bit(a.Disabled), text(a.Notices), bit(a.Administrator))
		return err
	})
	return stored, err
}

// SetNotices stores what an agent chose to be told; PutAgent leaves it as it is.
func (s *Store) SetNotices(ctx context.Context, agent gateway.ID, n gateway.Notices) error {
	return s.write(ctx, "set an agent's notices", func(t *tx) error {
		return t.must(gateway.ErrNotFound, "UPDATE agent SET notices = $1 WHERE id = $2", text(n), agent.String())
	})
}

// Agent gives one by its ID.
func (s *Store) Agent(ctx context.Context, id gateway.ID) (gateway.Agent, error) {
	return get(ctx, s, "read an agent", scanAgent, "SELECT "+agentColumns+" FROM agent WHERE id = $1", id.String())
}

// AgentByLogin gives one by its login, compared without case.
func (s *Store) AgentByLogin(ctx context.Context, login string) (gateway.Agent, error) {
	return get(ctx, s, "read an agent", scanAgent, "SELECT "+agentColumns+" FROM agent WHERE login = $1", strings.ToLower(login))
}

// Agents gives all of them, by login.
func (s *Store) Agents(ctx context.Context) ([]gateway.Agent, error) {
	return all(ctx, s, "list agents", scanAgent, "SELECT "+agentColumns+" FROM agent ORDER BY login")
}

// Entitle lets an agent write about a consultation; repeating it changes nothing.
func (s *Store) Entitle(ctx context.Context, agent, consultation gateway.ID) error {
	return s.write(ctx, "entitle an agent", func(t *tx) error {
		n, err := t.exec(`INSERT INTO entitlement (agent, consultation)
			SELECT agent.id, consultation.id FROM agent, consultation WHERE agent.id = $1 AND consultation.id = $2
			ON CONFLICT (agent, consultation) DO UPDATE SET agent = excluded.agent`, agent.String(), consultation.String())
		if err == nil && n == 0 {
			return gateway.ErrNotFound
		}
		return err
	})
}

// Revoke undoes Entitle; repeating it changes nothing.
func (s *Store) Revoke(ctx context.Context, agent, consultation gateway.ID) error {
	return s.write(ctx, "revoke an entitlement", func(t *tx) error {
		_, err := t.exec("DELETE FROM entitlement WHERE agent = $1 AND consultation = $2", agent.String(), consultation.String())
		return err
	})
}

// Entitled tells whether an agent may write about a consultation.
func (s *Store) Entitled(ctx context.Context, agent, consultation gateway.ID) (bool, error) {
	var found int
	err := value(ctx, s.engine.reader(), []any{&found},
		"SELECT 1 FROM entitlement WHERE agent = $1 AND consultation = $2", agent.String(), consultation.String())
	if errors.Is(err, gateway.ErrNotFound) {
		return false, nil
	}
	return err == nil, fault("read an entitlement", err)
}

// EntitledConsultations gives those an agent may write about, by reference.
func (s *Store) EntitledConsultations(ctx context.Context, agent gateway.ID) ([]gateway.Consultation, error) {
	return all(ctx, s, "list entitlements", scanConsultation, "SELECT "+consultationColumns+` FROM consultation
		WHERE id IN (SELECT consultation FROM entitlement WHERE agent = $1) ORDER BY reference`, agent.String())
}

// EntitledAgents gives those who may write about a consultation, by login.
func (s *Store) EntitledAgents(ctx context.Context, consultation gateway.ID) ([]gateway.Agent, error) {
	return all(ctx, s, "list entitlements", scanAgent, "SELECT "+agentColumns+` FROM agent
		WHERE id IN (SELECT agent FROM entitlement WHERE consultation = $1) ORDER BY login`, consultation.String())
}
