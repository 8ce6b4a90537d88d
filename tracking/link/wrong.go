package link

import (
	"errors"
	"net/http"
	"strings"
	"unicode"

	"vaguemestre/gateway"
)

// maxRemark bounds what a company may add when it says that a letter is not for them, in characters.
const maxRemark = 300

// mistake asks whether the letter is for somebody else. Asking reports nothing.
func (p *Pages) mistake(w http.ResponseWriter, r *http.Request) {
	if l, ok := p.open(w, r); ok {
		p.askMistake(w, r, l, "")
	}
}

func (p *Pages) askMistake(w http.ResponseWriter, r *http.Request, l letter, again string) {
	v := p.view(r, l)
	v.Form = p.forms.Mint(p.opts.Now(), bound(r, l, "wrong")...)
	v.Again, v.Remark = again, remark(r.PostForm.Get("remark"))
	p.page(w, r, http.StatusOK, "mistake", v)
}

// wrong reports to the agent that the letter is not for who opened it. It acknowledges nothing, and closes nothing: a
// mistake about a mistake is easily made.
func (p *Pages) wrong(w http.ResponseWriter, r *http.Request) {
	l, ok := p.open(w, r)
	if !ok {
		return
	}
	if _, again := p.form(w, r, l, "wrong"); again != "" {
		p.metrics.refused.WithLabelValues(again).Inc()
		p.askMistake(w, r, l, again)
		return
	}
	e := gateway.NewEvent(gateway.WrongPerson, p.opts.Now(), gateway.ReasonDetails{Reason: remark(r.PostForm.Get("remark"))}, p.seen(r)).
		About(l.courier.ID, l.recipient.ID).By("company", gateway.ByButton)
	e.Once = "wrong:" + l.recipient.ID.String()
	err := p.store.Apply(r.Context(), gateway.Step{Events: []gateway.Event{e}, Jobs: []gateway.Job{notify(e, gateway.NoticeWrong, l.courier.AuthorAddr)}})
	if err != nil && !errors.Is(err, gateway.ErrRecorded) {
		p.outage(w, r, "record a wrong recipient", err)
		return
	}
	if err == nil {
		p.metrics.wrong.Inc()
		l.log(p.opts.Logger).Info("letter not for its recipient")
	}
	p.to(w, r, "/erreur")
}

// remark is what was written, on one line and bounded.
func remark(s string) string {
	s = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(s, ""), func(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) }), " ")
	if runes := []rune(s); len(runes) > maxRemark {
		s = string(runes[:maxRemark])
	}
	return s
}
