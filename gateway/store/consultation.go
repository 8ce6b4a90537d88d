package store

import (
	"context"
	"fmt"
	"time"

	"vaguemestre/gateway"
)

const consultationColumns = `id, reference, address, title, object, deadline, public_body, purchasing_entity, zone, language, archived, updated`

func scanConsultation(row scanner) (c gateway.Consultation, err error) {
	err = row.Scan(&c.ID, &c.Reference, &c.Address, &c.Title, &c.Object, when{&c.Deadline}, &c.PublicBody, &c.PurchasingEntity,
		&c.Zone, &c.Language, when{&c.Archived}, when{&c.Updated})
	return c, err
}

// PutConsultation inserts a consultation, or updates the one with that Reference, and gives
// it as it is stored. It sets ID and Updated. ErrAddressTaken when another one has its Address.
func (s *Store) PutConsultation(ctx context.Context, c gateway.Consultation) (stored gateway.Consultation, err error) {
	err = s.write(ctx, "put a consultation", func(t *tx) (err error) {
		stored, err = t.putConsultation(c, false, false)
		return err
	})
	return stored, err
}

// Entry is one consultation of an import.
type Entry struct {
	Consultation gateway.Consultation
	KeepAddress  bool // one that is stored keeps its address, whatever Consultation says
	Companies    []gateway.Company
	Listed       bool // Companies is said, be it empty; otherwise none change
}

// Import says how entries meet what is stored already.
type Import struct {
	Companies Mode
	Reopen    bool // an entry that is not archived opens one that is; otherwise it stays archived
}

// ImportConsultations stores consultations with their companies, all or none of them, and gives them
// as they are stored. Repeating it changes nothing. ErrAddressTaken when one has the address of
// another consultation.
func (s *Store) ImportConsultations(ctx context.Context, entries []Entry, how Import) (stored []gateway.Consultation, err error) {
	err = s.write(ctx, "import consultations", func(t *tx) error {
		stored = make([]gateway.Consultation, 0, len(entries))
		for _, e := range entries {
			c, err := t.putConsultation(e.Consultation, e.KeepAddress, !how.Reopen)
			if err == nil && e.Listed {
				err = t.putCompanies(c.ID, e.Companies, how.Companies, nil)
			}
			if err != nil {
				return fmt.Errorf("%q: %w", e.Consultation.Reference, err)
			}
			stored = append(stored, c)
		}
		return nil
	})
	return stored, err
}

const putConsultation = `INSERT INTO consultation (` + consultationColumns + `)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
	ON CONFLICT (reference) DO UPDATE SET title = excluded.title, object = excluded.object,
		deadline = excluded.deadline, public_body = excluded.public_body, purchasing_entity = excluded.purchasing_entity,
		zone = excluded.zone, language = excluded.language, updated = excluded.updated,
		address = CASE WHEN $13 = 1 THEN consultation.address ELSE excluded.address END,
		archived = CASE WHEN $14 = 1 AND excluded.archived = 0 THEN consultation.archived ELSE excluded.archived END
	RETURNING ` + consultationColumns

func (t *tx) putConsultation(c gateway.Consultation, keepAddress, keepArchived bool) (gateway.Consultation, error) {
	c.Updated = gateway.Micros(t.now())
	if c.ID.IsZero() {
		c.ID = gateway.NewID(c.Updated)
	}
	stored, err := one(t.ctx, t.run, scanConsultation, putConsultation,
		c.ID.String(), c.Reference, c.Address, c.Title, c.Object, micros(c.Deadline), c.PublicBody, c.PurchasingEntity,
		c.Zone, c.Language, micros(c.Archived), micros(c.Updated), bit(keepAddress), bit(keepArchived))
	if t.d.taken(err, "consultation", "address") {
		err = ErrAddressTaken
	}
	return stored, err
}

// holdConsultation keeps every other change of a consultation, its companies and its agents waiting
// until the transaction has ended; gateway.ErrNotFound when there is none.
func (t *tx) holdConsultation(id gateway.ID) error {
	return t.must(gateway.ErrNotFound, "UPDATE consultation SET updated = $1 WHERE id = $2", micros(t.now()), id.String())
}

// ArchiveConsultation closes a consultation from now on; repeating it changes nothing.
func (s *Store) ArchiveConsultation(ctx context.Context, id gateway.ID) (gateway.Consultation, error) {
	return s.setArchived(ctx, id, "archive a consultation", s.now(), "archived = 0")
}

// ReopenConsultation undoes ArchiveConsultation; repeating it changes nothing.
func (s *Store) ReopenConsultation(ctx context.Context, id gateway.ID) (gateway.Consultation, error) {
	return s.setArchived(ctx, id, "reopen a consultation", time.Time{}, "archived <> 0")
}

func (s *Store) setArchived(ctx context.Context, id gateway.ID, op string, archived time.Time, when string) (c gateway.Consultation, err error) {
	err = s.write(ctx, op, func(t *tx) (err error) {
		_, err = t.exec("UPDATE consultation SET archived = $1, updated = $2 WHERE id = $3 AND "+when, micros(archived), micros(t.now()), id.String())
		if err != nil {
			return err
		}
		c, err = one(t.ctx, t.run, scanConsultation, "SELECT "+consultationColumns+" FROM consultation WHERE id = $1", id.String())
		return err
	})
	return c, err
}

// Consultation gives one by its ID.
func (s *Store) Consultation(ctx context.Context, id gateway.ID) (gateway.Consultation, error) {
	return get(ctx, s, "read a consultation", scanConsultation, "SELECT "+consultationColumns+" FROM consultation WHERE id = $1", id.String())
}

// ConsultationByAddress gives one by its address, folded as address.Fold does.
func (s *Store) ConsultationByAddress(ctx context.Context, folded string) (gateway.Consultation, error) {
	return get(ctx, s, "read a consultation", scanConsultation, "SELECT "+consultationColumns+" FROM consultation WHERE address = $1", folded)
}

// ConsultationByReference gives one by its reference, as the platform writes it.
func (s *Store) ConsultationByReference(ctx context.Context, reference string) (gateway.Consultation, error) {
	return get(ctx, s, "read a consultation", scanConsultation, "SELECT "+consultationColumns+" FROM consultation WHERE reference = $1", reference)
}

// Consultations gives all of them, by reference.
func (s *Store) Consultations(ctx context.Context) ([]gateway.Consultation, error) {
	return all(ctx, s, "list consultations", scanConsultation, "SELECT "+consultationColumns+" FROM consultation ORDER BY reference")
}
