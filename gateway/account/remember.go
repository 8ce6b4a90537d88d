package account

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"

	"vaguemestre/gateway"
)

// mac names a credential without holding it.
type mac [sha256.Size]byte

// macKey is made when the process starts and never leaves it: what is remembered is worth
// nothing elsewhere, even in a memory dump taken without it.
type macKey [sha256.Size]byte

func newMACKey() (k macKey) {
	_, _ = rand.Read(k[:]) // documented never to fail (Go 1.24)
	return k
}

// of names a password tried with a login, for the account's row as it is (zero for nobody's).
func (k macKey) of(login string, agent gateway.Agent, password []byte) mac {
	m := hmac.New(sha256.New, k[:])
	m.Write(agent.ID[:])
	var n [8]byte
	for _, v := range []uint64{uint64(agent.Version), uint64(len(login))} {
		binary.BigEndian.PutUint64(n[:], v)
		m.Write(n[:])
	}
	m.Write([]byte(login))
	m.Write(password)
	return mac(m.Sum(nil))
}

// memory remembers which credentials were verified, until when.
type memory struct {
	mu       sync.Mutex
	verified *table[mac, time.Time]
}

func newMemory(max int) *memory { return &memory{verified: newTable[mac, time.Time](max)} }

func (m *memory) knows(credential mac, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	until, ok := m.verified.get(credential)
	if ok && !now.Before(until) {
		m.verified.forget(credential)
		return false
	}
	return ok
}

func (m *memory) keep(credential mac, until time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.verified.put(credential, until)
}
