package submission

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/emersion/go-smtp"

	"vaguemestre/gateway"
	"vaguemestre/gateway/intake"
)

// session is what the library calls for each command of one connection.
type session struct {
	w        *wire
	agent    gateway.Agent // zero: not logged in
	failures int
	tx       *transaction // nil: none open
}

// transaction is one envelope.
type transaction struct {
	envelope intake.Submission
	utf8     bool           // SMTPUTF8 (RFC 6531)
	refused  *gateway.Fault // the first recipient that was refused, if one was
	count    int            // recipients, those over the limit too
}

func (s *session) words() words { return s.w.s.words }

// Reset implements smtp.Session: the transaction is over, or given up.
func (s *session) Reset() {
	s.tx = nil
	s.w.setBusy(false)
}

// Logout implements smtp.Session.
func (s *session) Logout() error {
	s.Reset()
	return nil
}

// Mail implements smtp.Session. Nobody sends without having logged in (RFC 4954 §6: 530 5.7.0).
func (s *session) Mail(from string, o *smtp.MailOptions) error {
	limit := s.w.s.o.MaxBytes
	switch {
	case s.agent.ID.IsZero():
		return s.refuse("mail", gateway.Refuse(530, [3]int{5, 7, 0}, "submission.auth-required", nil), false)
	case s.tx != nil: // the library would keep the recipients of the first (RFC 5321 §4.1.4)
		return &smtp.SMTPError{Code: 503, EnhancedCode: smtp.EnhancedCode{5, 5, 1}, Message: "Nested MAIL command"}
	case o.Size > limit:
		s.w.s.metrics.limit("size")
		return s.refuse("mail", gateway.Refuse(552, [3]int{5, 3, 4}, tooLarge, map[string]any{"Size": o.Size, "Max": limit}), o.UTF8)
	}
	if from != "" {
		var fault *gateway.Fault
		if from, fault = mailbox(from, o.UTF8); fault != nil {
			fault.Enhanced = [3]int{5, 1, 7}
			return s.refuse("mail", fault, o.UTF8)
		}
	}
	s.tx = &transaction{utf8: o.UTF8, envelope: intake.Submission{
		Agent: s.agent, Door: gateway.DoorSMTP, MailFrom: from,
		DSN: gateway.DSNRequest{Return: string(o.Return), EnvelopeID: o.EnvelopeID},
	}}
	s.w.rejected = false
	s.w.setBusy(true)
	return nil
}

// Rcpt implements smtp.Session. A recipient refused here refuses the whole message: no client
// sends to half of its recipients.
func (s *session) Rcpt(to string, o *smtp.RcptOptions) error {
	tx, limit := s.tx, s.w.s.o.MaxRecipients
	if tx.count++; tx.count > limit {
		if tx.count == limit+1 {
			s.w.s.metrics.limit("recipients")
		}
		// Not 452 (RFC 5321 §4.5.3.1.10), after which the client would send to the first ones alone.
		tx.refused = gateway.Refuse(550, [3]int{5, 5, 3}, "refuse.too-many-recipients", map[string]any{"Count": tx.count, "Max": limit})
		return s.refuse("rcpt", tx.refused, tx.utf8)
	}
	to, fault := mailbox(to, tx.utf8)
	if fault != nil {
		if tx.refused == nil {
			tx.refused = fault
		}
		return s.refuse("rcpt", fault, tx.utf8)
	}
	if strings.ContainsFunc(o.OriginalRecipient, unicode.IsControl) { // the library lets some in
		o.OriginalRecipient, o.OriginalRecipientType = "", ""
	}
	tx.envelope.Recipients = append(tx.envelope.Recipients, to)
	if asked := dsnRecipient(to, o); asked != nil {
		tx.envelope.DSN.Recipients = append(tx.envelope.DSN.Recipients, *asked)
	}
	return nil
}

// dsnRecipient is what was asked about a recipient, or nil.
func dsnRecipient(to string, o *smtp.RcptOptions) *gateway.DSNRecipient {
	if len(o.Notify) == 0 && o.OriginalRecipient == "" {
		return nil
	}
	r := gateway.DSNRecipient{Address: to, OriginalType: string(o.OriginalRecipientType), Original: o.OriginalRecipient}
	for _, n := range o.Notify {
		r.Notify = append(r.Notify, string(n))
	}
	return &r
}

