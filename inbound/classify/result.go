package classify

import "time"

// Class is what a mail is.
type Class string

// The classes.
const (
	ClassReport    Class = "report"    // a delivery report, standard or not; see Result.Reports
	ClassReceipt   Class = "mdn"       // a read receipt (RFC 8098)
	ClassComplaint Class = "arf"       // a complaint or authentication failure report (RFC 5965)
	ClassAbsence   Class = "absence"   // an automatic answer: absence, "we received your message"
	ClassChallenge Class = "challenge" // an anti-spam system asks the sender to act
	ClassBulk      Class = "bulk"      // sent by a machine, to many or to nobody in particular
	ClassReply     Class = "reply"     // a person wrote it
)

// The actions of RFC 3464 §2.3.3.
const (
	Failed    = "failed"
	Delayed   = "delayed"
	Delivered = "delivered"
	Relayed   = "relayed"
	Expanded  = "expanded"
)

// Result is what Classify understood of one mail.
type Result struct {
	Class Class `json:"class"`
	// Why names the rule that decided, for the administrator.
	Why string `json:"why"`
	// Standard: the class and the reports come from machine-readable fields, not from prose.
	Standard bool     `json:"standard"`
	Reports  []Report `json:"reports,omitempty"` // of reports, receipts, complaints and absences; in the mail's order

	// About the report as a whole (RFC 3464 §2.2).
	ReportingMTA string    `json:"reporting_mta,omitempty"`
	ENVID        string    `json:"envid,omitempty"`
	Arrival      time.Time `json:"arrival,omitzero"`
	// Disposition is that of a receipt, whole: "manual-action/MDN-sent-manually; displayed" (RFC 8098 §3.2.6).
	Disposition string `json:"disposition,omitempty"`
	// FeedbackType is that of a complaint: "abuse", "auth-failure" (RFC 5965 §3.1).
	FeedbackType string `json:"feedback_type,omitempty"`

	From     string   `json:"from,omitempty"` // the address alone, as written
	Subject  string   `json:"subject,omitempty"`
	Original Original `json:"original,omitzero"`
}

// Report is what became of one recipient.
type Report struct {
	Recipient         string `json:"recipient"`                    // as the reporter names it; empty when it names none
	OriginalRecipient string `json:"original_recipient,omitempty"` // as we had addressed it (ORCPT), before any forwarding
	Action            string `json:"action,omitempty"`             // one of the five; empty in receipts and complaints
	// Status is the best reading of the enhanced code (RFC 3463): the code of the remote server's own
	// words when the Status field is vaguer or absent. ReportedStatus is the field as it stands.
	Status         string    `json:"status,omitempty"`
	ReportedStatus string    `json:"reported_status,omitempty"`
	ReplyCode      int       `json:"reply_code,omitempty"` // RFC 5321 §4.2; 0: unknown
	Diagnostic     string    `json:"diagnostic,omitempty"` // at most maxDiagnostic octets
	Command        string    `json:"command,omitempty"`    // the SMTP command that was answered: CONN, EHLO, MAIL, RCPT, DATA
	Reason         Reason    `json:"reason"`
	Permanent      bool      `json:"permanent"` // trying again later changes nothing
	RemoteMTA      string    `json:"remote_mta,omitempty"`
	LastAttempt    time.Time `json:"last_attempt,omitzero"`
	WillRetryUntil time.Time `json:"will_retry_until,omitzero"`
}

// Original is what the mail says of the message it is about: from the returned headers, the
// fields of the report, or the reply's own threading fields.
type Original struct {
	MessageID  string   `json:"message_id,omitempty"` // with its angle brackets
	References []string `json:"references,omitempty"` // In-Reply-To and References of the mail itself, nearest first
	To         []string `json:"to,omitempty"`
	// Addresses are all the addresses in which a token of ours may stand, of the returned headers
	// and fields: Return-Path, Reply-To, Original-Mail-From…
	Addresses []string `json:"addresses,omitempty"`
	Subject   string   `json:"subject,omitempty"`
}
