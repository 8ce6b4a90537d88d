package console

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"vaguemestre/deploy/sandbox/browser"
	"vaguemestre/gateway/account"
	"vaguemestre/gateway/address"
)

func withMail(o *Options) { o.Mail = Mail{Host: "smtp.ville.example", StartTLS: "587", TLS: "465"} }

func TestTheKitOpensTheAgentsOwnMailClient(t *testing.T) {
	h := newHouse(t, withMail)
	p := h.signedIn(h.victoria)
	a := p.get("/consultations/"+h.about.ID.String()+"/messagerie").says(t, http.StatusOK, "Écrire depuis ma messagerie", "Courrier de rejet", "e-entreprise-x@courrier.example")
	links := regexp.MustCompile(`href="(mailto:[^"]+)"`).FindAllStringSubmatch(a.Body, -1)
	if len(links) != len(h.d.Kinds.Types()) {
		t.Fatalf("%d links", len(links))
	}
	for _, m := range links {
		u := must(url.Parse(strings.ReplaceAll(m[1], "&amp;", "&")))(t)
		to, fault := h.grammar.Recipient(must(url.PathUnescape(u.Opaque))(t))
		if fault != nil || to.Kind != address.Control || to.Wish.Name != h.about.Address {
			t.Errorf("%s: %+v, %v", u, to, fault)
		}
	}
	if strings.Contains(a.Body, "<code>testesr2020@courrier.example") {
		t.Error("an address that writes to nobody is among those of groups")
	}
	for format, begins := range map[string]string{"vcard": "BEGIN:VCARD", "ldif": "version: 1", "csv": "Nom à afficher"} {
		b := p.get("/carnet/"+format).says(t, http.StatusOK, begins, "testesr2020")
		if strings.Contains(b.Body, "autre1") || !strings.HasPrefix(b.Header.Get("Content-Disposition"), "attachment") {
			t.Errorf("%s: another's consultation, or no file", format)
		}
	}
	p.get("/carnet/xml").says(t, http.StatusNotFound)
}

func TestAnAppPasswordIsShownOnceAndRevoked(t *testing.T) {
	h := newHouse(t, withMail)
	p := h.signedIn(h.victoria)
	const at = "/compte/messagerie"
	p.get(at).says(t, http.StatusOK, "smtp.ville.example", "587", "465", "victoria")
	p.send(at, at+"/mots-de-passe", "appareil", "  ").says(t, http.StatusUnprocessableEntity, "Donnez un nom")
	a := p.send(at, at+"/mots-de-passe", "appareil", "Thunderbird <du bureau>").says(t, http.StatusOK, "Thunderbird &lt;du bureau&gt;")
	shown := regexp.MustCompile(`class="secret">([^<]+)<`).FindStringSubmatch(a.Body)[1]
	if again := p.get(at).says(t, http.StatusOK, "jamais utilisé"); strings.Contains(again.Body, shown) {
		t.Error("it is shown again")
	}
	login := func() error {
		_, err := h.d.Accounts.Login(t.Context(), account.Attempt{Login: "victoria", Password: shown})
		return err
	}
	check(t, login())
	one := must(h.d.Store.AppPasswords(t.Context(), h.victoria.ID))(t)[0]
	h.signedIn(h.bruno).send(at, at+"/mots-de-passe/"+one.ID.String()+"/revoquer").says(t, http.StatusNotFound)
	p.send(at, at+"/mots-de-passe/"+one.ID.String()+"/revoquer").leads(t, at)
	if login() == nil {
		t.Error("a revoked password opens")
	}
	if strings.Contains(h.log.String(), shown) {
		t.Error("the password is in the log")
	}
}

func TestTheMailPages(t *testing.T) {
	h := newHouse(t, withMail)
	p := h.enter(browser.Desktop(), h.victoria)
	p.Go(h.site.URL + "/consultations/" + h.about.ID.String() + "/messagerie").Fits().Axe().Shoot("ecrire-depuis-ma-messagerie")
	p.Go(h.site.URL+"/compte/messagerie").Type("#appareil", "Thunderbird du bureau")
	p.Press(`form[action="/compte/messagerie/mots-de-passe"] button`).Says("Copiez-le maintenant").Fits().Axe().Shoot("regler-ma-messagerie")
}
