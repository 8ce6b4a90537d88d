package mailbox

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
	"github.com/emersion/go-sasl"
)

// errSilent: the server said nothing for CommandTimeout.
var errSilent = errors.New("the server is silent")

// wire is a connection under watch: the library waits for ever for an answer, so whoever
// waits sets the dog, which closes the connection.
type wire struct {
	conn    net.Conn
	timeout time.Duration
	bitten  atomic.Bool
}

// watch runs one exchange; touch puts the end off while there is progress.
func (w *wire) watch(run func(touch func()) error) error {
	dog := time.AfterFunc(w.timeout, func() {
		w.bitten.Store(true)
		_ = w.conn.Close()
	})
	defer dog.Stop()
	err := run(func() { dog.Reset(w.timeout) })
	if w.bitten.Load() {
		return errSilent
	}
	return err
}

// stage is an error with the part of the session in which it arose, for the metrics.
type stage struct {
	name string
	err  error
}

func (s *stage) Error() string { return s.name + ": " + s.err.Error() }
func (s *stage) Unwrap() error { return s.err }

func at(name string, err error) error {
	if err == nil {
		return nil
	}
	return &stage{name, err}
}

// stages bounds the values of that label.
const (
	stageConnect = "connect"
	stageLogin   = "login"
	stageSelect  = "select"
	stageFetch   = "fetch"
	stageStore   = "store"
	stageSettle  = "settle"
	stageIdle    = "idle"
)

// dial opens the connection and waits for the greeting. On failure everything is closed.
func dial(ctx context.Context, a Account, timeout time.Duration, o *imapclient.Options) (*imapclient.Client, *wire, error) {
	d := net.Dialer{Timeout: timeout}
	conn, err := d.DialContext(ctx, "tcp", a.Address)
	if err != nil {
		return nil, nil, err
	}
	w := &wire{conn: conn, timeout: timeout}
	var client *imapclient.Client
	err = w.watch(func(func()) error {
		client, err = greet(ctx, a, conn, o)
		return err
	})
	if err != nil {
		_ = conn.Close()
		if client != nil {
			_ = client.Close()
		}
		return nil, nil, err
	}
	return client, w, nil
}

func greet(ctx context.Context, a Account, conn net.Conn, o *imapclient.Options) (*imapclient.Client, error) {
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	switch a.TLS {
	case TLSImplicit:
		secured := tls.Client(conn, a.tlsConfig())
		if err := secured.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		conn = secured
	case TLSStart:
		with := *o
		with.TLSConfig = a.tlsConfig()
		client, err := imapclient.NewStartTLS(conn, &with)
		if err != nil {
			return nil, err
		}
		return client, nil
	}
	client := imapclient.New(conn, o)
	return client, client.WaitGreeting()
}

func (a Account) tlsConfig() *tls.Config {
	c := &tls.Config{}
	if a.TLSConfig != nil {
		c = a.TLSConfig.Clone()
	}
	if c.ServerName == "" {
		c.ServerName, _, _ = net.SplitHostPort(a.Address)
	}
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	return c
}

// login logs in as the account says. Errors hold the server's words, never a secret.
func login(ctx context.Context, client *imapclient.Client, a Account) error {
	switch a.Auth {
	case AuthLogin:
		return client.Login(a.Username, a.Password).Wait()
	case AuthPlain:
		return client.Authenticate(sasl.NewPlainClient("", a.Username, a.Password))
	}
	token, err := a.Token.Token(ctx)
	if err != nil {
		return err
	}
	err = client.Authenticate(&bearer{a.Auth, a.Username, token})
	var said *imap.Error
	if errors.As(err, &said) {
		a.Token.Refused(token) // NO, or BAD: the library's empty answer to a challenge ("=") is no base64 to some servers
	}
	return err
}

// bearer logs in with an access token: by OAUTHBEARER (RFC 7628), or by XOAUTH2, which has no RFC
// (developers.google.com/gmail/imap/xoauth2-protocol).
type bearer struct{ auth, user, token string }

// Start implements sasl.Client.
func (b *bearer) Start() (string, []byte, error) {
	if b.auth == AuthXOAuth2 {
		return "XOAUTH2", []byte("user=" + b.user + "\x01auth=Bearer " + b.token + "\x01\x01"), nil
	}
	name := strings.NewReplacer("=", "=3D", ",", "=2C").Replace(b.user) // RFC 5801 §4, saslname
	return "OAUTHBEARER", []byte("n,a=" + name + ",\x01auth=Bearer " + b.token + "\x01\x01"), nil
}

// Next implements sasl.Client: a challenge is the description of an error, to be answered with a dummy (RFC 7628 §3.2.3),
// which XOAUTH2 wants empty; then comes the NO.
func (b *bearer) Next([]byte) ([]byte, error) {
	if b.auth == AuthXOAuth2 {
		return []byte{}, nil
	}
	return []byte{1}, nil
}
