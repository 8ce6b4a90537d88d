package console

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// What a route answers to somebody.
const (
	in    = "in"    // it is theirs
	out   = "out"   // led to signing in
	never = "never" // as what does not exist
)

// entitlements is who may use each route: nobody signed in, an agent of another consultation, the agent entitled to
// the consultation, an administrator entitled to nothing.
func entitlements() map[string][4]string {
	everybody, own := [4]string{in, in, in, in}, [4]string{out, in, in, in}
	theirs, gateways := [4]string{out, never, in, never}, [4]string{out, never, never, in}
	return map[string][4]string{
		"GET /connexion": everybody, "POST /connexion/lien": everybody, "GET /connexion/lien/{link}": everybody, "POST /connexion/lien/{link}": everybody,
		"POST /connexion/mot-de-passe": everybody, "GET /connexion/openid": everybody, "GET /connexion/openid/retour": everybody,
		"POST /deconnexion": own, "GET /compte": own, "POST /compte/sessions/fermer": own, "POST /compte/avis": own,
		"POST /compte/sessions/{session}/fermer": {out, never, never, never}, // another's
		"GET /{$}":                               own,
		"GET /consultations/{consultation}":      theirs, "GET /consultations/{consultation}/suivi.csv": theirs, "GET /consultations/{consultation}/direct": theirs,
		"GET /consultations/{consultation}/messagerie": theirs, "GET /carnet/{format}": own, "GET /compte/messagerie": own,
		"POST /compte/messagerie/mots-de-passe":                     own,
		"POST /compte/messagerie/mots-de-passe/{password}/revoquer": {out, never, never, never}, // another's
		"GET /consultations/{consultation}/nouveau":                 theirs, "POST /consultations/{consultation}/nouveau": theirs,
		"GET /brouillons/{draft}": theirs, "POST /brouillons/{draft}": theirs, "POST /brouillons/{draft}/fichiers": theirs,
		"GET /brouillons/{draft}/fichiers/{file}": theirs, "POST /brouillons/{draft}/fichiers/{file}/retirer": theirs,
		"GET /brouillons/{draft}/apercu/courriel": theirs, "GET /brouillons/{draft}/apercu/page": theirs, "POST /brouillons/{draft}/supprimer": theirs,
		"GET /courriers/{courier}": theirs, "GET /courriers/{courier}/message": theirs, "GET /courriers/{courier}/texte": theirs,
		"GET /courriers/{courier}/image/{part}": theirs, "GET /courriers/{courier}/fichiers/{n}/{name}": theirs,
		"GET /courriers/{courier}/preuve.pdf": theirs, "GET /courriers/{courier}/preuve.zip": theirs,
		"GET /courriers/{courier}/evenements/{event}/rapport": theirs,
		"POST /courriers/{courier}/relancer":                  theirs, "POST /courriers/{courier}/retirer": theirs, "POST /courriers/{courier}/annuler": theirs,
		"POST /courriers/{courier}/destinataires/{recipient}/relancer": theirs, "POST /courriers/{courier}/destinataires/{recipient}/retirer": theirs,
		"POST /courriers/{courier}/destinataires/{recipient}/annuler": theirs, "POST /courriers/{courier}/destinataires/{recipient}/renvoyer": theirs,
		"POST /courriers/{courier}/destinataires/{recipient}/corriger": theirs,
		"GET /courriers/{courier}/reponses/{reply}":                    theirs, "GET /courriers/{courier}/reponses/{reply}/message": theirs,
		"GET /courriers/{courier}/reponses/{reply}/fichiers/{n}/{name}": theirs, "POST /courriers/{courier}/reponses/{reply}/repondre": theirs,
		"GET /passerelle": gateways, "GET /passerelle/file": gateways, "POST /passerelle/file": gateways, "GET /passerelle/file/{job}": gateways, "POST /passerelle/file/{job}/essayer": gateways,
		"POST /passerelle/file/{job}/retenir": gateways, "POST /passerelle/file/{job}/liberer": gateways, "POST /passerelle/file/{job}/annuler": gateways,
		"GET /passerelle/quarantaine": gateways, "GET /passerelle/quarantaine/{mail}": gateways, "GET /passerelle/quarantaine/{mail}/message": gateways,
		"POST /passerelle/quarantaine/{mail}/rapprocher": gateways, "POST /passerelle/quarantaine/{mail}/classer": gateways,
		"GET /passerelle/agents": gateways, "POST /passerelle/agents": gateways, "GET /passerelle/agents/{agent}": gateways, "POST /passerelle/agents/{agent}": gateways, "POST /passerelle/agents/{agent}/fermer": gateways,
		"POST /passerelle/agents/{agent}/ouvrir": gateways, "POST /passerelle/agents/{agent}/mot-de-passe": gateways, "POST /passerelle/agents/{agent}/sessions": gateways, "POST /passerelle/agents/{agent}/avis": gateways,
		"POST /passerelle/agents/{agent}/consultations": gateways, "POST /passerelle/agents/{agent}/consultations/{about}/retirer": gateways,
		"POST /passerelle/agents/{agent}/mots-de-passe/{password}/revoquer": {out, never, never, never}, // it has none
		"GET /passerelle/cles": gateways, "POST /passerelle/cles": gateways, "POST /passerelle/cles/{key}/revoquer": gateways,
	}
}

