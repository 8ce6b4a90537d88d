package link

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"vaguemestre/gateway/message"
	"vaguemestre/tracking/web"
)

// opened is a letter whose message is open.
type opened struct {
	letter
	message *message.Message
	content Content
}

// readable opens the message of a letter that was acknowledged; before that, it shows the landing page.
func (p *Pages) readable(w http.ResponseWriter, r *http.Request) (opened, bool) {
	l, ok := p.open(w, r)
	if !ok {
		return opened{}, false
	}
	if l.recipient.Standing.Read.IsZero() {
		p.landing(w, r, l, web.NewShown(p.opts.Now()), http.StatusForbidden, "first")
		return opened{}, false
	}
	o, err := p.openMessage(r, l)
	if err != nil {
		p.outage(w, r, "open the letter's content", err)
		return opened{}, false
	}
	return o, true
}

func (p *Pages) openMessage(r *http.Request, l letter) (opened, error) {
	content, err := p.contents(r.Context(), l.courier.Content)
	if err != nil {
		return opened{}, err
	}
	m, err := message.Read(content, content.Size(), message.DefaultLimits())
	if err != nil {
		_ = content.Close() // the reading's error says more
		return opened{}, fmt.Errorf("read the letter: %w", err)
	}
	return opened{letter: l, message: m, content: content}, nil
}

// content shows the letter as it was written.
func (p *Pages) content(w http.ResponseWriter, r *http.Request, l letter) {
	o, err := p.openMessage(r, l)
	if err != nil {
		p.outage(w, r, "open the letter's content", err)
		return
	}
	defer o.content.Close()
	v := p.view(r, l)
	v.Text, v.HTML, err = o.text()
	if err != nil {
		p.outage(w, r, "read the letter's text", err)
		return
	}
	v.Frame = frame(v.Text)
	for i, f := range l.courier.Files {
		v.Files = append(v.Files, fileView{File: f, Link: fmt.Sprintf("%s/fichier/%d/%s", v.Path, i+1, url.PathEscape(f.Name)), Withheld: p.withheld(f)})
		v.Total += f.Size
	}
	p.page(w, r, http.StatusOK, "content", v)
}

// frame guesses how tall the letter is: nothing in its frame may run to measure it.
func frame(text string) string {
	switch lines := strings.Count(text, "\n") + len(text)/80; {
	case lines < 6:
		return "short"
	case lines < 14:
		return "middling"
	}
	return "long"
}

// text is what the letter says, and whether it also says it in HTML.
func (o opened) text() (text string, html bool, err error) {
	h := o.message.HTML()
	if model := o.courier.Composition.Model; model != "" {
		return model, false, nil
	}
	if t := o.message.Text(); t != nil {
		text, err = t.Text(message.MaxText)
		return text, h != nil, message.Uncut(err)
	}
	if h == nil {
		return "", false, nil
	}
	source, err := h.Text(message.MaxText)
	return message.HTMLToText(source), true, message.Uncut(err)
}

// body is the letter's HTML, made safe, for the page's sandboxed frame: no script, no remote load.
func (p *Pages) body(w http.ResponseWriter, r *http.Request) {
	o, ok := p.readable(w, r)
	if !ok {
		return
	}
	defer o.content.Close()
	part := o.message.HTML()
	if part == nil {
		p.unknown(w, r)
		return
	}
	source, err := part.Text(message.MaxText)
	if message.Uncut(err) != nil {
		p.outage(w, r, "read the letter's HTML", err)
		return
	}
	safe := message.SafeHTML(source, o.imageLink(r))
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox")
	h.Set("X-Frame-Options", "SAMEORIGIN")
	h.Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, "<!DOCTYPE html><meta charset=\"utf-8\"><base target=\"_blank\"><body style=\"margin:1rem;font:1.0625rem/1.6 system-ui,sans-serif;overflow-wrap:anywhere\">"+safe) // a visitor who left does not concern us
}

// imageLink gives the address of an inline image from its Content-ID (RFC 2392).
func (o opened) imageLink(r *http.Request) func(string) string {
	return func(cid string) string {
		part := o.message.ByContentID(cid)
		if part == nil || !message.Raster(part.MediaType) {
			return ""
		}
		return "/l/" + r.PathValue("token") + "/image/" + part.Path
	}
}

func (p *Pages) image(w http.ResponseWriter, r *http.Request) {
	o, ok := p.readable(w, r)
	if !ok {
		return
	}
	defer o.content.Close()
	part := o.message.Find(r.PathValue("part"))
	if part == nil || !message.Raster(part.MediaType) {
		p.unknown(w, r)
		return
	}
	w.Header().Set("Content-Type", part.MediaType)
	if r.Method == http.MethodHead {
		return
	}
	if _, err := io.Copy(w, part.Decoded()); err != nil && r.Context().Err() == nil {
		o.log(p.opts.Logger).Warn("picture cut short", "cause", err)
		panic(http.ErrAbortHandler)
	}
}
