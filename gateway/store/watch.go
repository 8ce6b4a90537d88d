package store

import "sync"

// Topic is something that others wait for.
type Topic string

// The topics of Watch.
const (
	TopicJobs    Topic = "jobs"    // a job is new, or due earlier
	TopicEvents  Topic = "events"  // an event was recorded
	TopicInbound Topic = "inbound" // a mail was received
	TopicLedger  Topic = "ledger"  // events have their places in the ledger
	TopicLists   Topic = "lists"   // an event was recorded, or lists of couriers know of more
)

// topics is a set of topics.
type topics uint8

const (
	onJobs topics = 1 << iota
	onEvents
	onInbound
	onLedger
	onLists

	everything = onJobs | onEvents | onInbound | onLedger | onLists
)

func (t Topic) bit() topics {
	switch t {
	case TopicJobs:
		return onJobs
	case TopicEvents:
		return onEvents
	case TopicInbound:
		return onInbound
	case TopicLedger:
		return onLedger
	case TopicLists:
		return onLists | onEvents
	}
	return 0
}

// watch wakes who waits for a topic.
type watch struct {
	mu      sync.Mutex
	waiting map[chan struct{}]topics
}

func newWatch() *watch { return &watch{waiting: map[chan struct{}]topics{}} }

func (w *watch) add(t topics) (<-chan struct{}, func()) {
	c := make(chan struct{}, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting[c] = t
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.waiting, c)
	}
}

// wake leaves one token for each that waits for one of the topics.
func (w *watch) wake(t topics) {
	if t == 0 {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for c, wanted := range w.waiting {
		if wanted&t == 0 {
			continue
		}
		select {
		case c <- struct{}{}:
		default: // it has not taken the last one yet
		}
	}
}

// Watch gives a channel that receives after commits that concern the topic: at once for
// this process's, within a second for others'. Wake-ups are coalesced, and may come without
// a cause; they may be lost when a node dies, so whoever waits also looks from time to time.
// cancel releases the channel, which is never closed.
func (s *Store) Watch(topic Topic) (woken <-chan struct{}, cancel func()) {
	return s.watch.add(topic.bit())
}
