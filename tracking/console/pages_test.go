package console

import (
	"bufio"
	"context"
	"encoding/csv"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"vaguemestre/deploy/sandbox/browser"
	"vaguemestre/gateway"
	"vaguemestre/gateway/intake"
	"vaguemestre/gateway/seal"
)

// kinds lists what happened to a courier, in order.
func (h *house) kinds(c gateway.Courier) (list []gateway.EventKind) {
	h.t.Helper()
	for _, e := range must(h.d.Store.Events(context.Background(), c.ID, gateway.ID{}))(h.t) {
		list = append(list, e.Kind)
	}
	return list
}

func (h *house) count1(c gateway.Courier, kind gateway.EventKind) (n int) {
	h.t.Helper()
	for _, k := range h.kinds(c) {
		if k == kind {
			n++
		}
	}
	return n
}

func TestTheConsultationsOfTheAgentAreListedWithWhatAwaitsThem(t *testing.T) {
	h := newHouse(t)
	h.alive()
	h.replies(h.recipients(h.rejection)[0], time.Time{}, "Re: rejet", "Pourquoi ?")
	p := h.signedIn(h.victoria)
	a := p.get("/").says(t, 200, "TESTESR2020", "reste 2 jours", "1 envoi en échec", "1 réponse à lire")
	if strings.Contains(a.Body, "AUTRE1") {
		t.Error("another's consultation is listed")
	}
	p.get("/?q=numérique+TEST").says(t, 200, "TESTESR2020")
	if strings.Contains(p.get("/?q=absente").Body, "/consultations/") {
		t.Error("a search that matches nothing lists something")
	}
	about := h.about
	about.Archived = h.clock.now()
	must(h.d.Store.PutConsultation(context.Background(), about))(t)
	p.get("/").says(t, 200, "1 consultation archivée")
	p.get("/?archivees=1").says(t, 200, "TESTESR2020", "Archivée")
}

// TestEveryPageLeadsHome: also the page of what does not exist.
func TestEveryPageLeadsHome(t *testing.T) {
	h := newHouse(t)
	p := h.signedIn(h.victoria)
	for path, status := range map[string]int{"/": 200, "/courriers/" + h.theirs.ID.String(): 404, "/nulle-part": 404} {
		p.get(path).says(t, status, `<strong><a href="/">`)
	}
}

// TestADraftIsDeletedWhenItIsMeant: nothing goes before a second press.
func TestADraftIsDeletedWhenItIsMeant(t *testing.T) {
	h := newHouse(t)
	h.drafts(gateway.Draft{Agent: h.victoria.ID, Consultation: h.about.ID, Type: gateway.Libre, Subject: "À jeter", Text: "un"})
	p := h.enter(browser.Phone().WithoutScript(), h.victoria)
	p.Go(h.site.URL + "/consultations/" + h.about.ID.String()).Click(".asked summary").Says("Le brouillon et ses fichiers seront perdus").Fits().Axe().Shoot("brouillon-supprimer")
	p.Press(".asked button").Says("Le brouillon est supprimé")
	if left := must(h.d.Store.Drafts(t.Context(), h.about.ID))(t); len(left) != 0 {
		t.Errorf("%+v", left)
	}
}

func TestTheClockCountsFromTheLastRejectionThatLeft(t *testing.T) {
	h := newHouse(t)
	p, path := h.signedIn(h.victoria), "/consultations/"+h.about.ID.String()
	p.get(path).says(t, 200, "courrier de rejet n&#39;est pas encore parti")
	r := h.recipients(h.rejection)[0]
	sent := h.happens(gateway.Sent, r, gateway.ByRelay, gateway.RelayDetails{})
	day := sent.Occurred.In(h.about.Location()).AddDate(0, 0, 11)
	p.get(path).says(t, 200, "ne peut pas être signé avant le", day.Format("2006")+"\u00a0: 11 jours", "R. 2182-1")
	h.happens(gateway.Failed, r, gateway.ByReport, gateway.ReportDetails{})
	p.get(path).says(t, 200, "courrier de rejet n&#39;a pas pu être remis", "n&#39;est pas assuré")
}

