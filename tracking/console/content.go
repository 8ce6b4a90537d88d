package console

import (
	"context"
	"errors"
	"fmt"
	"html"
	"io"
	"mime"
	"net/http"
	"strconv"

	"vaguemestre/gateway"
	"vaguemestre/gateway/message"
	"vaguemestre/gateway/store"
)

// maxText bounds the text that a page shows, in octets; the whole is in the message.
const maxText = 256 << 10

// letterBody is what a letter says.
type letterBody struct {
	Text string
	HTML bool // it also says it in HTML
	Cut  bool
	Gone bool // its content is no longer kept
}

// letter is a stored message, open.
type letter struct {
	*message.Message
	content store.Content
}

func (m letter) Close() { _ = m.content.Close() }

// open opens a stored message; the caller closes it.
func (c *Console) open(ctx context.Context, h gateway.Hash) (letter, error) {
	content, err := c.d.Store.OpenContent(ctx, h)
	if err != nil {
		return letter{}, err
	}
	m, err := message.Read(content, content.Size(), message.DefaultLimits())
	if err != nil {
		_ = content.Close() // the reading's error says more
		return letter{}, fmt.Errorf("read a message: %w", err)
	}
	return letter{m, content}, nil
}

func (c *Console) body(ctx context.Context, x gateway.Courier) (letterBody, error) {
	if x.Composition.Model != "" {
		return letterBody{Text: x.Composition.Model}, nil
	}
	m, err := c.open(ctx, x.Content)
	if errors.Is(err, gateway.ErrNotFound) {
		return letterBody{Gone: true}, nil
	}
	if err != nil {
		return letterBody{}, err
	}
	defer m.Close()
	return m.says(maxText)
}

// says is the message's text, and whether there is HTML too.
func (m letter) says(most int64) (letterBody, error) {
	h := m.HTML()
	b := letterBody{HTML: h != nil}
	part := m.Message.Text()
	if part == nil {
		part = h
	}
	if part == nil {
		return b, nil
	}
	text, err := part.Text(most)
	if b.Cut = errors.Is(err, message.ErrCut); err != nil && !b.Cut {
		return b, err
	}
	if part == h {
		text = message.HTMLToText(text)
	}
	b.Text = text
	return b, nil
}

// html is the letter's HTML, made safe, for the page's sandboxed frame: no script, nothing from elsewhere.
func (c *Console) html(w http.ResponseWriter, r *http.Request, v *visit) error {
	m, err := c.open(r.Context(), v.courier.Content)
	if err != nil {
		return err
	}
	defer m.Close()
	part := m.HTML()
	if part == nil {
		return gateway.ErrNotFound
	}
	source, err := part.Text(maxText)
	if err != nil && !errors.Is(err, message.ErrCut) {
		return err
	}
	safe := message.SafeHTML(source, func(cid string) string {
		image := m.ByContentID(cid)
		if image == nil || !message.Raster(image.MediaType) {
			return ""
		}
		return v.courierPath() + "/image/" + image.Path
	})
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox")
	h.Set("X-Frame-Options", "SAMEORIGIN")
	h.Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, "<!DOCTYPE html><html lang=\""+v.consultation.Language+"\"><meta charset=\"utf-8\"><title>"+html.EscapeString(v.courier.TypeLabel)+"</title><base target=\"_blank\"><body style=\"font-family:sans-serif\">"+safe) // an agent who left does not concern us
	return nil
}

func (c *Console) image(w http.ResponseWriter, r *http.Request, v *visit) error {
	m, err := c.open(r.Context(), v.courier.Content)
	if err != nil {
		return err
	}
	defer m.Close()
	part := m.Find(r.PathValue("part"))
	if part == nil || !message.Raster(part.MediaType) {
		return gateway.ErrNotFound
	}
	w.Header().Set("Content-Type", part.MediaType)
	stream(w, r, part.Decoded())
	return nil
}

// asSent gives the message as the agent submitted it.
func (c *Console) asSent(w http.ResponseWriter, r *http.Request, v *visit) error {
	return c.download(w, r, v.courier.Content, "courrier-"+v.courier.ID.String()+".eml")
}

// download gives a stored content as a file, never to be opened in place.
func (c *Console) download(w http.ResponseWriter, r *http.Request, h gateway.Hash, name string) error {
	content, err := c.d.Store.OpenContent(r.Context(), h)
	if err != nil {
		return err
	}
	defer content.Close()
	attachment(w.Header(), name, content.Size())
	stream(w, r, io.NewSectionReader(content, 0, content.Size()))
	return nil
}

func attachment(h http.Header, name string, size int64) {
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	if size >= 0 {
		h.Set("Content-Length", strconv.FormatInt(size, 10))
	}
}

// stream sends what is left; a cut is told by the missing bytes, never hidden.
func stream(w http.ResponseWriter, r *http.Request, from io.Reader) {
	if r.Method == http.MethodHead {
		return
	}
	if _, err := io.Copy(w, from); err != nil {
		panic(http.ErrAbortHandler)
	}
}

func (c *Console) file(w http.ResponseWriter, r *http.Request, v *visit) error {
	return c.fileOf(w, r, v.courier.Content, v.courier.Files)
}

// fileOf gives the n-th file of a message, or one that is a content of its own.
func (c *Console) fileOf(w http.ResponseWriter, r *http.Request, content gateway.Hash, files []gateway.File) error {
	n, err := strconv.Atoi(r.PathValue("n"))
	if err != nil || n < 1 || n > len(files) {
		return gateway.ErrNotFound
	}
	f := files[n-1]
	if f.Part == "" {
		return c.download(w, r, f.SHA256, f.Name)
	}
	m, err := c.open(r.Context(), content)
	if err != nil {
		return err
	}
	defer m.Close()
	part := m.Find(f.Part)
	if part == nil {
		return fmt.Errorf("part %s of a message: %w", f.Part, gateway.ErrNotFound)
	}
	attachment(w.Header(), f.Name, f.Size)
	stream(w, r, part.Decoded())
	return nil
}

// report gives the raw mail that an event rests on. The letter and the replies have their own ways.
func (c *Console) report(w http.ResponseWriter, r *http.Request, v *visit) error {
	e := v.event
	if e.Kind == gateway.Submitted || e.Kind == gateway.Replied || len(e.Contents) == 0 {
		return gateway.ErrNotFound
	}
	return c.download(w, r, e.Contents[0], "rapport-"+e.ID.String()+".eml")
}
