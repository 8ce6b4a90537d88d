package link

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/seal"
)

// review shows what is about to be sent.
func (a *answers) review(w http.ResponseWriter, r *http.Request) {
	l, ok := a.enter(w, r)
	if !ok {
		return
	}
	d, err := a.completed(r.Context(), l)
	if err != nil {
		a.outage(w, r, "read an answer", err)
		return
	}
	if d.nothing() {
		a.again(w, r, l, http.StatusUnprocessableEntity, &round{problems: []problem{{field: "text", key: "nothing"}}})
		return
	}
	a.answerPage(w, r, http.StatusOK, "answer-review", a.answerView(r, l, d))
}

// completed is the draft; a file whose last octet came before a crash is finished first.
func (a *answers) completed(ctx context.Context, l letter) (draft, error) {
	d, err := a.current(ctx, l)
	if err != nil {
		return d, err
	}
	again := false
	for _, f := range d.files {
		if f.Done || f.Size <= 0 || f.Received != f.Size {
			continue
		}
		again = true
		if p, err := a.fileProblem(f.Name(), a.finish(ctx, d, f)); err != nil && p == nil {
			return d, err
		}
	}
	if again {
		return a.current(ctx, l)
	}
	return d, nil
}

// nothing tells an answer that says nothing.
func (d draft) nothing() bool { return strings.TrimSpace(d.text) == "" && len(d.whole()) == 0 }

// send makes a reply of what the review showed, at the moment at which the server has the form: that moment decides whether it is
// late and whether it is sealed. Pressing or posting again leads to the same receipt.
func (a *answers) send(w http.ResponseWriter, r *http.Request) {
	l, ok := a.enter(w, r)
	if !ok {
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		a.again(w, r, l, http.StatusBadRequest, &round{problems: []problem{{key: "form"}}})
		return
	}
	now := gateway.Micros(a.opts.Now())
	if _, err := a.forms.Check(r.PostForm.Get("form"), now, l.recipient.ID.String()); err != nil {
		a.again(w, r, l, http.StatusForbidden, &round{problems: []problem{{key: "form"}}})
		return
	}
	id, err := gateway.ParseID(r.PostForm.Get("answer"))
	if err != nil {
		a.again(w, r, l, http.StatusBadRequest, &round{problems: []problem{{key: "form"}}})
		return
	}
	d, err := a.current(r.Context(), l)
	if err != nil {
		a.outage(w, r, "read an answer", err)
		return
	}
	if d.ID != id {
		a.sentBefore(w, r, l, id)
		return
	}
	if strconv.FormatInt(d.Version, 10) != r.PostForm.Get("version") || d.nothing() {
		a.changed(w, r, l, d)
		return
	}
	a.sendNow(w, r, l, d, now)
}

// changed shows the review again: what was sent is not what is stored now.
func (a *answers) changed(w http.ResponseWriter, r *http.Request, l letter, d draft) {
	v := a.answerView(r, l, d)
	v.Changed = true
	a.answerPage(w, r, http.StatusConflict, "answer-review", v)
}

// sentBefore leads to the receipt of an answer that was sent already, or back to the form.
func (a *answers) sentBefore(w http.ResponseWriter, r *http.Request, l letter, id gateway.ID) {
	reply, err := a.Desk.Reply(r.Context(), id)
	switch {
	case err == nil && reply.Recipient == l.recipient.ID:
		a.metrics.sent.WithLabelValues("again").Inc()
		a.to(w, r, "/reponse/recu/"+a.receiptOf(id))
	case err == nil || errors.Is(err, gateway.ErrNotFound):
		a.to(w, r, "/reponse")
	default:
		a.outage(w, r, "read a reply", err)
	}
}

func (a *answers) sendNow(w http.ResponseWriter, r *http.Request, l letter, d draft, now time.Time) {
	if !a.sends.Allow(l.recipient.ID.String()) {
		a.again(w, r, l, http.StatusTooManyRequests, &round{problems: []problem{{key: "often"}}})
		return
	}
	// Whoever leaves meanwhile has sent: the answer goes its way.
	err := a.record(context.WithoutCancel(r.Context()), r, l, d, now)
	if errors.Is(err, gateway.ErrRecorded) || errors.Is(err, gateway.ErrFenced) {
		again, readErr := a.current(r.Context(), l)
		switch {
		case readErr != nil:
			a.outage(w, r, "read an answer", readErr)
		case again.ID != d.ID:
			a.sentBefore(w, r, l, d.ID)
		default:
			a.changed(w, r, l, again)
		}
		return
	}
	if err != nil {
		a.outage(w, r, "send an answer", err)
		return
	}
	a.to(w, r, "/reponse/recu/"+a.receiptOf(d.ID))
}

// record stores the answer's message, then in one transaction the reply, its event, its notices, and that nothing is being
// written any more.
func (a *answers) record(ctx context.Context, r *http.Request, l letter, d draft, now time.Time) error {
	reply := gateway.Reply{
		ID: d.ID, Courier: l.courier.ID, Recipient: l.recipient.ID, From: l.recipient.Address, Late: past(l, now), Subject: "Re: " + l.courier.Subject,
		Text: strings.TrimSpace(d.text), MessageID: "<reponse." + d.ID.String() + "@" + a.Domain + ">", Received: now,
		Sealed: sealed(l, now),
	}
	m := answerMessage{letter: l, reply: reply, domain: a.Domain, files: d.whole()}
	reply.Files = m.described()
	plain, content, err := a.compose(ctx, m, d)
	if err != nil {
		return err
	}
	reply.Content = content
	e := a.replied(r, l, reply, plain, now)
	if reply.Sealed {
		reply.Opens = l.courier.Options.Reply.By
		if reply, err = a.Vault.Close(reply); err != nil {
			return err
		}
	}
	err = a.store.Apply(ctx, gateway.Step{
		Answer: &gateway.AnswerSent{ID: d.ID, Version: d.Version}, Events: []gateway.Event{e}, Replies: []gateway.Reply{reply}, Jobs: tell(l, reply, now),
	})
	if err == nil {
		a.metrics.sent.WithLabelValues(outcome(reply)).Inc()
		l.log(a.opts.Logger).Info("answer sent", "reply", reply.ID.String(), "files", len(m.files), "bytes", d.Size, "late", reply.Late, "sealed", reply.Sealed)
	}
	return err
}

