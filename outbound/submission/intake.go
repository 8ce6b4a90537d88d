package submission

import (
	"context"

	"vaguemestre/gateway"
	"vaguemestre/gateway/account"
	"vaguemestre/gateway/store"
)

// Intake decides what may be sent.
type Intake interface {
	// Submit returns once the courier is durable. It fails with a *gateway.Fault.
	Submit(context.Context, Submission) (Receipt, error)
}

// Accounts tells who logs in (gateway/account).
type Accounts interface {
	Login(context.Context, account.Attempt) (gateway.Agent, error)
}

// Spools gives where messages are put while they come in (gateway/store).
type Spools interface {
	Spool() *store.Spool
}

// Submission is one message with its envelope.
type Submission struct {
	Session    gateway.ID
	Agent      gateway.Agent
	From       string
	Recipients []Recipient
	UTF8       bool
	Return     string
	EnvelopeID string
	Message    *store.Spool
}

// Recipient is one RCPT.
type Recipient struct {
	Address                string
	Notify                 []string
	OriginalType, Original string
}

// Receipt is what the intake made of a submission.
type Receipt struct {
	Courier gateway.ID
	Text    string
}
