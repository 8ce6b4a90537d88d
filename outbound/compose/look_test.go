package compose

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"vaguemestre/deploy/sandbox/browser"
	"vaguemestre/gateway"
)

var chromium browser.Browser

func TestMain(m *testing.M) { os.Exit(chromium.Main(m)) }

// shown are the letters that people see, in HTML, by the names of their pictures.
func shown(t testing.TB) map[string]string {
	ar, code, english, plain, text := sample(), sample(), sample(), plainSample(), plainSample()
	code.Options = gateway.Options{Acknowledged: true, Code: true, Reply: gateway.ReplyPolicy{Allowed: true, By: morning.AddDate(0, 0, 23), Sealed: true}}
	code.Type, code.TypeLabel, code.Subject = gateway.Complement, "Demande de complément", "Pièces manquantes : attestation_de_régularité_fiscale_et_sociale_au_31_décembre_2020_signée.pdf"
	code.Context.Object = strings.Repeat("Réfection des toitures, terrasses et verrières de l'école élémentaire Émile-Zola et de son gymnase ; ", 4)
	english.Context.Language, english.TypeLabel, english.Subject = "en", "Rejection letter", "Outcome of your tender"
	english.Context.Title, english.Context.PublicBody, english.Context.PurchasingEntity = "Roofs of the Émile Zola school", "Digital Agency", "Purchasing department"
	text.Options.Reply = gateway.ReplyPolicy{Allowed: true, By: morning.AddDate(0, 0, 23)}
	html := func(text string) string { return textOf(t, read(t, text).HTML()) }
	var second strings.Builder
	if err := Remind(&second, sample(), company(), addresses(), Reminder{Number: 1, Date: morning.AddDate(0, 0, 7)}); err != nil {
		t.Fatal(err)
	}
	all := map[string]string{
		"acknowledged": html(letter(t, ar, "")), "code": html(codeLetter(t, code)), "english": html(letter(t, english, "")), "reminder": html(second.String()),
		"plain": html(letter(t, plain, agentMail(t))), "plain-short": html(letter(t, text, "Content-Type: text/html; charset=utf-8\r\n\r\n<p>Madame, Monsieur,</p><p>La visite a lieu à 8 heures.</p>\r\n")),
	}
	before, rest, _ := strings.Cut(all["acknowledged"], "<style>")
	_, after, _ := strings.Cut(rest, "</style>")
	all["unstyled"] = before + after // as clients show it that take style sheets out
	return all
}

// TestPeopleCanReadTheMails: on a telephone, at a desk, at 320 pixels, in the dark, nothing is cut, nothing is too pale,
// nothing is without a name, and the button is a finger high.
func TestPeopleCanReadTheMails(t *testing.T) {
	mails := shown(t)
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, mails[strings.Trim(r.URL.Path, "/")]) // the browser may be gone
	}))
	t.Cleanup(site.Close)
	desk, phone, narrow := browser.Desktop(), browser.Phone(), browser.Zoomed()
	phone.Width = 375
	for name, views := range map[string][]browser.View{
		"acknowledged": {desk, desk.InTheDark(), phone, phone.InTheDark()}, "code": {phone, narrow}, "english": {desk}, "reminder": {phone}, "unstyled": {narrow},
		"plain": {desk}, "plain-short": {narrow},
	} {
		for _, view := range views {
			p := chromium.Open(t, view).Go(site.URL + "/" + name).Shoot("mail-" + name).Fits().Says("TESTESR2020")
			if strings.HasPrefix(name, "plain") { // most of it is the agent's
				continue
			}
			p.Axe()
			if height := p.Find(".act a").MustEval(`() => this.getBoundingClientRect().height`).Int(); height < 44 { // WCAG 2.5.5
				t.Errorf("%s, %s: the button is %d pixels high", name, view.Name, height)
			}
		}
	}
}
