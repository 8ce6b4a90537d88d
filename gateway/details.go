package gateway

import "time"

// What the events say, each in its own shape, as stored in Event.Details (JSON).
type (
	// SubmittedDetails: what the agent asked, as it was understood.
	SubmittedDetails struct {
		Type      TypeCode `json:"type"`
		Options   Options  `json:"options"`
		Subject   string   `json:"subject"`
		MessageID string   `json:"message_id,omitempty"`
		Content   Hash     `json:"content"` // SHA-256 of the message as submitted
		Files     []File   `json:"files,omitempty"`
		Door      Door     `json:"door"`
		Author    string   `json:"author"`
		Context   Hash     `json:"context"` // ContextBlock.Digest
	}
	// RecipientDetails: one recipient of an accepted courier.
	RecipientDetails struct {
		Address  string   `json:"address"`
		Company  string   `json:"company,omitempty"`
		Register Register `json:"register,omitempty"`
		Context  Hash     `json:"context"` // ContextBlock.Digest: the proof for this recipient alone shows no other event that has it
	}
	// RelayDetails: one SMTP transaction (sent, deferred, failed, uncertain).
	RelayDetails struct {
		Host      string    `json:"host"`           // as configured
		Peer      string    `json:"peer,omitempty"` // as it greeted
		Code      int       `json:"code,omitempty"` // RFC 5321 §4.2
		Enhanced  string    `json:"enhanced,omitempty"`
		Reply     string    `json:"reply,omitempty"` // its words, lines joined by " / "
		TLS       string    `json:"tls,omitempty"`   // "TLS 1.3"
		Cipher    string    `json:"cipher,omitempty"`
		Verified  bool      `json:"verified,omitempty"` // the certificate was checked
		MessageID string    `json:"message_id,omitempty"`
		ENVID     string    `json:"envid,omitempty"`
		DSN       bool      `json:"dsn"`             // the relay offers RFC 3461: a report can be hoped for
		SHA256    Hash      `json:"sha256,omitzero"` // of the exact bytes after the dot-stuffing was undone
		Size      int64     `json:"size,omitempty"`
		Signature []string  `json:"signature,omitempty"` // the DKIM-Signature fields, in order: with them the bytes can be made again
		Stage     string    `json:"stage,omitempty"`     // where it stopped: connect, hello, tls, auth, mail, rcpt, data, dot
		Cause     string    `json:"cause,omitempty"`
		Next      time.Time `json:"next,omitzero"` // next attempt
	}
	// ReportDetails: one recipient of a delivery report (RFC 3464 §2.3), or of a bounce read without one.
	ReportDetails struct {
		Action         string    `json:"action"`
		Status         string    `json:"status,omitempty"`
		Diagnostic     string    `json:"diagnostic,omitempty"`
		ReportingMTA   string    `json:"reporting_mta,omitempty"`
		RemoteMTA      string    `json:"remote_mta,omitempty"`
		FinalRecipient string    `json:"final_recipient,omitempty"`
		ENVID          string    `json:"envid,omitempty"`
		Arrival        time.Time `json:"arrival,omitzero"`
		LastAttempt    time.Time `json:"last_attempt,omitzero"`
		Reason         string    `json:"reason,omitempty"` // classify's word: mailbox-full, user-unknown…
		Standard       bool      `json:"standard"`         // a machine-readable report, not a guess from prose
		AuthResults    string    `json:"auth_results,omitempty"`
		Content        Hash      `json:"content"` // the raw report
	}
	// VisitDetails: a look at the link.
	VisitDetails struct {
		Method string `json:"method"`
		Looks  string `json:"looks"` // person, scanner, prefetch, preview
		Why    string `json:"why,omitempty"`
		Visit  string `json:"visit,omitempty"` // which showing of the landing page it was
	}
	// ReadDetails: the acknowledgement.
	ReadDetails struct {
		By    string `json:"by"` // button, code
		Looks string `json:"looks"`
		Why   string `json:"why,omitempty"`
		// The landing page that the button was on: which showing, and when. Its form comes from nowhere else.
		Visit    string    `json:"visit,omitempty"`
		ShownAt  time.Time `json:"shown_at,omitzero"`
		Language string    `json:"language,omitempty"`
		Shown    Hash      `json:"shown"` // SHA-256 of the courier's content that it opened
	}
	// DownloadDetails: one file fetched from the page.
	DownloadDetails struct {
		File File `json:"file"`
	}
	// InfectedDetails: a file that is not handed out.
	InfectedDetails struct {
		File      File   `json:"file"`
		Signature string `json:"signature"` // the scanner's name for what it found
	}
	// ReplyDetails: a company's answer. While sealed, Commitment stands for the hashes.
	ReplyDetails struct {
		Reply       ID     `json:"reply"`
		By          string `json:"by"` // mail, page
		From        string `json:"from"`
		OtherSender bool   `json:"other_sender,omitempty"`
		Late        bool   `json:"late,omitempty"`
		Sealed      bool   `json:"sealed,omitempty"`
		MessageID   string `json:"message_id,omitempty"`
		Content     Hash   `json:"content,omitzero"`
		Commitment  Hash   `json:"commitment,omitzero"` // salted hash of the content of a sealed answer
		Files       []File `json:"files,omitempty"`
		AuthResults string `json:"auth_results,omitempty"`
		MatchedBy   string `json:"matched_by"` // token, references, hand
	}
	// UnsealedDetails: a sealed answer opened at its date; its commitment can be checked from now on. Or a sealed mail that is no answer,
	// at its date or for the reason that an administrator gave who placed it.
	UnsealedDetails struct {
		Reply   ID     `json:"reply,omitzero"`
		Mail    ID     `json:"mail,omitzero"`
		Content Hash   `json:"content"`
		Files   []File `json:"files,omitempty"`
		Reason  string `json:"reason,omitempty"`
	}
	// MailDetails: an absence, a challenge, an MDN, a complaint, mail put in quarantine, or what a person did with it.
	MailDetails struct {
		From        string `json:"from,omitempty"`
		Subject     string `json:"subject,omitempty"`
		Reason      string `json:"reason,omitempty"`
		Disposition string `json:"disposition,omitempty"` // RFC 8098 §3.2.6, whole
		Content     Hash   `json:"content"`
		MatchedBy   string `json:"matched_by,omitempty"`
	}
	// ReasonDetails: an act with its reason (cancelled, withdrawn, retried, reminded, wrong-recipient).
	ReasonDetails struct {
		Reason string `json:"reason,omitempty"`
		Number int    `json:"number,omitempty"` // of the reminder
	}
	// NotifiedDetails: which notice, and to whom when it is about no courier.
	NotifiedDetails struct {
		Notice NoticeKind `json:"notice"`
		Agent  ID         `json:"agent,omitzero"`
		Days   int        `json:"days,omitempty"` // without reading
	}
	// OpenedDetails: an agent read a company's answer through the gateway.
	OpenedDetails struct {
		Reply ID `json:"reply"`
	}
	// ProofDetails: a proof that was handed out.
	ProofDetails struct {
		For    ID   `json:"for,omitzero"` // the recipient it is limited to
		SHA256 Hash `json:"sha256"`
	}
)
