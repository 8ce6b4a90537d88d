package correlate

import (
	"strings"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/inbound/classify"
)

// replies records a person's answer for each letter that it answers.
func (r Rules) replies(m Mail, step *gateway.Step) {
	for _, match := range m.Matches {
		reply := m.reply(match)
		step.Replies = append(step.Replies, reply)
		step.Events = append(step.Events, m.replied(reply, match))
		step.Jobs = append(step.Jobs, m.notice(gateway.Notice{Kind: gateway.NoticeReply, Reply: reply.ID}, match))
		if to := m.answerable(); to != "" && match.How == ByToken {
			step.Jobs = append(step.Jobs, m.notice(gateway.Notice{Kind: gateway.NoticeReceived, To: to, Reply: reply.ID}, match))
		}
		if reply.Sealed {
			step.Inbound.Subject = ""
			step.Inbound.Courier, step.Inbound.Recipient = reply.Courier, reply.Recipient
		}
	}
}

// reply is the answer as it is kept. Sealed, it says nothing of what was written: neither
// subject, nor text, nor names of files.
func (m Mail) reply(match Match) gateway.Reply {
	policy, received := match.Courier.Options.Reply, m.received()
	reply := gateway.Reply{
		ID: gateway.NewID(m.Now), Courier: match.Courier.ID, Recipient: match.Recipient.ID, Inbound: m.Inbound.ID,
		From: m.Result.From, OtherSender: !strings.EqualFold(m.Result.From, match.Recipient.Address),
		Late:      !policy.By.IsZero() && received.After(policy.By),
		Sealed:    sealed(policy, m.Now),
		MessageID: m.Header.Get("Message-ID"), Content: m.Inbound.Content, Received: received,
	}
	if !reply.Sealed {
		reply.Subject, reply.Text, reply.Files = m.Result.Subject, classify.VisibleText(m.Text), m.Files
	}
	return reply
}

// sealed tells whether answers are readable by nobody yet.
func sealed(policy gateway.ReplyPolicy, now time.Time) bool {
	return policy.Sealed && !policy.By.IsZero() && now.Before(policy.By)
}

func (m Mail) replied(reply gateway.Reply, match Match) gateway.Event {
	d := gateway.ReplyDetails{
		Reply: reply.ID, By: "mail", From: reply.From, OtherSender: reply.OtherSender, Late: reply.Late, Sealed: reply.Sealed,
		MessageID: reply.MessageID, Content: reply.Content, Files: reply.Files, AuthResults: m.Origin.Text, MatchedBy: match.How,
	}
	if reply.Sealed {
		d.Content, d.Files, d.Commitment = gateway.Hash{}, nil, gateway.Commitment(reply.ID, reply.Content)
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
