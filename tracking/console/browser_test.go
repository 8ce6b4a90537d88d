package console

import (
	"strings"
	"testing"
	"time"

	"vaguemestre/deploy/sandbox/browser"
	"vaguemestre/gateway"
)

// alive puts in what a consultation looks like after some days.
func (h *house) alive() {
	r := h.recipients(h.rejection)[0]
	h.happens(gateway.Sent, r, gateway.ByRelay, gateway.RelayDetails{Host: "relais.ville.example", Code: 250, Reply: "2.0.0 Ok: queued as 4F1", TLS: "TLS 1.3"})
	h.happens(gateway.Delivered, r, gateway.ByReport, gateway.ReportDetails{Action: "delivered", Status: "2.0.0", ReportingMTA: "mx.lafibre64.example"}, h.keep("rapport de remise"))
	h.happens(gateway.Read, r, gateway.ByButton, gateway.ReadDetails{By: "button", Looks: "person"})
	many := h.recipients(h.many)
	for _, one := range many {
		h.happens(gateway.Sent, one, gateway.ByRelay, gateway.RelayDetails{Host: "relais.ville.example", Code: 250, Reply: "2.0.0 Ok"})
	}
	h.happens(gateway.Read, many[0], gateway.ByButton, gateway.ReadDetails{By: "button"})
	h.happens(gateway.Read, many[1], gateway.ByButton, gateway.ReadDetails{By: "button"})
	h.happens(gateway.Failed, many[2], gateway.ByReport, gateway.ReportDetails{Action: "failed", Status: "5.1.1", Diagnostic: "550 5.1.1 User unknown", ReportingMTA: "mx.entreprise-z.example"}, h.keep("rapport d'échec"))
}

// signIn signs Victoria in as she would.
func (h *house) signIn(p *browser.Page) *browser.Page {
	p.Go(h.site.URL+"/").Type("#login", "victoria").Type("#password", testPassword)
	return p.Press("section[aria-labelledby=by-password] button")
}

// TestTheManualPartTwoPageByPage follows the manual's « II. Suivi des messages ».
func TestTheManualPartTwoPageByPage(t *testing.T) {
	h := newHouse(t)
	h.alive()
	for _, view := range []browser.View{browser.Desktop(), browser.Phone().WithoutScript()} {
		h.replies(h.recipients(h.rejection)[0], time.Time{}, "Re: Courrier de rejet", "Bonjour,\n\nMerci de nous communiquer les motifs détaillés du rejet.\n\nEntreprise X")
		p := chromium.Open(t, view).Go(h.site.URL+"/").Says("Connexion", "Recevoir un lien").Axe().Fits().Shoot("console-1-connexion")
		h.signIn(p).Says("Consultations", "TESTESR2020", "1 envoi en échec", "1 réponse à lire").Axe().Fits().Shoot("console-2-consultations")

		p.Press(".consultations h2 a").Says("Suivi des messages", "Référence | Intitulé", "TESTESR2020", "Date et heure limite de remise des plis",
			"Répondu", "Courrier de rejet", "victoria.brun@lafibre64.example", "Bonjour, Nous vous remercions",
			"2 lus sur 3", "1 échec sur 3", "3 destinataires").Axe().Fits().Shoot("console-3-suivi")
		p.Click(".follow summary").Says("marches@entreprise-y.example", "perdu@entreprise-z.example").Axe().Shoot("console-4-suivi-deplie")

		p.Press("#see-"+h.rejection.ID.String()).Says("Détail des échanges | Courrier de rejet", "Télécharger au format PDF", "Envoi", "Reçu techniquement (Délivré)",
			"Accusé de réception (Lu)", "motifs.pdf", "votre réponse n'a pas été retenue").Axe().Fits().Shoot("console-5-detail")
		p.Press("#replies ~ ul li:last-child a").Says("Réponse de", "Merci de nous communiquer les motifs", "offre.txt", "Répondre depuis ma messagerie").Axe().Fits().Shoot("console-6-reponse")

		p.Go(h.site.URL+"/courriers/"+h.many.ID.String()).Says("3 destinataires", "Échec").Axe().Fits().Shoot("console-7-detail-plusieurs")
		p.Go(h.site.URL+"/courriers/"+h.many.ID.String()+"?destinataire="+h.recipients(h.many)[2].ID.String()).
			Says("Envoyer à une adresse corrigée", "perdu@entreprise-z.example").Axe().Fits().Shoot("console-8-echec")
		p.Go(h.site.URL+"/compte").Says("Mon compte", "ce navigateur").Axe().Fits().Shoot("console-9-compte")
	}
}

func TestTheConsoleInTheDarkInEnglishAndZoomed(t *testing.T) {
	h := newHouse(t)
	h.alive()
	for _, view := range []browser.View{browser.Desktop().InTheDark(), browser.Desktop().In("en"), browser.Zoomed()} {
		p := h.signIn(chromium.Open(t, view).Go(h.site.URL + "/").Axe().Fits())
		_ = p
		p.Axe().Fits().Go(h.site.URL + "/consultations/" + h.about.ID.String()).Axe().Fits().Shoot("console-suivi")
		p.Go(h.site.URL + "/courriers/" + h.many.ID.String()).Axe().Fits().Shoot("console-detail")
	}
}

func TestTheFollowUpIsUpdatedLive(t *testing.T) {
	h := newHouse(t)
	h.alive()
	p := chromium.Open(t, browser.Desktop())
	h.signIn(p)
	p.Go(h.site.URL + "/consultations/" + h.about.ID.String())
	p.Click(".follow summary").Says("perdu@entreprise-z.example")
	for h.liveCount() == 0 {
		if !h.rest(t.Context(), 10*time.Millisecond) {
			t.Fatal("no page is followed")
		}
	}
	h.send(h.victoria, "Arrivé entre-temps", "Bonjour, ceci vient d'être écrit.", "testesr2020+libre@courrier.example", "contact@entreprise-x.example")
	must(p.ElementR(".follow .subject", "Arrivé entre-temps"))(t)
	p.Says("perdu@entreprise-z.example")
	if said := p.Find("#live-said").MustText(); !strings.Contains(said, "mise à jour") {
		t.Errorf("programs that read aloud are told %q", said)
	}
}
