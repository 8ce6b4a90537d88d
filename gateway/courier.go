package gateway

import (
	"strings"
	"time"
)

// TypeCode names a courier type: one of the nine, or one that the administrator added.
type TypeCode string

// The nine types of the manual.
const (
	Libre        TypeCode = "libre"
	Invitation   TypeCode = "invitation"
	Modification TypeCode = "modification"
	Question     TypeCode = "question"
	Complement   TypeCode = "complement"
	Attribution  TypeCode = "attribution"
	Notification TypeCode = "notification"
	Rejet        TypeCode = "rejet"
	Annulation   TypeCode = "annulation"
)

// CourierType is a template: default options, which of them are locked, and the model.
// It is read from configs/courriers/*.toml or the administrator's own files.
type CourierType struct {
	Code  TypeCode
	Order int               // place in lists
	Label map[string]string // by language: "fr", "en"

	Acknowledged       bool // default sending mode
	AcknowledgedLocked bool // the agent cannot choose the other mode

	Reply            ReplyPolicy // default; By is always zero here
	DeadlineRequired bool        // a reply deadline must be given

	UsualRegister Register // usual group; empty: none
	Subject       map[string]string
	Body          map[string]string // plain text; fields as {{.Reference}}; [...] is a placeholder to fill in
	AskCode       bool              // reading asks for the short code written in the mail
	Reminders     *Reminders        // nil: as the configuration says
}

// Reminders says when recipients who have not read a letter with acknowledgement are called again.
type Reminders struct {
	AfterDays int // without reading, and between two calls; 0: never
	Most      int // calls to one recipient
}

// Name is the label in a language, French when there is none.
func (t CourierType) Name(language string) string {
	if l := t.Label[language]; l != "" {
		return l
	}
	return t.Label["fr"]
}

// Options is what the agent chose for one courier.
type Options struct {
	// Acknowledged: the content is behind the link, with at most MaxAcknowledged bytes
	// of files. Otherwise it is in the mail, with at most MaxPlain.
	Acknowledged bool        `json:"acknowledged"`
	Code         bool        `json:"code,omitempty"` // reading asks for the short code
	Reply        ReplyPolicy `json:"reply"`
}

// ReplyPolicy says whether the company may answer, until when, and whether answers
// stay sealed until then.
type ReplyPolicy struct {
	Allowed bool      `json:"allowed"`
	By      time.Time `json:"by,omitzero"`
	Sealed  bool      `json:"sealed,omitempty"`
}

// Limits of the manual (I.6), in decoded bytes of files.
const (
	MaxPlain        = 5_000_000
	MaxAcknowledged = 60_000_000
)

// Door is the way by which a courier came in.
type Door string

// The doors.
const (
	DoorSMTP    Door = "smtp"
	DoorConsole Door = "console"
	DoorAPI     Door = "api"
	DoorCommand Door = "command" // courier send
)

// Courier is one accepted letter. Everything that its messages are made of is frozen in
// it: the same courier composes to the same bytes for ever.
type Courier struct {
	ID           ID
	Consultation ID
	Author       ID     // the agent
	AuthorName   string // as shown
	AuthorAddr   string // the From the agent wrote as
	Door         Door
	Type         TypeCode
	TypeLabel    string // in the consultation's language
	Options      Options
	Subject      string // decoded, without subject tag; the model's when the agent's was empty
	Excerpt      string // first 300 characters of the text, for lists
	MessageID    string // the agent's own, with its angle brackets; empty when there was none
	Thread       ID     // the courier that began the thread; its own ID when it did
	Content      Hash   // the message as the agent submitted it, CRLF line ends
	Size         int64  // of that message, encoded
	Files        []File // what the agent attached, in order
	// ReceiptAsked: the agent's client asked for a read receipt (Disposition-Notification-To, RFC 8098 §2.1).
	ReceiptAsked bool
	DSN          DSNRequest // what it asked to be told of the delivery (RFC 3461)
	Context      ContextBlock
	Composition  Composition
	Accepted     time.Time
}

// Composition is what composing needs beside the agent's message and the block.
type Composition struct {
	Version  int       `json:"version"`  // of the composer
	BaseURL  string    `json:"base_url"` // of the companies' pages, without a final slash
	Domain   string    `json:"domain"`   // of the gateway's addresses
	Date     time.Time `json:"date"`
	Boundary string    `json:"boundary"`        // unguessable: no part of the agent's can contain it
	Model    string    `json:"model,omitempty"` // the body, when the agent's was empty
	KeyID    byte      `json:"key_id"`          // of the token key in force at acceptance
}

// File is one attachment as the agent or the company sent it.
type File struct {
	Name      string `json:"name"` // base name only, made safe
	MediaType string `json:"media_type"`
	Size      int64  `json:"size"` // decoded bytes
	SHA256    Hash   `json:"sha256"`
	// Part is the place of the file in its message: the child numbers from the root,
	// from 1, as in IMAP (RFC 9051 §6.4.5.1), "1.2"; empty for a file of its own.
	Part string `json:"part,omitempty"`
}

// Recipient is one address of one courier.
type Recipient struct {
	ID          ID
	Courier     ID
	Address     string
	Company     ID     // zero: a free address
	CompanyName string // as it was at acceptance
	Register    Register
	MessageID   string // of the message sent, with its angle brackets; stable over attempts
	Standing    Standing
}

// Name is what people call the recipient.
func (r Recipient) Name() string {
	if r.CompanyName != "" {
		return r.CompanyName
	}
	return r.Address
}

// equalFold compares mail addresses as this gateway does everywhere: without case.
// RFC 5321 §2.4 lets a host tell local parts apart by case; no host that receives
// tender letters does, and treating them apart would send a letter twice.
func equalFold(a, b string) bool { return strings.EqualFold(a, b) }
