package correlate

import (
	"vaguemestre/gateway"
	"vaguemestre/gateway/act"
)

// ByHand is the way of finding of a person who looked at what the gateway could not place.
const ByHand = "hand"

// UnderstandByHand decides what is recorded of a mail of which a person says which letter it is about: that they
// said so, then what the mail would have been taken for, as a claim (promise 7): a person's word proves no more of who wrote. What still
// says nothing of the letter is put beside it as it is.
func (r Rules) UnderstandByHand(m Mail, match Match, by act.By) (gateway.Step, error) {
	m.Now = gateway.Micros(m.Now)
	match.How, match.Kind = ByHand, 0
	m.Matches = []Match{match}
	in := m.Inbound
	in.State, in.Reason, in.Courier, in.Recipient = gateway.InboundDone, by.Actor+": "+by.Reason, match.Courier.ID, match.Recipient.ID
	if m.Result.Class != "" {
		m.name(&in)
	}
	reason := in.Reason
	step := gateway.Step{Inbound: &in}
	if m.Result.Class != "" {
		if err := r.record(m, &step); err != nil {
			return step, err
		}
	}
	in.State, in.Reason = gateway.InboundDone, reason
	step.Events = append([]gateway.Event{m.matched(match, by)}, step.Events...)
	return step, nil
}

// matched says who put the mail beside the letter. Nothing of a sealed answer shows.
func (m Mail) matched(match Match, by act.By) gateway.Event {
	d := gateway.MailDetails{From: m.Inbound.From, Reason: by.Reason, MatchedBy: ByHand}
	var contents []gateway.Hash
	if m.Opens().IsZero() {
		d.Subject, d.Content, contents = m.Inbound.Subject, m.Inbound.Content, []gateway.Hash{m.Inbound.Content}
	}
	e := gateway.NewEvent(gateway.Matched, m.Now, d, nil).About(match.Courier.ID, match.Recipient.ID).By(by.Actor, gateway.ByAgent)
	e.Generation, e.Contents = match.Recipient.Standing.Generation, contents
	e.Once = "matched:" + m.Inbound.ID.String()
	return e
}
