package console

import (
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"vaguemestre/deploy/sandbox/browser"
	"vaguemestre/gateway"
	"vaguemestre/gateway/account"
)

var shownSecret = regexp.MustCompile(`class="secret">([^<]+)<`)

func TestAnAdministratorSeesToAgents(t *testing.T) {
	h := newHouse(t)
	const all = "/passerelle/agents"
	p := h.signedIn(h.admin)
	for _, bad := range [][]string{
		{"login", "", "nom", "Chloé", "adresses", "c@ville.example"}, {"login", "a b", "nom", "Chloé", "adresses", "c@ville.example"}, {"login", "chloe", "nom", "", "adresses", "c@ville.example"},
		{"login", "chloe", "nom", "Chloé", "adresses", "c"}, {"login", "chloe", "nom", "Chloé", "adresses", ""}, {"login", "Victoria", "nom", "Chloé", "adresses", "c@ville.example"},
	} {
		p.send(all, all, bad...).says(t, http.StatusUnprocessableEntity)
	}
	a := p.send(all, all, "login", "Chloe", "nom", "Chloé <b>", "adresses", "c@ville.example, chloe@ville.example").says(t, http.StatusOK, "Chloé &lt;b&gt;")
	password := shownSecret.FindStringSubmatch(a.Body)[1]
	chloe := must(h.d.Store.AgentByLogin(t.Context(), "chloe"))(t)
	at := agentPath(chloe.ID)
	login := func(password string) error {
		_, err := h.d.Accounts.Login(t.Context(), account.Attempt{Login: "chloe", Password: password})
		return err
	}
	check(t, login(password))

	p.send(at, at+"/consultations", "reference", "INCONNUE").says(t, http.StatusUnprocessableEntity, "Aucune consultation")
	p.send(at, at+"/consultations", "reference", "TESTESR2020").leads(t, at)
	if !must(h.d.Store.Entitled(t.Context(), chloe.ID, h.about.ID))(t) {
		t.Error("the agent is not entitled")
	}
	p.send(at, at+"/consultations/"+h.about.ID.String()+"/retirer").leads(t, at)
	p.send(at, at+"/consultations/"+h.about.ID.String()+"/retirer").says(t, http.StatusNotFound)
	if must(h.d.Store.Entitled(t.Context(), chloe.ID, h.about.ID))(t) {
		t.Error("the agent is still entitled")
	}

	again := shownSecret.FindStringSubmatch(p.send(at, at+"/mot-de-passe").says(t, http.StatusOK).Body)[1]
	if check(t, login(again)); login(password) == nil {
		t.Error("the old password opens")
	}
	app, hash := account.NewAppPassword()
	kept := must(h.d.Store.AddAppPassword(t.Context(), gateway.AppPassword{Agent: chloe.ID, Label: "Bureau", Hash: hash}))(t)
	check(t, login(app))
	p.send(at, agentPath(h.victoria.ID)+"/mots-de-passe/"+kept.ID.String()+"/revoquer").says(t, http.StatusNotFound) // it is not hers
	p.send(at, at+"/mots-de-passe/"+kept.ID.String()+"/revoquer").leads(t, at)
	if login(app) == nil {
		t.Error("a revoked password opens")
	}

	p.send(at, at+"/avis", "avis", "read", "digest", "1", "jours", "4").leads(t, at)
	if n := must(h.d.Store.Agent(t.Context(), chloe.ID))(t).Notices; !n.Digest || n.UnreadDays != 4 || !n.Wants(gateway.NoticeRead) || n.Wants(gateway.NoticeFailed) {
		t.Errorf("%+v", n)
	}

	victoria, hers := h.signedIn(h.victoria), agentPath(h.victoria.ID)
	p.send(hers, hers+"/sessions").leads(t, hers)
	victoria.get("/").leads(t, "/connexion")
	p.send(at, at+"/fermer").leads(t, at)
	if login(again) == nil {
		t.Error("a closed account opens")
	}
	p.send(at, at+"/ouvrir").leads(t, at)
	for _, act := range []string{"/fermer", "/mot-de-passe"} {
		p.send(at, agentPath(h.admin.ID)+act).says(t, http.StatusUnprocessableEntity, "votre propre compte")
	}
	p.send(at, agentPath(h.admin.ID)+"/sessions").leads(t, agentPath(h.admin.ID))
	p.get(all).says(t, http.StatusOK)
	if log := h.log.String(); strings.Contains(log, password) || strings.Contains(log, again) || !strings.Contains(log, `agent added" actor=administrator:admin`) || !strings.Contains(log, "agent entitled") {
		t.Errorf("the log:\n%s", log)
	}
}

