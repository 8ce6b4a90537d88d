package link

import (
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"

	"vaguemestre/gateway"
	"vaguemestre/tracking/web"
)

const maxForm = 4 << 10 // bytes of the pages' small forms

// acknowledge is the deliberate act. Whatever is not quite it shows the page again and says why:
// nothing is lost, nothing is claimed.
func (p *Pages) acknowledge(w http.ResponseWriter, r *http.Request) {
	l, ok := p.open(w, r)
	if !ok {
		return
	}
	if !l.recipient.Standing.Read.IsZero() {
		p.toLetter(w, r)
		return
	}
	shown, by, again := p.judge(w, r, l)
	if again != "" {
		p.metrics.refused.WithLabelValues(again).Inc()
		l.log(p.opts.Logger).Info("acknowledgement asked again", "why", again)
		p.landing(w, r, l, web.NewShown(p.opts.Now()), http.StatusOK, again)
		return
	}
	if err := p.read(r, l, shown, by); err != nil {
		p.outage(w, r, "record the acknowledgement", err)
		return
	}
	p.toLetter(w, r)
}

// judge says how strongly the form acknowledges and from which showing of the page it comes, or why the page is to be shown again.
func (p *Pages) judge(w http.ResponseWriter, r *http.Request, l letter) (shown web.Shown, by gateway.Strength, again string) {
	shown, again = p.form(w, r, l, "read")
	switch {
	case again != "":
		return shown, "", again
	case !l.courier.Options.Code:
		return shown, gateway.ByButton, ""
	}
	if !p.codes.Allow(l.recipient.ID.String()) {
		return shown, "", "tries"
	}
	want, err := p.opts.Tokens.Code(l.courier.Composition.KeyID, l.recipient.ID)
	typed := strings.Map(digit, r.PostForm.Get("code"))
	if err != nil || subtle.ConstantTimeCompare([]byte(typed), []byte(want)) != 1 {
		return shown, "", "code"
	}
	return shown, gateway.ByCode, ""
}

// form reads a small form and checks that it comes from its own page, shown to this browser, and by a hand; again says why not.
func (p *Pages) form(w http.ResponseWriter, r *http.Request, l letter, act string) (shown web.Shown, again string) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if r.ParseForm() != nil || r.Header.Get("Sec-Fetch-Site") == "cross-site" {
		return web.Shown{}, "form"
	}
	shown, err := p.forms.Check(r.PostForm.Get("form"), p.opts.Now(), bound(r, l, act)...)
	switch {
	case errors.Is(err, web.ErrTooFast):
		return shown, "fast"
	case err != nil:
		return shown, "form"
	}
	return shown, ""
}

func digit(r rune) rune {
	if r < '0' || r > '9' {
		return -1
	}
	return r
}

// read records the acknowledgement. The first one stays.
func (p *Pages) read(r *http.Request, l letter, shown web.Shown, by gateway.Strength) error {
	looks, why := Classify(p.signs(r, l))
	now := p.opts.Now()
	e := gateway.NewEvent(gateway.Read, now, gateway.ReadDetails{
		By: string(by), Looks: string(looks), Why: why, Visit: hex.EncodeToString(shown.Visit[:]), ShownAt: shown.At,
		Language: web.Language(r, l.courier.Context.Language), Shown: l.courier.Content,
	}, p.seen(r)).About(l.courier.ID, l.recipient.ID).By("company", by)
	e.Once = "read:" + l.recipient.ID.String()
	e.Generation = l.recipient.Standing.Generation
	var jobs []gateway.Job
	if l.courier.ReceiptAsked { // the agent's mail client asked for one (RFC 8098)
		jobs = append(jobs, notify(e, gateway.NoticeRead, l.courier.AuthorAddr))
	}
	err := p.store.Apply(r.Context(), gateway.Step{Events: []gateway.Event{e}, Jobs: jobs})
	if errors.Is(err, gateway.ErrRecorded) {
		return nil
	}
	if err == nil {
		p.metrics.reads.WithLabelValues(string(by)).Inc()
		l.log(p.opts.Logger).Info("letter read", "by", by, "looks", looks)
	}
	return err
}

// notify is the mail that tells of an event.
func notify(e gateway.Event, kind gateway.NoticeKind, to string) gateway.Job {
	return gateway.Job{
		ID: gateway.NewID(e.Occurred), Kind: gateway.JobNotice, Courier: e.Courier, Recipient: e.Recipient, Created: e.Occurred, Due: e.Occurred,
		Notice: gateway.Notice{Kind: kind, To: to, Event: e.ID},
	}
}

// toLetter sends the visitor to the page by GET, so that reloading it posts nothing.
func (p *Pages) toLetter(w http.ResponseWriter, r *http.Request) { p.to(w, r, "") }

// to sends the visitor to a page of the letter, or to a place in it, by GET and in the language that they chose.
func (p *Pages) to(w http.ResponseWriter, r *http.Request, page string) {
	page, place, _ := strings.Cut(page, "#")
	target := "/l/" + r.PathValue("token") + page
	if lang := web.Chosen(r); lang != "" {
		target += "?lang=" + lang
	}
	if place != "" {
		target += "#" + place
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
}
