package config

import (
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Console is the agents' pages.
type Console struct {
	Listen       string   `toml:"listen"` // empty: none
	BaseURL      string   `toml:"base_url"`
	Certificate  string   `toml:"certificate"`
	Key          string   `toml:"key"`
	TrustedProxy []string `toml:"trusted_proxies"`
	PerMinute    int      `toml:"requests_per_minute"`
	Live         int      `toml:"live_pages"`
	LivePerAgent int      `toml:"live_pages_per_agent"`
	Idle         Duration `toml:"session_idle"`
	Lifetime     Duration `toml:"session_lifetime"`
	IMAP         string   `toml:"imap"` // of the agents' own mailboxes, told to their mail clients; empty: not told
	OIDC         OIDC     `toml:"oidc"`
}

// OIDC is the OpenID Connect provider that agents may sign in with.
type OIDC struct {
	Issuer       string   `toml:"issuer"` // empty: none
	Name         string   `toml:"name"`   // on the button
	ClientID     string   `toml:"client_id"`
	ClientSecret Secret   `toml:"client_secret"`
	Claim        string   `toml:"claim"` // "email": a verified address of the account; any other: its login
	Scopes       []string `toml:"scopes"`
	CA           string   `toml:"ca"`
}

func defaultConsole() Console {
	return Console{TrustedProxy: []string{}, PerMinute: 600, Live: 400, LivePerAgent: 5, Idle: Duration(time.Hour), Lifetime: Duration(12 * time.Hour), OIDC: OIDC{Claim: "email", Scopes: []string{"email"}}}
}

func (k *checker) console(c Console) {
	k.listen("console.listen", c.Listen, true)
	k.pair("console.certificate", c.Certificate, c.Key)
	k.positive("console.requests_per_minute", int64(c.PerMinute))
	k.positive("console.live_pages", int64(c.Live))
	k.positive("console.live_pages_per_agent", int64(c.LivePerAgent))
	k.positive("console.session_idle", int64(c.Idle))
	if c.Lifetime < c.Idle {
		k.say("console.session_lifetime", "must be at least session_idle")
	}
	for _, p := range c.TrustedProxy {
		if _, err := netip.ParsePrefix(p); err != nil {
			k.say("console.trusted_proxies", "%q is no network such as 10.0.0.0/8", p)
		}
	}
	if c.IMAP != "" {
		if host, port, err := net.SplitHostPort(c.IMAP); err != nil || host == "" || port == "" {
			k.say("console.imap", "%q is no server with its port, such as imap.ville.example:993", c.IMAP)
		}
	}
	if c.Listen == "" {
		return
	}
	u, err := url.Parse(c.BaseURL)
	switch {
	case c.BaseURL == "":
		k.say("console.base_url", "is required: the address of the console as agents see it, such as https://agents.example.fr")
	case err != nil || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		k.say("console.base_url", "%q is no address such as https://agents.example.fr, without a path or a final slash", c.BaseURL)
	case u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() != "localhost" && !loopback(net.JoinHostPort(u.Hostname(), "80"))):
		k.say("console.base_url", "must begin with https://: sessions would travel in clear")
	}
	k.oidc(c.OIDC)
}

func (k *checker) oidc(o OIDC) {
	if o.Issuer == "" {
		return
	}
	u, err := url.Parse(o.Issuer)
	if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !loopback(net.JoinHostPort(u.Hostname(), "80"))) {
		k.say("console.oidc.issuer", "%q is no https address of a provider", o.Issuer)
	}
	if o.ClientID == "" {
		k.say("console.oidc.client_id", "is required with an issuer")
	}
	if strings.TrimSpace(o.Claim) == "" {
		k.say("console.oidc.claim", "is required: email, or the claim that holds the login")
	}
	k.secret("console.oidc.client_secret", o.ClientSecret)
	k.file("console.oidc.ca", o.CA)
}
