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
