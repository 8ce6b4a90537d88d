package config

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func sample(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "configs", "vaguemestre.toml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestSampleIsTheDefaults(t *testing.T) {
	c, problems := Parse([]byte(sample(t)))
	if problems != nil {
		t.Fatal(problems)
	}
	got, want := c, Default()
	got.Link.TrustedProxy, got.Link.DataCentres = nil, nil // an empty list is none
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("configs/vaguemestre.toml is not the defaults:\n%s", diff)
	}
}

var commented = regexp.MustCompile(`(?m)^# (\[\[|[a-z_]+ = )`)

func TestSampleTablesAreTheirDefaults(t *testing.T) {
	c, problems := Parse([]byte(commented.ReplaceAllString(sample(t), "$1")))
	if problems != nil {
		t.Fatal(problems)
	}
	s, m := c.Relay.Smarthosts[0], c.Mailboxes[0]
	s.Address, s.Pins, m.Address = "", nil, ""
	if diff := cmp.Diff(DefaultSmarthost(), s); diff != "" {
		t.Errorf("smarthost:\n%s", diff)
	}
	if diff := cmp.Diff(DefaultMailbox(), m); diff != "" {
		t.Errorf("mailbox:\n%s", diff)
	}
	if diff := cmp.Diff(DefaultOAuth(), c.OAuth[0]); diff != "" {
		t.Errorf("oauth:\n%s", diff)
	}
}

func TestSampleNamesEveryKey(t *testing.T) {
	text := sample(t)
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		for i := range typ.NumField() {
			f := typ.Field(i)
			name := f.Tag.Get("toml")
			inner := f.Type
			if inner.Kind() == reflect.Slice {
				inner = inner.Elem()
			}
			if inner.Kind() == reflect.Struct {
				walk(inner)
				continue
			}
			if !regexp.MustCompile(`(?m)^(# )?` + name + ` = `).MatchString(text) {
				t.Errorf("%s.%s (%s) is not in the sample", typ.Name(), f.Name, name)
			}
		}
	}
	walk(reflect.TypeFor[Config]())
}

func TestUnknownKeyNamesItsLine(t *testing.T) {
	_, problems := Parse([]byte("domain = \"a.fr\"\n[store]\ndriverr = \"sqlite\"\ninlin = 3\n"))
	if len(problems) != 2 || problems[0].Line != 3 || problems[0].Key != "store.driverr" || problems[1].Line != 4 {
		t.Fatalf("%+v", problems)
	}
}

func TestEveryProblemIsSaidAtOnce(t *testing.T) {
	c := Default()
	c.Store.Driver = "oracle"
	c.Link.BaseURL = "http://courrier.example.fr"
	text := c.Check().Error()
	for _, want := range []string{
		"domain: is required", `store.driver: "oracle" is not one of`, "submission.certificate: certificate and key are required",
		"couriers.postmaster: is required", "relay.smarthost: at least one", "mailbox: at least one", "link.base_url: must begin with https://",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not said in:\n%s", want, text)
		}
	}
}

