package console

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/go-rod/rod/lib/input"
	"github.com/go-rod/rod/lib/proto"

	"vaguemestre/deploy/sandbox/browser"
	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// enter opens a browser in which an agent is signed in.
func (h *house) enter(v browser.View, agent gateway.Agent) *browser.Page {
	h.t.Helper()
	page := chromium.Open(h.t, v)
	page.Go(h.site.URL+"/connexion").Type("#login", agent.Login).Type("#password", testPassword)
	return page.Press(`form[action="/connexion/mot-de-passe"] button`)
}

// shows waits until an element says something.
func shows(t *testing.T, p *browser.Page, selector, text string) {
	t.Helper()
	if _, err := p.ElementR(selector, text); err != nil {
		t.Fatalf("%s does not say %q: %v\n%s", selector, text, err, p.Text())
	}
}

// The manual, I.1 to I.7: the form, its options, its recipients, its text, the block, the files, saving and sending.
func TestManualNewMessage(t *testing.T) {
	h := newHouse(t)
	p := h.enter(browser.Desktop(), h.victoria)
	p.Go(h.site.URL+"/consultations/"+h.about.ID.String()).Says("Envoyer un message", "Envoyer une invitation à concourir")
	p.Press(`a[href$="/nouveau"]`).Says("Nouveau message", "Référence", "TESTESR2020", "Date et heure limite de remise des plis").Fits().Axe().Shoot("manuel-I-nouveau-message")

	p.Find("#type").MustSelect("Courrier de rejet")
	p.Press("#modele").Says("Nouveau message")
	if !p.Find(`input[name="modalite"][value="simple"]`).MustProperty("disabled").Bool() {
		t.Error("a rejection can be sent without acknowledgement")
	}
	p.Shoot("manuel-I-1-type")

	p.Find("#type").MustSelect("Demande de complément")
	p.Press("#modele").Says("Date limite de réponse")
	p.Shoot("manuel-I-2-options")

	p.Find("#type").MustSelect("Courrier libre")
	p.Press("#modele")
	p.Find(`input[name="registres"]`).MustClick()
	p.Type("#ajouter", "marches@entreprise-z.example").Key(input.Enter)
	p.Find("details summary").MustClick()
	p.Shoot("manuel-I-3-destinataires")

	p.Click("#editeur")
	p.MustEval(`() => getSelection().selectAllChildren(document.getElementById("editeur"))`)
	p.MustInsertText("Bonjour, la réunion est avancée.")
	p.Find(`[data-do="bold"]`).MustClick()
	p.MustInsertText(" À demain.")
	p.Shoot("manuel-I-4-corps")

	file := filepath.Join(t.TempDir(), "cahier des charges.pdf")
	check(t, os.WriteFile(file, []byte("%PDF-1.7 cahier"), 0o600))
	p.Find("#fichiers").MustSetFiles(file)
	shows(t, p, "#envois", "cahier des charges.pdf")
	shows(t, p, "#total", `Poids total\s: 15\soctets sur 60\sMo`)
	p.Shoot("manuel-I-6-pieces-jointes")

	p.Press(`button[value="verifier"]`).Says("Prêt à partir", "peut partir vers 3 destinataires", "Contrôles").Fits().Axe().Shoot("manuel-I-7-verifier")
	p.Press(`button[value="envoyer"]:not(.hidden)`).Says("Le courrier est envoyé", "cahier des charges.pdf").Shoot("manuel-I-7-envoye")
	sent := must(h.d.Store.Couriers(t.Context(), store.CourierFilter{Limit: 1}))(t)[0]
	if sent.Door != gateway.DoorConsole || len(h.recipients(sent)) != 3 || len(sent.Files) != 1 {
		t.Errorf("%+v", sent)
	}
}

func TestADraftSavesItselfAndComesBack(t *testing.T) {
	h := newHouse(t)
	p := h.enter(browser.Desktop(), h.victoria)
	p.Go(h.site.URL+h.begin()).Type("#objet", "Sans rien presser")
	shows(t, p, "#etat", "Enregistré à")
	drafts := must(h.d.Store.Drafts(t.Context(), h.about.ID))(t)
	if len(drafts) != 1 || drafts[0].Subject != "Sans rien presser" {
		t.Fatalf("%+v", drafts)
	}
	p.Go(h.site.URL+"/consultations/"+h.about.ID.String()).Says("Brouillon", "Sans rien presser").Axe().Shoot("manuel-I-7-brouillon")
}

