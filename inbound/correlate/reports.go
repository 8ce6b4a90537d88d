package correlate

import (
	"strconv"
	"strings"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/inbound/classify"
)

// reports records what a report says of the letter's recipient. What it says of others is not
// ours: every letter has one recipient and an envelope of its own.
func (r Rules) reports(m Mail, match Match, step *gateway.Step) {
	for i, report := range m.Result.Reports {
		about, forwarded := r.aboutLetter(m, match, report)
		if !about {
			continue
		}
		kind, ok := kindOf(report, forwarded)
		if !ok {
			continue
		}
		e := m.reportEvent(kind, match, report, i)
		step.Events = append(step.Events, e)
		if tellsAgent(e, match.Recipient.Standing) && len(step.Jobs) == 0 {
			step.Jobs = append(step.Jobs, m.notice(gateway.Notice{Kind: gateway.NoticeFailed, Event: e.ID}, match))
		}
		if len(step.Jobs) == 0 {
			step.Jobs = match.Courier.TellDelivered(match.Recipient, e)
		}
	}
	if len(step.Events) == 0 {
		quarantine(step, WhyOtherPerson)
	}
}

// aboutLetter tells whether a report concerns the letter's recipient; forwarded, when it
// concerns where somebody passes their mail on to, which only a returned message of ours shows.
func (r Rules) aboutLetter(m Mail, match Match, report classify.Report) (about, forwarded bool) {
	own := match.Recipient.Address
	if strings.EqualFold(report.OriginalRecipient, own) || strings.EqualFold(report.Recipient, own) {
		return true, !strings.EqualFold(report.Recipient, own) && report.Recipient != ""
	}
	returned := m.Result.Original.MessageID != "" && m.Result.Original.MessageID == match.Recipient.MessageID
	if !returned {
		return false, false
	}
	if report.Recipient == "" {
		return true, false
	}
	return report.OriginalRecipient == "" && len(m.Result.Reports) == 1, true
}

// kindOf is the event that a report amounts to. A delivery somewhere else than where we sent is
// no delivery to whom we sent.
func kindOf(report classify.Report, forwarded bool) (gateway.EventKind, bool) {
	switch report.Action {
	case classify.Delivered:
		if forwarded {
			return gateway.HandedOver, true
		}
		return gateway.Delivered, true
	case classify.Relayed, classify.Expanded:
		return gateway.HandedOver, true
	case classify.Delayed:
		return gateway.Delayed, true
	case classify.Failed:
		if report.Reason == classify.Expired {
			return gateway.Expired, true
		}
		return gateway.Failed, true
	}
	return "", false
}

func (m Mail) reportEvent(kind gateway.EventKind, match Match, report classify.Report, index int) gateway.Event {
	details := gateway.ReportDetails{
		Action: report.Action, Status: report.Status, Diagnostic: report.Diagnostic, ReportingMTA: m.Result.ReportingMTA, RemoteMTA: report.RemoteMTA,
		FinalRecipient: report.Recipient, ENVID: m.Result.ENVID, Arrival: m.Result.Arrival, LastAttempt: report.LastAttempt,
		Reason: string(report.Reason), Standard: m.Result.Standard, AuthResults: m.Origin.Text, Content: m.Inbound.Content,
	}
	e := gateway.NewEvent(kind, m.Now, details, nil).About(match.Courier.ID, match.Recipient.ID).By(m.reporter(), m.reportStrength(match))
	e.Occurred = m.occurred(report)
	e.Generation, e.Purpose = m.attempt(match)
	e.Contents = []gateway.Hash{m.Inbound.Content}
	e.Once = "report:" + m.Inbound.Content.String() + ":" + strconv.Itoa(index)
	return e
}

// reporter is who reports, as it calls itself.
func (m Mail) reporter() string {
	mta := m.Result.ReportingMTA
	if mta == "" {
		mta = domainOf(m.Result.From)
	}
	return "reporter:" + strings.ToLower(mta)
}

// reportStrength grades a report: the token shows which letter is meant, the receiving server's checks who wrote.
func (m Mail) reportStrength(match Match) gateway.Strength {
	switch {
	case match.How != ByToken:
		return gateway.ByClaim
	case m.Origin.Vouches(domainOf(m.Result.From)):
		return gateway.ByAuthReport
	}
	return gateway.ByReport
}

// occurred is when it happened, by the report; never later than when it reached us.
func (m Mail) occurred(report classify.Report) time.Time {
	received := m.received()
	if t := report.LastAttempt; !t.IsZero() && t.Before(received) && t.Year() >= 2000 {
		return gateway.Micros(t)
	}
	return received
}

// attempt says which message of the recipient a report is about: by its ENVID; else by the returned
// Message-ID. When reminders went out and neither tells, it is taken for a reminder's: it must not touch the letter.
func (m Mail) attempt(match Match) (generation int, purpose gateway.Purpose) {
	id, generation, purpose, err := gateway.ParseEnvelopeID(m.Result.ENVID)
	if err == nil && id == match.Recipient.ID {
		return generation, purpose
	}
	generation = match.Recipient.Standing.Generation
	switch returned := m.Result.Original.MessageID; {
	case returned == match.Recipient.MessageID && returned != "":
		return generation, gateway.ForLetter
	case match.Recipient.Standing.Reminders > 0:
		return generation, gateway.ForReminder
	}
	return generation, gateway.ForLetter
}

// tellsAgent: the agent is told once that a letter failed, and not of what the company has
// received since, nor of a reminder.
func tellsAgent(e gateway.Event, before gateway.Standing) bool {
	if e.Purpose != gateway.ForLetter || e.Kind != gateway.Failed && e.Kind != gateway.Expired {
		return false
	}
	if e.Generation != before.Generation {
		return e.Generation > before.Generation && before.State < gateway.StateDelivered
	}
	return before.State < gateway.StateExpired
}
