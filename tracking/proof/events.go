package proof

import (
	"strconv"
	"strings"

	"vaguemestre/gateway"
)

// event shows one event: its own words, then in one line how it is recorded.
func (d *drawer) event(f EventFacts) {
	d.subheading(d.stepName(f), d.instant(f.Occurred))
	rows := []fact{{name: d.w.t("summary.proof"), value: d.why(f)}}
	if f.Withheld == "" {
		rows = append(rows, d.ownFacts(f)...)
	} else if f.Kind == gateway.Submitted {
		rows = append(rows, fact{name: d.w.t("detail.withheld"), value: d.w.t("why.withheld-" + f.Withheld)})
	}
	d.facts(namesW, rows...)
	d.gap(2)
	d.text(d.recordedAs(f), small, 0)
}

// recordedAs says who said it, how strongly it is known, and where it stands in the ledger.
func (d *drawer) recordedAs(f EventFacts) string {
	parts := []string{d.w.t("detail.by-author", "author", d.author(f)), d.w.or("strength", string(f.Strength))}
	if f.Attempt > 0 {
		parts = append(parts, d.w.t("detail.attempt", "number", strconv.Itoa(f.Attempt)))
	}
	parts = append(parts, d.w.t("detail.recorded", "at", d.instant(f.Recorded), "position", strconv.FormatInt(f.Position, 10)))
	if f.ETSI != "" {
		parts = append(parts, d.w.t("detail.etsi", "name", f.ETSI))
	}
	return strings.Join(parts, " · ")
}

func (d *drawer) ownFacts(f EventFacts) []fact {
	switch f.Kind {
	case gateway.Submitted:
		return nil // the letter itself, or the recipient, stands above
	case gateway.Sent, gateway.Deferred, gateway.Uncertain:
		return d.relayFacts(details[gateway.RelayDetails](f))
	case gateway.Failed, gateway.Expired:
		if reported(f) {
			return d.reportFacts(details[gateway.ReportDetails](f))
		}
		return d.relayFacts(details[gateway.RelayDetails](f))
	case gateway.HandedOver, gateway.Delivered, gateway.Delayed:
		return d.reportFacts(details[gateway.ReportDetails](f))
	case gateway.Visited:
		v := details[gateway.VisitDetails](f)
		return []fact{{name: d.w.t("detail.looks"), value: strings.TrimSpace(v.Method + " " + v.Why)}}
	case gateway.Read:
		r := details[gateway.ReadDetails](f)
		return []fact{
			{name: d.w.t("detail.by"), value: d.w.or("detail", "by-"+r.By)},
			{name: d.w.t("detail.looks"), value: strings.TrimSpace(d.w.or("looks", r.Looks) + " " + r.Why)},
			{name: d.w.t("detail.shown-at"), value: d.instant(r.ShownAt)},
			{name: d.w.t("detail.shown"), value: r.Shown.String(), style: hashText},
		}
	case gateway.Downloaded:
		file := details[gateway.DownloadDetails](f).File
		return []fact{
			{name: d.w.t("detail.file"), value: file.Name + " (" + d.w.size(file.Size) + ")"},
			{name: d.w.t("detail.file-hash"), value: file.SHA256.String(), style: hashText},
		}
	case gateway.Infected:
		i := details[gateway.InfectedDetails](f)
		return []fact{
			{name: d.w.t("detail.file"), value: i.File.Name + " (" + d.w.size(i.File.Size) + ")"},
			{name: d.w.t("detail.file-hash"), value: i.File.SHA256.String(), style: hashText},
			{name: d.w.t("detail.reason"), value: i.Signature},
		}
	case gateway.Replied:
		return d.replyFacts(details[gateway.ReplyDetails](f))
	case gateway.Unsealed:
		u := details[gateway.UnsealedDetails](f)
		return []fact{
			{name: d.w.t("detail.reply-id"), value: u.Reply.String(), style: hashText},
			{name: d.w.t("replies.content"), value: u.Content.String(), style: hashText},
			{name: d.w.t("detail.reason"), value: u.Reason},
		}
	case gateway.Absent, gateway.Challenged, gateway.Displayed, gateway.Complained, gateway.Quarantined, gateway.Matched, gateway.Dismissed:
		return d.mailFacts(details[gateway.MailDetails](f))
	case gateway.ProofIssued:
		p := details[gateway.ProofDetails](f)
		return []fact{
			{name: d.w.t("detail.proof-for"), value: onlyIf(!p.For.IsZero(), d.recipientName(p.For))},
			{name: "SHA-256", value: p.SHA256.String(), style: hashText},
		}
	}
	r := details[gateway.ReasonDetails](f)
	return []fact{
		{name: d.w.t("detail.reason"), value: r.Reason},
		{name: d.w.t("detail.number"), value: onlyIf(r.Number > 0, strconv.Itoa(r.Number))},
	}
}

