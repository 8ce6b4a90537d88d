package console

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"vaguemestre/gateway"
	"vaguemestre/gateway/intake"
	"vaguemestre/gateway/message"
	"vaguemestre/gateway/store"
)

// drafts stores a draft, with files that hold their own names.
func (h *house) drafts(d gateway.Draft, files ...string) gateway.Draft {
	h.t.Helper()
	var pieces []store.DraftPiece
	for _, name := range files {
		p := store.DraftPiece{DraftFile: gateway.DraftFile{ID: gateway.NewID(h.clock.now()), File: gateway.File{Name: name, MediaType: "text/plain"}}, Content: h.d.Store.Spool()}
		_, _ = io.WriteString(p.Content, name)
		pieces = append(pieces, p)
	}
	return must(h.d.Store.PutDraft(context.Background(), d, nil, pieces...))(h.t)
}

// fillIn is the form as a browser without scripts sends it; a name that begins with @ is a file.
func (p *visitor) fillIn(from, path string, pairs ...string) answer {
	p.h.t.Helper()
	page := p.get(from).Body
	field := func(name string) string {
		m := regexp.MustCompile(`name="` + name + `"[^>]* value="([^"]*)"`).FindStringSubmatch(page)
		if m == nil {
			p.h.t.Fatalf("%s has no field %s", from, name)
		}
		return m[1]
	}
	all := append([]string{"form", field("form"), "brouillon", field("brouillon"), "version", field("version")}, pairs...)
	return p.post(path, all...)
}

func (p *visitor) post(path string, pairs ...string) answer {
	p.h.t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	for i := 0; i+1 < len(pairs); i += 2 {
		name, isFile := strings.CutPrefix(pairs[i], "@")
		if isFile {
			part := must(w.CreateFormFile("fichiers", name))(p.h.t)
			_, _ = io.WriteString(part, pairs[i+1])
			continue
		}
		check(p.h.t, w.WriteField(name, pairs[i+1]))
	}
	check(p.h.t, w.Close())
	return p.ask(http.MethodPost, path, nil, func(r *http.Request) {
		r.Body, r.ContentLength = io.NopCloser(&body), int64(body.Len())
		r.Header.Set("Content-Type", w.FormDataContentType())
	})
}

func (h *house) begin() string { return "/consultations/" + h.about.ID.String() + "/nouveau" }

// letter is what a form needs to be sent.
func letterFields(more ...string) []string {
	return append([]string{"type", "libre", "modalite", "ar", "repondre", "non", "adresses", "contact@entreprise-w.example", "objet", "Réunion", "texte", "Bonjour,\nà demain."}, more...)
}

func TestALetterIsWrittenAndSentWithoutScripts(t *testing.T) {
	h := newHouse(t)
	p := h.signedIn(h.victoria)
	p.get(h.begin()).says(t, http.StatusOK, "Nouveau message", "Courrier libre", "[Contenu du message à renseigner]", "Registre des retraits", "Entreprise X")
	saved := p.fillIn(h.begin(), h.begin(), letterFields("registres", "retraits", "@plan.pdf", "%PDF plan", "faire", "joindre")...).leads(t, "/brouillons/")
	at := strings.SplitN(saved.Header.Get("Location"), "?", 2)[0]
	p.get(at).says(t, http.StatusOK, "plan.pdf", "Réunion", "contact@entreprise-w.example", `value="retraits" checked`)
	p.get("/consultations/"+h.about.ID.String()).says(t, http.StatusOK, "Brouillon", at)
	checked := p.fillIn(at, at, letterFields("registres", "retraits", "faire", "verifier")...)
	checked.says(t, http.StatusOK, "Le courrier peut partir vers 3 destinataires", "Entreprise Y", at+"/apercu/courriel")
	sent := p.fillIn(at, at, letterFields("registres", "retraits", "faire", "envoyer")...).leads(t, "/courriers/")
	p.get(sent.Header.Get("Location")).says(t, http.StatusOK, "Le courrier est envoyé", "Réunion", "plan.pdf")

	id := must(gateway.ParseID(strings.SplitN(strings.TrimPrefix(sent.Header.Get("Location"), "/courriers/"), "?", 2)[0]))(t)
	c := must(h.d.Store.Courier(t.Context(), id))(t)
	if c.Door != gateway.DoorConsole || c.Author != h.victoria.ID || !c.Options.Acknowledged || len(h.recipients(c)) != 3 || c.Files[0].Name != "plan.pdf" || c.Files[0].Size != 9 {
		t.Errorf("sent %+v", c)
	}
	p.get(at).leads(t, "/courriers/"+id.String())
	p.post(at, "form", p.token("/compte"), "faire", "envoyer").leads(t, "/courriers/"+id.String())
	h.signedIn(h.bruno).get(at).says(t, http.StatusNotFound)
}

