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
	return s.write(ctx, "put companies", func(t *tx) error {
		// Holding the consultation's row keeps two imports of it from mingling.
		if err := t.must(gateway.ErrNotFound, "UPDATE consultation SET updated = $1 WHERE id = $2", micros(s.now()), consultation.String()); err != nil {
			return err
		}
		known, err := list(t.ctx, t.run, scanCompany, "SELECT "+companyColumns+" FROM company WHERE consultation = $1", consultation.String())
		if err != nil {
			return err
		}
		byRef := make(map[string]gateway.Company, len(known))
		for _, c := range known {
			byRef[c.Ref] = c
		}
		var rows, gone [][]any
		for _, c := range companies {
			if mode == Merge {
				c.Registers = append(slices.Clone(byRef[c.Ref].Registers), c.Registers...)
				byRef[c.Ref] = c // it may be named again
			} else {
				delete(byRef, c.Ref)
			}
			rows = append(rows, t.companyArgs(consultation, c))
		}
		if mode == Replace {
			for ref := range byRef {
				gone = append(gone, []any{consultation.String(), ref})
			}
		}
		if _, err := t.many(putCompany, rows); err != nil {
			return err
		}
		_, err = t.many("DELETE FROM company WHERE consultation = $1 AND ref = $2", gone)
		return err
	})
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
	like := "%"
	if register != "" {
		like = "%," + string(register) + ",%"
	}
	return all(ctx, s, "list companies", scanCompany,
		"SELECT "+companyColumns+" FROM company WHERE consultation = $1 AND registers LIKE $2 ORDER BY name, ref", consultation.String(), like)
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
