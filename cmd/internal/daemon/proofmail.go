package daemon

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/emersion/go-message/mail"

	"vaguemestre/gateway"
	"vaguemestre/gateway/catalog"
)

// mailProver mails a proof to the agent who wrote to preuve+<courier>.
type mailProver struct{ d *Daemon }

// proofPatience bounds the wait for a courier's events to be in the ledger, within the time that a mail client waits.
const proofPatience = time.Minute

// Prove implements intake.Prover: the message is stored with its job before it returns.
func (p mailProver) Prove(ctx context.Context, _ gateway.Agent, to string, courier gateway.ID) error {
	ctx, done := context.WithTimeout(ctx, proofPatience)
	defer done()
	s := p.d.store
	spool := s.Spool()
	defer spool.Discard()
	now := p.d.now()
	if err := p.write(ctx, spool, to, courier, now); err != nil {
		return fmt.Errorf("write a proof's mail: %w", err)
	}
	content, err := s.Keep(ctx, spool)
	if err != nil {
		return err
	}
	return s.Apply(ctx, gateway.Step{Jobs: []gateway.Job{{
		ID: gateway.NewID(now), Kind: gateway.JobNotice, Created: now, Due: now,
		Notice: gateway.Notice{Kind: gateway.NoticeRaw, To: to, Content: content},
	}}})
}

func (p mailProver) write(ctx context.Context, to io.Writer, address string, courier gateway.ID, now time.Time) error {
	c, err := p.d.store.Courier(ctx, courier)
	if err != nil {
		return err
	}
	args := map[string]any{"Reference": c.Context.Reference, "Subject": c.Subject}
	language := c.Context.Language
	var h mail.Header
	h.SetDate(now)
	h.SetAddressList("From", []*mail.Address{{Name: serviceName, Address: "nepasrepondre@" + p.d.cfg.Domain}})
	h.SetAddressList("To", []*mail.Address{{Address: address}})
	h.SetSubject(catalog.Text(language, "proof.subject", args))
	h.SetMessageID(gateway.NewID(now).String() + "@" + p.d.cfg.Domain)
	h.Set("Auto-Submitted", "auto-replied") // RFC 3834 §5
	w, err := mail.CreateWriter(to, h)
	if err != nil {
		return err
	}
	if err := writePart(w, catalog.Text(language, "proof.text", args)); err != nil {
		return err
	}
	var file mail.AttachmentHeader
	file.SetContentType("application/pdf", nil)
	file.SetFilename("preuve-" + courier.String() + ".pdf")
	part, err := w.CreateAttachment(file)
	if err != nil {
		return err
	}
	if err := p.d.WriteProof(ctx, part, courier, gateway.ID{}); err != nil {
		return err
	}
	if err := part.Close(); err != nil {
		return err
	}
	return w.Close()
}

func writePart(w *mail.Writer, text string) error {
	var h mail.InlineHeader
	h.SetContentType("text/plain", map[string]string{"charset": "utf-8"})
	part, err := w.CreateSingleInline(h)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(part, text); err != nil {
		return err
	}
	return part.Close()
}
