package console

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"

	"vaguemestre/gateway"
	"vaguemestre/gateway/address"
	"vaguemestre/gateway/intake"
	"vaguemestre/gateway/intake/form"
	"vaguemestre/gateway/store"
)

// What the buttons of the form ask for.
const (
	askSave   = "enregistrer"
	askModel  = "modele"
	askAttach = "joindre"
	askRemove = "retirer:" // with the file's number
	askCheck  = "verifier"
	askSend   = "envoyer"
)

// saveDraft keeps what was typed, adds the files that came with it, then does what the button asks. What was typed is
// shown again whatever happens.
func (c *Console) saveDraft(w http.ResponseWriter, r *http.Request, v *visit) error {
	f, pieces, forged := c.readForm(w, r, v)
	defer discard(pieces)
	if forged != nil && (!errors.Is(forged, errForged) || len(f) < 2) {
		return tooLarge(forged)
	}
	if v.draft.ID.IsZero() {
		if err := c.begun(r, v, f.get("brouillon")); err != nil {
			return errors.Join(forged, err)
		}
	}
	if forged != nil {
		return c.typedAgain(w, r, v, f)
	}
	before := v.draft
	wrong, err := c.fill(r.Context(), v, f)
	if err != nil {
		return err
	}
	if before.Version > 0 {
		v.draft.Version = number(f.get("version"))
	}
	if kind, known := c.d.Kinds.Type(v.draft.Type); known && f.get("faire") == askModel {
		c.takeModel(v, kind)
	}
	if err := c.keep(r.Context(), v, before); err != nil {
		if errors.Is(err, store.ErrConflict) {
			return c.conflict(w, r, v, before)
		}
		return err
	}
	page, err := c.attach(r.Context(), v, pieces, formPage{Errors: wrong})
	if err != nil {
		return err
	}
	if wantsJSON(r) {
		return c.said(w, http.StatusOK, draftAnswer{Draft: v.draftPath(), Version: v.draft.Version})
	}
	return c.asked(w, r, v, f, page)
}

// tooLarge tells a form that is larger than any can be.
func tooLarge(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return gateway.Refuse(552, [3]int{5, 3, 4}, "console.draft.large-form", nil)
	}
	return err
}

func number(text string) (n int64) {
	for _, r := range text {
		if r < '0' || r > '9' || n > 1<<40 {
			return 0
		}
		n = 10*n + int64(r-'0')
	}
	return n
}

// keep stores the draft, unless it already says so: the same form that comes twice is one change.
func (c *Console) keep(ctx context.Context, v *visit, before gateway.Draft) error {
	if before.Version > 0 && same(before, v.draft) {
		v.draft = before
		return nil
	}
	if before.Version > 0 && !before.Content.IsZero() {
		return gateway.Refuse(550, [3]int{5, 6, 0}, "console.draft.protected", nil)
	}
	stored, err := c.d.Store.PutDraft(ctx, v.draft, nil)
	if err == nil {
		stored.Files = before.Files
		v.draft = stored
	}
	return err
}

// same tells drafts that say the same.
func same(a, b gateway.Draft) bool {
	return a.Type == b.Type && a.Options == b.Options && a.Subject == b.Subject && a.Text == b.Text && a.Rich == b.Rich &&
		strings.Join(a.Recipients, "\n") == strings.Join(b.Recipients, "\n")
}

// conflict: somebody changed the draft since this form was shown. Nothing is lost: the form shows what was typed here, with what
// to do, and keeping it is one press away.
func (c *Console) conflict(w http.ResponseWriter, r *http.Request, v *visit, now gateway.Draft) error {
	text := c.site.Text(v.lang, "draft.conflict", "At", now.Updated.In(v.zone()))
	if wantsJSON(r) {
		return c.said(w, http.StatusConflict, draftAnswer{Text: text})
	}
	v.draft.Version, v.draft.Files = now.Version, now.Files
	return c.writeForm(w, r, v, formPage{Status: http.StatusConflict, Conflict: text})
}

// attach adds the files that came with the form.
func (c *Console) attach(ctx context.Context, v *visit, pieces []store.DraftPiece, p formPage) (formPage, error) {
	if len(pieces) == 0 {
		return p, nil
	}
	err := c.d.Store.AddDraftFiles(ctx, v.draft.ID, c.room(), pieces...)
	if errors.Is(err, store.ErrFull) {
		p.Errors = append(p.Errors, fieldError{"fichiers", c.tooMuch(v)})
		return p, nil
	}
	for _, piece := range pieces {
		v.draft.Files = append(v.draft.Files, piece.DraftFile)
	}
	return p, err
}

// asked does what the button of a form that was kept says.
func (c *Console) asked(w http.ResponseWriter, r *http.Request, v *visit, f typed, p formPage) error {
	ask := f.get("faire")
	if len(p.Errors) > 0 {
		p.Status = http.StatusUnprocessableEntity
		return c.writeForm(w, r, v, p)
	}
	switch {
	case ask == askCheck:
		return c.check(w, r, v, p)
	case ask == askSend:
		return c.send(w, r, v, f.get("confirme"))
	case strings.HasPrefix(ask, askRemove):
		id, err := gateway.ParseID(strings.TrimPrefix(ask, askRemove))
		if err == nil {
			err = c.d.Store.RemoveDraftFile(r.Context(), v.draft.ID, id)
		}
		if err != nil && !errors.Is(err, gateway.ErrNotFound) {
			return err
		}
		return after(w, r, v.draftPath(), "")
	case ask == askAttach, ask == askModel:
		return after(w, r, v.draftPath(), "")
	}
	return after(w, r, v.draftPath(), "draft-saved")
}

