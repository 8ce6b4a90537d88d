package web

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"pgregory.net/rapid"

	"vaguemestre/gateway/config"
)

func newTestSite(t *testing.T, pages map[string]string, log *bytes.Buffer) *Site {
	t.Helper()
	files := fstest.MapFS{}
	for name, text := range pages {
		files[name] = &fstest.MapFile{Data: []byte(text)}
	}
	theme, err := LoadTheme(config.Default().Theme)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{
		Prefix: "link", Templates: files, Theme: theme, HSTS: true, Policy: Policy{"script-src": "'self'"},
		Logger: slog.New(slog.NewTextHandler(log, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func write1(s *Site, p Page) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.Headers(w.Header())
	s.Write(w, httptest.NewRequest("GET", "/", nil), p)
	return w
}

func TestAPageIsWholeOrNotThere(t *testing.T) {
	var log bytes.Buffer
	s := newTestSite(t, map[string]string{
		"landing.html": `{{define "main"}}<p>before</p>{{.Missing.Field}}{{end}}`,
		"content.html": `{{define "main"}}{{template "part" .}}{{end}}`,
		"_part.html":   `{{define "part"}}<b>{{.}}</b>{{end}}`,
	}, &log)
	if w := write1(s, Page{Name: "landing", Data: struct{}{}}); w.Code != http.StatusInternalServerError || strings.Contains(w.Body.String(), "before") {
		t.Errorf("a page whose template fails: %d %q", w.Code, w.Body)
	}
	if !strings.Contains(log.String(), "landing") {
		t.Error("nothing in the log tells which")
	}
	if w := write1(s, Page{Name: "content", Data: "<i>"}); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "<b>&lt;i&gt;</b>") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestANoticeNeedsNoTemplate(t *testing.T) {
	s := newTestSite(t, nil, &bytes.Buffer{})
	w := write1(s, Page{Name: "archived", Status: http.StatusGone, Data: map[string]any{"Reference": "TESTESR2020"}})
	if w.Code != http.StatusGone || !strings.Contains(w.Body.String(), "La consultation TESTESR2020 est archivée") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestEveryAnswerBearsTheHeaders(t *testing.T) {
	s := newTestSite(t, nil, &bytes.Buffer{})
	h := write1(s, Page{Name: "unknown"}).Header()
	csp := h.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'", "script-src 'self'"} {
		if !strings.Contains(csp, want) {
			t.Errorf("the policy %q lacks %q", csp, want)
		}
	}
	if strings.Contains(csp, "unsafe") {
		t.Errorf("inline code is allowed: %q", csp)
	}
	for name, want := range map[string]string{
		"Referrer-Policy": "no-referrer", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cache-Control": "no-store",
		"Cross-Origin-Opener-Policy": "same-origin", "Strict-Transport-Security": "max-age=31536000", "X-Robots-Tag": "noindex, nofollow, noarchive",
	} {
		if h.Get(name) != want {
			t.Errorf("%s: %q", name, h.Get(name))
		}
	}
}

func TestPagesBringNoInlineCodeAndAskNothingOutside(t *testing.T) {
	s := newTestSite(t, nil, &bytes.Buffer{})
	page := write1(s, Page{Name: "unknown", Owner: "Agence", Switch: "/x"}).Body.String()
	for _, bad := range []string{"<style", "<script>", " style=", " onclick", "http://", "https://"} {
		if strings.Contains(page, bad) {
			t.Errorf("%q is in the page", bad)
		}
	}
}

func TestStaticFilesAreKeptForEverUnderTheirHash(t *testing.T) {
	s := newTestSite(t, nil, &bytes.Buffer{})
	at, err := s.assets.of("theme.css")
	if err != nil {
		t.Fatal(err)
	}
	serve := s.Asset(http.NotFound)
	get := func(path, encoding string) *httptest.ResponseRecorder {
		w, r := httptest.NewRecorder(), httptest.NewRequest("GET", path, nil)
		r.Header.Set("Accept-Encoding", encoding)
		serve(w, r)
		return w
	}
	w := get(at, "")
	if w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/css") {
		t.Errorf("%d %v", w.Code, w.Header())
	}
	if packed := get(at, "br, gzip"); packed.Header().Get("Content-Encoding") != "gzip" || packed.Body.Len() >= w.Body.Len() {
		t.Errorf("%d bytes packed, %d plain", packed.Body.Len(), w.Body.Len())
	}
	for _, path := range []string{"/assets/theme.css", "/assets/", "/assets/../templates/layout.html", "/assets/theme-000000000000.css"} {
		if w := get(path, ""); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	other := *s
	other.opts.Theme.Colour = Colour{200, 0, 0}
	other.assets = newAssets()
	if err := other.static(); err != nil {
		t.Fatal(err)
	}
	if again, _ := other.assets.of("theme.css"); again == at {
		t.Error("another theme has the same address")
	}
}

func TestNoColourOfAnInstallationMakesAPageUnreadable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := Colour{rapid.Byte().Draw(t, "r"), rapid.Byte().Draw(t, "g"), rapid.Byte().Draw(t, "b")}
		sheet := string(Theme{Colour: c}.sheet())
		var found []Colour
		for _, part := range strings.Split(sheet, "--act:")[1:] {
			read, err := ParseColour(part[:7])
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, read)
		}
		day, dark := found[0], found[1]
		for _, pair := range [][2]Colour{{day, paper}, {day, white}, {white, day}, {dark, night}, {night, dark}, {dark, {0x2b, 0x2f, 0x35}}} {
			if r := contrast(pair[0], pair[1]); r < 4.5 {
				t.Fatalf("%s: %s on %s is %.2f", c, pair[0], pair[1], r)
			}
		}
	})
}

