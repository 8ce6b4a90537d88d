package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"vaguemestre/cmd/internal/daemon"
	"vaguemestre/gateway/config"
)

type serveCommand struct{}

func (serveCommand) Run(cmds *commands, c console, ctx context.Context) error {
	cfg, err := config.Load(cmds.Config)
	if err != nil {
		return err
	}
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	defer paceGarbage()()
	return daemon.Run(ctx, cfg, daemon.Options{Log: newLogger(cfg.Log, c.err), Now: time.Now}, hup)
}

func newLogger(l config.Log, to io.Writer) *slog.Logger {
	var level slog.Level
	_ = level.UnmarshalText([]byte(l.Level)) // the configuration was checked
	o := &slog.HandlerOptions{Level: level}
	if l.Format == "json" {
		return slog.New(slog.NewJSONHandler(to, o))
	}
	return slog.New(slog.NewTextHandler(to, o))
}
