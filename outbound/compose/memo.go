package compose

import (
	"sync"

	"vaguemestre/gateway/message"
)

// What a memo keeps at most: so many words, none longer than so many octets.
const (
	memoWords  = 256
	memoLength = 16 << 10
)

// memo keeps the words that a view gave: the same view gives the same ones.
type memo struct {
	mu   sync.Mutex
	made map[view]message.Words
}

// get gives the words of a view, which are made unless they are kept.
func (m *memo) get(v view, produce func() (message.Words, error)) (message.Words, error) {
	m.mu.Lock()
	words, found := m.made[v]
	m.mu.Unlock()
	if found {
		return words, nil
	}
	words, err := produce()
	if err != nil || len(words.Text)+len(words.HTML) > memoLength {
		return words, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.made) >= memoWords {
		clear(m.made) // what is still used is made again
	}
	m.made[v] = words
	return words, nil
}
