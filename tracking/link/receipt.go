package link

import (
	"context"
	"net/http"
	"strings"
	"time"

	"vaguemestre/tracking/web"
)

const (
	receiptsAtOnce  = 2                // being made: each draws and seals a PDF
	receiptPatience = 30 * time.Second // for its events to be in the ledger
)

// receipt hands the company its own proof: what concerns it, and nobody else (promise 14). Each is an event, so that
// there are few.
func (p *Pages) receipt(w http.ResponseWriter, r *http.Request) {
	o, ok := p.readable(w, r)
	if !ok {
		return
	}
	defer o.content.Close()
	if p.opts.Receipts == nil {
		p.unknown(w, r)
		return
	}
	name := "recepisse-" + strings.ToLower(o.courier.Context.Reference) + ".pdf"
	if r.Method == http.MethodHead {
		download(w.Header(), name, "application/pdf")
		return
	}
	if !p.receipts.Allow(o.recipient.ID.String()) {
		p.limited(w, r)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), receiptPatience)
	defer cancel()
	select {
	case p.drawing <- struct{}{}:
		defer func() { <-p.drawing }()
	case <-ctx.Done():
		p.outage(w, r, "await room for a receipt", ctx.Err())
		return
	}
	out := &late{w: w, begin: func() { download(w.Header(), name, "application/pdf") }}
	err := p.opts.Receipts.Write(ctx, out, o.courier.ID, o.recipient.ID, web.Language(r, o.courier.Context.Language))
	switch {
	case err == nil:
		p.metrics.receipts.Inc()
	case !out.begun:
		p.outage(w, r, "make a receipt", err)
	default:
		o.log(p.opts.Logger).Error("receipt cut short", "cause", err)
		panic(http.ErrAbortHandler) // half a receipt must not pass for one
	}
}

// late sets the headers of an answer with its first octet: until then it can still be another page.
type late struct {
	w     http.ResponseWriter
	begin func()
	begun bool
}

// Write implements io.Writer.
func (l *late) Write(b []byte) (int, error) {
	if !l.begun {
		l.begun = true
		l.begin()
	}
	return l.w.Write(b)
}
