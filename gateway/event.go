package gateway

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strconv"
	"time"
)

// EventKind says what happened.
type EventKind string

// The kinds of events (DESIGN §4).
const (
	Submitted   EventKind = "submitted"
	Sent        EventKind = "sent"
	Deferred    EventKind = "deferred"
	Uncertain   EventKind = "uncertain"
	Failed      EventKind = "failed"
	Expired     EventKind = "expired"     // given up after the queue's lifetime, or a DSN says so
	HandedOver  EventKind = "handed-over" // DSN `relayed`: confirmation ends there
	Delivered   EventKind = "delivered"
	Delayed     EventKind = "delayed"
	Visited     EventKind = "visited"
	Read        EventKind = "read"
	Downloaded  EventKind = "downloaded"
	Replied     EventKind = "replied"
	Absent      EventKind = "absent"
	Challenged  EventKind = "challenged"
	Displayed   EventKind = "displayed" // an MDN: supporting evidence only
	Complained  EventKind = "complained"
	Reminded    EventKind = "reminded"
	Retried     EventKind = "retried" // a manual retry opens a generation
	Cancelled   EventKind = "cancelled"
	Withdrawn   EventKind = "withdrawn"
	WrongPerson EventKind = "wrong-recipient"
	Infected    EventKind = "infected" // a file of the letter is withheld: a scanner found malware in it
	Unsealed    EventKind = "unsealed"
	Opened      EventKind = "opened" // the agent reads a reply
	Quarantined EventKind = "quarantined"
	Matched     EventKind = "matched"   // a person says that a mail in quarantine is about this letter
	Dismissed   EventKind = "dismissed" // a person put a mail in quarantine aside
	ProofIssued EventKind = "proof-issued"
	Notified    EventKind = "notified" // the agent was told by mail of what did not happen, or of a whole day
)

// Strength grades the evidence of an event (promise 7).
type Strength string

// From what we saw ourselves down to what somebody says.
const (
	ByUs         Strength = "gateway"              // our own act
	ByRelay      Strength = "relay"                // the SMTP dialogue: what the next host answered us
	ByReport     Strength = "report"               // a DSN that bears our token
	ByAuthReport Strength = "report-authenticated" // the same, and its sender passed DKIM or SPF in our own Authentication-Results
	ByButton     Strength = "button"               // a POST from the page
	ByCode       Strength = "code"                 // a POST with the short code of the mail
	ByAgent      Strength = "agent"                // an authenticated agent's act
	ByMail       Strength = "mail"                 // a mail that bears the token, its sender unproved
	ByClaim      Strength = "claim"                // somebody says so, nothing more
)

// Purpose says which message of a recipient an event is about.
type Purpose string

// The purposes: a reminder's bounce never touches the letter.
const (
	ForLetter   Purpose = "letter"
	ForReminder Purpose = "reminder"
)

// Event is something that happened to a courier or one of its recipients. It is never
// changed; only Details and Network, with their salts, may be erased when their retention ends.
type Event struct {
	ID        ID
	Kind      EventKind
	Courier   ID // zero: about the gateway as a whole
	Recipient ID // zero: about the courier as a whole
	// Occurred is when it happened by whoever says so; Recorded is when we stored it, set by
	// the store, never going backwards.
	Occurred, Recorded time.Time
	Generation         int // which manual attempt: 0 at first
	Attempt            int // SMTP attempt within the job, from 1
	Purpose            Purpose
	Strength           Strength
	Actor              string // "agent:<login>", "relay:<host>", "company", "reporter:<mta>", "gateway"
	Details            []byte // JSON object (see details.go), or nil when erased
	DetailsSalt        []byte // 16 bytes
	Network            []byte // JSON object: address, user agent; or nil
	NetworkSalt        []byte
	DetailsHash        Hash   // SHA-256(salt ‖ details), kept after erasure
	NetworkHash        Hash   // zero when there never were network details
	Contents           []Hash // raw mails this event rests on
	// Once, when not empty, is unique among all events: recording a second one is a no-op.
	Once     string
	Position int64 // in the ledger; -1 while it waits for the sequencer
}

// NewEvent makes an event with its details salted and hashed. Details and network may be
// nil; a value that JSON cannot hold is a programming error and panics.
func NewEvent(kind EventKind, now time.Time, details, network any) Event {
	e := Event{ID: NewID(now), Kind: kind, Occurred: Micros(now), Purpose: ForLetter, Strength: ByUs, Actor: "gateway", Position: -1}
	e.Details, e.DetailsSalt, e.DetailsHash = salted(details)
	e.Network, e.NetworkSalt, e.NetworkHash = salted(network)
	return e
}

// About names what the event happened to.
func (e Event) About(courier, recipient ID) Event {
	e.Courier, e.Recipient = courier, recipient
	return e
}

// By names who did it and how strongly that is known.
func (e Event) By(actor string, s Strength) Event {
	e.Actor, e.Strength = actor, s
	return e
}

func salted(v any) (details, salt []byte, h Hash) {
	if v == nil {
		return nil, nil, Hash{}
	}
	details, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("gateway: event details: %v", err))
	}
	salt = make([]byte, 16)
	_, _ = rand.Read(salt) // documented never to fail (Go 1.24)
	return details, salt, SaltedHash(salt, details)
}

// SaltedHash is SHA-256(salt ‖ details) (promise 14).
func SaltedHash(salt, details []byte) Hash {
	d := sha256.New()
	d.Write(salt)
	d.Write(details)
	return Hash(d.Sum(nil))
}

// Leaf is the event as the ledger holds it: one line of text per field, in this order for
// ever, times in microseconds since 1970. It holds hashes in the place of details.
func (e Event) Leaf() []byte {
	var b bytes.Buffer
	line := func(k, v string) { b.WriteString(k); b.WriteByte(' '); b.WriteString(v); b.WriteByte('\n') }
	line("vaguemestre-event", "1")
	line("id", e.ID.String())
	line("kind", string(e.Kind))
	line("courier", e.Courier.String())
	line("recipient", e.Recipient.String())
	line("occurred", strconv.FormatInt(e.Occurred.UnixMicro(), 10))
	line("recorded", strconv.FormatInt(e.Recorded.UnixMicro(), 10))
	line("generation", strconv.Itoa(e.Generation))
	line("attempt", strconv.Itoa(e.Attempt))
	line("purpose", string(e.Purpose))
	line("strength", string(e.Strength))
	line("actor", strconv.QuoteToASCII(e.Actor))
	line("details", e.DetailsHash.String())
	line("network", e.NetworkHash.String())
	for _, c := range e.Contents {
		line("content", c.String())
	}
	return b.Bytes()
}

// Micros is t as it is stored: UTC, whole microseconds, no monotonic reading.
func Micros(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.UnixMicro(t.UnixMicro()).UTC()
}