func TestWhatIsRefusedIsSaidInTheFormAndNothingIsLost(t *testing.T) {
	h := newHouse(t)
	p := h.signedIn(h.victoria)
	for name, c := range map[string]struct {
		fields []string
		want   string
	}{
		"placeholder":  {[]string{"texte", "Bonjour [Contenu du message à renseigner]"}, "Contenu du message à renseigner"},
		"no recipient": {[]string{"adresses", ""}, "destinataire"},
		"bad address":  {[]string{"adresses", "pas une adresse"}, "n&#39;est pas une adresse"},
		"locked":       {[]string{"type", "rejet", "modalite", "simple"}, "toujours avec accusé de réception"},
		"no deadline":  {[]string{"type", "complement", "repondre", "oui"}, "demande une date limite"},
		"past":         {[]string{"repondre", "oui", "limite", "2021-03-09T10:00"}, "passée"},
		"sealed":       {[]string{"repondre", "oui", "sceller", "oui"}, "scell"},
		"no hour":      {[]string{"repondre", "oui", "limite", "2027-03-28T02:30"}, "choisissez une autre heure"},
		"nonsense":     {[]string{"repondre", "oui", "limite", "demain"}, "n&#39;est pas une date"},
	} {
		t.Run(name, func(t *testing.T) {
			fields := letterFields("faire", "envoyer")
			for i := 0; i < len(c.fields); i += 2 {
				at := slices.Index(fields, c.fields[i])
				if at < 0 {
					fields = append(fields, c.fields[i], c.fields[i+1])
					continue
				}
				fields[at+1] = c.fields[i+1]
			}
			a := p.fillIn(h.begin(), h.begin(), fields...).says(t, http.StatusUnprocessableEntity, c.want, "Réunion")
			if !strings.Contains(a.Body, `role="alert"`) {
				t.Error("no summary of what is wrong")
			}
		})
	}
	if couriers := must(h.d.Store.Couriers(t.Context(), store.CourierFilter{}))(t); len(couriers) != 3 {
		t.Errorf("%d couriers: something was sent", len(couriers))
	}
}

func TestTwoWhoEditOneDraftAreTold(t *testing.T) {
	h := newHouse(t)
	check(t, h.d.Store.Entitle(t.Context(), h.bruno.ID, h.about.ID))
	d := h.drafts(gateway.Draft{Agent: h.victoria.ID, Consultation: h.about.ID, Type: gateway.Libre, Subject: "À deux", Text: "un"})
	at := "/brouillons/" + d.ID.String()
	victoria, bruno := h.signedIn(h.victoria), h.signedIn(h.bruno)
	stale := []string{"form", victoria.token(at), "brouillon", d.ID.String(), "version", "1"}
	bruno.fillIn(at, at, letterFields("faire", "enregistrer")...).leads(t, at)
	told := victoria.post(at, append(stale, "texte", "Mon texte à moi.", "objet", "À deux", "faire", "envoyer")...)
	told.says(t, http.StatusConflict, "Mon texte à moi.", "modifié dans une autre fenêtre ou par un collègue")
	victoria.fillIn(at, at, letterFields("faire", "enregistrer")...).leads(t, at)
	if now := must(h.d.Store.Draft(t.Context(), d.ID))(t); now.Agent != h.victoria.ID {
		t.Error("who began it changed")
	}
}

func TestPromiseAFormThatIsBegunTakesNoDraftOfAnother(t *testing.T) {
	h := newHouse(t)
	d := h.drafts(gateway.Draft{Agent: h.bruno.ID, Consultation: h.other.ID, Type: gateway.Libre, Subject: "À Bruno", Text: "un"}, "offre.pdf")
	victoria := h.signedIn(h.victoria)
	for _, version := range []string{"1", "0"} {
		victoria.post(h.begin(), append(letterFields("faire", "enregistrer"), "brouillon", d.ID.String(), "version", version)...).says(t, http.StatusForbidden)
		form := victoria.token(h.begin())
		victoria.post(h.begin(), append([]string{"form", form, "brouillon", d.ID.String(), "version", version}, letterFields("faire", "enregistrer")...)...).says(t, http.StatusNotFound)
	}
	if now := must(h.d.Store.Draft(t.Context(), d.ID))(t); now.Consultation != h.other.ID || now.Subject != "À Bruno" || now.Version != d.Version {
		t.Errorf("the draft is now %+v", now)
	}
	never := gateway.NewID(h.clock.now()).String()
	victoria.post(h.begin(), append([]string{"form", victoria.token(h.begin()), "brouillon", never, "version", "7"}, letterFields("faire", "enregistrer")...)...).leads(t, "/brouillons/"+never)
}