// message writes the draft as the message that the rules judge and that is sent. The same draft gives the same octets.
func (c *Console) message(ctx context.Context, v *visit, spool *store.Spool) error {
	d := v.draft
	if !d.Content.IsZero() {
		return c.copyContent(ctx, spool, d.Content)
	}
	if len(v.agent.Addresses) == 0 {
		return gateway.Refuse(550, [3]int{5, 7, 1}, "console.draft.no-address", nil)
	}
	m, err := form.New(spool, v.agent, form.Options{Consultation: v.consultation.Reference, Type: d.Type, Subject: d.Subject}, c.messageID(d.ID))
	if err != nil {
		return err
	}
	if err := says(m, d); err != nil {
		return err
	}
	for _, f := range d.Files {
		if err := c.addFile(ctx, m, f); err != nil {
			return err
		}
	}
	return m.Close()
}

func says(m *form.Writer, d gateway.Draft) error {
	if d.Rich {
		return m.HTML(d.Text)
	}
	return m.Text(d.Text)
}

func (c *Console) addFile(ctx context.Context, m *form.Writer, f gateway.DraftFile) error {
	content, err := c.d.Store.OpenContent(ctx, f.SHA256)
	if err != nil {
		return err
	}
	defer content.Close()
	err = m.File(f.Name, f.MediaType, io.NewSectionReader(content, 0, content.Size()))
	if errors.Is(err, form.ErrName) {
		return gateway.Refuse(550, [3]int{5, 6, 0}, "console.draft.bad-name", map[string]any{"Name": address.Shown(f.Name)})
	}
	return err
}

func (c *Console) copyContent(ctx context.Context, to io.Writer, h gateway.Hash) error {
	content, err := c.d.Store.OpenContent(ctx, h)
	if err != nil {
		return err
	}
	defer content.Close()
	_, err = copyTo(to, io.NewSectionReader(content, 0, content.Size()))
	return err
}

// submission is the draft as it goes through the one door.
func (c *Console) submission(v *visit, spool *store.Spool) intake.Submission {
	d := v.draft
	w := said(v.consultation, gateway.Courier{Type: d.Type, Options: d.Options})
	return intake.Submission{
		Agent: v.agent, Door: gateway.DoorConsole, Recipients: d.Recipients, Said: w, Message: spool,
		Draft: d.ID, Claim: gateway.HashOf([]byte("draft\x00" + d.ID.String())),
	}
}

// check shows every rule with its result, who would get it, and what they would see. Nothing is sent.
func (c *Console) check(w http.ResponseWriter, r *http.Request, v *visit, p formPage) error {
	report, err := c.examine(r.Context(), v)
	if err != nil {
		return err
	}
	p.Report = c.reportOf(v, report)
	return c.writeForm(w, r, v, p)
}

func (c *Console) examine(ctx context.Context, v *visit) (intake.Report, error) {
	spool := c.d.Store.Spool()
	defer spool.Discard()
	if err := c.message(ctx, v, spool); err != nil {
		return intake.Report{}, err
	}
	return c.d.Intake.Check(ctx, c.submission(v, spool))
}

// send sends the draft, once. What is refused is shown in the form; what the rules only warn of is asked about first.
func (c *Console) send(w http.ResponseWriter, r *http.Request, v *visit, confirmed string) error {
	ctx := r.Context()
	spool := c.d.Store.Spool()
	defer spool.Discard()
	if err := c.message(ctx, v, spool); err != nil {
		return err
	}
	s := c.submission(v, spool)
	report, err := c.d.Intake.Check(ctx, s)
	if err != nil {
		return err
	}
	if told := c.reportOf(v, report); !report.Good() || len(told.Warnings) > 0 && confirmed != told.Seen {
		return c.writeForm(w, r, v, formPage{Status: cmp.Or(told.status(), http.StatusOK), Report: told, Sending: true})
	}
	receipt, err := c.d.Intake.Submit(ctx, s)
	if err != nil {
		return c.sentBefore(ctx, v, err)
	}
	if receipt.Courier.ID.IsZero() { // the subject asked for something else: a trial, a model…
		return after(w, r, v.draftPath(), "draft-"+string(receipt.Outcome))
	}
	return after(w, r, "/courriers/"+receipt.Courier.ID.String(), "sent")
}

// sentBefore tells a refusal that only says that somebody else sent this draft at the same moment.
func (c *Console) sentBefore(ctx context.Context, v *visit, refused error) error {
	if gateway.FaultOf(refused).Key != "refuse.claimed" {
		return refused
	}
	sent, err := c.d.Store.CourierByMessageID(ctx, c.messageID(v.draft.ID))
	if err != nil {
		return refused
	}
	return errSent{sent.ID}
}
