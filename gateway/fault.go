package gateway

import (
	"errors"
	"fmt"
)

// Class says what kind of failure a Fault is.
type Class int

// The classes. The zero value is Temporary: an unknown failure is ours, and is tried again.
const (
	Temporary Class = iota // our outage, or the peer's 4xx: try again
	Permanent              // the peer's 5xx, or a refusal: trying again changes nothing
	Unknown                // the connection was lost after the final dot: it may have been taken
)

// Fault is the one type of failure that crosses packages.
type Fault struct {
	Class    Class
	Code     int    // SMTP reply code (RFC 5321 §4.2); 0: none
	Enhanced [3]int // RFC 3463; zero: none
	Op       string // what was being done: "claim jobs"
	// Key and Args name the sentence that the person gets, in the catalogue (gateway/catalog).
	// Empty for failures that only the administrator sees.
	Key  string
	Args map[string]any
	Err  error // the cause: logged, never sent
}

// Error is for logs.
func (f *Fault) Error() string {
	text := f.Op
	if f.Code != 0 {
		text = fmt.Sprintf("%s: %d %d.%d.%d", text, f.Code, f.Enhanced[0], f.Enhanced[1], f.Enhanced[2])
	}
	if f.Key != "" {
		text += ": " + f.Key
	}
	if f.Err != nil {
		text += ": " + f.Err.Error()
	}
	return text
}

// Unwrap gives the cause.
func (f *Fault) Unwrap() error { return f.Err }

// FaultOf finds the Fault in an error; any other error becomes a temporary one.
func FaultOf(err error) *Fault {
	var f *Fault
	if errors.As(err, &f) {
		return f
	}
	return &Fault{Class: Temporary, Code: 451, Enhanced: [3]int{4, 3, 0}, Op: "internal", Key: "internal", Err: err}
}

// Refuse is a permanent refusal with a sentence of the catalogue.
func Refuse(code int, enhanced [3]int, key string, args map[string]any) *Fault {
	return &Fault{Class: Permanent, Code: code, Enhanced: enhanced, Op: "refuse", Key: key, Args: args}
}
