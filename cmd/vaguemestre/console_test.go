package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"vaguemestre/deploy/sandbox"
)

// hiddenToken is the field of the console's forms.
var hiddenToken = regexp.MustCompile(`name="form" value="([^"]+)"`)

// consoleClient is a browser without scripts.
type consoleClient struct {
	*testing.T
	http *http.Client
	base string
}

func (c consoleClient) ask(method, path string, form url.Values) (page string) {
	c.Helper()
	r, err := http.NewRequest(method, c.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		c.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	a, err := c.http.Do(r)
	if err != nil {
		c.Fatal(err)
	}
	defer a.Body.Close()
	b, err := io.ReadAll(a.Body)
	if err != nil || a.StatusCode != http.StatusOK {
		c.Fatalf("%s %s: %s %v\n%s", method, path, a.Status, err, b)
	}
	return string(b)
}

// send sends a form with the token of a page.
func (c consoleClient) send(page, path string, form url.Values) string {
	c.Helper()
	field := hiddenToken.FindStringSubmatch(page)
	if field == nil {
		c.Fatalf("no form in\n%s", page)
	}
	form.Set("form", field[1])
	return c.ask(http.MethodPost, path, form)
}

// TestAnAgentSignsInByMailAndFollowsALetter goes the agent's way through the daemon itself: the link comes by the queue, the
// relay and their mailbox; the letter shows, is found by its words, and a page that is followed does not keep the daemon from stopping.
func TestAnAgentSignsInByMailAndFollowsALetter(t *testing.T) {
	at := freePort(t)
	i, w, config := installDemoWorld(t, fmt.Sprintf("[console]\nlisten = %q\nbase_url = \"http://%s\"\n", at, at))
	i.feed()
	i.serve()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := consoleClient{t, &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}}, "http://" + at}
	c.send(c.ask(http.MethodGet, "/connexion", nil), "/connexion/lien", url.Values{"login": {"agent@acheteur.test"}})
	link := ""
	if _, err := w.Wait(i.ctx, "agent@acheteur.test", func(m *sandbox.Mail) bool {
		letter, err := m.Letter()
		if err != nil {
			return false
		}
		for _, l := range letter.Links() {
			if strings.Contains(l, "/connexion/lien/") {
				link = strings.TrimPrefix(l, "http://"+at)
			}
		}
		return link != ""
	}); err != nil {
		t.Fatalf("the link does not come: %v\n%s", err, tail(i.log.String(), 4000))
	}
	home := c.send(c.ask(http.MethodGet, link, nil), link, url.Values{})
	about := regexp.MustCompile(`href="(/consultations/[^"?]+)"`).FindStringSubmatch(home)
	if about == nil {
		t.Fatalf("no consultation in\n%s", home)
	}

	browser := client{installation: i, tls: config}
	smtp := i.dial(t, config)
	for _, step := range []func() error{
		func() error { return smtp.Mail("agent@acheteur.test") }, func() error { return smtp.Rcpt(boxOf("suivi")) },
		func() error { return smtp.Rcpt("testesr2020+libre@courrier.acheteur.test") },
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	out, err := smtp.Data()
	if err != nil {
		t.Fatal(err)
	}
	text := letter("suivi", boxOf("suivi"), "Visite du site", "Rendez-vous devant le portail vert.\n")
	if _, err := io.WriteString(out, strings.ReplaceAll(text, "\n", "\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	browser.press(browser.link(w, "suivi"))
	i.until("the letter is found by its words, read", func() bool {
		page := c.ask(http.MethodGet, about[1]+"?q=portail+vert", nil)
		return strings.Contains(page, "Visite du site") && strings.Contains(page, "Lu par le destinataire")
	})

	c.administers(i)
	r, err := http.NewRequest(http.MethodGet, c.base+about[1]+"/direct", nil)
	if err != nil {
		t.Fatal(err)
	}
	live, err := c.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer live.Body.Close()
	i.stop() // the page that is followed ends first
	if _, err := io.ReadAll(live.Body); err != nil {
		t.Errorf("the live page is cut instead of ended: %v", err)
	}
	if strings.Contains(i.log.String(), strings.TrimPrefix(strings.Split(link, "?")[0], "/connexion/lien/")) {
		t.Error("the link is in the log")
	}
}

// administers sees to the gateway as its administrator: what the relay showed when the letter left, a mail that found no letter.
func (c consoleClient) administers(i *installation) {
	c.Helper()
	i.must("", "agent", "promote", "victoria")
	state := c.ask(http.MethodGet, "/passerelle", nil)
	for _, want := range []string{"Relais 127.0.0.1:", "Rapports de remise (DSN)", "Boîte «", "Certificats de la passerelle"} {
		if !strings.Contains(state, want) {
			c.Errorf("the state does not say %q:\n%s", want, state)
		}
	}
	mail := unplaced(c.T, i, i.look(), "From: "+boxOf("suivi")+"\nTo: perdu@ailleurs.test\nSubject: Portail\nMessage-ID: <perdu@x.test>\n\nLe portail est rouge.\n")
	at := "/passerelle/quarantaine/" + mail
	page := c.ask(http.MethodGet, at+"?destinataire="+url.QueryEscape(boxOf("suivi")), nil)
	letter := regexp.MustCompile(`name="destinataire" id="r-[^"]+" value="([^"]+)"`).FindStringSubmatch(page)
	if letter == nil || !strings.Contains(page, "Le portail est rouge.") {
		c.Fatalf("no letter is offered for the mail:\n%s", page)
	}
	if list := c.send(page, at+"/rapprocher", url.Values{"destinataire": {letter[1]}, "motif": {"au téléphone"}}); !strings.Contains(list, "Le message est rattaché.") {
		c.Errorf("%s", list)
	}
	i.must("", "quarantine", "show", mail)
}
