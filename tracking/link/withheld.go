package link

import (
	"errors"
	"io"
	"net/http"

	"vaguemestre/gateway"
)

// withheld tells a file that is known to be infected.
func (p *Pages) withheld(f gateway.File) bool {
	if p.opts.Antivirus == nil {
		return false
	}
	signature, ok := p.opts.Antivirus.Known(f.SHA256)
	return ok && signature != ""
}

// harmless has a file scanned before it leaves, when there is a scanner, and answers in its place when it may not leave.
func (p *Pages) harmless(w http.ResponseWriter, r *http.Request, o opened, f gateway.File) bool {
	if p.opts.Antivirus == nil || r.Method == http.MethodHead {
		return true
	}
	signature, err := p.opts.Antivirus.Judge(r.Context(), f.SHA256, func() (io.Reader, error) {
		part, err := o.part(f)
		if err != nil {
			return nil, err
		}
		return part.Decoded(), nil
	})
	if err != nil {
		if r.Context().Err() == nil {
			o.log(p.opts.Logger).Error("file not scanned", "cause", err)
			w.Header().Set("Retry-After", "120")
			p.notice(w, r, http.StatusServiceUnavailable, "unscanned", o.courier.Context, "Name", f.Name)
		}
		return false
	}
	if signature == "" {
		return true
	}
	if err := p.tellInfected(r, o, f, signature); err != nil {
		p.outage(w, r, "record an infected file", err)
		return false
	}
	p.metrics.withheld.Inc()
	p.notice(w, r, http.StatusForbidden, "infected", o.courier.Context, "Name", f.Name)
	return false
}

// tellInfected records what was found and tells the agent and the administrator, once for each recipient and file.
func (p *Pages) tellInfected(r *http.Request, o opened, f gateway.File, signature string) error {
	e := gateway.NewEvent(gateway.Infected, p.opts.Now(), gateway.InfectedDetails{File: f, Signature: signature}, nil).About(o.courier.ID, o.recipient.ID)
	e.Once = "infected:" + o.recipient.ID.String() + ":" + f.SHA256.String()
	jobs := []gateway.Job{notify(e, gateway.NoticeInfected, o.courier.AuthorAddr)}
	if p.opts.Postmaster != "" {
		jobs = append(jobs, notify(e, gateway.NoticeInfected, p.opts.Postmaster))
	}
	err := p.store.Apply(r.Context(), gateway.Step{Events: []gateway.Event{e}, Jobs: jobs})
	if errors.Is(err, gateway.ErrRecorded) {
		return nil
	}
	if err == nil {
		o.log(p.opts.Logger).Warn("file withheld", "signature", signature, "sha256", f.SHA256.String())
	}
	return err
}