func TestAnAdministratorChangesWhoAnAgentIs(t *testing.T) {
	h := newHouse(t)
	p, at := h.signedIn(h.admin), agentPath(h.victoria.ID)
	version := func(id gateway.ID) string {
		return strconv.FormatInt(must(h.d.Store.Agent(t.Context(), id))(t).Version, 10)
	}
	p.get(at).says(t, http.StatusOK, `value="Victoria Brun"`, `value="victoria@ville.example"`)
	old := version(h.victoria.ID)
	for _, bad := range [][]string{{"nom", "", "adresses", "v@ville.example"}, {"nom", "V", "adresses", "v"}, {"nom", "V", "adresses", " "}} {
		p.send(at, at, append(bad, "version", old)...).says(t, http.StatusUnprocessableEntity)
	}
	p.send(at, at, "version", old, "nom", "Victoria <Roy>", "adresses", "Roy@ville.example; marches@ville.example", "administrateur", "1").leads(t, at+"?fait=agent-changed")
	got := must(h.d.Store.Agent(t.Context(), h.victoria.ID))(t)
	if got.Login != "victoria" || got.Name != "Victoria <Roy>" || strings.Join(got.Addresses, " ") != "roy@ville.example marches@ville.example" || !got.Administrator || got.Password != h.victoria.Password {
		t.Errorf("%+v", got)
	}
	p.send(at, at, "version", old, "nom", "Victoria", "adresses", "v@ville.example").says(t, http.StatusUnprocessableEntity, "modifié entre-temps", `value="Victoria"`)
	p.send(at, at, "version", version(h.victoria.ID), "nom", "Victoria", "adresses", "v@ville.example").leads(t, at)

	own := agentPath(h.admin.ID)
	p.send(own, own, "version", version(h.admin.ID), "nom", "Ada", "adresses", "ada@ville.example").says(t, http.StatusUnprocessableEntity, "votre propre compte")
	p.send(own, own, "version", version(h.admin.ID), "nom", "Ada", "adresses", "ada@ville.example", "administrateur", "1").leads(t, own)
	if log := h.log.String(); strings.Count(log, `"console: agent changed" actor=administrator:admin`) != 3 || !strings.Contains(log, "administrator=true") {
		t.Errorf("the log:\n%s", log)
	}
}

// TestAnAgentOfThePlatformIsChangedAsAnyOther: what its door lets in is no obstacle here, and nothing is cut.
func TestAnAgentOfThePlatformIsChangedAsAnyOther(t *testing.T) {
	h := newHouse(t)
	a := gateway.Agent{Login: "idp:42", Name: strings.Repeat("é", 180)}
	for n := range 25 {
		a.Addresses = append(a.Addresses, "a"+strconv.Itoa(n)+"@ville.example")
	}
	a = must(h.d.Store.PutAgent(t.Context(), a))(t)
	p, at, version := h.signedIn(h.admin), agentPath(a.ID), strconv.FormatInt(a.Version, 10)
	p.send(at, at, "version", version, "nom", strings.Repeat("é", 201), "adresses", "a@ville.example").says(t, http.StatusUnprocessableEntity, "trop long")
	p.send(at, at, "version", version, "nom", a.Name+" x", "adresses", strings.Join(a.Addresses, ", ")).leads(t, at+"?fait=agent-changed")
	if got := must(h.d.Store.Agent(t.Context(), a.ID))(t); got.Login != a.Login || got.Name != a.Name+" x" || !slices.Equal(got.Addresses, a.Addresses) {
		t.Errorf("%+v", got)
	}
}

func TestKeysOfTheAPIAreShownOnceAndRevoked(t *testing.T) {
	h := newHouse(t)
	const at = "/passerelle/cles"
	p := h.signedIn(h.admin)
	p.send(at, at, "nom", "", "droit", "read").says(t, http.StatusUnprocessableEntity, "Donnez un nom")
	p.send(at, at, "nom", "SIM").says(t, http.StatusUnprocessableEntity, "Choisissez")
	p.send(at, at, "nom", "SIM", "droit", "tout").says(t, http.StatusUnprocessableEntity, "Choisissez")
	a := p.ask(http.MethodPost, at, url.Values{"form": {p.token(at)}, "nom": {"SIM <2>"}, "droit": {"read", "events", "read"}}).says(t, http.StatusOK, "SIM &lt;2&gt;")
	shown := shownSecret.FindStringSubmatch(a.Body)[1]
	key := must(h.d.Store.APIKeyByHash(t.Context(), gateway.HashOf([]byte(shown))))(t)
	if strings.Join(key.Scopes, " ") != "events read" || !key.Revoked.IsZero() {
		t.Errorf("%+v", key)
	}
	if strings.Contains(p.get(at).Body, shown) || strings.Contains(h.log.String(), shown) {
		t.Error("the key is shown again, or in the log")
	}
	p.send(at, at+"/"+key.ID.String()+"/revoquer").leads(t, at)
	p.get(at).says(t, http.StatusOK, "Révoquée")
}

func TestTheAgentsPages(t *testing.T) {
	h := newHouse(t)
	for _, view := range []browser.View{browser.Desktop(), browser.Phone().WithoutScript()} {
		p := h.enter(view, h.admin)
		p.Go(h.site.URL + "/passerelle/agents").Says("Victoria Brun").Fits().Axe().Shoot("passerelle-agents")
		p.Go(h.site.URL + agentPath(h.victoria.ID)).Says("TESTESR2020").Fits().Axe().Shoot("passerelle-agent")
		p.Go(h.site.URL+"/passerelle/cles").Type("#nom", "SIM").Click("#droit-read").Press(`form[action="/passerelle/cles"] button`).Says("Copiez-la maintenant").Fits().Axe().Shoot("passerelle-cles")
	}
}
