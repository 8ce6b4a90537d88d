package proof

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/tlog"

	"vaguemestre/gateway"
)

// Names of the format; Verify knows this one only.
const (
	format        = "vaguemestre-evidence"
	formatVersion = 1
)

// maxEvidence bounds evidence.json and inclusion.json, in octets: a courier to ten thousand
// recipients stays under it.
const maxEvidence = 256 << 20

// Evidence is all that a proof says: evidence.json. The pages are drawn from it alone.
type Evidence struct {
	Format       string               `json:"format"`
	Version      int                  `json:"version"`
	Issued       Issued               `json:"issued"`
	Consultation gateway.ContextBlock `json:"consultation"`
	Courier      CourierFacts         `json:"courier"`
	Recipients   []RecipientFacts     `json:"recipients"`
	Events       []EventFacts         `json:"events"`
	Replies      []ReplyFacts         `json:"replies,omitempty"`
	Sealed       *SealedFacts         `json:"sealed_replies,omitempty"`
	Files        []Attached           `json:"files"`
	Ledger       LedgerFacts          `json:"ledger"`
	Seal         SealFacts            `json:"seal"`
}

// Issued says when, for whom and by which layout the proof was made.
type Issued struct {
	At       time.Time  `json:"at"`
	Language string     `json:"language"`
	For      gateway.ID `json:"for,omitzero"` // the only recipient shown; zero: all
	Title    string     `json:"title"`
	Layout   string     `json:"layout"` // names the words and the drawing, see layoutName
	Notice   string     `json:"notice"` // what the proof is not
}

// CourierFacts is the letter.
type CourierFacts struct {
	ID         gateway.ID       `json:"id"`
	Type       gateway.TypeCode `json:"type"`
	TypeLabel  string           `json:"type_label"`
	Options    gateway.Options  `json:"options"`
	Subject    string           `json:"subject"`
	Text       string           `json:"text"`
	TextCut    bool             `json:"text_cut,omitempty"` // longer than the proof shows
	AuthorName string           `json:"author_name"`
	AuthorAddr string           `json:"author_address"`
	Door       gateway.Door     `json:"door"`
	Accepted   time.Time        `json:"accepted"`
	Files      []gateway.File   `json:"files,omitempty"`
	// Withheld in a proof for one recipient: they are about a message that may name others.
	MessageID string       `json:"message_id,omitempty"`
	Content   gateway.Hash `json:"content,omitzero"`
	Size      int64        `json:"size,omitempty"`
}

// RecipientFacts is one recipient and how far the letter got.
type RecipientFacts struct {
	ID        gateway.ID       `json:"id"`
	Address   string           `json:"address"`
	Company   string           `json:"company,omitempty"`
	Register  gateway.Register `json:"register,omitempty"`
	MessageID string           `json:"message_id,omitempty"`
	State     string           `json:"state"`
}

// Name is what people call the recipient.
func (r RecipientFacts) Name() string {
	if r.Company != "" {
		return r.Company
	}
	return r.Address
}

// Why details are not in the proof.
const (
	withheldErased = "erased" // their retention ended
	withheldOthers = "others" // they may name other recipients
	withheldSealed = "sealed" // of a reply that nobody may read yet
)

// EventFacts is one event: all that its leaf is made of, and its details where they may be shown.
type EventFacts struct {
	ID          gateway.ID        `json:"id"`
	Kind        gateway.EventKind `json:"kind"`
	ETSI        string            `json:"etsi_en_319_522,omitempty"`
	Courier     gateway.ID        `json:"courier,omitzero"`
	Recipient   gateway.ID        `json:"recipient,omitzero"`
	Occurred    time.Time         `json:"occurred"`
	Recorded    time.Time         `json:"recorded"`
	Generation  int               `json:"generation"`
	Attempt     int               `json:"attempt"`
	Purpose     gateway.Purpose   `json:"purpose"`
	Strength    gateway.Strength  `json:"strength"`
	Actor       string            `json:"actor"`
	Details     string            `json:"details,omitempty"` // JSON text, octet for octet as hashed
	Salt        []byte            `json:"salt,omitempty"`
	Withheld    string            `json:"withheld,omitempty"`
	DetailsHash gateway.Hash      `json:"details_hash,omitzero"`
	NetworkHash gateway.Hash      `json:"network_hash,omitzero"`
	Contents    []gateway.Hash    `json:"contents,omitempty"`
	Position    int64             `json:"position"`
}

// Event gives back the event as far as its leaf and details go.
func (f EventFacts) Event() gateway.Event {
	e := gateway.Event{
		ID: f.ID, Kind: f.Kind, Courier: f.Courier, Recipient: f.Recipient, Occurred: f.Occurred, Recorded: f.Recorded,
		Generation: f.Generation, Attempt: f.Attempt, Purpose: f.Purpose, Strength: f.Strength, Actor: f.Actor,
		DetailsSalt: f.Salt, DetailsHash: f.DetailsHash, NetworkHash: f.NetworkHash, Contents: f.Contents, Position: f.Position,
	}
	if f.Details != "" {
		e.Details = []byte(f.Details)
	}
	return e
}

// byRecipient sorts events by whom they concern: a courier may have ten thousand recipients.
func byRecipient(events []EventFacts) map[gateway.ID][]EventFacts {
	sorted := map[gateway.ID][]EventFacts{}
	for _, f := range events {
		sorted[f.Recipient] = append(sorted[f.Recipient], f)
	}
	return sorted
}

// stateOf is how far a recipient's events say the letter got.
func stateOf(events []EventFacts) string {
	var s gateway.Standing
	for _, f := range events {
		s = s.Advance(f.Event())
	}
	return s.State.String()
}

