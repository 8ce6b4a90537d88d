package classify

import (
	"strings"
)

// reportsOf reads the reports of a mail that is known to be one: from its fields where there
// are, from its prose otherwise; each completed by the other.
func (v *view) reportsOf(r *Result) {
	own, rest := v.prose()
	message, groups := v.fieldGroups(own)
	r.ReportingMTA = mtaName(message.get("reporting-mta"))
	r.ENVID = Clip(message.get("original-envelope-id"), 100)
	r.Arrival = parseDate(message.get("arrival-date"))
	if len(groups) > 0 {
		r.Reports = v.fromGroups(groups, own, message)
		return
	}
	v.completeOriginal(rest)
	r.Reports = v.fromProse(own)
}

// fieldGroups finds the fields of the report: in their parts, or where broken reporters leave them.
func (v *view) fieldGroups(own string) (message block, groups []block) {
	for _, body := range v.status {
		m, g := splitReport(parseBlocks(body))
		message = append(message, m...)
		groups = append(groups, g...)
	}
	if len(groups) == 0 && strings.Contains(strings.ToLower(own), "final-recipient") {
		message, groups = splitReport(parseBlocks(fieldsIn(own)))
	}
	if len(groups) == 0 && strings.Contains(strings.ToLower(v.text), "final-recipient") {
		message, groups = splitReport(parseBlocks(fieldsIn(v.text)))
	}
	return message, groups
}

// fieldsIn takes from a text what stands between the first field of a report and the returned message.
func fieldsIn(text string) string {
	lower := strings.ToLower(text)
	at := len(text)
	for _, name := range []string{"reporting-mta", "final-recipient", "original-recipient", "action", "arrival-date"} {
		for from := 0; ; {
			i := strings.Index(lower[from:], name)
			if i < 0 {
				break
			}
			i += from
			if i == 0 || lower[i-1] == '\n' {
				at = min(at, i)
				break
			}
			from = i + 1
		}
	}
	if at == len(text) {
		return ""
	}
	return text[at:]
}

// fromGroups makes the reports of a machine-readable report.
func (v *view) fromGroups(groups []block, own string, message block) []Report {
	session := transcript(own)
	said := v.saidOf(own)
	var reports []Report
	for _, g := range groups {
		report, ok := fromFields(g)
		if !ok {
			continue
		}
		about := said[strings.ToLower(report.Recipient)]
		if about == "" && len(groups) == 1 {
			about = own
		}
		report.complete(v, about, own, session)
		if report.RemoteMTA == "" {
			report.RemoteMTA = mtaName(message.get("remote-mta"))
		}
		reports = append(reports, report)
	}
	return reports
}

// fromFields reads one group (RFC 3464 §2.3); ok is false when it says nothing of a delivery.
func fromFields(g block) (Report, bool) {
	report := Report{
		Recipient:         addressField(g.get("final-recipient")),
		OriginalRecipient: addressField(g.get("original-recipient")),
		Action:            actionOf(g.get("action")),
		ReportedStatus:    enhancedCode(g.get("status")),
		RemoteMTA:         mtaName(g.get("remote-mta")),
		LastAttempt:       parseDate(g.get("last-attempt-date")),
		WillRetryUntil:    parseDate(g.get("will-retry-until")),
	}
	kind, text := typed(g.get("diagnostic-code"))
	if kind != "" && kind != "smtp" && !strings.HasPrefix(kind, "x-postfix") {
		text = kind + "; " + text // "x-unix; 255" means nothing without its type
	}
	report.Diagnostic = Clip(oneLine(text), maxDiagnostic)
	if report.Recipient == "" {
		report.Recipient = report.OriginalRecipient
	}
	if comment := statusComment(g.get("status")); comment != "" && report.Diagnostic == "" {
		report.Diagnostic = Clip(comment, maxDiagnostic)
	}
	return report, report.Recipient != "" || report.Action != "" || report.ReportedStatus != ""
}

// statusComment is the "(mailbox disabled)" after a status code.
func statusComment(value string) string {
	open := strings.IndexByte(value, '(')
	if open < 0 {
		return ""
	}
	return strings.Trim(value[open:], "() ")
}

