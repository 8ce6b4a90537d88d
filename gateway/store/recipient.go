package store

import (
	"context"
	"errors"
	"slices"
	"strings"

	"vaguemestre/gateway"
)

const recipientColumns = `id, courier, address, company, company_name, register, message_id, ` + standingColumns

const standingColumns = `generation, state, sent, delivered, read_at, replied, failed, cancelled, withdrawn, wrong_recipient, reminders`

func scanRecipient(row scanner) (r gateway.Recipient, err error) {
	err = row.Scan(recipientDest(&r)...)
	return r, err
}

func recipientDest(r *gateway.Recipient) []any {
	return append([]any{&r.ID, &r.Courier, &r.Address, &r.Company, &r.CompanyName, &r.Register, &r.MessageID}, standingDest(&r.Standing)...)
}

func standingDest(s *gateway.Standing) []any {
	return []any{&s.Generation, &s.State, when{&s.Sent}, when{&s.Delivered}, when{&s.Read}, when{&s.Replied}, when{&s.Failed},
		when{&s.Cancelled}, when{&s.Withdrawn}, when{&s.WrongRecipient}, &s.Reminders}
}

func standingArgs(s gateway.Standing) []any {
	return []any{int64(s.Generation), int64(s.State), micros(s.Sent), micros(s.Delivered), micros(s.Read), micros(s.Replied), micros(s.Failed),
		micros(s.Cancelled), micros(s.Withdrawn), micros(s.WrongRecipient), int64(s.Reminders)}
}

// addRecipients adds recipients to a courier, after those added before, with the standing
// that these events give them. It gives those whose address was not there yet.
func (t *tx) addRecipients(c gateway.Courier, recipients []gateway.Recipient, news []gateway.Event) ([]gateway.Recipient, error) {
	place := make(map[gateway.ID]int, len(recipients))
	all := make([]gateway.Recipient, len(recipients))
	for i, r := range recipients {
		r.Courier = c.ID
		all[i], place[r.ID] = r, i
	}
	for _, e := range news {
		if i, ours := place[e.Recipient]; ours {
			e.Occurred = gateway.Micros(e.Occurred)
			all[i].Standing = all[i].Standing.Advance(e)
		}
	}
	now, rows := micros(t.now()), make([][]any, len(all))
	for i, r := range all {
		rows[i] = recipientArgs(c, r, now+int64(i))
	}
	inserted, err := t.many(insertRecipient, rows)
	if err != nil {
		return nil, err
	}
	var added []gateway.Recipient
	for i, n := range inserted {
		if n == 1 {
			added = append(added, all[i])
		}
	}
	return added, nil
}

// recipientOwn are the columns that only queries use: what is searched for, and the courier's own facts.
const recipientOwn = `folded, search, added, consultation, type, acknowledged, accepted`

const insertRecipient = `INSERT INTO recipient (` + recipientColumns + `, ` + recipientOwn + `)
	VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)
	ON CONFLICT (courier, folded) DO NOTHING`

func recipientArgs(c gateway.Courier, r gateway.Recipient, added int64) []any {
	args := append([]any{r.ID.String(), r.Courier.String(), r.Address, r.Company.String(), r.CompanyName, string(r.Register), r.MessageID},
		standingArgs(r.Standing)...)
	return append(args, foldAddress(r.Address), words(r.Address, r.CompanyName), added,
		c.Consultation.String(), string(c.Type), bit(c.Options.Acknowledged), micros(c.Accepted))
}

// foldAddress is what two spellings of one mailbox have in common.
func foldAddress(address string) string { return strings.ToLower(address) }

// Recipient gives one by its ID.
func (s *Store) Recipient(ctx context.Context, id gateway.ID) (gateway.Recipient, error) {
	return get(ctx, s, "read a recipient", scanRecipient, "SELECT "+recipientColumns+" FROM recipient WHERE id = $1", id.String())
}

// Standing tells where a recipient stands; gateway.ErrNotFound when there is none.
func (s *Store) Standing(ctx context.Context, recipient gateway.ID) (standing gateway.Standing, err error) {
	err = value(ctx, s.engine.reader(), standingDest(&standing), "SELECT "+standingColumns+" FROM recipient WHERE id = $1", recipient.String())
	return standing, fault("read where a recipient stands", err)
}

// Recipients gives those of a courier, in the order in which they were added.
func (s *Store) Recipients(ctx context.Context, courier gateway.ID) ([]gateway.Recipient, error) {
	return all(ctx, s, "list recipients", scanRecipient, "SELECT "+recipientColumns+" FROM recipient WHERE courier = $1 ORDER BY added, id", courier.String())
}

// RecipientByMessageID gives the one to whom the letter with this Message-ID (gateway.MessageID) was sent.
func (s *Store) RecipientByMessageID(ctx context.Context, messageID string) (gateway.Recipient, error) {
	id, ok := gateway.NamedByMessageID(messageID)
	if !ok {
		return gateway.Recipient{}, gateway.ErrNotFound
	}
	return get(ctx, s, "read a recipient", scanRecipient,
		"SELECT "+recipientColumns+" FROM recipient WHERE id = $1 AND message_id = $2", id.String(), messageID)
}

// RecipientStates counts the recipients of couriers by state.
func (s *Store) RecipientStates(ctx context.Context, couriers ...gateway.ID) (map[gateway.ID]map[gateway.State]int, error) {
	counts := make(map[gateway.ID]map[gateway.State]int, len(couriers))
	type count struct {
		courier gateway.ID
		state   gateway.State
		n       int
	}
	for page := range slices.Chunk(couriers, 500) {
		q := newFilter("SELECT courier, state, count(*) FROM recipient WHERE true")
		q.among("courier", page)
		q.raw(" GROUP BY courier, state")
		found, err := all(ctx, s, "count recipients", func(row scanner) (c count, err error) {
			err = row.Scan(&c.courier, &c.state, &c.n)
			return c, err
		}, q.text.String(), q.args...)
		if err != nil {
			return nil, err
		}
		for _, c := range found {
			if counts[c.courier] == nil {
				counts[c.courier] = map[gateway.State]int{}
			}
			counts[c.courier][c.state] = c.n
		}
	}
	return counts, nil
}

// advance moves the recipients on by the events that concern them.
func (t *tx) advance(events []gateway.Event) error {
	var ids []gateway.ID
	for _, e := range events {
		if !e.Recipient.IsZero() && !slices.Contains(ids, e.Recipient) {
			ids = append(ids, e.Recipient)
		}
	}
	slices.SortFunc(ids, gateway.ID.Compare) // one order of locks
	for _, id := range ids {
		if err := t.advanceOne(id, events); err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) advanceOne(id gateway.ID, events []gateway.Event) error {
	var old gateway.Standing
	if err := t.value(standingDest(&old), "SELECT "+standingColumns+" FROM recipient WHERE id = $1"+t.d.forUpdate, id.String()); err != nil {
		if errors.Is(err, gateway.ErrNotFound) {
			return errors.New("event of a recipient that is not stored")
		}
		return err
	}
	standing := old
	for _, e := range events {
		if e.Recipient == id {
			standing = standing.Advance(e)
		}
	}
	if standing == old {
		return nil
	}
	_, err := t.exec(`UPDATE recipient SET generation = $1, state = $2, sent = $3, delivered = $4, read_at = $5, replied = $6, failed = $7,
		cancelled = $8, withdrawn = $9, wrong_recipient = $10, reminders = $11 WHERE id = $12`, append(standingArgs(standing), id.String())...)
	return err
}