// things is one of each object, all of one courier.
type things struct {
	consultation gateway.ID
	recipient    gateway.Recipient
	reply        gateway.Reply
	event        gateway.Event
	session      gateway.ID
	draft        gateway.Draft
	job          gateway.Job
	mail         gateway.Inbound
	key          gateway.APIKey
	agent        gateway.Agent // entitled to the consultation, and nobody who asks
}

func (x things) fill(path string) string {
	return strings.NewReplacer(
		"{$}", "", "{consultation}", x.consultation.String(), "{courier}", x.recipient.Courier.String(), "{recipient}", x.recipient.ID.String(),
		"{reply}", x.reply.ID.String(), "{event}", x.event.ID.String(), "{session}", x.session.String(), "{n}", "1", "{name}", "x", "{part}", "1", "{link}", "x", "{format}", "vcard", "{password}", x.session.String(),
		"{draft}", x.draft.ID.String(), "{file}", x.draft.Files[0].ID.String(),
		"{job}", x.job.ID.String(), "{mail}", x.mail.ID.String(), "{key}", x.key.ID.String(),
		"{agent}", x.agent.ID.String(), "{about}", x.consultation.String(),
	).Replace(path)
}

func (h *house) things(about gateway.Consultation, c gateway.Courier) things {
	h.t.Helper()
	r := h.recipients(c)[0]
	h.happens(gateway.Sent, r, gateway.ByRelay, gateway.RelayDetails{Host: "relais", Code: 250, Reply: "ok"})
	x := things{consultation: about.ID, recipient: r, session: gateway.NewID(h.clock.now())}
	x.event = h.happens(gateway.Delayed, r, gateway.ByReport, gateway.ReportDetails{Action: "delayed"}, h.keep("rapport de "+c.ID.String()))
	x.reply = h.replies(r, time.Time{}, "Re: "+c.Subject, "Merci.")
	x.draft = h.drafts(gateway.Draft{Agent: c.Author, Consultation: about.ID, Type: gateway.Libre, Options: gateway.Options{Acknowledged: true}, Subject: "À relire", Text: "Bonjour.", Recipients: []string{"a@b.example"}}, "un.txt")
	x.key = must(h.d.Store.AddAPIKey(context.Background(), gateway.APIKey{Label: "SIM", Hash: gateway.HashOf([]byte(c.ID.String())), Scopes: []string{"read"}}))(h.t)
	x.agent = must(h.d.Store.PutAgent(context.Background(), gateway.Agent{Login: "c" + c.ID.String(), Name: "Chloé", Addresses: []string{"c@ville.example"}}))(h.t)
	check(h.t, h.d.Store.Entitle(context.Background(), x.agent.ID, about.ID))
	x.mail = h.unplaced("From: a@b.example\r\nSubject: ?\r\n\r\nBonjour " + c.ID.String())
	x.job = must(h.d.Store.Jobs(context.Background(), store.JobFilter{Courier: c.ID, Limit: 1}))(h.t)[0]
	return x
}

// went tells what an answer means for who asked.
func went(a answer) string {
	switch {
	case a.Status == http.StatusSeeOther && strings.HasPrefix(a.Header.Get("Location"), "/connexion"),
		a.Status == http.StatusForbidden && strings.Contains(a.Body, "Votre session est terminée"):
		return out
	case a.Status == http.StatusNotFound:
		return never
	}
	return in
}

func TestPromiseEveryRouteIsHeldAgainstWhoAsks(t *testing.T) {
	h := newHouse(t)
	x := h.things(h.about, h.rejection)
	rows := entitlements()
	for _, rt := range h.routes() {
		name := rt.method + " " + rt.path
		row, known := rows[name]
		if !known {
			t.Errorf("%s: no row says who may use it", name)
			continue
		}
		delete(rows, name)
		if strings.HasSuffix(rt.path, "/direct") || strings.HasPrefix(rt.path, "/connexion") || rt.path == "/deconnexion" {
			continue // tests of their own: an endless answer, and what leads to signing in by itself
		}
		if !strings.HasPrefix(rt.path, "/courriers/{courier}/image") && !strings.HasSuffix(rt.path, "/texte") { // the letter has neither
			h.tryRoute(t, rt, x, row)
		}
	}
	for name := range rows {
		t.Errorf("%s: a row for no route", name)
	}
}

// tryRoute asks as each of the four.
func (h *house) tryRoute(t *testing.T, rt route, x things, row [4]string) {
	t.Helper()
	for i, who := range []gateway.Agent{{}, h.bruno, h.victoria, h.admin} {
		p, form := h.visitor(), url.Values{}
		if who.Login != "" {
			p = h.signedIn(who)
			form.Set("form", p.token("/compte"))
		}
		form.Set("motif", "essai")
		if got := went(p.ask(rt.method, x.fill(rt.path), form)); got != row[i] {
			t.Errorf("%s %s as %q: %s, want %s", rt.method, rt.path, who.Login, got, row[i])
		}
	}
}

