package link

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"

	"vaguemestre/gateway"
	"vaguemestre/tracking/web"
)

const maxForm = 4 << 10 // bytes of the landing page's form

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
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		p.landing(w, r, l, http.StatusBadRequest, "form")
		return
	}
	by, again := p.judge(r, l)
	if again != "" {
		p.metrics.refused.WithLabelValues(again).Inc()
		l.log(p.opts.Logger).Info("acknowledgement asked again", "why", again)
		p.landing(w, r, l, http.StatusOK, again)
		return
	}
	if err := p.read(r, l, by); err != nil {
		p.outage(w, r, "record the acknowledgement", err)
		return
	}
	p.toLetter(w, r)
}

// judge says how strongly the form acknowledges, or why the page is to be shown again.
func (p *Pages) judge(r *http.Request, l letter) (by gateway.Strength, again string) {
	_, err := p.forms.Check(r.PostForm.Get("form"), p.opts.Now(), l.recipient.ID.String())
	switch {
	case errors.Is(err, web.ErrTooFast):
		return "", "fast"
	case err != nil:
		return "", "form"
	case !l.courier.Options.Code:
		return gateway.ByButton, ""
	}
	if !p.codes.Allow(l.recipient.ID.String()) {
		return "", "tries"
	}
	want, err := p.opts.Tokens.Code(l.courier.Composition.KeyID, l.recipient.ID)
	typed := strings.Map(digit, r.PostForm.Get("code"))
	if err != nil || subtle.ConstantTimeCompare([]byte(typed), []byte(want)) != 1 {
		return "", "code"
	}
	return gateway.ByCode, ""
}

func digit(r rune) rune {
	if r < '0' || r > '9' {
		return -1
	}
	return r
}

// read records the acknowledgement. The first one stays.
func (p *Pages) read(r *http.Request, l letter, by gateway.Strength) error {
	looks, _ := Classify(r, p.since(l))
	now := p.opts.Now()
	e := gateway.NewEvent(gateway.Read, now, gateway.ReadDetails{
		By: string(by), Looks: string(looks), Language: web.Language(r, l.courier.Context.Language), Shown: l.courier.Content,
	}, p.seen(r)).About(l.courier.ID, l.recipient.ID).By("company", by)
	e.Once = "read:" + l.recipient.ID.String()
	e.Generation = l.recipient.Standing.Generation
	err := p.store.Apply(r.Context(), gateway.Step{Events: []gateway.Event{e}, Jobs: p.receipt(l, e)})
	if errors.Is(err, gateway.ErrRecorded) {
		return nil
	}
	if err == nil {
		p.metrics.reads.WithLabelValues(string(by)).Inc()
		l.log(p.opts.Logger).Info("letter read", "by", by, "looks", looks)
	}
	return err
}

// receipt is the notice to the agent whose mail client asked for one (RFC 8098).
func (p *Pages) receipt(l letter, read gateway.Event) []gateway.Job {
	if !l.courier.ReceiptAsked {
		return nil
	}
	return []gateway.Job{{
		ID: gateway.NewID(read.Occurred), Kind: gateway.JobNotice, Courier: l.courier.ID, Recipient: l.recipient.ID,
		Created: read.Occurred, Due: read.Occurred,
		Notice: gateway.Notice{Kind: gateway.NoticeRead, To: l.courier.AuthorAddr, Event: read.ID},
	}}
}

// toLetter sends the visitor to the page by GET, so that reloading it posts nothing.
func (p *Pages) toLetter(w http.ResponseWriter, r *http.Request) {
	target := "/l/" + r.PathValue("token")
	if lang := web.Chosen(r); lang != "" {
		target += "?lang=" + lang
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
}
