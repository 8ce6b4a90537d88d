package intake

import (
	"context"
	"fmt"
	"strings"

	"vaguemestre/gateway"
	"vaguemestre/gateway/address"
	"vaguemestre/gateway/message"
)

// account: the agent as stored now, with the consultations they are entitled to, since a session may be older than a change.
func (x *exam) account(ctx context.Context) ([]*gateway.Fault, error) {
	agent, entitled, err := x.in.d.Store.Author(ctx, x.s.Agent.ID)
	if absent(err) || err == nil && agent.Disabled {
		return one(refuse("refuse.disabled")), nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the agent: %w", err)
	}
	x.s.Agent, x.entitled = agent, entitled
	return nil, nil
}

// readable: the message is within the bounds, and whole. Every breach of the mail formats has one sensible reading, which
// the composer writes well: a multipart whose parts are nowhere is the text that every mail client shows in its place.
func (x *exam) readable(context.Context) ([]*gateway.Fault, error) {
	m, err := message.Read(x.s.Message.ReaderAt(), x.s.Message.Size(), x.in.o.Message)
	if err != nil {
		if f := gateway.FaultOf(err); f.Class == gateway.Permanent {
			return one(f), nil
		}
		return nil, fmt.Errorf("read the message: %w", err)
	}
	if m.FragmentHeader().Telling("") != "" {
		return one(refuse("refuse.compose.partial")), nil
	}
	x.msg = m
	x.messageID = identifier(m.Header().Get("Message-ID"))
	return nil, nil
}

// identifier is a Message-ID with its angle brackets, or empty when it is not one.
func identifier(value string) string {
	value = strings.TrimSpace(value)
	if len(value) < 3 || len(value) > 900 || value[0] != '<' || value[len(value)-1] != '>' || strings.ContainsAny(value[1:len(value)-1], "<> \t") {
		return ""
	}
	return value
}

// retried tells a retry of a message that was accepted before, which is not refused for what changed since: a deadline
// that passed, a consultation archived meanwhile. It is looked for only when something would be refused.
func (x *exam) retried(ctx context.Context) (bool, error) {
	if x.messageID == "" {
		return false, nil
	}
	c, err := x.in.d.Store.CourierByMessageID(ctx, x.messageID)
	if absent(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look for the message: %w", err)
	}
	return c.Author == x.s.Agent.ID && c.Content == x.s.Message.Hash(), nil
}

// sender: one From, the agent's own, and so are Sender and the envelope's.
func (x *exam) sender(context.Context) ([]*gateway.Fault, error) {
	h, agent := x.msg.Header(), x.s.Agent
	from := h.Addresses("From")
	switch {
	case len(h.Values("From")) > 1 || len(from) > 1:
		return one(refuse("refuse.several-from")), nil
	case len(from) == 0:
		return one(refuse("refuse.no-from")), nil
	case !agent.Owns(from[0].Address):
		return one(refuse("refuse.foreign-from", "Address", address.Shown(from[0].Address), "Own", agent.Addresses)), nil
	}
	x.from, x.fromName = from[0].Address, strings.TrimSpace(from[0].Name)
	for _, sender := range h.Addresses("Sender") {
		if !agent.Owns(sender.Address) {
			return one(refuse("refuse.foreign-from", "Address", address.Shown(sender.Address), "Own", agent.Addresses)), nil
		}
	}
	if x.s.Door == gateway.DoorSMTP && !agent.Owns(x.s.MailFrom) {
		return one(refuse("refuse.foreign-mail-from", "Address", address.Shown(x.s.MailFrom), "Own", agent.Addresses)), nil
	}
	return nil, nil
}
