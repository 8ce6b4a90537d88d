package gateway

import (
	"slices"
	"strings"
)

// DSNRequest is what an agent's mail client asked to be told of its message (RFC 3461 §4, §6).
type DSNRequest struct {
	Return     string         `json:"return,omitempty"`      // RET: FULL, HDRS or nothing
	EnvelopeID string         `json:"envelope_id,omitempty"` // ENVID, decoded: printable ASCII, at most 100 octets
	Recipients []DSNRecipient `json:"recipients,omitempty"`  // those about whom something was asked
}

// DSNRecipient is what was asked about one recipient of the envelope.
type DSNRecipient struct {
	Address      string   `json:"address"`                 // as in the envelope: it may be a group
	Notify       []string `json:"notify,omitempty"`        // NEVER, or some of SUCCESS, FAILURE, DELAY; nothing: FAILURE and DELAY
	OriginalType string   `json:"original_type,omitempty"` // ORCPT: RFC822 or UTF-8
	Original     string   `json:"original,omitempty"`      // ORCPT, decoded
}

// Asks tells whether the client asked to hear of a success.
func (r DSNRecipient) Asks() bool {
	return slices.ContainsFunc(r.Notify, func(n string) bool { return strings.EqualFold(n, "SUCCESS") })
}

// DSNOf is what was asked about one recipient of the courier: about that very address, or else about the
// control address by which it was reached (its register's, its company's). ok is false when nothing was.
func (c Courier) DSNOf(r Recipient) (asked DSNRecipient, ok bool) {
	for _, d := range c.DSN.Recipients {
		if equalFold(d.Address, r.Address) {
			return d, true
		}
	}
	for _, d := range c.DSN.Recipients {
		local, domain, found := strings.Cut(strings.ToLower(d.Address), "@")
		if found && equalFold(domain, c.Composition.Domain) && names(local, r) {
			return d, true
		}
	}
	return DSNRecipient{}, false
}

// names tells whether a control address speaks of the recipient.
func names(local string, r Recipient) bool {
	if r.Register != "" {
		return strings.HasPrefix(local, string(r.Register)+".")
	}
	return !r.Company.IsZero() && strings.Contains(local, "+e-")
}

// TellDelivered is the job that reports a delivery to the agent whose client asked for it, made in the step of
// its event (Delivered or HandedOver); none when nobody asked or it was told before.
func (c Courier) TellDelivered(r Recipient, e Event) []Job {
	asked, _ := c.DSNOf(r)
	told := !r.Standing.Delivered.IsZero() || e.Kind == HandedOver && r.Standing.State == StateHandedOver
	if !asked.Asks() || told || e.Purpose != ForLetter || e.Kind != Delivered && e.Kind != HandedOver {
		return nil
	}
	return []Job{{
		ID: NewID(e.ID.Time()), Kind: JobNotice, Courier: c.ID, Recipient: r.ID, Created: e.ID.Time(), Due: e.ID.Time(),
		Notice: Notice{Kind: NoticeDelivered, To: c.AuthorAddr, Event: e.ID},
	}}
}
