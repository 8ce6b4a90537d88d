package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
	"vaguemestre/tracking/web"
)

// pageLength is how many couriers a page of the follow-up shows.
const pageLength = 25

// shownRecipients is how many recipients of a courier its row unfolds.
const shownRecipients = 10

// status is what agents call where a letter stands.
type status struct {
	Name   string
	Icon   string
	Kind   string // of its badge
	States []gateway.State
}

// statuses are the filters of the follow-up, in the order of a letter's life.
func statuses() []status {
	return []status{
		{"draft", "edit", "plain", nil},
		{"underway", "clock", "info", []gateway.State{gateway.StateQueued, gateway.StateDeferred, gateway.StateUncertain}},
		{"sent", "send", "info", []gateway.State{gateway.StateSent, gateway.StateHandedOver}},
		{"delivered", "mail", "info", []gateway.State{gateway.StateDelivered}},
		{"read", "open", "good", []gateway.State{gateway.StateRead}},
		{"replied", "reply", "good", []gateway.State{gateway.StateReplied}},
		{"failed", "error", "error", []gateway.State{gateway.StateExpired, gateway.StateFailed}},
	}
}

// statusOf is the status of a state.
func statusOf(s gateway.State) status {
	for _, one := range statuses() {
		if slices.Contains(one.States, s) {
			return one
		}
	}
	return statuses()[1]
}

// followForm is what the filters of the page say, as they were typed.
type followForm struct {
	Status, Type, Recipient, Search, Since, Until, Order, After string
}

func readFollow(q url.Values) followForm {
	bounded := func(name string) string {
		text := strings.TrimSpace(q.Get(name))
		return strings.ToValidUTF8(text[:min(len(text), 200)], "")
	}
	return followForm{
		Status: bounded("statut"), Type: bounded("type"), Recipient: bounded("destinataire"), Search: bounded("q"),
		Since: bounded("du"), Until: bounded("au"), Order: bounded("tri"), After: bounded("apres"),
	}
}

