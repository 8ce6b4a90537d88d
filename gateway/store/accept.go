package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"vaguemestre/gateway"
)

// Acceptance is all that one accepted message brings.
type Acceptance struct {
	Courier    gateway.Courier
	Recipients []gateway.Recipient // their Courier is set by Accept
	Events     []gateway.Event     // their Courier is set by Accept; those of a recipient go with it
	Jobs       []gateway.Job       // likewise
	// Joined makes Events again, for the courier that has the key already, whose facts may be others by now; pure. Nil: Events as they are.
	Joined   func(gateway.Courier) []gateway.Event
	Contents []*Spool     // the courier's, and whatever else its jobs name
	Key      gateway.Hash // what makes a client's retry the same message (promise 3); zero: never the same
	KeyUntil time.Time    // from then on the key means another courier; zero: never
	Claim    gateway.Hash // the caller's own name for what it asks: no other courier can have it, ever; zero: none
	Draft    gateway.ID   // that it was sent from, and which goes with it; zero: none
}

// Accept stores a courier with its recipients, events and jobs in one transaction. When the
// key is known, the known courier is joined by the recipients that it has not yet, with
// their events and jobs, and there is no second courier; events about the courier as a
// whole are then left out. It gives the courier as it stands and the recipients added.
// ErrClaimed when the claim is another courier's.
func (s *Store) Accept(ctx context.Context, a Acceptance) (c gateway.Courier, added []gateway.Recipient, err error) {
	if err := settleAll(a.Contents); err != nil {
		return c, nil, fault("accept a courier", err)
	}
	if a.Courier.Thread.IsZero() {
		a.Courier.Thread = a.Courier.ID
	}
	row := courierArgs(a.Courier) // before the transaction: on SQLite, callers wait for one another there
	err = s.write(ctx, "accept a courier", func(t *tx) (err error) {
		c, added, err = t.accept(a, row)
		return err
	})
	return c, added, err
}

func (t *tx) accept(a Acceptance, row []any) (gateway.Courier, []gateway.Recipient, error) {
	c, joined, err := t.claimKey(a)
	if err == nil && !a.Claim.IsZero() {
		err = t.claim(a.Claim, c.ID)
	}
	if err != nil {
		return c, nil, err
	}
	switch {
	case !joined:
		err = t.acceptNew(a, row)
	case a.Joined != nil:
		a.Events = a.Joined(c)
	}
	if err != nil {
		return c, nil, err
	}
	if !a.Draft.IsZero() {
		if err := t.dropDraft(a.Draft); err != nil && !errors.Is(err, gateway.ErrNotFound) { // it went already: this is a retry
			return c, nil, err
		}
	}
	added, err := t.addRecipients(c, a.Recipients, a.Events)
	if err != nil {
		return c, nil, fmt.Errorf("add recipients: %w", err)
	}
	keep := make(map[gateway.ID]bool, len(added)+1)
	keep[gateway.ID{}] = !joined
	for _, r := range added {
		keep[r.ID] = true
	}
	return c, added, t.acceptRest(a, c.ID, keep)
}

// claimKey makes the key ours, or finds the courier that has it.
func (t *tx) claimKey(a Acceptance) (c gateway.Courier, joined bool, err error) {
	c = a.Courier
	if a.Key.IsZero() {
		return c, false, nil
	}
	key := filed(a.Key, c.MessageID)
	n, err := t.exec(`INSERT INTO dedupe (key, courier, until) VALUES ($1, $2, $3)
		ON CONFLICT (key) DO UPDATE SET courier = excluded.courier, until = excluded.until WHERE dedupe.until > 0 AND dedupe.until <= $4`,
		key[:], c.ID.String(), micros(a.KeyUntil), micros(t.now()))
	if err != nil || n == 1 {
		return c, false, err
	}
	c, err = one(t.ctx, t.run, scanCourier,
		"SELECT "+courierColumns+" FROM courier WHERE id = (SELECT courier FROM dedupe WHERE key = $1)", key[:])
	if errors.Is(err, gateway.ErrNotFound) {
		err = errors.New("key of a courier that is not stored")
	}
	return c, true, err
}

// underMessageID is how much of a key says which Message-ID it stands under.
const underMessageID = 8

// filed is a key as it is stored: those of one Message-ID stand side by side, so that couriers are found by it without an index of
// its own, whose random places would cost each acceptance a page. What is left of the key tells them apart as well.
func filed(key gateway.Hash, messageID string) gateway.Hash {
	if messageID != "" {
		under := gateway.HashOf([]byte(messageID))
		copy(key[:underMessageID], under[:])
	}
	return key
}

// filedUnder are the first and the last key that may stand under a Message-ID.
func filedUnder(messageID string) (first, last gateway.Hash) {
	for i := range last {
		last[i] = 0xff
	}
	return filed(first, messageID), filed(last, messageID)
}

// claim gives a claim to a courier, unless another one has it.
func (t *tx) claim(claim gateway.Hash, courier gateway.ID) error {
	n, err := t.exec("INSERT INTO dedupe (key, courier, until) VALUES ($1, $2, 0) ON CONFLICT (key) DO NOTHING", claim[:], courier.String())
	if err != nil || n == 1 {
		return err
	}
	var owner string
	if err := t.value([]any{&owner}, "SELECT courier FROM dedupe WHERE key = $1", claim[:]); err != nil {
		return err
	}
	if owner != courier.String() {
		return ErrClaimed
	}
	return nil
}

// acceptNew stores the courier and its contents, each counted at once for the courier and for the events about it as
// a whole.
func (t *tx) acceptNew(a Acceptance, row []any) error {
	named := []gateway.Hash{a.Courier.Content}
	for _, e := range a.Events {
		if e.Recipient.IsZero() {
			named = append(named, e.Contents...)
		}
	}
	for _, p := range a.Contents {
		rest := slices.DeleteFunc(slices.Clone(named), func(h gateway.Hash) bool { return h == p.Hash() })
		if err := t.keep(p, int64(len(named)-len(rest))); err != nil {
			return err
		}
		named = rest
	}
	if err := t.name(named...); err != nil {
		return err
	}
	if _, err := t.exec(insertCourier, row...); err != nil {
		return fmt.Errorf("store the courier: %w", err)
	}
	return t.seal(a.Courier)
}

// acceptRest stores the events and jobs of the recipients that were added, and of the
// courier as a whole when it is new.
func (t *tx) acceptRest(a Acceptance, courier gateway.ID, keep map[gateway.ID]bool) error {
	kept := make([]gateway.Event, 0, len(a.Events))
	var contents []gateway.Hash
	for _, e := range a.Events {
		if keep[e.Recipient] {
			e.Courier = courier
			kept = append(kept, e)
			if !e.Recipient.IsZero() { // those of the courier as a whole were counted with it
				contents = append(contents, e.Contents...)
			}
		}
	}
	if err := t.insertEvents(kept); err != nil {
		return err
	}
	if err := t.name(contents...); err != nil {
		return err
	}
	work := make([]gateway.Job, 0, len(a.Jobs))
	for _, j := range a.Jobs {
		if keep[j.Recipient] {
			j.Courier = courier
			work = append(work, j)
		}
	}
	return t.addJobs(work)
}
