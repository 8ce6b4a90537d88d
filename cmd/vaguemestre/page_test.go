package main

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vaguemestre/deploy/sandbox"
	"vaguemestre/deploy/sandbox/browser"
	"vaguemestre/gateway"
)

// withTwoFiles is a letter with a sound file and one that every scanner knows.
func withTwoFiles(to string) string {
	file := func(name, content string) string {
		return "--b\nContent-Type: application/octet-stream\nContent-Disposition: attachment; filename=\"" + name + "\"\nContent-Transfer-Encoding: base64\n\n" +
			base64.StdEncoding.EncodeToString([]byte(content)) + "\n"
	}
	return "From: Victoria Brun <agent@acheteur.test>\nTo: " + to + "\nSubject: Deux fichiers\nMessage-ID: <deux@acheteur.test>\nMIME-Version: 1.0\n" +
		"Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain; charset=utf-8\n\nBonjour, voici deux fichiers.\n" +
		file("plan.pdf", "%PDF-1.4 sain") + file("outil.exe", sandbox.Eicar) + "--b--\n"
}

// TestACompanyReadsItsLetterInARealBrowser goes the whole way: from the mail to the page of the real daemon, its files through a
// real clamd, and the receipt that anyone can verify.
func TestACompanyReadsItsLetterInARealBrowser(t *testing.T) {
	t.Parallel()
	sandbox.Need(t, "chromium", "clamd")
	clamd, err := sandbox.StartClamd(t.Context(), 100)
	if err != nil {
		t.Fatal(err)
	}
	sandbox.Attach(t, "clamd", clamd)
	i, w, clientTLS := installDemoWorld(t, "[clamd]\naddress = \"unix:"+clamd.Socket+"\"\n[theme]\nname = \"Courrier des marchés\"\ncolour = \"#7a1f3d\"\n")
	i.feed()
	i.serve()
	s := i.look()
	c := client{installation: i, tls: clientTLS}
	courier := c.number(c.send([]string{boxOf("lecture"), "testesr2020+libre+ar+reponse@courrier.acheteur.test"}, withTwoFiles(boxOf("lecture"))))
	link := c.link(w, "lecture")

	var chromium browser.Browser
	t.Cleanup(func() {
		if err := chromium.Close(); err != nil {
			t.Error(err)
		}
	})
	p := chromium.Open(t, browser.Phone()).Go(link).Axe().Fits().Says("Un courrier vous attend", "Courrier des marchés", "Agence Départementale du Numérique")
	p.Press("button.large").Shoot("real").Axe().Fits().Says("Réception accusée", "Bonjour, voici deux fichiers.", "plan.pdf", "outil.exe")
	read := i.event(s, courier, boxOf("lecture"), gateway.Read)
	var how gateway.ReadDetails
	if err := json.Unmarshal(read.Details, &how); err != nil || read.Strength != gateway.ByButton || how.ShownAt.IsZero() || how.Visit == "" {
		t.Errorf("%s: %+v, %v", read.Strength, how, err)
	}

	t.Run("a sound file is handed out, an infected one is not, and both who answer for it are told", func(t *testing.T) {
		if code, body := c.browse(http.MethodGet, link+"/fichier/1/plan.pdf", nil); code != http.StatusOK || body != "%PDF-1.4 sain" {
			t.Errorf("%d %q", code, body)
		}
		if code, body := c.browse(http.MethodGet, link+"/fichier/2/outil.exe", nil); code != http.StatusForbidden || strings.Contains(body, "EICAR") {
			t.Errorf("%d %q", code, body)
		}
		i.event(s, courier, boxOf("lecture"), gateway.Infected)
		for _, told := range []string{"agent@acheteur.test", "postmaster@acheteur.test"} {
			if _, err := w.Wait(i.ctx, told, func(m *sandbox.Mail) bool { return strings.Contains(m.Subject, "Fichier retenu") }); err != nil {
				t.Errorf("%s is not told: %v", told, err)
			}
		}
		p.Go(link).Says("Retenu : logiciel malveillant")
		if n := i.metric("vaguemestre_scans_total", `outcome="infected"`); n != 1 {
			t.Errorf("%v scans found something", n)
		}
	})
	t.Run("a verdict outlives its scanner", func(t *testing.T) {
		clamd.Stop()
		if code, _ := c.browse(http.MethodGet, link+"/fichier/1/plan.pdf", nil); code != http.StatusOK {
			t.Errorf("a file that was judged: %d", code)
		}
	})
	t.Run("the company's receipt can be verified", func(t *testing.T) {
		code, pdf := c.browse(http.MethodGet, link+"/recepisse.pdf", nil)
		if code != http.StatusOK {
			t.Fatalf("%d %s\n%s", code, pdf, tail(i.log.String(), 4000))
		}
		path := filepath.Join(i.dir, "recepisse.pdf")
		if err := os.WriteFile(path, []byte(pdf), 0o600); err != nil {
			t.Fatal(err)
		}
		if out := i.must("", "verify", path); !strings.Contains(out, "Tout ce qui pouvait être vérifié l'est") {
			t.Error(out)
		}
	})
	t.Run("a wrong recipient is said to the agent", func(t *testing.T) {
		_, page := c.browse(http.MethodGet, link+"/erreur", nil)
		form := hidden.FindStringSubmatch(page)
		if form == nil {
			t.Fatal(page)
		}
		c.browse(http.MethodPost, link+"/erreur", url.Values{"form": {form[1]}, "remark": {"Mme Roux"}})
		if _, err := w.Wait(i.ctx, "agent@acheteur.test", func(m *sandbox.Mail) bool { return strings.Contains(m.Subject, "Mauvais destinataire") }); err != nil {
			t.Error(err)
		}
	})
	if log := i.log.String(); strings.Contains(log, link[strings.Index(link, "/l/")+3:]) {
		t.Error("the link's token is in the log")
	}
	i.stop()
}