func TestPromiseWhatOneMayNotSeeAnswersAsWhatDoesNotExist(t *testing.T) {
	h := newHouse(t)
	theirs := h.things(h.other, h.theirs)
	nothing := things{consultation: gateway.NewID(h.clock.now()), recipient: gateway.Recipient{ID: gateway.NewID(h.clock.now()), Courier: gateway.NewID(h.clock.now())},
		reply: gateway.Reply{ID: gateway.NewID(h.clock.now())}, event: gateway.Event{ID: gateway.NewID(h.clock.now())},
		draft: gateway.Draft{ID: gateway.NewID(h.clock.now()), Files: []gateway.DraftFile{{ID: gateway.NewID(h.clock.now())}}}}
	p := h.signedIn(h.victoria)
	form := url.Values{"form": {p.token("/compte")}}
	neutral := func(a answer, x things) string {
		for _, id := range []string{x.consultation.String(), x.recipient.Courier.String(), x.recipient.ID.String(), x.reply.ID.String(), x.event.ID.String(), x.draft.ID.String(), x.draft.Files[0].ID.String()} {
			a.Body = strings.ReplaceAll(a.Body, id, "ID")
		}
		return a.Body
	}
	for _, rt := range h.routes() {
		if rt.permission != entitled {
			continue
		}
		a, b := p.ask(rt.method, theirs.fill(rt.path), form), p.ask(rt.method, nothing.fill(rt.path), form)
		if a.Status != http.StatusNotFound || neutral(a, theirs) != neutral(b, nothing) {
			t.Errorf("%s %s: %d, unlike what does not exist (%d)", rt.method, rt.path, a.Status, b.Status)
		}
	}
}

func TestPromiseAPartOfAnotherCourierIsNotFoundUnderOnesOwn(t *testing.T) {
	h := newHouse(t)
	mine, theirs := h.things(h.about, h.rejection), h.things(h.other, h.theirs)
	p := h.signedIn(h.victoria)
	form := url.Values{"form": {p.token("/compte")}, "motif": {"essai"}, "texte": {"bonjour"}, "adresse": {"a@b.example"}}
	for _, rt := range h.routes() {
		for _, part := range []string{"{recipient}", "{reply}", "{event}"} {
			if !strings.Contains(rt.path, part) {
				continue
			}
			mixed := theirs
			mixed.recipient.Courier = mine.recipient.Courier
			if a := p.ask(rt.method, mixed.fill(rt.path), form); a.Status != http.StatusNotFound {
				t.Errorf("%s %s: %d", rt.method, rt.path, a.Status)
			}
		}
	}
}

func TestPromiseNothingChangesWithoutTheTokenOfItsPage(t *testing.T) {
	h := newHouse(t)
	x := h.things(h.about, h.rejection)
	victoria, admin, q := h.signedIn(h.victoria), h.signedIn(h.admin), h.signedIn(h.bruno)
	for _, rt := range h.routes() {
		if rt.method == http.MethodGet {
			continue
		}
		p := victoria
		if rt.permission == administrator {
			p = admin
		}
		for what, value := range map[string]string{"no token": "", "made up": "AAAA", "another agent's": q.token("/compte"), "a guest's": h.visitor().token("/connexion")} {
			if rt.permission == anybody && what == "a guest's" {
				continue
			}
			if a := p.ask(rt.method, x.fill(rt.path), url.Values{"form": {value}, "motif": {"essai"}}); a.Status != http.StatusForbidden {
				t.Errorf("%s %s with %s: %d", rt.method, rt.path, what, a.Status)
			}
		}
		cross := func(r *http.Request) {
			r.Header.Set("Origin", "https://ailleurs.example")
			r.Header.Set("Sec-Fetch-Site", "cross-site")
		}
		if a := p.ask(rt.method, x.fill(rt.path), url.Values{"form": {p.token("/compte")}}, cross); a.Status != http.StatusForbidden {
			t.Errorf("%s %s from another site: %d", rt.method, rt.path, a.Status)
		}
	}
}

func TestARouteThatNamesNobodyIsRefused(t *testing.T) {
	do := func(http.ResponseWriter, *http.Request, *visit) error { return nil }
	for name, rt := range map[string]route{
		"nothing":                      {method: "GET", path: "/x", do: do},
		"no permission":                {method: "GET", path: "/x", object: theAccount, do: do},
		"no object":                    {method: "GET", path: "/x", permission: signedIn, do: do},
		"a courier for anybody":        {method: "GET", path: "/x/{courier}", object: theCourier, permission: anybody, do: do},
		"the gateway for any agent":    {method: "GET", path: "/x", object: theGateway, permission: signedIn, do: do},
		"a courier that is not named":  {method: "GET", path: "/x", object: theCourier, permission: entitled, do: do},
		"an object that is not needed": {method: "GET", path: "/x", object: object(99), permission: entitled, do: do},
		"no handler":                   {method: "GET", path: "/x", object: theAccount, permission: signedIn},
	} {
		if rt.check() == nil {
			t.Errorf("%s: taken", name)
		}
	}
}
