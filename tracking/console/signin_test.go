package console

import (
	"context"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"vaguemestre/deploy/sandbox"
	"vaguemestre/gateway"
	"vaguemestre/gateway/account"
	"vaguemestre/gateway/message"
	"vaguemestre/tracking/web"
)

// mailed gives the links to sign in that the queue was given, to a mailbox.
func (h *house) mailed(to string) (links []string) {
	h.t.Helper()
	jobs := must(h.d.Store.Lease(context.Background(), "test", []gateway.JobKind{gateway.JobNotice}, 100, time.Minute))(h.t)
	for _, j := range jobs {
		if j.Notice.To != to {
			continue
		}
		content := must(h.d.Store.OpenContent(context.Background(), j.Notice.Content))(h.t)
		defer content.Close()
		m := must(message.Read(content, content.Size(), message.DefaultLimits()))(h.t)
		text := must(m.Text().Text(1 << 16))(h.t)
		found := regexp.MustCompile(`http://\S+(/connexion/lien/\S+)`).FindStringSubmatch(text)
		if found == nil {
			h.t.Fatalf("a mail without a link:\n%s", text)
		}
		links = append(links, found[1])
	}
	return links
}

func TestPromiseALinkByMailSignsInOnceInTheBrowserThatAsked(t *testing.T) {
	h := newHouse(t)
	p := h.visitor()
	p.send("/connexion?suite=/compte", "/connexion/lien", "login", "Victoria@Ville.example", "suite", "/compte").says(t, 200, "Consultez votre messagerie")
	links := h.mailed("victoria@ville.example")
	if len(links) != 1 {
		t.Fatalf("%d links", len(links))
	}
	elsewhere := h.visitor()
	elsewhere.get(links[0]).says(t, http.StatusGone, "ne sert plus")
	elsewhere.send("/connexion", strings.Split(links[0], "?")[0]).says(t, http.StatusGone)

	for range 3 { // programs that follow links in mails
		p.get(links[0]).says(t, 200, "en tant que Victoria Brun")
	}
	p.get("/compte").leads(t, "/connexion")
	path := strings.Split(links[0], "?")[0]
	form := url.Values{"form": {p.token(links[0])}, "suite": {"/compte"}}
	p.ask("POST", path, form).leads(t, "/compte")
	p.get("/compte").says(t, 200, "Par un lien reçu par courriel")
	again := h.visitor()
	again.client.Jar = p.client.Jar
	again.send("/compte", path).says(t, http.StatusForbidden) // the guest's token died with the guest
	if strings.Contains(h.log.String(), strings.TrimPrefix(path, "/connexion/lien/")) {
		t.Error("the link is in the log")
	}

	late := h.visitor()
	late.send("/connexion", "/connexion/lien", "login", "bruno").says(t, 200)
	link := h.mailed("bruno@ville.example")[0]
	token := late.token(link)
	h.clock.add(LinkLife)
	late.ask("POST", link, url.Values{"form": {token}}).says(t, http.StatusGone)
}

func TestPromiseSigningInNeverTellsWhetherAnAddressIsKnown(t *testing.T) {
	h := newHouse(t)
	closed := must(h.d.Store.AgentByLogin(context.Background(), "bruno"))(t)
	closed.Disabled = true
	must(h.d.Store.PutAgent(context.Background(), closed))(t)
	var pages []string
	for _, login := range []string{"victoria@ville.example", "victoria", "personne@ville.example", "personne", "bruno"} {
		a := h.visitor().send("/connexion", "/connexion/lien", "login", login)
		if !strings.HasPrefix(a.Header.Get("Set-Cookie"), "vaguemestre-lien=") {
			t.Errorf("%s: cookie %q", login, a.Header.Get("Set-Cookie"))
		}
		pages = append(pages, formField.ReplaceAllString(a.Body, ""))
	}
	for _, page := range pages[1:] {
		if page != pages[0] {
			t.Error("two answers differ")
		}
	}
	if n := len(h.mailed("victoria@ville.example")); n != 2 {
		t.Errorf("%d links", n)
	}
	if n := len(h.mailed("nobody@courrier.example")); n != 0 {
		t.Errorf("%d mails to nobody", n)
	}
	pages = nil
	for _, login := range []string{"victoria", "personne", "bruno"} {
		a := h.visitor().send("/connexion", "/connexion/mot-de-passe", "login", login, "password", "faux").says(t, http.StatusUnauthorized, "Identifiant ou mot de passe incorrect")
		pages = append(pages, strings.ReplaceAll(formField.ReplaceAllString(a.Body, ""), login, ""))
	}
	if pages[0] != pages[1] || pages[0] != pages[2] {
		t.Error("wrong passwords are told apart")
	}
}

