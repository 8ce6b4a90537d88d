package relay

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"vaguemestre/gateway"
)

// details is what evidence says of the connection itself.
func (s *session) details() gateway.RelayDetails {
	_, dsn := s.ext["DSN"]
	return gateway.RelayDetails{
		Host: s.host.Address, Peer: s.peer, TLS: s.tls, Cipher: s.cipher, Verified: s.verified, DSN: dsn,
	}
}

// transact sends one message in one transaction (RFC 5321 §3.3). On trouble the message was not
// taken, but for class Unknown. The details hold what was seen in both cases.
func (s *session) transact(ctx context.Context, env Envelope, msg *message) (gateway.RelayDetails, *trouble) {
	detach := s.attach(ctx)
	d := s.details()
	d.MessageID, d.ENVID = env.MessageID, env.ENVID
	mail, rcpt, t := s.commands(env, msg)
	if t == nil {
		t = s.announce(mail, rcpt)
	}
	if t == nil {
		t = s.content(&d, msg)
	}
	s.dirty = t != nil
	if !detach() || t != nil && t.lost || s.r.Buffered() > 0 {
		s.dirty = true
		s.close()
		s.conn = nil
	}
	if t != nil {
		t.details = d
		t.record(&t.details)
		return t.details, t
	}
	s.sent++
	return d, nil
}

// usable tells whether the session may serve another message.
func (s *session) usable() bool { return s.conn != nil }

// record writes the trouble into the evidence.
func (t *trouble) record(d *gateway.RelayDetails) {
	d.Stage, d.Code, d.Reply, d.Cause = t.stage, t.reply.code, t.reply.words(), t.cause()
	if status, ok := t.reply.enhanced(); ok {
		d.Enhanced = formatStatus(status)
	}
}

// commands writes MAIL and RCPT with the parameters that the peer understands, or says why this
// peer cannot carry the message.
func (s *session) commands(env Envelope, msg *message) (mail, rcpt string, t *trouble) {
	from, to, t := paths(env)
	if t != nil {
		return "", "", t
	}
	utf8 := env.UTF8 || msg.utf8 || from.utf8 || to.utf8
	if t := s.capable(env, msg, utf8); t != nil {
		return "", "", t
	}
	var m, r strings.Builder
	m.WriteString("MAIL FROM:<" + from.text + ">")
	if _, ok := s.ext["SIZE"]; ok {
		m.WriteString(" SIZE=" + strconv.FormatInt(msg.size, 10))
	}
	if msg.eightBit {
		m.WriteString(" BODY=8BITMIME")
	}
	if utf8 {
		m.WriteString(" SMTPUTF8")
	}
	if env.RequireTLS {
		m.WriteString(" REQUIRETLS")
	}
	r.WriteString("RCPT TO:<" + to.text + ">")
	if _, ok := s.ext["DSN"]; ok {
		dsnParameters(&m, &r, env, utf8)
	}
	return m.String(), r.String(), nil
}

// dsnParameters asks for reports (RFC 3461 §4). RET=HDRS: a report must not carry the letter back.
func dsnParameters(mail, rcpt *strings.Builder, env Envelope, utf8 bool) {
	mail.WriteString(" RET=HDRS")
	if env.ENVID != "" {
		mail.WriteString(" ENVID=" + xtext(env.ENVID))
	}
	if env.Notify != "" {
		rcpt.WriteString(" NOTIFY=" + env.Notify)
	}
	if env.ORCPT != "" {
		rcpt.WriteString(" ORCPT=" + orcpt(env.ORCPT, utf8))
	}
}

func paths(env Envelope) (from, to path, t *trouble) {
	to, err := parsePath(env.To)
	if err == nil && env.From != "" {
		from, err = parsePath(env.From)
	}
	if err == nil && (len(env.ENVID) > maxENVID || strings.ContainsFunc(env.ENVID, func(r rune) bool { return r < '!' || r > '~' })) {
		err = errENVID
	}
	if err == nil && env.Notify != "" && env.Notify != NotifyAll && env.Notify != NotifyNever {
		err = fmt.Errorf("unknown NOTIFY %q", env.Notify)
	}
	if err == nil && strings.ContainsFunc(env.ORCPT, func(r rune) bool { return r < ' ' }) {
		err = errAddress
	}
	if err != nil {
		t = incapable(501, [3]int{5, 1, 3}, err.Error())
		t.elsewhere = false
	}
	return from, to, t
}

// capable tells whether the peer can carry the message as it is (RFC 1870, 6152, 6531, 8689).
func (s *session) capable(env Envelope, msg *message, utf8 bool) *trouble {
	if limit, err := strconv.ParseInt(strings.TrimSpace(s.ext["SIZE"]), 10, 64); err == nil && limit > 0 && msg.size > limit {
		return incapable(552, [3]int{5, 3, 4}, fmt.Sprintf("message of %d octets, and the smarthost takes %d at most", msg.size, limit))
	}
	if _, ok := s.ext["8BITMIME"]; msg.eightBit && !ok {
		return incapable(554, [3]int{5, 6, 3}, "the body has bytes over 127, and the smarthost does not offer 8BITMIME")
	}
	if _, ok := s.ext["SMTPUTF8"]; utf8 && !ok {
		return incapable(553, [3]int{5, 6, 7}, "an internationalised address or header, and the smarthost does not offer SMTPUTF8")
	}
	if _, ok := s.ext["REQUIRETLS"]; env.RequireTLS && (!ok || s.tls == "") {
		return incapable(550, [3]int{5, 7, 30}, "REQUIRETLS was asked, and the smarthost does not offer it")
	}
	return nil
}

