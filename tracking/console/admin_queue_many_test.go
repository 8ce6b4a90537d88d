package console

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"vaguemestre/deploy/sandbox/browser"
	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// chooses sends the queue's form about these jobs.
func (p *visitor) chooses(act string, more url.Values, jobs ...gateway.Job) answer {
	form := url.Values{"form": {p.token(queuePath)}, "acte": {act}}
	for _, j := range jobs {
		form.Add("envoi", j.ID.String())
	}
	for name, values := range more {
		form[name] = values
	}
	return p.ask(http.MethodPost, queuePath, form)
}

func TestSeveralMessagesOfTheQueueAreActedOnTogetherOnceConfirmed(t *testing.T) {
	h := newHouse(t)
	one, other := h.faulty(h.rejection, "451 4.3.0 later"), h.waiting(h.theirs)
	p := h.signedIn(h.admin)
	sure := func(why string) url.Values { return url.Values{"confirme": {"1"}, "motif": {why}} }
	held := func() (n int) { return len(must(h.d.Store.Jobs(t.Context(), store.JobFilter{Held: true}))(t)) }

	p.chooses("retenir", nil).says(t, http.StatusUnprocessableEntity, "Choisissez d&#39;abord")
	p.chooses("detruire", nil, one).says(t, http.StatusNotFound)
	p.chooses("retenir", nil, one, other, one).says(t, http.StatusOK, "Retenir 2 envois", "victoria.brun@lafibre64.example", "secret@entreprise-w.example")
	if held() != 0 {
		t.Fatal("done before it was confirmed")
	}
	a := p.chooses("retenir", sure("relais <en> panne"), one, other)
	a.leads(t, queuePath+"?faits=2")
	p.get(a.Header.Get("Location")).says(t, http.StatusOK, "2 envois sont retenus.")
	if held() != 2 || strings.Count(h.log.String(), `"console: job held" actor=administrator:admin reason="relais <en> panne"`) != 2 {
		t.Errorf("%d held; the log:\n%s", held(), h.log.String())
	}
	a = p.chooses("retenir", sure(""), one, other)
	p.get(a.Header.Get("Location")).says(t, http.StatusOK, "Rien n&#39;a changé pour 2 autres")
	p.chooses("liberer", sure(""), other).leads(t, queuePath+"?faits=1")
	p.chooses("essayer", sure(""), one, other).leads(t, queuePath+"?faits=1") // the other waits for no later attempt

	p.chooses("annuler", sure(" "), one, other).says(t, http.StatusUnprocessableEntity, "Indiquez le motif", "Annuler 2 envois")
	a = p.chooses("annuler", sure("demande du service"), one, other)
	p.get(a.Header.Get("Location")).says(t, http.StatusOK, "2 envois sont annulés.")
	for _, c := range []gateway.Courier{h.rejection, h.theirs} {
		events := must(h.d.Store.Events(t.Context(), c.ID, h.recipients(c)[0].ID))(t)
		last := events[len(events)-1]
		if last.Kind != gateway.Cancelled || last.Actor != "administrator:admin" || !strings.Contains(string(last.Details), "demande du service") {
			t.Errorf("%s by %s: %s", last.Kind, last.Actor, last.Details)
		}
	}
	p.chooses("annuler", nil, one, other).says(t, http.StatusUnprocessableEntity, "2 envois choisis n&#39;attendent plus")
	for _, made := range []string{"?lot=retenir&faits=9&sur=3", "?lot=retenir&faits=-1&sur=3", "?lot=detruire&faits=1&sur=3", "?lot=retenir&faits=999999&sur=999999"} {
		if a := p.get(queuePath + made); strings.Contains(a.Body, "alert good") {
			t.Errorf("%s is told as done", made)
		}
	}
}

func TestTheWholePageOfTheQueueIsChosenAtOnce(t *testing.T) {
	h := newHouse(t)
	p := h.signedIn(h.admin)
	page := url.Values{"tout": {"1"}}
	for _, j := range must(h.d.Store.Jobs(t.Context(), store.JobFilter{}))(t) {
		page.Add("page", j.ID.String())
	}
	p.chooses("retenir", page).says(t, http.StatusOK, "Retenir 5 envois")
	many := url.Values{"confirme": {"1"}}
	for range 3 * adminRows {
		many.Add("envoi", gateway.NewID(h.clock.now()).String())
	}
	p.chooses("retenir", many).leads(t, queuePath+"?faits=0&lot=retenir&sur=50")
}

func TestTheQueuesFormWithoutScript(t *testing.T) {
	h := newHouse(t)
	h.faulty(h.rejection, "451 4.3.0 Temporary system problem, try again later")
	j := h.waiting(h.theirs)
	p := h.enter(browser.Phone().WithoutScript(), h.admin)
	p.Go(h.site.URL + queuePath).Click("#envoi-" + j.ID.String()).Fits().Axe().Press(`button[value="retenir"]`)
	p.Says("Retenir 1 envoi ?", "secret@entreprise-w.example").Fits().Axe().Shoot("passerelle-file-plusieurs")
	p.Type("#motif", "relais en panne").Press(`button[value="retenir"]`).Says("1 envoi est retenu.").Fits().Axe().Shoot("passerelle-file-fait")
}
