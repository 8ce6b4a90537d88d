package correlate

import (
	"net/mail"
	"strings"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/message"
	"vaguemestre/inbound/classify"
)

// Mail is all that is known of an incoming mail.
type Mail struct {
	Inbound gateway.Inbound
	Result  classify.Result
	Header  message.Header
	Matches []Match
	Origin  Origin
	Text    string         // what its author wrote, complete
	Files   []gateway.File // attached to it
	Plain   gateway.Hash   // of the raw mail: Inbound.Content is of what it is encrypted to while it is sealed
	Now     time.Time
}

// Sealer encrypts what a reply says (gateway/seal).
type Sealer interface {
	Close(gateway.Reply) (gateway.Reply, error)
}

// Rules is what deciding needs to know of the installation.
type Rules struct {
	Domain        Domain
	Vault         Sealer // of sealed answers
	Administrator string // who gets what is written to postmaster and abuse; empty: quarantine
}

// ClassCanary is the class of a mail that an administrator sent to try the whole way, and of what came back about it.
const ClassCanary = "canary"

// The reasons of quarantine, as shown to the administrator.
const (
	WhyUnmatched     = "about no letter of this gateway"
	WhyOtherPerson   = "reports on another address than the letter's"
	WhyNoReply       = "written to the address that nobody reads"
	WhyOwnMail       = "our own automatic mail came back"
	WhyThread        = "written to an agents' thread address from outside"
	WhyMachine       = "sent by a machine, and no report that can be read"
	WhyAdministrator = "written to the administrator, whose address is not configured"
)

// Understand decides what is recorded of a mail. It is pure, identifiers, salts and seals apart. It fails only when a sealed answer
// cannot be sealed.
func (r Rules) Understand(m Mail) (gateway.Step, error) {
	m.Now = gateway.Micros(m.Now)
	in := m.Inbound
	in.State, in.Reason = gateway.InboundDone, ""
	m.name(&in)
	if len(m.Matches) > 0 {
		in.Courier, in.Recipient = m.Matches[0].Courier.ID, m.Matches[0].Recipient.ID
	}
	step := gateway.Step{Inbound: &in}
	err := r.decide(m, &step)
	return step, err
}

// name says in a mail's row what shows of it: of one under seal, not its subject.
func (m Mail) name(in *gateway.Inbound) {
	in.Class, in.From, in.Subject, in.Opens = string(m.Result.Class), m.Result.From, m.Result.Subject, m.Opens()
	if !in.Opens.IsZero() {
		in.Subject = ""
	}
}

// decide names the case. The order matters: our own mail first, so that nothing answers it.
func (r Rules) decide(m Mail, step *gateway.Step) error {
	switch {
	case r.Domain.canary(m.Header):
		step.Inbound.Class = ClassCanary // who sent it looks for it in the mailbox itself
	case r.own(m):
		quarantine(step, WhyOwnMail)
	case r.to(m, "postmaster", "abuse") && len(m.Matches) == 0:
		r.toAdministrator(m, step)
	case r.to(m, noReplyPart) && human(m.Result.Class):
		r.noReply(m, step)
	case len(m.Matches) == 0:
		quarantine(step, WhyUnmatched)
	case m.Matches[0].Kind == 'f':
		quarantine(step, WhyThread)
	default:
		return r.record(m, step)
	}
	return nil
}

func (r Rules) record(m Mail, step *gateway.Step) error {
	match := m.Matches[0]
	switch m.Result.Class {
	case classify.ClassReport:
		r.reports(m, match, step)
	case classify.ClassReceipt:
		m.mailEvent(step, match, gateway.Displayed, m.Result.Disposition)
	case classify.ClassComplaint:
		m.mailEvent(step, match, gateway.Complained, m.Result.FeedbackType)
		r.raw(m, step)
	case classify.ClassAbsence:
		m.mailEvent(step, match, gateway.Absent, m.Result.Why)
	case classify.ClassChallenge:
		m.mailEvent(step, match, gateway.Challenged, m.Result.Why)
	case classify.ClassBulk:
		return r.bulk(m, step)
	default:
		return r.replies(m, step)
	}
	return nil
}

// bulk takes mail of lists and shared mailboxes for the answers that they pass on; what a machine sends without
// a sender is none.
func (r Rules) bulk(m Mail, step *gateway.Step) error {
	if m.nullSender() {
		quarantine(step, WhyMachine)
		return nil
	}
	return r.replies(m, step)
}

// nullSender tells that the receiving server wrote down an empty envelope sender.
func (m Mail) nullSender() bool {
	return m.Header.Has("Return-Path") && strings.Trim(m.Header.Get("Return-Path"), "<> \t") == ""
}

func human(c classify.Class) bool { return c == classify.ClassReply || c == classify.ClassBulk }

func quarantine(step *gateway.Step, why string) {
	step.Inbound.State, step.Inbound.Reason = gateway.InboundQuarantined, why
}