func (d *drawer) relayFacts(r gateway.RelayDetails) []fact {
	host := r.Host
	if r.Peer != "" && r.Peer != r.Host {
		host += " (" + r.Peer + ")"
	}
	tls := d.w.t("detail.tls-none")
	if r.TLS != "" {
		checked := d.w.t("detail.tls-unverified")
		if r.Verified {
			checked = d.w.t("detail.tls-verified")
		}
		tls = strings.TrimSpace(r.TLS+" "+r.Cipher) + ", " + checked
	}
	return []fact{
		{name: d.w.t("detail.host"), value: host},
		{name: d.w.t("detail.answer"), value: saidBy(r)},
		{name: d.w.t("detail.tls"), value: tls},
		{name: d.w.t("detail.stage"), value: r.Stage},
		{name: d.w.t("detail.cause"), value: r.Cause},
		{name: d.w.t("detail.next"), value: d.instant(r.Next)},
		{name: d.w.t("detail.sent-id"), value: r.MessageID, style: hashText},
		{name: d.w.t("detail.envid"), value: r.ENVID, style: hashText},
		{name: d.w.t("detail.sent-hash"), value: r.SHA256.String(), style: hashText},
		{name: d.w.t("detail.dsn"), value: onlyIf(!r.SHA256.IsZero() && !r.DSN, d.w.t("detail.dsn-none"))},
	}
}

func (d *drawer) reportFacts(r gateway.ReportDetails) []fact {
	standard := d.w.t("detail.standard-no")
	if r.Standard {
		standard = d.w.t("detail.standard-yes")
	}
	return []fact{
		{name: d.w.t("detail.action"), value: r.Action},
		{name: d.w.t("detail.status"), value: r.Status},
		{name: d.w.t("detail.diagnostic"), value: r.Diagnostic},
		{name: d.w.t("detail.mta"), value: r.ReportingMTA},
		{name: d.w.t("detail.remote"), value: r.RemoteMTA},
		{name: d.w.t("detail.final"), value: r.FinalRecipient},
		{name: d.w.t("detail.last"), value: d.instant(r.LastAttempt)},
		{name: d.w.t("detail.standard"), value: standard},
		{name: d.w.t("detail.auth"), value: r.AuthResults},
		{name: d.w.t("detail.report-hash"), value: r.Content.String(), style: hashText},
	}
}

func (d *drawer) replyFacts(r gateway.ReplyDetails) []fact {
	return []fact{
		{name: d.w.t("detail.reply-id"), value: r.Reply.String(), style: hashText},
		{name: d.w.t("detail.from"), value: r.From},
		{name: d.w.t("detail.matched"), value: onlyIf(r.MatchedBy != "", d.w.or("detail", "matched-"+r.MatchedBy))},
		{name: d.w.t("detail.auth"), value: r.AuthResults},
		{name: d.w.t("replies.content"), value: r.Content.String(), style: hashText},
	}
}

func (d *drawer) mailFacts(m gateway.MailDetails) []fact {
	return []fact{
		{name: d.w.t("detail.from"), value: m.From},
		{name: d.w.t("detail.subject"), value: m.Subject},
		{name: d.w.t("detail.reason"), value: m.Reason},
		{name: d.w.t("detail.disposition"), value: m.Disposition},
		{name: d.w.t("detail.report-hash"), value: m.Content.String(), style: hashText},
	}
}
