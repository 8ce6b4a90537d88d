package doctor

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"vaguemestre/gateway/catalog"
	"vaguemestre/gateway/config"
)

// looked runs one look and gives its findings by their codes.
func looked(t *testing.T, c config.Config, now time.Time, look func(*examiner)) map[string]Finding {
	t.Helper()
	found := map[string]Finding{}
	look(&examiner{
		Options: Options{Config: c, Language: "fr", Patience: 10 * time.Second, Now: func() time.Time { return now }},
		report:  func(f Finding) { found[f.Code] = f },
	})
	return found
}

func TestThePagesAreOursOrNot(t *testing.T) {
	ours := "<h1>" + catalog.Text("fr", "link.unknown.title", nil) + "</h1>"
	for want, handler := range map[string]http.HandlerFunc{
		"pages-fine":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404); _, _ = w.Write([]byte(ours)) },
		"pages-other": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404); _, _ = w.Write([]byte("nginx")) },
	} {
		srv := httptest.NewServer(handler)
		c := config.Default()
		c.Link.BaseURL = srv.URL
		found := looked(t, c, time.Now(), func(x *examiner) { x.pages(t.Context()) })
		if _, ok := found[want]; !ok || len(found) != 1 {
			t.Errorf("%s: %+v", want, found)
		}
		srv.Close()
	}
	moved := httptest.NewServer(http.RedirectHandler("https://ailleurs.example/", http.StatusFound))
	defer moved.Close()
	c := config.Default()
	c.Link.BaseURL = moved.URL
	if found := looked(t, c, time.Now(), func(x *examiner) { x.pages(t.Context()) }); found["pages-other"].Verdict != Change || !strings.Contains(found["pages-other"].Text, "302") {
		t.Errorf("%+v", found)
	}
}

func TestTheClockIsComparedWithOthers(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	at, ok := clockOf("relais.example ESMTP Exim 4.96 Mon, 23 Nov 2026 13:00:05 +0100")
	if !ok || !at.Equal(now.Add(5*time.Second)) {
		t.Fatalf("%v %v", at, ok)
	}
	if _, ok := clockOf("relais.example ESMTP Postfix"); ok {
		t.Error("a clock in a greeting that has none")
	}
	for want, clocks := range map[string][]reading{
		"clock-unknown": nil,
		"clock-fine":    {{"a", now.Add(time.Hour), now, time.Second}, {"b", at, now, time.Second}},
		"clock-off":     {{"a", now.Add(-time.Minute), now, time.Second}},
	} {
		found := looked(t, config.Default(), now, func(x *examiner) {
			x.clocks = clocks
			x.clock(t.Context())
		})
		if _, ok := found[want]; !ok {
			t.Errorf("%s: %+v", want, found)
		}
	}
}

func TestWhatARelayCannotDoIsToldWithItsConsequence(t *testing.T) {
	c := config.Default()
	c.Relay.RequireTLS = true
	found := looked(t, c, time.Now(), func(x *examiner) { x.capabilities("r:25", map[string]string{"SIZE": "10000000"}) })
	for _, code := range []string{"relay-size", "relay-dsn", "relay-eightbit", "relay-requiretls"} {
		if f := found[code]; f.Verdict != Change || f.Advice == "" {
			t.Errorf("%s: %+v", code, f)
		}
	}
	if !strings.Contains(found["relay-dsn"].Text, catalog.Text("fr", "delivery.unconfirmable", nil)) {
		t.Errorf("%+v", found["relay-dsn"])
	}
	for _, code := range []string{"relay-smtputf8", "relay-pipelining"} {
		if found[code].Verdict != Skipped {
			t.Errorf("%s: %+v", code, found[code])
		}
	}
}
