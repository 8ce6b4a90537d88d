package daemon

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/config"
	"vaguemestre/gateway/store"
	"vaguemestre/gateway/token"
)

func TestTheTrialsPageStandsAlone(t *testing.T) {
	ring, err := token.NewRing(token.Key{ID: 1})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s, err := store.Open(t.Context(), store.Options{Path: dir + "/v.db", ContentDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	content := s.Spool()
	defer content.Discard()
	if _, err := content.Write([]byte("Subject: Rejet\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Nous avons le <b>regret</b></p>\r\n")); err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	c := gateway.Courier{
		ID: gateway.NewID(now), Subject: "Rejet de votre offre", Options: gateway.Options{Acknowledged: true}, Content: content.Hash(), Accepted: now,
		Context: ManualConsultation().Block(),
	}
	var page bytes.Buffer
	pager := trialPager{&Daemon{cfg: config.Default(), ring: ring, now: func() time.Time { return now }}}
	if err := pager.Page(t.Context(), &page, c, gateway.Recipient{ID: gateway.NewID(now), Address: "contact@acme.example"}, content); err != nil {
		t.Fatal(err)
	}
	text := page.String()
	for _, want := range []string{"Rejet de votre offre", "TESTESR2020", "<style>", "srcdoc=", "&lt;b&gt;regret"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in the page", want)
		}
	}
	for _, bad := range []string{"/l/", "/assets/"} {
		if strings.Contains(text, bad) {
			t.Errorf("%q is in the page: it leads nowhere from a file", bad)
		}
	}
}
