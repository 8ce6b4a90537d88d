package console

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

const (
	// liveEvery is the least time between two looks at what a page shows.
	liveEvery = time.Second
	// liveBeat is how often a live page is told that it is still followed, and looked at all the same: wake-ups may be lost.
	liveBeat = 20 * time.Second
	// liveField marks what a page asks by itself: it is no act of the agent, and keeps no session from idling.
	liveField = "Vaguemestre-Live"
)

// live tells the page of the follow-up when what it shows has changed (HTML, server-sent events). It ends with the
// session, with the entitlement, with the page, and when the console drains; it never keeps a session from idling. A page
// for which there is no room (RFC 6585 §4) asks again from time to time by itself.
func (c *Console) live(w http.ResponseWriter, r *http.Request, v *visit) error {
	giveBack, ok := c.followed.take(v.agent.ID)
	if !ok {
		c.metrics.crowded.Inc()
		w.Header().Set("Retry-After", "60")
		w.WriteHeader(http.StatusTooManyRequests)
		return nil
	}
	defer giveBack()
	filter, _ := readFollow(r.URL.Query()).filter(v)
	last, err := c.shown(r.Context(), v, filter)
	if err != nil {
		return err
	}
	woken, cancel := c.d.Store.Watch(store.TopicLists)
	defer cancel()
	c.metrics.live.Inc()
	defer c.metrics.live.Dec()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	out := http.NewResponseController(w)
	say := func(text string) bool {
		_, err := fmt.Fprint(w, text)
		return err == nil && out.Flush() == nil
	}
	if !say("retry: 5000\n: followed\n\n") {
		return nil
	}
	beat := time.NewTicker(liveBeat)
	defer beat.Stop()
	for {
		text := ""
		select {
		case <-r.Context().Done():
			return nil
		case <-c.draining.Done():
			return nil
		case <-beat.C:
			text = ": still\n\n"
		case <-woken:
		}
		now, err := c.shown(r.Context(), v, filter)
		if err != nil || c.recognise(r, v, true) != nil || c.loadConsultation(r, v, v.consultation.ID.String()) != nil {
			say("event: end\ndata: .\n\n")
			return nil
		}
		if now != last {
			last, text = now, "event: change\ndata: .\n\n"
		}
		if text != "" && !say(text) {
			return nil
		}
		if !c.rest(r.Context(), liveEvery) {
			return nil
		}
	}
}

// shown is the fingerprint of what a page of the follow-up shows.
func (c *Console) shown(ctx context.Context, v *visit, filter store.FollowFilter) (gateway.Hash, error) {
	rows, _, err := c.rows(ctx, filter)
	if err != nil {
		return gateway.Hash{}, err
	}
	drafts, err := c.d.Store.Drafts(ctx, v.consultation.ID)
	if err != nil {
		return gateway.Hash{}, err
	}
	text, err := json.Marshal([]any{rows, drafts})
	return gateway.HashOf(text), err
}

// rest lets wake-ups gather; false when there is nothing left to tell.
func (c *Console) rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
	case <-c.draining.Done():
	}
	return false
}
