package gateway

import (
	"bytes"
	"encoding/json"
	"sync"
	"time"
)

// Consultation is a tender: what the platform says of it.
type Consultation struct {
	ID        ID
	Reference string // as the platform writes it
	// Address is the reference folded, or its alias: the local part by which agents
	// name the consultation (address.Fold). Unique among consultations, never a
	// reserved local part, at most 24 octets.
	Address          string
	Title            string    // intitulé
	Object           string    // objet
	Deadline         time.Time // date limite de remise des plis; zero: none
	PublicBody       string    // organisme
	PurchasingEntity string    // entité d'achat
	Zone             string    // IANA name; DefaultZone when the platform gives none
	Language         string    // "fr" or "en": the mails and pages of the companies
	Archived         time.Time // zero: open
	Updated          time.Time
}

// DefaultZone is the zone of consultations that name none.
const DefaultZone = "Europe/Paris"

// Location is the consultation's zone; an unknown name, which import refuses, gives UTC.
func (c Consultation) Location() *time.Location { return location(c.Zone) }

func location(zone string) *time.Location {
	if zone == "" || zone == DefaultZone {
		return defaultLocation()
	}
	return load(zone)
}

// defaultLocation is read once: every letter asks for it several times, and reading a zone is reading a file.
var defaultLocation = sync.OnceValue(func() *time.Location { return load(DefaultZone) })

func load(zone string) *time.Location {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return time.UTC
	}
	return loc
}

// Register names a list of a consultation's companies.
type Register string

// The registers, by the words agents use in addresses.
const (
	Retraits        Register = "retraits"         // took the documents
	Depots          Register = "depots"           // handed in a bid
	Questions       Register = "questions"        // asked a question
	PhasePrecedente Register = "phase-precedente" // kept from an earlier phase
)

// registers is every register, in the order in which they are shown.
var registers = [...]Register{PhasePrecedente, Retraits, Depots, Questions}

// Registers gives every register, in the order in which they are shown.
func Registers() []Register { return registers[:] }

// Company is a company of one consultation.
type Company struct {
	ID        ID
	Ref       string   // folded name, unique in its consultation: the word `e-<ref>` of an address
	Name      string   // raison sociale
	Addresses []string // at least one mail address
	Registers []Register
}

// ContextBlock is what the contextual block says: the consultation's facts as they
// were when the courier was accepted.
type ContextBlock struct {
	Reference        string    `json:"reference"`
	Title            string    `json:"title"`
	Object           string    `json:"object"`
	Deadline         time.Time `json:"deadline,omitzero"`
	PublicBody       string    `json:"public_body"`
	PurchasingEntity string    `json:"purchasing_entity"`
	Zone             string    `json:"zone"`
	Language         string    `json:"language"`
}

// Block takes the facts of the consultation as they are now.
func (c Consultation) Block() ContextBlock {
	return ContextBlock{
		Reference: c.Reference, Title: c.Title, Object: c.Object, Deadline: c.Deadline,
		PublicBody: c.PublicBody, PurchasingEntity: c.PurchasingEntity, Zone: c.Zone, Language: c.Language,
	}
}

// Digest is the SHA-256 of the block in its canonical form, which is that of evidence.json: JSON with its keys in order, without spaces, the deadline
// in UTC.
func (b ContextBlock) Digest() Hash {
	var text bytes.Buffer
	e := json.NewEncoder(&text)
	e.SetEscapeHTML(false)
	err := e.Encode(struct { // the keys in order
		Deadline         time.Time `json:"deadline,omitzero"`
		Language         string    `json:"language"`
		Object           string    `json:"object"`
		PublicBody       string    `json:"public_body"`
		PurchasingEntity string    `json:"purchasing_entity"`
		Reference        string    `json:"reference"`
		Title            string    `json:"title"`
		Zone             string    `json:"zone"`
	}{b.Deadline.UTC(), b.Language, b.Object, b.PublicBody, b.PurchasingEntity, b.Reference, b.Title, b.Zone})
	if err != nil {
		return Hash{} // a deadline beyond the year 9999: nobody's
	}
	return HashOf(bytes.TrimSuffix(text.Bytes(), []byte("\n")))
}

// Location is the zone in which the block's dates are shown.
func (b ContextBlock) Location() *time.Location { return location(b.Zone) }

// Agent is a person who may write couriers.
type Agent struct {
	ID        ID
	Login     string   // what the mail client sends as user name; lower case, unique
	Name      string   // shown to companies beside the public body
	Addresses []string // the senders this account may use; lower case; the first one receives the notices
	Password  string   // argon2id in PHC form; empty: may not log in with a local password
	Disabled  bool
	// Administrator: they also see to the gateway itself (queue, quarantine, agents).
	Administrator bool
	Version       int64 // grows with every change, so that a remembered verification dies with it
	// Notices is what they chose to be told; it is changed by itself (store.SetNotices).
	Notices Notices
}

// Owns tells whether the agent may write as this address (compared without case).
func (a Agent) Owns(address string) bool {
	for _, own := range a.Addresses {
		if equalFold(own, address) {
			return true
		}
	}
	return false
}
