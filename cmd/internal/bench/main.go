// Command bench measures the gateway beside its peers, on this machine and in the same run, and prints one table
// (markdown): `make bench`.
//
// It promises that what it measures is the product as installed: the program in a process of its own, TLS and AUTH
// on its submission port, SQLite on a real file system, every event in the ledger, RSA-2048 DKIM. The peers are
// Debian's Postfix, alone or with a footer milter and opendkim, driven by smtp-source. Everyone relays into the same
// sink. Ours and theirs take turns, and the median of the rounds is printed. Nothing is asserted: a busy machine gives other figures,
// and the ceilings of the machine stand beside them. Postfix needs root.
//
// Everything is on loopback and in temporary folders; a crash leaves one of these.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"time"
)

// options are the flags.
type options struct {
	rounds  int
	program string
	only    *regexp.Regexp
	limit   time.Duration
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 3, "how many times ours and theirs take turns")
	flag.StringVar(&o.program, "program", "", "measure this program, built from the same sources, instead of building it")
	flag.DurationVar(&o.limit, "limit", 8*time.Minute, "give up after this time")
	only := flag.String("only", "", "measure the figures whose name matches (machine, accept, chain, large, login, pages, memory, queued); all when empty")
	flag.Parse()
	var err error
	if o.only, err = regexp.Compile(*only); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	ctx, stop := context.WithTimeout(ctx, o.limit)
	defer stop()
	dir, err := os.MkdirTemp("", "vgm-bench-")
	if err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if o.program == "" {
		if o.program, err = build(ctx, dir); err != nil {
			return err
		}
	}
	b, err := newBench(ctx, dir, o)
	if err != nil {
		return err
	}
	defer b.stop()
	if err := b.measure(ctx); err != nil {
		return err
	}
	return b.print(os.Stdout)
}

// build makes the program as it is installed: without the race detector.
func build(ctx context.Context, dir string) (string, error) {
	program := filepath.Join(dir, "vaguemestre")
	out, err := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", program, "vaguemestre/cmd/vaguemestre").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the program: %w: %s", err, out)
	}
	return program, nil
}
