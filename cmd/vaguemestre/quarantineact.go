package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"vaguemestre/cmd/internal/daemon"
	"vaguemestre/gateway"
	"vaguemestre/gateway/act"
	"vaguemestre/gateway/config"
	"vaguemestre/gateway/quarantine"
	"vaguemestre/gateway/store"
)

// quarantineShow shows a mail as far as it may be seen.
type quarantineShow struct{ mailID }

func (q quarantineShow) Run(cmds *commands, c console, ctx context.Context) error {
	return cmds.withConfig(ctx, func(cfg config.Config, s *store.Store) error {
		in, err := q.find(ctx, s)
		if err != nil {
			return err
		}
		vault, err := daemon.SealVault(daemon.KeyFile(cfg, "seals"))
		if err != nil {
			return err
		}
		v, err := quarantine.Look(ctx, s, vault, in.ID)
		if err != nil {
			return err
		}
		if err := c.table(func(w *tabwriter.Writer) error {
			row(w, "Mail", v.ID)
			row(w, "Received", v.Received.Local().Format(stamp), v.Account)
			row(w, "State", v.State, v.Class)
			row(w, "Reason", v.Reason)
			if !v.Recipient.IsZero() {
				row(w, "Recipient", v.Recipient)
			}
			return nil
		}); err != nil {
			return err
		}
		c.say("")
		for _, f := range v.Header {
			c.say("%s: %s", f.Name, f.Value)
		}
		c.say("")
		switch {
		case !v.SealedUntil.IsZero():
			c.say("[%v]", quarantine.Sealed{Until: v.SealedUntil})
		case v.Unreadable != "":
			c.say("[it cannot be read: %s]", v.Unreadable)
		default:
			c.say("%s", onTerminal(v.Text))
		}
		if v.Cut {
			c.say("[the text is longer: quarantine raw]")
		}
		if v.Files > 0 {
			c.say("[%d attachments: quarantine raw]", v.Files)
		}
		return nil
	})
}

// quarantineMatch says which letter a mail is about.
type quarantineMatch struct {
	mailID
	Recipient string `arg:"" help:"Number of the recipient whose letter it is about, from courier show."`
	Reason    string `required:"" help:"How one knows: it stands in the events and in the proof."`
}

func (q quarantineMatch) Run(cmds *commands, c console, ctx context.Context) error {
	recipient, err := gateway.ParseID(q.Recipient)
	if err != nil {
		return fmt.Errorf("%q is no recipient number", q.Recipient)
	}
	return cmds.withConfig(ctx, func(cfg config.Config, s *store.Store) error {
		in, err := q.find(ctx, s)
		if err != nil {
			return err
		}
		if _, err := s.Recipient(ctx, recipient); errors.Is(err, gateway.ErrNotFound) {
			return fmt.Errorf("no recipient has the number %s", recipient)
		}
		matcher, err := daemon.NewMatcher(cfg, s, time.Now)
		if err != nil {
			return err
		}
		err = matcher.Match(ctx, in.ID, recipient, act.By{Actor: administrator(), Reason: q.Reason, Now: time.Now()})
		return c.settled(in, err, "matched")
	})
}

// quarantineDismiss says that a mail needs nothing more.
type quarantineDismiss struct {
	mailID
	Reason string `required:"" help:"Why, for those who ask later."`
}

func (q quarantineDismiss) Run(cmds *commands, c console, ctx context.Context) error {
	return cmds.withStore(ctx, func(s *store.Store) error {
		in, err := q.find(ctx, s)
		if err != nil {
			return err
		}
		return c.settled(in, quarantine.Dismiss(ctx, s, in.ID, act.By{Actor: administrator(), Reason: q.Reason, Now: time.Now()}), "dismissed")
	})
}

// settled says what became of a mail in quarantine.
func (c console) settled(in gateway.Inbound, err error, done string) error {
	if errors.Is(err, gateway.ErrFenced) {
		return fmt.Errorf("this mail is not in quarantine but %s", in.State)
	}
	if err == nil {
		c.say("%s %s.", in.ID, done)
	}
	return err
}

// onTerminal keeps what could move the cursor or turn the text round off the administrator's terminal; lines stay.
func onTerminal(text string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' {
			return r
		}
		return printable(r)
	}, text)
}