func TestTheFollowUpFiltersAndPages(t *testing.T) {
	h := newHouse(t)
	h.alive()
	p, path := h.signedIn(h.victoria), "/consultations/"+h.about.ID.String()
	for query, want := range map[string][2]bool{ // the rejection, the one to many
		"": {true, true}, "?statut=read": {true, true}, "?statut=delivered": {}, "?statut=failed": {false, true}, "?type=rejet": {true, false},
		"?type=rejet&statut=failed": {}, "?du=2001-01-01&au=2001-02-01": {}, "?du=n%27importe": {true, true}, "?statut=inconnu": {true, true},
		"?apres=%27": {true, true}, "?tri=ancien": {true, true}, "?statut=draft": {},
	} {
		a := p.get(path+query).says(t, 200)
		got := [2]bool{strings.Contains(a.Body, "/courriers/"+h.rejection.ID.String()), strings.Contains(a.Body, "/courriers/"+h.many.ID.String())}
		if got != want {
			t.Errorf("%s: %v, want %v", query, got, want)
		}
	}
	for range pageLength {
		h.send(h.victoria, "Encore un", "texte", "testesr2020+libre@courrier.example", "contact@entreprise-x.example")
	}
	a := p.get(path)
	if strings.Contains(a.Body, "/courriers/"+h.rejection.ID.String()) {
		t.Fatal("all on one page")
	}
	next := strings.SplitN(strings.SplitN(a.Body, `rel="next" href="`, 2)[1], `"`, 2)[0]
	p.get(strings.ReplaceAll(next, "&amp;", "&")).says(t, 200, "/courriers/"+h.rejection.ID.String(), "Première page")
}

func TestASearchFindsSubjectTextAndRecipientSoonAfterAcceptance(t *testing.T) {
	h := newHouse(t)
	p, path := h.signedIn(h.victoria), "/consultations/"+h.about.ID.String()
	found := func(query string) bool {
		return strings.Contains(p.get(path+query).says(t, 200).Body, "/courriers/"+h.rejection.ID.String())
	}
	for !found("?q=rejet") { // the words are written a moment after acceptance
		if !h.rest(t.Context(), 20*time.Millisecond) {
			t.Fatal("the words are never written")
		}
	}
	for query, want := range map[string]bool{
		"?q=REGRET+annoncer": true, "?q=lafibre64": true, "?q=motifs": true, "?destinataire=victoria.brun": true, "?destinataire=regret": false,
		"?q=absent": false, "?q=regret&type=libre": false, "?q=regret&statut=underway": true,
	} {
		if got := found(query); got != want {
			t.Errorf("%s: %v", query, got)
		}
	}
	if strings.Contains(p.get(path+"?q=confidentiel").Body, h.theirs.ID.String()) {
		t.Error("another consultation's courier is found")
	}
}

func TestTheExportIsWholeAndHoldsNoFormula(t *testing.T) {
	h := newHouse(t)
	h.alive()
	h.send(h.victoria, `=HYPERLINK("http://mal.example","x")`, "texte", "testesr2020+libre@courrier.example", "+33@mal.example")
	p := h.signedIn(h.victoria)
	a := p.get("/consultations/"+h.about.ID.String()+"/suivi.csv").says(t, 200)
	if !strings.HasPrefix(a.Body, "\ufeffCourrier;") || !strings.Contains(a.Header.Get("Content-Disposition"), "suivi-testesr2020.csv") {
		t.Errorf("%.40q, %s", a.Body, a.Header.Get("Content-Disposition"))
	}
	r := csv.NewReader(strings.NewReader(strings.TrimPrefix(a.Body, "\ufeff")))
	r.Comma = ';'
	rows := must(r.ReadAll())(t)
	if len(rows) != 1+1+3+1 {
		t.Fatalf("%d lines", len(rows))
	}
	for _, row := range rows {
		for _, cell := range row {
			if strings.ContainsAny(cell[:min(1, len(cell))], "=+-@\t\r") {
				t.Errorf("a formula: %q", cell)
			}
		}
	}
	for cell, want := range map[string]string{"=1+1": "'=1+1", "  @x": "'  @x", "-2": "'-2", "\t=x": "' =x", "texte": "texte", "a=b": "a=b", "": "", "＝1": "'＝1"} {
		if got := harmless(cell); got != want {
			t.Errorf("%q becomes %q", cell, got)
		}
	}
}

