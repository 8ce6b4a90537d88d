package daemon

import (
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vaguemestre/gateway/config"
	"vaguemestre/gateway/store"
	"vaguemestre/inbound/mailbox"
)

// NewMatcher makes what matches mail by hand for a command, beside the daemon that reads the mailboxes: the same rules, the
// same keys. It opens no mailbox.
func NewMatcher(cfg config.Config, s *store.Store, now func() time.Time) (*mailbox.Service, error) {
	d := &Daemon{cfg: cfg, store: s, log: slog.New(slog.DiscardHandler), now: now, registry: prometheus.NewRegistry()}
	var err error
	if d.ring, err = TokenRing(d.key("tokens")); err != nil {
		return nil, err
	}
	if d.vault, err = SealVault(d.key("seals")); err != nil {
		return nil, err
	}
	if d.tokens, err = NewTokens(cfg, d.registry, now); err != nil {
		return nil, err
	}
	return d.newMailboxes()
}
