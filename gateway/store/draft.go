package store

import (
	"context"

	"vaguemestre/gateway"
)

const (
	draftColumns     = `id, agent, consultation, type, options, subject, words, rich, recipients, content, updated, version`
	draftFileColumns = `id, name, media_type, size, content`
)

func scanDraft(row scanner) (d gateway.Draft, err error) {
	err = row.Scan(&d.ID, &d.Agent, &d.Consultation, &d.Type, object{&d.Options}, &d.Subject, &d.Text, flag{&d.Rich}, object{&d.Recipients},
		&d.Content, when{&d.Updated}, &d.Version)
	return d, err
}

func scanDraftFile(row scanner) (f gateway.DraftFile, err error) {
	err = row.Scan(&f.ID, &f.Name, &f.MediaType, &f.Size, &f.SHA256)
	return f, err
}

// DraftPiece is a file to add to a draft, with its content.
type DraftPiece struct {
	gateway.DraftFile
	Content *Spool
}

// DraftRoom bounds the files of one draft.
type DraftRoom struct {
	Bytes int64
	Files int
}

// PutDraft stores a draft: a new one when its Version is 0, else the change of the one that
// the caller read with that Version; ErrConflict when it changed or went meanwhile, whoever changed it. content
// is the message of one that came by mail; nil keeps the content that the draft names, which is stored. The
// pieces are files to add with it. It gives the draft with its new Version and Updated; who began it stays.
func (s *Store) PutDraft(ctx context.Context, d gateway.Draft, content *Spool, pieces ...DraftPiece) (gateway.Draft, error) {
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
	if err := settlePieces(pieces); err != nil {
		return d, fault("put a draft", err)
	}
	err := s.write(ctx, "put a draft", func(t *tx) error {
		if err := t.putDraft(d, content); err != nil {
			return err
		}
		return t.addPieces(d.ID, pieces)
	})
	if err == nil {
		d.Version++
		for _, p := range pieces {
			d.Files = append(d.Files, p.DraftFile)
		}
	}
	return d, err
}

func settlePieces(pieces []DraftPiece) error {
	for i := range pieces {
		if err := pieces[i].Content.settle(); err != nil {
			return err
		}
		pieces[i].Size, pieces[i].SHA256 = pieces[i].Content.Size(), pieces[i].Content.Hash()
	}
	return nil
}

func (t *tx) putDraft(d gateway.Draft, content *Spool) error {
	if content != nil {
		if err := t.keep(content, 0); err != nil {
			return err
		}
	}
	var before gateway.Hash
	if d.Version > 0 {
		err := t.value([]any{&before}, "SELECT content FROM draft WHERE id = $1 AND version = $2"+t.d.forUpdate, d.ID.String(), d.Version)
		if err != nil {
			return notFound(err, ErrConflict)
		}
	}
	err := t.must(ErrConflict, `INSERT INTO draft (`+draftColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
		ON CONFLICT (id) DO UPDATE SET consultation = excluded.consultation, type = excluded.type, options = excluded.options,
			subject = excluded.subject, words = excluded.words, rich = excluded.rich, recipients = excluded.recipients,
			content = excluded.content, updated = excluded.updated, version = excluded.version
		WHERE draft.version = $13`,
		d.ID.String(), d.Agent.String(), d.Consultation.String(), string(d.Type), text(d.Options), d.Subject, d.Text, bit(d.Rich), text(d.Recipients),
		digest(d.Content), micros(d.Updated), d.Version+1, d.Version)
	if err != nil || before == d.Content {
		return err
	}
	if err := t.name(d.Content); err != nil {
		return err
	}
	return t.unname(before)
}

// AddDraftFiles adds files to a draft, whatever of it changed meanwhile; they are durable on return. ErrFull when they
// do not fit in the room, gateway.ErrNotFound when the draft was sent or removed.
func (s *Store) AddDraftFiles(ctx context.Context, draft gateway.ID, room DraftRoom, pieces ...DraftPiece) error {
	if err := settlePieces(pieces); err != nil {
		return fault("add to a draft", err)
	}
	return s.write(ctx, "add to a draft", func(t *tx) error {
		// The row is held first, so that two who add at once cannot both take the last room.
		if err := t.must(gateway.ErrNotFound, "UPDATE draft SET updated = $1 WHERE id = $2", micros(t.now()), draft.String()); err != nil {
			return err
		}
		var files, size int64
		if err := t.value([]any{&files, &size}, "SELECT count(*), CAST(coalesce(sum(size), 0) AS BIGINT) FROM draft_file WHERE draft = $1", draft.String()); err != nil {
			return err
		}
		for _, p := range pieces {
			files, size = files+1, size+p.Size
		}
		if size > room.Bytes || files > int64(room.Files) {
			return ErrFull
		}
		return t.addPieces(draft, pieces)
	})
}

func (t *tx) addPieces(draft gateway.ID, pieces []DraftPiece) error {
	for _, p := range pieces {
		if err := t.keep(p.Content, 1); err != nil {
			return err
		}
		_, err := t.exec(`INSERT INTO draft_file (draft, place, `+draftFileColumns+`)
			SELECT $1, coalesce(max(place), 0) + 1, $2, $3, $4, CAST($5 AS BIGINT), $6 FROM draft_file WHERE draft = $1`,
			draft.String(), p.ID.String(), p.Name, p.MediaType, p.Size, p.SHA256[:])
		if err != nil {
			return err
		}
	}
	return nil
}

// RemoveDraftFile takes a file out of a draft; gateway.ErrNotFound when it is not there.
func (s *Store) RemoveDraftFile(ctx context.Context, draft, file gateway.ID) error {
	return s.write(ctx, "remove a file of a draft", func(t *tx) error {
		var content gateway.Hash
		err := t.value([]any{&content}, "DELETE FROM draft_file WHERE id = $1 AND draft = $2 RETURNING content", file.String(), draft.String())
		if err != nil {
			return err
		}
		return t.unname(content)
	})
}

// Draft gives one by its ID, with its files.
func (s *Store) Draft(ctx context.Context, id gateway.ID) (d gateway.Draft, err error) {
	err = s.engine.snapshot(ctx, func(r runner) error {
		if d, err = one(ctx, r, scanDraft, "SELECT "+draftColumns+" FROM draft WHERE id = $1", id.String()); err != nil {
			return err
		}
		d.Files, err = list(ctx, r, scanDraftFile, "SELECT "+draftFileColumns+" FROM draft_file WHERE draft = $1 ORDER BY place", id.String())
		return err
	})
	return d, fault("read a draft", err)
}

// Drafts gives those of a consultation, last changed first, without their files.
func (s *Store) Drafts(ctx context.Context, consultation gateway.ID) ([]gateway.Draft, error) {
	return all(ctx, s, "list drafts", scanDraft, "SELECT "+draftColumns+" FROM draft WHERE consultation = $1 ORDER BY updated DESC, id DESC", consultation.String())
}

// DeleteDraft removes a draft; gateway.ErrNotFound when there is none.
func (s *Store) DeleteDraft(ctx context.Context, id gateway.ID) error {
	return s.write(ctx, "delete a draft", func(t *tx) error { return t.dropDraft(id) })
}

func (t *tx) dropDraft(id gateway.ID) error {
	contents, err := list(t.ctx, t.run, scanHash, "DELETE FROM draft_file WHERE draft = $1 RETURNING content", id.String())
	if err != nil {
		return err
	}
	var content gateway.Hash
	if err := t.value([]any{&content}, "DELETE FROM draft WHERE id = $1 RETURNING content", id.String()); err != nil {
		return err
	}
	return t.unname(append(contents, content)...)
}
