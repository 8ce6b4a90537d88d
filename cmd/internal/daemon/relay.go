package daemon

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vaguemestre/gateway/config"
	"vaguemestre/gateway/oauth"
	"vaguemestre/outbound/relay"
)

// hostname is ours, as we greet and say EHLO.
func hostname(c config.Config) (string, error) {
	if c.Submission.Hostname != "" {
		return c.Submission.Hostname, nil
	}
	name, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("find the machine's name: %w", err)
	}
	return name, nil
}

// NewRelay reads the keys, certificates and passwords that the configuration names.
func NewRelay(c config.Config, tokens map[string]*oauth.Source, log *slog.Logger, reg prometheus.Registerer, now func() time.Time) (*relay.Relay, error) {
	name, err := RelayName(c)
	if err != nil {
		return nil, err
	}
	hosts, err := Smarthosts(c, tokens)
	if err != nil {
		return nil, err
	}
	signer, err := newSigner(c)
	if err != nil {
		return nil, err
	}
	return relay.New(relay.Options{Name: name, Hosts: hosts, Signer: signer, Logger: log, Registerer: reg, Now: now})
}

// RelayName is what the relays hear in EHLO.
func RelayName(c config.Config) (string, error) {
	if c.Relay.Hostname != "" {
		return c.Relay.Hostname, nil
	}
	return hostname(c)
}

// Smarthosts are the relays of the configuration, ready to be asked.
func Smarthosts(c config.Config, tokens map[string]*oauth.Source) (hosts []relay.Host, err error) {
	for _, s := range c.Relay.Smarthosts {
		h, err := host(s, tokens)
		if err != nil {
			return nil, fmt.Errorf("smarthost %s: %w", s.Address, err)
		}
		hosts = append(hosts, h)
	}
	return hosts, nil
}

func host(s config.Smarthost, tokens map[string]*oauth.Source) (relay.Host, error) {
	h := relay.Host{
		Address: s.Address, Priority: s.Priority, TLS: relay.TLSPolicy(s.TLS), ServerName: s.ServerName,
		MaxConnections: s.Connections, Rate: s.Rate,
	}
	if s.TLS == "implicit" {
		h.TLS, h.Implicit = relay.TLSVerified, true
	}
	var err error
	if h.Roots, err = Authorities(s.CA); err != nil {
		return h, err
	}
	for _, pin := range s.Pins {
		raw, err := hex.DecodeString(pin)
		if err != nil || len(raw) != 32 {
			return h, fmt.Errorf("pin %q is not 64 hexadecimal digits", pin)
		}
		h.Pins = append(h.Pins, [32]byte(raw))
	}
	if s.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(s.Certificate, s.Key)
		if err != nil {
			return h, fmt.Errorf("client certificate: %w", err)
		}
		h.Certificates = []tls.Certificate{pair}
	}
	if s.Auth != "" {
		password, err := s.Password.Read()
		if err != nil {
			return h, fmt.Errorf("password: %w", err)
		}
		h.Auth = &relay.Auth{Mechanism: s.Auth, Username: s.Username, Password: password, Clear: s.TLS == "none"}
		if s.OAuth != "" {
			if h.Auth.Token, err = tokenSource(tokens, s.OAuth); err != nil {
				return h, err
			}
		}
	}
	return h, nil
}

// Authorities reads a PEM file of certificates; nil when none is named.
func Authorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("authorities: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New("authorities: no certificate in " + file)
	}
	return pool, nil
}

func newSigner(c config.Config) (*relay.Signer, error) {
	if len(c.DKIM) == 0 {
		return nil, nil
	}
	var keys []relay.Key
	for _, d := range c.DKIM {
		text, err := os.ReadFile(d.Key)
		if err != nil {
			return nil, fmt.Errorf("DKIM key: %w", err)
		}
		signer, err := relay.ParseKey(text)
		if err != nil {
			return nil, fmt.Errorf("DKIM key %s: %w", d.Key, err)
		}
		domain := d.Domain
		if domain == "" {
			domain = c.Domain
		}
		keys = append(keys, relay.Key{Domain: domain, Selector: d.Selector, Signer: signer})
	}
	return relay.NewSigner(keys...)
}
