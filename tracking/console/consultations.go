package console

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/address"
	"vaguemestre/gateway/standstill"
	"vaguemestre/gateway/store"
	"vaguemestre/tracking/web"
)

func (c *Console) consultationRoutes() []route {
	return []route{
		{method: "GET", path: "/{$}", object: theAccount, permission: signedIn, do: c.consultations},
		{method: "GET", path: "/consultations/{consultation}", object: theConsultation, permission: entitled, do: c.follow},
		{method: "GET", path: "/consultations/{consultation}/suivi.csv", object: theConsultation, permission: entitled, do: c.export},
		{method: "GET", path: "/consultations/{consultation}/direct", object: theConsultation, permission: entitled, do: c.live, passive: true},
	}
}

type consultationsPage struct {
	Shell  shell
	Search string
	Closed bool // archived ones are shown too
	Rows   []consultationRow
	Hidden int // archived ones that are not shown
	None   bool
}

type consultationRow struct {
	gateway.Consultation
	Tally store.Tally
	Left  standstill.Left
	Past  bool
	Zone  *time.Location
}

// consultations lists those the agent is entitled to, the nearest deadline first, then those that are over.
func (c *Console) consultations(w http.ResponseWriter, r *http.Request, v *visit) error {
	all, err := c.d.Store.EntitledConsultations(r.Context(), v.agent.ID)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	p := consultationsPage{Shell: v.shell(r, "consultations"), Search: q.Get("q"), Closed: q.Get("archivees") == "1", None: len(all) == 0}
	var ids []gateway.ID
	for _, x := range all {
		if !matches(x, p.Search) {
			continue
		}
		if !x.Archived.IsZero() && !p.Closed {
			p.Hidden++
			continue
		}
		ids = append(ids, x.ID)
		p.Rows = append(p.Rows, consultationRow{
			Consultation: x, Left: standstill.Until(x.Deadline, v.now), Past: !x.Deadline.IsZero() && !v.now.Before(x.Deadline), Zone: x.Location(),
		})
	}
	tallies, err := c.d.Store.Tallies(r.Context(), ids...)
	if err != nil {
		return err
	}
	for i, row := range p.Rows {
		p.Rows[i].Tally = tallies[row.ID]
	}
	slices.SortStableFunc(p.Rows, func(a, b consultationRow) int { return sooner(a, b) })
	return c.page(w, r, v, web.Page{Name: "consultations", Data: p})
}

// sooner puts what is still open first, by its deadline, then what is over, the latest first.
func sooner(a, b consultationRow) int {
	rank := func(x consultationRow) int {
		switch {
		case !x.Archived.IsZero():
			return 3
		case x.Past:
			return 2
		case x.Deadline.IsZero():
			return 1
		}
		return 0
	}
	if by := cmp.Compare(rank(a), rank(b)); by != 0 {
		return by
	}
	if a.Past {
		return b.Deadline.Compare(a.Deadline)
	}
	return a.Deadline.Compare(b.Deadline)
}

// matches tells whether every word of a search is in the consultation's facts, without case or accents.
func matches(c gateway.Consultation, search string) bool {
	facts := address.Fold(strings.Join([]string{c.Reference, c.Title, c.Object, c.PublicBody, c.PurchasingEntity}, " "))
	for word := range strings.FieldsSeq(search) {
		if !strings.Contains(facts, address.Fold(word)) {
			return false
		}
	}
	return true
}

// clock is the procurement clock of a consultation.
type clock struct {
	Deadline time.Time
	Left     standstill.Left
	Past     bool
	standstill.Clock
	Sure bool
	Open bool
	Days int
}

func (c *Console) clockOf(r *http.Request, v *visit) (clock, error) {
	about := v.consultation
	k := clock{Deadline: about.Deadline, Left: standstill.Until(about.Deadline, v.now), Days: standstill.Days}
	k.Past = !about.Deadline.IsZero() && !v.now.Before(about.Deadline)
	rejections, err := c.d.Store.RejectionsOf(r.Context(), about.ID, gateway.Rejet)
	if err != nil {
		return k, err
	}
	k.Clock = standstill.Of(rejections.States, rejections.Last, about.Location())
	k.Sure, k.Open = k.Clock.Sure(), k.Clock.Open(v.now)
	return k, nil
}
