package intake

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vaguemestre/gateway"
	"vaguemestre/gateway/address"
	"vaguemestre/gateway/catalog"
	"vaguemestre/gateway/intake/kinds"
	"vaguemestre/gateway/message"
	"vaguemestre/gateway/store"
	"vaguemestre/gateway/token"
)

// Options says what the rules need to know of the installation.
type Options struct {
	Domain          string // of the gateway's addresses
	BaseURL         string // of the companies' pages, without a final slash
	Postmaster      string // who gets what agents write to postmaster@ and abuse@; empty: refused
	Language        string // of the sentences to agents; empty: French
	MaxPlain        int64  // decoded bytes of files without acknowledgement; 0: gateway.MaxPlain
	MaxAcknowledged int64  // with acknowledgement; 0: gateway.MaxAcknowledged
	MaxRecipients   int    // of one courier, groups expanded; 0: 20,000
	Message         message.Limits

	Now        func() time.Time // nil: time.Now
	Logger     *slog.Logger     // nil: silent
	Registerer prometheus.Registerer
}

const (
	defaultRecipients = 20_000
	maxSubject        = 300
	maxYears          = 5 // a later deadline is a slip of the year
	excerptLength     = 300
	retryWindow       = time.Hour // in which a message without Message-ID is known again
)

// Composer makes the message of one recipient (outbound/compose, with its tokens).
type Composer interface {
	Version() int
	// Letter writes it. It fails with a *gateway.Fault when the message cannot be sent at all.
	Letter(w io.Writer, c gateway.Courier, r gateway.Recipient, content io.ReaderAt) error
	// Try fails as Letter does. The composer may keep what it made, to be sent if the courier is accepted.
	Try(c gateway.Courier, r gateway.Recipient, content io.ReaderAt) error
}

// Prover mails a proof (tracking/proof). The agent's entitlement has been checked.
type Prover interface {
	Prove(ctx context.Context, agent gateway.Agent, to string, courier gateway.ID) error
}

// Resolver looks for the mail exchangers of a domain (*net.Resolver).
type Resolver interface {
	LookupMX(ctx context.Context, domain string) ([]*net.MX, error)
}

// Tokens verifies thread addresses (*token.Ring).
type Tokens interface {
	Current() byte
	Verify(kind token.Kind, text string) (gateway.ID, error)
}

// Store is what the intake uses of gateway/store, by subject.
type Store interface {
	people
	past
	keeper
}

type people interface {
	Author(ctx context.Context, agent gateway.ID) (gateway.Agent, []gateway.Consultation, error)
	Companies(ctx context.Context, consultation gateway.ID, register gateway.Register) ([]gateway.Company, error)
	CompanyByRef(ctx context.Context, consultation gateway.ID, ref string) (gateway.Company, error)
	CompaniesAt(ctx context.Context, consultation gateway.ID, addresses ...string) ([]gateway.Company, error)
}

type past interface {
	Courier(context.Context, gateway.ID) (gateway.Courier, error)
	CourierByMessageID(context.Context, string) (gateway.Courier, error)
	Recipient(context.Context, gateway.ID) (gateway.Recipient, error)
	RecipientByMessageID(context.Context, string) (gateway.Recipient, error)
	Mishaps(ctx context.Context, addresses ...string) ([]store.Mishap, error)
}

type keeper interface {
	Spool() *store.Spool
	Keep(context.Context, *store.Spool) (gateway.Hash, error)
	Accept(context.Context, store.Acceptance) (gateway.Courier, []gateway.Recipient, error)
	PutDraft(context.Context, gateway.Draft, *store.Spool, ...store.DraftPiece) (gateway.Draft, error)
	Apply(context.Context, gateway.Step) error
}

// Pager writes the page that the company would see of a courier that is not stored (tracking/link), whole in one file.
type Pager interface {
	Page(ctx context.Context, w io.Writer, c gateway.Courier, r gateway.Recipient, content *store.Spool) error
}

// Deps is what the intake works with. Prover, Resolver and Pager may be nil: no proof by mail, no look at the DNS, no page
// with a trial.
type Deps struct {
	Store    Store
	Kinds    *kinds.Set
	Tokens   Tokens
	Composer Composer
	Prover   Prover
	Resolver Resolver
	Pager    Pager
}

