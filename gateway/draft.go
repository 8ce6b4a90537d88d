package gateway

import "time"

// Draft is a courier that is not sent yet (brouillon). The agents entitled to its consultation share it.
type Draft struct {
	ID           ID
	Agent        ID // who began it
	Consultation ID
	Type         TypeCode
	Options      Options
	Subject      string
	Text         string   // as typed: plain text, or HTML when Rich
	Rich         bool     // the text is HTML, which nobody has made safe yet
	Recipients   []string // as typed: addresses, and control addresses for registers and companies
	// Content is the whole message of a draft that came by mail, until it is first edited: its text and files are
	// there. Zero: they are in Text and Files.
	Content Hash
	Files   []DraftFile // in the order in which they were added; not filled in by lists
	Updated time.Time
	Version int64 // grows with every change of what is above Files; a change says which one it saw
}

// DraftFile is a file of a draft. Its SHA256 names its content.
type DraftFile struct {
	ID ID
	File
}
