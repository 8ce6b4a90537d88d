package link

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/token"
)

// letter is what a link names.
type letter struct {
	recipient    gateway.Recipient
	courier      gateway.Courier
	consultation gateway.Consultation
}

func (l letter) log(log *slog.Logger) *slog.Logger {
	return log.With("courier", l.courier.ID.String(), "recipient", l.recipient.ID.String())
}

// letterOf finds what a link names. Every reason not to find it is the same to the visitor, and costs the same work: a
// token that is none of ours looks for nobody as one of ours looks for somebody. An outage is not a reason.
func (p *Pages) letterOf(r *http.Request) (l letter, err error) {
	id, wrong := p.opts.Tokens.Verify(token.Link, r.PathValue("token")) // nobody's identifier when it is wrong
	if l.recipient, err = p.store.Recipient(r.Context(), id); err != nil {
		return letter{}, err
	}
	if wrong != nil {
		return letter{}, gateway.ErrNotFound
	}
	if l.courier, err = p.store.Courier(r.Context(), l.recipient.Courier); err != nil {
		return letter{}, err
	}
	if !l.courier.Options.Acknowledged {
		return letter{}, gateway.ErrNotFound // a plain letter has no page: its content is in the mail
	}
	l.consultation, err = p.store.Consultation(r.Context(), l.courier.Consultation)
	return l, err
}

// closed names the notice that stands in the way of the letter, if one does.
func (p *Pages) closed(l letter) string {
	switch {
	case !l.recipient.Standing.Withdrawn.IsZero():
		return "withdrawn"
	case !l.recipient.Standing.Cancelled.IsZero():
		return "withdrawn"
	case !l.consultation.Archived.IsZero():
		return "archived"
	case p.opts.OpenFor > 0 && !p.opts.Now().Before(l.courier.Accepted.Add(p.opts.OpenFor)):
		return "expired"
	}
	return ""
}

// open finds the letter and answers in its place when it cannot be shown.
func (p *Pages) open(w http.ResponseWriter, r *http.Request) (letter, bool) {
	l, err := p.letterOf(r)
	switch {
	case errors.Is(err, gateway.ErrNotFound):
		p.unknown(w, r)
		return l, false
	case err != nil:
		p.outage(w, r, "find the letter", err)
		return l, false
	}
	if reason := p.closed(l); reason != "" {
		p.metrics.closed.WithLabelValues(reason).Inc()
		why, err := p.whyTakenBack(r, l, reason)
		if err != nil {
			p.outage(w, r, "find why a letter was taken back", err)
			return l, false
		}
		p.notice(w, r, http.StatusGone, reason, l.courier.Context, "Reason", why)
		return l, false
	}
	return l, true
}

// whyTakenBack is the reason that was given when the letter was withdrawn or cancelled; empty when it was erased since.
func (p *Pages) whyTakenBack(r *http.Request, l letter, closed string) (string, error) {
	if closed != "withdrawn" {
		return "", nil
	}
	events, err := p.store.Events(r.Context(), l.courier.ID, l.recipient.ID)
	if err != nil {
		return "", err
	}
	for _, e := range events {
		var d gateway.ReasonDetails
		if (e.Kind == gateway.Withdrawn || e.Kind == gateway.Cancelled) && e.Purpose == gateway.ForLetter && json.Unmarshal(e.Details, &d) == nil {
			return d.Reason, nil
		}
	}
	return "", nil
}

func (p *Pages) unknown(w http.ResponseWriter, r *http.Request) {
	p.metrics.unknown.Inc()
	p.notice(w, r, http.StatusNotFound, "unknown", gateway.ContextBlock{})
}

func (p *Pages) limited(w http.ResponseWriter, r *http.Request) {
	p.metrics.limited.Inc()
	w.Header().Set("Retry-After", "60")
	p.notice(w, r, http.StatusTooManyRequests, "limited", gateway.ContextBlock{})
}

// outage says that it is ours. The cause is logged; the path, which bears the token, is not.
func (p *Pages) outage(w http.ResponseWriter, r *http.Request, doing string, err error) {
	if r.Context().Err() != nil {
		return // the visitor left
	}
	p.metrics.outages.Inc()
	p.opts.Logger.Error("page not served", "doing", doing, "cause", err)
	w.Header().Set("Retry-After", "60")
	p.notice(w, r, http.StatusServiceUnavailable, "outage", gateway.ContextBlock{})
}

// since is the time from the letter's leaving to now; zero when it is not known to have left.
func (p *Pages) since(l letter) time.Duration {
	if l.recipient.Standing.Sent.IsZero() {
		return 0
	}
	return max(p.opts.Now().Sub(l.recipient.Standing.Sent), 1)
}
