package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"vaguemestre/gateway"
)

const replyColumns = `id, courier, recipient, inbound, from_addr, other_sender, late, sealed, subject, body, message_id, content, files, received,
	opened, opens, unsealed, manifest`

func scanReply(row scanner) (r gateway.Reply, err error) {
	err = row.Scan(&r.ID, &r.Courier, &r.Recipient, &r.Inbound, &r.From, flag{&r.OtherSender}, flag{&r.Late}, flag{&r.Sealed}, &r.Subject,
		&r.Text, &r.MessageID, &r.Content, object{&r.Files}, when{&r.Received}, when{&r.Opened}, when{&r.Opens}, when{&r.Unsealed}, &r.Manifest)
	return r, err
}

// insertReply stores a reply and counts what it names: its message, and the files that are
// contents of their own.
func (t *tx) insertReply(r gateway.Reply) error {
	if r.Closed() && (len(r.Manifest) == 0 || r.Opens.IsZero() || r.Subject != "" || r.Text != "" || len(r.Files) > 0) {
		return errors.New("a sealed reply that can be read")
	}
	_, err := t.exec(`INSERT INTO reply (`+replyColumns+`, consultation)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, (SELECT consultation FROM courier WHERE id = $2))`,
		r.ID.String(), r.Courier.String(), r.Recipient.String(), r.Inbound.String(), r.From, bit(r.OtherSender), bit(r.Late), bit(r.Sealed),
		r.Subject, r.Text, r.MessageID, digest(r.Content), text(r.Files), micros(r.Received), micros(r.Opened), micros(r.Opens), micros(r.Unsealed),
		octets(r.Manifest))
	if err != nil {
		return err
	}
	return t.name(replyContents(r)...)
}

func replyContents(r gateway.Reply) []gateway.Hash {
	named := []gateway.Hash{r.Content}
	for _, f := range r.Files {
		if f.Part == "" {
			named = append(named, f.SHA256)
		}
	}
	return named
}

// Reply gives one by its ID.
func (s *Store) Reply(ctx context.Context, id gateway.ID) (gateway.Reply, error) {
	return get(ctx, s, "read a reply", scanReply, "SELECT "+replyColumns+" FROM reply WHERE id = $1", id.String())
}

// Replies gives those to a courier, oldest first.
func (s *Store) Replies(ctx context.Context, courier gateway.ID) ([]gateway.Reply, error) {
	return all(ctx, s, "list replies", scanReply, "SELECT "+replyColumns+" FROM reply WHERE courier = $1 ORDER BY received, id", courier.String())
}

// errEnough ends a walk whose visitor has what it wants.
var errEnough = errors.New("enough")

// EachReply hands the replies to a courier to visit, one in memory at a time, the newest first, until it says false.
func (s *Store) EachReply(ctx context.Context, courier gateway.ID, visit func(gateway.Reply) (more bool)) error {
	err := eachRow(ctx, s.engine.reader(), scanReply, func(r gateway.Reply) error {
		if visit(r) {
			return nil
		}
		return errEnough
	}, "SELECT "+replyColumns+" FROM reply WHERE courier = $1 ORDER BY received DESC, id DESC", courier.String())
	if errors.Is(err, errEnough) {
		return nil
	}
	return fault("read replies", err)
}

// ReplyByMessageID gives the one that came with this Message-ID, with its angle brackets.
func (s *Store) ReplyByMessageID(ctx context.Context, messageID string) (gateway.Reply, error) {
	if messageID == "" {
		return gateway.Reply{}, gateway.ErrNotFound
	}
	return get(ctx, s, "read a reply", scanReply,
		"SELECT "+replyColumns+" FROM reply WHERE message_id = $1 AND message_id <> '' ORDER BY received DESC LIMIT 1", messageID)
}

// opened remembers which replies the events say that agents read.
func (t *tx) opened(events []gateway.Event) error {
	for _, e := range events {
		if e.Kind != gateway.Opened || len(e.Details) == 0 {
			continue
		}
		var d gateway.OpenedDetails
		if err := json.Unmarshal(e.Details, &d); err != nil {
			return fmt.Errorf("read which reply was opened: %w", err)
		}
		if _, err := t.exec("UPDATE reply SET opened = $1 WHERE id = $2 AND opened = 0", micros(e.Occurred), d.Reply.String()); err != nil {
			return err
		}
	}
	return nil
}
