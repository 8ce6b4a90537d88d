package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/errgroup"

	"vaguemestre/cmd/internal/daemon"
	"vaguemestre/gateway"
	"vaguemestre/gateway/config"
	"vaguemestre/gateway/store"
	"vaguemestre/tracking/ledger"
	"vaguemestre/tracking/proof"
)

type proofCommand struct {
	Courier   string `arg:"" help:"Number of the courier."`
	Recipient string `help:"Only this recipient: its number, from courier show."`
	Output    string `short:"o" default:"preuve.pdf" help:"File to write; -: the standard output."`
	Bundle    bool   `help:"A ZIP with the PDF and every file beside it."`
	Language  string `help:"fr or en; the consultation's by default."`
	asAgent
}

// proofWithin bounds how long a proof waits for its events to be in the ledger.
const proofWithin = 2 * time.Minute

func (p proofCommand) Run(cmds *commands, c console, ctx context.Context) error {
	var recipient gateway.ID
	var err error
	if p.Recipient != "" {
		if recipient, err = gateway.ParseID(p.Recipient); err != nil {
			return fmt.Errorf("%q is no recipient number", p.Recipient)
		}
	}
	ctx, done := context.WithTimeout(ctx, proofWithin)
	defer done()
	err = cmds.withLedger(ctx, func(ctx context.Context, cfg config.Config, s *store.Store, l *ledger.Ledger) error {
		courier, err := p.courier(ctx, s, p.Courier)
		if err != nil {
			return err
		}
		issuer, err := daemon.NewIssuer(cfg, s, l, slog.New(slog.DiscardHandler), prometheus.NewRegistry(), time.Now)
		if err != nil {
			return err
		}
		write := issuer.Write
		if p.Bundle {
			write = issuer.Bundle
		}
		out := func(w io.Writer) error { return write(ctx, w, courier.ID, recipient, p.Language) }
		if p.Output == "-" {
			return out(c.out)
		}
		return replaceFile(p.Output, out)
	})
	if errors.Is(err, gateway.ErrNotFound) {
		return fmt.Errorf("the courier has no recipient of that number")
	}
	if err == nil && p.Output != "-" {
		c.say("%s written.", p.Output)
	}
	return err
}

// withLedger opens the installation and its ledger. While no daemon runs, this process brings the events in;
// while one runs, it waits for it.
func (cmds *commands) withLedger(ctx context.Context, do func(context.Context, config.Config, *store.Store, *ledger.Ledger) error) error {
	return cmds.withConfig(ctx, func(cfg config.Config, s *store.Store) error {
		owner := fmt.Sprintf("command:%d", os.Getpid())
		l, err := daemon.NewLedger(cfg, s, owner, slog.New(slog.DiscardHandler), prometheus.NewRegistry(), time.Now)
		if err != nil {
			return err
		}
		working, stop := context.WithCancel(ctx)
		var group errgroup.Group
		group.Go(func() error { return l.Run(working) })
		err = do(ctx, cfg, s, l)
		stop()
		if ended := group.Wait(); ended != nil && !errors.Is(ended, context.Canceled) {
			err = errors.Join(err, ended)
		}
		return err
	})
}

// replaceFile writes beside the file and renames, so that half a file never bears its name.
func replaceFile(path string, write func(io.Writer) error) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".vaguemestre-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer os.Remove(tmp.Name())
	if err := errors.Join(write(tmp), tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Rename(tmp.Name(), path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

type verifyCommand struct {
	File      string   `arg:"" help:"The proof: a PDF or a bundle; -: the standard input."`
	Ledger    []string `help:"Public key of the ledger, as 'ledger key' prints it; without it, the proof's own is used and said so."`
	Authority string   `help:"PEM file of the time-stamping authorities that are trusted."`
	Seal      string   `help:"PEM file of the certificates that may seal."`
	Language  string   `default:"fr" enum:"fr,en" help:"fr or en."`
}

func (v verifyCommand) Run(c console) error {
	f, size, err := v.open(c)
	if err != nil {
		return err
	}
	defer f.Close()
	trust, err := v.trust()
	if err != nil {
		return err
	}
	report, err := proof.Verify(f, size, trust)
	if err != nil {
		return fmt.Errorf("%s is no proof that can be read: %w", v.File, err)
	}
	c.say("%s", report.Text(v.Language))
	if !report.OK() {
		return exit(1)
	}
	return nil
}

// open opens the proof, and says its size in bytes. What is piped in is kept in a file that ends with the command: proofs are read from
// their end.
func (v verifyCommand) open(c console) (*os.File, int64, error) {
	if v.File != "-" {
		f, err := os.Open(v.File)
		if err != nil {
			return nil, 0, err
		}
		info, err := f.Stat()
		if err != nil {
			return nil, 0, errors.Join(err, f.Close())
		}
		return f, info.Size(), nil
	}
	f, err := os.CreateTemp("", "vaguemestre-*")
	if err != nil {
		return nil, 0, fmt.Errorf("keep the standard input: %w", err)
	}
	size, err := io.Copy(f, c.in)
	if err = errors.Join(err, os.Remove(f.Name())); err != nil {
		return nil, 0, errors.Join(fmt.Errorf("keep the standard input: %w", err), f.Close())
	}
	return f, size, nil
}

func (v verifyCommand) trust() (t proof.Trust, err error) {
	t.Ledgers = v.Ledger
	if t.StampRoots, err = daemon.Authorities(v.Authority); err != nil {
		return t, err
	}
	t.SealRoots, err = daemon.Authorities(v.Seal)
	return t, err
}

type ledgerCommand struct {
	Verify ledgerVerify `cmd:"" help:"Read every event again and compare with what was signed."`
	Key    ledgerKey    `cmd:"" help:"Print the public key, for those who will verify proofs."`
}

type ledgerVerify struct {
	Checkpoint []string `help:"Files of checkpoints kept from earlier: nothing they saw may have changed."`
}

func (v ledgerVerify) Run(cmds *commands, c console, ctx context.Context) error {
	var held [][]byte
	for _, path := range v.Checkpoint {
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		held = append(held, text)
	}
	return cmds.withLedger(ctx, func(ctx context.Context, _ config.Config, _ *store.Store, l *ledger.Ledger) error {
		report, err := l.Verify(ctx, held...)
		if err != nil {
			return err
		}
		for _, f := range report.Findings {
			c.say("%s at %d: %s", f.Fault, f.Position, f.Text)
		}
		if !report.OK() {
			c.say("The ledger was tampered with: %d finding(s).", len(report.Findings)+report.More)
			return exit(1)
		}
		c.say("The ledger is intact: %d events, %d checkpoints.", report.Events, report.Checkpoints)
		return nil
	})
}

type ledgerKey struct{}

func (ledgerKey) Run(cmds *commands, c console, ctx context.Context) error {
	return cmds.withLedger(ctx, func(_ context.Context, _ config.Config, _ *store.Store, l *ledger.Ledger) error {
		c.say("%s", l.Key())
		return nil
	})
}
