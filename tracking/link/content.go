package link

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"vaguemestre/gateway"
	"vaguemestre/gateway/message"
)

// maxText bounds the text shown in a page, in bytes; the whole is in the original message.
const maxText = 1 << 20

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
		p.landing(w, r, l, http.StatusForbidden, "")
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
	for i, f := range l.courier.Files {
		v.Files = append(v.Files, fileView{File: f, Link: fmt.Sprintf("%s/fichier/%d/%s", v.Path, i+1, url.PathEscape(f.Name))})
		v.Total += f.Size
	}
	p.page(w, r, http.StatusOK, "content", v)
}

// text is what the letter says, and whether it also says it in HTML.
func (o opened) text() (text string, html bool, err error) {
	h := o.message.HTML()
	if model := o.courier.Composition.Model; model != "" {
		return model, false, nil
	}
	if t := o.message.Text(); t != nil {
		text, err = t.Text(maxText)
		return text, h != nil, uncut(err)
	}
	if h == nil {
		return "", false, nil
	}
	source, err := h.Text(maxText)
	return message.HTMLToText(source), true, uncut(err)
}

// uncut takes a text that was cut at its bound for what it is: the page shows its beginning.
func uncut(err error) error {
	if errors.Is(err, message.ErrCut) {
		return nil
	}
	return err
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
	source, err := part.Text(maxText)
	if uncut(err) != nil {
		p.outage(w, r, "read the letter's HTML", err)
		return
	}
	safe := message.SafeHTML(source, o.imageLink(r))
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox")
	h.Set("X-Frame-Options", "SAMEORIGIN")
	h.Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, "<!DOCTYPE html><meta charset=\"utf-8\"><base target=\"_blank\"><body style=\"font-family:sans-serif\">"+safe) // a visitor who left does not concern us
}

// imageLink gives the address of an inline image from its Content-ID (RFC 2392).
func (o opened) imageLink(r *http.Request) func(string) string {
	return func(cid string) string {
		part := o.message.ByContentID(cid)
		if part == nil || !raster(part.MediaType) {
			return ""
		}
		return "/l/" + r.PathValue("token") + "/image/" + part.Path
	}
}

// raster tells the image types that carry no script.
func raster(mediaType string) bool {
	switch mediaType {
	case "image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp":
		return true
	}
	return false
}

func (p *Pages) image(w http.ResponseWriter, r *http.Request) {
	o, ok := p.readable(w, r)
	if !ok {
		return
	}
	defer o.content.Close()
	part := o.message.Find(r.PathValue("part"))
	if part == nil || !raster(part.MediaType) {
		p.unknown(w, r)
		return
	}
	w.Header().Set("Content-Type", part.MediaType)
	p.copy(w, r, o, part.Decoded())
}

// file sends one file as a download, never to be opened in place.
func (p *Pages) file(w http.ResponseWriter, r *http.Request) {
	o, ok := p.readable(w, r)
	if !ok {
		return
	}
	defer o.content.Close()
	n, err := strconv.Atoi(r.PathValue("n"))
	if err != nil || n < 1 || n > len(o.courier.Files) {
		p.unknown(w, r)
		return
	}
	f := o.courier.Files[n-1]
	part := o.message.Find(f.Part)
	if part == nil {
		p.outage(w, r, "find a file in its letter", fmt.Errorf("part %s: %w", f.Part, gateway.ErrNotFound))
		return
	}
	if !p.downloaded(w, r, o, f) {
		return
	}
	download(w.Header(), f.Name, "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(f.Size, 10))
	p.copy(w, r, o, part.Decoded())
}

// archive sends every file in one ZIP, stored as they are: their bytes and names are those of the letter.
func (p *Pages) archive(w http.ResponseWriter, r *http.Request) {
	o, ok := p.readable(w, r)
	if !ok {
		return
	}
	defer o.content.Close()
	for _, f := range o.courier.Files {
		if !p.downloaded(w, r, o, f) {
			return
		}
	}
	download(w.Header(), strings.ToLower(o.courier.Context.Reference)+".zip", "application/zip")
	if r.Method == http.MethodHead {
		return
	}
	z := zip.NewWriter(w)
	for i, f := range o.courier.Files {
		part := o.message.Find(f.Part)
		entry, err := z.CreateHeader(&zip.FileHeader{Name: numbered(o.courier.Files, i), Method: zip.Store, Modified: o.courier.Accepted})
		if err == nil && part != nil {
			_, err = io.Copy(entry, part.Decoded())
		}
		if err != nil || part == nil {
			o.log(p.opts.Logger).Warn("archive cut short", "cause", err)
			panic(http.ErrAbortHandler) // the visitor must not take half an archive for the whole
		}
	}
	if err := z.Close(); err != nil {
		o.log(p.opts.Logger).Warn("archive cut short", "cause", err)
	}
}

// numbered is the file's name, with its number before it when another bears the same.
func numbered(files []gateway.File, at int) string {
	for i, f := range files {
		if i != at && strings.EqualFold(f.Name, files[at].Name) {
			return fmt.Sprintf("%d-%s", at+1, files[at].Name)
		}
	}
	return files[at].Name
}

func download(h http.Header, name, mediaType string) {
	h.Set("Content-Type", mediaType)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
}

// copy streams; a cut is told by the missing bytes, never hidden.
func (p *Pages) copy(w http.ResponseWriter, r *http.Request, o opened, from io.Reader) {
	if r.Method == http.MethodHead {
		return
	}
	if _, err := io.Copy(w, from); err != nil && r.Context().Err() == nil {
		o.log(p.opts.Logger).Warn("download cut short", "cause", err)
		panic(http.ErrAbortHandler)
	}
}

// downloaded records that a file was fetched, before its first byte leaves.
func (p *Pages) downloaded(w http.ResponseWriter, r *http.Request, o opened, f gateway.File) bool {
	if r.Method == http.MethodHead {
		return true
	}
	e := gateway.NewEvent(gateway.Downloaded, p.opts.Now(), gateway.DownloadDetails{File: f}, p.seen(r)).
		About(o.courier.ID, o.recipient.ID).By("company", gateway.ByClaim)
	if err := p.store.Apply(r.Context(), gateway.Step{Events: []gateway.Event{e}}); err != nil {
		p.outage(w, r, "record a download", err)
		return false
	}
	p.metrics.downloads.Inc()
	return true
}
