package classify

import (
	"strings"

	"vaguemestre/gateway/message"
)

// Classify says what a mail is. It never fails: what cannot be understood is a reply, which a
// person will read.
func Classify(m *message.Message) Result {
	v := look(m)
	result := Result{From: v.from, Subject: Clip(v.subject, 400)}
	for _, rule := range rules() {
		why := rule(v, &result)
		if why != "" {
			result.Why = why
			break
		}
	}
	result.Original = v.originalOf(result.Original)
	return result
}

// rules are tried in order; the first that gives its name has decided.
func rules() []func(*view, *Result) string {
	return []func(*view, *Result) string{
		complaintRule, receiptRule, statusPartRule, serviceRule, challengeRule, statusTextRule,
		listRule, answerBeforeProseRule, proseRule, answerRule, bulkRule, replyRule,
	}
}

func complaintRule(v *view, r *Result) string {
	if len(v.feedback) == 0 {
		return proseComplaint(v, r)
	}
	r.Class, r.Standard = ClassComplaint, true
	v.complaintOf(r)
	return "part message/feedback-report"
}

// proseComplaint knows the complaints that come without the fields of RFC 5965.
func proseComplaint(v *view, r *Result) string {
	switch {
	case v.returned && strings.HasPrefix(strings.ToLower(v.subject), "complaint about message from"):
		r.Class, r.FeedbackType = ClassComplaint, "abuse"
	case v.header.Has("X-Apple-Unsubscribe"):
		r.Class, r.FeedbackType = ClassComplaint, "opt-out"
	default:
		return ""
	}
	v.complaintOf(r)
	return "complaint without fields"
}

func receiptRule(v *view, r *Result) string {
	if len(v.receipts) == 0 && v.kind != "disposition-notification" {
		return ""
	}
	r.Class, r.Standard = ClassReceipt, len(v.receipts) > 0
	v.receiptOf(r)
	return "part message/disposition-notification"
}

func statusPartRule(v *view, r *Result) string {
	if len(v.status) == 0 && v.kind != "delivery-status" {
		return ""
	}
	r.Class = ClassReport
	v.reportsOf(r)
	for _, body := range v.status {
		_, groups := splitReport(parseBlocks(body))
		r.Standard = r.Standard || len(groups) > 0
	}
	if r.Standard {
		return "part message/delivery-status"
	}
	return "multipart/report without readable fields"
}

func challengeRule(v *view, r *Result) string {
	why := v.challenge()
	if why != "" {
		r.Class = ClassChallenge
	}
	return why
}

// statusTextRule reads the fields of a report that a broken or careless mailer put into the text.
func statusTextRule(v *view, r *Result) string {
	lower := "\n" + strings.ToLower(v.text)
	if !strings.Contains(lower, "\nfinal-recipient") || !strings.Contains(lower, "\naction") && !strings.Contains(lower, "\nstatus") {
		return ""
	}
	if !v.reportSender() && !v.reportSubject() && !v.nullSender() {
		return ""
	}
	r.Class = ClassReport
	v.reportsOf(r)
	return "fields of a report in the text"
}

// answerBeforeProseRule: an automatic answer from somebody's own address may speak of full mailboxes
// and closed accounts; a mail system's report may bear Auto-Submitted.
func answerBeforeProseRule(v *view, r *Result) string {
	if v.reportSender() || v.reportSubject() || v.reportHeader() {
		return ""
	}
	return answerRule(v, r)
}

func answerRule(v *view, r *Result) string {
	why := v.automatic()
	if why == "" || mailSystems.MatchString(v.fromText) { // a mail system is never on leave
		return ""
	}
	r.Class = ClassAbsence
	r.Reports = []Report{{Recipient: v.from, Reason: v.absenceReason()}}
	return why
}

// absenceReason tells an address that is given up from somebody who comes back.
func (v *view) absenceReason() Reason {
	text := strings.ToLower(oneLine(Clip(v.text, 4<<10)))
	for _, rule := range reasonRules {
		if (rule.reason == Suspended || rule.reason == Moved) && closedAddress.MatchString(text) && rule.pattern.MatchString(text) {
			return rule.reason
		}
	}
	return Away
}

