package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/act"
	"vaguemestre/gateway/store"
)

// acted is what the acts about couriers have in common.
type acted struct {
	Courier   string `arg:"" help:"Number of the courier."`
	Recipient string `help:"Only this recipient: its number, from courier show; by default all."`
	Reason    string `required:"" help:"Why: it stands in the events, in the proof, and on the page of a letter that is taken back."`
}

// administrator is who acts by command, as the events name them.
func administrator() string { return "administrator:" + os.Getenv("USER") }

// each does an act for every recipient concerned and says what became of each.
func (a acted) each(cmds *commands, c console, ctx context.Context, done string, do func(gateway.Courier, gateway.Recipient, act.By) (gateway.Step, error)) error {
	id, err := gateway.ParseID(a.Courier)
	if err != nil {
		return fmt.Errorf("%q is no courier number", a.Courier)
	}
	return cmds.withStore(ctx, func(s *store.Store) error {
		courier, err := s.Courier(ctx, id)
		if errors.Is(err, gateway.ErrNotFound) {
			return fmt.Errorf("no courier has the number %s", id)
		}
		if err != nil {
			return err
		}
		recipients, err := s.Recipients(ctx, id)
		if err != nil {
			return err
		}
		by := act.By{Actor: administrator(), Reason: a.Reason, Now: time.Now()}
		found, refused := false, false
		for _, r := range recipients {
			if a.Recipient != "" && r.ID.String() != a.Recipient {
				continue
			}
			found = true
			step, err := do(courier, r, by)
			if err == nil {
				err = s.Apply(ctx, step)
			}
			if err != nil {
				refused = true
				c.say("%s: not done: %v", r.Address, err)
				continue
			}
			c.say("%s: %s", r.Address, done)
		}
		switch {
		case !found:
			return fmt.Errorf("the courier has no recipient %s", a.Recipient)
		case refused:
			return exit(1)
		}
		return nil
	})
}

type courierCancel struct{ acted }

func (a courierCancel) Run(cmds *commands, c console, ctx context.Context) error {
	return a.each(cmds, c, ctx, "cancelled", func(_ gateway.Courier, r gateway.Recipient, by act.By) (gateway.Step, error) {
		return act.Cancel(r, by)
	})
}

type courierWithdraw struct{ acted }

func (a courierWithdraw) Run(cmds *commands, c console, ctx context.Context) error {
	return a.each(cmds, c, ctx, "withdrawn", act.Withdraw)
}

type courierRemind struct{ acted }

func (a courierRemind) Run(cmds *commands, c console, ctx context.Context) error {
	return a.each(cmds, c, ctx, "will be called again", func(courier gateway.Courier, r gateway.Recipient, by act.By) (gateway.Step, error) {
		return act.Remind(courier, r, 0, by)
	})
}

type courierRetry struct{ acted }

func (a courierRetry) Run(cmds *commands, c console, ctx context.Context) error {
	return a.each(cmds, c, ctx, "will be sent again", func(_ gateway.Courier, r gateway.Recipient, by act.By) (gateway.Step, error) {
		return act.Retry(r, by)
	})
}
