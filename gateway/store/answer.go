package store

import (
	"context"
	"time"

	"vaguemestre/gateway"
)

const (
	answerColumns     = `id, courier, recipient, sealed, words, saves, version, size, created, updated`
	answerFileColumns = `id, label, size, received, done`
	chunkColumns      = `start, size, content`
)

func scanAnswer(row scanner) (a gateway.Answer, err error) {
	err = row.Scan(&a.ID, &a.Courier, &a.Recipient, flag{&a.Sealed}, &a.Words, &a.Saves, &a.Version, &a.Size, when{&a.Created}, when{&a.Updated})
	return a, err
}

func scanAnswerFile(row scanner) (f gateway.AnswerFile, err error) {
	err = row.Scan(&f.ID, &f.Label, &f.Size, &f.Received, flag{&f.Done})
	return f, err
}

func scanChunk(row scanner) (c gateway.Chunk, err error) {
	err = row.Scan(&c.Start, &c.Size, &c.Content)
	return c, err
}

// BeginAnswer gives the answer that the recipient is writing, which is a new one when there is none: a recipient has one at
// a time, whoever begins it beside whom. The ID is the caller's.
func (s *Store) BeginAnswer(ctx context.Context, a gateway.Answer) (gateway.Answer, error) {
	now := micros(s.now())
	err := s.write(ctx, "begin an answer", func(t *tx) error {
		_, err := t.exec(`INSERT INTO answer (`+answerColumns+`, files) VALUES ($1, $2, $3, $4, NULL, 0, 1, 0, $5, $5, 0) ON CONFLICT (recipient) DO NOTHING`,
			a.ID.String(), a.Courier.String(), a.Recipient.String(), bit(a.Sealed), now)
		return err
	})
	if err != nil {
		return a, err
	}
	return s.AnswerOf(ctx, a.Recipient)
}

// AnswerOf gives the answer that a recipient is writing, with its files in the order in which they were added;
// gateway.ErrNotFound when there is none.
func (s *Store) AnswerOf(ctx context.Context, recipient gateway.ID) (a gateway.Answer, err error) {
	err = s.engine.snapshot(ctx, func(r runner) error {
		if a, err = one(ctx, r, scanAnswer, "SELECT "+answerColumns+" FROM answer WHERE recipient = $1", recipient.String()); err != nil {
			return err
		}
		a.Files, err = list(ctx, r, scanAnswerFile, "SELECT "+answerFileColumns+" FROM answer_file WHERE answer = $1 ORDER BY place", a.ID.String())
		for i, f := range a.Files {
			if err != nil {
				break
			}
			a.Files[i].Chunks, err = list(ctx, r, scanChunk, "SELECT "+chunkColumns+" FROM answer_chunk WHERE file = $1 ORDER BY start", f.ID.String())
		}
		return err
	})
	return a, fault("read an answer", err)
}

// SaveWords replaces the words of an answer whose Saves the caller saw; ErrConflict when they were saved
// meanwhile, or when it was sent.
func (s *Store) SaveWords(ctx context.Context, id gateway.ID, saves int64, words []byte) error {
	return s.write(ctx, "save the words of an answer", func(t *tx) error {
		return t.must(ErrConflict, "UPDATE answer SET words = $1, saves = saves + 1, version = version + 1, updated = $2 WHERE id = $3 AND saves = $4",
			octets(words), micros(t.now()), id.String(), saves)
	})
}

// AddAnswerFile begins a file, which has no octet yet; ErrFull when the answer has most files already, gateway.ErrNotFound when
// it was sent.
func (s *Store) AddAnswerFile(ctx context.Context, answer gateway.ID, f gateway.AnswerFile, most int) error {
	return s.write(ctx, "add a file to an answer", func(t *tx) error {
		if err := t.touch(answer); err != nil {
			return err
		}
		if err := t.must(ErrFull, "UPDATE answer SET files = files + 1 WHERE id = $1 AND files < $2", answer.String(), most); err != nil {
			return err
		}
		_, err := t.exec("INSERT INTO answer_file (answer, "+answerFileColumns+", place) VALUES ($1, $2, $3, $4, 0, 0, (SELECT version FROM answer WHERE id = $1))", answer.String(), f.ID.String(), octets(f.Label), f.Size)
		return err
	})
}

// touch takes hold of an answer for the transaction, and keeps it from being swept for a while.
func (t *tx) touch(answer gateway.ID) error {
	return t.must(gateway.ErrNotFound, "UPDATE answer SET version = version + 1, updated = $1 WHERE id = $2", micros(t.now()), answer.String())
}