func TestPromiseWhatPeopleWroteNeverRuns(t *testing.T) {
	h := newHouse(t)
	const evil = `"><script>alert(1)</script><img src=x onerror=alert(2)>`
	ctx := context.Background()
	check(t, h.d.Store.PutCompanies(ctx, h.about.ID, []gateway.Company{{Ref: "mal", Name: evil, Addresses: []string{"mal@mal.example"}, Registers: []gateway.Register{gateway.Retraits}}}, 0))
	c := h.send(h.victoria, evil, evil, "testesr2020+libre@courrier.example", "mal@mal.example")
	r := h.recipients(c)[0]
	h.happens(gateway.Failed, r, gateway.ByReport, gateway.ReportDetails{Diagnostic: evil, ReportingMTA: evil}, h.keep(evil))
	reply := h.replies(r, time.Time{}, evil, evil)
	p := h.signedIn(h.victoria)
	about := "/consultations/" + h.about.ID.String()
	for _, path := range []string{
		about, about + "?q=" + url.QueryEscape(evil), about + "?destinataire=" + url.QueryEscape(evil) + "&statut=" + url.QueryEscape(evil) + "&type=" + url.QueryEscape(evil),
		about + "?du=" + url.QueryEscape(evil) + "&tri=" + url.QueryEscape(evil) + "&apres=" + url.QueryEscape(evil), "/?q=" + url.QueryEscape(evil),
		"/courriers/" + c.ID.String(), "/courriers/" + c.ID.String() + "/reponses/" + reply.ID.String(), "/courriers/" + c.ID.String() + "?fait=" + url.QueryEscape(evil),
		"/compte?fait=" + url.QueryEscape(evil),
	} {
		a := p.get(path).says(t, 200)
		if strings.Contains(a.Body, "<script>alert") || strings.Contains(a.Body, "<img src=x") {
			t.Errorf("%s runs what was written", path)
		}
		if csp := a.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: policy %q", path, csp)
		}
	}
	if a := h.visitor().get("/connexion?suite=" + url.QueryEscape(evil)); strings.Contains(a.Body, "<script>alert") {
		t.Error("the page of signing in runs what was given")
	}
}

func TestPromiseALettersHTMLIsShownInAFrameThatRunsNothing(t *testing.T) {
	h := newHouse(t)
	spool := h.d.Store.Spool()
	defer spool.Discard()
	_, _ = spool.Write([]byte("From: victoria@ville.example\r\nSubject: html\r\nMessage-ID: <html@ville.example>\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Bonjour <b>à vous</b></p><script>alert(1)</script><img src=\"https://traceur.example/x.gif\"><form action=\"https://mal.example\"><input></form>\r\n"))
	receipt := must(h.d.Intake.Submit(context.Background(), intake.Submission{Agent: h.victoria, Door: gateway.DoorSMTP, MailFrom: "victoria@ville.example",
		Recipients: []string{"testesr2020+libre@courrier.example", "contact@entreprise-x.example"}, Message: spool}))(t)
	p := h.signedIn(h.victoria)
	path := "/courriers/" + receipt.Courier.ID.String()
	p.get(path).says(t, 200, `sandbox="allow-popups allow-popups-to-escape-sandbox"`)
	a := p.get(path+"/texte").says(t, 200, "<b>à vous</b>")
	if strings.Contains(a.Body, "script") || strings.Contains(a.Body, "traceur") || strings.Contains(a.Body, "<form") || !strings.Contains(a.Header.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("%s\n%s", a.Header.Get("Content-Security-Policy"), a.Body)
	}
}

