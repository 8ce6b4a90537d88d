package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// OAuth is where access tokens come from (client credentials, RFC 6749 §4.4), by a name that relays and mailboxes use.
type OAuth struct {
	Name     string `toml:"name"`
	TokenURL string `toml:"token_url"`
	ClientID string `toml:"client_id"`
	Secret   Secret `toml:"client_secret"`
	Scope    string `toml:"scope"`
	CA       string `toml:"ca"`
}

// Smarthost is one relay; the first that answers in order of priority is used.
type Smarthost struct {
	Address     string   `toml:"address"` // host:port
	Priority    int      `toml:"priority"`
	TLS         string   `toml:"tls"` // none, opportunistic, required, verified, pinned, implicit
	ServerName  string   `toml:"server_name"`
	CA          string   `toml:"ca"`
	Pins        []string `toml:"pins"` // SHA-256 of the public key, hexadecimal
	Certificate string   `toml:"client_certificate"`
	Key         string   `toml:"client_key"`
	Auth        string   `toml:"auth"` // "", plain, login, cram-md5, oauthbearer, xoauth2
	Username    string   `toml:"username"`
	Password    Secret   `toml:"password"`
	OAuth       string   `toml:"oauth"` // name of the table that gives the tokens
	Connections int      `toml:"connections"`
	Rate        float64  `toml:"messages_per_second"` // 0: no limit
}

// DKIM is one signing key.
type DKIM struct {
	Selector string `toml:"selector"`
	Domain   string `toml:"domain"` // of the gateway when empty
	Key      string `toml:"key"`    // PEM file
}

// Mailbox is one IMAP mailbox in which reports and replies arrive.
type Mailbox struct {
	Name       string   `toml:"name"`
	Address    string   `toml:"address"` // host:port
	TLS        string   `toml:"tls"`     // implicit, starttls, none (loopback only)
	CA         string   `toml:"ca"`
	ServerName string   `toml:"server_name"`
	Auth       string   `toml:"auth"` // login, plain, oauthbearer, xoauth2
	Username   string   `toml:"username"`
	Password   Secret   `toml:"password"`
	OAuth      string   `toml:"oauth"` // name of the table that gives the tokens
	Folder     string   `toml:"folder"`
	Done       string   `toml:"done_folder"` // moved there when settled; empty: flagged in place
	Poll       Duration `toml:"poll"`
	AuthServ   string   `toml:"authserv_id"` // whose Authentication-Results are believed (RFC 8601 §2.5)
}

// Theme is the look of every page.
type Theme struct {
	Name   string `toml:"name"`   // of the service; empty: the catalogue's
	Logo   string `toml:"logo"`   // SVG or PNG file
	Colour string `toml:"colour"` // "#1d5c63"
}

// Clamd is the virus scanner that files are shown to before they are handed out or taken in.
type Clamd struct {
	Address string   `toml:"address"`     // "unix:/path" or "tcp:host:port"; empty: none
	Timeout Duration `toml:"timeout"`     // of one scan
	Again   Duration `toml:"again_after"` // a verdict is kept for this long
}

// Network is how to reach it: "unix" or "tcp", and where.
func (c Clamd) Network() (network, address string) {
	network, address, _ = strings.Cut(c.Address, ":")
	return network, address
}

// DefaultOAuth is what an [[oauth]] table starts from.
func DefaultOAuth() OAuth { return OAuth{Name: "exchange"} }

// DefaultSmarthost is what a [[relay.smarthost]] table starts from.
func DefaultSmarthost() Smarthost { return Smarthost{TLS: "verified", Connections: 8} }

// DefaultMailbox is what a [[mailbox]] table starts from.
func DefaultMailbox() Mailbox {
	return Mailbox{Name: "principal", TLS: "implicit", Auth: "plain", Folder: "INBOX", Poll: Duration(time.Minute)}
}

func (s *Smarthost) fill(d Smarthost) {
	s.TLS = first(s.TLS, d.TLS)
	s.Connections = first(s.Connections, d.Connections)
}

func (m *Mailbox) fill(d Mailbox) {
	m.Name = first(m.Name, d.Name)
	m.TLS = first(m.TLS, d.TLS)
	m.Auth = first(m.Auth, d.Auth)
	m.Folder = first(m.Folder, d.Folder)
	m.Poll = first(m.Poll, d.Poll)
}

func (k *checker) relay(r Relay, tables []OAuth) {
	if len(r.Smarthosts) == 0 {
		k.say("relay.smarthost", "at least one [[relay.smarthost]] is required: the relay that takes the mail out")
	}
	for i, s := range r.Smarthosts {
		key := fmt.Sprintf("relay.smarthost[%d]", i+1)
		k.smarthost(key, s)
		if r.RequireTLS && (s.TLS == "none" || s.TLS == "opportunistic") {
			k.say(key+".tls", "relay.require_tls needs a relay that is itself reached over TLS: choose \"verified\"")
		}
		k.login(key, login{s.Auth, s.Username, s.Password, s.OAuth}, tables)
	}
}

