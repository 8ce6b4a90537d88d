package daemon

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"time"

	"vaguemestre/configs"
	"vaguemestre/gateway/account"
	"vaguemestre/gateway/config"
	"vaguemestre/gateway/intake"
	"vaguemestre/gateway/intake/kinds"
	"vaguemestre/tracking/api"
	"vaguemestre/tracking/console"
	"vaguemestre/tracking/web"
)

// openIDReturn is where the provider sends agents back to.
const openIDReturn = "/connexion/openid/retour"

// makeConsole makes the agents' pages, when they are asked for.
func (d *Daemon) makeConsole(in *intake.Intake, accounts *account.Accounts) error {
	c := d.cfg.Console
	if c.Listen == "" {
		return nil
	}
	proxies, err := prefixes(c.TrustedProxy)
	if err != nil {
		return err
	}
	theme, err := web.LoadTheme(d.cfg.Theme)
	if err != nil {
		return err
	}
	types, err := kinds.Load(configs.Courriers(), d.cfg.Courriers)
	if err != nil {
		return err
	}
	provider, err := newOpenID(c)
	if err != nil {
		return err
	}
	h, err := console.New(console.Options{
		BaseURL: c.BaseURL, Domain: d.cfg.Domain, Name: serviceName, Theme: theme, Mail: d.mailDoors(),
		MaxPlain: d.cfg.Couriers.MaxPlain, MaxFiles: d.cfg.Couriers.MaxAcknowledged, PerMinute: c.PerMinute, Live: c.Live, LivePerAgent: c.LivePerAgent, TrustedProxies: proxies,
		Idle: c.Idle.Of(), Lifetime: c.Lifetime.Of(), OpenID: provider, Now: d.now, Logger: d.log, Registerer: d.registry,
	}, console.Deps{Store: d.store, Accounts: accounts, Intake: in, Prover: d.proof, Composer: d.composer, Pager: trialPager{d}, Matcher: d.mailboxes, Vault: d.vault, Instruments: instruments{d}, Node: d.owner(), APIKeys: console.APIKeys{Scopes: api.Scopes(), New: api.NewKey}, Kinds: types, Tokens: d.ring})
	if err != nil {
		return err
	}
	var t *tls.Config
	if c.Certificate != "" {
		cert, err := d.certificate("console", c.Certificate, c.Key)
		if err != nil {
			return err
		}
		t = cert.config()
	}
	d.console = newHTTPServer("console", h, t, d.log)
	d.drains = append(d.drains, h.Drain)
	d.add("words", h.Words(d.owner()).Run)
	return nil
}

// newOpenID is nil when no provider is configured.
func newOpenID(c config.Console) (*console.OpenID, error) {
	o := c.OIDC
	if o.Issuer == "" {
		return nil, nil
	}
	password, err := o.ClientSecret.Read()
	if err != nil {
		return nil, fmt.Errorf("console.oidc.client_secret: %w", err)
	}
	roots, err := Authorities(o.CA)
	if err != nil {
		return nil, fmt.Errorf("console.oidc.ca: %w", err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true // agents sign in now and then: nothing of it stays
	transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	return console.NewOpenID(console.OpenIDOptions{
		Issuer: o.Issuer, ClientID: o.ClientID, ClientSecret: password, Name: o.Name, Claim: o.Claim, Scopes: o.Scopes,
		Redirect: c.BaseURL + openIDReturn, Client: &http.Client{Transport: transport, Timeout: 15 * time.Second},
	}), nil
}

// mailDoors says where agents' mail clients submit, as far as the configuration tells.
func (d *Daemon) mailDoors() console.Mail {
	m := console.Mail{Host: d.hostname, IMAP: d.cfg.Console.IMAP}
	if _, port, err := net.SplitHostPort(d.cfg.Submission.StartTLS); err == nil {
		m.StartTLS = port
	}
	if _, port, err := net.SplitHostPort(d.cfg.Submission.TLS); err == nil {
		m.TLS = port
	}
	return m
}
