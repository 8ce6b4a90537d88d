package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
	"vaguemestre/tracking/api"
)

type apikeyCommand struct {
	Add    apikeyAdd    `cmd:"" help:"Make a key for a program; it is shown once."`
	List   apikeyList   `cmd:"" help:"List keys."`
	Revoke apikeyRevoke `cmd:"" help:"End a key for ever."`
}

type apikeyAdd struct {
	Label string   `arg:"" help:"Your word for the program."`
	Scope []string `required:"" help:"consultations, agents, send, read, events; repeat for several."`
}

func (a apikeyAdd) Run(cmds *commands, c console, ctx context.Context) error {
	for _, scope := range a.Scope {
		if !slices.Contains(api.Scopes(), scope) {
			return fmt.Errorf("no scope %q: the scopes are %s", scope, strings.Join(api.Scopes(), ", "))
		}
	}
	text, hash := api.NewKey()
	return cmds.withStore(ctx, func(s *store.Store) error {
		key, err := s.AddAPIKey(ctx, gateway.APIKey{Label: a.Label, Hash: hash, Scopes: a.Scope})
		if err == nil {
			c.say("%s added. Key, shown this once: %s", key.ID, text)
		}
		return err
	})
}

type apikeyList struct{}

func (apikeyList) Run(cmds *commands, c console, ctx context.Context) error {
	return cmds.withStore(ctx, func(s *store.Store) error {
		keys, err := s.APIKeys(ctx)
		if err != nil {
			return err
		}
		return c.table(func(w *tabwriter.Writer) error {
			row(w, "ID", "LABEL", "SCOPES", "CREATED", "USED", "REVOKED")
			for _, k := range keys {
				times := []string{k.Created.Local().Format(stamp), "", ""}
				if !k.Used.IsZero() {
					times[1] = k.Used.Local().Format(stamp)
				}
				if !k.Revoked.IsZero() {
					times[2] = k.Revoked.Local().Format(stamp)
				}
				row(w, k.ID.String(), k.Label, strings.Join(k.Scopes, ","), times[0], times[1], times[2])
			}
			return nil
		})
	})
}

type apikeyRevoke struct {
	ID string `arg:""`
}

func (r apikeyRevoke) Run(cmds *commands, c console, ctx context.Context) error {
	id, err := gateway.ParseID(r.ID)
	if err != nil {
		return err
	}
	return cmds.withStore(ctx, func(s *store.Store) error { return s.RevokeAPIKey(ctx, id) })
}
