package mailbox

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vaguemestre/gateway"
	"vaguemestre/gateway/message"
	"vaguemestre/gateway/seal"
	"vaguemestre/gateway/store"
	"vaguemestre/inbound/correlate"
)

// The ways of protecting the connection.
const (
	TLSImplicit = "implicit"
	TLSStart    = "starttls"
	TLSNone     = "none" // loopback only
)

// The ways of logging in.
const (
	AuthLogin       = "login" // the LOGIN command (RFC 9051 §6.2.3)
	AuthPlain       = "plain"
	AuthOAuthBearer = "oauthbearer" // RFC 7628
	AuthXOAuth2     = "xoauth2"     // Microsoft's and Google's older form
)

// Account is one mailbox to read.
type Account struct {
	Name      string // in the store, the metrics and the logs
	Address   string // host:port
	TLS       string // TLSImplicit, TLSStart or TLSNone
	TLSConfig *tls.Config
	Auth      string
	Username  string
	Password  string
	Token     TokenSource // for OAUTHBEARER and XOAUTH2; asked at each connection
	Folder    string      // empty: INBOX
	Done      string      // folder to which settled copies are moved; empty: flagged in place
	// AuthServ is the authserv-id whose Authentication-Results are believed (RFC 8601 §2.5); empty: none.
	AuthServ string
	Poll     time.Duration // longest time between two looks, IDLE or not; 0: one minute, at most 9
}

// TokenSource gives access tokens (gateway/oauth).
type TokenSource interface {
	Token(ctx context.Context) (string, error)
	Refused(token string) // by the server: another one is to be given the next time
}

// Options says how to read. Zero fields take the defaults given.
type Options struct {
	Accounts       []Account
	Owner          string // of the leases: unique among the processes that live
	Rules          correlate.Rules
	Vault          *seal.Vault // of sealed answers; it seals for the Rules too
	Limits         message.Limits
	MaxSize        int64         // bytes of a mail kept; 100,000,000. What is longer is cut and quarantined
	CommandTimeout time.Duration // of one command without progress; one minute
	LeaseTTL       time.Duration // 30 s
	BackoffMin     time.Duration // between connections; 1 s
	BackoffMax     time.Duration // 5 min
	Now            func() time.Time
	Logger         *slog.Logger
	Registerer     prometheus.Registerer
}

// Store is what is kept and asked: *store.Store.
type Store interface {
	receiving
	sealing
	leasing
	understanding
	correlate.Store
	InboundStats(ctx context.Context) (map[gateway.InboundState]int64, error)
}

type receiving interface {
	Spool() *store.Spool
	SecretSpool() *store.Spool
	Receive(ctx context.Context, in gateway.Inbound, raw *store.Spool) (gateway.Inbound, bool, error)
	LastUID(ctx context.Context, account, mailbox string) (uidvalidity, uid uint32, err error)
	Inbound(ctx context.Context, id gateway.ID) (gateway.Inbound, error)
}

type sealing interface {
	SealedUntil(ctx context.Context, consultation gateway.ID, now time.Time) (time.Time, error)
	SealInbound(ctx context.Context, in gateway.Inbound, opens time.Time, sealed *store.Spool) (gateway.Inbound, error)
	Unseal(ctx context.Context, u gateway.Unsealing, plain *store.Spool) error
}

type leasing interface {
	AcquireLease(ctx context.Context, name, owner string, ttl time.Duration) (epoch int64, ok bool, err error)
	DropLease(ctx context.Context, name, owner string) error
}

type understanding interface {
	InboundNew(ctx context.Context, n int) ([]gateway.Inbound, error)
	OpenContent(ctx context.Context, h gateway.Hash) (store.Content, error)
	InboundFailure(ctx context.Context, id gateway.ID, reason string) (failures int, err error)
	Apply(ctx context.Context, step gateway.Step) error
	Watch(topic store.Topic) (woken <-chan struct{}, cancel func())
}

// maxIdle is how long an IDLE may last: RFC 2177 lets servers end it after 30 minutes, and the middle boxes of the
// field after 10.
const maxIdle = 9 * time.Minute

func (o Options) withDefaults() (Options, error) {
	def := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	def(&o.CommandTimeout, time.Minute)
	def(&o.LeaseTTL, 30*time.Second)
	def(&o.BackoffMin, time.Second)
	def(&o.BackoffMax, 5*time.Minute)
	if o.MaxSize <= 0 {
		o.MaxSize = 100_000_000
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	accounts := make([]Account, len(o.Accounts))
	seen := map[string]bool{}
	for i, a := range o.Accounts {
		if seen[a.Name] {
			return o, fmt.Errorf("mailbox %q is named twice", a.Name)
		}
		seen[a.Name] = true
		if err := a.check(); err != nil {
			return o, fmt.Errorf("mailbox %q: %w", a.Name, err)
		}
		if a.Folder == "" {
			a.Folder = "INBOX"
		}
		def(&a.Poll, time.Minute)
		a.Poll = min(a.Poll, maxIdle)
		accounts[i] = a
	}
	o.Accounts = accounts
	if o.Vault != nil {
		o.Rules.Vault = o.Vault // in an interface that holds nothing, a nil one would be none
	}
	return o, nil
}

func (a Account) check() error {
	host, _, err := net.SplitHostPort(a.Address)
	if err != nil {
		return fmt.Errorf("address: %w", err)
	}
	switch a.TLS {
	case TLSImplicit, TLSStart:
	case TLSNone:
		if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return errors.New("a connection without TLS is for this machine only")
		}
	default:
		return fmt.Errorf("unknown protection %q", a.TLS)
	}
	switch a.Auth {
	case AuthLogin, AuthPlain:
	case AuthOAuthBearer, AuthXOAuth2:
		if a.Token == nil {
			return errors.New("no source of access tokens")
		}
	default:
		return fmt.Errorf("unknown way of logging in %q", a.Auth)
	}
	return nil
}
