package store

import (
	"context"
	"slices"
	"strings"

	"vaguemestre/gateway"
)

// Mode says how PutCompanies treats what is stored already.
type Mode int

// The modes.
const (
	Merge   Mode = iota // registers add up; name and addresses become those given
	Replace             // the list is whole: companies that are not in it go
)

const companyColumns = `id, ref, name, addresses, registers`

func scanCompany(row scanner) (c gateway.Company, err error) {
	var registers string
	err = row.Scan(&c.ID, &c.Ref, &c.Name, object{&c.Addresses}, &registers)
	for r := range strings.FieldsFuncSeq(registers, func(r rune) bool { return r == ',' }) {
		c.Registers = append(c.Registers, gateway.Register(r))
	}
	return c, err
}

// joined is the registers as stored, in the order in which they are shown: ",retraits,depots,".
func joined(registers []gateway.Register) string {
	var b strings.Builder
	for _, r := range gateway.Registers() {
		if slices.Contains(registers, r) {
			b.WriteString("," + string(r))
		}
	}
	if b.Len() == 0 {
		return ""
	}
	return b.String() + ","
}

// PutCompanies stores companies of a consultation, by their Ref. Repeating it changes
// nothing. One transaction, whatever their number.
func (s *Store) PutCompanies(ctx context.Context, consultation gateway.ID, companies []gateway.Company, mode Mode) error {
	return s.PutCompaniesIf(ctx, consultation, companies, mode, nil)
}

// PutCompaniesIf is PutCompanies unless guard fails: it sees the companies as they stand, by name,
// with nobody else changing them, and its error ends it all and is given.
func (s *Store) PutCompaniesIf(ctx context.Context, consultation gateway.ID, companies []gateway.Company, mode Mode, guard func([]gateway.Company) error) error {
	return s.write(ctx, "put companies", func(t *tx) error { return t.putCompanies(consultation, companies, mode, guard) })
}

func (t *tx) putCompanies(consultation gateway.ID, companies []gateway.Company, mode Mode, guard func([]gateway.Company) error) error {
	if err := t.holdConsultation(consultation); err != nil {
		return err
	}
	known, err := list(t.ctx, t.run, scanCompany, "SELECT "+companyColumns+" FROM company WHERE consultation = $1 ORDER BY name, ref", consultation.String())
	if err == nil && guard != nil {
		err = guard(known)
	}
	if err != nil {
		return err
	}
	byRef := make(map[string]gateway.Company, len(known))
	for _, c := range known {
		byRef[c.Ref] = c
	}
	rows := make([][]any, len(companies))
	for i, c := range companies {
		if mode == Merge {
			c.Registers = append(slices.Clone(byRef[c.Ref].Registers), c.Registers...)
			byRef[c.Ref] = c // it may be named again
		} else {
			delete(byRef, c.Ref)
		}
		rows[i] = t.companyArgs(consultation, c)
	}
	if _, err := t.many(putCompany, rows); err != nil || mode == Merge {
		return err
	}
	var gone [][]any
	for ref := range byRef {
		gone = append(gone, []any{consultation.String(), ref})
	}
	_, err = t.many("DELETE FROM company WHERE consultation = $1 AND ref = $2", gone)
	return err
}

const putCompany = `INSERT INTO company (id, consultation, ref, name, addresses, registers) VALUES ($1, $2, $3, $4, $5, $6)
	ON CONFLICT (consultation, ref) DO UPDATE SET name = excluded.name, addresses = excluded.addresses, registers = excluded.registers`

func (t *tx) companyArgs(consultation gateway.ID, c gateway.Company) []any {
	if c.ID.IsZero() {
		c.ID = gateway.NewID(t.now())
	}
	return []any{c.ID.String(), consultation.String(), c.Ref, c.Name, text(c.Addresses), joined(c.Registers)}
}

// RemoveCompany takes a company out of a consultation; couriers sent to it stay.
func (s *Store) RemoveCompany(ctx context.Context, consultation gateway.ID, ref string) error {
	return s.write(ctx, "remove a company", func(t *tx) error {
		return t.must(gateway.ErrNotFound, "DELETE FROM company WHERE consultation = $1 AND ref = $2", consultation.String(), ref)
	})
}

// Companies gives those of a register of the consultation, or all when it is empty, by name.
func (s *Store) Companies(ctx context.Context, consultation gateway.ID, register gateway.Register) ([]gateway.Company, error) {
	q := newFilter("SELECT " + companyColumns + " FROM company WHERE true")
	q.and("consultation =", consultation.String())
	if register != "" {
		q.raw(" AND " + s.engine.dialect().place + "(registers, " + q.arg(","+string(register)+",") + ") > 0")
	}
	q.raw(" ORDER BY name, ref")
	return all(ctx, s, "list companies", scanCompany, q.text.String(), q.args...)
}

// CompanyByRef gives one by its Ref.
func (s *Store) CompanyByRef(ctx context.Context, consultation gateway.ID, ref string) (gateway.Company, error) {
	return get(ctx, s, "read a company", scanCompany,
		"SELECT "+companyColumns+" FROM company WHERE consultation = $1 AND ref = $2", consultation.String(), ref)
}

// Company gives one by its ID.
func (s *Store) Company(ctx context.Context, id gateway.ID) (gateway.Company, error) {
	return get(ctx, s, "read a company", scanCompany, "SELECT "+companyColumns+" FROM company WHERE id = $1", id.String())
}
