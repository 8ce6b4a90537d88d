package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"vaguemestre/gateway"
	"vaguemestre/gateway/message"
	"vaguemestre/gateway/store"
)

func (c *Console) draftRoutes() []route {
	const at, one = "/consultations/{consultation}/nouveau", "/brouillons/{draft}"
	on := func(method, path string, do func(http.ResponseWriter, *http.Request, *visit) error) route {
		return route{method: method, path: path, object: theDraft, permission: entitled, do: do}
	}
	save := on("POST", one, c.saveDraft)
	upload := on("POST", one+"/fichiers", c.upload)
	save.streams, save.typed, upload.streams = true, true, true
	return []route{
		{method: "GET", path: at, object: theConsultation, permission: entitled, do: c.newDraft},
		{method: "POST", path: at, object: theConsultation, permission: entitled, do: c.saveDraft, streams: true, typed: true},
		on("GET", one, c.showDraft), save, upload,
		on("GET", one+"/apercu/courriel", c.previewMail),
		on("GET", one+"/apercu/page", c.previewPage),
		on("GET", one+"/fichiers/{file}", c.draftFile),
		on("POST", one+"/fichiers/{file}/retirer", c.removeFile),
		on("POST", one+"/supprimer", c.deleteDraft),
	}
}

// errSent: the draft that the path names was sent, by this agent or by another.
type errSent struct{ courier gateway.ID }

func (e errSent) Error() string { return "draft that was sent as " + e.courier.String() }

// messageID names the message that a draft becomes: whoever sends it, and however often, it is one courier (promise 3).
func (c *Console) messageID(draft gateway.ID) string {
	return "<" + draft.String() + ".brouillon@" + c.o.Domain + ">"
}

// loadDraft reads the draft. One that is no longer there because it was sent leads to its courier.
func (c *Console) loadDraft(r *http.Request, v *visit) error {
	id, err := gateway.ParseID(r.PathValue("draft"))
	if err != nil {
		return gateway.ErrNotFound
	}
	v.draft, err = c.d.Store.Draft(r.Context(), id)
	if err == nil {
		return c.loadConsultation(r, v, v.draft.Consultation.String())
	}
	if !errors.Is(err, gateway.ErrNotFound) {
		return err
	}
	return c.gone(r, v, id)
}

// gone is errSent of a draft that was sent, when the agent may see what it became.
func (c *Console) gone(r *http.Request, v *visit, draft gateway.ID) error {
	sent, err := c.d.Store.CourierByMessageID(r.Context(), c.messageID(draft))
	if err != nil {
		return err
	}
	if err := c.loadConsultation(r, v, sent.Consultation.String()); err != nil {
		return err
	}
	return errSent{sent.ID}
}

// begun is the draft of the form of a courier that is not begun. The form names it, so that one that comes twice is one draft; the form is
// not believed: another consultation's draft is not found.
func (c *Console) begun(r *http.Request, v *visit, text string) error {
	id, err := gateway.ParseID(text)
	if err != nil {
		return gateway.ErrNotFound
	}
	known, err := c.d.Store.Draft(r.Context(), id)
	switch {
	case err == nil && known.Consultation != v.consultation.ID:
		return gateway.ErrNotFound
	case err == nil:
		v.draft = known
		return nil
	case !errors.Is(err, gateway.ErrNotFound):
		return err
	}
	if err := c.gone(r, v, id); !errors.Is(err, gateway.ErrNotFound) {
		return err
	}
	v.draft = gateway.Draft{ID: id, Agent: v.agent.ID, Consultation: v.consultation.ID}
	return nil
}

func (v *visit) draftPath() string { return "/brouillons/" + v.draft.ID.String() }

