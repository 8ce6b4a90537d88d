package console

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"vaguemestre/deploy/sandbox/browser"
	"vaguemestre/gateway"
)

// twice presses the button of one page twice, as impatient hands do: both go with the token of the same showing.
func (p *visitor) twice(from, path string, pairs ...string) (first, second answer) {
	p.h.t.Helper()
	form := url.Values{"form": {p.token(from)}}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return p.ask(http.MethodPost, path, form), p.ask(http.MethodPost, path, form)
}

// TestWhoPressesTwiceDoesItOnce: the second press of a button has no second effect, and is answered as the first was.
func TestWhoPressesTwiceDoesItOnce(t *testing.T) {
	h := newHouse(t)
	h.alive()
	p := h.signedIn(h.victoria)
	letter := func(subject string) (gateway.Courier, string) {
		c := h.send(h.victoria, subject, "texte", "testesr2020+libre@courrier.example", "contact@entreprise-x.example", "marches@entreprise-y.example")
		for _, r := range h.recipients(c) {
			h.happens(gateway.Sent, r, gateway.ByRelay, gateway.RelayDetails{})
		}
		return c, "/courriers/" + c.ID.String()
	}
	one, all := func(c gateway.Courier) string {
		return "/courriers/" + c.ID.String() + "/destinataires/" + h.recipients(c)[0].ID.String()
	}, func(c gateway.Courier) string { return "/courriers/" + c.ID.String() }
	for _, tc := range []struct {
		name, button, done string
		at                 func(gateway.Courier) string
		kind               gateway.EventKind
		want               int
	}{
		{"remind one", "/relancer", "reminded", one, gateway.Reminded, 1},
		{"remind all", "/relancer", "reminded", all, gateway.Reminded, 2},
		{"withdraw one", "/retirer", "withdrawn", one, gateway.Withdrawn, 1},
		{"withdraw all", "/retirer", "withdrawn", all, gateway.Withdrawn, 2},
	} {
		c, path := letter(tc.name)
		first, second := p.twice(path, tc.at(c)+tc.button, "motif", "x")
		first.leads(t, path+"?fait="+tc.done)
		second.leads(t, path+"?fait="+tc.done)
		if n := h.count1(c, tc.kind); n != tc.want {
			t.Errorf("%s: %d %s, want %d", tc.name, n, tc.kind, tc.want)
		}
	}
	path, failed := all(h.many), h.recipients(h.many)[2]
	at := path + "/destinataires/" + failed.ID.String()
	for _, button := range []struct{ path, done string }{{"/corriger", "corrected"}, {"/renvoyer", "retried"}} {
		first, second := p.twice(path, at+button.path, "adresse", "retrouve@entreprise-z.example")
		first.leads(t, path+"?fait="+button.done)
		second.leads(t, path+"?fait="+button.done)
	}
	if n := h.count1(h.many, gateway.Retried); n != 1 || len(h.recipients(h.many)) != 4 {
		t.Errorf("sent again %d times, to %d addresses", n, len(h.recipients(h.many)))
	}
	// Who means it presses the button of a page that is shown after, and it is done again.
	c, path := letter("deux fois, exprès")
	for range 2 {
		p.send(path, one(c)+"/relancer").leads(t, path+"?fait=reminded")
	}
	if n := h.count1(c, gateway.Reminded); n != 2 {
		t.Errorf("reminded %d times by two presses of two pages", n)
	}
	form := url.Values{"form": {p.token(path)}}
	for range 2 { // of a page that stays open
		p.ask(http.MethodPost, one(c)+"/relancer", form).leads(t, path+"?fait=reminded")
		h.clock.add(10 * time.Minute)
	}
	if n := h.count1(c, gateway.Reminded); n != 4 {
		t.Errorf("reminded %d times after two presses far from one another", n)
	}
}

// TestAnAnswerPressedTwiceIsOneLetter: the answer to a company's reply, pressed twice, is one courier.
func TestAnAnswerPressedTwiceIsOneLetter(t *testing.T) {
	h := newHouse(t)
	h.alive()
	reply := h.replies(h.recipients(h.rejection)[0], time.Time{}, "Re: rejet", "Quels motifs ?")
	path := "/courriers/" + h.rejection.ID.String() + "/reponses/" + reply.ID.String()
	first, second := h.signedIn(h.victoria).twice(path, path+"/repondre", "texte", "Les voici.")
	first.leads(t, "/courriers/")
	second.leads(t, first.Header.Get("Location"))
}

// TestWhatIsShownOnceIsMadeOnce: the form that makes a key goes once, for the second answer would hide the first one's secret.
func TestWhatIsShownOnceIsMadeOnce(t *testing.T) {
	h := newHouse(t)
	p := h.enter(browser.Desktop(), h.admin)
	p.Go(h.site.URL+"/passerelle/cles").Type("#nom", "SIM").Click("#droit-read")
	taken := p.MustEval(`() => {
		let taken = 0;
		document.addEventListener("submit", (e) => { if (!e.defaultPrevented) taken++; e.preventDefault(); });
		const form = document.querySelector('form[action="/passerelle/cles"]');
		form.requestSubmit();
		form.requestSubmit();
		return taken;
	}`).Int()
	if taken != 1 {
		t.Errorf("the form goes %d times when its button is pressed twice", taken)
	}
}

// TestWhoPressesTwiceWhileTheDraftIsSavedIsNotTheirOwnRival: the network is slow, a save is under way, and the button is pressed twice: the form
// waits for the save, whose version it names, and goes once.
func TestWhoPressesTwiceWhileTheDraftIsSavedIsNotTheirOwnRival(t *testing.T) {
	h := newHouse(t)
	d := h.drafts(gateway.Draft{Agent: h.victoria.ID, Consultation: h.about.ID, Type: gateway.Libre, Subject: "Lent", Text: "Bonjour."})
	p := h.enter(browser.Desktop(), h.victoria)
	p.Go(h.site.URL + "/brouillons/" + d.ID.String())
	p.MustEval(`() => {
		const real = window.fetch;
		window.fetch = (...all) => new Promise((answer) => { window.release = () => answer(real(...all)); });
		window.taken = [];
		addEventListener("submit", (e) => { if (!e.defaultPrevented) window.taken.push(e.target.elements.version.value); e.preventDefault(); });
	}`)
	p.Type("#objet", "Lent, très lent")
	p.MustWait(`() => !!window.release`)
	press := `() => { document.getElementById("courrier").requestSubmit(document.querySelector(".acts-bar button[value=envoyer]")); return window.taken.length; }`
	for range 2 {
		if n := p.MustEval(press).Int(); n != 0 {
			t.Fatal("the form goes before the save that is under way ended: it names a version that is no more")
		}
	}
	p.MustEval(`() => window.release()`)
	p.MustWait(`() => window.taken.length > 0`)
	if went := p.MustEval(`() => window.taken.join(" ")`).Str(); went != "2" {
		t.Errorf("the form went with the versions %q", went)
	}
}
