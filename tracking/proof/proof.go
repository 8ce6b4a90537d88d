package proof

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
	"vaguemestre/tracking/ledger"
)

// Store is what proofs need of gateway/store.
type Store interface {
	facts
	Apply(ctx context.Context, step gateway.Step) error
}

type facts interface {
	Courier(ctx context.Context, id gateway.ID) (gateway.Courier, error)
	Recipients(ctx context.Context, courier gateway.ID) ([]gateway.Recipient, error)
	Events(ctx context.Context, courier, recipient gateway.ID) ([]gateway.Event, error)
	Replies(ctx context.Context, courier gateway.ID) ([]gateway.Reply, error)
	OpenContent(ctx context.Context, h gateway.Hash) (store.Content, error)
}

// Options says how proofs are made. Seal is required.
type Options struct {
	Seal *Seal
	// Attach is the largest message or report attached to the PDF, in octets; 0: 20,000,000. The hash
	// of a larger one stands in the proof, and its content in the bundle.
	Attach int64
	Now    func() time.Time // nil: time.Now
	Logger *slog.Logger     // nil: silent
	// Registerer takes the metrics; nil: unregistered.
	Registerer prometheus.Registerer
}

// DefaultAttach is the largest content attached to a PDF.
const DefaultAttach = 20_000_000

// Issuer makes proofs. Its methods may be called from many goroutines.
type Issuer struct {
	o       Options
	store   Store
	ledger  *ledger.Ledger
	metrics *metrics
}

// New makes an issuer; nothing runs.
func New(o Options, s Store, l *ledger.Ledger) *Issuer {
	if o.Attach <= 0 {
		o.Attach = DefaultAttach
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Issuer{o: o, store: s, ledger: l, metrics: newMetrics(o.Registerer)}
}

// Write makes the proof of a courier as a PDF: of all its recipients, or of the one given.
// language is "fr" or "en", empty for the consultation's. It waits until the courier's events are in the
// ledger, so that ctx should have a deadline. gateway.ErrNotFound when there is no such courier or
// recipient; nothing is written then. An error after the first octet leaves w with a file that is no proof.
func (i *Issuer) Write(ctx context.Context, w io.Writer, courier, recipient gateway.ID, language string) error {
	return i.issue(ctx, w, courier, recipient, language, func(w io.Writer, m *material) error {
		return i.pdf(ctx, w, m)
	})
}

// Bundle makes the proof as a zip: the PDF of Write, and beside it each file that is attached to it,
// and those that are too large for that.
func (i *Issuer) Bundle(ctx context.Context, w io.Writer, courier, recipient gateway.ID, language string) error {
	return i.issue(ctx, w, courier, recipient, language, func(w io.Writer, m *material) error {
		return i.bundle(ctx, w, m)
	})
}

func (i *Issuer) issue(ctx context.Context, w io.Writer, courier, recipient gateway.ID, language string, write func(io.Writer, *material) error) error {
	err := i.make(ctx, w, courier, recipient, language, write)
	switch {
	case err == nil:
		i.metrics.issued.Inc()
		return nil
	case !errors.Is(err, gateway.ErrNotFound):
		i.metrics.failures.Inc()
	}
	return fmt.Errorf("issue the proof of courier %s: %w", courier, err)
}

func (i *Issuer) make(ctx context.Context, w io.Writer, courier, recipient gateway.ID, language string, write func(io.Writer, *material) error) error {
	m, err := i.collect(ctx, courier, recipient, language)
	if err != nil {
		return err
	}
	h := sha256.New()
	if err := write(io.MultiWriter(w, h), m); err != nil {
		return err
	}
	e := gateway.NewEvent(gateway.ProofIssued, i.o.Now(), gateway.ProofDetails{For: recipient, SHA256: gateway.Hash(h.Sum(nil))}, nil)
	if err := i.store.Apply(ctx, gateway.Step{Events: []gateway.Event{e.About(courier, recipient)}}); err != nil {
		return fmt.Errorf("record it: %w", err)
	}
	return nil
}

// late notes that the authority did not stamp something of a proof.
func (i *Issuer) late(what string, courier gateway.ID, err error) {
	if err != nil {
		i.metrics.unstamped.Inc()
		i.o.Logger.Warn(what, "courier", courier.String(), "error", err)
	}
}

// pdf draws, attaches and seals.
func (i *Issuer) pdf(ctx context.Context, w io.Writer, m *material) error {
	drawn, err := pages(m.evidence, m.files[0].SHA256)
	if err != nil {
		return err
	}
	d := m.evidence.document(drawn, m.files)
	authority := i.ledger.Authority()
	return d.write(w, i.o.Seal.room(authority != nil), func(digest [sha256.Size]byte) ([]byte, error) {
		der, late, err := i.o.Seal.seal(ctx, digest, authority)
		i.late("time-stamp a proof's seal", m.evidence.Courier.ID, late)
		return der, err
	})
}

// document is the file that the evidence gives with these pages and attachments.
func (ev *Evidence) document(drawn []byte, files []content) *document {
	lang := "fr-FR"
	if ev.Issued.Language == "en" {
		lang = "en-GB"
	}
	return &document{
		pages: drawn, title: ev.Issued.Title, subject: ev.Seal.Subject, at: ev.Issued.At,
		id: files[0].SHA256, lang: lang, files: files,
	}
}

var _ Store = (*store.Store)(nil)

// encode gives evidence.json as the first of the files to attach.
func (ev *Evidence) encode() (content, error) {
	b, err := canonical(ev)
	if err != nil {
		return content{}, err
	}
	return bytesContent(evidenceName, roleEvidence, "application/json", b), nil
}
