package store

import (
	"context"

	"vaguemestre/gateway"
)

const draftColumns = `id, agent, consultation, type, options, subject, recipients, content, updated, version`

func scanDraft(row scanner) (d gateway.Draft, err error) {
	err = row.Scan(&d.ID, &d.Agent, &d.Consultation, &d.Type, object{&d.Options}, &d.Subject, object{&d.Recipients}, &d.Content, when{&d.Updated}, &d.Version)
	return d, err
}

// PutDraft stores a draft: a new one when its Version is 0, else the change of the one that
// the caller read with that Version; ErrConflict when it changed or went meanwhile. content
// is the message so far; nil keeps the content that the draft names, which is stored. It
// gives the draft with its new Version and Updated.
func (s *Store) PutDraft(ctx context.Context, d gateway.Draft, content *Spool) (gateway.Draft, error) {
	d.Updated = gateway.Micros(s.now())
	if d.ID.IsZero() {
		d.ID = gateway.NewID(d.Updated)
	}
	if content != nil {
		if err := content.settle(); err != nil {
			return d, fault("put a draft", err)
		}
		d.Content = content.Hash()
	}
	err := s.write(ctx, "put a draft", func(t *tx) error { return t.putDraft(d, content) })
	if err == nil {
		d.Version++
	}
	return d, err
}

func (t *tx) putDraft(d gateway.Draft, content *Spool) error {
	if content != nil {
		if err := t.keep(content, 0); err != nil {
			return err
		}
	}
	var before gateway.Hash
	if d.Version > 0 {
		err := t.value([]any{&before}, "SELECT content FROM draft WHERE id = $1 AND agent = $2 AND version = $3"+t.d.forUpdate,
			d.ID.String(), d.Agent.String(), d.Version)
		if err != nil {
			return notFound(err, ErrConflict)
		}
	}
	err := t.must(ErrConflict, `INSERT INTO draft (`+draftColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (id) DO UPDATE SET consultation = excluded.consultation, type = excluded.type, options = excluded.options,
			subject = excluded.subject, recipients = excluded.recipients, content = excluded.content, updated = excluded.updated,
			version = excluded.version
		WHERE draft.version = $11 AND draft.agent = excluded.agent`,
		d.ID.String(), d.Agent.String(), d.Consultation.String(), string(d.Type), text(d.Options), d.Subject, text(d.Recipients),
		digest(d.Content), micros(d.Updated), d.Version+1, d.Version)
	if err != nil || before == d.Content {
		return err
	}
	if err := t.name(d.Content); err != nil {
		return err
	}
	return t.unname(before)
}

// Draft gives one by its ID.
func (s *Store) Draft(ctx context.Context, id gateway.ID) (gateway.Draft, error) {
	return get(ctx, s, "read a draft", scanDraft, "SELECT "+draftColumns+" FROM draft WHERE id = $1", id.String())
}

// Drafts gives those of an agent, last changed first.
func (s *Store) Drafts(ctx context.Context, agent gateway.ID) ([]gateway.Draft, error) {
	return all(ctx, s, "list drafts", scanDraft, "SELECT "+draftColumns+" FROM draft WHERE agent = $1 ORDER BY updated DESC, id DESC", agent.String())
}

// DeleteDraft removes a draft of an agent; gateway.ErrNotFound when there is none.
func (s *Store) DeleteDraft(ctx context.Context, agent, id gateway.ID) error {
	return s.write(ctx, "delete a draft", func(t *tx) error {
		var content gateway.Hash
		err := t.value([]any{&content}, "DELETE FROM draft WHERE id = $1 AND agent = $2 RETURNING content", id.String(), agent.String())
		if err != nil {
			return err
		}
		return t.unname(content)
	})
}
