package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/mail"
	"strings"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/account"
	"vaguemestre/gateway/store"
	"vaguemestre/tracking/api/view"
)

type agentCommand struct {
	Add         agentAdd         `cmd:"" help:"Add an agent, or change their name and addresses."`
	Passwd      agentPasswd      `cmd:"" help:"Set an agent's password."`
	Entitle     agentEntitle     `cmd:"" help:"Let an agent write about consultations."`
	Revoke      agentRevoke      `cmd:"" help:"Take an entitlement back."`
	Disable     agentDisable     `cmd:"" help:"Close an account: it can no longer log in."`
	Promote     agentPromote     `cmd:"" help:"Make an agent an administrator in the console."`
	AppPassword agentAppPassword `cmd:"" help:"One password for each of an agent's devices."`
	Notices     agentNotices     `cmd:"" help:"Show and change what an agent is told by mail."`
	List        agentList        `cmd:"" help:"List agents and what they may write about."`
}

// password says where a new password comes from.
type password struct {
	PasswordStdin bool `help:"Read the password from the first line of standard input; without it one is made and printed."`
}

const minPassword = 12 // characters

// choose reads or makes a password; made tells the caller to print it.
func (p password) choose(in io.Reader) (text string, made bool, err error) {
	if !p.PasswordStdin {
		return rand.Text(), true, nil // 26 characters, 128 bits
	}
	line, err := bufio.NewReader(io.LimitReader(in, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", false, fmt.Errorf("read the password: %w", err)
	}
	text = strings.TrimRight(line, "\r\n")
	if len([]rune(text)) < minPassword {
		return "", false, fmt.Errorf("the password needs at least %d characters", minPassword)
	}
	return text, false, nil
}

type agentAdd struct {
	Administrator bool     `help:"They also see to the gateway itself in the console: queue, quarantine, agents."`
	Directory     bool     `help:"The configured directory (accounts.ldap) checks the password: none is made here."`
	Login         string   `arg:"" help:"User name in the mail client."`
	Name          string   `required:"" help:"Name shown to companies."`
	Address       []string `required:"" sep:"none" help:"Address the agent writes from; repeat for several, the first gets the notices."`
	password
}

func (a agentAdd) Run(cmds *commands, c console, ctx context.Context) error {
	for i, address := range a.Address {
		parsed, err := mail.ParseAddress(address)
		if err != nil || parsed.Address != address {
			return fmt.Errorf("%q is no mail address", address)
		}
		a.Address[i] = strings.ToLower(address)
	}
	text, made, err := a.choose(c.in)
	if err != nil {
		return err
	}
	hash, err := account.Hash(text)
	if err != nil {
		return err
	}
	return cmds.withStore(ctx, func(s *store.Store) error {
		agent, err := s.AgentByLogin(ctx, strings.ToLower(a.Login))
		exists := err == nil
		if err != nil && !errors.Is(err, gateway.ErrNotFound) {
			return err
		}
		agent.Login, agent.Name, agent.Addresses = strings.ToLower(a.Login), a.Name, a.Address
		if !exists {
			agent.ID, agent.Password = gateway.NewID(time.Now()), hash
		}
		agent.Administrator = agent.Administrator || a.Administrator
		if a.Directory {
			agent.Password = ""
		}
		if _, err := s.PutAgent(ctx, agent); err != nil {
			return err
		}
		switch {
		case a.Directory:
			c.say("%s %s; the directory checks the password.", agent.Login, map[bool]string{true: "changed", false: "added"}[exists])
		case exists:
			c.say("%s changed; the password stays (agent passwd sets another).", agent.Login)
		case made:
			c.say("%s added. Password: %s", agent.Login, text)
		default:
			c.say("%s added.", agent.Login)
		}
		return nil
	})
}

type agentPasswd struct {
	Login string `arg:""`
	password
}

func (a agentPasswd) Run(cmds *commands, c console, ctx context.Context) error {
	text, made, err := a.choose(c.in)
	if err != nil {
		return err
	}
	hash, err := account.Hash(text)
	if err != nil {
		return err
	}
	return cmds.withAgent(ctx, a.Login, func(s *store.Store, agent gateway.Agent) error {
		if err := s.SetPassword(ctx, agent.ID, hash); err != nil {
			return err
		}
		if made {
			c.say("Password of %s: %s", agent.Login, text)
			return nil
		}
		c.say("Password of %s changed.", agent.Login)
		return nil
	})
}

type agentDisable struct {
	Login string `arg:""`
	Undo  bool   `help:"Open the account again."`
}

func (a agentDisable) Run(cmds *commands, c console, ctx context.Context) error {
	return cmds.withAgent(ctx, a.Login, func(s *store.Store, agent gateway.Agent) error {
		agent.Disabled = !a.Undo
		if err := s.SetDisabled(ctx, agent.ID, agent.Disabled); err != nil {
			return err
		}
		c.say("%s is %s.", agent.Login, map[bool]string{true: "closed", false: "open"}[agent.Disabled])
		return nil
	})
}

type agentPromote struct {
	Login string `arg:""`
	Undo  bool   `help:"Make them an agent like the others again."`
}

func (a agentPromote) Run(cmds *commands, c console, ctx context.Context) error {
	return cmds.withAgent(ctx, a.Login, func(s *store.Store, agent gateway.Agent) error {
		agent.Administrator = !a.Undo
		if _, err := s.PutAgent(ctx, agent); err != nil {
			return err
		}
		c.say("%s is %s.", agent.Login, map[bool]string{true: "an administrator", false: "an agent"}[agent.Administrator])
		return nil
	})
}

type entitlement struct {
	Login     string   `arg:""`
	Reference []string `arg:"" help:"References of consultations, as imported."`
}

func (e entitlement) each(cmds *commands, ctx context.Context, do func(*store.Store, gateway.Agent, gateway.Consultation) error) error {
	return cmds.withAgent(ctx, e.Login, func(s *store.Store, agent gateway.Agent) error {
		for _, reference := range e.Reference {
			consultation, err := s.ConsultationByReference(ctx, reference)
			if errors.Is(err, gateway.ErrNotFound) {
				return fmt.Errorf("no consultation has the reference %q", reference)
			}
			if err == nil {
				err = do(s, agent, consultation)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

type agentEntitle struct{ entitlement }

func (a agentEntitle) Run(cmds *commands, c console, ctx context.Context) error {
	return a.each(cmds, ctx, func(s *store.Store, agent gateway.Agent, about gateway.Consultation) error {
		if err := s.Entitle(ctx, agent.ID, about.ID); err != nil {
			return err
		}
		c.say("%s may write about %s.", agent.Login, about.Reference)
		return nil
	})
}

type agentRevoke struct{ entitlement }

func (a agentRevoke) Run(cmds *commands, c console, ctx context.Context) error {
	return a.each(cmds, ctx, func(s *store.Store, agent gateway.Agent, about gateway.Consultation) error {
		if err := s.Revoke(ctx, agent.ID, about.ID); err != nil {
			return err
		}
		c.say("%s may no longer write about %s.", agent.Login, about.Reference)
		return nil
	})
}

type agentList struct{ asJSON }

func (l agentList) Run(cmds *commands, c console, ctx context.Context) error {
	return cmds.withStore(ctx, func(s *store.Store) error {
		agents, err := s.Agents(ctx)
		if err != nil {
			return err
		}
		may, err := s.Entitlements(ctx)
		if err != nil {
			return err
		}
		return l.show(c, view.OfAgents(agents, may), func() error {
			for _, agent := range agents {
				state := ""
				if agent.Disabled {
					state = " (closed)"
				}
				if agent.Administrator {
					state += " (administrator)"
				}
				c.say("%s%s\t%s\t%s\t%s", agent.Login, state, agent.Name, strings.Join(agent.Addresses, ", "), strings.Join(may[agent.ID], ", "))
			}
			return nil
		})
	})
}
