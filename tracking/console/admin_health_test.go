package console

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"vaguemestre/deploy/sandbox/browser"
)

// dialled is a gateway of which much goes well, and something does not.
func (h *house) dialled() {
	now := h.clock.now()
	h.health.shown = Health{
		Mailboxes: []MailboxHealth{
			{Name: "principal", Said: "connected", OK: true, Looked: now.Add(-time.Minute)},
			{Name: "retours", Said: "log in: NO [AUTHENTICATIONFAILED] <b>refused</b>"},
			{Name: "ailleurs", Said: "elsewhere", OK: true, Elsewhere: true},
		},
		Smarthosts: []SmarthostHealth{
			{Address: "relais.ville.example:587", Opened: now.Add(-time.Hour), TLS: "TLS 1.3", Verified: true, Extensions: []string{"8BITMIME", "DSN", "PIPELINING"}, Ends: now.Add(90 * 24 * time.Hour)},
			{Address: "secours.ville.example:25", Down: true, Opened: now.Add(-time.Hour), Failed: now.Add(-time.Minute), Fault: "connect: connection refused", Ends: now.Add(10 * 24 * time.Hour)},
		},
		Certificates: []CertificateHealth{{Listener: "submission", Ends: now.Add(5 * 24 * time.Hour)}},
	}
}

func TestTheStateSaysWhoIsIllAndWhichPageOfTheRunbook(t *testing.T) {
	h := newHouse(t)
	h.dialled()
	_, ours, err := h.d.Store.AcquireLease(t.Context(), "mailbox:ailleurs", "noeud-2", time.Minute)
	if check(t, err); !ours {
		t.Fatal("no lease")
	}
	a := h.signedIn(h.admin).get("/passerelle").says(t, http.StatusOK, "Boîte «", "noeud-2", "AUTHENTICATIONFAILED] &lt;b&gt;", "VaguemestreMailboxDisconnected",
		"relais.ville.example:587", "TLS 1.3, certificat vérifié", "8BITMIME DSN PIPELINING", "connection refused", "VaguemestreRelayUnreachable", "VaguemestreReportsMissing", "VaguemestreCertificateEnds")
	if strings.Contains(a.Body, "VaguemestreMailboxSilent") {
		t.Error("a mailbox that was looked at is said to be silent")
	}
	h.clock.add(20 * time.Minute)
	h.signedIn(h.admin).get("/passerelle").says(t, http.StatusOK, "VaguemestreMailboxSilent")
}

func TestTheStateOfTheGatewayInABrowser(t *testing.T) {
	h := newHouse(t)
	h.dialled()
	for _, view := range []browser.View{browser.Desktop(), browser.Phone().WithoutScript()} {
		h.enter(view, h.admin).Go(h.site.URL + "/passerelle").Says("Relais secours.ville.example:25").Fits().Axe().Shoot("passerelle-sante")
	}
}
