package notice

import (
	"context"
	"errors"
	"time"

	"vaguemestre/gateway"
)

// maxSilent bounds the recipients that a notice names.
const maxSilent = 100

// unread tells the agent, once for a courier, who has not read it. Who that was is judged at the time at which the notice
// was made, so that every attempt says the same.
func (c *Composer) unread(ctx context.Context, s *subject) (Mail, error) {
	recipients, err := c.store.Recipients(ctx, s.courier.ID)
	if err != nil {
		return Mail{}, err
	}
	w := c.words(s)
	w.At, w.Days = s.job.Notice.Since, int(s.job.Created.Sub(s.job.Notice.Since).Hours()/24)
	for _, r := range recipients {
		if !silent(r.Standing, s.job.Created) {
			continue
		}
		if len(w.Silent) == maxSilent {
			w.More++
			continue
		}
		w.Silent = append(w.Silent, clean(r.Name()))
	}
	if len(w.Silent) == 0 {
		return Mail{}, ErrNothing
	}
	return c.tell(s, "unread", w)
}

// silent tells a recipient whom a letter reached, as far as is known, and who had not read it at that time.
func silent(s gateway.Standing, at time.Time) bool {
	before := func(t time.Time) bool { return !t.IsZero() && !t.After(at) }
	return before(s.Sent) && !before(s.Read) && !before(s.Replied) && !before(s.Failed) && !before(s.Cancelled) && !before(s.Withdrawn)
}

// news is what happened to one courier in a day.
type news struct {
	Reference, Subject                      string
	Delivered, Read, Replied, Failed, Wrong int
}

// oldest is how far back a digest looks for couriers to which something may still happen.
const oldest = 365 * 24 * time.Hour

// digest tells an agent what happened to their letters in a day. A day without news has no digest.
func (c *Composer) digest(ctx context.Context, s *subject) (Mail, error) {
	n := s.job.Notice
	counts, err := c.store.NewsOf(ctx, n.Agent, n.Since, n.Until, n.Since.Add(-oldest))
	if err != nil {
		return Mail{}, err
	}
	w := c.words(s)
	w.Day = n.Since
	var last gateway.ID
	for _, count := range counts {
		if count.Courier != last {
			courier, err := c.store.Courier(ctx, count.Courier)
			if errors.Is(err, gateway.ErrNotFound) {
				continue
			}
			if err != nil {
				return Mail{}, err
			}
			last = count.Courier
			w.Zone = courier.Context.Location()
			w.News = append(w.News, news{Reference: clean(courier.Context.Reference), Subject: clean(courier.Subject)})
		}
		w.News[len(w.News)-1].count(count.Kind, count.Count)
	}
	if len(w.News) == 0 || s.toAgent() == "" {
		return Mail{}, ErrNothing
	}
	return c.tell(s, "digest", w)
}

func (n *news) count(kind gateway.EventKind, times int) {
	switch kind {
	case gateway.Delivered:
		n.Delivered += times
	case gateway.Read:
		n.Read += times
	case gateway.Replied:
		n.Replied += times
	case gateway.Failed, gateway.Expired:
		n.Failed += times
	case gateway.WrongPerson:
		n.Wrong += times
	}
}