func outcome(r gateway.Reply) string {
	switch {
	case r.Sealed:
		return "sealed"
	case r.Late:
		return "late"
	}
	return "sent"
}

// replied is the event of the answer. Of a sealed one it bears the commitment alone.
func (a *answers) replied(r *http.Request, l letter, reply gateway.Reply, plain gateway.Hash, now time.Time) gateway.Event {
	details := gateway.ReplyDetails{
		Reply: reply.ID, By: "page", From: reply.From, Late: reply.Late, Sealed: reply.Sealed, MessageID: reply.MessageID, MatchedBy: "token",
	}
	if reply.Sealed {
		details.Commitment = gateway.Commitment(reply.ID, plain)
	} else {
		details.Content, details.Files = reply.Content, reply.Files
	}
	e := gateway.NewEvent(gateway.Replied, now, details, a.seen(r)).About(l.courier.ID, l.recipient.ID).By("company", gateway.ByButton)
	e.Generation = l.recipient.Standing.Generation
	e.Once = "answer:" + reply.ID.String()
	if !reply.Sealed {
		e.Contents = []gateway.Hash{reply.Content}
	}
	return e
}

// tell is the mails that an answer makes: itself to the agent, its receipt to the company.
func tell(l letter, reply gateway.Reply, now time.Time) []gateway.Job {
	job := func(n gateway.Notice) gateway.Job {
		n.Reply = reply.ID
		return gateway.Job{ID: gateway.NewID(now), Kind: gateway.JobNotice, Courier: l.courier.ID, Recipient: l.recipient.ID, Notice: n, Created: now, Due: now}
	}
	return []gateway.Job{
		job(gateway.Notice{Kind: gateway.NoticeReply}),
		job(gateway.Notice{Kind: gateway.NoticeReceived, To: l.recipient.Address}),
	}
}

// compose stores the answer as a message, encrypted when it is sealed: the hash of what it says, and of what is stored.
func (a *answers) compose(ctx context.Context, m answerMessage, d draft) (plain, content gateway.Hash, err error) {
	s := a.Desk.Spool()
	defer s.Discard()
	sum := sha256.New()
	var w io.Writer = s
	closing := func() error { return nil }
	if m.reply.Sealed {
		out, err := a.Vault.Writer(s)
		if err != nil {
			return plain, content, err
		}
		w, closing = out, out.Close
	}
	err = m.write(io.MultiWriter(w, sum), func(w io.Writer, f draftFile) error { return a.pour(ctx, w, d, f) })
	if err = errors.Join(err, closing()); err != nil {
		return plain, content, err
	}
	content, err = a.Desk.Keep(ctx, s)
	return gateway.Hash(sum.Sum(nil)), content, err
}

// receiptOf is the address of an answer's receipt. It is shown to whoever sends, and mailed to nobody: while the answer is sealed, only
// they read on it what they sent.
func (a *answers) receiptOf(id gateway.ID) string {
	h := hmac.New(sha256.New, a.sealing)
	h.Write(id[:])
	return id.String() + base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:16])
}

// receipt is what the page after sending says.
type receipt struct {
	Reply gateway.Reply
	Files []gateway.File
	Text  string
	Total int64
}

// sent is the receipt of an answer.
func (a *answers) sent(w http.ResponseWriter, r *http.Request) {
	l, ok := a.open(w, r)
	if !ok {
		return
	}
	reply, err := a.receipted(r, l)
	if errors.Is(err, gateway.ErrNotFound) {
		a.unknown(w, r)
		return
	}
	said := seal.Manifest{Subject: reply.Subject, Text: reply.Text, Files: reply.Files}
	if err == nil && reply.Closed() {
		said, err = a.Vault.Manifest(reply)
	}
	if err != nil {
		a.outage(w, r, "read a reply", err)
		return
	}
	v := a.answerView(r, l, draft{})
	v.Receipt = receipt{Reply: reply, Files: said.Files, Text: said.Text}
	for _, f := range said.Files {
		v.Receipt.Total += f.Size
	}
	a.answerPage(w, r, http.StatusOK, "answer-sent", v)
}

// receipted is the reply whose receipt is asked for.
func (a *answers) receipted(r *http.Request, l letter) (gateway.Reply, error) {
	asked := r.PathValue("receipt")
	if len(asked) < gateway.IDLength {
		return gateway.Reply{}, gateway.ErrNotFound
	}
	id, err := gateway.ParseID(asked[:gateway.IDLength])
	if err != nil || !hmac.Equal([]byte(asked), []byte(a.receiptOf(id))) {
		return gateway.Reply{}, gateway.ErrNotFound
	}
	reply, err := a.Desk.Reply(r.Context(), id)
	if err == nil && reply.Recipient != l.recipient.ID {
		err = gateway.ErrNotFound
	}
	return reply, err
}
