package daemon

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vaguemestre/gateway"
	"vaguemestre/gateway/config"
	"vaguemestre/gateway/intake"
	"vaguemestre/gateway/store"
)

// Desk takes couriers for a command, beside the daemon that sends them: the same rules, the same composer, the same keys.
// It proves nothing: a command of its own does.
type Desk struct {
	daemon *Daemon
	intake *intake.Intake
}

// NewDesk opens one on an installation's store.
func NewDesk(cfg config.Config, s *store.Store, now func() time.Time) (*Desk, error) {
	d := &Daemon{cfg: cfg, store: s, log: slog.New(slog.DiscardHandler), now: now, registry: prometheus.NewRegistry()}
	var err error
	if d.ring, err = TokenRing(d.key("tokens")); err != nil {
		return nil, err
	}
	d.composer = &composer{ring: d.ring, store: s}
	in, err := d.newIntake()
	return &Desk{d, in}, err
}

// Submit takes a submission, durably. The error is Refusals, all of them, when it cannot be sent.
func (k *Desk) Submit(ctx context.Context, s intake.Submission) (intake.Receipt, error) {
	receipt, err := k.intake.Submit(ctx, s)
	fault := gateway.FaultOf(err)
	if err == nil || fault.Class != gateway.Permanent {
		return receipt, err
	}
	report, failed := k.intake.Check(ctx, s)
	if failed != nil {
		return receipt, failed
	}
	if all := refusals(report); len(all) > 0 {
		return receipt, all
	}
	return receipt, Refusals{fault}
}

// Mail copies a mail into a spool as submission takes it, with CRLF line ends.
func Mail(to *store.Spool, from io.Reader) error {
	raw, err := io.ReadAll(from)
	if err == nil {
		_, err = io.Copy(to, bytes.NewReader(crlf(raw)))
	}
	return err
}
