package store

import (
	"context"

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
func (s *Store) PutConsultation(ctx context.Context, c gateway.Consultation) (gateway.Consultation, error) {
	c.Updated = gateway.Micros(s.now())
	if c.ID.IsZero() {
		c.ID = gateway.NewID(c.Updated)
	}
	var stored gateway.Consultation
	err := s.write(ctx, "put a consultation", func(t *tx) (err error) {
		stored, err = one(t.ctx, t.run, scanConsultation, `INSERT INTO consultation (`+consultationColumns+`)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
			ON CONFLICT (reference) DO UPDATE SET address = excluded.address, title = excluded.title, object = excluded.object,
				deadline = excluded.deadline, public_body = excluded.public_body, purchasing_entity = excluded.purchasing_entity,
				zone = excluded.zone, language = excluded.language, archived = excluded.archived, updated = excluded.updated
			RETURNING `+consultationColumns,
			c.ID.String(), c.Reference, c.Address, c.Title, c.Object, micros(c.Deadline), c.PublicBody, c.PurchasingEntity,
			c.Zone, c.Language, micros(c.Archived), micros(c.Updated))
		if t.d.taken(err, "consultation", "address") {
			return ErrAddressTaken
		}
		return err
	})
	return stored, err
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
