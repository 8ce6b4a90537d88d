// Package roster reads what the platform says of its consultations: their facts, their
// companies and registers, as JSON. It is one way for the command line and the API.
//
// It promises that what it gives can be stored and named: every address is a mailbox that a letter
// can go to, every consultation and company has a name that fits in an agent's address. Every
// problem of a file is said at once, with the place and what to change. Reading keeps nothing;
// Put stores one consultation at a time, each whole, and repeating it changes nothing: after a crash, import again.
//
//	{
//	  "reference": "TESTESR2020",              required
//	  "address": "testesr2020",                when the reference cannot serve as one
//	  "title": "…", "object": "…",
//	  "deadline": "2021-03-09T10:00:00+01:00", or "2021-03-09 10:00" in the zone
//	  "public_body": "…",                      required
//	  "purchasing_entity": "…",
//	  "zone": "Europe/Paris", "language": "fr",
//	  "archived": "2021-12-31",
//	  "companies": [
//	    {"name": "…", "ref": "…", "addresses": ["…"], "registers": ["retraits"]}
//	  ]
//	}
//
// or an array of these. Companies may be left out: then none change.
package roster

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"vaguemestre/gateway"
	"vaguemestre/gateway/address"
	"vaguemestre/gateway/store"
)

// Entry is one consultation with its companies.
type Entry struct {
	Consultation gateway.Consultation
	Companies    []gateway.Company
	Listed       bool // the file has a list of companies, be it empty
}

// Problem is something to change in a file.
type Problem struct {
	Path string // "[2].companies[13].addresses[0]"; empty: the file as a whole
	Text string
}

// Error says the place and the problem.
func (p Problem) Error() string { return strings.TrimPrefix(p.Path+": "+p.Text, ": ") }

// Problems are all the problems of a file.
type Problems []Problem

// Error is one problem a line.
func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, problem := range p {
		lines[i] = problem.Error()
	}
	return strings.Join(lines, "\n")
}

// Known is what is stored already.
type Known interface {
	ConsultationByReference(ctx context.Context, reference string) (gateway.Consultation, error)
	ConsultationByAddress(ctx context.Context, folded string) (gateway.Consultation, error)
}

// Settle gives every consultation its address: the one that the file says, else the one that it has, else
// its reference folded, or an alias when that is too long or begins as a register does. A reserved name and
// another consultation's are problems, said with a proposal.
func Settle(ctx context.Context, known Known, entries []Entry) error {
	var problems Problems
	taken := map[string]string{} // by the consultations of the file
	for i := range entries {
		c := &entries[i].Consultation
		path := fmt.Sprintf("[%d]", i)
		if err := settle(ctx, known, c); err != nil {
			return err
		}
		owner, err := owner(ctx, known, taken, c.Address)
		if err != nil {
			return err
		}
		switch {
		case c.Address == "" || address.Reserved(c.Address):
			problems = append(problems, Problem{path, fmt.Sprintf("the reference %q cannot be an address: add %s", c.Reference, proposal(c.Address))})
		case owner != "" && owner != c.Reference:
			free, err := vacant(ctx, known, taken, c.Address)
			if err != nil {
				return err
			}
			problems = append(problems, Problem{path, fmt.Sprintf("the address %q is that of %q: add \"address\": %q", c.Address, owner, free)})
		default:
			taken[c.Address] = c.Reference
		}
	}
	if len(problems) > 0 {
		return problems
	}
	return nil
}

func proposal(reserved string) string {
	if reserved == "" {
		return `"address" with letters and digits`
	}
	return fmt.Sprintf(`"address": %q`, address.Alias(reserved))
}

// settle chooses the address that a consultation would have.
func settle(ctx context.Context, known Known, c *gateway.Consultation) error {
	if c.Address != "" {
		return nil
	}
	stored, err := known.ConsultationByReference(ctx, c.Reference)
	switch {
	case err == nil:
		c.Address = stored.Address
	case !errors.Is(err, gateway.ErrNotFound):
		return fmt.Errorf("look for a consultation: %w", err)
	case address.Reserved(address.Fold(c.Reference)):
		c.Address = address.Fold(c.Reference)
	default:
		c.Address = address.Alias(c.Reference)
	}
	return nil
}

// owner is the reference of the consultation that has an address, in the file or the store.
func owner(ctx context.Context, known Known, taken map[string]string, name string) (string, error) {
	if reference, ok := taken[name]; ok {
		return reference, nil
	}
	c, err := known.ConsultationByAddress(ctx, name)
	if errors.Is(err, gateway.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look for an address: %w", err)
	}
	return c.Reference, nil
}

// vacant is the first of name-2, name-3… that nobody has.
func vacant(ctx context.Context, known Known, taken map[string]string, name string) (string, error) {
	base := strings.TrimRight(name[:min(len(name), address.MaxName-4)], "-._")
	for n := 2; ; n++ {
		free := fmt.Sprintf("%s-%d", base, n)
		if reference, err := owner(ctx, known, taken, free); err != nil || reference == "" {
			return free, err
		}
	}
}

// Store is where consultations are put.
type Store interface {
	PutConsultation(context.Context, gateway.Consultation) (gateway.Consultation, error)
	PutCompanies(ctx context.Context, consultation gateway.ID, companies []gateway.Company, mode store.Mode) error
}

// Put stores settled entries and gives the consultations as they are stored.
func Put(ctx context.Context, s Store, entries []Entry, mode store.Mode) ([]gateway.Consultation, error) {
	stored := make([]gateway.Consultation, 0, len(entries))
	for _, e := range entries {
		c, err := s.PutConsultation(ctx, e.Consultation)
		if err != nil {
			return stored, fmt.Errorf("put the consultation %q: %w", e.Consultation.Reference, err)
		}
		if e.Listed {
			if err := s.PutCompanies(ctx, c.ID, e.Companies, mode); err != nil {
				return stored, fmt.Errorf("put the companies of %q: %w", c.Reference, err)
			}
		}
		stored = append(stored, c)
	}
	return stored, nil
}
