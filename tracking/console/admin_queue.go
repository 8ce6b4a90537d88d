package console

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/act"
	"vaguemestre/gateway/store"
	"vaguemestre/tracking/web"
)

// adminRows is how many rows a page of administrators has.
const adminRows = 50

// queuePath is the queue's page.
const queuePath = "/passerelle/file"

type queuePage struct {
	adminPage
	Only string // "", "retenus", "en-defaut"
	Said string // what came of an act on several
	Jobs []jobRow
	Acts []manyAct
	Next string
}

// jobRow is a job with whom it is for.
type jobRow struct {
	store.JobLease
	Fate string // a word of the catalogue
	Age  string
	To   string
	Name string // of the company
}

// fate says what a job waits for.
func fate(j store.JobLease, now time.Time) string {
	switch {
	case j.Owner != "" && j.Until.After(now):
		return "leased"
	case j.Owner != "":
		return "left"
	case j.Held:
		return "held"
	case j.Due.After(now):
		return "waits"
	}
	return "due"
}

// queue lists what waits to be sent, oldest first.
func (c *Console) queue(w http.ResponseWriter, r *http.Request, v *visit) error {
	return c.showQueue(w, r, v, "")
}

func (c *Console) showQueue(w http.ResponseWriter, r *http.Request, v *visit, problem string) error {
	p := queuePage{adminPage: v.admin(r, "queue"), Only: r.FormValue("quoi"), Said: c.doneMany(r, v), Acts: manyActs()}
	p.Error = problem
	filter := store.JobFilter{Held: p.Only == "retenus", Faulty: p.Only == "en-defaut", Limit: adminRows + 1}
	if after := r.URL.Query().Get("apres"); after != "" {
		id, err := gateway.ParseID(after)
		if err != nil {
			return gateway.ErrNotFound
		}
		filter.After = id
	}
	jobs, err := c.d.Store.Jobs(r.Context(), filter)
	if err != nil {
		return err
	}
	if len(jobs) > adminRows {
		jobs = jobs[:adminRows]
		p.Next = queuePath + "?" + url.Values{"quoi": {p.Only}, "apres": {jobs[adminRows-1].ID.String()}}.Encode()
	}
	for _, j := range jobs {
		row, err := c.jobRow(r.Context(), v, j.ID)
		if errors.Is(err, gateway.ErrNotFound) {
			continue // it was sent meanwhile
		}
		if err != nil {
			return err
		}
		p.Jobs = append(p.Jobs, row)
	}
	return c.page(w, r, v, web.Page{Name: "admin-queue", Status: formStatus(problem), Switch: queuePath, Data: p})
}

func (c *Console) jobRow(ctx context.Context, v *visit, id gateway.ID) (row jobRow, err error) {
	if row.JobLease, err = c.d.Store.JobLease(ctx, id); err != nil {
		return row, err
	}
	row.Fate, row.Age, row.To = fate(row.JobLease, v.now), c.span(v, v.now.Sub(row.Created)), row.Notice.To
	if row.To != "" || row.Recipient.IsZero() {
		return row, nil
	}
	recipient, err := c.d.Store.Recipient(ctx, row.Recipient)
	row.To, row.Name = recipient.Address, recipient.CompanyName
	return row, err
}

type jobPage struct {
	adminPage
	Job       jobRow
	Reference string // of the consultation
	Type      string
	Attempts  []attemptRow
}

// attemptRow is one outcome of an attempt.
type attemptRow struct {
	gateway.Event
	Said gateway.RelayDetails
}

// job shows one, and what may be done about it.
func (c *Console) job(w http.ResponseWriter, r *http.Request, v *visit) error {
	return c.showJob(w, r, v, "")
}

func (c *Console) showJob(w http.ResponseWriter, r *http.Request, v *visit, problem string) error {
	id, err := pathID(r, "job")
	if err != nil {
		return err
	}
	p := jobPage{adminPage: v.admin(r, "queue")}
	if p.Job, err = c.jobRow(r.Context(), v, id); err != nil {
		return err
	}
	if p.Job.Courier != (gateway.ID{}) {
		courier, err := c.d.Store.Courier(r.Context(), p.Job.Courier)
		if err != nil {
			return err
		}
		p.Reference, p.Type = courier.Context.Reference, courier.TypeLabel
	}
	if p.Attempts, err = c.attempts(r.Context(), p.Job.Job); err != nil {
		return err
	}
	status := http.StatusOK
	if p.Error = problem; problem != "" {
		status = http.StatusConflict
	}
	return c.page(w, r, v, web.Page{Name: "admin-job", Status: status, Switch: jobPath(id), Data: p})
}

func jobPath(id gateway.ID) string { return queuePath + "/" + id.String() }

// attempts are the outcomes of what the job sends, oldest first.
func (c *Console) attempts(ctx context.Context, j gateway.Job) (rows []attemptRow, err error) {
	if j.Recipient.IsZero() || j.Kind == gateway.JobNotice {
		return nil, nil
	}
	events, err := c.d.Store.Events(ctx, j.Courier, j.Recipient)
	for _, e := range events {
		var said gateway.RelayDetails
		if j.Tried(e) && json.Unmarshal(e.Details, &said) == nil { // erased details say nothing
			rows = append(rows, attemptRow{e, said})
		}
	}
	return rows, err
}

// changeJob does what a person asked about one job, and says when it was too late for it.
func (c *Console) changeJob(w http.ResponseWriter, r *http.Request, v *visit, do func(context.Context, ...gateway.ID) (int64, error), done string) error {
	id, err := pathID(r, "job")
	if err != nil {
		return err
	}
	if _, err := c.d.Store.Job(r.Context(), id); err != nil {
		return err
	}
	n, err := do(r.Context(), id)
	if err != nil {
		return err
	}
	if n == 0 {
		return c.showJob(w, r, v, c.site.Text(v.lang, "job.unchanged"))
	}
	c.audit(r, v, "job "+done, "job", id.String())
	return after(w, r, jobPath(id), "job-"+done)
}

func (c *Console) retryJob(w http.ResponseWriter, r *http.Request, v *visit) error {
	return c.changeJob(w, r, v, c.d.Store.RetryNow, "due")
}

func (c *Console) holdJob(w http.ResponseWriter, r *http.Request, v *visit) error {
	return c.changeJob(w, r, v, c.d.Store.Hold, "held")
}

func (c *Console) releaseJob(w http.ResponseWriter, r *http.Request, v *visit) error {
	return c.changeJob(w, r, v, c.d.Store.ReleaseHold, "released")
}

// cancelJob takes a job off the queue for good. The reason stands in the events, and in the proof.
func (c *Console) cancelJob(w http.ResponseWriter, r *http.Request, v *visit) error {
	id, err := pathID(r, "job")
	if err != nil {
		return err
	}
	by := v.administrating(r)
	if by.Reason == "" {
		return c.showJob(w, r, v, c.site.Text(v.lang, "gateway.no-reason"))
	}
	err = act.CancelJob(r.Context(), c.d.Store, id, by)
	switch key := reasonKey(err); {
	case errors.Is(err, act.ErrGoneJob):
		return gateway.ErrNotFound
	case key != "":
		return c.showJob(w, r, v, c.site.Text(v.lang, "late."+key))
	case err != nil:
		return err
	}
	c.audit(r, v, "job cancelled", "job", id.String())
	return after(w, r, queuePath, "job-cancelled")
}
