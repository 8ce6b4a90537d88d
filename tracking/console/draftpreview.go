package console

import (
	"bytes"
	"io"
	"net/http"

	"vaguemestre/gateway"
	"vaguemestre/gateway/message"
	"vaguemestre/gateway/store"
)

// previewPolicy is that of what a draft would look like: it runs nothing, loads nothing, leads nowhere.
const previewPolicy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox"

// previewed gives the courier as it would be accepted, its first recipient and its message; it refuses what would be refused.
func (c *Console) previewed(r *http.Request, v *visit, do func(gateway.Courier, gateway.Recipient, *store.Spool) error) error {
	spool := c.d.Store.Spool()
	defer spool.Discard()
	if err := c.message(r.Context(), v, spool); err != nil {
		return err
	}
	report, err := c.d.Intake.Check(r.Context(), c.submission(v, spool))
	if err != nil {
		return err
	}
	if !report.Good() || len(report.Recipients) == 0 {
		return gateway.ErrNotFound // the form says what is missing
	}
	return do(report.Courier, report.Recipients[0], spool)
}

// previewMail is the message that the first recipient would get, as a mail client shows it.
func (c *Console) previewMail(w http.ResponseWriter, r *http.Request, v *visit) error {
	return c.previewed(r, v, func(x gateway.Courier, to gateway.Recipient, content *store.Spool) error {
		composed := c.d.Store.Spool()
		defer composed.Discard()
		if err := c.d.Composer.Letter(composed, x, to, content.ReaderAt()); err != nil {
			return err
		}
		m, err := message.Read(composed.ReaderAt(), composed.Size(), message.DefaultLimits())
		if err != nil {
			return err
		}
		shown, rich, err := letter{Message: m}.shown()
		if err != nil {
			return err
		}
		mediaType := "text/plain; charset=utf-8"
		if rich {
			mediaType = "text/html; charset=utf-8"
		}
		framed(w.Header(), mediaType)
		_, _ = io.WriteString(w, shown) // an agent who left does not concern us
		return nil
	})
}

// shown is what a mail client shows of a message: its HTML, or its text.
func (m letter) shown() (text string, rich bool, err error) {
	part := m.HTML()
	if rich = part != nil; !rich {
		part = m.Message.Text()
	}
	if part == nil {
		return "", false, nil
	}
	text, err = part.Text(maxDraftText)
	return text, rich, message.Uncut(err)
}

// previewPage is the page that the first recipient would see once they acknowledge.
func (c *Console) previewPage(w http.ResponseWriter, r *http.Request, v *visit) error {
	return c.previewed(r, v, func(x gateway.Courier, to gateway.Recipient, content *store.Spool) error {
		if !x.Options.Acknowledged {
			return gateway.ErrNotFound
		}
		var page bytes.Buffer
		if err := c.d.Pager.Page(r.Context(), &page, x, to, content); err != nil {
			return err
		}
		framed(w.Header(), "text/html; charset=utf-8")
		_, _ = w.Write(page.Bytes()) // an agent who left does not concern us
		return nil
	})
}

func framed(h http.Header, mediaType string) {
	h.Set("Content-Security-Policy", previewPolicy)
	h.Set("X-Frame-Options", "SAMEORIGIN")
	h.Set("Content-Type", mediaType)
}
