package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"vaguemestre/gateway"
	"vaguemestre/gateway/config"
	"vaguemestre/gateway/intake/roster"
	"vaguemestre/gateway/store"
	"vaguemestre/tracking/api/view"
)

type consultationCommand struct {
	Import  consultationImport  `cmd:"" help:"Store consultations and their registers, all of a file or nothing; repeating it changes nothing."`
	List    consultationList    `cmd:"" help:"List consultations."`
	Archive consultationArchive `cmd:"" help:"Close consultations: no courier is accepted about them any more."`
	Reopen  consultationReopen  `cmd:"" help:"Open archived consultations again."`
}

type consultationImport struct {
	File   string `arg:"" type:"existingfile" help:"JSON: one consultation or an array of them; or, when its name ends in .csv, one line per company or address; -: JSON of the standard input."`
	Add    bool   `help:"Keep the companies that the file does not name; by default the file's list replaces them."`
	Reopen bool   `help:"Open again the archived consultations that the file does not call archived."`
	asJSON
}

func (i consultationImport) Run(cmds *commands, c console, ctx context.Context) error {
	f := c.in
	if i.File != "-" {
		file, err := os.Open(i.File)
		if err != nil {
			return err
		}
		defer file.Close()
		f = file
	}
	read := roster.Read
	if strings.EqualFold(filepath.Ext(i.File), ".csv") {
		read = roster.ReadCSV
	}
	return cmds.withConfig(ctx, func(cfg config.Config, s *store.Store) error {
		entries, err := read(f, cfg.Domain)
		if err != nil {
			return err
		}
		how := store.Import{Companies: store.Replace, Reopen: i.Reopen}
		if i.Add {
			how.Companies = store.Merge
		}
		stored, err := roster.Put(ctx, s, entries, how)
		if err != nil {
			return err
		}
		return i.show(c, view.Consultations{Consultations: view.All(stored, view.OfConsultation)}, func() error {
			for n, about := range stored {
				c.say("%s: write to %s@%s (%d companies)", about.Reference, about.Address, cfg.Domain, len(entries[n].Companies))
			}
			return nil
		})
	})
}

type consultationList struct{ asJSON }

func (l consultationList) Run(cmds *commands, c console, ctx context.Context) error {
	return cmds.withConfig(ctx, func(cfg config.Config, s *store.Store) error {
		all, err := s.Consultations(ctx)
		if err != nil {
			return err
		}
		return l.show(c, view.Consultations{Consultations: view.All(all, view.OfConsultation)}, func() error {
			return c.table(func(w *tabwriter.Writer) error {
				row(w, "REFERENCE", "ADDRESS", "DEADLINE", "ARCHIVED", "PUBLIC BODY", "TITLE")
				for _, about := range all {
					deadline, archived := "", ""
					if !about.Deadline.IsZero() {
						deadline = about.Deadline.In(about.Location()).Format(stamp)
					}
					if !about.Archived.IsZero() {
						archived = about.Archived.In(about.Location()).Format(stamp)
					}
					row(w, about.Reference, about.Address+"@"+cfg.Domain, deadline, archived, about.PublicBody, about.Title)
				}
				return nil
			})
		})
	})
}

// chosen is consultations by their references.
type chosen struct {
	Reference []string `arg:"" help:"References, as imported."`
	asJSON
}

// each changes every one and shows them; a reference that is none stops before any is changed.
func (r chosen) each(cmds *commands, c console, ctx context.Context, done string, change func(*store.Store, gateway.ID) (gateway.Consultation, error)) error {
	return cmds.withStore(ctx, func(s *store.Store) error {
		var ids []gateway.ID
		for _, reference := range r.Reference {
			about, err := s.ConsultationByReference(ctx, reference)
			if errors.Is(err, gateway.ErrNotFound) {
				return fmt.Errorf("no consultation has the reference %q", reference)
			}
			if err != nil {
				return err
			}
			ids = append(ids, about.ID)
		}
		var all []gateway.Consultation
		for _, id := range ids {
			about, err := change(s, id)
			if err != nil {
				return err
			}
			all = append(all, about)
		}
		return r.show(c, view.Consultations{Consultations: view.All(all, view.OfConsultation)}, func() error {
			for _, about := range all {
				c.say("%s is %s.", about.Reference, done)
			}
			return nil
		})
	})
}

type consultationArchive struct{ chosen }

func (a consultationArchive) Run(cmds *commands, c console, ctx context.Context) error {
	return a.each(cmds, c, ctx, "archived", func(s *store.Store, id gateway.ID) (gateway.Consultation, error) {
		return s.ArchiveConsultation(ctx, id)
	})
}

type consultationReopen struct{ chosen }

func (a consultationReopen) Run(cmds *commands, c console, ctx context.Context) error {
	return a.each(cmds, c, ctx, "open", func(s *store.Store, id gateway.ID) (gateway.Consultation, error) {
		return s.ReopenConsultation(ctx, id)
	})
}
