package gateway

import "time"

// AppPassword is a password of its own for one program of an agent (a mail client), so
// that it can be withdrawn alone.
type AppPassword struct {
	ID      ID
	Agent   ID
	Label   string // the agent's word for the program
	Hash    string // account.AppHash: the password is random, so nothing slower is needed
	Created time.Time
	Used    time.Time // last time; zero: never
	Revoked time.Time // zero: in force
}

// APIKey lets the platform call the API. The key itself is shown once and never stored.
type APIKey struct {
	ID      ID
	Label   string
	Hash    Hash // SHA-256 of the key: it is random, so nothing slower is needed
	Scopes  []string
	Created time.Time
	Used    time.Time // last time; zero: never
	Revoked time.Time // zero: in force
}
