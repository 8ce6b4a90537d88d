package scan

import (
	"container/list"
	"context"
	"io"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vaguemestre/gateway"
)

// Scanner judges one content.
type Scanner interface {
	Scan(ctx context.Context, content io.Reader) (signature string, err error)
}

// kept bounds the verdicts that are kept.
const kept = 10_000

// atOnce bounds the scans at the same time: clamd has few threads, and others wait for them too.
const atOnce = 4

// Keeper asks a scanner and keeps its verdicts. It is safe for concurrent use.
type Keeper struct {
	scanner Scanner
	again   time.Duration
	now     func() time.Time
	scans   *prometheus.CounterVec
	room    chan struct{}

	mu    sync.Mutex
	order *list.List // of judged, most recent first
	known map[gateway.Hash]*list.Element
}

type judged struct {
	content   gateway.Hash
	signature string
	at        time.Time
}

// NewKeeper keeps the verdicts of a scanner for a time: after it, signatures have changed, and it is asked again.
func NewKeeper(s Scanner, again time.Duration, now func() time.Time, reg prometheus.Registerer) *Keeper {
	k := &Keeper{
		scanner: s, again: again, now: now, room: make(chan struct{}, atOnce), order: list.New(), known: map[gateway.Hash]*list.Element{},
		scans: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "vaguemestre_scans_total", Help: "Files shown to the virus scanner, by what came of it (clean, infected, outage)."}, []string{"outcome"}),
	}
	reg.MustRegister(k.scans)
	for _, outcome := range []string{"clean", "infected", "outage"} {
		k.scans.WithLabelValues(outcome)
	}
	return k
}

// Known is the verdict kept for a content; ok is false when there is none.
func (k *Keeper) Known(h gateway.Hash) (signature string, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	e, ok := k.known[h]
	if !ok {
		return "", false
	}
	j := e.Value.(judged)
	return j.signature, k.now().Sub(j.at) < k.again
}

// Judge is the verdict on the content of that hash: what was found in it, or nothing. The error is an outage: nothing is known then.
func (k *Keeper) Judge(ctx context.Context, h gateway.Hash, open func() (io.Reader, error)) (signature string, err error) {
	if signature, ok := k.Known(h); ok {
		return signature, nil
	}
	select {
	case k.room <- struct{}{}:
		defer func() { <-k.room }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	if signature, ok := k.Known(h); ok { // judged while we waited
		return signature, nil
	}
	content, err := open()
	if err != nil {
		return "", err
	}
	if signature, err = k.scanner.Scan(ctx, content); err != nil {
		if ctx.Err() == nil {
			k.scans.WithLabelValues("outage").Inc()
		}
		return "", err
	}
	outcome := "clean"
	if signature != "" {
		outcome = "infected"
	}
	k.scans.WithLabelValues(outcome).Inc()
	k.keep(judged{h, signature, k.now()})
	return signature, nil
}

func (k *Keeper) keep(j judged) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if old, ok := k.known[j.content]; ok {
		k.order.Remove(old)
	}
	k.known[j.content] = k.order.PushFront(j)
	if k.order.Len() > kept {
		delete(k.known, k.order.Remove(k.order.Back()).(judged).content)
	}
}