func TestWhatIsDoneFromThePageIsDoneOnceWithItsAuthor(t *testing.T) {
	h := newHouse(t)
	h.alive()
	p := h.signedIn(h.victoria)
	fresh := h.send(h.victoria, "À relancer", "texte", "testesr2020+libre@courrier.example", "contact@entreprise-x.example")
	r, path := h.recipients(fresh)[0], "/courriers/"+fresh.ID.String()
	at := path + "/destinataires/" + r.ID.String()
	p.send(path, at+"/retirer", "motif", "x").says(t, http.StatusConflict, "pas encore parti")
	h.happens(gateway.Sent, r, gateway.ByRelay, gateway.RelayDetails{})
	p.send(path, at+"/annuler", "motif", "x").says(t, http.StatusConflict, "déjà parti")
	p.send(path, at+"/relancer").leads(t, path+"?fait=reminded")
	p.get(path+"?fait=reminded").says(t, 200, "La relance est partie", "Relance")
	p.send(path, path+"/relancer").leads(t, path)
	p.send(path, at+"/retirer", "motif", "Erreur\r\nBcc: x").leads(t, path+"?fait=withdrawn")
	p.send(path, at+"/relancer").says(t, http.StatusConflict, "déjà été annulé ou retiré")
	if h.count1(fresh, gateway.Reminded) != 2 || h.count1(fresh, gateway.Withdrawn) != 1 {
		t.Error(h.kinds(fresh))
	}
	for _, e := range must(h.d.Store.Events(context.Background(), fresh.ID, r.ID))(t) {
		if e.Kind == gateway.Withdrawn && (e.Actor != "agent:victoria" || e.Strength != gateway.ByAgent || !strings.Contains(string(e.Details), "Erreur Bcc: x")) {
			t.Errorf("%+v %s", e, e.Details)
		}
	}
	queued := h.send(h.victoria, "À annuler", "texte", "testesr2020+libre@courrier.example", "contact@entreprise-x.example")
	p.send("/compte", "/courriers/"+queued.ID.String()+"/annuler", "motif", "x").leads(t, "/courriers/"+queued.ID.String()+"?fait=cancelled")
	failed := h.recipients(h.many)[2]
	p.send("/compte", "/courriers/"+h.many.ID.String()+"/destinataires/"+failed.ID.String()+"/renvoyer").leads(t, "/courriers/"+h.many.ID.String()+"?fait=retried")
}

// TestPromiseGradedTheConsoleSaysWhatCannotBeConfirmed: where the relay offers no delivery reports, and nowhere else.
func TestPromiseGradedTheConsoleSaysWhatCannotBeConfirmed(t *testing.T) {
	for _, reports := range []bool{true, false} {
		h := newHouse(t)
		p := h.signedIn(h.victoria)
		c := h.send(h.victoria, "Visite", "texte", "testesr2020+libre@courrier.example", "contact@entreprise-x.example")
		h.happens(gateway.Sent, h.recipients(c)[0], gateway.ByRelay, gateway.RelayDetails{Host: "relais", Code: 250, Reply: "ok", DSN: reports})
		page := p.get("/courriers/" + c.ID.String())
		if said := strings.Contains(strings.ToLower(page.Body), "remise non confirmable"); page.Status != 200 || said == reports {
			t.Errorf("reports %v: %d\n%s", reports, page.Status, page.Body)
		}
	}
}

func TestPromiseACorrectedAddressJoinsTheSameCourier(t *testing.T) {
	h := newHouse(t)
	h.alive()
	p, path := h.signedIn(h.victoria), "/courriers/"+h.many.ID.String()
	at := path + "/destinataires/" + h.recipients(h.many)[2].ID.String() + "/corriger"
	for typed, want := range map[string]string{"": "Indiquez", "testesr2020+rejet@courrier.example": "Indiquez", "CONTACT@entreprise-x.example": "déjà été envoyé"} {
		p.send(path, at, "adresse", typed).says(t, http.StatusUnprocessableEntity, want)
	}
	p.send(path, at, "adresse", "retrouve@entreprise-z.example").leads(t, path+"?fait=corrected")
	recipients := h.recipients(h.many)
	if len(recipients) != 4 || recipients[3].Address != "retrouve@entreprise-z.example" || recipients[2].Standing.State != gateway.StateFailed {
		t.Errorf("%+v", recipients)
	}
	check(t, h.d.Store.Entitle(context.Background(), h.bruno.ID, h.about.ID))
	h.signedIn(h.bruno).send("/compte", at, "adresse", "autre@entreprise-z.example").says(t, http.StatusUnprocessableEntity, "Seul l&#39;auteur")
}

