package console

import (
	"errors"
	"io"
	"net/http"

	"vaguemestre/gateway"
	"vaguemestre/gateway/message"
	"vaguemestre/gateway/store"
)

const (
	// maxDraftFiles bounds the files of one draft.
	maxDraftFiles = 100
	// headerForm bears the token of the page where no form does: a file that a script sends.
	headerForm = "Vaguemestre-Form"
)

// room is what the files of a draft may come to. The rules judge the sending mode's own limit.
func (c *Console) room() store.DraftRoom {
	return store.DraftRoom{Bytes: c.o.MaxFiles, Files: maxDraftFiles}
}

// piece is a file to be added, still empty. The name is made a base name that nothing can break.
func (c *Console) piece(v *visit, name, mediaType string) store.DraftPiece {
	if name = message.CleanName(name); name == "" {
		name = c.site.Text(v.lang, "draft.unnamed")
	}
	f := gateway.DraftFile{ID: gateway.NewID(v.now), File: gateway.File{Name: name, MediaType: mediaType}}
	return store.DraftPiece{DraftFile: f, Content: c.d.Store.Spool()}
}

func discard(pieces []store.DraftPiece) {
	for _, p := range pieces {
		p.Content.Discard()
	}
}

// copyTo streams with one buffer: memory does not grow with the file.
func copyTo(to io.Writer, from io.Reader) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{to}, from, make([]byte, 64<<10))
}

// upload adds one file, which is the body of the request; its name is the parameter nom. A script sends it.
func (c *Console) upload(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := v.form(r.Header.Get(headerForm)); err != nil {
		return err
	}
	p := c.piece(v, r.URL.Query().Get("nom"), r.Header.Get("Content-Type"))
	defer p.Content.Discard()
	_, err := copyTo(p.Content, http.MaxBytesReader(w, r.Body, c.o.MaxFiles))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return c.said(w, http.StatusRequestEntityTooLarge, draftAnswer{Text: c.tooMuch(v)})
	}
	if err != nil {
		return err // the connection was cut: nothing was added
	}
	pieces := []store.DraftPiece{p}
	err = c.d.Store.AddDraftFiles(r.Context(), v.draft.ID, c.room(), pieces...)
	if errors.Is(err, store.ErrFull) {
		return c.said(w, http.StatusRequestEntityTooLarge, draftAnswer{Text: c.tooMuch(v)})
	}
	if err != nil {
		return err
	}
	f := pieces[0].DraftFile
	return c.said(w, http.StatusOK, draftAnswer{File: f.ID.String(), Name: f.Name, Size: f.Size, Path: v.draftPath() + "/fichiers/" + f.ID.String()})
}

func (c *Console) tooMuch(v *visit) string {
	return c.site.Text(v.lang, "draft.too-much", "Max", c.o.MaxFiles, "Files", maxDraftFiles)
}

func (c *Console) removeFile(w http.ResponseWriter, r *http.Request, v *visit) error {
	id, err := gateway.ParseID(r.PathValue("file"))
	if err != nil {
		return gateway.ErrNotFound
	}
	if err := c.d.Store.RemoveDraftFile(r.Context(), v.draft.ID, id); err != nil {
		return err
	}
	if wantsJSON(r) {
		return c.said(w, http.StatusOK, draftAnswer{})
	}
	return after(w, r, v.draftPath(), "")
}

// draftFile gives a file of a draft back.
func (c *Console) draftFile(w http.ResponseWriter, r *http.Request, v *visit) error {
	for _, f := range v.draft.Files {
		if f.ID.String() == r.PathValue("file") {
			return c.download(w, r, f.SHA256, f.Name)
		}
	}
	return gateway.ErrNotFound
}
