package daemon

import (
	"context"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vaguemestre/gateway"
	"vaguemestre/gateway/config"
	"vaguemestre/gateway/store"
	"vaguemestre/tracking/ledger"
	"vaguemestre/tracking/proof"
)

// NewLedger makes the ledger of an installation, for the daemon and for commands alike: whoever runs it
// first sequences, the others wait for the events they need.
func NewLedger(c config.Config, s *store.Store, owner string, log *slog.Logger, reg prometheus.Registerer, now func() time.Time) (*ledger.Ledger, error) {
	name, file := c.Ledger.Name, c.Ledger.Key
	if name == "" {
		name = c.Domain
	}
	if file == "" {
		file = filepath.Join(c.DataDir, keyDir, "ledger")
	}
	key, err := ledger.LoadKey(file, name)
	if err != nil {
		return nil, err
	}
	authority, err := newAuthority(c)
	if err != nil {
		return nil, err
	}
	return ledger.New(ledger.Options{
		Key: key, Owner: owner, Authority: authority, Interval: c.Ledger.Interval.Of(), Now: now, Logger: log, Registerer: reg,
	}, s)
}

// newAuthority is nil, an interface that holds nothing, when none is configured.
func newAuthority(c config.Config) (ledger.Authority, error) {
	if c.Ledger.Authority == "" {
		return nil, nil
	}
	roots, err := Authorities(c.Ledger.AuthorityCA)
	if err != nil {
		return nil, err
	}
	return &ledger.HTTPAuthority{URL: c.Ledger.Authority, Roots: roots}, nil
}

// NewIssuer makes what issues proofs.
func NewIssuer(c config.Config, s *store.Store, l *ledger.Ledger, log *slog.Logger, reg prometheus.Registerer, now func() time.Time) (*proof.Issuer, error) {
	seal, err := newSeal(c, now)
	if err != nil {
		return nil, err
	}
	return proof.New(proof.Options{Seal: seal, Now: now, Logger: log, Registerer: reg}, s, l), nil
}

// WriteProof writes the proof of a courier, of all its recipients or of one.
func (d *Daemon) WriteProof(ctx context.Context, w io.Writer, courier, recipient gateway.ID) error {
	return d.proof.Write(ctx, w, courier, recipient, "")
}

// newSeal is the configured seal, or the one that the installation makes itself.
func newSeal(c config.Config, now func() time.Time) (*proof.Seal, error) {
	if c.Proof.Certificate != "" {
		return proof.LoadSeal(c.Proof.Certificate, c.Proof.Key)
	}
	return proof.OwnSeal(filepath.Join(c.DataDir, keyDir), c.Domain, now)
}
