package console

import (
	"net/http"
	"strings"
	"testing"

	"github.com/go-rod/rod/lib/input"

	"vaguemestre/deploy/sandbox/browser"
	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// keyboard is somebody who has no mouse.
type keyboard struct {
	t *testing.T
	*browser.Page
}

// focused is what the keyboard is on: its identifier, or what it says.
func (k keyboard) focused() string {
	return must(k.Eval(`() => document.activeElement.id || document.activeElement.textContent.trim()`))(k.t).Value.Str()
}

// tab goes on to what is called so. Whatever the keyboard is on is seen to be: it has an outline or a frame of its own.
func (k keyboard) tab(to string) keyboard {
	k.t.Helper()
	for range 120 {
		if k.focused() == to {
			if !must(k.Eval(`() => { const s = getComputedStyle(document.activeElement); return s.outlineStyle !== "none" && s.outlineWidth !== "0px" || s.boxShadow !== "none" }`))(k.t).Value.Bool() {
				k.t.Errorf("nothing shows that the keyboard is on %q", to)
			}
			return k
		}
		k.Key(input.Tab)
	}
	k.t.Fatalf("the keyboard does not reach %q on\n%s", to, k.Text())
	return k
}

// types replaces what a field says.
func (k keyboard) types(text string) keyboard {
	k.t.Helper()
	check(k.t, k.KeyActions().Press(input.ControlLeft).Type(input.KeyA).Do())
	check(k.t, k.InsertText(text))
	return k
}

// enter follows the link or presses the button that the keyboard is on.
func (k keyboard) enter() keyboard {
	k.t.Helper()
	wait := k.MustWaitNavigation()
	k.Key(input.Enter)
	wait()
	return k
}

// signsIn signs an agent in from the page of signing in.
func (h *house) byKeyboard(t *testing.T, agent gateway.Agent) keyboard {
	k := keyboard{t, chromium.Open(t, browser.Desktop()).Go(h.site.URL + "/connexion")}
	k.Key(input.Tab)
	if first := k.focused(); first != "Aller au contenu" {
		t.Fatalf("the first stop is %q", first)
	}
	return k.tab("login").types(agent.Login).tab("password").types(testPassword).enter()
}

// TestWithTheKeyboardAlone signs in, finds a letter that failed and withdraws it, without a mouse.
func TestWithTheKeyboardAlone(t *testing.T) {
	h := newHouse(t)
	h.alive()
	k := h.byKeyboard(t, h.victoria)
	k.tab("TESTESR2020").enter()
	k.tab("tri-subject").enter()
	k.tab("see-" + h.many.ID.String()).enter()
	k.tab("Retirer le courrier…").Key(input.Enter)
	k.tab("reason-withdraw").types("Date erronée").enter()
	k.Says("Le courrier est retiré", "Retrait de la page du courrier")
}

// TestTheGatewayWithTheKeyboardAlone does what administrators do, without a mouse.
func TestTheGatewayWithTheKeyboardAlone(t *testing.T) {
	h := newHouse(t)
	h.known()
	h.faulty(h.rejection, "451 4.3.0 Temporary system problem, try again later")
	in, letter := h.unplaced(hostile), h.recipients(h.many)[0]
	other := h.unplaced("From: pub@ailleurs.example\r\nSubject: Offre\r\n\r\nAchetez.")
	held := h.waiting(h.theirs)
	k := h.byKeyboard(t, h.admin)

	k.tab("Passerelle").enter().Says("État de la passerelle")
	k.tab("File d'envoi").enter()
	k.tab("envoi-" + held.ID.String()).Key(input.Space)
	k.tab("Retenir").enter().Says("Retenir 1 envoi")
	k.tab("motif").types("relais en panne").tab("Retenir").enter().Says("1 envoi est retenu")
	k.tab("Détail " + "victoria.brun@lafibre64.example").enter()
	k.tab("Annuler l'envoi…").Key(input.Enter)
	k.tab("motif-annuler").types("demande du service").tab("Annuler l'envoi").enter().Says("L'envoi est annulé")

	k.tab("Quarantaine").enter()
	k.Go(h.site.URL + mailPath(in.ID))
	k.tab("r-" + letter.ID.String()).Key(input.Space)
	k.tab("motif-rapprocher").types("au téléphone").enter().Says("Le message est rattaché")
	k.Go(h.site.URL + mailPath(other.ID))
	k.tab("motif-classer").types("publicité").enter().Says("Le message est classé")

	k.tab("Agents").enter()
	k.tab("Détail Victoria Brun").enter()
	k.tab("nom").types("Victoria Roy").tab("administrateur").Key(input.Space)
	k.tab("Enregistrer").enter().Says("L'agent est modifié", "administrateur")
	k.tab("Clés").enter()
	k.tab("nom").types("SIM").tab("droit-read").Key(input.Space)
	k.tab("Créer la clé").enter().Says("Copiez-la maintenant")
	if n := len(must(h.d.Store.Jobs(t.Context(), store.JobFilter{Held: true}))(t)); n != 1 || h.matched.recipient != letter.ID {
		t.Errorf("%d held; matched with %s", n, h.matched.recipient)
	}
	if a := must(h.d.Store.Agent(t.Context(), h.victoria.ID))(t); a.Name != "Victoria Roy" || !a.Administrator {
		t.Errorf("%+v", a)
	}
	if log := h.log.String(); !strings.Contains(log, "job cancelled") {
		t.Errorf("the log:\n%s", log)
	}
	h.signedIn(h.admin).get(mailPath(other.ID)).says(t, http.StatusNotFound)
}
