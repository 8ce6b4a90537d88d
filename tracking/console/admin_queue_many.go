package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"vaguemestre/gateway"
	"vaguemestre/gateway/act"
	"vaguemestre/tracking/web"
)

// manyAct is something done about several jobs at once.
type manyAct struct {
	Name string // in the form
	Key  string // of its words
	Why  bool   // it asks for a reason
	do   func(c *Console, ctx context.Context, id gateway.ID, by act.By) (changed bool, err error)
}

// manyActs are those of the queue's page, in the order of its buttons.
func manyActs() []manyAct {
	counted := func(n int64, err error) (bool, error) { return n > 0, err }
	return []manyAct{
		{"essayer", "due", false, func(c *Console, ctx context.Context, id gateway.ID, _ act.By) (bool, error) {
			return counted(c.d.Store.RetryNow(ctx, id))
		}},
		{"retenir", "held", false, func(c *Console, ctx context.Context, id gateway.ID, _ act.By) (bool, error) {
			return counted(c.d.Store.Hold(ctx, id))
		}},
		{"liberer", "released", false, func(c *Console, ctx context.Context, id gateway.ID, _ act.By) (bool, error) {
			return counted(c.d.Store.ReleaseHold(ctx, id))
		}},
		{"annuler", "cancelled", true, func(c *Console, ctx context.Context, id gateway.ID, by act.By) (bool, error) {
			err := act.CancelJob(ctx, c.d.Store, id, by)
			if errors.Is(err, act.ErrGoneJob) || reasonKey(err) != "" { // it is too late for this one
				return false, nil
			}
			return err == nil, err
		}},
	}
}

type manyPage struct {
	adminPage
	Act    manyAct
	Only   string
	Jobs   []jobRow // that are still there
	Gone   int      // of those chosen
	Reason string
}

// chosenJobs are the numbers that the form names, each once; a page has no more than adminRows.
func chosenJobs(form url.Values) (ids []gateway.ID) {
	chosen := form["envoi"]
	if form.Has("tout") {
		chosen = form["page"]
	}
	for _, text := range chosen[:min(len(chosen), adminRows)] {
		if id, err := gateway.ParseID(text); err == nil && !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids
}

// changeMany does what a person asked about the jobs chosen, once they have seen which ones. Each is done by itself, as if
// it were the only one, and written down so: one that is too late stops no other.
func (c *Console) changeMany(w http.ResponseWriter, r *http.Request, v *visit) error {
	acts, ids := manyActs(), chosenJobs(r.PostForm)
	if len(ids) == 0 {
		return c.showQueue(w, r, v, c.site.Text(v.lang, "queue.none-chosen"))
	}
	i := slices.IndexFunc(acts, func(a manyAct) bool { return a.Name == r.PostForm.Get("acte") })
	if i < 0 {
		return gateway.ErrNotFound
	}
	p := manyPage{adminPage: v.admin(r, "queue"), Act: acts[i], Only: r.PostForm.Get("quoi"), Reason: singleLine(r.PostForm.Get("motif"), maxReason)}
	if !r.PostForm.Has("confirme") {
		return c.showMany(w, r, v, p, ids)
	}
	by := v.administrating(r)
	if p.Act.Why && by.Reason == "" {
		p.Error = c.site.Text(v.lang, "gateway.no-reason")
		return c.showMany(w, r, v, p, ids)
	}
	done := 0
	for _, id := range ids {
		changed, err := p.Act.do(c, r.Context(), id, by)
		if err != nil {
			return err
		}
		if changed {
			done++
			c.audit(r, v, "job "+p.Act.Key, "job", id.String())
		}
	}
	q := url.Values{"lot": {p.Act.Name}, "faits": {strconv.Itoa(done)}, "sur": {strconv.Itoa(len(ids))}}
	if p.Only != "" {
		q.Set("quoi", p.Only)
	}
	return after(w, r, queuePath+"?"+q.Encode(), "")
}

// showMany asks whether to go on.
func (c *Console) showMany(w http.ResponseWriter, r *http.Request, v *visit, p manyPage, ids []gateway.ID) error {
	for _, id := range ids {
		row, err := c.jobRow(r.Context(), v, id)
		switch {
		case errors.Is(err, gateway.ErrNotFound):
			p.Gone++
		case err != nil:
			return err
		default:
			p.Jobs = append(p.Jobs, row)
		}
	}
	if len(p.Jobs) == 0 {
		return c.showQueue(w, r, v, c.site.Text(v.lang, "queue.gone", "Count", p.Gone))
	}
	return c.page(w, r, v, web.Page{Name: "admin-queue-many", Status: formStatus(p.Error), Switch: queuePath, Data: p})
}

// doneMany says what came of the last act on several jobs, as the address tells it; empty: there was none.
func (c *Console) doneMany(r *http.Request, v *visit) string {
	q := r.URL.Query()
	done, err := strconv.Atoi(q.Get("faits"))
	of, err2 := strconv.Atoi(q.Get("sur"))
	if err != nil || err2 != nil || done < 0 || of < done || of > adminRows {
		return ""
	}
	for _, a := range manyActs() {
		if a.Name == q.Get("lot") {
			return c.site.Text(v.lang, "queue.many-"+a.Key, "Done", done, "Left", of-done)
		}
	}
	return ""
}