func TestALinkIsNotSentToOneMailboxWithoutEnd(t *testing.T) {
	h := newHouse(t)
	for range 6 {
		h.visitor().send("/connexion", "/connexion/lien", "login", "victoria").says(t, 200, "Consultez votre messagerie")
	}
	if n := len(h.mailed("victoria@ville.example")); n != 3 {
		t.Errorf("%d mails in a moment", n)
	}
}

func TestPromiseAnAppPasswordOpensNoConsole(t *testing.T) {
	h := newHouse(t)
	shown, kept := account.NewAppPassword()
	must(h.d.Store.AddAppPassword(context.Background(), gateway.AppPassword{Agent: h.victoria.ID, Label: "téléphone", Hash: kept}))(t)
	h.visitor().send("/connexion", "/connexion/mot-de-passe", "login", "victoria", "password", shown).says(t, http.StatusUnauthorized)
}

func TestTooManyWrongPasswordsLock(t *testing.T) {
	h := newHouse(t)
	p := h.visitor()
	for i := range 10 {
		p.send("/connexion", "/connexion/mot-de-passe", "login", "victoria", "password", "faux"+string(rune('a'+i))).says(t, http.StatusUnauthorized)
	}
	p.send("/connexion", "/connexion/mot-de-passe", "login", "victoria", "password", testPassword).says(t, http.StatusTooManyRequests, "demandez un lien")
}

func TestPromiseASessionCannotBeFixed(t *testing.T) {
	h := newHouse(t)
	attacker := h.signedIn(h.bruno)
	victim := h.visitor()
	at := must(url.Parse(h.site.URL))(t)
	victim.client.Jar.SetCookies(at, attacker.client.Jar.Cookies(at))
	stolen := victim.client.Jar.Cookies(at)[0].Value
	victim.client.Jar.SetCookies(at, []*http.Cookie{{Name: "vaguemestre-session", Value: "choisi-par-un-autre", Path: "/"}})
	victim.get("/compte").leads(t, "/connexion")
	victim.send("/connexion", "/connexion/mot-de-passe", "login", "victoria", "password", testPassword).leads(t, "/")
	for _, k := range victim.client.Jar.Cookies(at) {
		if k.Name == "vaguemestre-session" && (k.Value == "choisi-par-un-autre" || k.Value == stolen) {
			t.Error("the session has a secret that somebody else knows")
		}
	}
	first := h.signedIn(h.victoria)
	before := first.client.Jar.Cookies(at)
	token := h.visitor()
	token.client.Jar = must(cookiejar.New(nil))(t)
	token.client.Jar.SetCookies(at, before)
	first.client.Jar.SetCookies(at, []*http.Cookie{{Name: "vaguemestre-visite", Value: "x", Path: "/"}})
	form := url.Values{"form": {h.forms.Mint(h.clock.now(), "guest x")}, "login": {"victoria"}, "password": {testPassword}}
	first.ask("POST", "/connexion/mot-de-passe", form).leads(t, "/")
	token.get("/compte").leads(t, "/connexion") // the session before is over
}

func TestPromiseSigningInLeadsNowhereElse(t *testing.T) {
	for given, want := range map[string]string{
		"/compte": "/compte", "/consultations/x?statut=read&q=a": "/consultations/x?statut=read&q=a", "": "/",
		"https://ailleurs.example/": "/", "//ailleurs.example/": "/", "/\\ailleurs.example": "/", "\\\\ailleurs.example": "/", "javascript:alert(1)": "/",
		"/\t/ailleurs.example": "/", "http:ailleurs.example": "/", "/connexion?suite=/": "/", "compte": "/", "/x\r\nSet-Cookie: a=b": "/", "///ailleurs.example": "/",
	} {
		if got := inside(given); got != want {
			t.Errorf("%q leads to %q", given, got)
		}
	}
	h := newHouse(t)
	p := h.visitor()
	p.send("/connexion?suite=https://ailleurs.example/", "/connexion/mot-de-passe", "login", "victoria", "password", testPassword, "suite", "//ailleurs.example/").leads(t, "/")
	if to := p.send("/compte", "/deconnexion").Header.Get("Location"); to != "/connexion" {
		t.Errorf("signing out leads to %q", to)
	}
}

