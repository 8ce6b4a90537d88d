package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

type queueCommand struct {
	List    queueList    `cmd:"" help:"What waits, oldest first."`
	Show    queueShow    `cmd:"" help:"Everything about one job: whose it is, what was tried, what comes next."`
	Retry   queueRetry   `cmd:"" help:"Try jobs now rather than at their next attempt."`
	Hold    queueHold    `cmd:"" help:"Keep jobs from being tried."`
	Release queueRelease `cmd:"" help:"Undo hold."`
	Cancel  queueCancel  `cmd:"" help:"Take jobs off the queue for good; what they would have sent is not sent."`
	Flush   queueFlush   `cmd:"" help:"Try everything now."`
}

type queueList struct {
	JSON   bool `help:"One JSON object a line."`
	Faulty bool `help:"Only what met something."`
	Held   bool `help:"Only what is held."`
}

// page is how many jobs are read at once, so that a long queue does not fill the memory.
const page = 500

func eachJob(ctx context.Context, s *store.Store, f store.JobFilter, do func(gateway.Job) error) error {
	f.Limit = page
	for {
		jobs, err := s.Jobs(ctx, f)
		if err != nil {
			return err
		}
		for _, j := range jobs {
			if err := do(j); err != nil {
				return err
			}
		}
		if len(jobs) < page {
			return nil
		}
		f.After = jobs[len(jobs)-1].ID
	}
}

func (q queueList) Run(cmds *commands, c console, ctx context.Context) error {
	return cmds.withStore(ctx, func(s *store.Store) error {
		filter := store.JobFilter{Held: q.Held, Faulty: q.Faulty}
		if q.JSON {
			encoder := json.NewEncoder(c.out)
			return eachJob(ctx, s, filter, func(j gateway.Job) error {
				return encoder.Encode(jobJSON(j))
			})
		}
		return c.table(func(w *tabwriter.Writer) error {
			row(w, "JOB", "KIND", "COURIER", "AGE", "ATTEMPTS", "NEXT", "FAULT")
			return eachJob(ctx, s, filter, func(j gateway.Job) error {
				next := j.Due.Local().Format(stamp)
				if j.Held {
					next = "held"
				}
				row(w, j.ID, j.Kind, j.Courier, time.Since(j.Created).Round(time.Second), j.Attempt, next, j.LastFault)
				return nil
			})
		})
	})
}

// jobJSON is a job as programs read it: times in UTC, "due" being when the next attempt is.
func jobJSON(j gateway.Job) map[string]any {
	return map[string]any{
		"job": j.ID, "kind": j.Kind, "courier": j.Courier, "recipient": j.Recipient, "attempts": j.Attempt,
		"created": j.Created, "age_seconds": int64(time.Since(j.Created).Seconds()), "due": j.Due, "held": j.Held, "fault": j.LastFault,
	}
}

type jobIDs struct {
	Job  []string `arg:"" help:"Numbers of jobs, from queue list."`
	JSON bool     `help:"One JSON object."`
}

// read gives the numbers, or every one that is none.
func (j jobIDs) read() (ids []gateway.ID, err error) {
	var problems []error
	for _, text := range j.Job {
		id, err := gateway.ParseID(text)
		if err != nil {
			problems = append(problems, fmt.Errorf("%q is no job number", text))
		}
		ids = append(ids, id)
	}
	return ids, errors.Join(problems...)
}

func (j jobIDs) change(cmds *commands, c console, ctx context.Context, done string, do func(*store.Store, ...gateway.ID) (int64, error)) error {
	ids, err := j.read()
	if err != nil {
		return err // all or nothing
	}
	return cmds.withStore(ctx, func(s *store.Store) error {
		n, err := do(s, ids...)
		if err != nil {
			return err
		}
		return c.changed(j.JSON, int(n), len(ids), done)
	})
}

// changed says how many jobs an act was done to; the exit code is 1 when there was one to which it was not.
func (c console) changed(asJSON bool, n, asked int, done string) error {
	if asJSON {
		if err := json.NewEncoder(c.out).Encode(map[string]any{"asked": asked, "changed": n}); err != nil {
			return err
		}
	} else {
		c.say("%d of %d %s", n, asked, done)
	}
	if n < asked {
		return exit(1)
	}
	return nil
}

type queueRetry struct{ jobIDs }

func (q queueRetry) Run(cmds *commands, c console, ctx context.Context) error {
	return q.change(cmds, c, ctx, "due now (the others are due already, are being tried, or are gone)",
		func(s *store.Store, ids ...gateway.ID) (int64, error) { return s.RetryNow(ctx, ids...) })
}

type queueHold struct{ jobIDs }

func (q queueHold) Run(cmds *commands, c console, ctx context.Context) error {
	return q.change(cmds, c, ctx, "held", func(s *store.Store, ids ...gateway.ID) (int64, error) { return s.Hold(ctx, ids...) })
}

type queueRelease struct{ jobIDs }

func (q queueRelease) Run(cmds *commands, c console, ctx context.Context) error {
	return q.change(cmds, c, ctx, "released", func(s *store.Store, ids ...gateway.ID) (int64, error) { return s.ReleaseHold(ctx, ids...) })
}

type queueFlush struct {
	JSON bool `help:"One JSON object."`
}

func (q queueFlush) Run(cmds *commands, c console, ctx context.Context) error {
	return cmds.withStore(ctx, func(s *store.Store) error {
		var due, all int64
		err := eachJob(ctx, s, store.JobFilter{}, func(j gateway.Job) error {
			n, err := s.RetryNow(ctx, j.ID)
			due, all = due+n, all+1
			return err
		})
		if err != nil {
			return err
		}
		if q.JSON {
			return json.NewEncoder(c.out).Encode(map[string]any{"asked": all, "changed": due})
		}
		c.say("%d of %d due now; the others were due already or are being tried", due, all)
		return nil
	})
}