func TestAFormProvesThatItsPageWasShownForThisAndWhen(t *testing.T) {
	f := Forms{Key: []byte("k"), Wait: time.Second, Life: time.Hour}
	now := time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)
	field := f.Mint(now, "recipient", "browser")
	for _, tc := range []struct {
		name  string
		field string
		after time.Duration
		bound []string
		want  error
	}{
		{"its own", field, 2 * time.Second, []string{"recipient", "browser"}, nil},
		{"too fast", field, 999 * time.Millisecond, []string{"recipient", "browser"}, ErrTooFast},
		{"too late", field, time.Hour + time.Second, []string{"recipient", "browser"}, ErrForm},
		{"before it was shown", field, -2 * time.Minute, []string{"recipient", "browser"}, ErrForm},
		{"for another", field, 2 * time.Second, []string{"recipient", "other"}, ErrForm},
		{"for the same letters cut elsewhere", field, 2 * time.Second, []string{"recipientb", "rowser"}, ErrForm},
		{"for less", field, 2 * time.Second, []string{"recipient"}, ErrForm},
		{"none", "", 2 * time.Second, []string{"recipient", "browser"}, ErrForm},
		{"with more behind", field + "A", 2 * time.Second, []string{"recipient", "browser"}, ErrForm},
	} {
		shown, err := f.Check(tc.field, now.Add(tc.after), tc.bound...)
		if err != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, err, tc.want)
		}
		if err == nil && !shown.At.Equal(now) {
			t.Errorf("%s: shown at %v", tc.name, shown.At)
		}
	}
	if f.Mint(now, "recipient") == f.Mint(now, "recipient") {
		t.Error("two showings of a page are one visit")
	}
}

func FuzzForms(f *testing.F) {
	forms := Forms{Key: []byte("k"), Wait: time.Second, Life: time.Hour}
	now := time.Unix(1_800_000_000, 0)
	f.Add(forms.Mint(now, "a"))
	f.Add("")
	f.Fuzz(func(t *testing.T, field string) {
		if shown, err := forms.Check(field, now.Add(time.Minute), "a"); err == nil && field != forms.Field(shown, "a") {
			t.Fatalf("%q passes", field)
		}
	})
}

func TestLanguageIsTheVisitorsChoiceThenTheirBrowsersThenTheLetters(t *testing.T) {
	for _, tc := range []struct{ query, accept, own, want string }{
		{"", "", "", "fr"}, {"", "", "en", "en"}, {"", "", "de", "fr"}, {"", "en-GB,en;q=0.9,fr;q=0.5", "fr", "en"}, {"", "de, fr;q=0.3", "en", "fr"},
		{"", "fr;q=0.2, en;q=0.8", "fr", "en"}, {"", "en;q=0, fr", "en", "fr"}, {"", "ja", "en", "en"}, {"", ";;;=", "fr", "fr"},
		{"?lang=en", "fr", "fr", "en"}, {"?lang=xx", "fr", "en", "fr"}, {"", strings.Repeat("xx,", 10_000) + "en", "fr", "fr"},
	} {
		r := httptest.NewRequest("GET", "/"+tc.query, nil)
		r.Header.Set("Accept-Language", tc.accept)
		if got := Language(r, tc.own); got != tc.want {
			t.Errorf("%+.60v: %s", tc, got)
		}
	}
}