// actions reads the words that stand in Action fields.
var actions = []struct{ prefix, action string }{
	{"fail", Failed}, {"expired", Failed}, {"bounce", Failed}, {"undeliver", Failed}, {"reject", Failed},
	{"delay", Delayed}, {"deferred", Delayed}, {"deliver", Delivered}, {"relay", Relayed}, {"expand", Expanded},
}

func actionOf(value string) string {
	value = strings.ToLower(strings.TrimSpace(value))
	for _, a := range actions {
		if strings.HasPrefix(value, a.prefix) {
			return a.action
		}
	}
	return ""
}

// saidOf gives what the prose says of each address that it names.
func (v *view) saidOf(own string) map[string]string {
	said := map[string]string{}
	for _, m := range mentions(own, v.excluded()) {
		said[strings.ToLower(m.address)] = m.about
	}
	return said
}

// excluded are the addresses that cannot be the failed recipient: where the report was sent, who sent
// it, who sent the returned message.
func (v *view) excluded() map[string]bool {
	out := map[string]bool{}
	add := func(list []string) {
		for _, a := range list {
			out[strings.ToLower(a)] = true
		}
	}
	add([]string{v.from})
	for _, name := range []string{"To", "Delivered-To", "X-Original-To", "Envelope-To", "Return-Path", "Reply-To"} {
		add(addressesIn(strings.Join(v.header.Values(name), " "), 20))
	}
	for _, name := range []string{"From", "Sender", "Reply-To", "Return-Path", "Errors-To"} {
		add(addressesIn(v.original.Get(name), 20))
	}
	for _, to := range v.originalTo() { // somebody wrote to themselves
		delete(out, strings.ToLower(to))
	}
	return out
}

// originalTo is to whom the returned message was addressed.
func (v *view) originalTo() []string {
	var all []string
	for _, name := range []string{"X-Failed-Recipients", "To", "Cc", "Delivered-To", "X-Original-To"} {
		for _, a := range v.original.Addresses(name) {
			all = append(all, a.Address)
		}
	}
	return unique(all, maxRecipients)
}

// completeOriginal takes the returned header from the text, when it has no part of its own.
func (v *view) completeOriginal(rest string) {
	if v.returned || rest == "" {
		return
	}
	v.original = headerIn(rest)
}

// fromProse makes the reports of a bounce without fields.
func (v *view) fromProse(own string) []Report {
	session := transcript(own)
	found := mentions(own, v.excluded())
	if failed := addressesIn(strings.Join(v.header.Values("X-Failed-Recipients"), ", "), maxRecipients); len(failed) > 0 {
		found = reconcile(failed, found)
	}
	if len(found) == 0 { // some write the failed address where others write ours
		found = mentions(own, map[string]bool{v.from: true, strings.ToLower(firstAddress(v.header.Get("To"))): true})
	}
	if len(found) == 0 {
		found = v.fallback(own, session)
	}
	if !anyTelling(found) {
		return v.allAlike(found, own, session)
	}
	var reports []Report
	for _, m := range found {
		report := Report{Recipient: m.address, OriginalRecipient: m.original, Diagnostic: diagnosticOf(m.about)}
		report.complete(v, m.about, own, session)
		reports = append(reports, report)
	}
	return reports
}

// allAlike makes the reports of recipients for whom the reason stands elsewhere, once for all of them. What the quoted
// session says of one alone still counts for it alone.
func (v *view) allAlike(found []mention, own string, session []exchange) []Report {
	var shared Report
	var reports []Report
	for i, m := range found {
		if i == 0 || len(session) > 0 && i < 50 {
			shared = Report{Recipient: m.address, Diagnostic: diagnosticOf(own)}
			shared.complete(v, own, own, session)
		}
		shared.Recipient, shared.OriginalRecipient = m.address, m.original
		reports = append(reports, shared)
	}
	return reports
}

// telling tells words that hold an answer or a known reason.
func telling(text string) bool {
	text = Clip(text, 4<<10)
	return replyCode(text) != 0 || enhancedCode(text) != "" || reasonIn(text) != Undefined
}

func anyTelling(found []mention) bool {
	for _, m := range found {
		if telling(m.about) {
			return true
		}
	}
	return false
}

