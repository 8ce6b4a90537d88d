package console

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"vaguemestre/deploy/sandbox/browser"
	"vaguemestre/gateway"
	"vaguemestre/gateway/seal"
)

// unplaced puts a mail in quarantine.
func (h *house) unplaced(raw string) gateway.Inbound {
	h.t.Helper()
	spool := h.d.Store.Spool()
	defer spool.Discard()
	_, _ = io.WriteString(spool, raw)
	in, _, err := h.d.Store.Receive(context.Background(), gateway.Inbound{Account: "principal"}, spool)
	check(h.t, err)
	field := func(name string) string {
		_, rest, _ := strings.Cut(raw, name+": ")
		value, _, _ := strings.Cut(rest, "\r\n")
		return value
	}
	in.State, in.Class, in.Reason, in.From, in.Subject = gateway.InboundQuarantined, "reply", "about no letter of this gateway", field("From"), field("Subject")
	check(h.t, h.d.Store.Apply(context.Background(), gateway.Step{Inbound: &in}))
	return in
}

const hostile = "From: contact@entreprise-x.example\r\nTo: courrier@courrier.example\r\nSubject: <script>alert(1)</script>\r\n" +
	"X-Hostile: \"><img src=x onerror=alert(2)>\r\nMIME-Version: 1.0\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" +
	"<p>Nous maintenons notre offre.</p><script>alert(3)</script><img src=\"https://pisteur.example/x.gif\"><form action=/passerelle>&lt;b&gt;"

func TestHostileMailInQuarantineIsText(t *testing.T) {
	h := newHouse(t)
	in := h.unplaced(hostile)
	p := h.signedIn(h.admin)
	for _, at := range []string{"/passerelle/quarantaine", mailPath(in.ID)} {
		a := p.get(at).says(t, http.StatusOK, "&lt;script&gt;alert(1)", "aucun courrier de cette passerelle")
		for _, bad := range []string{"<script>alert", "<img", "pisteur.example/x.gif\"", "<b>", "<form action=/passerelle>"} {
			if strings.Contains(a.Body, bad) {
				t.Errorf("%s: %s stands in the page", at, bad)
			}
		}
	}
	p.get(mailPath(in.ID)).says(t, http.StatusOK, "Nous maintenons notre offre.", "&lt;img src=x onerror=alert(2)&gt;")
	raw := p.get(mailPath(in.ID) + "/message")
	if raw.Body != hostile || !strings.HasPrefix(raw.Header.Get("Content-Disposition"), "attachment") || raw.Header.Get("Content-Type") != "application/octet-stream" ||
		!strings.Contains(raw.Header.Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("the raw mail: %v", raw.Header)
	}
	if !strings.Contains(h.log.String(), "mail in quarantine read\" actor=administrator:admin") {
		t.Error("nothing says who read it")
	}
}

// known waits until people can be looked for.
func (h *house) known() {
	h.t.Helper()
	h.until("who was written to", func() bool {
		return len(must(h.d.Store.RecipientsLike(h.t.Context(), "entreprise", 10))(h.t)) == 4
	})
}

