// Package config loads, checks and describes the configuration: one TOML file, strict.
//
// It promises that a file with an unknown key, a value of the wrong kind or a value that cannot
// work is refused whole, with every problem said at once (line, key, what to change); and that no
// secret stands in the file: a secret is named by where it is (Secret). Nothing is
// written; a crash leaves nothing.
package config

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/pelletier/go-toml/v2"
)

// Config is the whole configuration. Every key is documented in configs/vaguemestre.toml.
type Config struct {
	Domain    string `toml:"domain"`
	DataDir   string `toml:"data_dir"`
	Courriers string `toml:"courier_types"`

	Log        Log        `toml:"log"`
	Store      Store      `toml:"store"`
	Submission Submission `toml:"submission"`
	Accounts   Accounts   `toml:"accounts"`
	Couriers   Couriers   `toml:"couriers"`
	Notices    Notices    `toml:"notices"`
	Reminders  Reminders  `toml:"reminders"`
	Queue      Queue      `toml:"queue"`
	OAuth      []OAuth    `toml:"oauth"`
	Relay      Relay      `toml:"relay"`
	DKIM       []DKIM     `toml:"dkim"`
	Mailboxes  []Mailbox  `toml:"mailbox"`
	Theme      Theme      `toml:"theme"`
	Clamd      Clamd      `toml:"clamd"`
	Link       Link       `toml:"link"`
	Answers    Answers    `toml:"answers"`
	API        API        `toml:"api"`
	Console    Console    `toml:"console"`
	Ledger     Ledger     `toml:"ledger"`
	Proof      Proof      `toml:"proof"`
	Metrics    Metrics    `toml:"metrics"`
}

// Log says how to log.
type Log struct {
	Level  string `toml:"level"`  // debug, info, warn, error
	Format string `toml:"format"` // text, json
}

// Store says where everything is kept.
type Store struct {
	Driver      string   `toml:"driver"` // sqlite, postgres
	DSN         Secret   `toml:"dsn"`    // of PostgreSQL
	Inline      int64    `toml:"inline_bytes"`
	SweepAfter  Duration `toml:"sweep_after"`
	Connections int      `toml:"connections"`
}

// Submission is the SMTP server for agents.
type Submission struct {
	Hostname    string `toml:"hostname"`
	StartTLS    string `toml:"starttls_listen"`
	TLS         string `toml:"tls_listen"`
	Certificate string `toml:"certificate"`
	Key         string `toml:"key"`

	MaxBytes         int64    `toml:"max_bytes"`
	MaxRecipients    int      `toml:"max_recipients"`
	MaxHeaderBytes   int64    `toml:"max_header_bytes"`
	MaxConnections   int      `toml:"max_connections"`
	MaxPerAddress    int      `toml:"max_sessions_per_address"`
	MaxFailedLogins  int      `toml:"max_failed_logins"`
	MaxCommands      int      `toml:"max_commands"`
	MaxLine          int      `toml:"max_line"`
	MaxCommandLine   int      `toml:"max_command_line"`
	HandshakeTimeout Duration `toml:"handshake_timeout"`
	LoginTimeout     Duration `toml:"login_timeout"`
	BlockTimeout     Duration `toml:"block_timeout"`
	SubmitTimeout    Duration `toml:"submit_timeout"`
	WriteTimeout     Duration `toml:"write_timeout"`
	LingerTimeout    Duration `toml:"linger_timeout"`
	CommandTimeout   Duration `toml:"command_timeout"`
	DataTimeout      Duration `toml:"data_timeout"`
	SessionTimeout   Duration `toml:"session_timeout"`
	DrainTimeout     Duration `toml:"drain_timeout"`
}

// Accounts says how agents prove who they are.
type Accounts struct {
	Remember     Duration `toml:"remember"`   // a verified password, in memory
	LockAfter    int      `toml:"lock_after"` // failures of one account
	LockAddress  int      `toml:"lock_address_after"`
	Delay        Duration `toml:"delay"`
	LongestDelay Duration `toml:"longest_delay"`
	LockFor      Duration `toml:"lock_for"`
	Hashing      int      `toml:"hashing_at_once"`
	LDAP         LDAP     `toml:"ldap"`
}

// LDAP is the directory that checks the passwords of the accounts that have none here.
type LDAP struct {
	URL          string   `toml:"url"` // empty: no directory
	CA           string   `toml:"ca"`
	ServerName   string   `toml:"server_name"`
	UserDN       string   `toml:"user_dn"` // %s: the login; empty: searched for
	BindDN       string   `toml:"bind_dn"`
	BindPassword Secret   `toml:"bind_password"`
	Base         string   `toml:"base"`
	Filter       string   `toml:"filter"`
	Timeout      Duration `toml:"timeout"`
}

