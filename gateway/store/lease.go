package store

import (
	"context"
	"errors"
	"time"

	"vaguemestre/gateway"
)

// LeaseLedger is the name of the lease whose epoch fences AppendLedger.
const LeaseLedger = "ledger"

// AcquireLease takes, or renews, a lease for ttl; ok is false while another owner has it.
// The epoch grows with each new holder, and when a holder let it run out: writes of an
// older epoch can so be refused. An owner's name is unique among the processes that live.
// Leases are compared with the clock of the node that asks: nodes keep theirs within ttl.
func (s *Store) AcquireLease(ctx context.Context, name, owner string, ttl time.Duration) (epoch int64, ok bool, err error) {
	err = s.write(ctx, "acquire a lease", func(t *tx) error {
		now := t.now()
		err := t.value([]any{&epoch}, `INSERT INTO lease (name, owner, epoch, until) VALUES ($1, $2, 1, $3)
			ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until,
				epoch = CASE WHEN lease.owner = excluded.owner AND lease.until > $4 THEN lease.epoch ELSE lease.epoch + 1 END
			WHERE lease.owner = excluded.owner OR lease.until <= $4
			RETURNING epoch`, name, owner, micros(now.Add(ttl)), micros(now))
		ok = err == nil
		if errors.Is(err, gateway.ErrNotFound) {
			return nil
		}
		return err
	})
	return epoch, ok && err == nil, err
}

// Lease is who holds a work that one node does at a time.
type Lease struct {
	Name, Owner string
	Until       time.Time // past: nobody does
}

// Leases gives all that were ever taken, by name.
func (s *Store) Leases(ctx context.Context) ([]Lease, error) {
	return all(ctx, s, "list leases", func(row scanner) (l Lease, err error) {
		err = row.Scan(&l.Name, &l.Owner, when{&l.Until})
		return l, err
	}, "SELECT name, owner, until FROM lease ORDER BY name")
}

// DropLease gives a lease back before its time; repeating it changes nothing.
func (s *Store) DropLease(ctx context.Context, name, owner string) error {
	return s.write(ctx, "drop a lease", func(t *tx) error {
		_, err := t.exec("UPDATE lease SET until = 0 WHERE name = $1 AND owner = $2", name, owner)
		return err
	})
}

// holdLease makes the rest of the transaction happen under that epoch of a lease.
func (t *tx) holdLease(name string, epoch int64) error {
	return t.must(gateway.ErrFenced, "UPDATE lease SET epoch = epoch WHERE name = $1 AND epoch = $2", name, epoch)
}