func (k *checker) smarthost(key string, s Smarthost) {
	k.listen(key+".address", s.Address, false)
	k.oneOf(key+".tls", s.TLS, "none", "opportunistic", "required", "verified", "pinned", "implicit")
	k.oneOf(key+".auth", s.Auth, "", "plain", "login", "cram-md5", "oauthbearer", "xoauth2")
	if s.TLS == "pinned" && len(s.Pins) == 0 {
		k.say(key+".pins", "is required with tls = \"pinned\"")
	}
	if s.Auth != "" && s.TLS == "none" && !loopback(s.Address) {
		k.say(key+".tls", "a password or a token would travel in clear: choose \"verified\"")
	}
	k.file(key+".ca", s.CA)
	k.pair(key+".client_certificate", s.Certificate, s.Key)
	k.positive(key+".connections", int64(s.Connections))
	if s.Rate < 0 {
		k.say(key+".messages_per_second", "must not be negative; 0 is without limit")
	}
}

// login is how the gateway logs in somewhere.
type login struct {
	auth, username string
	password       Secret
	oauth          string
}

// login checks that an account has what its way of logging in needs, and nothing that would not be used.
func (k *checker) login(key string, l login, tables []OAuth) {
	byToken := l.auth == "oauthbearer" || l.auth == "xoauth2"
	known := slices.ContainsFunc(tables, func(o OAuth) bool { return o.Name == l.oauth })
	switch {
	case l.auth == "" && l.username == "" && l.password == "" && l.oauth == "": // no login
	case l.auth == "":
		k.say(key+".auth", "is required with username, password or oauth")
	case byToken && l.password != "":
		k.say(key+".password", "is not used with auth = %q: remove it; the [[oauth]] table holds the secret", l.auth)
	case byToken && (l.username == "" || !known):
		k.say(key+".oauth", "username, and the name of an [[oauth]] table in oauth, are required with auth = %q", l.auth)
	case byToken:
	case l.oauth != "":
		k.say(key+".oauth", "is used with auth = \"oauthbearer\" or \"xoauth2\" only: remove it, or change auth")
	case l.username == "" || l.password == "":
		k.say(key+".username", "username and password are required with auth = %q", l.auth)
	}
	k.secret(key+".password", l.password)
}

func (k *checker) oauth(tables []OAuth) {
	names := map[string]bool{}
	for i, o := range tables {
		key := fmt.Sprintf("oauth[%d]", i+1)
		if names[o.Name] {
			k.say(key+".name", "%q is used twice", o.Name)
		}
		names[o.Name] = true
		u, err := url.Parse(o.TokenURL)
		if err != nil || u.Host == "" || u.Scheme != "https" && (u.Scheme != "http" || !loopbackName(u.Hostname())) {
			k.say(key+".token_url", "%q is no https:// address of a token endpoint: the secret would travel in clear", o.TokenURL)
		}
		if o.ClientID == "" || o.Secret == "" {
			k.say(key, "client_id and client_secret are required")
		}
		if strings.ContainsAny(o.Scope, "\t\r\n") {
			k.say(key+".scope", "is a list of words separated by spaces")
		}
		k.secret(key+".client_secret", o.Secret)
		k.file(key+".ca", o.CA)
	}
}

func (k *checker) dkim(keys []DKIM) {
	for i, d := range keys {
		key := fmt.Sprintf("dkim[%d]", i+1)
		if d.Selector == "" || d.Key == "" {
			k.say(key, "selector and key are required")
		}
		k.file(key+".key", d.Key)
	}
}

func (k *checker) mailboxes(boxes []Mailbox, tables []OAuth) {
	if len(boxes) == 0 {
		k.say("mailbox", "at least one [[mailbox]] is required: where reports and replies arrive")
	}
	names := map[string]bool{}
	for i, m := range boxes {
		key := fmt.Sprintf("mailbox[%d]", i+1)
		if names[m.Name] {
			k.say(key+".name", "%q is used twice", m.Name)
		}
		names[m.Name] = true
		k.mailbox(key, m)
		k.login(key, login{m.Auth, m.Username, m.Password, m.OAuth}, tables)
	}
}

func (k *checker) mailbox(key string, m Mailbox) {
	k.listen(key+".address", m.Address, false)
	k.oneOf(key+".tls", m.TLS, "implicit", "starttls", "none")
	if m.TLS == "none" && !loopback(m.Address) {
		k.say(key+".tls", "\"none\" is for a server on this machine: a password would travel in clear")
	}
	k.oneOf(key+".auth", m.Auth, "login", "plain", "oauthbearer", "xoauth2")
	k.file(key+".ca", m.CA)
	k.positive(key+".poll", int64(m.Poll))
}
