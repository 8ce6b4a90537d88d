package sandbox

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"strings"
)

// KitOptions says what the real world of a test is like; the zero value will do.
type KitOptions struct {
	Domain string // of the gateway; "courrier.acheteur.test" when empty
	// Boxes are mailboxes beside the gateway's, the agent's and the two companies'.
	Boxes []string
	// Smarthost and MailServer override parameters of main.cf.
	Smarthost, MailServer map[string]string
	// Introspect has Dovecot, and the smarthost that asks it, take access tokens (DovecotOptions).
	Introspect string
}

// Kit is the real world around a gateway under test: a Postfix smarthost that hands everything to a Postfix mail
// server, which delivers to Dovecot; and certificates. An address that nobody has (inconnue@entreprise.test) bounces.
type Kit struct {
	Domain string
	CA     string // file of the authority that signed every certificate, for 127.0.0.1 and localhost
	TLS    Pair   // for the gateway's own listeners

	Smarthost  *Postfix // SMTP on loopback without AUTH; Submission with STARTTLS and Relay's password
	MailServer *Postfix // where the world sends its mail to the gateway and to the companies
	Dovecot    *Dovecot

	Gateway   Account    // courrier@<Domain>: the mailbox that the gateway reads
	Relay     Account    // the gateway's login at the smarthost's submission port
	Agent     Account    // an agent's own mailbox, at acheteur.test
	Companies [2]Account // contact@entreprise.test, offres@chantier.test

	authority *Authority
	dir       string
}

// kitPassword opens every account of a kit.
const kitPassword = "bac-a-sable"

// StartKit starts everything and waits until it answers: about two seconds. It needs root (see StartPostfix).
func StartKit(ctx context.Context, o KitOptions) (*Kit, error) {
	if o.Domain == "" {
		o.Domain = "courrier.acheteur.test"
	}
	dir, err := os.MkdirTemp("", "vgm-kit-")
	if err != nil {
		return nil, fmt.Errorf("start the kit: %w", err)
	}
	account := func(address string) Account { return Account{Address: address, Password: kitPassword} }
	k := &Kit{
		Domain: o.Domain, dir: dir,
		Gateway: account("courrier@" + o.Domain), Relay: account("passerelle@relais.test"), Agent: account("agent@acheteur.test"),
		Companies: [2]Account{account("contact@entreprise.test"), account("offres@chantier.test")},
	}
	if err := k.start(ctx, o); err != nil {
		k.Stop()
		return nil, fmt.Errorf("start the kit: %w", err)
	}
	return k, nil
}

func (k *Kit) start(ctx context.Context, o KitOptions) (err error) {
	if k.authority, err = NewAuthority(k.dir); err != nil {
		return err
	}
	k.CA = k.authority.File
	if k.TLS, err = k.authority.Leaf("passerelle", k.Domain); err != nil {
		return err
	}
	servers, err := k.authority.Leaf("serveurs", "mail.test", "relais.test")
	if err != nil {
		return err
	}
	accounts := []Account{k.Gateway, k.Agent, k.Companies[0], k.Companies[1]}
	for _, address := range o.Boxes {
		accounts = append(accounts, Account{Address: address, Password: kitPassword})
	}
	var boxes []string
	for _, a := range accounts {
		boxes = append(boxes, a.Address)
	}
	if k.Dovecot, err = StartDovecot(ctx, DovecotOptions{Accounts: append(accounts, k.Relay), TLS: servers, Introspect: o.Introspect}); err != nil {
		return err
	}
	if k.MailServer, err = StartPostfix(ctx, PostfixOptions{
		Role: MailServer, Hostname: "mail.test", TLS: servers, CA: k.CA, LMTP: k.Dovecot.LMTP, Boxes: boxes, Extra: o.MailServer,
	}); err != nil {
		return err
	}
	k.Smarthost, err = StartPostfix(ctx, PostfixOptions{
		Role: Smarthost, Hostname: "relais.test", TLS: servers, CA: k.CA, Auth: k.Dovecot.Auth, Relay: k.MailServer.SMTP, Extra: o.Smarthost,
	})
	return err
}

// Client is the TLS configuration of a client that trusts the kit's authority alone.
func (k *Kit) Client() *tls.Config {
	return &tls.Config{RootCAs: k.authority.Pool(), ServerName: "localhost", MinVersion: tls.VersionTLS12}
}

// DKIMKey makes a private key for signatures, in PEM.
func (k *Kit) DKIMKey() (string, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return "", fmt.Errorf("make a DKIM key: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)})), nil
}

// Open looks into the mailbox of an account, until ctx ends or the Reader is closed.
func (k *Kit) Open(ctx context.Context, a Account) (*Reader, error) {
	return OpenMailbox(ctx, k.Dovecot.IMAPS, k.Client(), a.Address, a.Password)
}

// Wait gives the first message of the account's INBOX, present or to come, for which pleases is true (nil: any).
func (k *Kit) Wait(ctx context.Context, a Account, pleases func(raw string) bool) (string, error) {
	r, err := k.Open(ctx, a)
	if err != nil {
		return "", err
	}
	defer r.Close()
	return r.Wait(ctx, "INBOX", pleases)
}

// Stop ends every program and removes every file.
func (k *Kit) Stop() {
	if k.Smarthost != nil {
		k.Smarthost.Stop()
	}
	if k.MailServer != nil {
		k.MailServer.Stop()
	}
	if k.Dovecot != nil {
		k.Dovecot.Stop()
	}
	_ = os.RemoveAll(k.dir)
}

// Logs is the end of what every program said.
func (k *Kit) Logs() string {
	var b strings.Builder
	for name, s := range map[string]Service{"smarthost": k.Smarthost, "mail server": k.MailServer, "Dovecot": k.Dovecot} {
		fmt.Fprintf(&b, "== %s\n%s\n", name, s.Logs())
	}
	return b.String()
}
