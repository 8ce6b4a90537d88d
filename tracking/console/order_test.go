package console

import (
	"context"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/seal"
)

var listedLetter = regexp.MustCompile(`id="see-([0-9a-z]+)"`)

// shownIn are the couriers of a page of the follow-up, in its order.
func shownIn(a answer) (ids []string) {
	for _, m := range listedLetter.FindAllStringSubmatch(a.Body, -1) {
		ids = append(ids, m[1])
	}
	return ids
}

// until asks until what is asked for is there: lists are told of letters a moment after acceptance.
func (h *house) until(what string, there func() bool) {
	h.t.Helper()
	ctx, over := context.WithTimeout(h.t.Context(), 2*time.Minute)
	defer over()
	for !there() {
		if !h.rest(ctx, 20*time.Millisecond) {
			h.t.Fatalf("%s never comes", what)
		}
	}
}

func TestTheFollowUpSortsByItsColumnsBothWaysAndSaysSo(t *testing.T) {
	h := newHouse(t)
	h.alive()
	p, path := h.signedIn(h.victoria), "/consultations/"+h.about.ID.String()
	rejection, many := h.rejection.ID.String(), h.many.ID.String()
	h.until("the order", func() bool {
		return slices.Equal(shownIn(p.get(path+"?tri=statut")), []string{many, rejection}) // one failed, against one read
	})
	for order, want := range map[string][]string{
		"": {many, rejection}, "ancien": {rejection, many}, "statut": {many, rejection}, "type": {rejection, many}, "type-inverse": {many, rejection},
		"statut-inverse": {rejection, many}, "objet": {rejection, many}, "objet-inverse": {many, rejection}, "inconnu": {many, rejection},
		"destinataire": {many, rejection}, "destinataire-inverse": {rejection, many},
	} {
		a := p.get(path+"?tri="+order).says(t, 200)
		if got := shownIn(a); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", order, got, want)
		}
		said := strings.Count(a.Body, "aria-sort=")
		if up := strings.Contains(a.Body, `aria-sort="ascending"`); said != 1 || up != orderOf(order).Ascending {
			t.Errorf("%s: said %d times, ascending: %v", order, said, up)
		}
	}
	a := p.get(path + "?tri=objet&q=courrier")
	for link, to := range map[string]string{"tri-subject": "tri=objet-inverse", "tri-date": "q=courrier\"", "tri-status": "tri=statut\"", "tri-recipient": "tri=destinataire\""} {
		if !regexp.MustCompile(`id="` + link + `" href="[^"]*` + to).MatchString(a.Body) {
			t.Errorf("%s does not lead to %s, the search kept", link, to)
		}
	}
}

func TestTheExportHasWhatTheListShowsInItsOrder(t *testing.T) {
	h := newHouse(t)
	p, path := h.signedIn(h.victoria), "/consultations/"+h.about.ID.String()
	h.until("the order", func() bool { return len(shownIn(p.get(path+"?tri=objet"))) == 2 })
	subjects := func(query string) (list []string) {
		for line := range strings.SplitSeq(p.get(path+"/suivi.csv?"+query).says(t, 200).Body, "\r\n") {
			for _, c := range []gateway.Courier{h.rejection, h.many} {
				if strings.Contains(line, ";"+c.Subject+";") && (len(list) == 0 || list[len(list)-1] != c.Subject) {
					list = append(list, c.Subject)
				}
			}
		}
		return list
	}
	for query, want := range map[string][]string{
		"": {h.many.Subject, h.rejection.Subject}, "tri=objet": {h.rejection.Subject, h.many.Subject}, "tri=objet-inverse": {h.many.Subject, h.rejection.Subject},
		"type=rejet": {h.rejection.Subject}, "statut=read": nil, "tri=statut&statut=underway&q=reportee": {h.many.Subject}, "tri=type&statut=draft": nil,
	} {
		if got := subjects(query); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	a := p.get(path + "?tri=objet&type=rejet")
	if !strings.Contains(a.Body, "suivi.csv?tri=objet&amp;type=rejet") {
		t.Error("the link exports something else than the list")
	}
}

func TestPromiseASearchFindsAnswersButSealedOnesOnlyOnceTheyAreOpen(t *testing.T) {
	h := newHouse(t)
	p, path := h.signedIn(h.victoria), "/consultations/"+h.about.ID.String()
	found := func(word string, c gateway.Courier) bool {
		return slices.Contains(shownIn(p.get(path+"?q="+word).says(t, 200)), c.ID.String())
	}
	day := h.clock.now().AddDate(0, 0, 3)
	c := h.send(h.victoria, "Demande de complément", "Merci de compléter.", "testesr2020+complement+scelle+limite-"+day.Format("20060102")+"@courrier.example", "contact@entreprise-x.example")
	h.replies(h.recipients(c)[0], c.Options.Reply.By, "Re: pièces", "Le tarif confidentiel est joint.")
	h.replies(h.recipients(h.rejection)[0], time.Time{}, "Re: rejet", "Pourquoi ce camouflet ?")
	h.until("the open answer", func() bool { return found("camouflet", h.rejection) })
	if found("confidentiel", c) || found("tarif", c) || !found("completer", c) {
		t.Error("a sealed answer is found by its words")
	}
	h.clock.add(5 * 24 * time.Hour)
	p = h.signedIn(h.victoria)
	if found("confidentiel", c) {
		t.Error("found before it was opened")
	}
	check(t, seal.NewOpener(seal.Options{Now: h.clock.now, Logger: slog.New(slog.DiscardHandler)}, h.vault, h.d.Store).Round(t.Context()))
	h.until("the opened answer", func() bool { return found("confidentiel", c) })
}
