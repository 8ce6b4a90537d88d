package console

import (
	"context"
	"io"
	"net/http"
	"time"

	"vaguemestre/gateway"
)

// proofPatience bounds the wait for a courier's events to be in the ledger.
const proofPatience = time.Minute

func (c *Console) proofPDF(w http.ResponseWriter, r *http.Request, v *visit) error {
	return c.proof(w, r, v, "preuve-"+v.courier.ID.String()+".pdf", "application/pdf", c.d.Prover.Write)
}

func (c *Console) proofBundle(w http.ResponseWriter, r *http.Request, v *visit) error {
	return c.proof(w, r, v, "preuve-"+v.courier.ID.String()+".zip", "application/zip", c.d.Prover.Bundle)
}

// proof is written whole first: a failure is a page, never half a file.
func (c *Console) proof(w http.ResponseWriter, r *http.Request, v *visit, name, media string,
	write func(ctx context.Context, w io.Writer, courier, recipient gateway.ID, language string) error) error {
	only := gateway.ID{}
	if text := r.URL.Query().Get("destinataire"); text != "" {
		var err error
		if only, err = gateway.ParseID(text); err != nil {
			return gateway.ErrNotFound
		}
	}
	if r.Method == http.MethodHead { // issuing a proof is an event
		return nil
	}
	ctx, done := context.WithTimeout(r.Context(), proofPatience)
	defer done()
	file := c.d.Store.Spool()
	defer file.Discard()
	if err := write(ctx, file, v.courier.ID, only, ""); err != nil {
		return err
	}
	attachment(w.Header(), name, file.Size())
	w.Header().Set("Content-Type", media)
	stream(w, r, io.NewSectionReader(file.ReaderAt(), 0, file.Size()))
	return nil
}