func TestReadingAReplyIsAnEventAndAnsweringIsALetterInTheThread(t *testing.T) {
	h := newHouse(t)
	h.alive()
	reply := h.replies(h.recipients(h.rejection)[0], time.Time{}, "Re: rejet", "Quels motifs ?")
	p, path := h.signedIn(h.victoria), "/courriers/"+h.rejection.ID.String()+"/reponses/"+reply.ID.String()
	ahead := func(r *http.Request) { r.Header.Set("Sec-Purpose", "prefetch") }
	p.ask(http.MethodGet, path, nil, ahead).says(t, 404)
	if n := h.count1(h.rejection, gateway.Opened); n != 0 {
		t.Fatalf("%d openings before anybody read", n)
	}
	for range 2 {
		p.get(path).says(t, 200, "Quels motifs ?", "mailto:courrier%2Bf-")
	}
	p.get(path+"/fichiers/1/offre.txt").says(t, 200, "le prix")
	p.get(path+"/fichiers/2/x").says(t, 404)
	p.get(path+"/message").says(t, 200, "Content-Type: multipart/mixed")
	if n := h.count1(h.rejection, gateway.Opened); n != 1 {
		t.Errorf("%d openings by one agent", n)
	}
	p.send(path, path+"/repondre", "texte", "   ").says(t, http.StatusUnprocessableEntity, "Écrivez votre réponse")
	form := url.Values{"form": {p.token(path)}, "texte": {"Bonjour,\nvoici les motifs.\n"}}
	first := p.ask("POST", path+"/repondre", form)
	first.leads(t, "/courriers/")
	if again := p.ask("POST", path+"/repondre", form); again.Header.Get("Location") != first.Header.Get("Location") {
		t.Error("sent twice, it is two letters")
	}
	id := must(gateway.ParseID(strings.TrimSuffix(strings.TrimPrefix(first.Header.Get("Location"), "/courriers/"), "?fait=answered")))(t)
	sent := must(h.d.Store.Courier(context.Background(), id))(t)
	if sent.Thread != h.rejection.Thread || sent.Subject != "Re: rejet" || sent.Door != gateway.DoorConsole || len(h.recipients(sent)) != 1 || h.recipients(sent)[0].Address != reply.From {
		t.Errorf("%+v", sent)
	}
}

func TestPromiseNothingOfAReplyIsOutOfReach(t *testing.T) {
	h := newHouse(t)
	h.alive()
	p, recipient := h.signedIn(h.victoria), h.recipients(h.rejection)[0]
	at := func(r gateway.Reply) string {
		return "/courriers/" + h.rejection.ID.String() + "/reponses/" + r.ID.String()
	}
	if a := p.get(at(h.replies(recipient, time.Time{}, "Re: rejet", "Quels motifs ?"))).says(t, 200, "Quels motifs ?"); strings.Contains(a.Body, "<details>") {
		t.Error("a text shown whole is shown twice")
	}
	cut := h.replies(recipient, time.Time{}, "Re: rejet", "Quels motifs ?\r\n\r\n> CE QUI EST CITÉ\r\n-- \r\nPaul", "Quels motifs ?")
	p.get(at(cut)).says(t, 200, "Quels motifs ?", "<details><summary>Texte complet", "CE QUI EST CITÉ")
}

func TestPromiseASealedReplyShowsItsNumberAndDateOnly(t *testing.T) {
	h := newHouse(t)
	day := h.clock.now().AddDate(0, 0, 3)
	c := h.send(h.victoria, "Demande de complément", "Merci de compléter.", "testesr2020+complement+scelle+limite-"+day.Format("20060102")+"@courrier.example", "contact@entreprise-x.example")
	reply := h.replies(h.recipients(c)[0], c.Options.Reply.By, "NE PAS VOIR L'OBJET", "NE PAS VOIR LE TEXTE")
	p, path := h.signedIn(h.victoria), "/courriers/"+c.ID.String()
	a := p.get(path).says(t, 200, "1 réponse est sous scellé jusqu&#39;au")
	for _, hidden := range []string{"NE PAS VOIR", "offre.txt", reply.ID.String(), reply.Content.String()} {
		if strings.Contains(a.Body, hidden) {
			t.Errorf("%q shows", hidden)
		}
	}
	p.get("/").says(t, 200, "1 réponse sous scellé")
	var replied gateway.Event
	for _, e := range must(h.d.Store.Events(context.Background(), c.ID, gateway.ID{}))(t) {
		if e.Kind == gateway.Replied {
			replied = e
		}
	}
	for _, to := range []string{"/reponses/" + reply.ID.String(), "/reponses/" + reply.ID.String() + "/message", "/reponses/" + reply.ID.String() + "/fichiers/1/offre.txt", "/evenements/" + replied.ID.String() + "/rapport"} {
		p.get(path+to).says(t, 404)
	}
	p.send(path, path+"/reponses/"+reply.ID.String()+"/repondre", "texte", "x").says(t, 404)
	h.clock.add(5 * 24 * time.Hour)
	p = h.signedIn(h.victoria)
	p.get(path+"/reponses/"+reply.ID.String()).says(t, 404) // its date has come; what opens it has not
	check(t, seal.NewOpener(seal.Options{Now: h.clock.now, Logger: slog.New(slog.DiscardHandler)}, h.vault, h.d.Store).Round(context.Background()))
	p.get(path+"/reponses/"+reply.ID.String()).says(t, 200, "NE PAS VOIR LE TEXTE")
	if h.count1(c, gateway.Opened) != 1 {
		t.Error(h.kinds(c))
	}
}

