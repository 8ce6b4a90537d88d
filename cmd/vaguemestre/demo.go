package main

import (
	"context"

	"vaguemestre/cmd/internal/demo"
	"vaguemestre/gateway/config"
)

type demoCommand struct {
	Once    bool   `help:"Play the company too: delivery, reading, answer; write the proof and end."`
	Proof   string `default:"preuve.pdf" help:"Where to write the proof."`
	Verbose bool   `help:"Show the daemon's log."`
	SMTP    string `default:"127.0.0.1:2587" help:"Where the agents' mail clients connect; another port when it is taken."`
	Console string `default:"127.0.0.1:8026" help:"Where the agents' console is; another port when it is taken."`
	Pages   string `default:"127.0.0.1:8025" help:"Where the companies' pages are; another port when it is taken."`
}

func (d demoCommand) Run(c console, ctx context.Context) error {
	level := "error"
	if d.Verbose {
		level = "info"
	}
	o := demo.Options{Once: d.Once, Proof: d.Proof, Out: c.out, Log: newLogger(config.Log{Level: level}, c.err), SMTP: d.SMTP, Pages: d.Pages, Console: d.Console}
	if d.Once { // beside another demo, or in a test
		o.SMTP, o.Pages, o.Console = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	}
	return demo.Run(ctx, o)
}
