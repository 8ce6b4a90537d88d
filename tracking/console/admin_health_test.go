package console

import (
	"encoding/json"
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

// elsewhere is what another node says of itself.
func (h *house) elsewhere(name string, other Health) {
	h.t.Helper()
	check(h.t, h.d.Store.SeeNode(h.t.Context(), name, string(must(json.Marshal(other))(h.t))))
}

func TestTheStateOfEveryNodeIsShown(t *testing.T) {
	h := newHouse(t)
	h.d.Node = "noeud-1"
	h.health.shown = Health{Mailboxes: []MailboxHealth{{Name: "principal", Said: "elsewhere", OK: true, Elsewhere: true}}}
	p := h.signedIn(h.admin)
	h.elsewhere("noeud-1", Health{Smarthosts: []SmarthostHealth{{Address: "what it said before it was asked:25"}}})
	if a := p.get("/passerelle").says(t, http.StatusOK, "Boîte «"); strings.Contains(a.Body, "noeud-1") || strings.Contains(a.Body, "before it was asked") {
		t.Error("a node alone is shown as one of several, or by what it said before")
	}
	looked := h.clock.now().Add(-90 * time.Second)
	h.elsewhere("noeud-2", Health{
		Mailboxes:  []MailboxHealth{{Name: "principal", Said: "login refused <b>", Looked: looked}},
		Smarthosts: []SmarthostHealth{{Address: "relais.ville.example:587", Down: true, Failed: looked, Fault: "connection refused there"}},
	})
	check(t, h.d.Store.SeeNode(t.Context(), "noeud-3", `{"Mailboxes": "of another version"}`))
	a := p.get("/passerelle").says(t, http.StatusOK, ">nœud noeud-1<", ">nœud noeud-2<", "login refused &lt;b&gt;", "connection refused there", "Nœud noeud-2", "Nœud noeud-3")
	if strings.Count(a.Body, "Nœud noeud-1") > 0 {
		t.Error("this node is told as another")
	}
	h.clock.add(2 * time.Minute)
	silent := strings.Count(h.signedIn(h.admin).get("/passerelle").Body, `class="bad"`) - strings.Count(a.Body, `class="bad"`)
	if silent != 2 {
		t.Errorf("%d more ill than two nodes that are silent", silent)
	}
}

func TestTheStateOfTheGatewayInABrowser(t *testing.T) {
	h := newHouse(t)
	h.dialled()
	h.d.Node = "noeud-1"
	h.elsewhere("noeud-2", h.health.shown)
	for _, view := range []browser.View{browser.Desktop(), browser.Phone().WithoutScript()} {
		h.enter(view, h.admin).Go(h.site.URL + "/passerelle").Says("Relais secours.ville.example:25").Fits().Axe().Shoot("passerelle-sante")
	}
}
