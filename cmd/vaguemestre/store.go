package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vaguemestre/cmd/internal/daemon"
	"vaguemestre/gateway"
	"vaguemestre/gateway/config"
	"vaguemestre/gateway/store"
)

// withStore opens the installation for one command; the daemon may run beside it.
func (cmds *commands) withStore(ctx context.Context, do func(*store.Store) error) error {
	return cmds.withConfig(ctx, func(_ config.Config, s *store.Store) error { return do(s) })
}

func (cmds *commands) withConfig(ctx context.Context, do func(config.Config, *store.Store) error) error {
	cfg, err := config.Load(cmds.Config)
	if err != nil {
		return err
	}
	s, err := daemon.OpenStore(ctx, cfg, slog.New(slog.DiscardHandler), prometheus.NewRegistry(), time.Now)
	if err != nil {
		return err
	}
	return errors.Join(do(cfg, s), s.Close())
}

func (cmds *commands) withAgent(ctx context.Context, login string, do func(*store.Store, gateway.Agent) error) error {
	return cmds.withStore(ctx, func(s *store.Store) error {
		agent, err := s.AgentByLogin(ctx, strings.ToLower(login))
		if errors.Is(err, gateway.ErrNotFound) {
			return fmt.Errorf("no agent has the login %q", login)
		}
		if err != nil {
			return err
		}
		return do(s, agent)
	})
}

type storeCommand struct {
	Copy storeCopy `cmd:"" help:"Copy an installation into an empty one, the daemons stopped: from SQLite to PostgreSQL."`
}

type storeCopy struct {
	From string `arg:"" type:"existingfile" help:"Configuration file of the installation to copy."`
	To   string `arg:"" type:"existingfile" help:"Configuration file of the new one: another store, another data_dir."`
}

func (s storeCopy) Run(c console, ctx context.Context) error {
	from := &commands{Config: s.From}
	to := &commands{Config: s.To}
	return from.withConfig(ctx, func(fromConfig config.Config, source *store.Store) error {
		return to.withConfig(ctx, func(toConfig config.Config, target *store.Store) error {
			release, err := daemon.LockBoth(fromConfig, toConfig)
			if err != nil {
				return err
			}
			defer release()
			if err := store.Copy(ctx, source, target); err != nil {
				return err
			}
			if err := daemon.CopyKeys(fromConfig, toConfig); err != nil {
				return err
			}
			c.say("Copied. The ledger is now verified where it arrived.")
			return ledgerVerify{}.Run(to, c, ctx)
		})
	})
}
