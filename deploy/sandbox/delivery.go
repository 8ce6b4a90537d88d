package sandbox

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-smtp"
)

var errFull = errors.New("the gateway's mailbox is full")

// post hands a message over for delivery. It blocks while too much is under way.
func (w *World) post(v voyage) error {
	if w.imap.full(v.size) && slices.ContainsFunc(v.rcpts, func(r rcpt) bool { return w.owns(r.address) }) {
		return errFull
	}
	select {
	case w.voyages <- v:
		return nil
	case <-w.stopping.Done():
		return context.Cause(w.stopping)
	}
}

// deliverAll carries messages to their mailboxes until the world stops. One goroutine, so that mails and
// reports come in the order in which they were accepted; slow ones wait in goroutines of their own.
func (w *World) deliverAll() {
	for {
		select {
		case v := <-w.voyages:
			w.deliver(v)
		case <-w.stopping.Done():
			return
		}
	}
}

func (w *World) deliver(v voyage) {
	defer v.body.release()
	for _, r := range v.rcpts {
		switch {
		case r.manner.fails:
			w.report(v, r, unknownUser())
		case r.manner.slow:
			w.report(v, r, stillTrying())
			v.body.share()
			w.tasks.Go(func() { w.deliverLater(v, r) })
		default:
			w.hand(v, r)
		}
	}
}

func (w *World) deliverLater(v voyage, r rcpt) {
	defer v.body.release()
	timer := time.NewTimer(w.options.Slow)
	defer timer.Stop()
	select {
	case <-timer.C:
		w.hand(v, r)
	case <-w.stopping.Done():
	}
}

// hand puts the message in its mailbox and reports success.
func (w *World) hand(v voyage, r rcpt) {
	if w.owns(r.address) {
		if err := w.imap.store(w.trace(v, r.address), v.body, v.size); err != nil {
			w.log.Error("store in the gateway's mailbox", "error", err)
			return
		}
	} else {
		w.boxes.put(Mail{From: v.from, To: r.address, Size: v.size, Subject: v.subject, Trace: w.trace(v, r.address), body: v.body})
	}
	if !r.manner.mute {
		w.report(v, r, mailboxTook())
	}
}

// owns tells the gateway's own domain: everything sent there comes into its one mailbox.
func (w *World) owns(address string) bool {
	_, domain := split(address)
	return strings.EqualFold(domain, w.options.Domain)
}

// report returns a delivery report when the client asked for it (RFC 3461 §4.1); failures and delays are
// also reported when it did not say. A report never answers a report (null sender).
func (w *World) report(v voyage, r rcpt, o outcome) {
	if v.from == "" || !asked(r.options, o) {
		return
	}
	raw, err := w.composeReport(v, r, o)
	if err != nil {
		w.log.Error("compose a report", "error", err)
		return
	}
	back := voyage{
		queueID: v.queueID, client: w.options.Hostname, body: newContent(raw, ""),
		size: int64(len(raw)), arrived: w.options.Now(), subject: o.subject,
	}
	w.hand(back, rcpt{address: v.from, manner: manner{mute: true}})
}

func asked(options *smtp.RcptOptions, o outcome) bool {
	if options == nil || len(options.Notify) == 0 {
		return o.notify != smtp.DSNNotifySuccess
	}
	return slices.Contains(options.Notify, o.notify)
}
