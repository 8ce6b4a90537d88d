package submission

import (
	"cmp"
	"crypto/tls"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vaguemestre/gateway/catalog"
)

// Options are where to listen and the bounds. Zero values take the defaults given here.
type Options struct {
	Hostname string // said in the greeting; required
	StartTLS string // address of the STARTTLS listener, host:port; empty: none
	TLS      string // address of the implicit TLS listener; empty: none
	// Certificate gives the certificate at each handshake, so that it can be renewed without a restart.
	Certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error)
	Language    string // of the sentences: "fr"

	MaxBytes        int64 // of a message, as RFC 1870 counts it: 84,000,000, which is 60 Mo of files in base64
	MaxHeaderBytes  int64 // of its header: 256 KiB
	MaxLine         int   // octets in a line of a message, without CR LF: 998 (RFC 5322 §2.1.1), at most 16,000
	MaxCommandLine  int   // octets in a command line: 2,048 (RFC 5321 §4.5.3.1.4, and room for parameters and AUTH)
	MaxRecipients   int   // of a message: 2,000
	MaxConnections  int   // at once: 500
	MaxPerAddress   int   // sessions at once from one address (IPv6: one /64): 50
	MaxFailedLogins int   // in a session: 3
	MaxCommands     int   // in a session: 10,000

	GreetTimeout   time.Duration // for a TLS handshake: 30 s
	CommandTimeout time.Duration // for one command line, whole: 5 min (RFC 5321 §4.5.3.2.7)
	BlockTimeout   time.Duration // between two blocks of a message: 3 min (RFC 5321 §4.5.3.2.5)
	DataTimeout    time.Duration // for a whole message: 10 min
	SubmitTimeout  time.Duration // for the intake: 5 min; a client waits for 10 (RFC 5321 §4.5.3.2.6)
	LoginTimeout   time.Duration // for a session to log in: 2 min
	SessionTimeout time.Duration // for a whole session, but for the message under way: 1 h
	WriteTimeout   time.Duration // for one reply: 1 min
	LingerTimeout  time.Duration // for a client to read why it is cut off: 2 s

	Now        func() time.Time
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

func (o Options) withDefaults() Options {
	o.Language = cmp.Or(o.Language, catalog.French)
	o.MaxBytes = cmp.Or(o.MaxBytes, 84_000_000)
	o.MaxHeaderBytes = cmp.Or(o.MaxHeaderBytes, 256<<10)
	o.MaxLine = min(cmp.Or(o.MaxLine, 998), maxMaxLine)
	o.MaxCommandLine = min(cmp.Or(o.MaxCommandLine, 2048), maxCommandLine)
	o.MaxRecipients = cmp.Or(o.MaxRecipients, 2000)
	o.MaxConnections = cmp.Or(o.MaxConnections, 500)
	o.MaxPerAddress = cmp.Or(o.MaxPerAddress, 50)
	o.MaxFailedLogins = cmp.Or(o.MaxFailedLogins, 3)
	o.MaxCommands = cmp.Or(o.MaxCommands, 10_000)
	o.GreetTimeout = cmp.Or(o.GreetTimeout, 30*time.Second)
	o.CommandTimeout = cmp.Or(o.CommandTimeout, 5*time.Minute)
	o.BlockTimeout = cmp.Or(o.BlockTimeout, 3*time.Minute)
	o.DataTimeout = cmp.Or(o.DataTimeout, 10*time.Minute)
	o.SubmitTimeout = cmp.Or(o.SubmitTimeout, 5*time.Minute)
	o.LoginTimeout = cmp.Or(o.LoginTimeout, 2*time.Minute)
	o.SessionTimeout = cmp.Or(o.SessionTimeout, time.Hour)
	o.WriteTimeout = cmp.Or(o.WriteTimeout, time.Minute)
	o.LingerTimeout = cmp.Or(o.LingerTimeout, 2*time.Second)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}