func TestSessionsAreSeenAndEndedByTheirAgentAlone(t *testing.T) {
	h := newHouse(t)
	desk, phone, other := h.signedIn(h.victoria), h.signedIn(h.victoria), h.signedIn(h.bruno)
	sessions := must(h.d.Store.Sessions(context.Background(), h.victoria.ID, time.Hour))(t)
	if len(sessions) != 2 {
		t.Fatalf("%d sessions", len(sessions))
	}
	other.send("/compte", "/compte/sessions/"+sessions[0].ID.String()+"/fermer").says(t, 404)
	desk.send("/compte", "/compte/sessions/fermer").leads(t, "/compte")
	phone.get("/compte").leads(t, "/connexion")
	desk.get("/compte").says(t, 200)
	desk.send("/compte", "/deconnexion").leads(t, "/connexion")
	desk.get("/").leads(t, "/connexion")
	other.get("/").says(t, 200)

	idle := h.signedIn(h.victoria)
	h.clock.add(time.Hour)
	idle.get("/").leads(t, "/connexion")
	old := h.signedIn(h.victoria)
	for range 14 {
		h.clock.add(51 * time.Minute)
		old.get("/")
	}
	old.get("/").says(t, 200)
	h.clock.add(7 * time.Minute)
	old.get("/").leads(t, "/connexion")

	shut := h.signedIn(h.victoria)
	agent := must(h.d.Store.Agent(context.Background(), h.victoria.ID))(t)
	agent.Disabled = true
	must(h.d.Store.PutAgent(context.Background(), agent))(t)
	shut.get("/").leads(t, "/connexion")
}

func TestCookiesOverTLSAreBoundToTheirHost(t *testing.T) {
	h := newHouse(t, func(o *Options) { o.BaseURL = "https://agents.example" })
	a := h.visitor().get("/connexion")
	if k := a.Header.Get("Set-Cookie"); !strings.HasPrefix(k, "__Host-visite=") || !strings.Contains(k, "Secure") || !strings.Contains(k, "HttpOnly") || !strings.Contains(k, "SameSite=Lax") || strings.Contains(k, "Domain") {
		t.Errorf("cookie %q", k)
	}
	if a.Header.Get("Strict-Transport-Security") == "" {
		t.Error("no HSTS")
	}
}

// withProvider is a house whose agents may sign in with a real provider.
func withProvider(t *testing.T, claim string) (*house, *sandbox.OpenID) {
	t.Helper()
	var provider *sandbox.OpenID
	h := newHouse(t, func(o *Options) {
		provider = must(sandbox.StartOpenID(o.BaseURL + "/connexion/openid/retour"))(t)
		o.OpenID = NewOpenID(OpenIDOptions{
			Issuer: provider.Issuer, ClientID: provider.ClientID, ClientSecret: provider.ClientSecret, Name: "Ma collectivité", Claim: claim, Scopes: []string{"email"},
			Redirect: o.BaseURL + "/connexion/openid/retour", Client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}},
		})
	})
	t.Cleanup(provider.Stop)
	return h, provider
}

// through goes to the provider and comes back with its answer.
func (p *visitor) through(suite string) string {
	p.h.t.Helper()
	asked := p.get("/connexion/openid?suite=" + url.QueryEscape(suite))
	if asked.Status != http.StatusSeeOther {
		p.h.t.Fatalf("to the provider: %d %s", asked.Status, asked.Body)
	}
	answered := must(p.client.Get(asked.Header.Get("Location")))(p.h.t)
	defer answered.Body.Close()
	back := must(url.Parse(answered.Header.Get("Location")))(p.h.t)
	return back.RequestURI()
}