func TestAMailIsMatchedByHandOrDismissed(t *testing.T) {
	h := newHouse(t)
	h.known()
	in, p := h.unplaced(hostile), h.signedIn(h.admin)
	at, letter := mailPath(in.ID), h.recipients(h.many)[0]
	a := p.get(at).says(t, http.StatusOK, "Entreprise X", "TESTESR2020", letter.ID.String())
	if strings.Contains(a.Body, h.many.Subject) {
		t.Error("an administrator who is entitled to nothing sees what letters are about")
	}
	if strings.Contains(a.Body, "marches@entreprise-y.example") {
		t.Error("letters to others are offered")
	}
	p.get(at+"?destinataire=entreprise+y").says(t, http.StatusOK, "marches@entreprise-y.example")
	p.get(at+"?destinataire=nulle-part").says(t, http.StatusOK, "Aucun envoi")
	p.send(at, at+"/rapprocher", "motif", "téléphone").says(t, http.StatusConflict, "Choisissez l&#39;envoi")
	p.send(at, at+"/rapprocher", "destinataire", h.about.ID.String(), "motif", "téléphone").says(t, http.StatusConflict, "Choisissez l&#39;envoi")
	p.send(at, at+"/rapprocher", "destinataire", letter.ID.String()).says(t, http.StatusConflict, "Indiquez le motif")
	if !h.matched.mail.IsZero() {
		t.Fatal("it is matched without a reason")
	}
	p.send(at, at+"/rapprocher", "destinataire", letter.ID.String(), "motif", "l'entreprise l'a dit au téléphone").leads(t, "/passerelle/quarantaine?fait=mail-matched")
	if m := h.matched; m.mail != in.ID || m.recipient != letter.ID || m.by.Actor != "administrator:admin" || m.by.Reason != "l'entreprise l'a dit au téléphone" {
		t.Errorf("%+v", m)
	}
	h.matched.err = gateway.ErrFenced
	p.send(at, at+"/rapprocher", "destinataire", letter.ID.String(), "motif", "encore").leads(t, "/passerelle/quarantaine?fait=mail-settled")

	p.send(at, at+"/classer", "motif", "").says(t, http.StatusConflict, "Indiquez le motif")
	p.send(at, at+"/classer", "motif", "publicité").leads(t, "/passerelle/quarantaine?fait=mail-dismissed")
	for _, path := range []string{at, at + "/message"} {
		p.get(path).says(t, http.StatusNotFound)
	}
	p.get("/passerelle/quarantaine").says(t, http.StatusOK, "Aucun message")
	if kept := must(h.d.Store.Inbound(t.Context(), in.ID))(t); kept.State != gateway.InboundDismissed || kept.Reason != "administrator:admin: publicité" {
		t.Errorf("%+v", kept)
	}
}

// maybeSealed puts a mail in quarantine that came while answers were sealed.
func (h *house) maybeSealed(raw string, until time.Time) gateway.Inbound {
	h.t.Helper()
	spool := h.d.Store.Spool()
	defer spool.Discard()
	_, _ = spool.Write(must(h.vault.Seal([]byte(raw)))(h.t))
	in, _, err := h.d.Store.Receive(h.t.Context(), gateway.Inbound{Account: "principal", Opens: gateway.Micros(until)}, spool)
	check(h.t, err)
	in.State, in.Class, in.Reason, in.From = gateway.InboundQuarantined, "reply", "about no letter of this gateway", "contact@entreprise-x.example"
	check(h.t, h.d.Store.Apply(h.t.Context(), gateway.Step{Inbound: &in}))
	return in
}

func TestPromiseSealedUntilMailInQuarantineShowsItsHeaderOnly(t *testing.T) {
	h := newHouse(t)
	in, p := h.maybeSealed(hostile, h.clock.now().Add(time.Hour)), h.signedIn(h.admin)
	p.get("/passerelle/quarantaine").says(t, http.StatusOK, "(objet sous scellés)")
	a := p.get(mailPath(in.ID)).says(t, http.StatusOK, "contact@entreprise-x.example", "sous scellés", "X-Hostile", "&lt;script&gt;alert(1)")
	b := p.get(mailPath(in.ID)+"/message").says(t, http.StatusConflict, "sous scellés")
	if strings.Contains(a.Body+b.Body, "maintenons") {
		t.Error("what may be a sealed answer shows")
	}
	h.clock.add(50 * time.Minute)
	p.get(mailPath(in.ID)).says(t, http.StatusOK, "sous scellés")
	h.clock.add(11 * time.Minute)
	check(t, seal.NewOpener(seal.Options{Now: h.clock.now, Logger: h.o.Logger}, h.vault, h.d.Store).Round(t.Context()))
	p = h.signedIn(h.admin)
	p.get(mailPath(in.ID)).says(t, http.StatusOK, "maintenons")
	p.get("/passerelle/quarantaine").says(t, http.StatusOK, "&lt;script&gt;alert(1)")
}

func TestTheQuarantinesPages(t *testing.T) {
	h := newHouse(t)
	h.known()
	in := h.unplaced(hostile)
	h.unplaced("From: MAILER-DAEMON@mx.entreprise-y.example\r\nSubject: Undelivered Mail\r\n\r\nThe mail could not be delivered.")
	for _, view := range []browser.View{browser.Desktop(), browser.Phone().WithoutScript()} {
		p := h.enter(view, h.admin)
		p.Go(h.site.URL + "/passerelle/quarantaine").Says("Undelivered Mail").Fits().Axe().Shoot("passerelle-quarantaine")
		p.Go(h.site.URL+mailPath(in.ID)).Says("Rattacher", "Nous maintenons").Fits().Axe().Shoot("passerelle-message")
	}
}
