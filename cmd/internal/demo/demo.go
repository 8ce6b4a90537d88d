// Package demo shows the main job on one machine with nothing to install: a real gateway on SQLite, in a
// small world of its own (deploy/sandbox), on loopback sockets.
//
// It promises that what it shows is the product: the same daemon, real SMTP, IMAP and HTTP; nothing is played
// but the people. A crash leaves a temporary folder.
package demo

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"vaguemestre/cmd/internal/daemon"
	"vaguemestre/deploy/sandbox"
	"vaguemestre/gateway"
	"vaguemestre/gateway/account"
	"vaguemestre/gateway/config"
	"vaguemestre/gateway/store"
)

// The demo's people and places.
const (
	domain     = "courrier.adn.example"
	login      = "victoria"
	agentName  = "Victoria Brun"
	agentMail  = "victoria.brun@adn.example"
	company    = "contact@entreprise-x.example"
	reference  = "TESTESR2020"
	publicBody = "Agence Départementale du Numérique"
)

// Options says how to show it.
type Options struct {
	Once  bool   // play the people too, write the proof, and end
	Proof string // where the proof is written
	Out   io.Writer
	Log   *slog.Logger
	// Ports that a person types into a mail client; taken when free, else any free port.
	SMTP, Pages, Console string
}

// Demo is a running demonstration.
type Demo struct {
	o        Options
	dir      string
	world    *sandbox.World
	daemon   *daemon.Daemon
	store    *store.Store
	roots    *x509.CertPool
	password string
}

// Run shows it until ctx ends, or once.
func Run(ctx context.Context, o Options) (err error) {
	dir, err := os.MkdirTemp("", "vaguemestre-demo-")
	if err != nil {
		return fmt.Errorf("make the demo's folder: %w", err)
	}
	d := &Demo{o: o, dir: dir, password: rand.Text()[:12]}
	defer func() { err = errors.Join(err, d.stop(ctx)) }()
	if err := d.start(ctx); err != nil {
		return err
	}
	if o.Once {
		return d.once(ctx)
	}
	return d.stay(ctx)
}

func (d *Demo) start(ctx context.Context) (err error) {
	d.world, err = sandbox.StartWorld(ctx, sandbox.WorldOptions{Domain: domain, Logger: d.o.Log})
	if err != nil {
		return err
	}
	cfg, err := d.config()
	if err != nil {
		return err
	}
	if d.daemon, err = daemon.New(ctx, cfg, daemon.Options{Log: d.o.Log}); err != nil {
		return err
	}
	d.store = d.daemon.Store()
	if err := d.feed(ctx); err != nil {
		return err
	}
	return d.daemon.Start(ctx)
}

func (d *Demo) stop(ctx context.Context) error {
	ctx, done := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer done()
	var err error
	if d.daemon != nil {
		err = d.daemon.Stop(ctx)
	}
	if d.world != nil {
		d.world.Stop()
	}
	return errors.Join(err, os.RemoveAll(d.dir))
}

// config is the one that an administrator would write for this world.
func (d *Demo) config() (config.Config, error) {
	authority, err := sandbox.NewAuthority(d.dir)
	if err != nil {
		return config.Config{}, err
	}
	d.roots = authority.Pool()
	pair, err := authority.Leaf("submission")
	if err != nil {
		return config.Config{}, err
	}
	secret := filepath.Join(d.dir, "imap.password")
	if err := os.WriteFile(secret, []byte(d.world.IMAPPassword), 0o600); err != nil {
		return config.Config{}, fmt.Errorf("write the mailbox's password: %w", err)
	}
	c := config.Default()
	c.Domain, c.DataDir, c.Couriers.Postmaster = domain, filepath.Join(d.dir, "data"), "admin@adn.example"
	c.Couriers.LookUp = false // no packet leaves this machine
	s := &c.Submission
	s.Hostname, s.StartTLS, s.TLS, s.Certificate, s.Key = "localhost", free(d.o.SMTP), "", pair.Certificate, pair.Key
	c.Relay.Smarthosts = []config.Smarthost{{Address: d.world.SMTP, TLS: "verified", CA: d.world.CA, ServerName: "localhost", Connections: 4}}
	m := config.DefaultMailbox()
	m.Address, m.TLS, m.CA, m.ServerName, m.Username, m.Password = d.world.IMAPS, "implicit", d.world.CA, "localhost", d.world.IMAPUser, config.Secret("file:"+secret)
	m.Poll = config.Duration(2 * time.Second)
	c.Mailboxes = []config.Mailbox{m}
	c.Link.Listen = free(d.o.Pages)
	c.Link.BaseURL = "http://" + c.Link.Listen
	c.Console.Listen = free(d.o.Console)
	c.Console.BaseURL = "http://" + c.Console.Listen
	c.Ledger.Interval = config.Duration(200 * time.Millisecond)
	c.Metrics.Listen = "127.0.0.1:0"
	if problems := c.Check(); len(problems) > 0 {
		return c, problems
	}
	return c, nil
}

// free is the address asked for when nobody listens there, else a free port of the same host. Somebody may take it
// meanwhile: the start then fails and says so.
func free(address string) string {
	l, err := net.Listen("tcp", address)
	if err != nil {
		l, err = net.Listen("tcp", "127.0.0.1:0")
	}
	if err != nil {
		return address
	}
	defer l.Close()
	return l.Addr().String()
}

// feed puts in what the manual shows: the consultation, its registers, and the agent.
func (d *Demo) feed(ctx context.Context) error {
	about, err := d.store.PutConsultation(ctx, gateway.Consultation{
		Reference: reference, Address: strings.ToLower(reference), Title: reference, Object: "test",
		Deadline: time.Now().AddDate(0, 0, -1).Truncate(time.Hour), PublicBody: publicBody, Zone: gateway.DefaultZone, Language: "fr",
	})
	if err != nil {
		return err
	}
	err = d.store.PutCompanies(ctx, about.ID, []gateway.Company{
		{Ref: "entreprise-x", Name: "Entreprise X", Addresses: []string{company}, Registers: []gateway.Register{gateway.Retraits, gateway.Depots, gateway.PhasePrecedente}},
		{Ref: "entreprise-y", Name: "Entreprise Y", Addresses: []string{"marches@entreprise-y.example"}, Registers: []gateway.Register{gateway.Retraits, gateway.PhasePrecedente}},
		{Ref: "entreprise-z", Name: "Entreprise Z", Addresses: []string{"inconnu@entreprise-z.example"}, Registers: []gateway.Register{gateway.Retraits}},
	}, store.Replace)
	if err != nil {
		return err
	}
	hash, err := account.Hash(d.password)
	if err != nil {
		return err
	}
	agent, err := d.store.PutAgent(ctx, gateway.Agent{Login: login, Name: agentName, Addresses: []string{agentMail}, Password: hash})
	if err != nil {
		return err
	}
	return d.store.Entitle(ctx, agent.ID, about.ID)
}

func (d *Demo) say(format string, args ...any) { _, _ = fmt.Fprintf(d.o.Out, format+"\n", args...) } // nobody to tell when the terminal is gone

func (d *Demo) clientTLS() *tls.Config {
	return &tls.Config{RootCAs: d.roots, ServerName: "localhost", MinVersion: tls.VersionTLS12}
}
