package proof

import (
	"time"

	"vaguemestre/gateway"
)

// Told is an event as a proof would tell it: what happened, who did it, what proves it and how strongly.
type Told struct {
	Event    gateway.Event
	Step     string // "Accusé de réception (Lu)"
	Author   string
	Why      string // what proves it (promise 7)
	Strength string
	Withheld bool // its details are sealed or erased
}

// Tell tells events of a courier in the words of proofs, so that whoever shows them elsewhere says the same. Of a
// sealed reply it tells what a proof would at that time (promise 9). language is "fr" or "en".
func Tell(language string, c gateway.Courier, recipients []gateway.Recipient, replies []gateway.Reply, events []gateway.Event, now time.Time) ([]Told, error) {
	w, err := wordsOf(language)
	if err != nil {
		return nil, err
	}
	d := drawer{w: w, ev: &Evidence{Courier: CourierFacts{AuthorAddr: c.AuthorAddr}}, names: map[gateway.ID]RecipientFacts{}, zone: c.Context.Location()}
	for _, r := range recipients {
		d.names[r.ID] = RecipientFacts{Address: r.Address, Company: r.CompanyName}
	}
	g := gathering{Issuer: &Issuer{o: Options{Now: func() time.Time { return now }}}, courier: c, replies: replies}
	told := make([]Told, len(events))
	for i, e := range events {
		f := factsOf(e, g.why(e))
		told[i] = Told{
			Event: e, Step: d.stepName(f), Author: d.author(f), Why: d.why(f), Strength: w.or("strength", string(e.Strength)), Withheld: f.Withheld != "",
		}
	}
	return told, nil
}