// Data implements smtp.Session. It always gives a bare *smtp.SMTPError. The library's reader is
// left alone: the message is read from the wire, faster and more strictly, after which the
// library finds the end of an empty one.
func (s *session) Data(io.Reader) error {
	started, tx, srv := time.Now(), s.tx, s.w.s
	spool := srv.spools.Spool()
	defer spool.Discard()
	m := &messageReader{
		in: s.w.in, out: spool, block: srv.block(),
		maxBytes: srv.o.MaxBytes, maxHeader: srv.o.MaxHeaderBytes, maxLine: srv.o.MaxLine,
	}
	if tx.refused == nil && s.w.rejected {
		tx.refused = gateway.Refuse(550, [3]int{5, 1, 3}, "submission.bad-path", nil)
	}
	m.refused = tx.refused
	s.w.stage(srv.o.DataTimeout, srv.o.BlockTimeout, true)
	err := m.read()
	srv.release(m.block)
	srv.metrics.bytes.Add(float64(m.size))
	if err != nil {
		return s.cutShort(err, m)
	}
	s.w.feed = []byte(".\r\n")
	srv.metrics.receiving.Observe(time.Since(started).Seconds())
	tx.envelope.Message = spool
	switch {
	case m.refused != nil:
		srv.metrics.limit(limitOf(m.refused))
		return s.refuse("data", m.refused, tx.utf8)
	case m.failed != nil:
		return s.refuse("data", m.failed, tx.utf8)
	}
	return s.submit(tx)
}

// cutShort ends a session in the middle of a message.
func (s *session) cutShort(err error, m *messageReader) error {
	switch {
	case errors.Is(err, errSmuggling):
		err = s.w.end("smuggling", refusal(554, [3]int{5, 6, 0}, "submission.smuggling"))
	case errors.Is(err, errEndless):
		err = s.w.end("size", m.refused)
	default:
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			s.w.s.metrics.limit("lost")
			s.w.log.Info("connection lost within a message", "bytes", m.size, "error", err)
		}
		err = s.w.failed(err)
	}
	s.w.s.metrics.couriers.WithLabelValues("cut").Inc()
	return s.words().reply(err, false) // not sent: the session has said its last word
}

func limitOf(f *gateway.Fault) string {
	switch f.Key {
	case tooLarge:
		return "size"
	case "submission.headers-too-large":
		return "header"
	case "submission.body-line-too-long":
		return "line"
	}
	return ""
}

// submit hands the message to the intake, and answers for it.
func (s *session) submit(tx *transaction) error {
	srv, started := s.w.s, time.Now()
	ctx, cancel := context.WithTimeout(s.w.ctx, srv.o.SubmitTimeout)
	defer cancel()
	receipt, err := srv.intake.Submit(ctx, tx.envelope)
	srv.metrics.submitting.Observe(time.Since(started).Seconds())
	if err != nil {
		return s.refuse("data", err, tx.utf8)
	}
	srv.metrics.couriers.WithLabelValues("accepted").Inc()
	id := idOf(receipt)
	s.w.log.Info("taken", "outcome", string(receipt.Outcome), "courier", id, "bytes", tx.envelope.Message.Size(),
		"envelope", len(tx.envelope.Recipients), "took", time.Since(started))
	// An error with the code 250 is how the library is told the words of success.
	return srv.words.error(250, [3]int{2, 0, 0}, strings.TrimSpace(id.String()+" "+receipt.Text), tx.utf8)
}

// idOf is what the agent can quote: the courier, or the draft. Other requests leave nothing behind to name.
func idOf(r intake.Receipt) gateway.ID {
	if r.Courier.ID.IsZero() {
		return r.Draft.ID
	}
	return r.Courier.ID
}

// refuse logs a failure with its cause and gives the reply to it, which has none.
func (s *session) refuse(stage string, err error, utf8 bool) error {
	r := s.words().reply(err, utf8)
	fault, srv := gateway.FaultOf(err), s.w.s
	srv.metrics.refusals.WithLabelValues(itoa(r.Code), keyOf(fault)).Inc()
	if stage == "data" {
		outcome := "refused"
		if r.Temporary() {
			outcome = "deferred"
		}
		srv.metrics.couriers.WithLabelValues(outcome).Inc()
	}
	level := s.w.log.Info
	if r.Temporary() {
		level = s.w.log.Error
	}
	level("refused", "stage", stage, "code", r.Code, "key", fault.Key, "error", err)
	return r
}