func TestCheck(t *testing.T) {
	for _, tc := range []struct {
		name   string
		change func(*Config)
		want   string
	}{
		{"domain in capitals", func(c *Config) { c.Domain = "Example.FR" }, "domain:"},
		{"an address for a domain", func(c *Config) { c.Domain = "a@b.fr" }, "domain:"},
		{"postgres without dsn", func(c *Config) { c.Store.Driver = "postgres" }, "store.dsn: is required"},
		{"sqlite with dsn", func(c *Config) { c.Store.DSN = "env:HOME" }, "store.dsn: goes with postgres"},
		{"a secret in the file", func(c *Config) { c.Store.Driver, c.Store.DSN = "postgres", "hunter2" }, "a secret does not stand in the configuration"},
		{"too small for its files", func(c *Config) { c.Submission.MaxBytes = 60_000_000 }, "submission.max_bytes: is too small"},
		{"clear password", func(c *Config) {
			c.Relay.Smarthosts = []Smarthost{{Address: "smtp.example.fr:25", TLS: "none", Auth: "plain", Username: "u", Password: "env:HOME", Connections: 1}}
		}, "would travel in clear"},
		{"clear token", func(c *Config) {
			c.Relay.Smarthosts = []Smarthost{{Address: "smtp.example.fr:25", TLS: "none", Auth: "xoauth2", Username: "u", OAuth: "exchange", Connections: 1}}
		}, "would travel in clear"},
		{"a token from nowhere", func(c *Config) {
			c.Relay.Smarthosts = []Smarthost{{Address: "smtp.example.fr:25", TLS: "verified", Auth: "xoauth2", Username: "u", OAuth: "exchange", Connections: 1}}
		}, "relay.smarthost[1].oauth: username, and the name of an [[oauth]] table"},
		{"a mailbox's token from nowhere", func(c *Config) {
			m := DefaultMailbox()
			m.Address, m.Auth, m.Username = "imap.example.fr:993", "oauthbearer", "u"
			c.Mailboxes = []Mailbox{m}
		}, "mailbox[1].oauth: username, and the name of an [[oauth]] table"},
		{"a password where a token is used", func(c *Config) {
			m := DefaultMailbox()
			m.Address, m.Auth, m.Username, m.Password = "imap.example.fr:993", "oauthbearer", "u", "env:HOME"
			c.Mailboxes = []Mailbox{m}
		}, "mailbox[1].password: is not used"},
		{"tokens where a password is used", func(c *Config) {
			m := DefaultMailbox()
			m.Address, m.Username, m.Password, m.OAuth = "imap.example.fr:993", "u", "env:HOME", "exchange"
			c.Mailboxes = []Mailbox{m}
		}, "mailbox[1].oauth: is used with"},
		{"a login without a way", func(c *Config) {
			c.Relay.Smarthosts = []Smarthost{{Address: "smtp.example.fr:25", TLS: "verified", Username: "u", Connections: 1}}
		}, "relay.smarthost[1].auth: is required"},
		{"a secret in clear to the token endpoint", func(c *Config) {
			c.OAuth = []OAuth{{Name: "a", TokenURL: "http://login.example.fr/token", ClientID: "c", Secret: "env:HOME"}}
		}, "oauth[1].token_url:"},
		{"no client secret", func(c *Config) { c.OAuth = []OAuth{{TokenURL: "https://login.example.fr/token", ClientID: "c"}} }, "oauth[1]: client_id and client_secret"},
		{"same name for two sources", func(c *Config) { c.OAuth = []OAuth{{Name: "a"}, {Name: "a"}} }, "oauth[2].name: \"a\" is used twice"},
		{"reminders for ever", func(c *Config) { c.Reminders.Most = 0 }, "reminders.most: must be from 1 to 10"},
		{"REQUIRETLS over a first hop in clear", func(c *Config) {
			c.Relay = Relay{RequireTLS: true, Smarthosts: []Smarthost{{Address: "smtp.example.fr:25", TLS: "opportunistic", Connections: 1}}}
		}, "relay.smarthost[1].tls: relay.require_tls needs"},
		{"pinned without pins", func(c *Config) {
			c.Relay.Smarthosts = []Smarthost{{Address: "smtp.example.fr:25", TLS: "pinned", Connections: 1}}
		}, "pins: is required"},
		{"clear IMAP", func(c *Config) {
			m := DefaultMailbox()
			m.Address, m.TLS = "imap.example.fr:143", "none"
			c.Mailboxes = []Mailbox{m}
		}, "for a server on this machine"},
		{"same mailbox name", func(c *Config) { c.Mailboxes = []Mailbox{DefaultMailbox(), DefaultMailbox()} }, "used twice"},
		{"final slash", func(c *Config) { c.Link.BaseURL = "https://a.fr/" }, "without a final slash"},
		{"proxy without prefix", func(c *Config) { c.Link.TrustedProxy = []string{"10.0.0.1"} }, "is no network"},
		{"data centre without prefix", func(c *Config) { c.Link.DataCentres = []string{"azure"} }, "link.data_centre_networks: \"azure\" is no network"},
		{"pages that never open", func(c *Config) { c.Link.OpenFor = -1 }, "link.open_for: must not be negative"},
		{"colour by name", func(c *Config) { c.Theme.Colour = "red" }, "theme.colour: \"red\" is no colour"},
		{"logo that is not there", func(c *Config) { c.Theme.Logo = "/none.svg" }, "theme.logo: cannot be read"},
		{"logo of another kind", func(c *Config) { c.Theme.Logo = "/none.gif" }, "theme.logo: must be an .svg or .png"},
		{"scanner nowhere", func(c *Config) { c.Clamd.Address = "127.0.0.1:3310" }, "begins with neither unix: nor tcp:"},
		{"scanner without port", func(c *Config) { c.Clamd.Address = "tcp:localhost" }, "is not tcp:host:port"},
		{"scanner's socket from here", func(c *Config) { c.Clamd.Address = "unix:clamd.ctl" }, "named by its whole path"},
		{"scanner without patience", func(c *Config) { c.Clamd.Timeout = 0 }, "clamd.timeout: must be more than 0"},
		{"postmaster at home", func(c *Config) { c.Domain, c.Couriers.Postmaster = "a.fr", "chef@a.fr" }, "must not be an address of the gateway"},
		{"negative bound", func(c *Config) { c.Queue.Workers = -1 }, "queue.workers: must be more than 0"},
		{"missing certificate file", func(c *Config) { c.Submission.Certificate, c.Submission.Key = "/none", "/none" }, "submission.certificate: certificate or key cannot be used"},
		{"API in clear on a network", func(c *Config) { c.API.Listen = "10.0.0.1:8026" }, "api.certificate: certificate and key are required"},
		{"API in clear on every address", func(c *Config) { c.API.Listen = ":8026" }, "api.certificate: certificate and key are required"},
		{"authority without chain", func(c *Config) { c.Ledger.Authority = "http://tsa.example.fr" }, "ledger.timestamp_ca: is required"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := Default()
			tc.change(&c)
			text := c.Check().Error()
			if !strings.Contains(text, tc.want) {
				t.Errorf("%q is not said in:\n%s", tc.want, text)
			}
			if strings.Contains(text, "hunter2") {
				t.Error("the secret is repeated")
			}
		})
	}
}

