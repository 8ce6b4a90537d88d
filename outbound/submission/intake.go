package submission

import (
	"context"

	"vaguemestre/gateway"
	"vaguemestre/gateway/account"
	"vaguemestre/gateway/intake"
	"vaguemestre/gateway/store"
)

// Intake decides what may be sent (gateway/intake).
type Intake interface {
	// Submit returns once what it took is durable. It fails with a *gateway.Fault.
	Submit(context.Context, intake.Submission) (intake.Receipt, error)
}

// Accounts tells who logs in (gateway/account).
type Accounts interface {
	// Login fails with a *gateway.Fault, permanent when the login or the password is wrong.
	Login(context.Context, account.Attempt) (gateway.Agent, error)
}

// Spools gives where messages are put while they come in (gateway/store).
type Spools interface {
	Spool() *store.Spool
}