// factsOf is the event as the proof shows it; why, when not empty, withholds its details.
func factsOf(e gateway.Event, why string) EventFacts {
	f := EventFacts{
		ID: e.ID, Kind: e.Kind, ETSI: etsiName(e), Courier: e.Courier, Recipient: e.Recipient,
		Occurred: e.Occurred.UTC(), Recorded: e.Recorded.UTC(), Generation: e.Generation, Attempt: e.Attempt,
		Purpose: e.Purpose, Strength: e.Strength, Actor: e.Actor, DetailsHash: e.DetailsHash, NetworkHash: e.NetworkHash,
		Contents: e.Contents, Position: e.Position,
	}
	switch {
	case e.DetailsHash.IsZero():
	case why != "":
		f.Withheld = why
	case len(e.Details) == 0 || !utf8.Valid(e.Details):
		f.Withheld = withheldErased
	default:
		f.Details, f.Salt = string(e.Details), e.DetailsSalt
	}
	return f
}

// details reads an event's details into their shape; a zero value when they are not there.
func details[T any](f EventFacts) T {
	var d T
	if f.Details != "" {
		_ = json.Unmarshal([]byte(f.Details), &d) // an older shape leaves fields empty: shown as such
	}
	return d
}

// ReplyFacts is a company's answer that may be read.
type ReplyFacts struct {
	ID          gateway.ID     `json:"id"`
	Recipient   gateway.ID     `json:"recipient"`
	From        string         `json:"from"`
	OtherSender bool           `json:"other_sender,omitempty"`
	Late        bool           `json:"late,omitempty"`
	ByMail      bool           `json:"by_mail,omitempty"`
	Subject     string         `json:"subject"`
	Text        string         `json:"text"`
	TextCut     bool           `json:"text_cut,omitempty"`
	MessageID   string         `json:"message_id,omitempty"`
	Content     gateway.Hash   `json:"content,omitzero"`
	Files       []gateway.File `json:"files,omitempty"`
	Received    time.Time      `json:"received"`
}

// SealedFacts is all that a proof says of sealed replies: how many, and until when.
type SealedFacts struct {
	Count int       `json:"count"`
	Until time.Time `json:"until,omitzero"`
}

// What a file attached to the proof is.
const (
	roleEvidence   = "evidence"   // evidence.json itself
	roleMessage    = "message"    // as the agent submitted it
	roleReport     = "report"     // a raw report or other mail that an event rests on
	roleCheckpoint = "checkpoint" // of the ledger
	roleStamp      = "stamp"      // RFC 3161 token over the checkpoint
	roleInclusion  = "inclusion"  // that each event is in the ledger
)

// Attached is a file of the proof beside evidence.json.
type Attached struct {
	Name      string       `json:"name"`
	Role      string       `json:"role"`
	MediaType string       `json:"media_type"`
	Size      int64        `json:"size"`
	SHA256    gateway.Hash `json:"sha256"`
	// Left says why the file is not in the proof: "size", "missing", "others" (it names other recipients).
	Left string `json:"left,omitempty"`
}

// LedgerFacts is the state of the ledger that the proof rests on.
type LedgerFacts struct {
	Name    string    `json:"name"`
	Key     string    `json:"key"` // public, in the form of sumdb/note
	Size    int64     `json:"size"`
	Root    string    `json:"root"` // base64
	Until   time.Time `json:"recorded_until"`
	Stamped *Stamped  `json:"stamped,omitempty"`
}

// Stamped is what a time-stamping authority said.
type Stamped struct {
	Authority string    `json:"authority"`
	At        time.Time `json:"at"`
}

// SealFacts says who seals the proof.
type SealFacts struct {
	Subject     string       `json:"subject"`
	Certificate gateway.Hash `json:"certificate_sha256"`
	SelfMade    bool         `json:"self_made"` // by this installation, for want of a configured one
	Authority   string       `json:"authority,omitempty"`
}

// inclusions is inclusion.json: the way of each event up to the ledger's root.
type inclusions struct {
	Size   int64       `json:"size"`
	Proofs []inclusion `json:"proofs"`
}

type inclusion struct {
	Event    gateway.ID  `json:"event"`
	Position int64       `json:"position"`
	Path     []tlog.Hash `json:"path"`
}

// canonical writes v as JSON in its only form: keys sorted, no space, no escape that is not needed,
// whole numbers only. The same value gives the same octets for ever.
func canonical(v any) ([]byte, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("write evidence: %w", err)
	}
	var tree any
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&tree); err != nil {
		return nil, fmt.Errorf("write evidence: %w", err)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(tree); err != nil { // encoding/json sorts the keys of maps
		return nil, fmt.Errorf("write evidence: %w", err)
	}
	return b.Bytes(), nil
}

// decodeCanonical reads what canonical wrote, and nothing else: another form of the same
// value, an unknown field or anything after it is refused.
func decodeCanonical(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows")
	}
	again, err := canonical(v)
	if err != nil {
		return err
	}
	if !bytes.Equal(again, text) {
		return errors.New("not in canonical form")
	}
	return nil
}

// etsiName is the event of ETSI EN 319 522-3 table 2 that ours resembles most, for readers who know
// those; empty where none does. No conformity is claimed.
func etsiName(e gateway.Event) string {
	if e.Purpose == gateway.ForReminder {
		return ""
	}
	switch e.Kind {
	case gateway.Submitted:
		return "SubmissionAcceptance"
	case gateway.Sent:
		return "RelayToNonERDS"
	case gateway.Failed, gateway.Expired:
		return "RelayToNonERDSFailure"
	case gateway.Delivered:
		return "ConsignmentNotification"
	case gateway.Read:
		return "ContentHandover"
	case gateway.Downloaded:
		return "ContentAccessTracking"
	case gateway.Replied:
		return "ReceivedFromNonERDS"
	}
	return ""
}
