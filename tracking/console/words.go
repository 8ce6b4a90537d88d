package console

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

const (
	// wordsName names the follower of the ledger, and the lease of the node that writes words.
	wordsName = "courier words"
	// wordsStep is how many positions of the ledger are looked at in one go.
	wordsStep = 400
	// wordsEvery is how often the ledger is looked at when nothing wakes the writer.
	wordsEvery = 5 * time.Second
	// wordsLease is how long a node that says nothing keeps the others from writing.
	wordsLease = time.Minute
	// wordsText is how much of a letter's text, or an answer's, is searched, in octets.
	wordsText = 64 << 10
	// answersText is how much of all answers to a letter: as much as a courier's words may take in the store.
	answersText = 800 << 10
)

// Words writes the words by which couriers are found: it follows the ledger, so that accepting a courier costs
// nothing more. One node writes, by lease; a crash leaves the place it had come to.
type Words struct {
	console *Console
	owner   string
	log     *slog.Logger
}

// Words makes the writer of words. owner names this node in leases.
func (c *Console) Words(owner string) *Words { return &Words{c, owner, c.o.Logger} }

// Run writes until ctx ends.
func (x *Words) Run(ctx context.Context) error {
	woken, cancel := x.console.d.Store.Watch(store.TopicEvents)
	defer cancel()
	tick := time.NewTicker(wordsEvery)
	defer tick.Stop()
	for {
		if err := x.catchUp(ctx); err != nil && ctx.Err() == nil {
			x.console.metrics.words.WithLabelValues("failed").Inc()
			x.log.Warn("write the words of couriers; will try again", "cause", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-woken: // an event is in the ledger a moment after it is recorded: others gather meanwhile
			if !x.console.rest(ctx, time.Second) {
				return nil
			}
		case <-tick.C:
		}
	}
}

// catchUp follows the ledger to its end, while the lease is ours.
func (x *Words) catchUp(ctx context.Context) error {
	for ctx.Err() == nil {
		more, err := x.step(ctx)
		if err != nil || !more {
			return err
		}
	}
	return nil
}

// step writes the words of the couriers of one stretch of the ledger; more tells that there may be another.
func (x *Words) step(ctx context.Context) (more bool, err error) {
	s := x.console.d.Store
	news, err := s.Unfound(ctx, wordsName, wordsStep)
	if err != nil || news.To == news.From {
		return false, err
	}
	if _, ours, err := s.AcquireLease(ctx, wordsName, x.owner, wordsLease); err != nil || !ours {
		return false, err
	}
	rows := make([]store.CourierWords, 0, len(news.New))
	for _, id := range news.New {
		row, err := x.of(ctx, id)
		if errors.Is(err, gateway.ErrNotFound) {
			continue
		}
		if err != nil {
			return false, err
		}
		rows = append(rows, row)
	}
	err = s.WriteWords(ctx, wordsName, rows, news)
	if errors.Is(err, gateway.ErrFenced) {
		return true, nil // another node was there before: its words are the same
	}
	if err == nil {
		x.console.metrics.words.WithLabelValues("written").Add(float64(len(rows)))
	}
	return err == nil, err
}

// of gathers the words of one courier. A message that cannot be read has those of its facts.
func (x *Words) of(ctx context.Context, id gateway.ID) (row store.CourierWords, err error) {
	s := x.console.d.Store
	if row.Courier, err = s.Courier(ctx, id); err != nil {
		return row, err
	}
	if row.Recipients, err = s.Recipients(ctx, id); err != nil {
		return row, err
	}
	if row.Answers, err = x.answers(ctx, id); err != nil {
		return row, err
	}
	row.Text = row.Courier.Composition.Model
	if row.Text != "" {
		return row, nil
	}
	m, err := x.console.open(ctx, row.Courier.Content)
	if errors.Is(err, gateway.ErrNotFound) {
		return row, nil
	}
	var outage *gateway.Fault
	if errors.As(err, &outage) {
		return row, err
	}
	if err != nil {
		x.log.Warn("a courier's text cannot be read for searching", "courier", id.String(), "cause", err)
		return row, nil
	}
	defer m.Close()
	b, err := m.says(wordsText)
	if err != nil {
		x.log.Warn("a courier's text cannot be read for searching", "courier", id.String(), "cause", err)
	}
	row.Text = b.Text
	return row, nil
}

// answers are the words of the answers that may be read, the newest first, up to answersText. A sealed one has none before its date.
func (x *Words) answers(ctx context.Context, courier gateway.ID) (string, error) {
	var all strings.Builder
	err := x.console.d.Store.EachReply(ctx, courier, func(r gateway.Reply) bool {
		if r.Closed() {
			return true
		}
		all.WriteString(r.Subject + " " + r.From + " ")
		all.WriteString(r.Text[:min(len(r.Text), wordsText)])
		for _, f := range r.Files {
			all.WriteString(" " + f.Name)
		}
		all.WriteString("\n")
		return all.Len() < answersText
	})
	return strings.ToValidUTF8(all.String(), " "), err
}