func TestAFormThatIsBegunAndComesTwiceIsOneDraft(t *testing.T) {
	h := newHouse(t)
	p := h.signedIn(h.victoria)
	id := gateway.NewID(h.clock.now()).String()
	begun := func(more ...string) answer {
		return p.post(h.begin(), append([]string{"form", p.token(h.begin()), "brouillon", id, "version", "0"}, letterFields(more...)...)...)
	}
	begun("faire", "enregistrer").leads(t, "/brouillons/"+id)
	begun("faire", "enregistrer").leads(t, "/brouillons/"+id)
	told := p.post(h.begin(), "form", p.token(h.begin()), "brouillon", id, "version", "0", "type", "libre", "objet", "Autre", "texte", "Un autre texte.", "faire", "enregistrer")
	told.says(t, http.StatusConflict, "Un autre texte.", `action="/brouillons/`+id+`"`, `name="version" value="1"`)
	if all := must(h.d.Store.Drafts(t.Context(), h.about.ID))(t); len(all) != 1 || all[0].Version != 1 {
		t.Errorf("%+v", all)
	}
}

func TestPromiseAFormOfManySmallFieldsIsBounded(t *testing.T) {
	h := newHouse(t)
	p := h.signedIn(h.victoria)
	fields := []string{"form", p.token(h.begin())}
	for i := range 30_000 {
		fields = append(fields, strconv.Itoa(i), "")
	}
	p.post(h.begin(), fields...).says(t, http.StatusUnprocessableEntity)
}

func TestPromiseADraftIsSentOnceWhoeverPresses(t *testing.T) {
	h := newHouse(t)
	check(t, h.d.Store.Entitle(t.Context(), h.bruno.ID, h.about.ID))
	d := h.drafts(gateway.Draft{Agent: h.victoria.ID, Consultation: h.about.ID, Type: gateway.Libre, Options: gateway.Options{Acknowledged: true}, Subject: "Une fois", Text: "Bonjour.", Recipients: []string{"a@b.example"}})
	at := "/brouillons/" + d.ID.String()
	var press []func() answer
	for i := range 8 {
		p := h.signedIn([]gateway.Agent{h.victoria, h.bruno}[i%2])
		form := p.token(at)
		press = append(press, func() answer {
			return p.post(at, "form", form, "version", "1", "type", "libre", "modalite", "ar", "repondre", "non", "adresses", "a@b.example", "objet", "Une fois", "texte", "Bonjour.", "faire", "envoyer")
		})
	}
	var group sync.WaitGroup
	answers := make([]answer, len(press))
	for i := range press {
		group.Go(func() { answers[i] = press[i]() })
	}
	group.Wait()
	sent := must(h.d.Store.Couriers(t.Context(), store.CourierFilter{Search: "fois"}))(t)
	if len(sent) != 1 {
		t.Fatalf("%d couriers", len(sent))
	}
	for _, a := range answers {
		a.leads(t, "/courriers/"+sent[0].ID.String())
	}
}

