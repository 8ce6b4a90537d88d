package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"vaguemestre/configs"
	"vaguemestre/gateway"
	"vaguemestre/gateway/address"
	"vaguemestre/gateway/config"
	"vaguemestre/gateway/intake/kinds"
	"vaguemestre/gateway/kit"
	"vaguemestre/gateway/store"
)

type kitCommand struct {
	Addressbook kitBook   `cmd:"" help:"Write an agent's address book: every address by which they can say what they want."`
	Mailto      kitMailto `cmd:"" help:"Write links that open the agent's own mail client with address, subject and model filled in."`
}

// kitOf is what an agent's kit is made of.
type kitOf struct {
	grammar *address.Grammar
	kinds   *kinds.Set
	abouts  []kit.About
}

// withKit reads what the agent may write about, archived consultations apart; reference chooses one.
func (cmds *commands) withKit(ctx context.Context, login, reference string, do func(kitOf) error) error {
	return cmds.withConfig(ctx, func(cfg config.Config, s *store.Store) error {
		agent, err := s.AgentByLogin(ctx, strings.ToLower(login))
		if errors.Is(err, gateway.ErrNotFound) {
			return fmt.Errorf("no agent has the login %q", login)
		}
		if err != nil {
			return err
		}
		var k kitOf
		if k.kinds, err = kinds.Load(configs.Courriers(), cfg.Courriers); err != nil {
			return err
		}
		if k.grammar, err = address.New(cfg.Domain, k.kinds.Codes()); err != nil {
			return err
		}
		if k.abouts, err = abouts(ctx, s, agent.ID, reference); err != nil {
			return err
		}
		return do(k)
	})
}

func abouts(ctx context.Context, s *store.Store, agent gateway.ID, reference string) ([]kit.About, error) {
	consultations, err := s.EntitledConsultations(ctx, agent)
	if err != nil {
		return nil, err
	}
	var all []kit.About
	for _, c := range consultations {
		if !c.Archived.IsZero() || reference != "" && c.Reference != reference {
			continue
		}
		companies, err := s.Companies(ctx, c.ID, "")
		if err != nil {
			return nil, err
		}
		all = append(all, kit.About{Consultation: c, Companies: companies})
	}
	if reference != "" && len(all) == 0 {
		return nil, fmt.Errorf("this agent may not write about an open consultation %q", reference)
	}
	return all, nil
}

type kitBook struct {
	Login  string `arg:""`
	Format string `enum:"vcard,ldif,csv" default:"vcard" help:"vcard (RFC 6350), ldif (RFC 2849) or csv (Thunderbird)."`
	Out    string `help:"File to write; standard output without it." type:"path"`
}

func (k kitBook) Run(cmds *commands, c console, ctx context.Context) error {
	return cmds.withKit(ctx, k.Login, "", func(of kitOf) error {
		book := kit.Book(of.grammar, "fr", of.kinds.Types(), of.abouts)
		write := map[string]func(io.Writer, []kit.Entry) error{"vcard": kit.VCard, "ldif": kit.LDIF, "csv": kit.CSV}[k.Format]
		if k.Out == "" {
			return write(c.out, book)
		}
		f, err := os.Create(k.Out)
		if err != nil {
			return err
		}
		if err := errors.Join(write(f, book), f.Close()); err != nil {
			return err
		}
		c.say("%d addresses in %s", len(book), k.Out)
		return nil
	})
}

type kitMailto struct {
	Login     string `arg:""`
	Reference string `help:"Only this consultation."`
	Type      string `help:"Only this type of courier."`
}

func (k kitMailto) Run(cmds *commands, c console, ctx context.Context) error {
	return cmds.withKit(ctx, k.Login, k.Reference, func(of kitOf) error {
		if _, known := of.kinds.Type(gateway.TypeCode(k.Type)); k.Type != "" && !known {
			return fmt.Errorf("no courier type is called %q", k.Type)
		}
		for _, about := range of.abouts {
			for _, t := range of.kinds.Types() {
				if k.Type != "" && string(t.Code) != k.Type {
					continue
				}
				if err := of.link(c, about, t); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// link says one, and tells apart those whose model had to be cut.
func (of kitOf) link(c console, about kit.About, t gateway.CourierType) error {
	to, err := kit.Control(of.grammar, about, t)
	if err != nil {
		return err
	}
	language := about.Consultation.Language
	fields := kinds.FieldsOf(about.Consultation.Block(), time.Time{})
	whole, _ := of.grammar.Format(address.Wish{Name: about.Consultation.Address, Type: t.Code, Action: address.Model})
	link, short := kit.Mailto(kit.Model{
		To: to, Subject: of.kinds.Subject(t.Code, language, fields), Body: of.kinds.Body(t.Code, language, fields),
		Cut: "[Modèle raccourci : pour le recevoir en entier, écrivez à " + whole + "]",
	})
	if short {
		_, _ = fmt.Fprintf(c.err, "%s, %s: the model is too long for a link and was cut; %s mails it whole\n", about.Consultation.Reference, t.Code, whole) // nobody to tell when the terminal is gone
	}
	c.say("%s\t%s\t%s", about.Consultation.Reference, t.Code, link)
	return nil
}
