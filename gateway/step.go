package gateway

import (
	"errors"
	"time"
)

// JobKind says what a job has the queue do.
type JobKind string

// The kinds of jobs. Each sends one message to one mailbox.
const (
	JobLetter   JobKind = "letter"   // the courier, to one recipient
	JobReminder JobKind = "reminder" // the second call, to one recipient
	JobNotice   JobKind = "notice"   // a mail to an agent, or an acknowledgement to a company
)

// Job is one message to send. It is leased by one worker at a time; Attempt is its fence:
// a worker whose lease was taken over cannot write any more.
type Job struct {
	ID         ID
	Kind       JobKind
	Courier    ID
	Recipient  ID // letters and reminders; zero or the one concerned for notices
	Generation int
	Notice     Notice // for JobNotice
	Reminder   int    // for JobReminder: which one, from 1
	Attempt    int    // leases so far; the fence
	Created    time.Time
	Due        time.Time
	Held       bool // by the administrator: never leased
	// Interrupted: the lease before this one ended without a word, so that its message may have been sent.
	Interrupted bool
	// LastFault is what the last attempt met, for the administrator.
	LastFault string
}

// Tried tells the outcomes of attempts at what the job sends.
func (j Job) Tried(e Event) bool {
	if (e.Purpose == ForReminder) != (j.Kind == JobReminder) || e.Generation != j.Generation {
		return false
	}
	switch e.Kind {
	case Sent, Deferred, Uncertain, Failed, Expired:
		return true
	}
	return false
}

// NoticeKind says what a notice tells.
type NoticeKind string

// The notices (outbound/notice composes them).
const (
	NoticeReply     NoticeKind = "reply"           // the company's answer, to the agent
	NoticeFailed    NoticeKind = "failed"          // a recipient cannot be reached, to the agent
	NoticeRead      NoticeKind = "read"            // an MDN, to the agent who asked for a receipt
	NoticeDelivered NoticeKind = "delivered"       // a DSN, to the agent whose client asked NOTIFY=SUCCESS
	NoticeUnread    NoticeKind = "unread"          // nobody read for some days, to the agent
	NoticeDigest    NoticeKind = "digest"          // what happened in a day, to an agent
	NoticeReceived  NoticeKind = "received"        // acknowledgement of an answer with its hashes, to the company
	NoticeNoReply   NoticeKind = "noreply"         // the polite answer to mail sent to nepasrepondre, to the company
	NoticeWrong     NoticeKind = "wrong-recipient" // a company says that it is not the one, to the agent
	NoticeInfected  NoticeKind = "infected"        // a file is withheld, to the agent and to the administrator
	NoticeRaw       NoticeKind = "raw"             // a message stored whole, to whom it may concern (postmaster@, models, trials)
)

// Notice is what composing a notice needs; a pure function of it and the store gives the message.
type Notice struct {
	Kind    NoticeKind `json:"kind,omitempty"`
	To      string     `json:"to,omitempty"`     // the mailbox
	Reply   ID         `json:"reply,omitzero"`   // of NoticeReply and NoticeReceived
	Event   ID         `json:"event,omitzero"`   // of NoticeFailed, NoticeRead, NoticeDelivered, NoticeWrong and NoticeInfected
	Content Hash       `json:"content,omitzero"` // of NoticeRaw: the whole message
	Agent   ID         `json:"agent,omitzero"`   // of NoticeDigest
	Since   time.Time  `json:"since,omitzero"`   // of NoticeDigest: what it tells of, up to Until; of NoticeUnread: when it was sent
	Until   time.Time  `json:"until,omitzero"`
	Inbound ID         `json:"inbound,omitzero"` // what it answers, when it answers a mail
}

// Inbound is one mail found in a mailbox of the gateway, stored raw before anything is
// understood of it.
type Inbound struct {
	ID          ID
	Account     string // name of the mailbox in the configuration
	Mailbox     string
	UIDValidity uint32
	UID         uint32
	Content     Hash // the raw mail; encrypted while it is sealed
	// Fingerprint tells the mail again when it is met again; unique. It is made under a key that is not in the store (gateway/seal): nobody can
	// try by it what a sealed mail says.
	Fingerprint Hash
	Opens       time.Time // when a sealed mail may be read; zero: it is not sealed
	Size        int64
	Received    time.Time
	State       InboundState
	Class       string // what classify made of it; empty while new
	Reason      string // why it is quarantined
	Failures    int
	Courier     ID // whom it was matched with, when it was
	Recipient   ID
	From        string // as far as it could be read
	Subject     string // empty while sealed
}

// InboundState says what became of an inbound mail.
type InboundState string

// The states of inbound mail.
const (
	InboundNew         InboundState = "new"
	InboundDone        InboundState = "done"
	InboundQuarantined InboundState = "quarantined"
	InboundDismissed   InboundState = "dismissed" // by hand
)

// Step is one transaction of the store: a state and its events change together, or nothing
// does. What it does to a recipient's standing follows from its events.
type Step struct {
	// Job settles a leased job: fenced by its Attempt.
	Job *JobResult
	// Inbound settles a new or quarantined inbound mail: fenced by its state.
	Inbound *Inbound
	Events  []Event
	Replies []Reply
	Jobs    []Job // new ones
	// Answer closes what a company was writing: fenced by its Version.
	Answer *AnswerSent
}

// JobResult is what becomes of a leased job.
type JobResult struct {
	ID      ID
	Attempt int       // as leased
	Again   time.Time // when to try again; zero: the job is done and goes
	Fault   string    // what the attempt met, for the administrator; no address in it
}

// What a store answers beside faults.
var (
	ErrNotFound = errors.New("not found")
	// ErrRecorded: an event of the step has a Once that is already recorded; nothing was done.
	ErrRecorded = errors.New("already recorded")
	// ErrFenced: the job or the inbound mail is no longer ours to settle; nothing was done.
	ErrFenced = errors.New("taken over by another worker")
)
