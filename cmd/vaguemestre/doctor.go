package main

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"time"

	"vaguemestre/cmd/internal/doctor"
	"vaguemestre/gateway/catalog"
	"vaguemestre/gateway/config"
)

type doctorCommand struct {
	Canary   bool          `help:"Send a message by the relay to the gateway itself; it must come back with its delivery report."`
	Wait     time.Duration `default:"2m" help:"How long to wait for the canary."`
	JSON     bool          `help:"One JSON object a line."`
	Language string        `default:"fr" enum:"fr,en" help:"Of what is said: fr or en."`
	DNS      string        `help:"Ask this DNS server (host:port) rather than the machine's."`
}

// Run gives 0 when nothing is to be changed, 1 otherwise.
func (d doctorCommand) Run(cmds *commands, c console, ctx context.Context) error {
	cfg, err := config.Load(cmds.Config)
	var problems config.Problems
	if errors.As(err, &problems) {
		c.warn("%s: %d problem(s)\n%v", cmds.Config, len(problems), problems)
		return exit(1)
	}
	if err != nil {
		return err
	}
	o := doctor.Options{Config: cfg, Language: d.Language}
	if d.Canary {
		o.Canary = d.Wait
	}
	if d.DNS != "" {
		o.Resolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, d.DNS)
		}}
	}
	counts := map[doctor.Verdict]int{}
	encoder := json.NewEncoder(c.out)
	encoder.SetEscapeHTML(false)
	doctor.Examine(ctx, o, func(f doctor.Finding) {
		counts[f.Verdict]++
		if d.JSON {
			_ = encoder.Encode(f) // nobody to tell when the pipe is gone
			return
		}
		d.print(c, f)
	})
	if !d.JSON {
		c.say("\n%s", d.words("summary", map[string]any{"OK": counts[doctor.OK], "Change": counts[doctor.Change], "Skipped": counts[doctor.Skipped]}))
	}
	if counts[doctor.Change] > 0 || ctx.Err() != nil {
		return exit(1)
	}
	return nil
}

func (d doctorCommand) words(key string, args map[string]any) string {
	return catalog.Text(d.Language, "doctor."+key, args)
}

// print writes a finding as an administrator reads it, with what to change beneath.
func (d doctorCommand) print(c console, f doctor.Finding) {
	subject := f.Subject
	if subject != "" {
		subject += " : "
	}
	clean := func(s string) string { return strings.Map(printable, s) }
	c.say("%-10s  %-11s  %s", d.words("verdict-"+string(f.Verdict), nil), f.Check, clean(subject+f.Text))
	if f.Verdict != doctor.Change {
		return
	}
	const margin = "                         "
	if f.Advice != "" {
		c.say("%s→ %s", margin, clean(f.Advice))
	}
	if f.Record != "" {
		c.say("%s  %s\n\n%s\n", margin, d.words("publish", nil), clean(f.Record))
	}
}
