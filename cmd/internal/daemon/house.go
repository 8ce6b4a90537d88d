package daemon

import (
	"context"
	"time"
)

// houseEvery is how often what is no longer needed is looked for.
const houseEvery = time.Hour

// keepHouse removes contents that nothing names and answers that were given up, and erases the network details whose retention ended. What a crash or an
// outage leaves undone is found again the next time.
func (d *Daemon) keepHouse(ctx context.Context) error {
	tick := time.NewTicker(houseEvery)
	defer tick.Stop()
	for {
		d.tidy(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (d *Daemon) tidy(ctx context.Context) {
	if _, err := d.store.Sweep(ctx, d.cfg.Store.SweepAfter.Of()); err != nil && ctx.Err() == nil {
		d.log.Warn("sweep contents; will try again", "cause", err)
	}
	if _, err := d.store.SweepSignIns(ctx); err != nil && ctx.Err() == nil {
		d.log.Warn("sweep sessions; will try again", "cause", err)
	}
	if given, err := d.store.SweepAnswers(ctx, d.now().Add(-d.cfg.Answers.Keep.Of())); err != nil && ctx.Err() == nil {
		d.log.Warn("sweep answers given up; will try again", "cause", err)
	} else if given > 0 {
		d.log.Info("answers that were begun and given up are removed", "answers", given)
	}
	erased, err := d.store.EraseNetwork(ctx, d.now().Add(-d.cfg.Link.Retention.Of()))
	if err != nil && ctx.Err() == nil {
		d.log.Warn("erase network details; will try again", "cause", err)
	}
	if erased > 0 {
		d.log.Info("network details erased, their retention is over", "events", erased)
	}
}
