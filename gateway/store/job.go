package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"vaguemestre/gateway"
)

const jobColumns = `id, kind, courier, recipient, generation, notice, reminder, attempt, created, due, held, fault, interrupted`

func scanJob(row scanner) (j gateway.Job, err error) {
	err = row.Scan(&j.ID, &j.Kind, &j.Courier, &j.Recipient, &j.Generation, object{&j.Notice}, &j.Reminder, &j.Attempt, when{&j.Created}, when{&j.Due},
		flag{&j.Held}, &j.LastFault, flag{&j.Interrupted})
	return j, err
}

// addJobs stores new jobs and wakes the queue. A job without a due time is due at once.
func (t *tx) addJobs(news []gateway.Job) error {
	if len(news) == 0 {
		return nil
	}
	rows := make([][]any, len(news))
	var contents []gateway.Hash
	for i, j := range news {
		if j.Created.IsZero() {
			j.Created = t.now()
		}
		if j.Due.IsZero() {
			j.Due = j.Created
		}
		rows[i] = jobArgs(j)
		contents = append(contents, j.Notice.Content)
	}
	if _, err := t.many(insertJob, rows); err != nil {
		return fmt.Errorf("store jobs: %w", err)
	}
	t.topics |= onJobs
	return t.name(contents...)
}

const insertJob = `INSERT INTO job (` + jobColumns + `, ready, lease_owner) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0, $13, '')`

func jobArgs(j gateway.Job) []any {
	notice := ""
	if j.Kind == gateway.JobNotice {
		notice = text(j.Notice)
	}
	return []any{j.ID.String(), string(j.Kind), j.Courier.String(), j.Recipient.String(), int64(j.Generation), notice, int64(j.Reminder), int64(j.Attempt),
		micros(j.Created), micros(j.Due), bit(j.Held), j.LastFault, micros(j.Due)}
}

// settleJob ends a leased job, or puts it back for later.
func (t *tx) settleJob(r gateway.JobResult) error {
	if !r.Again.IsZero() {
		t.topics |= onJobs
		return t.must(gateway.ErrFenced, `UPDATE job SET due = $1, ready = $1, lease_owner = '', interrupted = 0, fault = $2 WHERE id = $3 AND attempt = $4`,
			micros(r.Again), r.Fault, r.ID.String(), int64(r.Attempt))
	}
	n, err := t.exec("DELETE FROM job WHERE id = $1 AND attempt = $2 AND notice = ''", r.ID.String(), int64(r.Attempt))
	if err != nil || n == 1 {
		return err
	}
	var notice gateway.Notice
	err = t.value([]any{object{&notice}}, "DELETE FROM job WHERE id = $1 AND attempt = $2 RETURNING notice", r.ID.String(), int64(r.Attempt))
	if err != nil {
		return notFound(err, gateway.ErrFenced)
	}
	return t.unname(notice.Content)
}

// Lease takes up to n jobs that are due, of the kinds given, oldest first, and keeps them
// from others for ttl. Each lease grows Attempt, which fences the leases before it. Interrupted
// tells those that had a lease, since they were last settled, that was neither settled nor given
// back.
func (s *Store) Lease(ctx context.Context, owner string, kinds []gateway.JobKind, n int, ttl time.Duration) (leased []gateway.Job, err error) {
	if n <= 0 || len(kinds) == 0 {
		return nil, nil
	}
	var wanted [3]string // every kind there is; a list that never changes length is prepared once
	for i := range wanted {
		wanted[i] = string(kinds[min(i, len(kinds)-1)])
	}
	err = s.write(ctx, "lease jobs", func(t *tx) (err error) {
		now := t.now()
		leased, err = list(t.ctx, t.run, scanJob, `WITH next AS (SELECT id AS next_id FROM job WHERE held = 0 AND ready <= $1
				AND kind IN ($2, $3, $4) ORDER BY ready, id LIMIT $5`+t.d.skipLocked+`)
			UPDATE job SET attempt = attempt + 1, interrupted = CASE WHEN lease_owner = '' THEN interrupted ELSE 1 END, lease_owner = $6, ready = $7
			FROM next WHERE id = next_id RETURNING `+jobColumns,
			micros(now), wanted[0], wanted[1], wanted[2], n, owner, micros(now.Add(ttl)))
		return err
	})
	slices.SortFunc(leased, func(a, b gateway.Job) int {
		if c := a.Due.Compare(b.Due); c != 0 {
			return c
		}
		return a.ID.Compare(b.ID)
	})
	return leased, err
}

// Extend keeps a leased job for ttl from now; gateway.ErrFenced when somebody else has it.
func (s *Store) Extend(ctx context.Context, j gateway.Job, ttl time.Duration) error {
	return s.write(ctx, "extend a lease", func(t *tx) error {
		return t.must(gateway.ErrFenced, "UPDATE job SET ready = $1 WHERE id = $2 AND attempt = $3 AND lease_owner <> ''",
			micros(t.now().Add(ttl)), j.ID.String(), int64(j.Attempt))
	})
}

