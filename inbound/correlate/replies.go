package correlate

import (
	"errors"
	"strings"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/inbound/classify"
)

// Sealable tells the classes of mail in which a person can have answered. What reports on a letter is evidence at once.
func Sealable(c classify.Class) bool {
	switch c {
	case classify.ClassReport, classify.ClassReceipt, classify.ClassComplaint:
		return false
	}
	return true
}

// Opens is until when a mail is under seal: it answers a letter whose answers are sealed, and their date has not come. So does one that was taken for an
// automatic answer: it may be worded by a person all the same. Zero: it is not under seal.
func (m Mail) Opens() time.Time {
	opens := m.Inbound.Opens
	if !Sealable(m.Result.Class) {
		return opens
	}
	for _, match := range m.Matches {
		if policy := match.Courier.Options.Reply; policy.Sealed && m.Now.Before(policy.By) && policy.By.After(opens) {
			opens = policy.By
		}
	}
	return opens
}

// replies records a person's answer for each letter that it answers. Nothing of a sealed one is recorded in a form that
// can be read.
func (r Rules) replies(m Mail, step *gateway.Step) error {
	for _, match := range m.Matches {
		reply := m.reply(match)
		if reply.Sealed {
			if r.Vault == nil {
				return errors.New("a sealed answer, and nothing to seal it with")
			}
			var err error
			if reply, err = r.Vault.Close(reply); err != nil {
				return err
			}
		}
		step.Replies = append(step.Replies, reply)
		step.Events = append(step.Events, m.replied(reply, match))
		step.Jobs = append(step.Jobs, m.notice(gateway.Notice{Kind: gateway.NoticeReply, Reply: reply.ID}, match))
		if to := m.answerable(); to != "" && match.How == ByToken {
			step.Jobs = append(step.Jobs, m.notice(gateway.Notice{Kind: gateway.NoticeReceived, To: to, Reply: reply.ID}, match))
		}
	}
	return nil
}

// reply is the answer as it would be kept if it were not sealed.
func (m Mail) reply(match Match) gateway.Reply {
	policy, received, opens := match.Courier.Options.Reply, m.received(), m.Opens()
	return gateway.Reply{
		ID: gateway.NewID(m.Now), Courier: match.Courier.ID, Recipient: match.Recipient.ID, Inbound: m.Inbound.ID,
		From: m.Result.From, OtherSender: !strings.EqualFold(m.Result.From, match.Recipient.Address),
		Late: !policy.By.IsZero() && received.After(policy.By), Sealed: !opens.IsZero(), Opens: opens,
		Subject: m.Result.Subject, Text: classify.VisibleText(m.Text), Files: m.Files,
		MessageID: m.Header.Get("Message-ID"), Content: m.Inbound.Content, Received: received,
	}
}

func (m Mail) replied(reply gateway.Reply, match Match) gateway.Event {
	d := gateway.ReplyDetails{
		Reply: reply.ID, By: "mail", From: reply.From, OtherSender: reply.OtherSender, Late: reply.Late, Sealed: reply.Sealed,
		MessageID: reply.MessageID, Content: reply.Content, Files: reply.Files, AuthResults: m.Origin.Text, MatchedBy: match.How,
	}
	if reply.Sealed {
		d.Content, d.Commitment = gateway.Hash{}, gateway.Commitment(reply.ID, m.Plain)
	}
	e := gateway.NewEvent(gateway.Replied, m.Now, d, nil).About(reply.Courier, reply.Recipient).By("company", strength(match))
	e.Occurred = reply.Received
	e.Generation = match.Recipient.Standing.Generation
	if !reply.Sealed {
		e.Contents = []gateway.Hash{reply.Content}
	}
	e.Once = "reply:" + m.Inbound.ID.String() + ":" + reply.Recipient.String() // the hash would show under the seal
	return e
}