func TestADraftThatCameByMailOpensWithItsTextFilesAndRecipients(t *testing.T) {
	h := newHouse(t)
	spool := h.d.Store.Spool()
	defer spool.Discard()
	fmt.Fprintf(spool, "From: %s\r\nSubject: De mon logiciel\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Bonjour <b>vous</b><script>alert(1)</script></p>\r\n--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=cahier.pdf\r\n\r\n%%PDF\r\n--b--\r\n", h.victoria.Addresses[0])
	receipt, err := h.d.Intake.Submit(t.Context(), intake.Submission{Agent: h.victoria, Door: gateway.DoorSMTP, MailFrom: h.victoria.Addresses[0],
		Recipients: []string{"retraits.testesr2020+brouillon@courrier.example", "a@b.example"}, Message: spool})
	check(t, err)
	at := "/brouillons/" + receipt.Draft.ID.String()
	p := h.signedIn(h.victoria)
	a := p.get(at).says(t, http.StatusOK, "De mon logiciel", "cahier.pdf", "&lt;b&gt;vous&lt;/b&gt;", `value="retraits" checked`, "a@b.example")
	if strings.Contains(a.Body, "alert(1)") {
		t.Error("a script came through")
	}
	p.get(at).says(t, http.StatusOK, "cahier.pdf")
	if d := must(h.d.Store.Draft(t.Context(), receipt.Draft.ID))(t); !d.Content.IsZero() || len(d.Files) != 1 || !d.Rich {
		t.Errorf("unfolded as %+v", d)
	}
	sent := p.fillIn(at, at, "type", "libre", "modalite", "ar", "repondre", "non", "registres", "retraits", "objet", "De mon logiciel", "texte", "<p>Bonjour <b>vous</b></p><img src=https://suivi.example/x>", "riche", "1", "faire", "envoyer").leads(t, "/courriers/")
	id := must(gateway.ParseID(strings.SplitN(strings.TrimPrefix(sent.Header.Get("Location"), "/courriers/"), "?", 2)[0]))(t)
	raw := must(h.raw(must(h.d.Store.Courier(t.Context(), id))(t).Content))(t)
	m := must(message.Read(bytes.NewReader(raw), int64(len(raw)), message.DefaultLimits()))(t)
	html := must(m.HTML().Text(1000))(t)
	if text := must(m.Text().Text(1000))(t); !strings.Contains(text, "Bonjour vous") || !strings.Contains(html, "<b>vous</b>") || strings.Contains(html, "suivi.example") {
		t.Errorf("%q, %q", text, html)
	}
}

func (h *house) raw(hash gateway.Hash) ([]byte, error) {
	content, err := h.d.Store.OpenContent(context.Background(), hash)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	return io.ReadAll(io.NewSectionReader(content, 0, content.Size()))
}

func TestPromiseNothingTypedIsMoreThanText(t *testing.T) {
	h := newHouse(t)
	p := h.signedIn(h.victoria)
	evil := `"><script>alert(1)</script>`
	saved := p.fillIn(h.begin(), h.begin(), "type", "libre", "modalite", "ar", "repondre", "non", "adresses", evil, "objet", "x\r\nBcc: espion@x.example "+evil, "texte", evil+"</textarea>"+evil, "@"+evil+".txt", "x", "faire", "enregistrer").leads(t, "/brouillons/")
	at := strings.SplitN(saved.Header.Get("Location"), "?", 2)[0]
	for _, page := range []string{at, "/consultations/" + h.about.ID.String()} {
		if a := p.get(page).says(t, http.StatusOK); strings.Contains(a.Body, "<script>alert") {
			t.Errorf("%s runs what was typed", page)
		}
	}
	id := must(gateway.ParseID(strings.TrimPrefix(at, "/brouillons/")))(t)
	spool := h.d.Store.Spool()
	defer spool.Discard()
	v := &visit{console: h.Console, agent: h.victoria, consultation: h.about, draft: must(h.d.Store.Draft(t.Context(), id))(t)}
	if err := h.message(t.Context(), v, spool); err != nil {
		var f *gateway.Fault
		if !errors.As(err, &f) {
			t.Fatal(err)
		}
	}
	head, _, _ := strings.Cut(string(must(io.ReadAll(io.NewSectionReader(spool.ReaderAt(), 0, spool.Size())))(t)), "\r\n\r\n")
	if regexp.MustCompile(`(?im)^bcc:`).MatchString(head) {
		t.Errorf("a field came in by the subject:\n%s", head)
	}
}

func TestAddressesAsPeoplePasteThem(t *testing.T) {
	for text, want := range map[string][]string{
		"":            nil,
		"a@x.example": {"a@x.example"},
		"a@x.example, b@x.example;c@x.example\n d@x.example": {"a@x.example", "b@x.example", "c@x.example", "d@x.example"},
		"\"Dupont, Jean\" <j@x.example>, Zoé <z@x.example>":  {"j@x.example", "z@x.example"},
		"Dupont, Jean <j@x.example>; b@x.example":            {"Dupont", "j@x.example", "b@x.example"},
		"a@x.example b@x.example":                            {"a@x.example", "b@x.example"},
		"rien":                                               {"rien"},
		"<":                                                  {"<"},
	} {
		if got := addressesIn(text); !slices.Equal(got, want) {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func FuzzAddressesIn(f *testing.F) {
	f.Add("a@x.example, \"Dupont, Jean\" <j@x.example>")
	f.Fuzz(func(t *testing.T, text string) {
		for _, one := range addressesIn(text) {
			if strings.ContainsAny(one, "\r\n") {
				t.Errorf("%q from %q", one, text)
			}
		}
	})
}
