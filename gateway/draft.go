package gateway

import "time"

// Draft is a courier that is not sent yet (brouillon). Only its agent sees it.
type Draft struct {
	ID           ID
	Agent        ID
	Consultation ID // zero while none is chosen
	Type         TypeCode
	Options      Options
	Subject      string
	Recipients   []string // as typed: addresses, control addresses, company references
	Content      Hash     // the message so far; zero: none yet
	Updated      time.Time
	Version      int64 // grows with every change; a change says which one it saw
}