func TestPromiseAProviderSignsInItsVerifiedAddresses(t *testing.T) {
	h, provider := withProvider(t, "email")
	verified := map[string]any{"sub": "42", "email": "Victoria@ville.example", "email_verified": true}
	for _, apart := range []bool{false, true} {
		provider.SignInAs(verified, apart)
		p := h.visitor()
		p.get("/connexion").says(t, 200, "Continuer avec Ma collectivité")
		p.get(p.through("/compte")).leads(t, "/compte")
		p.get("/compte").says(t, 200, "Victoria Brun", "Par le compte de l&#39;organisme")
	}
	for name, claims := range map[string]map[string]any{
		"unverified": {"sub": "1", "email": "victoria@ville.example"}, "unverified, in words": {"sub": "1", "email": "victoria@ville.example", "email_verified": "true"},
		"unknown": {"sub": "1", "email": "personne@ville.example", "email_verified": true}, "no address": {"sub": "1"},
	} {
		provider.SignInAs(claims, false)
		p := h.visitor()
		if a := p.get(p.through("/")); a.Status != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, a.Status)
		}
		p.get("/compte").leads(t, "/connexion")
	}
	provider.SignInAs(nil, false)
	p := h.visitor()
	p.get(p.through("/")).says(t, http.StatusUnauthorized)
}

func TestPromiseAnAnswerOfTheProviderIsForTheBrowserThatAskedOnce(t *testing.T) {
	h, provider := withProvider(t, "email")
	provider.SignInAs(map[string]any{"sub": "42", "email": "victoria@ville.example", "email_verified": true}, false)
	attacker, victim := h.visitor(), h.visitor()
	back := attacker.through("/")
	victim.get(back).says(t, http.StatusUnauthorized) // login CSRF: another's answer
	victim.through("/")
	victim.get(back).says(t, http.StatusUnauthorized) // another's state
	attacker.get(back).leads(t, "/")
	attacker.get(back).says(t, http.StatusUnauthorized)
	attacker.through("/")
	attacker.get("/connexion/openid/retour?code=x").says(t, http.StatusUnauthorized)

	for name, spoil := range map[string]func(map[string]any){
		"another nonce": func(c map[string]any) { c["nonce"] = "x" }, "another audience": func(c map[string]any) { c["aud"] = "autre" },
		"another issuer": func(c map[string]any) { c["iss"] = "https://ailleurs.example" }, "over": func(c map[string]any) { c["exp"] = time.Now().Add(-time.Hour).Unix() },
	} {
		provider.Spoil(spoil)
		p := h.visitor()
		if a := p.get(p.through("/")); a.Status != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, a.Status)
		}
	}
}

func TestAProviderMayNameTheLogin(t *testing.T) {
	h, provider := withProvider(t, "preferred_username")
	provider.SignInAs(map[string]any{"sub": "42", "preferred_username": "victoria"}, true)
	p := h.visitor()
	p.get(p.through("/compte")).leads(t, "/compte")
	p.get("/compte").says(t, 200, "Victoria Brun")
}

func TestAProviderThatIsDownKeepsNobodyOut(t *testing.T) {
	h := newHouse(t, func(o *Options) {
		o.OpenID = NewOpenID(OpenIDOptions{Issuer: "http://127.0.0.1:1", ClientID: "x", Claim: "email", Redirect: o.BaseURL})
	})
	p := h.visitor()
	p.get("/connexion/openid").says(t, http.StatusServiceUnavailable, "ne répond pas", "Se connecter")
	p.send("/connexion", "/connexion/mot-de-passe", "login", "victoria", "password", testPassword).leads(t, "/")
}

func TestTriesToSignInAreBounded(t *testing.T) {
	h := newHouse(t)
	h.tries = web.PerMinute(4, h.clock.now)
	p := h.visitor()
	for range 2 {
		p.send("/connexion", "/connexion/lien", "login", "x@y.example").says(t, 200)
	}
	p.send("/connexion", "/connexion/lien", "login", "x@y.example").says(t, http.StatusTooManyRequests, "attendez quelques minutes")
	p.send("/connexion", "/connexion/mot-de-passe", "login", "victoria", "password", testPassword).says(t, http.StatusTooManyRequests)
}
