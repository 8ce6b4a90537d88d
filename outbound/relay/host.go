package relay

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"time"
)

// TLSPolicy says how well a smarthost must be protected.
type TLSPolicy string

// The policies, from none to most.
const (
	TLSNone          TLSPolicy = "none"          // never STARTTLS
	TLSOpportunistic TLSPolicy = "opportunistic" // when offered and when it works (RFC 7435)
	TLSRequired      TLSPolicy = "required"      // encrypted, whatever the certificate
	TLSVerified      TLSPolicy = "verified"      // encrypted, certificate valid for the host's name
	TLSPinned        TLSPolicy = "pinned"        // encrypted, public key one of Host.Pins
)

// Host is one smarthost. The zero value of a number means its default.
type Host struct {
	Address  string // host:port
	Priority int    // lower first; hosts of equal priority take turns

	TLS          TLSPolicy // TLSVerified when empty
	Implicit     bool      // TLS from the first octet (RFC 8314 §3), whatever the policy
	ServerName   string    // for the certificate; the host of Address when empty
	Roots        *x509.CertPool
	Pins         [][32]byte // SHA-256 of the SubjectPublicKeyInfo of the peer's own certificate
	Certificates []tls.Certificate

	Auth *Auth // nil: no login

	MaxConnections int           // at once; 8
	MaxIdle        int           // kept open; MaxConnections
	MaxMessages    int           // over one connection; 100
	IdleTimeout    time.Duration // 20 s: shorter than what smarthosts grant
	Rate           float64       // messages a second; 0: no limit
}

// Timeouts are the limits of the stages (RFC 5321 §4.5.3.2); zero means the RFC's value.
type Timeouts struct {
	Connect   time.Duration // 30 s
	TLS       time.Duration // 1 min
	Greeting  time.Duration // 5 min
	Command   time.Duration // 5 min: EHLO, AUTH, MAIL, RCPT
	DataStart time.Duration // 2 min
	Block     time.Duration // 3 min, for each write of message data
	Final     time.Duration // 10 min, from the final dot to its reply
}

func (t Timeouts) withDefaults() Timeouts {
	or := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	or(&t.Connect, 30*time.Second)
	or(&t.TLS, time.Minute)
	or(&t.Greeting, 5*time.Minute)
	or(&t.Command, 5*time.Minute)
	or(&t.DataStart, 2*time.Minute)
	or(&t.Block, 3*time.Minute)
	or(&t.Final, 10*time.Minute)
	return t
}

func (h Host) withDefaults() (Host, error) {
	name, port, err := net.SplitHostPort(h.Address)
	if err != nil || name == "" || port == "" {
		return h, fmt.Errorf("smarthost %q: host:port expected", h.Address)
	}
	if h.TLS == "" {
		h.TLS = TLSVerified
	}
	switch h.TLS {
	case TLSNone, TLSOpportunistic, TLSRequired, TLSVerified:
	case TLSPinned:
		if len(h.Pins) == 0 {
			return h, fmt.Errorf("smarthost %s: pinned without a pin", h.Address)
		}
	default:
		return h, fmt.Errorf("smarthost %s: unknown TLS policy %q", h.Address, h.TLS)
	}
	if h.ServerName == "" {
		h.ServerName = name
	}
	if h.MaxConnections <= 0 {
		h.MaxConnections = 8
	}
	if h.MaxIdle <= 0 {
		h.MaxIdle = h.MaxConnections
	}
	if h.MaxMessages <= 0 {
		h.MaxMessages = 100
	}
	if h.IdleTimeout <= 0 {
		h.IdleTimeout = 20 * time.Second
	}
	return h, h.Auth.check(h.Address)
}

// DialFunc opens a connection; net.Dialer.DialContext is one.
type DialFunc func(ctx context.Context, network, address string) (net.Conn, error)
