package ledger

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// waitStep is how long Wait leaves the holder of the lease to do its work before it looks again.
const waitStep = 100 * time.Millisecond

// Wait returns when all of these events are in the ledger under a checkpoint. Where no process
// sequences, it does so itself: a proof can be made while the daemon is stopped.
func (l *Ledger) Wait(ctx context.Context, events ...gateway.ID) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		for len(events) > 0 {
			e, err := l.store.Event(ctx, events[0])
			if err != nil {
				return fmt.Errorf("wait for the ledger: %w", err)
			}
			if e.Position < 0 {
				break
			}
			events = events[1:]
		}
		if len(events) == 0 {
			return nil
		}
		if _, err := l.Sequence(ctx); errors.Is(err, ErrElsewhere) {
			timer.Reset(waitStep)
			select {
			case <-ctx.Done():
				return fmt.Errorf("wait for the ledger: %w", ctx.Err())
			case <-timer.C:
			}
		} else if err != nil {
			return fmt.Errorf("wait for the ledger: %w", err)
		}
	}
}

// Last is the newest checkpoint, its signature checked; gateway.ErrNotFound while there is none.
func (l *Ledger) Last(ctx context.Context) (Signed, error) {
	row, err := l.last(ctx)
	if err != nil {
		return Signed{}, err
	}
	return Signed{Checkpoint{l.o.Key.Name(), row.Size, row.Root, row.Time}, row.Note, row.Stamp}, nil
}

// Signed is a checkpoint with its signed note and, when it has one, its time-stamp token.
type Signed struct {
	Checkpoint
	Note  []byte
	Token []byte
}

// Stamped is the newest checkpoint, time-stamped now when it was not yet. Where there is no authority, or
// it does not answer, the checkpoint comes without a stamp, and late says why.
func (l *Ledger) Stamped(ctx context.Context) (c Signed, late, err error) {
	if c, err = l.Last(ctx); err != nil || l.o.Authority == nil || c.Token != nil {
		return c, nil, err
	}
	token, err := l.o.Authority.Stamp(ctx, Digest(c.Note))
	if err != nil {
		l.metrics.stampFailures.Inc()
		return c, err, ctx.Err()
	}
	switch err := l.store.StampCheckpoint(ctx, c.Size, token); {
	case errors.Is(err, gateway.ErrNotFound): // another one was faster; ours is as good
	case err != nil:
		return c, nil, fmt.Errorf("store a time stamp: %w", err)
	}
	l.metrics.stamped.Set(float64(l.o.Now().Unix()))
	c.Token = token
	return c, nil, nil
}

// stampNow has the newest checkpoint stamped from time to time, by the process that holds the lease.
func (l *Ledger) stampNow(ctx context.Context) error {
	ticker := time.NewTicker(l.o.StampEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
		if !l.holds() {
			continue
		}
		_, late, err := l.Stamped(ctx)
		if err = errors.Join(late, err); err != nil && !errors.Is(err, gateway.ErrNotFound) && ctx.Err() == nil {
			l.o.Logger.Warn("time-stamp the ledger", "error", err)
		}
	}
}

func (l *Ledger) holds() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.epoch != 0
}

// Include proves that the events at these positions are under the checkpoint.
func (l *Ledger) Include(ctx context.Context, c Checkpoint, positions []int64) ([]Inclusion, error) {
	reader := l.reader(ctx)
	proofs := make([]Inclusion, len(positions))
	for i, p := range positions {
		path, err := tlog.ProveRecord(c.Size, p, reader)
		if err != nil {
			return nil, fmt.Errorf("prove the event at position %d: %w", p, err)
		}
		proofs[i] = Inclusion{Position: p, Path: path}
	}
	return proofs, nil
}

// Extend proves that the ledger of size newer begins with the one of size older.
func (l *Ledger) Extend(ctx context.Context, older, newer int64) (tlog.TreeProof, error) {
	proof, err := tlog.ProveTree(newer, older, l.reader(ctx))
	if err != nil {
		return nil, fmt.Errorf("prove that %d events begin with %d: %w", newer, older, err)
	}
	return proof, nil
}

// reader reads each stored hash once.
func (l *Ledger) reader(ctx context.Context) tlog.HashReader {
	seen := map[int64]tlog.Hash{}
	return tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		var missing []int64
		for _, i := range indexes {
			if _, ok := seen[i]; !ok {
				missing = append(missing, i)
			}
		}
		read, err := l.store.LedgerHashes(ctx, missing)
		if err != nil {
			return nil, err
		}
		for i, h := range read {
			seen[missing[i]] = h
		}
		all := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			all[i] = seen[index]
		}
		return all, nil
	})
}

// CheckStamp reads a checkpoint's token; roots, when not nil, must vouch for its authority.
func CheckStamp(signed, token []byte, roots *x509.CertPool) (Stamp, error) {
	stamp, err := ReadStamp(token, Digest(signed))
	if err != nil || roots == nil {
		return stamp, err
	}
	return stamp, stamp.Trusted(roots)
}

var _ Store = (*store.Store)(nil)
