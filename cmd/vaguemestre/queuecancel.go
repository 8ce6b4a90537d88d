package main

import (
	"context"
	"time"

	"vaguemestre/gateway/act"
	"vaguemestre/gateway/store"
)

type queueCancel struct {
	jobIDs
	Reason string `required:"" help:"Why: it stands in the events, in the proof, and on the page of a letter that is taken back."`
}

func (q queueCancel) Run(cmds *commands, c console, ctx context.Context) error {
	ids, err := q.read()
	if err != nil {
		return err // all or nothing
	}
	return cmds.withStore(ctx, func(s *store.Store) error {
		done := 0
		for _, id := range ids {
			err := act.CancelJob(ctx, s, id, act.By{Actor: administrator(), Reason: q.Reason, Now: time.Now()})
			if err != nil {
				c.warn("%s: not cancelled: %v", id, err)
				continue
			}
			done++
		}
		return c.changed(q.JSON, done, len(ids), "cancelled")
	})
}
