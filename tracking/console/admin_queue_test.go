package console

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"vaguemestre/deploy/sandbox/browser"
	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// waiting is the job of a courier's first recipient.
func (h *house) waiting(c gateway.Courier) gateway.Job {
	h.t.Helper()
	return must(h.d.Store.Jobs(context.Background(), store.JobFilter{Courier: c.ID, Limit: 1}))(h.t)[0]
}

// faulty makes a job meet something.
func (h *house) faulty(c gateway.Courier, fault string) gateway.Job {
	h.t.Helper()
	ctx := context.Background()
	j := h.waiting(c)
	for _, one := range must(h.d.Store.Lease(ctx, "noeud-1", []gateway.JobKind{gateway.JobLetter}, 100, 1<<40))(h.t) {
		if one.ID == j.ID {
			r := must(h.d.Store.Recipient(ctx, one.Recipient))(h.t)
			e := gateway.NewEvent(gateway.Deferred, h.clock.now(), gateway.RelayDetails{Host: "relais.ville.example", Code: 451, Reply: fault}, nil).About(r.Courier, r.ID).By("relay:relais", gateway.ByRelay)
			e.Attempt = one.Attempt
			check(h.t, h.d.Store.Apply(ctx, gateway.Step{Job: &gateway.JobResult{ID: one.ID, Attempt: one.Attempt, Fault: fault, Again: h.clock.now().Add(600e9)}, Events: []gateway.Event{e}}))
			continue
		}
		check(h.t, h.d.Store.Release(ctx, one))
	}
	return j
}

func TestAnAdministratorSeesToTheQueue(t *testing.T) {
	h := newHouse(t)
	j := h.faulty(h.rejection, "451 4.3.0 <script>alert(1)</script> try again")
	p := h.signedIn(h.admin)
	a := p.get("/passerelle/file").says(t, http.StatusOK, "victoria.brun@lafibre64.example", "secret@entreprise-w.example", "&lt;script&gt;alert(1)", "attend son prochain essai")
	if strings.Contains(a.Body, "<script>alert") {
		t.Error("what a server said runs")
	}
	if strings.Contains(a.Body, h.rejection.Subject) {
		t.Error("an administrator who is entitled to nothing sees what letters are about")
	}
	if a := p.get("/passerelle/file?quoi=en-defaut").says(t, http.StatusOK, "victoria.brun@"); strings.Contains(a.Body, "secret@") {
		t.Error("what met nothing is shown among what did")
	}
	at := jobPath(j.ID)
	p.get(at).says(t, http.StatusOK, "Remis à plus tard", "relais.ville.example 451", "TESTESR2020")
	p.send(at, at+"/retenir", "motif", "relais en panne").leads(t, at)
	p.get("/passerelle/file?quoi=retenus").says(t, http.StatusOK, "victoria.brun@")
	p.send(at, at+"/retenir", "motif", "encore").says(t, http.StatusConflict, "Rien n&#39;a changé")
	p.send(at, at+"/liberer").leads(t, at)
	p.send(at, at+"/essayer").leads(t, at)
	p.get(at).says(t, http.StatusOK, "à envoyer")
	p.send(at, at+"/annuler", "motif", " ").says(t, http.StatusConflict, "Indiquez le motif")
	p.send(at, at+"/annuler", "motif", "demande du service").leads(t, "/passerelle/file")
	p.get(at).says(t, http.StatusNotFound)
	events := must(h.d.Store.Events(t.Context(), h.rejection.ID, h.recipients(h.rejection)[0].ID))(t)
	last := events[len(events)-1]
	if last.Kind != gateway.Cancelled || last.Actor != "administrator:admin" || !strings.Contains(string(last.Details), "demande du service") {
		t.Errorf("%s by %s: %s", last.Kind, last.Actor, last.Details)
	}
	for _, said := range []string{`actor=administrator:admin reason="relais en panne"`, "job released", "job due", "job cancelled"} {
		if !strings.Contains(h.log.String(), said) {
			t.Errorf("the log does not say %q", said)
		}
	}
}

func TestALongQueueIsReadByPages(t *testing.T) {
	h := newHouse(t)
	for range adminRows {
		h.send(h.victoria, "Un de plus", "Bonjour.", "testesr2020+libre@courrier.example", "contact@entreprise-x.example")
	}
	p := h.signedIn(h.admin)
	a := p.get("/passerelle/file")
	_, next, found := strings.Cut(a.Body, `rel="next" href="`)
	if next, _, _ = strings.Cut(next, `"`); !found {
		t.Fatal("no next page")
	}
	rows := func(a answer) int { return strings.Count(a.Body, `href="/passerelle/file/`) }
	jobs := must(h.d.Store.Jobs(t.Context(), store.JobFilter{Limit: 1000}))(t)
	if n, m := rows(a), rows(p.get(strings.ReplaceAll(next, "&amp;", "&"))); n != adminRows || n+m != len(jobs) {
		t.Errorf("%d rows and %d of %d jobs", n, m, len(jobs))
	}
	p.get("/passerelle/file?apres=nimporte").says(t, http.StatusNotFound)
}

func TestTheGatewaysPages(t *testing.T) {
	h := newHouse(t)
	j := h.faulty(h.rejection, "451 4.3.0 Temporary system problem, try again later")
	must(h.d.Store.Hold(t.Context(), h.waiting(h.theirs).ID))(t)
	for _, view := range []browser.View{browser.Desktop(), browser.Phone().WithoutScript()} {
		p := h.enter(view, h.admin)
		p.Press(`.menu a[href="/passerelle"]`).Says("État de la passerelle", "VaguemestreQueueHeld").Fits().Axe().Shoot("passerelle-etat")
		p.Press(`.tabs a[href="/passerelle/file"]`).Says("451 4.3.0").Fits().Axe().Shoot("passerelle-file")
		p.Go(h.site.URL + jobPath(j.ID)).Says("Essayer maintenant").Fits().Axe().Shoot("passerelle-envoi")
	}
}
