package store

import (
	"context"
	"time"

	"vaguemestre/gateway"
)

// JobLease is a job and who has it in hand.
type JobLease struct {
	gateway.Job
	Owner string    // empty: nobody
	Until time.Time // when the lease ends unless it is renewed; zero without an owner
}

// JobLease gives a job with its lease, as of one instant.
func (s *Store) JobLease(ctx context.Context, id gateway.ID) (JobLease, error) {
	return get(ctx, s, "read a job", func(row scanner) (l JobLease, err error) {
		j := &l.Job
		err = row.Scan(&j.ID, &j.Kind, &j.Courier, &j.Recipient, &j.Generation, object{&j.Notice}, &j.Reminder, &j.Attempt, when{&j.Created}, when{&j.Due},
			flag{&j.Held}, &j.LastFault, flag{&j.Interrupted}, &l.Owner, when{&l.Until})
		if l.Owner == "" {
			l.Until = time.Time{}
		}
		return l, err
	}, "SELECT "+jobColumns+", lease_owner, ready FROM job WHERE id = $1", id.String())
}
