package main

import (
	"context"
	"os"
	"text/tabwriter"

	"vaguemestre/gateway/config"
	"vaguemestre/gateway/intake/roster"
	"vaguemestre/gateway/store"
)

type consultationCommand struct {
	Import consultationImport `cmd:"" help:"Store consultations and their registers; repeating it changes nothing."`
	List   consultationList   `cmd:"" help:"List consultations."`
}

type consultationImport struct {
	File string `arg:"" type:"existingfile" help:"JSON: one consultation or an array of them."`
	Add  bool   `help:"Keep the companies that the file does not name; by default the file's list replaces them."`
}

func (i consultationImport) Run(cmds *commands, c console, ctx context.Context) error {
	f, err := os.Open(i.File)
	if err != nil {
		return err
	}
	defer f.Close()
	return cmds.withConfig(ctx, func(cfg config.Config, s *store.Store) error {
		entries, err := roster.Read(f, cfg.Domain)
		if err == nil {
			err = roster.Settle(ctx, s, entries)
		}
		if err != nil {
			return err
		}
		mode := store.Replace
		if i.Add {
			mode = store.Merge
		}
		stored, err := roster.Put(ctx, s, entries, mode)
		for n, about := range stored {
			c.say("%s: write to %s@%s (%d companies)", about.Reference, about.Address, cfg.Domain, len(entries[n].Companies))
		}
		return err
	})
}

type consultationList struct{}

func (consultationList) Run(cmds *commands, c console, ctx context.Context) error {
	return cmds.withConfig(ctx, func(cfg config.Config, s *store.Store) error {
		all, err := s.Consultations(ctx)
		if err != nil {
			return err
		}
		return c.table(func(w *tabwriter.Writer) error {
			row(w, "REFERENCE", "ADDRESS", "DEADLINE", "PUBLIC BODY", "TITLE")
			for _, about := range all {
				deadline := ""
				if !about.Deadline.IsZero() {
					deadline = about.Deadline.In(about.Location()).Format(stamp)
				}
				row(w, about.Reference, about.Address+"@"+cfg.Domain, deadline, about.PublicBody, about.Title)
			}
			return nil
		})
	})
}
