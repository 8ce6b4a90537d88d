package link

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
	"vaguemestre/tracking/web"
)

// The fields by which the page's script speaks. The token stands in a header field that no form and no other site can send.
const (
	formHeader   = "Form-Token"
	savesHeader  = "Saves"
	offsetHeader = "Upload-Offset"
	lengthHeader = "Upload-Length"
)

// script enters for the page's script; what is wrong is a status, and words for a person where they help.
func (a *answers) script(w http.ResponseWriter, r *http.Request) (letter, bool) {
	l, ok := a.enter(w, r)
	if !ok {
		return l, false
	}
	if _, err := a.forms.Check(r.Header.Get(formHeader), a.opts.Now(), l.recipient.ID.String()); err != nil {
		a.say(w, r, l, http.StatusForbidden, problem{key: "form"})
		return l, false
	}
	return l, true
}

// say answers the script with a sentence.
func (a *answers) say(w http.ResponseWriter, r *http.Request, l letter, status int, p problem) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, a.site.Text(web.Language(r, l.courier.Context.Language), "answer.error."+p.key, p.args...)) // whoever left does not concern us
}

// save keeps the words as they are being written.
func (a *answers) save(w http.ResponseWriter, r *http.Request) {
	l, ok := a.script(w, r)
	if !ok {
		return
	}
	saves, err := strconv.ParseInt(r.Header.Get(savesHeader), 10, 64)
	b, cut := io.ReadAll(http.MaxBytesReader(w, r.Body, maxWords))
	if err != nil || cut != nil {
		a.say(w, r, l, http.StatusRequestEntityTooLarge, problem{key: "long", args: []any{"Size", int64(maxWords)}})
		return
	}
	d, err := a.begin(r.Context(), l)
	if err == nil {
		err = a.saveWords(r.Context(), d, saves, words(b))
	}
	switch {
	case errors.Is(err, store.ErrConflict):
		a.say(w, r, l, http.StatusConflict, problem{key: "elsewhere"})
	case err != nil:
		a.outage(w, r, "save the words of an answer", err)
	default:
		w.Header().Set(savesHeader, strconv.FormatInt(saves+1, 10))
		w.WriteHeader(http.StatusNoContent)
	}
}

// announced is a file that the script is about to send.
type announced struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Size int64  `json:"size"`
}

// add begins a file.
func (a *answers) add(w http.ResponseWriter, r *http.Request) {
	l, ok := a.script(w, r)
	if !ok {
		return
	}
	var file announced
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4*maxField)).Decode(&file)
	label, named := newLabel(file.Name, file.Type)
	if err != nil || !named {
		a.say(w, r, l, http.StatusBadRequest, problem{key: "name"})
		return
	}
	d, err := a.begin(r.Context(), l)
	id := gateway.NewID(a.opts.Now())
	switch {
	case err != nil:
	case file.Size <= 0:
		err = errEmpty
	case file.Size > a.MaxBytes-d.Size:
		err = store.ErrFull
	default:
		var b []byte
		if b, err = a.writeLabel(d.Sealed, label); err == nil {
			err = a.Desk.AddAnswerFile(r.Context(), d.ID, gateway.AnswerFile{ID: id, Label: b, Size: file.Size}, a.MaxFiles)
		}
	}
	if !a.refusedFile(w, r, l, label.Name, err) {
		w.Header().Set("Location", r.URL.Path+"/"+id.String())
		w.WriteHeader(http.StatusCreated)
	}
}

// refusedFile answers for an error on a file; false when there is none.
func (a *answers) refusedFile(w http.ResponseWriter, r *http.Request, l letter, name string, err error) bool {
	p, err := a.fileProblem(name, err)
	switch {
	case err != nil:
		a.outage(w, r, "take a file of an answer", err)
	case p != nil && p.key == "often":
		w.Header().Set("Retry-After", "30")
		a.say(w, r, l, http.StatusTooManyRequests, *p)
	case p != nil && p.key == "unscanned":
		w.Header().Set("Retry-After", "120")
		a.say(w, r, l, http.StatusServiceUnavailable, *p)
	case p != nil && p.key == "full":
		a.say(w, r, l, http.StatusRequestEntityTooLarge, *p)
	case p != nil:
		a.say(w, r, l, http.StatusUnprocessableEntity, *p)
	default:
		return false
	}
	return true
}

