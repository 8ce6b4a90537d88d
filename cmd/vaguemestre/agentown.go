package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/account"
	"vaguemestre/gateway/store"
)

type agentAppPassword struct {
	Add    appPasswordAdd    `cmd:"" help:"Make a password for one device or program; it is shown once."`
	List   appPasswordList   `cmd:"" help:"List them, with their last use."`
	Revoke appPasswordRevoke `cmd:"" help:"End one, for ever."`
}

type appPasswordAdd struct {
	Login string `arg:""`
	Label string `arg:"" help:"The agent's word for the device: \"Thunderbird du bureau\"."`
}

func (a appPasswordAdd) Run(cmds *commands, c console, ctx context.Context) error {
	return cmds.withAgent(ctx, a.Login, func(s *store.Store, agent gateway.Agent) error {
		shown, kept := account.NewAppPassword()
		p, err := s.AddAppPassword(ctx, gateway.AppPassword{Agent: agent.ID, Label: a.Label, Hash: kept})
		if err != nil {
			return err
		}
		c.say("%s\t%s", p.ID, shown)
		return nil
	})
}

type appPasswordList struct {
	Login string `arg:""`
}

func (a appPasswordList) Run(cmds *commands, c console, ctx context.Context) error {
	return cmds.withAgent(ctx, a.Login, func(s *store.Store, agent gateway.Agent) error {
		all, err := s.AppPasswords(ctx, agent.ID)
		if err != nil {
			return err
		}
		for _, p := range all {
			state := "in force"
			if !p.Revoked.IsZero() {
				state = "revoked " + p.Revoked.Format(time.RFC3339)
			}
			used := "never used"
			if !p.Used.IsZero() {
				used = "used " + p.Used.Format(time.RFC3339)
			}
			c.say("%s\t%s\tmade %s\t%s\t%s", p.ID, p.Label, p.Created.Format(time.RFC3339), used, state)
		}
		return nil
	})
}

type appPasswordRevoke struct {
	Login string `arg:""`
	ID    string `arg:"" help:"Its identifier or its label."`
}

func (a appPasswordRevoke) Run(cmds *commands, c console, ctx context.Context) error {
	return cmds.withAgent(ctx, a.Login, func(s *store.Store, agent gateway.Agent) error {
		all, err := s.AppPasswords(ctx, agent.ID)
		if err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(p gateway.AppPassword) bool {
			return !p.Revoked.IsZero() || p.ID.String() != a.ID && p.Label != a.ID
		})
		switch {
		case len(all) == 0:
			return fmt.Errorf("%s has no such app password in force", agent.Login)
		case len(all) > 1:
			return fmt.Errorf("%s has several app passwords of that label: give the identifier", agent.Login)
		}
		if err := s.RevokeAppPassword(ctx, all[0].ID); err != nil {
			return err
		}
		c.say("%s revoked.", all[0].Label)
		return nil
	})
}

// agentNotices shows what an agent is told by mail, and changes what is given.
type agentNotices struct {
	Login  string   `arg:""`
	Mute   []string `help:"Notices to do without: failed, read, delivered, unread."`
	Unmute []string `help:"Notices to have again."`
	Unread *int     `placeholder:"DAYS" help:"Be told of letters that nobody read for so many days; 0: as configured."`
	Digest *bool    `negatable:"" help:"Be told every morning what happened the day before."`
}

func (a agentNotices) Run(cmds *commands, c console, ctx context.Context) error {
	return cmds.withAgent(ctx, a.Login, func(s *store.Store, agent gateway.Agent) error {
		n, err := a.change(agent.Notices)
		if err != nil {
			return err
		}
		if err := s.SetNotices(ctx, agent.ID, n); err != nil {
			return err
		}
		for _, kind := range append(slices.Clone(gateway.MutableNotices()), gateway.NoticeDigest) {
			c.say("%s\t%s", kind, map[bool]string{true: "yes", false: "no"}[n.Wants(kind)])
		}
		days := "as configured"
		if n.UnreadDays > 0 {
			days = fmt.Sprint(n.UnreadDays)
		}
		c.say("days without reading\t%s", days)
		return nil
	})
}

func (a agentNotices) change(n gateway.Notices) (gateway.Notices, error) {
	for _, text := range slices.Concat(a.Mute, a.Unmute) {
		if !slices.Contains(gateway.MutableNotices(), gateway.NoticeKind(text)) {
			return n, fmt.Errorf("%q is not one of: %s", text, strings.Join(asTexts(gateway.MutableNotices()), ", "))
		}
	}
	for _, text := range a.Mute {
		if !slices.Contains(n.Muted, gateway.NoticeKind(text)) {
			n.Muted = append(n.Muted, gateway.NoticeKind(text))
		}
	}
	n.Muted = slices.DeleteFunc(n.Muted, func(k gateway.NoticeKind) bool { return slices.Contains(a.Unmute, string(k)) })
	if a.Unread != nil {
		if *a.Unread < 0 || *a.Unread > 90 {
			return n, fmt.Errorf("days without reading: from 0 to 90")
		}
		n.UnreadDays = *a.Unread
	}
	if a.Digest != nil {
		n.Digest = *a.Digest
	}
	return n, nil
}

func asTexts(kinds []gateway.NoticeKind) []string {
	all := make([]string, len(kinds))
	for i, k := range kinds {
		all[i] = string(k)
	}
	return all
}