var closedAddress = words(
	`no longer (in use|valid|used|active|monitored|work)`, `n'est plus (utilis|valide|active|relev)`,
	`(address|adresse|inbox|mailbox).{0,40}(closed|disabled|ferm|d[ée]sactiv|chang)`, `nouvelle adresse`, `new (e-?mail )?address`,
)

func proseRule(v *view, r *Result) string {
	why := v.proseReport()
	if why == "" {
		return ""
	}
	own, _ := v.prose()
	if v.inner != nil && !v.namesRecipient(own) {
		if inner := Classify(v.inner); inner.Class == ClassReport { // a report passed on by a gateway
			inner.From, inner.Subject = r.From, r.Subject
			*r = inner
			return "report within a report: " + inner.Why
		}
	}
	r.Class = ClassReport
	v.reportsOf(r)
	return why
}

func bulkRule(v *view, r *Result) string {
	why := v.bulk()
	if why != "" {
		r.Class = ClassBulk
	}
	return why
}

func replyRule(_ *view, r *Result) string {
	r.Class = ClassReply
	return "nothing automatic about it"
}

func (v *view) reportSender() bool {
	return v.fromText != "" && reportSenders.MatchString(v.fromText) || v.header.Has("From") && strings.TrimSpace(v.header.Get("From")) == "<>"
}

// brandSender tells a sender known by a name that others bear too.
func (v *view) brandSender() bool {
	return brandSenders.MatchString(v.fromText) && !mailSystems.MatchString(v.fromText) && !strings.Contains(v.from, "postmaster")
}

func (v *view) reportSubject() bool {
	subject := strings.ToLower(v.subject)
	return reportSubjects.MatchString(subject) || reportSubjects.MatchString(reportLeads.ReplaceAllString(subject, "")) || reportWords.MatchString(subject)
}

func (v *view) reportHeader() bool {
	return v.hasAny(reportHeaders)
}

// proseReport says by which signs a mail without fields is a report, or "". Two signs of
// different kinds must agree, since each one alone stands in honest mail too.
func (v *view) proseReport() string {
	own, rest := v.prose()
	opening := saysFailure(own)
	returned := rest != "" || v.returned
	sender, subject := v.reportSender() || v.nullSender(), v.reportSubject()
	switch {
	case v.reportHeader() && (sender || subject || opening):
		return "report in prose: header field"
	case sender && subject && (!v.brandSender() || v.nullSender() || returned || v.reportHeader()):
		return "report in prose: sender and subject"
	case subject && returned && opening && v.namesRecipient(own):
		return "report in prose: subject, words and returned message"
	case v.nullSender() && opening && v.namesRecipient(own):
		return "report in prose: null envelope sender and words"
	case v.reportSender() && opening && returned && !(v.brandSender() && v.threaded()):
		return "report in prose: sender, words and returned message"
	case v.reportSender() && !v.brandSender() && opening && v.namesRecipient(own):
		return "report in prose: sender and words"
	}
	return ""
}

// saysFailure looks at the first words only: further down, anybody may speak of mailboxes.
func saysFailure(own string) bool { return opensWith(own, failureWords) }

// opensWith tells whether one of the first four paragraphs holds one of the words.
func opensWith(own string, set phrases) bool {
	for i, p := range paragraphs(own) {
		if i == 4 {
			break
		}
		if set.MatchString(strings.ToLower(oneLine(Clip(p, 1<<10)))) {
			return true
		}
	}
	return false
}

var failureWords = words(
	`(could|can|did) ?(not|n't) be (delivered|sent)`, `unable to (deliver|send)`, `undeliverable`,
	`not (yet )?(be |been )?delivered`, `(has been|is) delayed`, `delivery delay`, `delivery (to .{1,80})?(failed|failure|error)`,
	`(permanent|fatal) (fatal )?(error|failure)`, `transcript of session`, `following (address|recipient)`,
	`returned to (the )?sender`, `failed (to deliver|recipient)`, `^<?`+addressPattern+`>?:`,
	`n'a pas encore (été|pu)`, `n'a (pas )?pu [êe]tre (remis|distribu|d[ée]livr|achemin|envoy)`, `(konnte|kann) nicht (zugestellt|ausgeliefert)`,
	`no (se )?pudo .{0,20}entregar`, `could not deliver`, `not deliver your`, `(invalid|unknown|no such) user`, `user unknown`,
)

func (v *view) namesRecipient(own string) bool {
	return len(mentions(own, v.excluded())) > 0
}