func TestTheFormOnAPhoneAndInTheDark(t *testing.T) {
	h := newHouse(t)
	for _, v := range []browser.View{browser.Phone(), browser.Phone().InTheDark(), browser.Desktop().WithoutScript(), browser.Desktop().In("en"), browser.Zoomed()} {
		t.Run(v.Name, func(t *testing.T) {
			inner := *h
			inner.t = t
			p := inner.enter(v, h.victoria)
			p.Go(h.site.URL + h.begin()).Shoot("nouveau-message").Fits().Axe()
		})
	}
}

// Every field and button of the form is reached by Tab alone, in the order of the page, and the letter goes by Enter.
func TestTheFormByKeyboardAlone(t *testing.T) {
	h := newHouse(t)
	d := h.drafts(gateway.Draft{Agent: h.victoria.ID, Consultation: h.about.ID, Type: gateway.Libre, Options: gateway.Options{Acknowledged: true}, Subject: "Au clavier", Text: "Bonjour.", Recipients: []string{"a@b.example"}}, "un.txt")
	p := h.enter(browser.Desktop(), h.victoria)
	p.Go(h.site.URL + "/brouillons/" + d.ID.String())
	wanted := map[string]bool{"type": false, "modele": false, "adresses": false, "objet": false, "editeur": false, "fichiers": false, "envoyer": false, "verifier": false, "enregistrer": false, "modalite": false, "repondre": false, "registres": false}
	for range 80 {
		p.Key(input.Tab)
		at := p.MustEval(`() => { const e = document.activeElement; return e.id || e.value || e.name || "" }`).Str()
		name := p.MustEval(`() => document.activeElement.name || ""`).Str()
		for _, seen := range []string{at, name} {
			if _, known := wanted[seen]; known {
				wanted[seen] = true
			}
		}
		if at == "envoyer" {
			break
		}
	}
	for name, seen := range wanted {
		if !seen {
			t.Errorf("Tab never reaches %s", name)
		}
	}
	there := p.WaitNavigation(proto.PageLifecycleEventNameLoad)
	p.Key(input.Enter)
	there()
	p.Says("Le courrier est envoyé")
	h.signedIn(h.victoria).get("/brouillons/"+d.ID.String()).leads(t, "/courriers/")
}

// What Word puts on the clipboard, shortened.
const fromWord = `<html xmlns:o="urn:schemas-microsoft-com:office:office"><head><style>p.MsoNormal{margin:0cm}</style></head><body><!--StartFragment--><p class="MsoNormal" style="mso-margin-top-alt:auto"><b>Notre décision</b><o:p></o:p></p><p class="MsoListParagraph" onclick="alert(1)">note de 62<img src="https://suivi.example/x.png"></p><script>alert(1)</script><!--EndFragment--></body></html>`

func TestWhatIsPastedFromWordIsCleaned(t *testing.T) {
	h := newHouse(t)
	p := h.enter(browser.Desktop(), h.victoria)
	p.Go(h.site.URL + h.begin()).Click("#editeur")
	p.MustEval(`html => {
		getSelection().selectAllChildren(document.getElementById("editeur"));
		const data = new DataTransfer();
		data.setData("text/html", html);
		document.getElementById("editeur").dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
	}`, fromWord)
	shows(t, p, "#editeur", "Notre décision")
	shows(t, p, "#etat", "Enregistré à")
	d := must(h.d.Store.Drafts(t.Context(), h.about.ID))(t)[0]
	if !d.Rich || !strings.Contains(d.Text, "<b>Notre décision</b>") || !strings.Contains(d.Text, "note de 62") {
		t.Errorf("the words are lost: %q", d.Text)
	}
	for _, dirt := range []string{"Mso", "mso", "o:p", "style", "script", "onclick", "img"} {
		if strings.Contains(d.Text, dirt) {
			t.Errorf("%q came through: %q", dirt, d.Text)
		}
	}
}

func TestAFileThatIsDroppedIsAttached(t *testing.T) {
	h := newHouse(t)
	p := h.enter(browser.Desktop(), h.victoria)
	p.Go(h.site.URL + h.begin()).Find("#depot").MustEval(`() => {
		const data = new DataTransfer();
		data.items.add(new File(["plan"], "plan d'accès.txt", { type: "text/plain" }));
		this.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
	}`)
	shows(t, p, "#envois a", "plan d'accès.txt")
	d := must(h.d.Store.Drafts(t.Context(), h.about.ID))(t)[0]
	d = must(h.d.Store.Draft(t.Context(), d.ID))(t)
	if len(d.Files) != 1 || d.Files[0].Name != "plan d'accès.txt" || d.Files[0].Size != 4 {
		t.Errorf("%+v", d.Files)
	}
}