func TestTheAPIMayBeInClearOnThisMachine(t *testing.T) {
	for _, listen := range []string{"", "127.0.0.1:8026", "[::1]:8026", "localhost:8026"} {
		c := Default()
		c.API.Listen = listen
		if text := c.Check().Error(); strings.Contains(text, "api.") {
			t.Errorf("%q: %s", listen, text)
		}
	}
}

func TestSecrets(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "imap"), []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("CREDENTIALS_DIRECTORY", dir)
	t.Setenv("IMAP_PASSWORD", "s3cret")
	for _, s := range []Secret{Secret("file:" + filepath.Join(dir, "imap")), "credential:imap", "env:IMAP_PASSWORD"} {
		if got, err := s.Read(); got != "s3cret" || err != nil {
			t.Errorf("%s: %q, %v", s, got, err)
		}
	}
	for _, s := range []Secret{"s3cret", "file:/none", "credential:none", "env:NOT_SET_AT_ALL", "vault:x"} {
		got, err := s.Read()
		if err == nil || got != "" {
			t.Errorf("%s: %q, %v", s, got, err)
		}
	}
}

// TestACredentialOfTheServicesIsJudgedByTheService: outside of it, commands that need no password are not refused for want of one.
func TestACredentialOfTheServicesIsJudgedByTheService(t *testing.T) {
	t.Setenv("CREDENTIALS_DIRECTORY", "")
	c := Default()
	c.Store.Driver, c.Store.DSN = "postgres", "credential:database"
	about := func() (all []string) {
		for _, p := range c.Check() {
			if p.Key == "store.dsn" {
				all = append(all, p.Advice)
			}
		}
		return all
	}
	if said := about(); len(said) > 0 {
		t.Errorf("by hand: %q", said)
	}
	if _, err := c.Store.DSN.Read(); err == nil || !strings.Contains(err.Error(), "LoadCredential") {
		t.Errorf("who needs it is told %v", err)
	}
	t.Setenv("CREDENTIALS_DIRECTORY", t.TempDir())
	if len(about()) != 1 {
		t.Error("the service starts without it")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("domain = 'a.fr'\n[store]\ndriver = 'sqlite'\n")
	f.Add("[[mailbox]]\npoll = '9m'\n")
	f.Fuzz(func(t *testing.T, s string) {
		if c, problems := Parse([]byte(s)); problems == nil {
			_ = c.Log
		} else if problems.Error() == "" {
			t.Fatal("a problem without words")
		}
	})
}
