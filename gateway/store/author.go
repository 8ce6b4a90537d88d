package store

import (
	"context"
	"sync"

	"vaguemestre/gateway"
)

// authorsKept is how many consultations are kept in memory at most, for all agents together.
const authorsKept = 4096

// authors keeps agents with what they are entitled to, under the version of the people table at which they were read.
type authors struct {
	mu   sync.Mutex
	kept map[gateway.ID]author
	size int
}

type author struct {
	version  int64
	agent    gateway.Agent
	entitled []gateway.Consultation
}

// Author gives an agent with the consultations that they may write about, by reference, as all of it is at one instant
// of the call. Only when something about agents, consultations or entitlements changed since it was last asked is it read
// again. The caller does not change what it gets.
func (s *Store) Author(ctx context.Context, id gateway.ID) (gateway.Agent, []gateway.Consultation, error) {
	version, err := peopleVersion(ctx, s.engine.reader())
	if err != nil {
		return gateway.Agent{}, nil, fault("read an author", err)
	}
	if a, ok := s.authors.get(id, version); ok {
		return a.agent, a.entitled, nil
	}
	var a author
	err = s.engine.snapshot(ctx, func(r runner) (err error) {
		if a.version, err = peopleVersion(ctx, r); err != nil {
			return err
		}
		if a.agent, err = one(ctx, r, scanAgent, agentByID, id.String()); err != nil {
			return err
		}
		a.entitled, err = list(ctx, r, scanConsultation, entitledConsultations, id.String())
		return err
	})
	if err != nil {
		return gateway.Agent{}, nil, fault("read an author", err)
	}
	s.authors.put(id, a)
	return a.agent, a.entitled, nil
}

func peopleVersion(ctx context.Context, r runner) (version int64, err error) {
	err = value(ctx, r, []any{&version}, "SELECT version FROM people")
	return version, err
}

func (k *authors) get(id gateway.ID, version int64) (author, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	a, ok := k.kept[id]
	return a, ok && a.version == version
}

func (k *authors) put(id gateway.ID, a author) {
	weight := len(a.entitled) + 1
	if weight > authorsKept {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.size -= k.weigh(id)
	if k.size+weight > authorsKept || k.kept == nil {
		k.kept, k.size = map[gateway.ID]author{}, 0
	}
	k.kept[id] = a
	k.size += weight
}

// weigh is what is kept for an agent now.
func (k *authors) weigh(id gateway.ID) int {
	if a, ok := k.kept[id]; ok {
		return len(a.entitled) + 1
	}
	return 0
}
