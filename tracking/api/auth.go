package api

import (
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"vaguemestre/gateway"
)

// The scopes of keys.
const (
	ScopeConsultations = "consultations" // put, list and archive consultations and their companies
	ScopeAgents        = "agents"        // put and list agents and entitlements
	ScopeSend          = "send"          // send couriers in the name of agents
	ScopeRead          = "read"          // read agents' couriers and their proofs, in their name
	ScopeEvents        = "events"        // the feed of all events
)

// Scopes lists them all.
func Scopes() []string {
	return []string{ScopeConsultations, ScopeAgents, ScopeSend, ScopeRead, ScopeEvents}
}

const (
	keyPrefix = "vgm_"
	keyLength = len(keyPrefix) + 26
	// fieldAgent names the agent for whom a request acts.
	fieldAgent = "Vaguemestre-Agent"
)

// NewKey makes a key of 128 random bits: its text, to be shown once, and the hash to be stored.
func NewKey() (text string, hash gateway.Hash) {
	text = keyPrefix + strings.ToLower(rand.Text())
	return text, gateway.HashOf([]byte(text))
}

// admit checks the key, its scope, its rate and the agent, in that order.
func (a *API) admit(r *http.Request, rt route) (call, error) {
	if rt.scope == "" {
		return call{}, nil
	}
	key, err := a.key(r)
	if err != nil {
		return call{}, err
	}
	if !slices.Contains(key.Scopes, rt.scope) {
		return call{}, problems().scopeMissing.problem("%s", rt.scope)
	}
	if !a.rates.take(key.ID, a.o.Now()) {
		return call{}, problems().tooManyRequests.problem("")
	}
	c := call{key: key}
	if rt.agent {
		c.agent, err = a.acting(r)
	}
	return c, err
}

func (a *API) key(r *http.Request) (gateway.APIKey, error) {
	refused := problems().keyNeeded.problem("")
	scheme, text, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") || len(text) != keyLength || !strings.HasPrefix(text, keyPrefix) {
		return gateway.APIKey{}, refused
	}
	key, err := a.store.APIKeyByHash(r.Context(), gateway.HashOf([]byte(text)))
	if absent(err) || err == nil && !key.Revoked.IsZero() {
		return gateway.APIKey{}, refused
	}
	if err == nil && a.o.Now().Sub(key.Used) >= time.Minute {
		err = a.store.UsedAPIKey(r.Context(), key.ID)
	}
	return key, err
}

// acting is the agent that the request names. One who is not known and one whose account is closed answer alike.
func (a *API) acting(r *http.Request) (gateway.Agent, error) {
	agent, err := a.store.AgentByLogin(r.Context(), strings.ToLower(r.Header.Get(fieldAgent)))
	if absent(err) || err == nil && agent.Disabled {
		return gateway.Agent{}, problems().noSuchAgent.problem("name an agent in the field %s", fieldAgent)
	}
	return agent, err
}

// rates counts the requests of each key in the minute under way. Only keys in force are counted, which bounds it.
type rates struct {
	most   int
	mu     sync.Mutex
	minute time.Time
	counts map[gateway.ID]int
}

func newRates(most int) *rates { return &rates{most: most, counts: map[gateway.ID]int{}} }

func (l *rates) take(key gateway.ID, now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if m := now.Truncate(time.Minute); !m.Equal(l.minute) {
		l.minute = m
		clear(l.counts)
	}
	l.counts[key]++
	return l.counts[key] <= l.most
}
