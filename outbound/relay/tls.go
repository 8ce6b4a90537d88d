package relay

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"
)

// tlsConfig judges the peer's certificate by the host's policy, and notes in verified whether
// the certificate was valid for the host's name (or pinned), which evidence keeps
// whatever the policy. The check of crypto/tls itself is turned off because it can only refuse.
func (h *Host) tlsConfig(now func() time.Time, cache tls.ClientSessionCache, verified *bool) *tls.Config {
	return &tls.Config{
		ServerName:         h.ServerName,
		MinVersion:         tls.VersionTLS12,
		Certificates:       h.Certificates,
		ClientSessionCache: cache,
		Time:               now,
		InsecureSkipVerify: true,
		VerifyConnection: func(cs tls.ConnectionState) error {
			err := h.judge(cs, now())
			*verified = err == nil
			if h.TLS == TLSVerified || h.TLS == TLSPinned {
				return err
			}
			return nil
		},
	}
}

var errPin = errors.New("the public key of the peer's certificate is none of the pinned ones")

func (h *Host) judge(cs tls.ConnectionState, now time.Time) error {
	if len(cs.PeerCertificates) == 0 {
		return errors.New("the peer shows no certificate")
	}
	leaf := cs.PeerCertificates[0]
	if h.TLS == TLSPinned {
		if !slices.Contains(h.Pins, sha256.Sum256(leaf.RawSubjectPublicKeyInfo)) {
			return errPin
		}
		return nil
	}
	between := x509.NewCertPool()
	for _, c := range cs.PeerCertificates[1:] {
		between.AddCert(c)
	}
	_, err := leaf.Verify(x509.VerifyOptions{DNSName: h.ServerName, Roots: h.Roots, Intermediates: between, CurrentTime: now})
	if err != nil {
		return fmt.Errorf("certificate of %s: %w", h.ServerName, err)
	}
	return nil
}