// announce goes as far as 354. Trouble with a connection that had been idle is stale: the
// peer may have left in between.
func (s *session) announce(mail, rcpt string) *trouble {
	t := s.reset()
	if t == nil {
		if _, ok := s.ext["PIPELINING"]; ok {
			t = s.pipeline(mail, rcpt)
		} else {
			t = s.oneByOne(mail, rcpt)
		}
	}
	if t != nil && t.lost && s.waited {
		t.stale = true
	}
	return t
}

func (s *session) reset() *trouble {
	if !s.dirty {
		return nil
	}
	rep, err := s.command(s.limits.Command, "RSET")
	if err != nil {
		return broken(stageMail, err)
	}
	if !rep.positive() {
		return refusedHere(stageMail, rep)
	}
	return nil
}

// refusedHere is a refusal of something that no peer refuses: the connection is of no more use.
func refusedHere(stage string, rep reply) *trouble {
	t := unwelcome(stage, rep)
	t.lost = true
	return t
}

func (s *session) oneByOne(mail, rcpt string) *trouble {
	for _, step := range [...]struct{ stage, line string }{{stageMail, mail}, {stageRcpt, rcpt}} {
		rep, err := s.command(s.limits.Command, step.line)
		if err != nil {
			return broken(step.stage, err)
		}
		if !rep.positive() {
			return refused(step.stage, rep)
		}
	}
	rep, err := s.command(s.limits.DataStart, "DATA")
	if err != nil {
		return broken(stageData, err)
	}
	if rep.code != 354 {
		return refused(stageData, rep)
	}
	return nil
}

// pipeline sends the three commands at once (RFC 2920 §3.1: DATA may end a group) and reads
// the three answers. The first refusal is the one that counts.
func (s *session) pipeline(mail, rcpt string) *trouble {
	if err := s.write(s.limits.Command, mail, rcpt, "DATA"); err != nil {
		return broken(stageMail, err)
	}
	var first *trouble
	for _, stage := range [...]string{stageMail, stageRcpt, stageData} {
		limit := s.limits.Command
		if stage == stageData {
			limit = s.limits.DataStart
		}
		rep, err := s.read(limit)
		good := rep.positive()
		if stage == stageData {
			good = rep.code == 354
		}
		switch {
		case err != nil && first == nil:
			return broken(stage, err)
		case err != nil:
			first.lost = true
			return first
		case good && first != nil && stage == stageData:
			// The peer waits for a message that has no recipient: only leaving is safe.
			first.lost = true
		case !good && first == nil:
			first = refused(stage, rep)
		}
		if first != nil && first.reply.code == 421 {
			return first
		}
	}
	return first
}

// content sends the message, the final dot, and reads the verdict.
func (s *session) content(d *gateway.RelayDetails, msg *message) *trouble {
	if s.r.Buffered() > 0 {
		return broken(stageData, errReply) // an answer before its question would be taken for the verdict
	}
	sum := sha256.New()
	out := &blockWriter{s: s}
	s.w.Reset(out)
	err := msg.writeTo(io.MultiWriter(sum, &stuff{w: s.w, tail: 2}))
	if err == nil {
		_, err = s.w.WriteString(".\r\n")
	}
	if err == nil {
		err = s.w.Flush()
	}
	s.w.Reset(s.conn)
	if err != nil && out.err == nil {
		return composing(err) // the connection is closed without the dot: the peer forgets it all
	}
	if err != nil {
		return s.interrupted(err)
	}
	d.SHA256, d.Size, d.Signature = gateway.Hash(sum.Sum(nil)), msg.size, msg.signature
	return s.verdict(d)
}

func (s *session) verdict(d *gateway.RelayDetails) *trouble {
	rep, err := s.read(s.limits.Final)
	if err != nil {
		return unknown(err)
	}
	if rep.code/100 == 3 {
		return unknown(errReply)
	}
	if !rep.positive() {
		t := refused(stageDot, rep)
		t.elsewhere = false // it had the whole message: the queue decides when it is sent again
		return t
	}
	d.Code, d.Reply = rep.code, rep.words()
	if status, ok := rep.enhanced(); ok {
		d.Enhanced = formatStatus(status)
	}
	return nil
}

// interrupted is a connection that broke before the final dot was out: the message was not
// taken. A peer that has enough often says why before it leaves.
func (s *session) interrupted(err error) *trouble {
	t := broken(stageData, s.why(err))
	if s.ctx.Err() != nil || s.raw.SetReadDeadline(time.Now().Add(time.Second)) != nil {
		return t
	}
	rep, readErr := readReply(s.r)
	if readErr != nil || rep.code < 400 {
		return t
	}
	said := refused(stageData, rep)
	said.lost, said.elsewhere = true, said.fault.Class != gateway.Permanent
	return said
}

// blockWriter gives each piece its own time limit, and remembers whether it is the connection
// that failed rather than the composer.
type blockWriter struct {
	s   *session
	err error
}

// Write implements io.Writer.
func (b *blockWriter) Write(p []byte) (int, error) {
	if b.err = b.s.within(b.s.limits.Block); b.err != nil {
		return 0, b.err
	}
	n, err := b.s.conn.Write(p)
	b.err = err
	return n, err
}
