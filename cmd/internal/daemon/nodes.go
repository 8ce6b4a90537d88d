package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// nodeEvery is how often a node tells the others how it fares. The console takes four silences for an illness.
const nodeEvery = 15 * time.Second

// tellNodes lets the consoles of all nodes show how this one fares with mailboxes and smarthosts. A node that stops
// says so by saying no more; one that dies is shown as silent.
func (d *Daemon) tellNodes(ctx context.Context) error {
	defer func() {
		ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), probe)
		defer stop()
		if err := d.store.DropNode(ctx, d.owner()); err != nil {
			d.log.Warn("tell the other nodes of the end; they will see this one silent", "cause", err)
		}
	}()
	tick := time.NewTicker(nodeEvery)
	defer tick.Stop()
	for {
		if err := d.tellNode(ctx); err != nil && ctx.Err() == nil {
			d.log.Warn("tell the other nodes how this one fares; will try again", "cause", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (d *Daemon) tellNode(ctx context.Context) error {
	state, err := json.Marshal(instruments{d}.Health())
	if err != nil {
		return fmt.Errorf("write how this node fares: %w", err)
	}
	return d.store.SeeNode(ctx, d.owner(), string(state))
}
