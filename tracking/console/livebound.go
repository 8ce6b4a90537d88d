package console

import (
	"sync"

	"vaguemestre/gateway"
)

// liveBound keeps live pages from taking all that there is: each holds a connection and reads the store whenever
// something happens. It is safe for concurrent use.
type liveBound struct {
	most, each int // in all, of one agent

	mu  sync.Mutex
	all int
	of  map[gateway.ID]int
}

// take makes room for one more page; whoever has it gives it back.
func (b *liveBound) take(agent gateway.ID) (giveBack func(), ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all >= b.most || b.of[agent] >= b.each {
		return nil, false
	}
	b.all++
	b.of[agent]++
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.all--
		if b.of[agent]--; b.of[agent] == 0 {
			delete(b.of, agent)
		}
	}, true
}