// newDraft is the form of a courier that is not begun: what its type proposes.
func (c *Console) newDraft(w http.ResponseWriter, r *http.Request, v *visit) error {
	code := gateway.TypeCode(r.URL.Query().Get("type"))
	kind, known := c.d.Kinds.Type(code)
	if !known {
		kind, _ = c.d.Kinds.Type(gateway.Libre)
	}
	v.draft = gateway.Draft{ID: gateway.NewID(v.now), Agent: v.agent.ID, Consultation: v.consultation.ID}
	c.takeModel(v, kind)
	if to := kind.UsualRegister; to != "" && c.filled(r.Context(), v, to) {
		v.draft.Recipients = []string{c.registerAddress(v.consultation, to)}
	}
	return c.writeForm(w, r, v, formPage{})
}

// takeModel puts in what a type proposes: subject, text and options.
func (c *Console) takeModel(v *visit, kind gateway.CourierType) {
	d := &v.draft
	d.Type = kind.Code
	by := d.Options.Reply.By
	d.Options = gateway.Options{Acknowledged: kind.Acknowledged, Reply: kind.Reply}
	if kind.Reply.Allowed {
		d.Options.Reply.By = by
	}
	fields := c.fields(v)
	d.Subject = c.d.Kinds.Subject(kind.Code, v.consultation.Language, fields)
	d.Text, d.Rich = c.d.Kinds.Body(kind.Code, v.consultation.Language, fields), false
}

func (c *Console) filled(ctx context.Context, v *visit, register gateway.Register) bool {
	companies, err := c.d.Store.Companies(ctx, v.consultation.ID, register)
	return err == nil && len(companies) > 0
}

// showDraft is the form of a draft.
func (c *Console) showDraft(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := c.unfold(r.Context(), v); err != nil {
		return err
	}
	return c.writeForm(w, r, v, formPage{})
}

// unfold takes the text and the files out of the message of a draft that came by mail, so that they can be edited. One whose
// message is signed or encrypted stays as it is: it can be sent as it is, or thrown away.
func (c *Console) unfold(ctx context.Context, v *visit) error {
	if v.draft.Content.IsZero() {
		return nil
	}
	m, err := c.open(ctx, v.draft.Content)
	if err != nil {
		return err
	}
	defer m.Close()
	if m.Kind().Protected() {
		return nil
	}
	d := v.draft
	d.Content = gateway.Hash{}
	if d.Text, d.Rich, err = m.editable(); err != nil {
		return err
	}
	pieces, err := c.pieces(v, m)
	defer discard(pieces)
	if err != nil {
		return err
	}
	stored, err := c.d.Store.PutDraft(ctx, d, nil, pieces...)
	if errors.Is(err, store.ErrConflict) { // another page of it was opened at the same time
		stored, err = c.d.Store.Draft(ctx, d.ID)
	}
	if err == nil {
		v.draft = stored
	}
	return err
}

// editable is what the form shows of a message's text.
func (m letter) editable() (text string, rich bool, err error) {
	if text, rich, err = m.shown(); rich {
		text = message.SafeHTML(text, noPicture)
	}
	return strings.ReplaceAll(text, "\r\n", "\n"), rich, err
}

// noPicture: pictures inside a text stay out of the form; they are among its files.
func noPicture(string) string { return "" }

// pieces are the files of a message, each as a content of its own.
func (c *Console) pieces(v *visit, m letter) (pieces []store.DraftPiece, err error) {
	for _, part := range m.Files() {
		p := c.piece(v, part.Filename(), part.MediaType)
		pieces = append(pieces, p)
		if _, err := copyTo(p.Content, part.Decoded()); err != nil {
			return pieces, fmt.Errorf("read a file of a draft: %w", err)
		}
	}
	return pieces, nil
}

func (c *Console) deleteDraft(w http.ResponseWriter, r *http.Request, v *visit) error {
	if err := c.d.Store.DeleteDraft(r.Context(), v.draft.ID); err != nil {
		return err
	}
	return after(w, r, "/consultations/"+v.consultation.ID.String(), "draft-deleted")
}
