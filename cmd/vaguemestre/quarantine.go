package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"vaguemestre/gateway"
	"vaguemestre/gateway/quarantine"
	"vaguemestre/gateway/store"
)

type quarantineCommand struct {
	List    quarantineList    `cmd:"" help:"The mail that waits for a person."`
	Raw     quarantineRaw     `cmd:"" help:"Write a mail as it came, unless it may be a sealed answer."`
	Show    quarantineShow    `cmd:"" help:"Show a mail: its header, and its text unless it may be a sealed answer."`
	Match   quarantineMatch   `cmd:"" help:"Say which letter a mail is about: it is then understood as such."`
	Dismiss quarantineDismiss `cmd:"" help:"Say that a mail needs nothing more; it is kept."`
}

type quarantineList struct{}

func (quarantineList) Run(cmds *commands, c console, ctx context.Context) error {
	return cmds.withStore(ctx, func(s *store.Store) error {
		return c.table(func(w *tabwriter.Writer) error {
			row(w, "MAIL", "RECEIVED", "CLASS", "FROM", "SUBJECT", "REASON")
			filter := store.InboundFilter{State: gateway.InboundQuarantined, Limit: page}
			for {
				mails, err := s.Inbounds(ctx, filter)
				if err != nil {
					return err
				}
				for _, m := range mails {
					row(w, m.ID, m.Received.Local().Format(stamp), m.Class, m.From, m.Subject, m.Reason)
				}
				if len(mails) < page {
					return nil
				}
				filter.After = mails[len(mails)-1].ID
			}
		})
	})
}

type mailID struct {
	Mail string `arg:"" help:"Number of the mail, from quarantine list."`
}

func (m mailID) find(ctx context.Context, s *store.Store) (gateway.Inbound, error) {
	id, err := gateway.ParseID(m.Mail)
	if err != nil {
		return gateway.Inbound{}, fmt.Errorf("%q is no mail number", m.Mail)
	}
	in, err := s.Inbound(ctx, id)
	if errors.Is(err, gateway.ErrNotFound) {
		return in, fmt.Errorf("no mail has the number %s", id)
	}
	return in, err
}

type quarantineRaw struct{ mailID }

func (q quarantineRaw) Run(cmds *commands, c console, ctx context.Context) error {
	return cmds.withStore(ctx, func(s *store.Store) error {
		in, err := q.find(ctx, s)
		if err != nil {
			return err
		}
		content, err := quarantine.Raw(ctx, s, in.ID)
		if err != nil {
			return err
		}
		_, err = io.Copy(c.out, io.NewSectionReader(content, 0, content.Size()))
		return errors.Join(err, content.Close())
	})
}