// Intake applies the rules. Safe for concurrent use; it owns no goroutine.
type Intake struct {
	o       Options
	d       Deps
	grammar *address.Grammar
	metrics *metrics
}

// New makes an intake. The domain or a courier type that the address grammar cannot say is an error.
func New(o Options, d Deps) (*Intake, error) {
	grammar, err := address.New(o.Domain, d.Kinds.Codes())
	if err != nil {
		return nil, err
	}
	o.Domain = grammar.Domain()
	o.Language = cmp.Or(o.Language, catalog.French)
	o.MaxPlain = cmp.Or(o.MaxPlain, gateway.MaxPlain)
	o.MaxAcknowledged = cmp.Or(o.MaxAcknowledged, gateway.MaxAcknowledged)
	o.MaxRecipients = cmp.Or(o.MaxRecipients, defaultRecipients)
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Intake{o: o, d: d, grammar: grammar, metrics: newMetrics(o.Registerer)}, nil
}

// Submission is one message with its envelope.
type Submission struct {
	Agent      gateway.Agent // who is logged in
	Door       gateway.Door
	MailFrom   string             // of the SMTP envelope; the other doors leave it empty
	Recipients []string           // as SMTP hands them over, or as typed
	Said       address.Wish       // what a form or the API says; outranks the message, as header fields do
	Message    *store.Spool       // whole, CRLF line ends; the caller discards it afterwards
	DSN        gateway.DSNRequest // what the mail client asked to be told (RFC 3461)
	Claim      gateway.Hash       // the caller's own name for what it sends: another courier under it is refused; zero: none
	Draft      gateway.ID         // that it is sent from, and which goes in the same transaction; zero: none
}

// Outcome says what became of a submission.
type Outcome string

// The outcomes.
const (
	Accepted   Outcome = "accepted"
	Joined     Outcome = "joined" // the same message came before
	Drafted    Outcome = "draft"
	Tried      Outcome = "trial"
	Modelled   Outcome = "model"
	Proving    Outcome = "proof"
	Postmaster Outcome = "postmaster"
)

// Receipt is the answer to a submission that was taken.
type Receipt struct {
	Outcome  Outcome
	Courier  gateway.Courier     // of Accepted and Joined
	Added    []gateway.Recipient // likewise: those who get the message because of this submission
	Draft    gateway.Draft       // of Drafted
	Warnings []Warning           // of Accepted, Joined and Tried
	Text     string              // what was understood, then the warnings, in the agents' language
}

// Submit takes a submission or refuses it. It returns once what it took is durable; errors are *gateway.Fault.
func (in *Intake) Submit(ctx context.Context, s Submission) (Receipt, error) {
	receipt, err := in.submit(ctx, s)
	if err != nil {
		fault := gateway.FaultOf(err)
		in.metrics.refused(s.Door, fault)
		return Receipt{}, fault
	}
	in.metrics.taken(s.Door, receipt.Outcome)
	return receipt, nil
}

func (in *Intake) submit(ctx context.Context, s Submission) (Receipt, error) {
	x := in.exam(s)
	if err := x.run(ctx); err != nil {
		return Receipt{}, err
	}
	if x.request != nil {
		return in.serve(ctx, x)
	}
	if fault := x.first(needed(x.wish.Action)); fault != nil {
		return Receipt{}, fault
	}
	switch x.wish.Action {
	case address.Draft:
		return in.draft(ctx, x)
	case address.Trial:
		return in.try(ctx, x)
	case address.Model:
		return in.mailModel(ctx, x)
	}
	return in.accept(ctx, x)
}

// Check says all that Submit would find, and stores nothing. Its error is a failure of ours.
func (in *Intake) Check(ctx context.Context, s Submission) (Report, error) {
	x := in.exam(s)
	if err := x.run(ctx); err != nil {
		return Report{}, err
	}
	return x.report(), nil
}

// absent tells an answer of the store that is no failure.
func absent(err error) bool { return errors.Is(err, gateway.ErrNotFound) }
