package daemon

import (
	"crypto/tls"
	"fmt"

	"vaguemestre/gateway/config"
	"vaguemestre/gateway/oauth"
	"vaguemestre/gateway/seal"
	"vaguemestre/gateway/store"
	"vaguemestre/inbound/correlate"
	"vaguemestre/inbound/mailbox"
	"vaguemestre/outbound/compose"
	"vaguemestre/outbound/notice"
	"vaguemestre/outbound/queue"
)

// serviceName is what people call the gateway in its own mails: "<company> via <serviceName>".
const serviceName = "Vaguemestre"

// makeOutbound makes what composes, and what delivers.
func (d *Daemon) makeOutbound() error {
	d.composer = &composer{
		ring: d.ring, store: d.store, requireTLS: d.cfg.Relay.RequireTLS, now: d.now, shelf: &compose.Shelf{},
		notices: notice.New(notice.Options{Domain: d.cfg.Domain, Name: serviceName, MaxBytes: d.cfg.Notices.MaxBytes}, d.store, d.ring),
	}
	r, err := NewRelay(d.cfg, d.tokens, d.log, d.registry, d.now)
	if err != nil {
		return err
	}
	q := queue.New(queue.Options{
		Owner: d.owner(), Workers: d.cfg.Queue.Workers, Lease: d.cfg.Queue.Lease.Of(), Lifetime: d.cfg.Queue.Lifetime.Of(), Grace: d.cfg.Queue.Grace.Of(),
		Now: d.now, Logger: d.log, Registerer: d.registry,
	}, d.store, d.composer, r)
	d.relay = r
	d.add("relay", r.Run)
	d.add("queue", q.Run)
	scheduler, err := d.newScheduler()
	if err != nil {
		return err
	}
	d.add("notices", scheduler.Run)
	return nil
}

// makeInbound makes what reads the mailboxes.
func (d *Daemon) makeInbound() (err error) {
	if d.mailboxes, err = d.newMailboxes(); err != nil {
		return err
	}
	d.add("mailboxes", d.mailboxes.Run)
	if d.cfg.Store.Driver == store.Postgres { // there are others
		d.add("nodes", d.tellNodes)
	}
	d.add("seals", seal.NewOpener(seal.Options{Now: d.now, Logger: d.log, Registerer: d.registry}, d.vault, d.store).Run)
	return nil
}

func (d *Daemon) newMailboxes() (*mailbox.Service, error) {
	o := mailbox.Options{
		Owner: d.owner(), Limits: Limits(d.cfg), MaxSize: d.cfg.Submission.MaxBytes, Vault: d.vault,
		Rules: correlate.Rules{Domain: correlate.Domain{Name: d.cfg.Domain, Ring: d.ring}, Administrator: d.cfg.Couriers.Postmaster},
		Now:   d.now, Logger: d.log, Registerer: d.registry,
	}
	var err error
	if o.Accounts, err = MailAccounts(d.cfg, d.tokens); err != nil {
		return nil, err
	}
	return mailbox.New(o, d.store)
}

// MailAccounts are the mailboxes of the configuration, ready to be opened.
func MailAccounts(c config.Config, tokens map[string]*oauth.Source) (accounts []mailbox.Account, err error) {
	for _, m := range c.Mailboxes {
		a, err := mailAccount(m, tokens)
		if err != nil {
			return nil, fmt.Errorf("mailbox %s: %w", m.Name, err)
		}
		accounts = append(accounts, a)
	}
	return accounts, nil
}

func mailAccount(m config.Mailbox, tokens map[string]*oauth.Source) (mailbox.Account, error) {
	roots, err := Authorities(m.CA)
	if err != nil {
		return mailbox.Account{}, err
	}
	password, err := m.Password.Read()
	if err != nil {
		return mailbox.Account{}, fmt.Errorf("password: %w", err)
	}
	a := mailbox.Account{
		Name: m.Name, Address: m.Address, TLS: m.TLS, Auth: m.Auth, Username: m.Username, Password: password,
		TLSConfig: &tls.Config{RootCAs: roots, ServerName: m.ServerName, MinVersion: tls.VersionTLS12},
		Folder:    m.Folder, Done: m.Done, AuthServ: m.AuthServ, Poll: m.Poll.Of(),
	}
	if m.OAuth != "" {
		a.Token, err = tokenSource(tokens, m.OAuth)
	}
	return a, err
}