// reconcile keeps the recipients that a field names, with what the prose says of them.
func reconcile(failed []string, found []mention) []mention {
	var kept []mention
	for i, address := range failed {
		m := mention{address: address}
		for j, f := range found {
			if strings.EqualFold(f.address, address) || strings.EqualFold(f.original, address) || len(found) == len(failed) && i == j || len(failed) == 1 && j == 0 {
				m.about, m.original = f.about, f.original
			}
		}
		kept = append(kept, m)
	}
	return kept
}

// toLine is how a filter describes the message that it stopped.
var toLine = lineStart(`(?:to|recipients?|à|destinataires?|an|para) *: *["'<]*(ADDR)`)

// fallback names the recipients when the prose names none: those of the quoted session, of the
// returned message, of a description of it; failing that, one without a name.
func (v *view) fallback(own string, session []exchange) []mention {
	var found []mention
	for _, e := range session {
		if e.command == "RCPT" && e.address != "" && e.code != 0 {
			found = append(found, mention{address: e.address, about: e.answer})
		}
	}
	if len(found) > 0 {
		return mergeMentions(found)
	}
	for _, to := range v.originalTo() {
		found = append(found, mention{address: to})
	}
	if len(found) == 0 {
		for _, m := range findInLines(toLine, own, 20) {
			found = append(found, mention{address: own[m[2]:m[3]]})
		}
		found = mergeMentions(found)
	}
	if len(found) == 0 || len(found) > 20 {
		return []mention{{}}
	}
	return found
}

// complete reads from the words what the fields do not say: codes, command, reason, action.
// about is what the prose says of this recipient, own all of the prose.
func (r *Report) complete(v *view, about, own string, session []exchange) {
	e, answered := answerFor(session, r.Recipient)
	if answered && r.Command == "" {
		r.Command = e.command
	}
	words := r.Diagnostic
	if replyCode(words) == 0 && enhancedCode(words) == "" && answered && replyCode(diagnosticOf(about)) == 0 {
		words = strings.TrimSpace(words + "\n" + e.answer)
		if r.Diagnostic == "" {
			r.Diagnostic = oneLine(e.answer)
		}
	}
	if r.Diagnostic == "" && strings.TrimSpace(about) != strings.TrimSpace(own) {
		r.Diagnostic = diagnosticOf(about)
		words = r.Diagnostic
	}
	r.ReplyCode = firstCode(words, about)
	r.Status = bestStatus(r.ReportedStatus, words, true)
	if r.Status == "" {
		r.Status = enhancedCode(Clip(about, maxText))
	}
	if r.Command == "" {
		r.Command = commandOf(strings.ToLower(oneLine(words)))
	}
	if r.Command == "" {
		r.Command = commandOf(strings.ToLower(oneLine(Clip(about, 4<<10))))
	}
	r.decide(v, words, about, own)
}

func firstCode(texts ...string) int {
	for _, t := range texts {
		if code := replyCode(Clip(t, 4<<10)); code != 0 {
			return code
		}
	}
	return 0
}

// decide names the action, the reason and whether it is for good.
func (r *Report) decide(v *view, words, about, own string) {
	if r.Action == "" {
		r.Action = v.actionFromWords(r.Status, own)
	}
	switch r.Action {
	case Delivered, Relayed, Expanded:
		r.Reason = Arrived
		r.ReplyCode = successCode(r.Diagnostic)
		return
	}
	r.Reason = r.reasonFrom(words, about, v.asWhole(own).reason)
	r.Permanent = r.permanent()
}

// actionFromWords tells a warning from a failure where no field does.
func (v *view) actionFromWords(status, own string) string {
	whole := v.asWhole(own)
	switch {
	case strings.HasPrefix(status, "2."):
		return Delivered
	case whole.delayed:
		return Delayed
	case whole.arrived && status == "":
		return Delivered
	}
	return Failed
}

// permanent: the class of the code decides; without one, a reporter that gave up is taken at its word.
func (r *Report) permanent() bool {
	if r.Action == Delayed {
		return false
	}
	switch {
	case strings.HasPrefix(r.Status, "5"):
		return true
	case strings.HasPrefix(r.Status, "4"):
		return false
	case r.ReplyCode >= 500:
		return true
	case r.ReplyCode >= 400:
		return false
	}
	return true
}
