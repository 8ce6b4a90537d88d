package store

import (
	"context"
	"strings"
	"time"

	"vaguemestre/gateway"
)

const sessionColumns = `id, agent, way, browser, created, used, ends`

func scanSession(row scanner) (n gateway.Session, err error) {
	err = row.Scan(&n.ID, &n.Agent, &n.Way, &n.Browser, when{&n.Created}, when{&n.Used}, when{&n.Ends})
	return n, err
}

// AddSession stores a new session under the hash of its secret; it sets ID, Created and Used.
func (s *Store) AddSession(ctx context.Context, n gateway.Session, secret gateway.Hash) (gateway.Session, error) {
	n.Created = gateway.Micros(s.now())
	n.ID, n.Used, n.Ends = gateway.NewID(n.Created), n.Created, gateway.Micros(n.Ends)
	return n, s.write(ctx, "add a session", func(t *tx) error {
		return t.addSession(n, secret)
	})
}

func (t *tx) addSession(n gateway.Session, secret gateway.Hash) error {
	return t.must(gateway.ErrNotFound, `INSERT INTO session (`+sessionColumns+`, hash)
		SELECT $1, agent.id, $3, $4, $5, $6, $7, $8 FROM agent WHERE agent.id = $2 AND agent.disabled = 0`,
		n.ID.String(), n.Agent.String(), string(n.Way), n.Browser, micros(n.Created), micros(n.Used), micros(n.Ends), digest(secret))
}

// SessionOf gives the session with that secret which is not over: used since idle, and not past its end;
// gateway.ErrNotFound for every other.
func (s *Store) SessionOf(ctx context.Context, secret gateway.Hash, idle time.Duration) (gateway.Session, error) {
	now := s.now()
	return get(ctx, s, "read a session", scanSession, "SELECT "+sessionColumns+" FROM session WHERE hash = $1 AND ends > $2 AND used > $3",
		digest(secret), micros(now), micros(now.Add(-idle)))
}

// UsedSession remembers that a session was used now.
func (s *Store) UsedSession(ctx context.Context, id gateway.ID) error {
	return s.write(ctx, "use a session", func(t *tx) error {
		return t.must(gateway.ErrNotFound, "UPDATE session SET used = $1 WHERE id = $2", micros(t.now()), id.String())
	})
}

// Sessions gives those of an agent that are not over, newest first.
func (s *Store) Sessions(ctx context.Context, agent gateway.ID, idle time.Duration) ([]gateway.Session, error) {
	now := s.now()
	return all(ctx, s, "list sessions", scanSession, "SELECT "+sessionColumns+` FROM session
		WHERE agent = $1 AND ends > $2 AND used > $3 ORDER BY created DESC, id DESC`, agent.String(), micros(now), micros(now.Add(-idle)))
}

// EndSession ends a session of an agent for ever; gateway.ErrNotFound when there is none.
func (s *Store) EndSession(ctx context.Context, agent, id gateway.ID) error {
	return s.write(ctx, "end a session", func(t *tx) error {
		return t.must(gateway.ErrNotFound, "DELETE FROM session WHERE id = $1 AND agent = $2", id.String(), agent.String())
	})
}

// EndSessions ends every session of an agent but one, which may be zero.
func (s *Store) EndSessions(ctx context.Context, agent, but gateway.ID) error {
	return s.write(ctx, "end sessions", func(t *tx) error {
		_, err := t.exec("DELETE FROM session WHERE agent = $1 AND id <> $2", agent.String(), but.String())
		return err
	})
}

// SignInLink is a way in that was sent to a mailbox: it works once, before its end, in the browser that asked.
type SignInLink struct {
	Secret  gateway.Hash // of the link
	Browser gateway.Hash // of the cookie of the browser that asked
	Agent   gateway.ID   // zero: of nobody; it opens nothing, and costs the same
	Ends    time.Time
	Mail    *Spool // the message that bears it; the caller discards it afterwards
	To      string // the mailbox
}

// OfferSignIn stores a link and has the queue send its mail, in one transaction. For nobody it does the same,
// but for the job.
func (s *Store) OfferSignIn(ctx context.Context, l SignInLink) error {
	if err := l.Mail.settle(); err != nil {
		return fault("offer a link to sign in", err)
	}
	return s.write(ctx, "offer a link to sign in", func(t *tx) error {
		_, err := t.exec("INSERT INTO sign_in (hash, agent, browser, ends) VALUES ($1, $2, $3, $4)",
			digest(l.Secret), l.Agent.String(), digest(l.Browser), micros(l.Ends))
		if err != nil {
			return err
		}
		if err := t.keep(l.Mail, 0); err != nil {
			return err
		}
		if l.Agent.IsZero() {
			return nil
		}
		now := gateway.Micros(t.now())
		return t.addJobs([]gateway.Job{{
			ID: gateway.NewID(now), Kind: gateway.JobNotice, Created: now, Due: now,
			Notice: gateway.Notice{Kind: gateway.NoticeRaw, To: l.To, Content: l.Mail.Hash()},
		}})
	})
}

// OpenSignIn tells whose link it is while it works in that browser; gateway.ErrNotFound for every other.
func (s *Store) OpenSignIn(ctx context.Context, link, browser gateway.Hash) (agent gateway.ID, err error) {
	err = value(ctx, s.engine.reader(), []any{&agent}, "SELECT agent FROM sign_in WHERE hash = $1 AND browser = $2 AND ends > $3 AND agent <> ''",
		digest(link), digest(browser), micros(s.now()))
	return agent, fault("read a link to sign in", err)
}

// TakeSignIn uses a link up and opens the session of its agent, in one transaction; gateway.ErrNotFound when
// the link was used, is over, is another browser's, or the account is closed.
func (s *Store) TakeSignIn(ctx context.Context, link, browser gateway.Hash, n gateway.Session, secret gateway.Hash) (gateway.Session, error) {
	n.Created = gateway.Micros(s.now())
	n.ID, n.Used, n.Ends = gateway.NewID(n.Created), n.Created, gateway.Micros(n.Ends)
	err := s.write(ctx, "take a link to sign in", func(t *tx) error {
		err := t.value([]any{&n.Agent}, "DELETE FROM sign_in WHERE hash = $1 AND browser = $2 AND ends > $3 AND agent <> '' RETURNING agent",
			digest(link), digest(browser), micros(t.now()))
		if err != nil {
			return err
		}
		return t.addSession(n, secret)
	})
	return n, err
}

// SweepSignIns removes sessions and links that are over, and gives their number.
func (s *Store) SweepSignIns(ctx context.Context) (swept int64, err error) {
	err = s.write(ctx, "sweep sessions", func(t *tx) error {
		sessions, err := t.exec("DELETE FROM session WHERE ends <= $1", micros(t.now()))
		if err != nil {
			return err
		}
		links, err := t.exec("DELETE FROM sign_in WHERE ends <= $1", micros(t.now()))
		swept = sessions + links
		return err
	})
	return swept, err
}

// AgentsAt gives the agents who are not closed and write from this address, by login.
func (s *Store) AgentsAt(ctx context.Context, address string) ([]gateway.Agent, error) {
	quoted := text([]string{strings.ToLower(address)})
	like := "%" + escapeLike.Replace(quoted[1:len(quoted)-1]) + "%"
	return all(ctx, s, "look for agents by address", scanAgent,
		"SELECT "+agentColumns+" FROM agent WHERE disabled = 0 AND addresses LIKE $1 ESCAPE '!' ORDER BY login", like)
}
