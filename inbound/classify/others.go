package classify

import (
	"encoding/json"
	"strings"

	"vaguemestre/gateway/message"
)

// receiptOf reads a read receipt (RFC 8098 §3.1).
func (v *view) receiptOf(r *Result) {
	for _, body := range v.receipts {
		for _, b := range parseBlocks(body) {
			if d := b.get("disposition"); d != "" && r.Disposition == "" {
				r.Disposition = Clip(oneLine(d), 200)
			}
			if id := b.get("original-message-id"); id != "" {
				r.Original.MessageID = messageID(id)
			}
			if final := addressField(b.get("final-recipient")); final != "" {
				r.Reports = append(r.Reports, Report{Recipient: final, OriginalRecipient: addressField(b.get("original-recipient")), Reason: Undefined})
			}
		}
	}
	if len(r.Reports) == 0 {
		r.Reports = []Report{{Recipient: v.from, Reason: Undefined}}
	}
}

// complaintOf reads a complaint (RFC 5965 §3).
func (v *view) complaintOf(r *Result) {
	for _, body := range v.feedback {
		for _, b := range parseBlocks(body) {
			if kind := b.get("feedback-type"); kind != "" {
				r.FeedbackType = strings.ToLower(Clip(kind, 40))
			}
			if id := b.get("original-envelope-id"); id != "" {
				r.ENVID = Clip(id, 100)
			}
			if mta := b.get("reporting-mta"); mta != "" {
				r.ReportingMTA = mtaName(mta)
			}
			r.Original.Addresses = append(r.Original.Addresses, addressesIn(b.get("original-mail-from"), 4)...)
			for _, name := range []string{"original-rcpt-to", "removal-recipient"} {
				for _, to := range b.all(name) {
					r.Reports = append(r.Reports, Report{Recipient: addressField(to), Reason: Complained})
				}
			}
		}
	}
	to := v.originalTo()
	if len(to) > 1 {
		to = to[:1] // the envelope's recipient is not told: the first named stands for it
	}
	r.Reports = complaintRecipients(r.Reports, to)
}

func complaintRecipients(reports []Report, to []string) []Report {
	var kept []Report
	seen := map[string]bool{}
	for _, report := range reports {
		if key := strings.ToLower(report.Recipient); key != "" && !seen[key] && len(kept) < maxRecipients {
			seen[key] = true
			kept = append(kept, report)
		}
	}
	if len(kept) > 0 {
		return kept
	}
	for _, address := range to {
		kept = append(kept, Report{Recipient: address, Reason: Complained})
	}
	if len(kept) == 0 {
		kept = []Report{{Reason: Complained}}
	}
	return kept
}

// originalOf gathers what names the message that a mail is about.
func (v *view) originalOf(known Original) Original {
	o := known
	if o.MessageID == "" {
		o.MessageID = messageID(v.original.Get("Message-ID"))
	}
	if o.To == nil {
		o.To = v.originalTo()
	}
	if o.Subject == "" {
		o.Subject = Clip(oneLine(v.original.Text("Subject")), 400)
	}
	for _, name := range []string{"Return-Path", "Reply-To", "From", "Sender", "Errors-To", "X-Envelope-From", "X-Original-From", "X-Postfix-Sender", "Envelope-From"} {
		o.Addresses = append(o.Addresses, addressesIn(strings.Join(v.original.Values(name), " "), 10)...)
	}
	for _, body := range v.status {
		for _, b := range parseBlocks(body) {
			o.Addresses = append(o.Addresses, addressesIn(b.get("x-postfix-sender")+" "+b.get("x-original-mail-from")+" "+b.get("original-mail-from"), 10)...)
		}
	}
	o.Addresses = unique(o.Addresses, 20)
	o.References = references(v.header)
	return o
}

// references are the messages that a mail answers, nearest first.
func references(h message.Header) []string {
	var all []string
	for _, id := range strings.Fields(h.Get("In-Reply-To")) {
		all = append(all, messageID(id))
	}
	refs := strings.Fields(h.Get("References"))
	for i := len(refs) - 1; i >= 0; i-- {
		all = append(all, messageID(refs[i]))
	}
	return unique(all, 50)
}

// messageID is an identifier with its brackets, or "".
func messageID(s string) string {
	open, end := strings.IndexByte(s, '<'), strings.LastIndexByte(s, '>')
	if open >= 0 && end > open+1 {
		s = s[open : end+1]
	} else if s = strings.TrimSpace(s); s == "" || strings.ContainsAny(s, " \t<>") {
		return ""
	} else {
		s = "<" + s + ">"
	}
	if len(s) > 998 {
		return ""
	}
	return s
}

// headerIn finds the returned header in quoted text: from its first line that is a field.
func headerIn(rest string) message.Header {
	lines := strings.SplitAfter(Clip(rest, maxText), "\n")
	for i, line := range lines {
		line = strings.TrimRight(strings.TrimPrefix(line, "> "), "\r\n")
		name, _, ok := strings.Cut(line, ":")
		if ok && fieldName(name) && !strings.HasPrefix(name, "-") {
			h, _ := message.ParseHeader([]byte(strings.Join(lines[i:], "")))
			if known(h) {
				return h
			}
		}
	}
	return message.Header{}
}

