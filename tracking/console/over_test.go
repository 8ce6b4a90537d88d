package console

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"vaguemestre/deploy/sandbox/browser"
	"vaguemestre/gateway"
)

var hiddenField = regexp.MustCompile(`<input type="hidden" name="([^"]*)" value="([^"]*)">`)

// resumed sends the hidden fields of a page of what was typed.
func (p *visitor) resumed(page answer, path string) answer {
	p.h.t.Helper()
	var fields []string
	for _, m := range hiddenField.FindAllStringSubmatch(page.Body, -1) {
		fields = append(fields, html.UnescapeString(m[1]), html.UnescapeString(m[2]))
	}
	return p.post(path, fields...)
}

// TestWhatWasTypedIsNotLostWhenTheSessionEnds: who presses after their session ended gets what they wrote back, signs in, and goes on; nothing is
// kept or sent meanwhile.
func TestWhatWasTypedIsNotLostWhenTheSessionEnds(t *testing.T) {
	h := newHouse(t)
	d := h.drafts(gateway.Draft{Agent: h.victoria.ID, Consultation: h.about.ID, Type: gateway.Libre, Subject: "Avant", Text: "avant"})
	for at, version := range map[string]string{"/brouillons/" + d.ID.String(): "1", h.begin(): "0"} {
		p := h.signedIn(h.victoria)
		id := d.ID.String()
		if version == "0" {
			id = gateway.NewID(h.clock.now()).String()
		}
		form := []string{"form", p.token(at), "brouillon", id, "version", version, "type", "rejet", "modalite", "ar", "adresses", "contact@entreprise-w.example", "objet", "Ce que j'écris", "texte", "Bonjour,\n<une heure de travail>", "@gros.pdf", "%PDF", "faire", "envoyer"}
		h.clock.add(48 * time.Hour)
		over := p.post(at, form...).says(t, http.StatusForbidden, "Votre session est terminée", "&lt;une heure de travail&gt;", "suite=", "à joindre de nouveau")
		p.resumed(over, at).says(t, http.StatusForbidden, "Votre session est terminée", "&lt;une heure de travail&gt;")

		q := h.signedIn(h.victoria)
		p.client.Jar = q.client.Jar
		again := p.resumed(over, at).says(t, http.StatusForbidden, "connecté de nouveau", "&lt;une heure de travail&gt;", "Ce que j&#39;écris", "contact@entreprise-w.example", `value="rejet" selected`, `name="version" value="`+version+`"`)
		if now := must(h.d.Store.Draft(t.Context(), d.ID))(t); now.Version != d.Version || now.Subject != "Avant" {
			t.Fatalf("kept without being asked: %+v", now)
		}
		to := regexp.MustCompile(`<form method="post" action="([^"]+)" enctype`).FindStringSubmatch(again.Body)[1]
		field := formField.FindStringSubmatch(again.Body)[1]
		p.post(to, "form", field, "brouillon", id, "version", version, "type", "libre", "modalite", "ar", "adresses", "contact@entreprise-w.example", "objet", "Ce que j'écris", "texte", "Bonjour.", "faire", "enregistrer").leads(t, "/brouillons/"+id)
		if version == "1" {
			d = must(h.d.Store.Draft(t.Context(), d.ID))(t)
			d.Subject = "Avant"
			d = must(h.d.Store.PutDraft(t.Context(), d, nil))(t)
		}
	}
}

