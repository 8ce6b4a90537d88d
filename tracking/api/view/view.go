// Package view is what programs are shown: the JSON of the API, which the command line writes too (--json).
//
// It promises that what may be erased or sealed never stands in it: no details of events, no network details, nothing
// of a reply but that there is one. It keeps nothing.
package view

import (
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/intake"
)

// Consultation is one, without its companies.
type Consultation struct {
	ID               gateway.ID `json:"id"`
	Reference        string     `json:"reference"`
	Address          string     `json:"address"`
	Title            string     `json:"title"`
	Object           string     `json:"object"`
	Deadline         time.Time  `json:"deadline,omitzero"`
	PublicBody       string     `json:"public_body"`
	PurchasingEntity string     `json:"purchasing_entity"`
	Zone             string     `json:"zone"`
	Language         string     `json:"language"`
	Archived         time.Time  `json:"archived,omitzero"`
}

// Consultations is a list of them.
type Consultations struct {
	Consultations []Consultation `json:"consultations"`
}

// OfConsultation shows one.
func OfConsultation(c gateway.Consultation) Consultation {
	return Consultation{c.ID, c.Reference, c.Address, c.Title, c.Object, c.Deadline, c.PublicBody, c.PurchasingEntity, c.Zone, c.Language, c.Archived}
}

// Company is one of a consultation.
type Company struct {
	Ref       string             `json:"ref"`
	Name      string             `json:"name"`
	Addresses []string           `json:"addresses"`
	Registers []gateway.Register `json:"registers"`
}

// Companies is a list of them.
type Companies struct {
	Companies []Company `json:"companies"`
}

// OfCompany shows one.
func OfCompany(c gateway.Company) Company {
	return Company{c.Ref, c.Name, Some(c.Addresses), Some(c.Registers)}
}

// Agent is one with what they may write about.
type Agent struct {
	Login         string   `json:"login"`
	Name          string   `json:"name"`
	Addresses     []string `json:"addresses"`
	Disabled      *bool    `json:"disabled,omitempty"`      // absent in a put: it stays
	Administrator *bool    `json:"administrator,omitempty"` // absent in a put: it stays
	Consultations []string `json:"consultations"`           // references; absent in a put: entitlements stay
}

// Agents is a list of them.
type Agents struct {
	Agents []Agent `json:"agents"`
}

// OfAgents shows them, each with the references that they may write about.
func OfAgents(all []gateway.Agent, may map[gateway.ID][]string) Agents {
	return Agents{All(all, func(a gateway.Agent) Agent {
		return Agent{a.Login, a.Name, Some(a.Addresses), &a.Disabled, &a.Administrator, Some(may[a.ID])}
	})}
}

// Entitled is the logins of those who may write about a consultation.
type Entitled struct {
	Agents []string `json:"agents"`
}

// OfEntitled shows them.
func OfEntitled(agents []gateway.Agent) Entitled {
	return Entitled{All(agents, func(a gateway.Agent) string { return a.Login })}
}

// Courier is one; in a list it has States, alone it has Recipients and Events.
type Courier struct {
	ID           gateway.ID       `json:"id"`
	Consultation string           `json:"consultation"` // reference, as it was
	Type         gateway.TypeCode `json:"type"`
	Subject      string           `json:"subject"`
	Author       string           `json:"author"`
	Accepted     time.Time        `json:"accepted"`
	Content      gateway.Hash     `json:"content"`
	Acknowledged bool             `json:"acknowledged"`
	States       map[string]int   `json:"states,omitempty"`
	Recipients   []Recipient      `json:"recipients,omitempty"`
	Events       []Event          `json:"events,omitempty"`
}

// Couriers is a page of them; Next is empty on the last one.
type Couriers struct {
	Couriers []Courier `json:"couriers"`
	Next     string    `json:"next"`
}

// OfCourier shows one, without its recipients.
func OfCourier(c gateway.Courier) Courier {
	return Courier{
		ID: c.ID, Consultation: c.Context.Reference, Type: c.Type, Subject: c.Subject, Author: c.AuthorAddr, Accepted: c.Accepted,
		Content: c.Content, Acknowledged: c.Options.Acknowledged,
	}
}

// WithStates adds how many recipients are in each state.
func (c Courier) WithStates(counts map[gateway.State]int) Courier {
	c.States = map[string]int{}
	for state, n := range counts {
		c.States[state.String()] = n
	}
	return c
}

// With adds recipients and events.
func (c Courier) With(recipients []gateway.Recipient, events []gateway.Event) Courier {
	c.Recipients, c.Events = All(recipients, OfRecipient), All(events, OfEvent)
	return c
}

// Recipient is one of a courier.
type Recipient struct {
	ID      gateway.ID `json:"id"`
	Address string     `json:"address"`
	Company string     `json:"company"`
	State   string     `json:"state"`
}

// OfRecipient shows one.
func OfRecipient(r gateway.Recipient) Recipient {
	return Recipient{r.ID, r.Address, r.CompanyName, r.Standing.State.String()}
}

// Event is one, without its details.
type Event struct {
	ID        gateway.ID        `json:"id"`
	Kind      gateway.EventKind `json:"kind"`
	Courier   gateway.ID        `json:"courier,omitzero"`
	Recipient gateway.ID        `json:"recipient,omitzero"`
	Occurred  time.Time         `json:"occurred"`
	Recorded  time.Time         `json:"recorded"`
	Strength  gateway.Strength  `json:"strength"`
	Position  int64             `json:"position"` // -1: not yet in the ledger
}

// Events is a page of the feed; Next is the cursor of the one after it.
type Events struct {
	Events []Event `json:"events"`
	Next   int64   `json:"next"`
}

// OfEvent shows one.
func OfEvent(e gateway.Event) Event {
	return Event{e.ID, e.Kind, e.Courier, e.Recipient, e.Occurred, e.Recorded, e.Strength, e.Position}
}

// Sent is the answer to a courier that was taken.
type Sent struct {
	Outcome  intake.Outcome `json:"outcome"`
	Courier  gateway.ID     `json:"courier"`
	Added    int            `json:"added"` // recipients who get it because of this request
	Text     string         `json:"text"`
	Warnings int            `json:"warnings"`
}

// OfReceipt shows one.
func OfReceipt(r intake.Receipt) Sent {
	return Sent{r.Outcome, r.Courier.ID, len(r.Added), r.Text, len(r.Warnings)}
}

// All shows each; the list is never null.
func All[T, V any](all []T, show func(T) V) []V {
	list := make([]V, 0, len(all))
	for _, one := range all {
		list = append(list, show(one))
	}
	return list
}

// Some is a list that is never null.
func Some[T any](all []T) []T { return append([]T{}, all...) }
