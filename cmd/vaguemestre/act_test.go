package main

import (
	"crypto/tls"
	"io"
	"net/http"
	"strings"
	"testing"

	"vaguemestre/deploy/sandbox"
	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// submit sends one letter and gives its courier's only recipient.
func (i *installation) submit(t *testing.T, s *store.Store, config *tls.Config, id string) gateway.Recipient {
	t.Helper()
	c, w := i.beginData(t, config, id)
	if _, err := io.WriteString(w, strings.ReplaceAll(letter(id, boxOf(id), "Bonjour", "Un courrier.\n"), "\n", "\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.Quit(); err != nil {
		t.Fatal(err)
	}
	courier, err := s.CourierByMessageID(i.ctx, "<"+id+"@acheteur.test>")
	if err != nil {
		t.Fatal(err)
	}
	recipients, err := s.Recipients(i.ctx, courier.ID)
	if err != nil || len(recipients) != 1 {
		t.Fatalf("%d recipients, %v", len(recipients), err)
	}
	return recipients[0]
}

func TestWhatMayStillBeDoneAboutACourier(t *testing.T) {
	i, w, config := installDemoWorld(t, "")
	i.feed()
	i.serve()
	s := i.look()
	r := i.submit(t, s, config, "relance")
	i.event(s, r.Courier, r.Address, gateway.Delivered)
	first, err := w.Wait(i.ctx, r.Address, nil)
	if err != nil {
		t.Fatal(err)
	}

	i.must("", "courier", "remind", r.Courier.String(), "--reason", "pas encore lu")
	second, err := w.Wait(i.ctx, r.Address, func(m *sandbox.Mail) bool { return m.Number > first.Number })
	if err != nil {
		t.Fatal(err)
	}
	link := linkOf(t, first)
	if link == "" || linkOf(t, second) != link {
		t.Errorf("the reminder's link is %q, the letter's %q", linkOf(t, second), link)
	}
	i.event(s, r.Courier, r.Address, gateway.Reminded)

	i.must("", "courier", "withdraw", r.Courier.String(), "--reason", "erreur de pièce")
	answer, err := http.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusGone {
		t.Errorf("the page of a withdrawn courier answers %s", answer.Status)
	}
	if page, err := io.ReadAll(answer.Body); err != nil || !strings.Contains(string(page), "erreur de pièce") {
		t.Errorf("the page does not say why: %v\n%s", err, page)
	}
	if out, err := i.program("", "courier", "withdraw", r.Courier.String(), "--reason", "encore"); err == nil {
		t.Errorf("withdrawn twice: %s", out)
	}
	if out := i.must("", "courier", "show", r.Courier.String()); !strings.Contains(out, "erreur de pièce") {
		t.Error(out)
	}
	i.stop()
}

func linkOf(t *testing.T, m *sandbox.Mail) string {
	t.Helper()
	l, err := m.Letter()
	if err != nil {
		t.Fatal(err)
	}
	for _, link := range l.Links() {
		if strings.Contains(link, "/l/") {
			return link
		}
	}
	return ""
}
