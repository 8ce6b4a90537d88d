// Package roster reads what the platform says of its consultations: their facts, their
// companies and registers, as JSON or CSV. It is one way for the command line and the API.
//
// It promises that what it gives can be stored and named: every address is a mailbox that a letter
// can go to, every consultation and company has a name that fits in an agent's address. Every
// problem of a file is said at once, with the place and what to change. Reading keeps nothing;
// Put stores all of a file or nothing of it, in one transaction, and repeating it changes nothing.
//
// # JSON
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
//
// # CSV
//
// A first line of column names, then one line for each address, or company, or consultation: lines with the same
// reference are one consultation, lines with the same company one company. Columns, by either name, in any order; case,
// accents and punctuation do not count:
//
//	reference          référence             required
//	address            adresse passerelle    the consultation's own, when the reference cannot serve as one
//	title              intitulé
//	object             objet
//	deadline           date limite           09/03/2021 10:00, or as in JSON
//	public_body        organisme             required, on one line of the consultation at least
//	purchasing_entity  entité d'achat
//	zone               fuseau
//	language           langue
//	archived           archivée
//	company            entreprise            required where there is an address
//	ref                identifiant           the company's word in addresses
//	mail               courriel              one address or several, with commas, semicolons or spaces between
//	registers          registres             one or several, with commas, semicolons or + between
//
// Separators are the comma, the semicolon (French spreadsheets) or the tabulator; quotes are those of RFC 4180; the text
// is UTF-8, with or without its mark, or else Windows-1252. A consultation without any company in the file keeps those it has.
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
	Listed       bool   // the file has a list of companies, be it empty
	Addressed    bool   // the file says its address
	Place        string // in the file: "[2]", "line 7"
}

// Problem is something to change in a file.
type Problem struct {
	Path string // "[2].companies[13].addresses[0]", `line 7, column "organisme"`; empty: the file as a whole
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
		c, path := &entries[i].Consultation, entries[i].Place
		if err := settle(ctx, known, &entries[i]); err != nil {
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
func settle(ctx context.Context, known Known, e *Entry) error {
	if e.Addressed {
		return nil
	}
	c := &e.Consultation
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
	Known
	ImportConsultations(ctx context.Context, entries []store.Entry, how store.Import) ([]gateway.Consultation, error)
}

// settleTries: the address that was free a moment ago may be taken by the import of another process, which the
// next look at the store sees.
const settleTries = 3

// Put settles entries and stores them, all or none, and gives the consultations as they are stored. It fails with
// Problems when an address is not to be had.
func Put(ctx context.Context, s Store, entries []Entry, how store.Import) ([]gateway.Consultation, error) {
	for try := 1; ; try++ {
		if err := Settle(ctx, s, entries); err != nil {
			return nil, err
		}
		all := make([]store.Entry, len(entries))
		for i, e := range entries {
			all[i] = store.Entry{Consultation: e.Consultation, KeepAddress: !e.Addressed, Companies: e.Companies, Listed: e.Listed}
		}
		stored, err := s.ImportConsultations(ctx, all, how)
		if !errors.Is(err, store.ErrAddressTaken) || try == settleTries {
			return stored, err
		}
	}
}
