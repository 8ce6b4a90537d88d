package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

type queueShow struct {
	Job  string `arg:"" help:"Number of the job, from queue list."`
	JSON bool   `help:"One JSON object."`
}

// shown is all that an administrator may ask of a job.
type shown struct {
	job       store.JobLease
	courier   gateway.Courier   // zero: about none
	recipient gateway.Recipient // zero: about none
	attempts  []gateway.Event   // of this job, oldest first
}

func (q queueShow) Run(cmds *commands, c console, ctx context.Context) error {
	id, err := gateway.ParseID(q.Job)
	if err != nil {
		return fmt.Errorf("%q is no job number", q.Job)
	}
	return cmds.withStore(ctx, func(s *store.Store) error {
		all, err := gather(ctx, s, id)
		switch {
		case errors.Is(err, gateway.ErrNotFound):
			return fmt.Errorf("no job has the number %s: it was sent, given up or cancelled; courier show says which", id)
		case err != nil:
			return err
		case q.JSON:
			return json.NewEncoder(c.out).Encode(all.object())
		}
		return all.print(c)
	})
}

func gather(ctx context.Context, s *store.Store, id gateway.ID) (all shown, err error) {
	if all.job, err = s.JobLease(ctx, id); err != nil {
		return all, err
	}
	if !all.job.Courier.IsZero() {
		if all.courier, err = s.Courier(ctx, all.job.Courier); err != nil {
			return all, err
		}
	}
	if all.job.Recipient.IsZero() {
		return all, nil
	}
	if all.recipient, err = s.Recipient(ctx, all.job.Recipient); err != nil || all.job.Kind == gateway.JobNotice {
		return all, err
	}
	events, err := s.Events(ctx, all.job.Courier, all.job.Recipient)
	for _, e := range events {
		if all.job.Tried(e) {
			all.attempts = append(all.attempts, e)
		}
	}
	return all, err
}

// fate says what the job waits for, in words.
func (a shown) fate(now time.Time) string {
	j := a.job
	switch {
	case j.Owner != "" && j.Until.After(now):
		return "being sent by " + j.Owner
	case j.Owner != "":
		return "left by " + j.Owner + " without a word: uncertain, to be sent again"
	case j.Held:
		return "held: nothing is tried before queue release"
	case j.Due.After(now):
		return "waits for its next attempt"
	}
	return "due"
}

func (a shown) print(c console) error {
	j, now := a.job, time.Now()
	if err := c.table(func(w *tabwriter.Writer) error {
		row(w, "Job", j.ID)
		row(w, "Kind", strings.TrimSpace(string(j.Kind)+" "+string(j.Notice.Kind)))
		row(w, "State", a.fate(now))
		if !a.courier.ID.IsZero() {
			row(w, "Courier", a.courier.ID, a.courier.Context.Reference+" · "+a.courier.Subject)
		}
		if !a.recipient.ID.IsZero() {
			row(w, "Recipient", a.recipient.ID, strings.Trim(a.recipient.Address+" · "+a.recipient.CompanyName, " ·"), a.recipient.Standing.State)
		}
		if j.Notice.To != "" {
			row(w, "To", j.Notice.To)
		}
		row(w, "Created", j.Created.Local().Format(stamp), time.Since(j.Created).Round(time.Second).String()+" ago")
		row(w, "Attempts", j.Attempt)
		row(w, "Last fault", cmp.Or(j.LastFault, "none"))
		row(w, "Next attempt", a.next())
		if j.Owner != "" {
			row(w, "Lease", j.Owner, "until "+j.Until.Local().Format(stamp))
		}
		return nil
	}); err != nil || len(a.attempts) == 0 {
		return err
	}
	c.say("")
	return c.table(func(w *tabwriter.Writer) error {
		row(w, "ATTEMPT", "RECORDED", "OUTCOME", "DETAILS")
		for _, e := range a.attempts {
			row(w, e.Attempt, e.Recorded.Local().Format(stamp), e.Kind, digest(e))
		}
		return nil
	})
}

func (a shown) next() string {
	switch {
	case a.job.Held:
		return "none while it is held"
	case a.job.Owner != "":
		return "after this one, if it fails"
	}
	return a.job.Due.Local().Format(stamp)
}

func (a shown) object() map[string]any {
	o := jobJSON(a.job.Job)
	o["state"], o["generation"], o["interrupted"] = a.fate(time.Now()), a.job.Generation, a.job.Interrupted
	if a.job.Owner != "" {
		o["lease"] = map[string]any{"owner": a.job.Owner, "until": a.job.Until}
	}
	if a.job.Kind == gateway.JobNotice {
		o["notice"] = map[string]any{"kind": a.job.Notice.Kind, "to": a.job.Notice.To}
	}
	if a.job.Reminder > 0 {
		o["reminder"] = a.job.Reminder
	}
	if !a.courier.ID.IsZero() {
		o["consultation"], o["subject"], o["type"] = a.courier.Context.Reference, a.courier.Subject, a.courier.Type
	}
	if !a.recipient.ID.IsZero() {
		o["address"], o["company"], o["standing"] = a.recipient.Address, a.recipient.CompanyName, a.recipient.Standing.State.String()
	}
	history := []map[string]any{}
	for _, e := range a.attempts {
		history = append(history, map[string]any{"attempt": e.Attempt, "recorded": e.Recorded, "outcome": e.Kind, "details": json.RawMessage(cmp.Or(string(e.Details), "null"))})
	}
	o["history"] = history
	return o
}
