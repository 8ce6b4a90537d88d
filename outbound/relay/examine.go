package relay

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"time"
)

// Examination is what a smarthost showed of itself, up to the point where mail could be sent.
type Examination struct {
	Peer        string // as it greeted
	TLS, Cipher string // empty: not encrypted
	Verified    bool
	Certificate *x509.Certificate // its own; nil without TLS
	Extensions  map[string]string // in upper case → parameters (RFC 5321 §4.1.1.1), as offered behind TLS
	Stage       string            // where it ended: "", or connect, hello, tls, auth
}

// Examine opens a connection as a delivery does, logs in, and leaves without sending anything. The error is what a delivery
// would meet, with the peer's words.
func Examine(ctx context.Context, name string, h Host) (Examination, error) {
	h, err := h.withDefaults()
	if err != nil {
		return Examination{}, err
	}
	o := opener{host: h, name: name, limits: Timeouts{}.withDefaults(), dial: new(net.Dialer).DialContext, now: time.Now}
	s, t := o.open(ctx)
	if t != nil {
		d := t.details
		x := Examination{Peer: d.Peer, TLS: d.TLS, Cipher: d.Cipher, Verified: d.Verified, Stage: t.stage}
		if words := t.reply.words(); words != "" {
			return x, fmt.Errorf("%w: %s", t.fault, words)
		}
		return x, t.fault
	}
	defer s.quit()
	return s.shown(), nil
}

// shown is what the peer of an open session showed of itself.
func (s *session) shown() Examination {
	x := Examination{Peer: s.peer, TLS: s.tls, Cipher: s.cipher, Verified: s.verified, Extensions: s.ext}
	if secured, ok := s.conn.(*tls.Conn); ok {
		x.Certificate = secured.ConnectionState().PeerCertificates[0]
	}
	return x
}
