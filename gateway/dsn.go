package gateway

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
