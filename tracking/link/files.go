package link

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"vaguemestre/gateway"
	"vaguemestre/gateway/message"
)

// file sends one file as a download, never to be opened in place; a part of it when a range is asked (RFC 9110 §14).
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
	part, err := o.part(f)
	if err != nil {
		p.outage(w, r, "find a file in its letter", err)
		return
	}
	if !p.harmless(w, r, o, f) {
		return
	}
	etag := `"` + f.SHA256.String() + `"`
	if !p.downloaded(w, r, o, etag, n) {
		return
	}
	download(w.Header(), f.Name, "application/octet-stream")
	p.serve(w, r, o, etag, newReplay(f.Size, func() io.ReadCloser { return io.NopCloser(part.Decoded()) }))
}

func (o opened) part(f gateway.File) (*message.Part, error) {
	part := o.message.Find(f.Part)
	if part == nil {
		return nil, fmt.Errorf("part %s: %w", f.Part, gateway.ErrNotFound)
	}
	return part, nil
}

// archive sends every file in one ZIP, stored as they are: their bytes and names are those of the letter. The same letter gives
// the same archive, octet for octet, so that a download that was cut can go on.
func (p *Pages) archive(w http.ResponseWriter, r *http.Request) {
	o, ok := p.readable(w, r)
	if !ok {
		return
	}
	defer o.content.Close()
	var all []int
	for i, f := range o.courier.Files {
		if _, err := o.part(f); err != nil {
			p.outage(w, r, "find a file in its letter", err)
			return
		}
		if !p.harmless(w, r, o, f) {
			return
		}
		all = append(all, i+1)
	}
	if len(all) == 0 {
		p.unknown(w, r)
		return
	}
	size, err := o.zipSize()
	if err != nil {
		p.outage(w, r, "measure an archive", err)
		return
	}
	etag := `"zip-` + o.courier.Content.String() + `"`
	if !p.downloaded(w, r, o, etag, all...) {
		return
	}
	download(w.Header(), strings.ToLower(o.courier.Context.Reference)+".zip", "application/zip")
	p.serve(w, r, o, etag, newReplay(size, o.zipReader))
}

// piped is what a goroutine writes; closing it waits for the goroutine.
type piped struct {
	*io.PipeReader
	done chan struct{}
}

func (p piped) Close() error {
	err := p.PipeReader.Close()
	<-p.done
	return err
}

// zipReader writes the archive as it is read.
func (o opened) zipReader() io.ReadCloser {
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = w.CloseWithError(o.zip(w, func(f gateway.File) (io.Reader, error) {
			part, err := o.part(f)
			if err != nil {
				return nil, err
			}
			return part.Decoded(), nil
		})) // the reader gets the error
	}()
	return piped{r, done}
}

// zipSize is the size of the archive: that of one of as many zeros.
func (o opened) zipSize() (int64, error) {
	var n counter
	err := o.zip(&n, func(f gateway.File) (io.Reader, error) { return io.LimitReader(zeros{}, f.Size), nil })
	return int64(n), err
}

func (o opened) zip(to io.Writer, open func(gateway.File) (io.Reader, error)) error {
	z := zip.NewWriter(to)
	for i, f := range o.courier.Files {
		entry, err := z.CreateHeader(&zip.FileHeader{Name: numbered(o.courier.Files, i), Method: zip.Store, Modified: o.courier.Accepted})
		if err != nil {
			return err
		}
		content, err := open(f)
		if err != nil {
			return err
		}
		if _, err := io.Copy(entry, content); err != nil {
			return err
		}
	}
	return z.Close()
}

type counter int64

func (c *counter) Write(p []byte) (int, error) { *c += counter(len(p)); return len(p), nil }

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

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

// oneRange takes away what is no single range of octets, as a server may (RFC 9110 §14.2): each range costs decoding what
// stands before it.
func oneRange(r *http.Request) {
	if asked := r.Header.Get("Range"); !strings.HasPrefix(asked, "bytes=") || strings.Contains(asked, ",") {
		r.Header.Del("Range")
	}
}

// serve answers with the whole, or with the range asked.
func (p *Pages) serve(w http.ResponseWriter, r *http.Request, o opened, etag string, content *replay) {
	defer content.Close()
	w.Header().Set("ETag", etag)
	w.Header().Set("Cache-Control", "private, no-cache")
	http.ServeContent(w, r, "", o.courier.Accepted, content)
	if content.fault != nil && r.Context().Err() == nil {
		o.log(p.opts.Logger).Warn("download cut short", "cause", content.fault)
		panic(http.ErrAbortHandler) // the missing octets tell; the visitor must not take a part for the whole
	}
}

// resumes tells a request that goes on with a download, from the middle, rather than one that begins one.
func resumes(r *http.Request, etag string) bool {
	asked, ranged := strings.CutPrefix(r.Header.Get("Range"), "bytes=")
	if first, _, _ := strings.Cut(asked, "-"); !ranged || first == "0" {
		return false
	}
	same := r.Header.Get("If-Range")
	return same == "" || same == etag
}

// downloaded records that files are fetched, before their first octet leaves: each download once, however many ranges it
// comes in. Who asks for a middle whose beginning nobody asked for has downloaded it too.
func (p *Pages) downloaded(w http.ResponseWriter, r *http.Request, o opened, etag string, numbers ...int) bool {
	oneRange(r)
	if r.Method == http.MethodHead || r.Header.Get("If-None-Match") == etag {
		return true
	}
	resumed := resumes(r, etag)
	for _, n := range numbers {
		first := "downloaded:" + o.recipient.ID.String() + ":" + strconv.Itoa(n)
		err := p.record(r, o, n, first)
		if errors.Is(err, gateway.ErrRecorded) {
			if err = nil; !resumed {
				err = p.record(r, o, n, "")
			}
		}
		if err != nil {
			p.outage(w, r, "record a download", err)
			return false
		}
	}
	if !resumed {
		p.metrics.downloads.Add(float64(len(numbers)))
	}
	return true
}

func (p *Pages) record(r *http.Request, o opened, n int, once string) error {
	e := gateway.NewEvent(gateway.Downloaded, p.opts.Now(), gateway.DownloadDetails{File: o.courier.Files[n-1]}, p.seen(r)).
		About(o.courier.ID, o.recipient.ID).By("company", gateway.ByClaim)
	e.Once = once
	return p.store.Apply(r.Context(), gateway.Step{Events: []gateway.Event{e}})
}