// AddChunk adds to a file the octets that begin where it ends: of c, Start and Size say which; content holds them, or what they
// are encrypted to. They are durable on return. ErrConflict when the file ends elsewhere or is done, ErrFull when the
// files of the answer would hold more than most bytes, gateway.ErrNotFound when it was sent.
func (s *Store) AddChunk(ctx context.Context, answer, file gateway.ID, c gateway.Chunk, content *Spool, most int64) error {
	if err := content.settle(); err != nil {
		return fault("add to a file of an answer", err)
	}
	c.Content = content.Hash()
	return s.write(ctx, "add to a file of an answer", func(t *tx) error {
		if err := t.touch(answer); err != nil {
			return err
		}
		if err := t.must(ErrFull, "UPDATE answer SET size = size + $1 WHERE id = $2 AND size + $1 <= $3", c.Size, answer.String(), most); err != nil {
			return err
		}
		err := t.must(ErrConflict, `UPDATE answer_file SET received = received + $1
			WHERE id = $2 AND answer = $3 AND received = $4 AND done = 0 AND (size < 0 OR received + $1 <= size)`, c.Size, file.String(), answer.String(), c.Start)
		if err != nil {
			return err
		}
		if err := t.keep(content, 1); err != nil {
			return err
		}
		_, err = t.exec("INSERT INTO answer_chunk (file, "+chunkColumns+") VALUES ($1, $2, $3, $4)", file.String(), c.Start, c.Size, c.Content[:])
		return err
	})
}

// FinishAnswerFile says that a file is whole at f.Received bytes, which its Size then is, and gives it its last label. ErrConflict
// when it ends elsewhere, was removed, or was sent.
func (s *Store) FinishAnswerFile(ctx context.Context, answer gateway.ID, f gateway.AnswerFile) error {
	return s.write(ctx, "finish a file of an answer", func(t *tx) error {
		if err := t.touch(answer); err != nil {
			return notFound(err, ErrConflict)
		}
		return t.must(ErrConflict, `UPDATE answer_file SET done = 1, size = received, label = $1
			WHERE id = $2 AND answer = $3 AND received = $4 AND done = 0 AND (size < 0 OR size = received)`, octets(f.Label), f.ID.String(), answer.String(), f.Received)
	})
}

// RemoveAnswerFile takes a file out of an answer; gateway.ErrNotFound when it is not there.
func (s *Store) RemoveAnswerFile(ctx context.Context, answer, file gateway.ID) error {
	return s.write(ctx, "remove a file of an answer", func(t *tx) error {
		if err := t.touch(answer); err != nil {
			return err
		}
		if err := t.dropChunks("file = $1", file); err != nil {
			return err
		}
		var received int64
		err := t.value([]any{&received}, "DELETE FROM answer_file WHERE id = $1 AND answer = $2 RETURNING received", file.String(), answer.String())
		if err != nil {
			return err
		}
		_, err = t.exec("UPDATE answer SET files = files - 1, size = size - $1 WHERE id = $2", received, answer.String())
		return err
	})
}

// dropChunks removes chunks, whose contents are then named once less.
func (t *tx) dropChunks(where string, id gateway.ID) error {
	contents, err := list(t.ctx, t.run, scanHash, "DELETE FROM answer_chunk WHERE "+where+" RETURNING content", id.String())
	if err != nil {
		return err
	}
	return t.unname(contents...)
}

// closeAnswer removes an answer that was sent: its content is the reply's from now on.
func (t *tx) closeAnswer(sent gateway.AnswerSent) error {
	// The row is held first, as whoever adds to the answer does.
	if err := t.must(gateway.ErrFenced, "UPDATE answer SET version = version + 1 WHERE id = $1 AND version = $2", sent.ID.String(), sent.Version); err != nil {
		return err
	}
	return t.dropAnswer(sent.ID)
}

func (t *tx) dropAnswer(id gateway.ID) error {
	if err := t.dropChunks("file IN (SELECT id FROM answer_file WHERE answer = $1)", id); err != nil {
		return err
	}
	return t.must(gateway.ErrNotFound, "DELETE FROM answer WHERE id = $1", id.String())
}

// AnswerStats counts the answers being written and the bytes that their files hold.
func (s *Store) AnswerStats(ctx context.Context) (answers, size int64, err error) {
	err = value(ctx, s.engine.reader(), []any{&answers, &size}, "SELECT count(*), CAST(coalesce(sum(size), 0) AS BIGINT) FROM answer")
	return answers, size, fault("count the answers being written", err)
}

// SweepAnswers removes the answers that nobody has touched since before, and gives their number.
func (s *Store) SweepAnswers(ctx context.Context, before time.Time) (int, error) {
	idle, err := all(ctx, s, "look for answers given up", scanAnswer, "SELECT "+answerColumns+" FROM answer WHERE updated < $1 ORDER BY updated LIMIT $2", micros(before), sweepBatch)
	if err != nil {
		return 0, err
	}
	swept := 0
	for _, a := range idle {
		var held int64
		err := s.write(ctx, "sweep an answer", func(t *tx) (err error) {
			held, err = t.exec("UPDATE answer SET version = version + 1 WHERE id = $1 AND updated < $2", a.ID.String(), micros(before))
			if err != nil || held == 0 { // somebody came back to it
				return err
			}
			return t.dropAnswer(a.ID)
		})
		if err != nil {
			return swept, err
		}
		swept += int(held)
	}
	return swept, nil
}
