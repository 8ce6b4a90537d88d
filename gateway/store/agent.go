package store

import (
	"context"
	"errors"
	"slices"
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
// is closed, or whose password changes, end. ErrLastAdministrator when no administrator would be left.
func (s *Store) PutAgent(ctx context.Context, a gateway.Agent) (gateway.Agent, error) {
	if a.ID.IsZero() {
		a.ID = gateway.NewID(s.now())
	}
	var stored gateway.Agent
	err := s.administered(ctx, "put an agent", func(t *tx) (err error) {
		// Who closes an account or changes its password means its sessions too.
		if _, err := t.exec(`DELETE FROM session WHERE agent IN (SELECT id FROM agent WHERE login = $1 AND (password <> $2 OR 1 = $3))`,
			strings.ToLower(a.Login), a.Password, bit(a.Disabled)); err != nil {
			return err
		}
		stored, err = one(t.ctx, t.run, scanAgent, insertAgent+`
			ON CONFLICT (login) DO UPDATE SET name = excluded.name, addresses = excluded.addresses, password = excluded.password,
				disabled = excluded.disabled, administrator = excluded.administrator, version = agent.version + 1
			RETURNING `+agentColumns, agentArgs(a)...)
		return err
	})
	return stored, err
}

const insertAgent = "INSERT INTO agent (" + agentColumns + ") VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $8)"

func agentArgs(a gateway.Agent) []any {
	return []any{a.ID.String(), strings.ToLower(a.Login), a.Name, text(lowered(a.Addresses)), a.Password, bit(a.Disabled), text(a.Notices), bit(a.Administrator)}
}

// AgentPut is an agent as a platform puts it: their password and notices are never its business.
type AgentPut struct {
	Login     string
	Name      string
	Addresses []string
	Password  string // as stored, of one who is new
	Disabled  *bool  // nil: stays; one who is new is not
	// Administrator: nil: stays; one who is new is not.
	Administrator *bool
	Entitled      []gateway.ID
	Listed        bool // Entitled is said, and whole; otherwise entitlements stay
}

// PutAgents stores agents by their logins, all or none of them. Who is put again unchanged is not
// written: sessions and remembered verifications last. gateway.ErrNotFound when a consultation is none;
// ErrLastAdministrator when no administrator would be left.
func (s *Store) PutAgents(ctx context.Context, agents []AgentPut) error {
	agents = slices.Clone(agents)
	for i := range agents {
		agents[i].Login = strings.ToLower(agents[i].Login)
	}
	slices.SortFunc(agents, func(a, b AgentPut) int { return strings.Compare(a.Login, b.Login) }) // two puts wait for one another, never each for the other
	return s.administered(ctx, "put agents", func(t *tx) error { return t.putAgents(agents) })
}

const putAgent = `INSERT INTO agent (` + agentColumns + `) VALUES ($1, $2, $3, $4, $5, $6, 1, $7, $9)
	ON CONFLICT (login) DO UPDATE SET name = excluded.name, addresses = excluded.addresses, version = agent.version + 1,
		disabled = CASE WHEN $8 = 1 THEN agent.disabled ELSE excluded.disabled END,
		administrator = CASE WHEN $10 = 1 THEN agent.administrator ELSE excluded.administrator END
	WHERE agent.name <> excluded.name OR agent.addresses <> excluded.addresses OR $8 = 0 AND agent.disabled <> excluded.disabled
		OR $10 = 0 AND agent.administrator <> excluded.administrator`

func (t *tx) putAgents(agents []AgentPut) error {
	var rows, closed, before, entitled [][]any
	for _, a := range agents {
		disabled := a.Disabled != nil && *a.Disabled
		rows = append(rows, []any{gateway.NewID(t.now()).String(), a.Login, a.Name, text(lowered(a.Addresses)), a.Password, bit(disabled),
			text(gateway.Notices{}), bit(a.Disabled == nil), bit(a.Administrator != nil && *a.Administrator), bit(a.Administrator == nil)})
		if disabled {
			closed = append(closed, []any{a.Login})
		}
		if a.Listed {
			before = append(before, []any{a.Login})
		}
		for _, id := range a.Entitled {
			entitled = append(entitled, []any{a.Login, id.String()})
		}
	}
	if _, err := t.many(putAgent, rows); err != nil {
		return err
	}
	if _, err := t.many("DELETE FROM session WHERE agent IN (SELECT id FROM agent WHERE login = $1 AND disabled <> 0)", closed); err != nil {
		return err
	}
	if _, err := t.many("DELETE FROM entitlement WHERE agent = (SELECT id FROM agent WHERE login = $1)", before); err != nil {
		return err
	}
	return t.mustAll(gateway.ErrNotFound, `INSERT INTO entitlement (agent, consultation)
		SELECT agent.id, consultation.id FROM agent, consultation WHERE agent.login = $1 AND consultation.id = $2
		ON CONFLICT (agent, consultation) DO UPDATE SET agent = excluded.agent`, entitled)
}

func lowered(addresses []string) []string {
	all := make([]string, len(addresses))
	for i, address := range addresses {
		all[i] = strings.ToLower(address)
	}
	return all
}

// SetPassword stores an agent's password, hashed; empty: none of their own. It grows Version and ends their sessions.
func (s *Store) SetPassword(ctx context.Context, agent gateway.ID, hash string) error {
	return s.write(ctx, "set a password", func(t *tx) error {
		if err := t.endSessions(agent); err != nil {
			return err
		}
		return t.must(gateway.ErrNotFound, "UPDATE agent SET password = $1, version = version + 1 WHERE id = $2", hash, agent.String())
	})
}

// SetDisabled closes an account, and ends its sessions, or opens it. It grows Version. ErrLastAdministrator when no
// administrator would be left.
func (s *Store) SetDisabled(ctx context.Context, agent gateway.ID, disabled bool) error {
	return s.administered(ctx, "close or open an account", func(t *tx) error {
		if err := t.endSessions(agent); err != nil {
			return err
		}
		return t.must(gateway.ErrNotFound, "UPDATE agent SET disabled = $1, version = version + 1 WHERE id = $2", bit(disabled), agent.String())
	})
}

func (t *tx) endSessions(agent gateway.ID) error {
	_, err := t.exec("DELETE FROM session WHERE agent = $1", agent.String())
	return err
}

// SetNotices stores what an agent chose to be told; PutAgent leaves it as it is.
func (s *Store) SetNotices(ctx context.Context, agent gateway.ID, n gateway.Notices) error {
	return s.write(ctx, "set an agent's notices", func(t *tx) error {
		return t.must(gateway.ErrNotFound, "UPDATE agent SET notices = $1 WHERE id = $2", text(n), agent.String())
	})
}

const agentByID = "SELECT " + agentColumns + " FROM agent WHERE id = $1"

// Agent gives one by its ID.
func (s *Store) Agent(ctx context.Context, id gateway.ID) (gateway.Agent, error) {
	return get(ctx, s, "read an agent", scanAgent, agentByID, id.String())
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

// EntitleOnly makes these the agents who may write about a consultation, and no others. guard, when it
// is not nil, sees those who may, by login, with nobody else changing them by EntitleOnly; its error ends it all.
// gateway.ErrNotFound when one of them is none.
func (s *Store) EntitleOnly(ctx context.Context, consultation gateway.ID, agents []gateway.ID, guard func([]gateway.Agent) error) error {
	return s.write(ctx, "entitle agents", func(t *tx) error {
		if err := t.holdConsultation(consultation); err != nil {
			return err
		}
		now, err := list(t.ctx, t.run, scanAgent, entitledAgents, consultation.String())
		if err == nil && guard != nil {
			err = guard(now)
		}
		if err != nil {
			return err
		}
		if _, err := t.exec("DELETE FROM entitlement WHERE consultation = $1", consultation.String()); err != nil {
			return err
		}
		rows := make([][]any, len(agents))
		for i, id := range agents {
			rows[i] = []any{consultation.String(), id.String()}
		}
		return t.mustAll(gateway.ErrNotFound, `INSERT INTO entitlement (agent, consultation)
			SELECT agent.id, consultation.id FROM agent, consultation WHERE consultation.id = $1 AND agent.id = $2
			ON CONFLICT (agent, consultation) DO UPDATE SET agent = excluded.agent`, rows)
	})
}

const entitledAgents = "SELECT " + agentColumns + ` FROM agent
	WHERE id IN (SELECT agent FROM entitlement WHERE consultation = $1) ORDER BY login`

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

const entitledConsultations = "SELECT " + consultationColumns + ` FROM consultation
	WHERE id IN (SELECT consultation FROM entitlement WHERE agent = $1) ORDER BY reference`

// EntitledConsultations gives those an agent may write about, by reference.
func (s *Store) EntitledConsultations(ctx context.Context, agent gateway.ID) ([]gateway.Consultation, error) {
	return all(ctx, s, "list entitlements", scanConsultation, entitledConsultations, agent.String())
}

// EntitledAgents gives those who may write about a consultation, by login.
func (s *Store) EntitledAgents(ctx context.Context, consultation gateway.ID) ([]gateway.Agent, error) {
	return all(ctx, s, "list entitlements", scanAgent, entitledAgents, consultation.String())
}

// Entitlements gives the references that each agent may write about, of all agents who may about some.
func (s *Store) Entitlements(ctx context.Context) (map[gateway.ID][]string, error) {
	type pair struct {
		agent     gateway.ID
		reference string
	}
	pairs, err := all(ctx, s, "list entitlements", func(row scanner) (p pair, err error) {
		err = row.Scan(&p.agent, &p.reference)
		return p, err
	},
		"SELECT entitlement.agent, consultation.reference FROM entitlement JOIN consultation ON consultation.id = entitlement.consultation ORDER BY reference")
	may := map[gateway.ID][]string{}
	for _, p := range pairs {
		may[p.agent] = append(may[p.agent], p.reference)
	}
	return may, err
}