func TestAnAnswerTypedIsNotLostWhenTheSessionEnds(t *testing.T) {
	h := newHouse(t)
	h.alive()
	reply := h.replies(h.recipients(h.rejection)[0], time.Time{}, "Re: rejet", "Quels motifs ?")
	path := "/courriers/" + h.rejection.ID.String() + "/reponses/" + reply.ID.String()
	p := h.signedIn(h.victoria)
	form := map[string][]string{"form": {p.token(path)}, "texte": {"Voici les motifs."}}
	h.clock.add(48 * time.Hour)
	p.ask(http.MethodPost, path+"/repondre", form).says(t, http.StatusForbidden, "Votre session est terminée", `name="texte" value="Voici les motifs."`)
	p.client.Jar = h.signedIn(h.victoria).client.Jar
	again := p.ask(http.MethodPost, path+"/repondre", form).says(t, http.StatusForbidden, "connecté de nouveau", "Voici les motifs.</textarea>")
	form["form"] = []string{formField.FindStringSubmatch(again.Body)[1]}
	check(t, h.d.Store.Entitle(t.Context(), h.bruno.ID, h.about.ID))
	h.signedIn(h.bruno).ask(http.MethodPost, path+"/repondre", form).says(t, http.StatusForbidden, "Quels motifs ?")
	if n := h.count1(h.rejection, gateway.Opened); n != 2 {
		t.Errorf("two agents were shown the reply, %d are recorded", n)
	}
	p.ask(http.MethodPost, path+"/repondre", form).leads(t, "/courriers/")
}

// TestWhoseSessionEndedIsToldAndLedBack: an act is not done, and signing in leads back to where it was asked for.
func TestWhoseSessionEndedIsToldAndLedBack(t *testing.T) {
	h := newHouse(t)
	p, path := h.signedIn(h.victoria), "/courriers/"+h.rejection.ID.String()
	form := map[string][]string{"form": {p.token(path)}, "motif": {"x"}}
	h.clock.add(48 * time.Hour)
	led := p.ask(http.MethodPost, path+"/annuler", form).leads(t, "/connexion?").Header.Get("Location")
	if !strings.Contains(led, "suite=%2Fcourriers%2F"+h.rejection.ID.String()) {
		t.Errorf("led to %s", led)
	}
	p.get(led).says(t, http.StatusOK, "Votre session est terminée")
	if h.count1(h.rejection, gateway.Cancelled) != 0 {
		t.Error("it was done")
	}
}

// TestAFormOpenWhileTheSessionChangesGoesOnSaving: the page whose agent signs in again in another tab saves under the new session.
func TestAFormOpenWhileTheSessionChangesGoesOnSaving(t *testing.T) {
	h := newHouse(t)
	d := h.drafts(gateway.Draft{Agent: h.victoria.ID, Consultation: h.about.ID, Type: gateway.Libre, Subject: "Avant", Text: "avant"})
	p := h.enter(browser.Desktop(), h.victoria)
	p.Go(h.site.URL + "/brouillons/" + d.ID.String())
	p.MustEval(`async () => { await fetch("/deconnexion", { method: "POST", body: new URLSearchParams({ form: document.querySelector("[name=form]").value }) }) }`)
	p.Type("#objet", "Pendant")
	shows(t, p, "#etat", "Votre session est terminée")
	p.Shoot("session-terminee")
	p.MustEval(`async (login, password) => {
		const page = new DOMParser().parseFromString(await (await fetch("/connexion")).text(), "text/html");
		await fetch("/connexion/mot-de-passe", { method: "POST", body: new URLSearchParams({ form: page.querySelector("[name=form]").value, login, password }) });
	}`, h.victoria.Login, testPassword)
	p.Type("#objet", "Après")
	shows(t, p, "#etat", "Enregistré")
	if now := must(h.d.Store.Draft(t.Context(), d.ID))(t); now.Subject != "Après" {
		t.Errorf("saved %q", now.Subject)
	}
}

// TestThePageOfASessionThatEnded is what people see of it, on a telephone without scripts.
func TestThePageOfASessionThatEnded(t *testing.T) {
	h := newHouse(t)
	p := h.enter(browser.Phone().WithoutScript(), h.victoria)
	p.Go(h.site.URL+h.begin()).Type("#texte", "Une heure de travail.")
	h.clock.add(48 * time.Hour)
	p.Press(".acts-bar button[value=enregistrer]").Says("Votre session est terminée", "n'est pas perdu").Fits().Axe().Shoot("session-finie")
	p.Go(h.site.URL + "/compte").Says("Connexion").Fits().Axe()
}
