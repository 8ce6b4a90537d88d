package proof

import (
	"strconv"
	"strings"
	"time"

	"vaguemestre/gateway"
)

// step is one row of the summary.
type step struct {
	kind   gateway.EventKind
	name   string
	at     time.Time
	author string
	proof  string
	times  int
}

// summarised tells the events that the summary shows; the others stand in the details only.
func (d *drawer) summarised(f EventFacts) bool {
	switch f.Kind {
	case gateway.Delayed, gateway.Visited, gateway.Downloaded, gateway.Displayed, gateway.Opened, gateway.Unsealed,
		gateway.Quarantined, gateway.Matched, gateway.Dismissed, gateway.ProofIssued, gateway.Challenged, gateway.Absent:
		return false
	case gateway.Submitted:
		return f.Recipient.IsZero() || !d.ev.Issued.For.IsZero()
	}
	return true
}

// steps are the summary's rows of one recipient, or of the whole courier. The same step again and again (a
// deferred mail, tried for days) is one row with the first date and a count.
func (d *drawer) steps(recipient gateway.ID) []step {
	var rows []step
	for _, f := range d.events[recipient] {
		if !d.summarised(f) {
			continue
		}
		name := d.stepName(f)
		if n := len(rows); n > 0 && f.Kind == gateway.Deferred && rows[n-1].kind == gateway.Deferred && rows[n-1].name == name {
			rows[n-1].times++
			rows[n-1].proof = d.why(f)
			continue
		}
		rows = append(rows, step{kind: f.Kind, name: name, at: f.Occurred, author: d.author(f), proof: d.why(f), times: 1})
	}
	for i, r := range rows {
		if r.times > 1 {
			rows[i].name = d.w.t("summary.times", "step", r.name, "count", strconv.Itoa(r.times))
		}
	}
	return rows
}

func (d *drawer) stepName(f EventFacts) string {
	name := d.w.or("step", string(f.Kind))
	if f.Kind == gateway.Submitted && !f.Recipient.IsZero() && d.ev.Issued.For.IsZero() {
		name = d.w.t("step.addressed")
	}
	if f.Purpose == gateway.ForReminder && f.Kind != gateway.Reminded {
		name = d.w.t("summary.reminder", "step", name)
	}
	return name
}

// author says who did it: the agent's address, the company's, or the machine.
func (d *drawer) author(f EventFacts) string {
	who, name, _ := strings.Cut(f.Actor, ":")
	switch who {
	case "agent":
		if f.Kind == gateway.Submitted {
			return d.ev.Courier.AuthorAddr
		}
		return name
	case "company":
		return d.names[f.Recipient].Address
	case "relay", "reporter":
		if name != "" {
			return d.w.t("summary.technical") + " (" + name + ")"
		}
	}
	return d.w.t("summary.technical")
}

// why says what proves an event and how strongly (promise 7). An answer of a relay is never
// called a delivery.
func (d *drawer) why(f EventFacts) string {
	if f.Withheld != "" && f.Kind != gateway.Submitted {
		text := d.w.t("why.withheld-" + f.Withheld)
		if f.Kind == gateway.Replied && f.Withheld == withheldSealed {
			text = d.w.t("why.replied-sealed")
		}
		return text + " " + d.w.t("why.grade-other", "strength", d.w.or("strength", string(f.Strength)))
	}
	switch f.Kind {
	case gateway.Submitted:
		_, login, _ := strings.Cut(f.Actor, ":")
		return d.w.t("why.submitted", "login", login)
	case gateway.Sent, gateway.Deferred, gateway.Uncertain, gateway.Failed, gateway.Expired:
		return d.whyRelayed(f)
	case gateway.HandedOver, gateway.Delivered, gateway.Delayed:
		return d.whyReported(f, "why."+string(f.Kind))
	case gateway.Read:
		if f.Strength == gateway.ByCode {
			return d.w.t("why.read-code")
		}
		return d.w.t("why.read-button")
	case gateway.Replied:
		return d.whyReplied(f)
	case gateway.Visited:
		return d.w.t("why.visited", "looks", d.w.or("looks", details[gateway.VisitDetails](f).Looks))
	case gateway.Downloaded, gateway.Displayed, gateway.Absent, gateway.Challenged:
		return d.w.t("why." + string(f.Kind))
	}
	if key := "why." + string(f.Strength); d.w.has(key) {
		return d.w.t(key)
	}
	return d.w.t("why.grade-other", "strength", d.w.or("strength", string(f.Strength)))
}

// reported tells an event that rests on a report rather than on our own dialogue with the relay.
func reported(f EventFacts) bool {
	return f.Strength == gateway.ByReport || f.Strength == gateway.ByAuthReport || f.Strength == gateway.ByMail || f.Strength == gateway.ByClaim
}

// saidBy is the relay's answer with its code, which the words may or may not begin with.
func saidBy(r gateway.RelayDetails) string {
	code := strconv.Itoa(r.Code)
	if r.Code == 0 || strings.HasPrefix(r.Reply, code) {
		return r.Reply
	}
	return strings.TrimSpace(code + " " + r.Reply)
}

func (d *drawer) whyRelayed(f EventFacts) string {
	if reported(f) {
		key := "why.failed-report"
		if f.Kind == gateway.Expired {
			key = "why.expired-report"
		}
		return d.whyReported(f, key)
	}
	r := details[gateway.RelayDetails](f)
	reply := saidBy(r)
	if reply == "" {
		reply = r.Cause
	}
	switch {
	case f.Kind == gateway.Failed:
		return d.w.t("why.failed-relay", "host", r.Host, "reply", reply)
	case f.Kind == gateway.Expired:
		return d.w.t("why.expired", "words", reply)
	case f.Kind == gateway.Deferred && r.Code == 0:
		return d.w.t("why.nohost", "stage", r.Stage)
	}
	tls := d.w.t("why.notls")
	if r.TLS != "" {
		tls = d.w.t("why.tls", "tls", r.TLS)
	}
	why := d.w.t("why."+string(f.Kind), "host", r.Host, "reply", reply, "tls", tls)
	if f.Kind == gateway.Sent && f.Details != "" && !r.DSN {
		why += " " + d.w.t("why.unconfirmable")
	}
	return why
}

func (d *drawer) whyReported(f EventFacts, key string) string {
	r := details[gateway.ReportDetails](f)
	mta := r.ReportingMTA
	if mta == "" {
		_, mta, _ = strings.Cut(f.Actor, ":")
	}
	status := ""
	if r.Status != "" {
		status = " (" + r.Status + ")"
	}
	grade := d.w.t("why.grade-other", "strength", d.w.or("strength", string(f.Strength)))
	if k := "why.grade-" + string(f.Strength); d.w.has(k) {
		grade = d.w.t(k)
	}
	said := r.Diagnostic
	if said == "" {
		said = r.Reason
	}
	return d.w.t(key, "mta", mta, "status", status, "words", said, "grade", grade)
}

func (d *drawer) whyReplied(f EventFacts) string {
	r := details[gateway.ReplyDetails](f)
	var parts []string
	switch {
	case r.By == "page":
		parts = append(parts, d.w.t("why.replied-page"))
	case r.AuthResults != "":
		parts = append(parts, d.w.t("why.replied-auth"))
	default:
		parts = append(parts, d.w.t("why.replied-mail"))
	}
	if r.OtherSender {
		parts = append(parts, d.w.t("why.replied-other"))
	}
	if r.Late {
		parts = append(parts, d.w.t("why.replied-late"))
	}
	return strings.Join(parts, " ")
}
