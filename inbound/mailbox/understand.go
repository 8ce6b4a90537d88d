package mailbox

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/message"
	"vaguemestre/gateway/store"
	"vaguemestre/inbound/classify"
	"vaguemestre/inbound/correlate"
)

const (
	understandBatch = 200
	understandPoll  = 30 * time.Second
	// patience is how often an outage of ours may hit one mail before it counts as the mail's own failure.
	patience = 5
	// maxReplyText bounds the text of a reply kept beside its raw mail, in octets.
	maxReplyText = 256 << 10
)

// understand is the second loop: it takes up every mail that nobody has understood yet.
func (s *Service) understand(ctx context.Context) {
	woken, cancel := s.store.Watch(store.TopicInbound)
	defer cancel()
	outages := map[gateway.ID]int{}
	for ctx.Err() == nil {
		again := s.understandAll(ctx, outages)
		s.count(ctx)
		wait := understandPoll
		if again {
			wait = s.o.BackoffMin
		}
		timer := time.NewTimer(wait)
		select {
		case <-woken:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// understandAll goes once through what waits; again tells that an outage of ours left some.
func (s *Service) understandAll(ctx context.Context, outages map[gateway.ID]int) (again bool) {
	for ctx.Err() == nil {
		waiting, err := s.store.InboundNew(ctx, understandBatch)
		if err != nil {
			s.o.Logger.Warn("mail waits to be understood", "err", err)
			return true
		}
		left := 0
		for _, in := range waiting {
			if ctx.Err() != nil {
				return false
			}
			if !s.understandOne(ctx, in, outages) {
				left++
			}
		}
		if left > 0 || len(waiting) == 0 {
			return left > 0
		}
	}
	return false
}

// understandOne settles one mail, or counts its failure; false when it still waits.
func (s *Service) understandOne(ctx context.Context, in gateway.Inbound, outages map[gateway.ID]int) bool {
	err := s.settleOne(ctx, in)
	if err == nil {
		delete(outages, in.ID)
		return true
	}
	if ctx.Err() != nil {
		return false
	}
	var outage *outage
	if errors.As(err, &outage) {
		if outages[in.ID]++; outages[in.ID] < patience {
			s.o.Logger.Warn("mail waits to be understood", "inbound", in.ID.String(), "err", err)
			return false
		}
	}
	return s.countFailure(ctx, in, err)
}

// countFailure counts one failure of a mail; at the second one it is quarantined.
func (s *Service) countFailure(ctx context.Context, in gateway.Inbound, cause error) bool {
	s.metrics.retried.Inc()
	s.o.Logger.Error("mail not understood", "inbound", in.ID.String(), "err", cause)
	reason := classify.Clip(cause.Error(), 500)
	failures, err := s.store.InboundFailure(ctx, in.ID, reason)
	if err != nil {
		s.o.Logger.Warn("failure not counted", "inbound", in.ID.String(), "err", err)
		return false
	}
	if failures < 2 {
		return true // it is met again at once, in its place
	}
	in.State, in.Class, in.Reason = gateway.InboundQuarantined, classUnreadable, reason
	if err := s.apply(ctx, gateway.Step{Inbound: &in}); err != nil {
		s.o.Logger.Warn("mail not quarantined", "inbound", in.ID.String(), "err", err)
		return false
	}
	s.metrics.understood.WithLabelValues(classUnreadable, outcomeQuarantined).Inc()
	return true
}

// outage is a failure of the store: no fault of the mail.
type outage struct{ err error }

func (o *outage) Error() string { return o.err.Error() }
func (o *outage) Unwrap() error { return o.err }

// settleOne is transaction 2. A panic is the mail's failure.
func (s *Service) settleOne(ctx context.Context, in gateway.Inbound) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
			s.o.Logger.Error("panic while understanding a mail", "inbound", in.ID.String(), "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
		}
	}()
	step, err := s.Understand(ctx, in)
	if err != nil {
		return err
	}
	if in.Opens.IsZero() && !step.Inbound.Opens.IsZero() { // it was not seen as it came in
		if in, err = s.seal(ctx, in, step.Inbound.Opens); err != nil {
			return err
		}
		if step, err = s.Understand(ctx, in); err != nil {
			return err
		}
	}
	if err := s.apply(ctx, step); err != nil {
		return &outage{fmt.Errorf("record what was understood: %w", err)}
	}
	outcome := outcomeDone
	if step.Inbound.State == gateway.InboundQuarantined {
		outcome = outcomeQuarantined
	}
	s.metrics.understood.WithLabelValues(step.Inbound.Class, outcome).Inc()
	s.metrics.lag.Observe(max(0, s.o.Now().Sub(in.Received).Seconds()))
	s.o.Logger.Info("mail understood", "inbound", in.ID.String(), "class", step.Inbound.Class, "state", string(step.Inbound.State),
		"reason", step.Inbound.Reason, "courier", step.Inbound.Courier.String(), "recipient", step.Inbound.Recipient.String())
	return nil
}

// apply records a step. What is recorded already only settles the mail; what somebody else has settled
// is settled.
func (s *Service) apply(ctx context.Context, step gateway.Step) error {
	err := s.store.Apply(ctx, step)
	if errors.Is(err, gateway.ErrRecorded) {
		err = s.store.Apply(ctx, gateway.Step{Inbound: step.Inbound})
	}
	if errors.Is(err, gateway.ErrFenced) {
		return nil
	}
	return err
}

// Understand reads, classifies and places one stored mail, and says what is to be recorded. Nothing is
// written.
func (s *Service) Understand(ctx context.Context, in gateway.Inbound) (gateway.Step, error) {
	mail, err := s.read(ctx, in)
	if err != nil {
		return gateway.Step{}, err
	}
	return s.o.Rules.Understand(mail)
}

// read opens, reads, classifies and places one stored mail.
func (s *Service) read(ctx context.Context, in gateway.Inbound) (correlate.Mail, error) {
	raw, err := s.open(ctx, in)
	var fault *gateway.Fault
	switch {
	case errors.As(err, &fault): // the store's; that nothing is there is none
		return correlate.Mail{}, &outage{fmt.Errorf("open the raw mail: %w", err)}
	case err != nil:
		return correlate.Mail{}, fmt.Errorf("open the raw mail: %w", err)
	}
	defer raw.Close()
	mail, m, err := s.look(ctx, in, raw, raw.Size())
	if err != nil {
		return mail, err
	}
	if mail.Plain, err = plainHash(in, raw); err != nil {
		return mail, err
	}
	mail.Origin = correlate.ReadOrigin(mail.Header, s.authserv(in.Account))
	if mail.Result.Class == classify.ClassReply || mail.Result.Class == classify.ClassBulk {
		mail.Text = textOf(m)
		if mail.Files, err = filesOf(m); err != nil {
			return mail, fmt.Errorf("read the attachments: %w", err)
		}
	}
	return mail, nil
}

// look reads, classifies and places a mail, without reading its attachments.
func (s *Service) look(ctx context.Context, in gateway.Inbound, raw io.ReaderAt, size int64) (correlate.Mail, *message.Message, error) {
	m, err := message.Read(raw, size, s.o.Limits)
	if err != nil {
		return correlate.Mail{}, nil, fmt.Errorf("read the mail: %w", err)
	}
	mail := correlate.Mail{Inbound: in, Result: classify.Classify(m), Header: m.Header(), Now: s.o.Now()}
	finder := correlate.Finder{Domain: s.o.Rules.Domain, Store: s.store}
	if mail.Matches, err = finder.Find(ctx, mail.Header, mail.Result); err != nil {
		return mail, nil, &outage{err}
	}
	return mail, m, nil
}

func (s *Service) authserv(account string) string {
	for _, a := range s.o.Accounts {
		if a.Name == account {
			return a.AuthServ
		}
	}
	return ""
}

// textOf is what the author wrote, complete up to maxReplyText.
func textOf(m *message.Message) string {
	text, _ := m.Words(maxReplyText)
	return text
}

// filesOf describes the attachments, streaming each through its hash.
func filesOf(m *message.Message) ([]gateway.File, error) {
	var files []gateway.File
	for _, p := range m.Files() {
		sum := sha256.New()
		size, err := io.Copy(sum, p.Decoded())
		if err != nil {
			return nil, err
		}
		files = append(files, gateway.File{Name: p.Filename(), MediaType: p.MediaType, Size: size, SHA256: gateway.Hash(sum.Sum(nil)), Part: p.Path})
	}
	return files, nil
}

// count keeps the gauges of what waits.
func (s *Service) count(ctx context.Context) {
	stats, err := s.store.InboundStats(ctx)
	if err != nil {
		return
	}
	s.metrics.waiting.Set(float64(stats[gateway.InboundNew]))
	s.metrics.oldest.Set(0)
	if waiting, err := s.store.InboundNew(ctx, 1); err == nil && len(waiting) > 0 {
		s.metrics.oldest.Set(s.o.Now().Sub(waiting[0].Received).Seconds())
	}
}