// query writes the form again, with another page.
func (f followForm) query(after string) string {
	q := url.Values{}
	for name, value := range map[string]string{
		"statut": f.Status, "type": f.Type, "destinataire": f.Recipient, "q": f.Search, "du": f.Since, "au": f.Until, "tri": f.Order, "apres": after,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return q.Encode()
}

// Empty tells a form that chooses nothing out.
func (f followForm) Empty() bool {
	f.Order, f.After = "", ""
	return f == followForm{}
}

const dayForm = "2006-01-02"

// filter is what the form means; what cannot be understood chooses nothing out. drafts tells that only drafts are asked for.
func (f followForm) filter(v *visit) (filter store.FollowFilter, drafts bool) {
	order := orderOf(f.Order)
	filter = store.FollowFilter{
		Consultation: v.consultation.ID, Type: gateway.TypeCode(f.Type), Search: f.Search, Recipient: f.Recipient,
		Sort: order.sort, Ascending: order.Ascending, After: f.After, Limit: pageLength,
	}
	for _, s := range statuses() {
		if s.Name == f.Status {
			filter.States, drafts = s.States, s.States == nil
		}
	}
	filter.Since, _ = time.ParseInLocation(dayForm, f.Since, v.zone())
	if day, err := time.ParseInLocation(dayForm, f.Until, v.zone()); err == nil {
		filter.Until = day.AddDate(0, 0, 1)
	}
	return filter, drafts
}

type followPage struct {
	Shell        shell
	Consultation gateway.Consultation
	Clock        clock
	Tally        store.Tally
	Form         followForm
	Statuses     []status
	Types        []typeChoice
	Orders       []order
	Drafts       []draftRow
	Rows         []followRow
	Path         string
	First, Next  string // addresses; empty: none
	Export, Live string
	Every        int // seconds between looks of a page for which there is no room among the live ones
}

type typeChoice struct{ Code, Label string }

type draftRow struct {
	gateway.Draft
	Label string
}

// followRow is one courier.
type followRow struct {
	gateway.Courier
	Count      int // recipients
	Many       bool
	Status     status   // of a single recipient
	Times      []moment // of a single recipient: what happened, when
	Parts      []part   // of several: how many are where
	Recipients []person // the first of them
	More       int      // those not shown
}

type moment struct {
	Icon, Word string
	At         time.Time
}

type part struct {
	status
	Count, Of int
}

type person struct {
	gateway.Recipient
	Status status
	Mark   string
	Times  []moment
}

// follow is « Suivi des messages ».
func (c *Console) follow(w http.ResponseWriter, r *http.Request, v *visit) error {
	form := readFollow(r.URL.Query())
	path := "/consultations/" + v.consultation.ID.String()
	p := followPage{
		Shell: v.shell(r, "follow"), Consultation: v.consultation, Form: form, Statuses: statuses(), Types: c.types(v.lang), Orders: orders(), Path: path, Every: int(c.liveAsk / time.Second),
		Export: path + "/suivi.csv?" + form.query(""), Live: path + "/direct?" + form.query(form.After),
	}
	var err error
	if p.Clock, err = c.clockOf(r, v); err != nil {
		return err
	}
	tallies, err := c.d.Store.Tallies(r.Context(), v.consultation.ID)
	if err != nil {
		return err
	}
	p.Tally = tallies[v.consultation.ID]
	filter, drafts := form.filter(v)
	if form.After == "" {
		if p.Drafts, err = c.draftsOf(r.Context(), v, form, drafts); err != nil {
			return err
		}
	} else {
		p.First = path + "?" + form.query("")
	}
	if !drafts {
		rows, next, err := c.rows(r.Context(), filter)
		if err != nil {
			return err
		}
		if p.Rows = rows; next != "" {
			p.Next = path + "?" + form.query(next)
		}
	}
	return c.page(w, r, v, web.Page{Name: "follow", About: v.consultation.Reference, Data: p})
}

// types lists the courier types in the agent's language.
func (c *Console) types(lang string) []typeChoice {
	var list []typeChoice
	for _, t := range c.d.Kinds.Types() {
		list = append(list, typeChoice{string(t.Code), t.Name(lang)})
	}
	return list
}

// draftsOf are the drafts of the consultation, which stand before what was sent. Filters that only couriers have leave them out.
func (c *Console) draftsOf(ctx context.Context, v *visit, f followForm, only bool) ([]draftRow, error) {
	if !f.Empty() && !only {
		return nil, nil
	}
	all, err := c.d.Store.Drafts(ctx, v.consultation.ID)
	if err != nil {
		return nil, err
	}
	var rows []draftRow
	for _, d := range all {
		label := string(d.Type)
		if t, known := c.d.Kinds.Type(d.Type); known {
			label = t.Name(v.lang)
		}
		rows = append(rows, draftRow{d, label})
	}
	return rows, nil
}

// rows reads a page of couriers with what stands beside each; next is what the page after it comes after.
func (c *Console) rows(ctx context.Context, filter store.FollowFilter) (rows []followRow, next string, err error) {
	page, err := c.d.Store.Follow(ctx, filter)
	if err != nil {
		return nil, "", err
	}
	ids := make([]gateway.ID, len(page.Couriers))
	for i, x := range page.Couriers {
		ids[i] = x.ID
	}
	counts, err := c.d.Store.RecipientStates(ctx, ids...)
	if err != nil {
		return nil, "", err
	}
	first, err := c.d.Store.FirstRecipients(ctx, shownRecipients, ids...)
	if err != nil {
		return nil, "", err
	}
	for _, x := range page.Couriers {
		rows = append(rows, rowOf(x, counts[x.ID], first[x.ID]))
	}
	return rows, page.Next, nil
}

func rowOf(x gateway.Courier, counts map[gateway.State]int, first []gateway.Recipient) followRow {
	row := followRow{Courier: x}
	total := 0
	for _, n := range counts {
		total += n
	}
	for _, r := range first {
		row.Recipients = append(row.Recipients, personOf(r))
	}
	row.Count, row.Many, row.More = total, total > 1, total-len(first)
	if !row.Many {
		if len(row.Recipients) > 0 {
			row.Status, row.Times = row.Recipients[0].Status, row.Recipients[0].Times
		}
		return row
	}
	for _, s := range statuses() {
		n := 0
		for _, state := range s.States {
			n += counts[state]
		}
		if n > 0 {
			row.Parts = append(row.Parts, part{s, n, total})
		}
	}
	slices.Reverse(row.Parts) // what went furthest, or wrong, first
	return row
}

func personOf(r gateway.Recipient) person {
	s := r.Standing
	p := person{Recipient: r, Status: statusOf(s.State), Times: timesOf(s)}
	switch {
	case !s.Cancelled.IsZero():
		p.Mark = "cancelled"
	case !s.Withdrawn.IsZero():
		p.Mark = "withdrawn"
	case !s.WrongRecipient.IsZero():
		p.Mark = "wrong"
	}
	return p
}

// timesOf are the facts of a recipient in their order, each with its sign and word.
func timesOf(s gateway.Standing) []moment {
	var all []moment
	for _, m := range []moment{
		{"send", "sent", s.Sent}, {"mail", "delivered", s.Delivered}, {"open", "read", s.Read}, {"reply", "replied", s.Replied}, {"error", "failed", s.Failed},
		{"error", "cancelled", s.Cancelled}, {"lock", "withdrawn", s.Withdrawn}, {"flag", "wrong", s.WrongRecipient},
	} {
		if !m.At.IsZero() {
			all = append(all, m)
		}
	}
	slices.SortStableFunc(all, func(a, b moment) int { return a.At.Compare(b.At) })
	return all
}
