package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"os"
	"path/filepath"
	"strings"
	"time"

	"vaguemestre/cmd/internal/daemon"
	"vaguemestre/gateway"
	"vaguemestre/gateway/config"
	"vaguemestre/gateway/intake"
	"vaguemestre/gateway/intake/form"
	"vaguemestre/gateway/message"
	"vaguemestre/gateway/store"
	"vaguemestre/tracking/api/view"
)

// courierSend hands in a courier under every rule of the mail door, in the name of an agent.
type courierSend struct {
	File  string `arg:"" optional:"" type:"existingfile" help:"A mail as a client would send it, to its To, Cc and Bcc; without one, what the options say, or standard input."`
	Agent string `required:"" help:"Login of the agent in whose name it is sent."`
	Once  string `help:"Your own name for this courier: said again with the same content it is the same courier, with another it is refused."`

	Consultation string   `help:"Its reference or address. Options outrank what a mail says."`
	Type         string   `help:"Code of the type: libre, rejet…"`
	To           []string `sep:"none" help:"Address of a company; repeat for several."`
	Register     []string `help:"Every company of a register: retraits, depots, questions, phase-precedente."`
	Company      []string `help:"A company by its ref; repeat for several."`
	Subject      string   `help:"Subject; the model's without one."`
	Body         string   `help:"Text; - reads standard input; the model's without one."`
	Attach       []string `type:"existingfile" sep:"none" help:"File to attach; repeat for several."`
	Acknowledged *bool    `negatable:"" help:"The content is behind the link; the type's choice without it."`
	Reply        *bool    `negatable:"" help:"The company may reply."`
	ReplyBy      string   `help:"Until when: 2027-03-20 12:00."`
	Sealed       *bool    `negatable:"" help:"Replies stay sealed until then."`
	asJSON
}

func (s courierSend) options() form.Options {
	o := form.Options{
		Consultation: s.Consultation, Type: gateway.TypeCode(s.Type), Subject: s.Subject, To: s.To, Companies: s.Company,
		Acknowledged: s.Acknowledged, Reply: s.Reply, ReplyBy: s.ReplyBy, Sealed: s.Sealed,
	}
	for _, r := range s.Register {
		o.Registers = append(o.Registers, gateway.Register(r))
	}
	return o
}

// written tells that options say the courier, rather than a mail.
func (s courierSend) written() bool {
	return s.File == "" && s.Subject+s.Body+s.Consultation != "" || len(s.Attach) > 0
}

func (s courierSend) Run(cmds *commands, c console, ctx context.Context) error {
	if s.File != "" && (s.Subject != "" || s.Body != "" || len(s.Attach) > 0) {
		return errors.New("a mail has its own subject, text and files: give either a file or these options")
	}
	said, err := s.options().Wish()
	if err != nil {
		return err
	}
	return cmds.withConfig(ctx, func(cfg config.Config, st *store.Store) error {
		agent, err := st.AgentByLogin(ctx, s.Agent)
		if errors.Is(err, gateway.ErrNotFound) {
			return fmt.Errorf("no agent has the login %q", s.Agent)
		}
		if err != nil {
			return err
		}
		desk, err := daemon.NewDesk(cfg, st, time.Now)
		if err != nil {
			return err
		}
		submission := intake.Submission{Agent: agent, Door: gateway.DoorCommand, Said: said, Recipients: s.To, Message: st.Spool()}
		defer submission.Message.Discard()
		if s.Once != "" {
			submission.Claim = gateway.HashOf([]byte("command\x00" + agent.ID.String() + "\x00" + s.Once))
		}
		if err := s.compose(c, cfg, &submission); err != nil {
			return err
		}
		receipt, err := desk.Submit(ctx, submission)
		if err != nil {
			return c.refused("", err)
		}
		return s.show(c, view.OfReceipt(receipt), func() error {
			if receipt.Courier.ID.IsZero() {
				c.say("%s", receipt.Text)
			} else {
				c.say("%s %s", receipt.Courier.ID, receipt.Text)
			}
			return nil
		})
	})
}

// compose makes the message, from the options or from a mail.
func (s courierSend) compose(c console, cfg config.Config, to *intake.Submission) error {
	if s.written() {
		return s.write(c, cfg, to)
	}
	from := c.in
	if s.File != "" {
		f, err := os.Open(s.File)
		if err != nil {
			return err
		}
		defer f.Close()
		from = f
	}
	most := cfg.Submission.MaxBytes
	if err := daemon.Mail(to.Message, io.LimitReader(from, most+1)); err != nil {
		return fmt.Errorf("read the mail: %w", err)
	}
	if to.Message.Size() > most {
		return fmt.Errorf("the mail has more than %d octets", most)
	}
	m, err := message.Read(to.Message.ReaderAt(), to.Message.Size(), daemon.Limits(cfg))
	if err != nil {
		return c.refused("", daemon.Refusals{gateway.FaultOf(err)})
	}
	for _, name := range []string{"To", "Cc", "Bcc"} {
		for _, a := range m.Header().Addresses(name) {
			to.Recipients = append(to.Recipients, a.Address)
		}
	}
	return nil
}

// write makes the message that the options say. Under a name of its own it bears a Message-ID made of that name.
func (s courierSend) write(c console, cfg config.Config, to *intake.Submission) error {
	if len(to.Agent.Addresses) == 0 {
		return fmt.Errorf("%s has no address to write from", to.Agent.Login)
	}
	id := ""
	if !to.Claim.IsZero() {
		id = "<" + to.Claim.String() + "@" + cfg.Domain + ">"
	}
	m, err := form.New(to.Message, to.Agent, s.options(), id)
	if err != nil {
		return err
	}
	text := s.Body
	if text == "-" {
		var b strings.Builder
		if _, err := io.Copy(&b, io.LimitReader(c.in, maxBody)); err != nil {
			return fmt.Errorf("read the text: %w", err)
		}
		text = b.String()
	}
	if err := m.Text(text); err != nil {
		return err
	}
	for _, path := range s.Attach {
		if err := attach(m, path); err != nil {
			return fmt.Errorf("attach %s: %w", path, err)
		}
	}
	return m.Close()
}

// maxBody bounds a text from standard input, in octets.
const maxBody = 1 << 20

func attach(m *form.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return m.File(filepath.Base(path), mime.TypeByExtension(filepath.Ext(path)), f)
}