func TestSizesAndDatesReadAsPeopleWriteThem(t *testing.T) {
	paris := time.FixedZone("", 7200)
	load := func(name string) *time.Location {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		return zone
	}
	at := time.Date(2021, 8, 1, 10, 5, 0, 0, time.UTC)
	for _, tc := range []struct{ got, want string }{
		{Size("fr", 999), "999\u00a0octets"}, {Size("fr", 6_340_000), "6,3\u00a0Mo"}, {Size("en", 1500), "1.5\u00a0kB"},
		{Size("fr", 60_000_000), "60\u00a0Mo"}, {Size("fr", 1), "1\u00a0octet"}, {Size("en", 999_970), "1\u00a0MB"},
		{Local("fr", at, load("Indian/Reunion")), "1er août 2021 à 14:05 (UTC+04:00)"}, {Local("fr", at, load("America/Cayenne")), "1er août 2021 à 07:05 (UTC-03:00)"},
		{Local("fr", at, load("Europe/Paris")), "1er août 2021 à 12:05"},
		{Date("fr", at, paris), "1er août 2021 à 12:05 (UTC+02:00)"}, {Date("en", at, nil), "1 August 2021 at 10:05 (UTC+00:00)"},
		{Day("fr", at, paris), "1er août 2021"}, {Moment("en", at, paris), "1 August 2021 at 12:05"},
	} {
		if tc.got != tc.want {
			t.Errorf("%q, want %q", tc.got, tc.want)
		}
	}
}

// TestFrenchSignsStayWithTheirWord holds the spaces of French typography, on pages and in what alerts say, and English free of them.
func TestFrenchSignsStayWithTheirWord(t *testing.T) {
	s := newTestSite(t, map[string]string{"landing.html": `{{define "main"}}{{template "alert" dict "Kind" "error" "Text" .}}{{end}}`}, &bytes.Buffer{})
	said := "Vraiment ? « Non » : attendez ; merci !"
	if page := write1(s, Page{Name: "landing", Data: said}).Body.String(); !strings.Contains(page, "Vraiment\u202f? «\u00a0Non\u00a0»\u00a0: attendez\u202f; merci\u202f!") {
		t.Error(page)
	}
	if page := write1(s, Page{Name: "landing", Lang: "en", Data: said}).Body.String(); !strings.Contains(page, said) {
		t.Error(page)
	}
}

func TestALimiterForgetsTheOldestKeysFirst(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	l := NewLimiter(1, 1, func() time.Time { return now })
	for i := range remembered + 10 {
		l.Allow(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}).String())
	}
	if l.order.Len() != remembered || len(l.known) != remembered {
		t.Fatalf("%d keys are remembered", l.order.Len())
	}
	if last := netip.AddrFrom4([4]byte{10, 0, byte((remembered + 9) >> 8), byte((remembered + 9) & 255)}).String(); l.Allow(last) {
		t.Error("the last key is forgotten")
	}
}

func TestClientAddressCannotBeForged(t *testing.T) {
	proxy := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	for _, tc := range []struct {
		remote, forwarded string
		trusted           []netip.Prefix
		want              string
	}{
		{"192.0.2.1:99", "", nil, "192.0.2.1"},
		{"192.0.2.1:99", "198.51.100.1", nil, "192.0.2.1"},
		{"192.0.2.1:99", "198.51.100.1", proxy, "192.0.2.1"},
		{"10.1.1.1:99", "198.51.100.1", proxy, "198.51.100.1"},
		{"10.1.1.1:99", "203.0.113.7, 198.51.100.1", proxy, "198.51.100.1"},
		{"10.1.1.1:99", "203.0.113.7, 198.51.100.1, 10.2.2.2", proxy, "198.51.100.1"},
		{"10.1.1.1:99", "garbage", proxy, "10.1.1.1"},
		{"[2001:db8::1]:99", "", nil, "2001:db8::1"},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = tc.remote
		if tc.forwarded != "" {
			r.Header.Set("X-Forwarded-For", tc.forwarded)
		}
		if got := ClientAddress(r, tc.trusted).String(); got != tc.want {
			t.Errorf("%s through %q: %s, want %s", tc.remote, tc.forwarded, got, tc.want)
		}
	}
}
