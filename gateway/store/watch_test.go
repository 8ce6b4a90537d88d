package store_test

import (
	"context"
	"testing"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

func awaken(t *testing.T, woken <-chan struct{}) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	select {
	case <-woken:
	case <-ctx.Done():
		t.Fatal("nobody was woken")
	}
}

func TestWatchWakesThisProcessAndOthers(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		here, there := p.open(t), p.open(t)
		for topic, do := range map[store.Topic]func(){
			store.TopicJobs:   func() { queued(t, here, 1) },
			store.TopicEvents: func() { note(t, here, 1) },
			store.TopicInbound: func() {
				_, _, err := here.Receive(t.Context(), gateway.Inbound{Account: "principal"}, spooled(t, here, []byte("mail")))
				check(t, err)
			},
		} {
			local, stopLocal := here.Watch(topic)
			far, stopFar := there.Watch(topic)
			do()
			awaken(t, local)
			awaken(t, far)
			stopLocal()
			stopFar()
		}
	})
}

func TestWakeUpsAreCoalescedAndKeptForWhoIsBusy(t *testing.T) {
	p := sqlitePlace(t)
	s := p.open(t)
	woken, stop := s.Watch(store.TopicJobs)
	deaf, deafStop := s.Watch(store.TopicJobs)
	deafStop()
	for len(woken) > 0 { // the first look at the database
		<-woken
	}
	queued(t, s, 1)
	queued(t, s, 1)
	if len(woken) != 1 || len(deaf) > 1 {
		t.Fatalf("%d wake-ups wait, want one", len(woken))
	}
	stop()
}