func TestFilesMessagesReportsAndProofsAreDownloads(t *testing.T) {
	h := newHouse(t)
	h.alive()
	p, path := h.signedIn(h.victoria), "/courriers/"+h.rejection.ID.String()
	for to, want := range map[string]string{"/fichiers/1/motifs.pdf": "%PDF-1.7 motifs", "/message": "Subject: =?utf-8?q?Courrier", "/preuve.pdf": "%PDF-", "/preuve.zip": "PK"} {
		a := p.get(path+to).says(t, 200)
		if !strings.HasPrefix(a.Body, want) && !strings.Contains(a.Body, want) || !strings.HasPrefix(a.Header.Get("Content-Disposition"), "attachment") {
			t.Errorf("%s: %s %.60q", to, a.Header.Get("Content-Disposition"), a.Body)
		}
	}
	p.get(path+"/fichiers/9/x").says(t, 404)
	p.get(path+"/preuve.pdf?destinataire=x").says(t, 404)
	p.get(path+"/preuve.pdf?destinataire="+h.recipients(h.theirs)[0].ID.String()).says(t, 404)
	for _, e := range must(h.d.Store.Events(context.Background(), h.rejection.ID, gateway.ID{}))(t) {
		status, want := 404, ""
		if e.Kind == gateway.Delivered {
			status, want = 200, "rapport de remise"
		}
		p.get(path+"/evenements/"+e.ID.String()+"/rapport").says(t, status, want)
	}
}

// following is a live page, read line by line.
type following struct {
	answer *http.Response
	lines  *bufio.Scanner
	cancel context.CancelFunc
}

func (p *visitor) follow(path string) *following {
	p.h.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	r := must(http.NewRequestWithContext(ctx, http.MethodGet, p.h.site.URL+path, nil))(p.h.t)
	a := must(p.client.Do(r))(p.h.t)
	s := &following{a, bufio.NewScanner(a.Body), cancel}
	p.h.t.Cleanup(s.close)
	s.until(p.h.t, ": followed")
	return s
}

func (s *following) close() {
	s.cancel()
	_ = s.answer.Body.Close()
}

func (s *following) until(t testing.TB, line string) {
	t.Helper()
	for s.lines.Scan() {
		if s.lines.Text() == line {
			return
		}
	}
	t.Fatalf("the stream ends before %q", line)
}

// ends waits for the end of the stream.
func (s *following) ends() {
	for s.lines.Scan() {
	}
}

func TestALivePageIsToldOfChangesAndEndsWithItsRightToThem(t *testing.T) {
	h := newHouse(t)
	p, path := h.signedIn(h.victoria), "/consultations/"+h.about.ID.String()+"/direct"
	if a := p.ask(http.MethodGet, "/consultations/"+h.other.ID.String()+"/direct", nil); a.Status != 404 {
		t.Error(a.Status)
	}
	told := p.follow(path)
	h.happens(gateway.Sent, h.recipients(h.rejection)[0], gateway.ByRelay, gateway.RelayDetails{})
	told.until(t, "event: change")
	check(t, h.d.Store.Revoke(context.Background(), h.victoria.ID, h.about.ID))
	h.happens(gateway.Delivered, h.recipients(h.rejection)[0], gateway.ByReport, gateway.ReportDetails{})
	told.until(t, "event: end")
	told.ends()

	check(t, h.d.Store.Entitle(context.Background(), h.victoria.ID, h.about.ID))
	out := p.follow(path)
	p.send("/compte", "/deconnexion").leads(t, "/connexion")
	h.happens(gateway.Read, h.recipients(h.rejection)[0], gateway.ByButton, gateway.ReadDetails{})
	out.until(t, "event: end")

	last := h.signedIn(h.victoria).follow(path)
	h.Drain()
	last.ends()
}