func known(h message.Header) bool {
	return h.Has("From") || h.Has("To") || h.Has("Message-ID") || h.Has("Subject")
}

// serviceNotice is what Amazon's mail service says of a message, as JSON in a mail.
type serviceNotice struct {
	Type      string `json:"notificationType"`
	EventType string `json:"eventType"`
	Message   string `json:"Message"`
	Mail      struct {
		Source string   `json:"source"`
		To     []string `json:"destination"`
		Common struct {
			MessageID string `json:"messageId"`
			Subject   string `json:"subject"`
		} `json:"commonHeaders"`
	} `json:"mail"`
	Bounce struct {
		Type         string          `json:"bounceType"`
		SubType      string          `json:"bounceSubType"`
		Recipients   []serviceReport `json:"bouncedRecipients"`
		ReportingMTA string          `json:"reportingMTA"`
	} `json:"bounce"`
	Complaint struct {
		Recipients []serviceReport `json:"complainedRecipients"`
		Type       string          `json:"complaintFeedbackType"`
	} `json:"complaint"`
	Delivery struct {
		Recipients   []string `json:"recipients"`
		Response     string   `json:"smtpResponse"`
		ReportingMTA string   `json:"reportingMTA"`
	} `json:"delivery"`
}

type serviceReport struct {
	Address    string `json:"emailAddress"`
	Action     string `json:"action"`
	Status     string `json:"status"`
	Diagnostic string `json:"diagnosticCode"`
}

// serviceRule reads the JSON notices of a mail service.
func serviceRule(v *view, r *Result) string {
	text := strings.TrimSpace(v.text)
	if !strings.HasPrefix(text, "{") || !strings.Contains(text, "otificationType") && !strings.Contains(text, "eventType") {
		return ""
	}
	n, ok := readNotice(text)
	if !ok {
		return ""
	}
	r.Original = Original{MessageID: messageID(n.Mail.Common.MessageID), To: unique(n.Mail.To, maxRecipients), Subject: Clip(n.Mail.Common.Subject, 400), Addresses: addressesIn(n.Mail.Source, 2)}
	switch kind := strings.ToLower(n.Type + n.EventType); {
	case strings.HasPrefix(kind, "bounce"):
		r.Class, r.ReportingMTA = ClassReport, mtaName(n.Bounce.ReportingMTA)
		r.Reports = n.bounces(v)
	case strings.HasPrefix(kind, "complaint"):
		r.Class, r.FeedbackType = ClassComplaint, n.Complaint.Type
		for _, c := range n.Complaint.Recipients {
			r.Reports = append(r.Reports, Report{Recipient: bareAddress(c.Address), Reason: Complained})
		}
		r.Reports = complaintRecipients(r.Reports, n.Mail.To)
	case strings.HasPrefix(kind, "delivery"):
		r.Class, r.ReportingMTA = ClassReport, mtaName(n.Delivery.ReportingMTA)
		for _, to := range unique(n.Delivery.Recipients, maxRecipients) {
			r.Reports = append(r.Reports, Report{
				Recipient: bareAddress(to), Action: Delivered, Status: enhancedCode(n.Delivery.Response), Diagnostic: Clip(n.Delivery.Response, maxDiagnostic), Reason: Arrived,
			})
		}
	default:
		return ""
	}
	return "notice of a mail service"
}

// readNotice parses the JSON, in its envelope or bare; mailers break its long lines.
func readNotice(text string) (serviceNotice, bool) {
	if end := strings.Index(text, "\n--"); end > 0 {
		text = strings.TrimSpace(text[:end])
	}
	text = strings.NewReplacer("!\n ", "", "\n ", "", "\n", "").Replace(text)
	for range 2 {
		var n serviceNotice
		if err := json.NewDecoder(strings.NewReader(text)).Decode(&n); err != nil {
			return serviceNotice{}, false
		}
		if n.Message == "" {
			return n, n.Type+n.EventType != ""
		}
		text = n.Message
	}
	return serviceNotice{}, false
}

func (n serviceNotice) bounces(v *view) []Report {
	var reports []Report
	for _, b := range n.Bounce.Recipients {
		if len(reports) == maxRecipients {
			break
		}
		report := Report{Recipient: bareAddress(b.Address), Action: actionOf(b.Action), ReportedStatus: enhancedCode(b.Status)}
		_, diagnostic := typed(b.Diagnostic)
		report.Diagnostic = Clip(oneLine(diagnostic), maxDiagnostic)
		report.complete(v, n.Bounce.SubType, n.Bounce.SubType, nil)
		reports = append(reports, report)
	}
	if len(reports) == 0 {
		return []Report{{Action: Failed, Reason: Undefined}}
	}
	return reports
}