// own tells mail that the gateway itself wrote automatically: a loop.
func (r Rules) own(m Mail) bool {
	if !r.Domain.owns(m.Result.From) || m.Result.Class == classify.ClassReport {
		return false
	}
	name := local(m.Result.From)
	return name == ownPart || name == noReplyPart || strings.HasPrefix(name, ownPart+"+") || m.Result.Class != classify.ClassReply
}

// to tells a mail sent to one of these reserved addresses.
func (r Rules) to(m Mail, names ...string) bool {
	addresses, _ := r.Domain.sentTo(m.Header)
	for _, a := range addresses {
		for _, name := range names {
			if local(a) == name {
				return true
			}
		}
	}
	return false
}

func (r Rules) toAdministrator(m Mail, step *gateway.Step) {
	if r.Administrator == "" {
		quarantine(step, WhyAdministrator)
		return
	}
	r.raw(m, step)
}

// raw hands the whole mail to the administrator.
func (r Rules) raw(m Mail, step *gateway.Step) {
	if r.Administrator == "" {
		return
	}
	step.Jobs = append(step.Jobs, m.notice(gateway.Notice{Kind: gateway.NoticeRaw, To: r.Administrator, Content: m.Inbound.Content}, Match{}))
}

// noReply keeps what is written to the address that nobody reads, and tells a person so, once
// per person and letter.
func (r Rules) noReply(m Mail, step *gateway.Step) {
	quarantine(step, WhyNoReply)
	var match Match
	if len(m.Matches) > 0 {
		match = m.Matches[0]
	}
	to := m.answerable()
	if to == "" {
		return
	}
	e := gateway.NewEvent(gateway.Quarantined, m.Now, m.details(WhyNoReply, match), nil).About(match.Courier.ID, match.Recipient.ID)
	if m.Opens().IsZero() {
		e.Contents = []gateway.Hash{m.Inbound.Content}
	}
	e.Once = "noreply:" + match.Courier.ID.String() + ":" + strings.ToLower(to)
	step.Events = append(step.Events, e)
	step.Jobs = append(step.Jobs, m.notice(gateway.Notice{Kind: gateway.NoticeNoReply, To: to}, match))
}

// answerable is the person to whom an automatic answer may be sent, or "": RFC 3834 §2 forbids answering
// machines, lists and the null sender.
func (m Mail) answerable() string {
	if m.Result.Class != classify.ClassReply || m.Result.From == "" {
		return ""
	}
	if m.nullSender() {
		return ""
	}
	if _, err := mail.ParseAddress("<" + m.Result.From + ">"); err != nil || strings.ContainsAny(m.Result.From, " \t\r\n\"") {
		return ""
	}
	return m.Result.From
}

func (m Mail) notice(n gateway.Notice, match Match) gateway.Job {
	n.Inbound = m.Inbound.ID
	return gateway.Job{
		ID: gateway.NewID(m.Now), Kind: gateway.JobNotice, Courier: match.Courier.ID, Recipient: match.Recipient.ID,
		Notice: n, Created: m.Now, Due: m.Now,
	}
}

// details is what an event says of a mail; of one under seal, neither its subject nor its hash.
func (m Mail) details(reason string, match Match) gateway.MailDetails {
	d := gateway.MailDetails{From: m.Result.From, Reason: reason, MatchedBy: match.How}
	if m.Opens().IsZero() {
		d.Subject, d.Content = m.Result.Subject, m.Inbound.Content
	}
	return d
}

// mailEvent records an absence, a challenge, a receipt or a complaint, for each letter it is about.
func (m Mail) mailEvent(step *gateway.Step, match Match, kind gateway.EventKind, reason string) {
	d := m.details(reason, match)
	if kind == gateway.Displayed {
		d.Reason, d.Disposition = "", reason
	}
	e := gateway.NewEvent(kind, m.Now, d, nil).About(match.Courier.ID, match.Recipient.ID).By("company", strength(match))
	e.Occurred = m.received()
	e.Generation = match.Recipient.Standing.Generation
	if m.Opens().IsZero() {
		e.Contents = []gateway.Hash{m.Inbound.Content}
	}
	e.Once = string(kind) + ":" + m.Inbound.ID.String() // the hash would show under the seal
	step.Events = append(step.Events, e)
}

// strength of what a mail claims that is no report.
func strength(match Match) gateway.Strength {
	if match.How == ByToken {
		return gateway.ByMail
	}
	return gateway.ByClaim
}

// received is when the mail reached our server: by the topmost Received field, which that
// server wrote, unless it lies ahead of our own clock; else when we fetched it.
func (m Mail) received() time.Time {
	fetched := m.Inbound.Received
	if fetched.IsZero() {
		fetched = m.Now
	}
	trace := m.Header.Get("Received")
	if at := strings.LastIndexByte(trace, ';'); at >= 0 {
		if t, err := mail.ParseDate(strings.TrimSpace(trace[at+1:])); err == nil && t.Before(fetched) && t.Year() >= 2000 {
			return gateway.Micros(t)
		}
	}
	return gateway.Micros(fetched)
}
