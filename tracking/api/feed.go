package api

import (
	"net/http"
	"strconv"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
	"vaguemestre/tracking/api/view"
)

const (
	feedPage = 500
	maxWait  = 60              // seconds
	look     = 2 * time.Second // a wake-up may be lost with the node that owed it
)

// events gives events from a position of the ledger on; with wait, once there are some or the seconds have passed.
func (a *API) events(w http.ResponseWriter, r *http.Request, _ call) error {
	from, err := number(r, "from", 1<<62)
	if err != nil {
		return err
	}
	wait, err := number(r, "wait", maxWait)
	if err != nil {
		return err
	}
	list, err := a.await(r, from, time.Duration(wait)*time.Second)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, view.Events{Events: view.All(list, view.OfEvent), Next: from + int64(len(list))})
}

func (a *API) await(r *http.Request, from int64, wait time.Duration) ([]gateway.Event, error) {
	woken, cancel := a.store.Watch(store.TopicLedger)
	defer cancel()
	end := time.NewTimer(wait)
	defer end.Stop()
	again := time.NewTicker(look)
	defer again.Stop()
	a.metrics.polls.Inc()
	defer a.metrics.polls.Dec()
	for {
		list, err := a.store.EventsFrom(r.Context(), from, feedPage)
		if err != nil || len(list) > 0 || wait == 0 {
			return list, err
		}
		select {
		case <-r.Context().Done():
			return nil, r.Context().Err()
		case <-a.draining.Done():
			return nil, nil
		case <-end.C:
			return nil, nil
		case <-woken:
		case <-again.C:
		}
	}
}

// number reads a number of the query from 0 on; absent, it is 0.
func number(r *http.Request, name string, most int64) (int64, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > most {
		return 0, bad("%s is a number from 0 to %d", name, most)
	}
	return n, nil
}