// Notices says when agents are told without anything happening. Each agent can choose otherwise.
type Notices struct {
	UnreadDays int `toml:"unread_after_days"` // 0: only agents who asked
	DigestHour int `toml:"digest_hour"`
	// MaxBytes of an answer sent on to the agent, as mail: what agents' mailboxes take.
	MaxBytes int64 `toml:"max_bytes"`
}

// Reminders says when recipients who have not read are called again; a courier type can say otherwise in its file.
type Reminders struct {
	AfterDays int `toml:"after_days"` // without reading, and between two; 0: never
	Most      int `toml:"most"`       // of one recipient
}

// Couriers holds what may be sent, and bounds on messages.
type Couriers struct {
	MaxPlain        int64  `toml:"max_plain_bytes"`
	MaxAcknowledged int64  `toml:"max_acknowledged_bytes"`
	MaxDepth        int    `toml:"max_mime_depth"`
	MaxParts        int    `toml:"max_mime_parts"`
	LookUp          bool   `toml:"look_up_domains"` // ask the DNS whether a free address's domain takes mail (RFC 7505)
	Postmaster      string `toml:"postmaster"`      // who receives what comes to postmaster@ and abuse@
}

// Queue says how deliveries are tried.
type Queue struct {
	Workers  int      `toml:"workers"`
	Lifetime Duration `toml:"lifetime"`
	Lease    Duration `toml:"lease"`
	Grace    Duration `toml:"grace"` // for deliveries under way when the daemon stops
}

// Relay is the way out.
type Relay struct {
	Hostname   string      `toml:"hostname"`    // said in EHLO
	RequireTLS bool        `toml:"require_tls"` // of every further hop (RFC 8689)
	Smarthosts []Smarthost `toml:"smarthost"`
}

// Link is the companies' pages.
type Link struct {
	Listen       string   `toml:"listen"`
	BaseURL      string   `toml:"base_url"`
	Certificate  string   `toml:"certificate"`
	Key          string   `toml:"key"`
	TrustedProxy []string `toml:"trusted_proxies"`      // networks whose X-Forwarded-For is believed
	DataCentres  []string `toml:"data_centre_networks"` // in which machines live: their visits are not taken for people's
	MinDelay     Duration `toml:"minimum_delay"`        // between showing the page and the acknowledgement
	OpenFor      Duration `toml:"open_for"`             // after its acceptance, a letter's page closes; 0: never
	PerMinute    int      `toml:"requests_per_minute"`
	Retention    Duration `toml:"network_details_kept"`
}

// Answers is what companies may write on their page.
type Answers struct {
	MaxBytes int64    `toml:"max_bytes"` // of the files of one answer
	MaxFiles int      `toml:"max_files"`
	Late     string   `toml:"late"` // accepted, refused
	Keep     Duration `toml:"keep"` // an answer that was begun and not sent
}

// The fates of an answer after the letter's deadline.
const (
	LateAccepted = "accepted" // and marked as late, as one by mail is
	LateRefused  = "refused"
)

// API is the platform's listener.
type API struct {
	Listen      string `toml:"listen"` // empty: none
	Certificate string `toml:"certificate"`
	Key         string `toml:"key"`
	PerMinute   int    `toml:"requests_per_minute"`
}

// Ledger is the Merkle log.
type Ledger struct {
	Name        string   `toml:"name"` // in checkpoints; the domain when empty
	Key         string   `toml:"key"`  // file; made in the data folder when empty
	Interval    Duration `toml:"interval"`
	Authority   string   `toml:"timestamp_url"`
	AuthorityCA string   `toml:"timestamp_ca"`
}

// Proof is the seal of the PDF.
type Proof struct {
	Certificate string `toml:"certificate"`
	Key         string `toml:"key"`
}

// Metrics is the listener of /metrics, /livez and /readyz.
type Metrics struct {
	Listen string `toml:"listen"`
}