// Release gives a leased job back unused, due as before. Its Attempt stays spent: it
// fences. gateway.ErrFenced when somebody else has it.
func (s *Store) Release(ctx context.Context, j gateway.Job) error {
	return s.write(ctx, "release a lease", func(t *tx) error {
		t.topics |= onJobs
		return t.must(gateway.ErrFenced, "UPDATE job SET ready = due, lease_owner = '' WHERE id = $1 AND attempt = $2 AND lease_owner <> ''",
			j.ID.String(), int64(j.Attempt))
	})
}

// Abandon ends the leases of an owner that died, so that its jobs need not wait for their time to
// run out; they are then leased as Interrupted. Call it before the owner's next process leases.
func (s *Store) Abandon(ctx context.Context, owner string) (n int64, err error) {
	err = s.write(ctx, "abandon leases", func(t *tx) error {
		t.topics |= onJobs
		n, err = t.exec("UPDATE job SET ready = due WHERE lease_owner = $1", owner)
		return err
	})
	return n, err
}

// Job gives one by its ID.
func (s *Store) Job(ctx context.Context, id gateway.ID) (gateway.Job, error) {
	return get(ctx, s, "read a job", scanJob, "SELECT "+jobColumns+" FROM job WHERE id = $1", id.String())
}

// JobFilter chooses jobs; a zero field chooses nothing out.
type JobFilter struct {
	Kind      gateway.JobKind
	Courier   gateway.ID
	Recipient gateway.ID
	Held      bool       // only those held
	Faulty    bool       // only those whose last attempt met something
	After     gateway.ID // the last of the page before
	Limit     int        // 0: DefaultPage
}

// Jobs gives those that the filter chooses, oldest first.
func (s *Store) Jobs(ctx context.Context, f JobFilter) ([]gateway.Job, error) {
	q := newFilter("SELECT " + jobColumns + " FROM job WHERE true")
	if f.Kind != "" {
		q.and("kind =", string(f.Kind))
	}
	q.id("courier =", f.Courier)
	q.id("recipient =", f.Recipient)
	q.after("job", "created", f.After)
	if f.Held {
		q.raw(" AND held = 1")
	}
	if f.Faulty {
		q.raw(" AND fault <> ''")
	}
	q.page("created, id", f.Limit)
	return all(ctx, s, "list jobs", scanJob, q.text.String(), q.args...)
}

// Hold keeps jobs from being leased until ReleaseHold; those leased now finish their
// attempt. It gives the number of jobs that changed.
func (s *Store) Hold(ctx context.Context, ids ...gateway.ID) (int64, error) {
	return s.changeJobs(ctx, "hold jobs", "UPDATE job SET held = 1 WHERE held = 0", ids)
}

// ReleaseHold undoes Hold.
func (s *Store) ReleaseHold(ctx context.Context, ids ...gateway.ID) (int64, error) {
	return s.changeJobs(ctx, "release held jobs", "UPDATE job SET held = 0 WHERE held = 1", ids)
}

// RetryNow makes jobs that wait for a later attempt due at once; those leased now are left
// alone.
func (s *Store) RetryNow(ctx context.Context, ids ...gateway.ID) (int64, error) {
	now := micros(s.now())
	return s.changeJobs(ctx, "retry jobs", "UPDATE job SET due = $1, ready = $1 WHERE lease_owner = '' AND due > $1", ids, now)
}

func (s *Store) changeJobs(ctx context.Context, op, query string, ids []gateway.ID, args ...any) (changed int64, err error) {
	err = s.write(ctx, op, func(t *tx) error {
		changed = 0
		t.topics |= onJobs
		for page := range slices.Chunk(ids, 500) {
			q := newFilter(query)
			q.args = slices.Clone(args)
			q.among("id", page)
			n, err := t.exec(q.text.String(), q.args...)
			if err != nil {
				return err
			}
			changed += n
		}
		return nil
	})
	return changed, err
}

// QueueStats is the queue at one instant.
type QueueStats struct {
	Waiting map[gateway.JobKind]int64 // not held; leased ones included
	Leased  int64
	Held    int64
	// Oldest is the earliest Created of the jobs not held; Next the earliest time at which
	// one can be leased. Zero: there is none.
	Oldest, Next time.Time
}

// QueueStats counts the queue.
func (s *Store) QueueStats(ctx context.Context) (QueueStats, error) {
	type row struct {
		kind                gateway.JobKind
		held, leased, count int64
		oldest, next        time.Time
	}
	rows, err := all(ctx, s, "count the queue", func(sc scanner) (r row, err error) {
		err = sc.Scan(&r.kind, &r.held, &r.leased, &r.count, when{&r.oldest}, when{&r.next})
		return r, err
	}, `SELECT kind, held, CASE WHEN lease_owner = '' THEN 0 ELSE 1 END, count(*), min(created), min(ready) FROM job GROUP BY 1, 2, 3`)
	stats := QueueStats{Waiting: map[gateway.JobKind]int64{gateway.JobLetter: 0, gateway.JobReminder: 0, gateway.JobNotice: 0}}
	for _, r := range rows {
		if r.held != 0 {
			stats.Held += r.count
			continue
		}
		stats.Waiting[r.kind] += r.count
		stats.Leased += r.leased * r.count
		stats.Oldest, stats.Next = first(stats.Oldest, r.oldest), first(stats.Next, r.next)
	}
	return stats, err
}

// first is the earlier of two times, a zero one being none.
func first(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