// named finds the file that a request of the script is about.
func (a *answers) named(w http.ResponseWriter, r *http.Request) (letter, draft, draftFile, bool) {
	l, ok := a.script(w, r)
	if !ok {
		return l, draft{}, draftFile{}, false
	}
	d, err := a.current(r.Context(), l)
	if err != nil {
		a.outage(w, r, "read an answer", err)
		return l, d, draftFile{}, false
	}
	f, found := d.file(r.PathValue("file"))
	if !found {
		a.say(w, r, l, http.StatusNotFound, problem{key: "gone"})
	}
	return l, d, f, found
}

func tellOffset(h http.Header, f draftFile) {
	h.Set(offsetHeader, strconv.FormatInt(f.Received, 10))
	h.Set(lengthHeader, strconv.FormatInt(f.Size, 10))
}

// offset tells how far a file has come: where its sender goes on after a cut.
func (a *answers) offset(w http.ResponseWriter, r *http.Request) {
	if _, _, f, ok := a.named(w, r); ok {
		tellOffset(w.Header(), f)
	}
}

// append takes the octets of a file from where it ends. What comes before a cut is kept.
func (a *answers) append(w http.ResponseWriter, r *http.Request) {
	l, d, f, ok := a.named(w, r)
	if !ok {
		return
	}
	at, err := strconv.ParseInt(r.Header.Get(offsetHeader), 10, 64)
	if err != nil || at != f.Received {
		a.elsewhere(w, r, l, f)
		return
	}
	if f.Done { // whoever was cut off from the last answer asks again
		tellOffset(w.Header(), f)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	s, n, cut := a.spool(d.Sealed, r.Body, min(chunkSize, f.Size-f.Received))
	defer s.Discard()
	last := f.Received+n == f.Size
	ctx := context.WithoutCancel(r.Context()) // whoever was cut off comes back for the rest
	if n > 0 && (n >= leastSize || last) {
		err = a.keep(ctx, d, f, s, n)
	} else if n < leastSize && !last {
		err = io.ErrUnexpectedEOF
	}
	if err == nil {
		f.Received += n
		if cut == nil && last {
			err = a.finishNow(ctx, l, f)
		}
	}
	if errors.Is(err, store.ErrConflict) { // what came before a cut is being kept at this very moment, by the request that was cut
		if _, _, now, ok := a.named(w, r); ok {
			a.elsewhere(w, r, l, now)
		}
		return
	}
	if a.refusedFile(w, r, l, f.Name(), err) {
		return
	}
	tellOffset(w.Header(), f)
	w.WriteHeader(http.StatusNoContent)
}

// elsewhere tells a sender that the file ends elsewhere than they think, and where.
func (a *answers) elsewhere(w http.ResponseWriter, r *http.Request, l letter, f draftFile) {
	tellOffset(w.Header(), f)
	a.say(w, r, l, http.StatusConflict, problem{key: "elsewhere"})
}

// finishNow finishes a file by what is stored of it.
func (a *answers) finishNow(ctx context.Context, l letter, f draftFile) error {
	d, err := a.current(ctx, l)
	if err != nil {
		return err
	}
	stored, found := d.file(f.ID.String())
	if !found {
		return gateway.ErrNotFound
	}
	if stored.Done {
		return nil
	}
	return a.finish(ctx, d, stored)
}

// remove takes a file out.
func (a *answers) remove(w http.ResponseWriter, r *http.Request) {
	_, d, f, ok := a.named(w, r)
	if !ok {
		return
	}
	if err := a.dropFile(r.Context(), d, f.ID.String()); err != nil {
		a.outage(w, r, "remove a file of an answer", err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