// Default is the configuration that configs/vaguemestre.toml spells out.
func Default() Config {
	return Config{
		DataDir: "/var/lib/vaguemestre",
		Log:     Log{Level: "info", Format: "text"},
		Store:   Store{Driver: "sqlite", Inline: 64 << 10, SweepAfter: Duration(24 * time.Hour), Connections: 16},
		Submission: Submission{
			StartTLS: ":587", TLS: ":465",
			MaxBytes: 84_000_000, MaxRecipients: 2_000, MaxHeaderBytes: 256 << 10,
			MaxConnections: 500, MaxPerAddress: 50, MaxFailedLogins: 3, MaxCommands: 10_000,
			MaxLine: 998, MaxCommandLine: 2048,
			HandshakeTimeout: Duration(30 * time.Second), LoginTimeout: Duration(2 * time.Minute), BlockTimeout: Duration(3 * time.Minute),
			SubmitTimeout: Duration(5 * time.Minute), WriteTimeout: Duration(time.Minute), LingerTimeout: Duration(2 * time.Second),
			CommandTimeout: Duration(5 * time.Minute), DataTimeout: Duration(10 * time.Minute),
			SessionTimeout: Duration(time.Hour), DrainTimeout: Duration(20 * time.Second),
		},
		Accounts:  Accounts{Remember: Duration(10 * time.Minute), LockAfter: 10, LockAddress: 50, Delay: Duration(500 * time.Millisecond), LongestDelay: Duration(10 * time.Second), LockFor: Duration(15 * time.Minute), Hashing: 2, LDAP: LDAP{Filter: "(uid=%s)", Timeout: Duration(10 * time.Second)}},
		Couriers:  Couriers{MaxPlain: 5_000_000, MaxAcknowledged: 60_000_000, MaxDepth: 20, MaxParts: 1_000, LookUp: true},
		Notices:   Notices{UnreadDays: 7, DigestHour: 7, MaxBytes: 25_000_000},
		Reminders: Reminders{Most: 2},
		Queue:     Queue{Workers: 16, Lifetime: Duration(5 * 24 * time.Hour), Lease: Duration(10 * time.Minute), Grace: Duration(20 * time.Second)},
		Clamd:     Clamd{Timeout: Duration(2 * time.Minute), Again: Duration(24 * time.Hour)},
		Theme:     Theme{Colour: "#1d5c63"},
		Link: Link{
			Listen: "127.0.0.1:8025", MinDelay: Duration(time.Second), PerMinute: 120, Retention: Duration(365 * 24 * time.Hour),
		},
		Answers: Answers{MaxBytes: 60_000_000, MaxFiles: 50, Late: LateAccepted, Keep: Duration(30 * 24 * time.Hour)},
		API:     API{PerMinute: 600},
		Console: defaultConsole(),
		Ledger:  Ledger{Interval: Duration(time.Second)},
		Metrics: Metrics{Listen: "127.0.0.1:9125"},
	}
}

// Problem is one thing to change.
type Problem struct {
	Line   int // 0: not a matter of one line
	Key    string
	Advice string
}

// String is "line 12: store.driver: …".
func (p Problem) String() string {
	s := p.Advice
	if p.Key != "" {
		s = p.Key + ": " + s
	}
	if p.Line > 0 {
		s = fmt.Sprintf("line %d: %s", p.Line, s)
	}
	return s
}

// Problems is every thing to change, as one error.
type Problems []Problem

// Error lists the problems, one a line.
func (ps Problems) Error() string {
	var b bytes.Buffer
	for i, p := range ps {
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(p.String())
	}
	return b.String()
}

// Load reads and checks a file. The error is Problems, or that of reading the file.
func Load(path string) (Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Config{}, fmt.Errorf("read the configuration: %w", err)
	}
	c, problems := Parse(text)
	problems = append(problems, c.Check()...)
	if len(problems) > 0 {
		return Config{}, problems
	}
	return c, nil
}

// Parse reads the text over the defaults, without checking that the values can work.
func Parse(text []byte) (Config, Problems) {
	c := Default()
	if problems := decode(text, &c); problems != nil {
		return c, problems
	}
	for i := range c.Relay.Smarthosts {
		c.Relay.Smarthosts[i].fill(DefaultSmarthost())
	}
	for i := range c.OAuth {
		c.OAuth[i].Name = first(c.OAuth[i].Name, DefaultOAuth().Name)
	}
	for i := range c.Mailboxes {
		c.Mailboxes[i].fill(DefaultMailbox())
	}
	return c, nil
}

func decode(text []byte, into any) Problems {
	err := toml.NewDecoder(bytes.NewReader(text)).DisallowUnknownFields().Decode(into)
	var missing *toml.StrictMissingError
	var bad *toml.DecodeError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &missing):
		var ps Problems
		for _, e := range missing.Errors {
			row, _ := e.Position()
			ps = append(ps, Problem{Line: row, Key: join(e.Key()), Advice: "unknown key: remove it or correct its name"})
		}
		return ps
	case errors.As(err, &bad):
		row, _ := bad.Position()
		return Problems{{Line: row, Key: join(bad.Key()), Advice: bad.Error()}}
	}
	return Problems{{Advice: err.Error()}}
}

func join(key toml.Key) string {
	var b bytes.Buffer
	for i, k := range key {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(k)
	}
	return b.String()
}

// first is the value when it was given, the default otherwise.
func first[T comparable](v, d T) T {
	var zero T
	if v == zero {
		return d
	}
	return v
}
