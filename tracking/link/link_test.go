package link

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vaguemestre/gateway"
	"vaguemestre/gateway/config"
	"vaguemestre/gateway/token"
	"vaguemestre/tracking/web"
)

// fake keeps one letter in memory; the store itself is proved elsewhere.
type fake struct {
	mu           sync.Mutex
	consultation gateway.Consultation
	courier      gateway.Courier
	recipient    gateway.Recipient
	events       []gateway.Event
	jobs         []gateway.Job
	broken       error // every question
	refused      error // every write
}

func (f *fake) Recipient(_ context.Context, id gateway.ID) (gateway.Recipient, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.broken != nil {
		return gateway.Recipient{}, f.broken
	}
	if id != f.recipient.ID {
		return gateway.Recipient{}, gateway.ErrNotFound
	}
	return f.recipient, nil
}

func (f *fake) Courier(context.Context, gateway.ID) (gateway.Courier, error) { return f.courier, nil }

func (f *fake) Consultation(context.Context, gateway.ID) (gateway.Consultation, error) {
	return f.consultation, nil
}

func (f *fake) Events(context.Context, gateway.ID, gateway.ID) ([]gateway.Event, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.events), nil
}

func (f *fake) Apply(_ context.Context, s gateway.Step) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := errors.Join(f.broken, f.refused); err != nil {
		return err
	}
	for _, e := range s.Events {
		for _, old := range f.events {
			if e.Once != "" && e.Once == old.Once {
				return gateway.ErrRecorded
			}
		}
		f.events = append(f.events, e)
		f.recipient.Standing = f.recipient.Standing.Advance(e)
	}
	f.jobs = append(f.jobs, s.Jobs...)
	return nil
}

func (f *fake) count(k gateway.EventKind) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range f.events {
		if e.Kind == k {
			n++
		}
	}
	return n
}

type bytesContent struct{ *bytes.Reader }

func (bytesContent) Close() error { return nil }

const mailText = "From: victoria@ville.example\r\nSubject: Courrier de rejet\r\nMIME-Version: 1.0\r\n" +
	"Content-Type: multipart/mixed; boundary=b\r\n\r\n" +
	"--b\r\nContent-Type: multipart/alternative; boundary=a\r\n\r\n" +
	"--a\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nBonjour,\r\nvotre offre n'a pas été retenue.\r\n" +
	"--a\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p onclick=\"x()\">Bonjour,<script>alert(1)</script><img src=\"http://espion.example/p.gif\"></p>\r\n--a--\r\n" +
	"--b\r\nContent-Type: text/plain; name=\"motifs.txt\"\r\nContent-Disposition: attachment; filename=\"motifs.txt\"\r\n\r\nprix\r\n--b--\r\n"

const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

type desk struct {
	testing.TB
	store *fake
	pages *Pages
	mu    sync.Mutex
	now   time.Time
	log   bytes.Buffer
	ring  *token.Ring
	link  string
	mail  string // the letter as the agent sent it
}

func newDesk(t testing.TB, change ...func(*gateway.Courier)) *desk {
	t.Helper()
	ring, err := token.NewRing(token.Key{ID: 1, Secret: [32]byte{1}})
	if err != nil {
		t.Fatal(err)
	}
	d := &desk{TB: t, now: time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC), ring: ring, mail: mailText}
	courier := gateway.Courier{
		ID: gateway.NewID(d.now), AuthorName: "Victoria Brun", AuthorAddr: "victoria@ville.example", TypeLabel: "Courrier de rejet", Subject: "Courrier de rejet",
		Options: gateway.Options{Acknowledged: true}, Accepted: d.now.Add(-time.Hour), Content: gateway.HashOf([]byte(mailText)),
		Files:       []gateway.File{{Name: "motifs.txt", MediaType: "text/plain", Size: 4, Part: "2", SHA256: gateway.HashOf([]byte("prix"))}},
		Context:     gateway.ContextBlock{Reference: "TESTESR2020", Title: "TESTESR2020", Object: "test", PublicBody: "Agence <Départementale>", Language: "fr"},
		Composition: gateway.Composition{KeyID: 1},
	}
	for _, c := range change {
		c(&courier)
	}
	recipient := gateway.Recipient{ID: gateway.NewID(d.now), Courier: courier.ID, Address: "contact@x.example", Standing: gateway.Standing{Sent: d.now.Add(-time.Hour), State: gateway.StateSent}}
	d.store = &fake{courier: courier, recipient: recipient}
	contents := func(context.Context, gateway.Hash) (Content, error) {
		return bytesContent{bytes.NewReader([]byte(d.mail))}, nil
	}
	theme, err := web.LoadTheme(config.Default().Theme)
	if err != nil {
		t.Fatal(err)
	}
	d.pages, err = New(d.store, contents, Options{
		Tokens: ring, Theme: theme, MinDelay: time.Second, PerMinute: 6000, Now: d.clock,
		Logger: slog.New(slog.NewTextHandler(&d.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		t.Fatal(err)
	}
	d.link = "/l/" + ring.Mint(token.Link, recipient.ID)
	return d
}

// clock and advance may be used while pages are served; tests that ask by themselves set now.
func (d *desk) clock() time.Time {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

func (d *desk) advance(by time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now = d.now.Add(by)
}

func (d *desk) do(method, target string, form url.Values, headers ...string) *httptest.ResponseRecorder {
	d.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(form.Encode()))
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("User-Agent", firefox)
	r.Header.Set("Accept-Language", "fr-FR,fr;q=0.9")
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "X-Test-Address" {
			r.RemoteAddr = headers[i+1] + ":4711"
			continue
		}
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	d.pages.ServeHTTP(w, r)
	return w
}

var formField = regexp.MustCompile(`name="form" value="([^"]*)"`)

func (d *desk) form() url.Values {
	d.Helper()
	m := formField.FindStringSubmatch(d.do("GET", d.link, nil).Body.String())
	if m == nil {
		d.Fatal("the landing page has no form")
	}
	return url.Values{"form": {html.UnescapeString(m[1])}}
}

func (d *desk) press() *httptest.ResponseRecorder {
	d.Helper()
	form := d.form()
	d.now = d.now.Add(3 * time.Second)
	return d.do("POST", d.link, form)
}

func TestPromiseReadMeansRead(t *testing.T) {
	for _, tc := range []struct {
		name string
		do   func(*desk)
	}{
		{"GET", func(d *desk) { d.do("GET", d.link, nil) }},
		{"HEAD", func(d *desk) { d.do("HEAD", d.link, nil) }},
		{"GET by a link scanner", func(d *desk) { d.do("GET", d.link, nil, "User-Agent", "Barracuda Sentinel") }},
		{"prefetch", func(d *desk) { d.do("GET", d.link, nil, "Sec-Purpose", "prefetch;prerender") }},
		{"a hundred GETs", func(d *desk) {
			for range 100 {
				d.do("GET", d.link, nil)
			}
		}},
		{"GET with the form's fields", func(d *desk) { d.do("GET", d.link+"?"+d.form().Encode(), nil) }},
		{"POST without the page's own token", func(d *desk) { d.do("POST", d.link, url.Values{}) }},
		{"POST with a token made up", func(d *desk) { d.do("POST", d.link, url.Values{"form": {strings.Repeat("A", 54)}}) }},
		{"POST faster than a person", func(d *desk) { d.do("POST", d.link, d.form()) }},
		{"POST of a page of another day", func(d *desk) { f := d.form(); d.now = d.now.Add(25 * time.Hour); d.do("POST", d.link, f) }},
		{"POST of another letter's page", func(d *desk) {
			other := d.pages.forms.Mint(d.now.Add(-time.Minute), "read", gateway.NewID(d.now).String(), firefox)
			d.do("POST", d.link, url.Values{"form": {other}})
		}},
		{"asking for a file", func(d *desk) { d.do("GET", d.link+"/fichier/1/motifs.txt", nil) }},
		{"asking for the archive", func(d *desk) { d.do("GET", d.link+"/tout.zip", nil) }},
		{"asking for the text", func(d *desk) { d.do("GET", d.link+"/texte", nil) }},
		{"other methods", func(d *desk) {
			for _, m := range []string{"PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND"} {
				d.do(m, d.link, d.form())
			}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d := newDesk(t)
			tc.do(d)
			if n := d.store.count(gateway.Read); n != 0 {
				t.Fatalf("%d acknowledgement(s)", n)
			}
			if body := d.do("GET", d.link, nil).Body.String(); strings.Contains(body, "retenue") {
				t.Fatal("the content shows")
			}
		})
	}
}

func TestAPersonsPressAcknowledgesOnceAndTheFirstTimeStays(t *testing.T) {
	d := newDesk(t)
	w := d.press()
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != d.link {
		t.Fatalf("%d to %q", w.Code, w.Header().Get("Location"))
	}
	first := d.store.recipient.Standing.Read
	page := d.do("GET", d.link, nil).Body.String()
	for _, want := range []string{"pas été retenue", "motifs.txt", "SHA-256", "TESTESR2020", "23 novembre 2026 à 13:00"} {
		if !strings.Contains(page, want) {
			t.Errorf("the letter's page lacks %q", want)
		}
	}
	d.now = d.now.Add(time.Hour)
	d.do("POST", d.link, url.Values{})
	if n := d.store.count(gateway.Read); n != 1 || d.store.recipient.Standing.Read != first {
		t.Fatalf("%d acknowledgements, first at %v", n, d.store.recipient.Standing.Read)
	}
}

func TestTooFastIsAskedAgainNeverLost(t *testing.T) {
	d := newDesk(t)
	w := d.do("POST", d.link, d.form())
	if !strings.Contains(w.Body.String(), "trop vite") {
		t.Fatal("nothing tells why")
	}
	field := formField.FindStringSubmatch(w.Body.String())
	d.now = d.now.Add(2 * time.Second)
	d.do("POST", d.link, url.Values{"form": {field[1]}})
	if d.store.count(gateway.Read) != 1 {
		t.Fatal("the second press does not acknowledge")
	}
}

func TestCodeIsAskedAndGraded(t *testing.T) {
	d := newDesk(t, func(c *gateway.Courier) { c.Options.Code = true })
	code, err := d.ring.Code(1, d.store.recipient.ID)
	if err != nil {
		t.Fatal(err)
	}
	wrong := "000000"
	if code == wrong {
		wrong = "000001"
	}
	for _, typed := range []string{"", wrong, code + "0"} {
		f := d.form()
		d.now = d.now.Add(3 * time.Second)
		f.Set("code", typed)
		d.do("POST", d.link, f)
	}
	if d.store.count(gateway.Read) != 0 {
		t.Fatal("a wrong code acknowledges")
	}
	f := d.form()
	d.now = d.now.Add(3 * time.Second)
	f.Set("code", code[:3]+" "+code[3:])
	d.do("POST", d.link, f)
	last := d.store.events[len(d.store.events)-1]
	if last.Kind != gateway.Read || last.Strength != gateway.ByCode {
		t.Fatalf("last event %s by %s", last.Kind, last.Strength)
	}
}

func TestPromiseNoOpenDoorCodeGuessingIsBounded(t *testing.T) {
	d := newDesk(t, func(c *gateway.Courier) { c.Options.Code = true })
	tries := 0
	for range 200 {
		f := d.form()
		d.now = d.now.Add(2 * time.Second)
		f.Set("code", "123456")
		if !strings.Contains(d.do("POST", d.link, f).Body.String(), "essais") {
			tries++
		}
	}
	if tries > 10 {
		t.Fatalf("%d codes could be tried in seven minutes", tries)
	}
}

func TestUnknownTokensAllLookTheSame(t *testing.T) {
	d := newDesk(t)
	nobody := d.do("GET", "/l/"+d.ring.Mint(token.Link, gateway.NewID(d.now)), nil)
	for _, path := range []string{"/l/abc", "/l/" + strings.Repeat("a", 53), "/l/" + d.ring.Mint(token.Bounce, d.store.recipient.ID), d.link[:len(d.link)-1] + "7"} {
		w := d.do("GET", path, nil)
		if w.Code != http.StatusNotFound || w.Body.String() != nobody.Body.String() {
			t.Errorf("%s: %d, another page", path, w.Code)
		}
	}
}

func TestAPlainLetterHasNoPage(t *testing.T) {
	d := newDesk(t, func(c *gateway.Courier) { c.Options.Acknowledged = false })
	if w := d.do("GET", d.link, nil); w.Code != http.StatusNotFound {
		t.Fatal(w.Code)
	}
}

func TestWithdrawnAndArchived(t *testing.T) {
	d := newDesk(t)
	d.press()
	d.store.recipient.Standing.Withdrawn = d.now
	for _, path := range []string{"", "/texte", "/fichier/1/motifs.txt", "/tout.zip"} {
		if w := d.do("GET", d.link+path, nil); w.Code != http.StatusGone || !strings.Contains(w.Body.String(), "a retiré ce courrier") {
			t.Errorf("withdrawn %s: %d", path, w.Code)
		}
	}
	d.store.events = append(d.store.events, gateway.NewEvent(gateway.Withdrawn, d.now, gateway.ReasonDetails{Reason: "mauvaise <pièce>"}, nil))
	if w := d.do("GET", d.link, nil); !strings.Contains(w.Body.String(), "mauvaise &lt;pièce&gt;") {
		t.Errorf("the page does not say why: %s", w.Body)
	}
	d.store.recipient.Standing.Withdrawn = time.Time{}
	d.store.consultation.Archived = d.now
	if w := d.do("GET", d.link, nil); w.Code != http.StatusGone || !strings.Contains(w.Body.String(), "archivée") {
		t.Errorf("archived: %d", w.Code)
	}
}

func TestAnOutageIsTemporaryAndClaimsNothing(t *testing.T) {
	d := newDesk(t)
	f := d.form()
	d.now = d.now.Add(3 * time.Second)
	d.store.broken = fmt.Errorf("disk full at contact@x.example")
	w := d.do("POST", d.link, f)
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), "disk") {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
}

func TestFilesAreDownloadsAndEvents(t *testing.T) {
	d := newDesk(t)
	d.press()
	w := d.do("GET", d.link+"/fichier/1/motifs.txt", nil)
	if w.Body.String() != "prix" || !strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment") || w.Header().Get("Content-Type") != "application/octet-stream" {
		t.Fatalf("%q %v", w.Body, w.Header())
	}
	if d.store.count(gateway.Downloaded) != 1 {
		t.Fatal("the download is no event")
	}
	for _, n := range []string{"0", "2", "-1", "x", "99999999999999999999"} {
		if w := d.do("GET", d.link+"/fichier/"+n+"/motifs.txt", nil); w.Code != http.StatusNotFound {
			t.Errorf("file %s: %d", n, w.Code)
		}
	}
}

func TestHTMLIsShownSafely(t *testing.T) {
	d := newDesk(t)
	d.press()
	w := d.do("GET", d.link+"/texte", nil)
	for _, bad := range []string{"<script", "onclick", "espion.example"} {
		if strings.Contains(w.Body.String(), bad) {
			t.Errorf("%q is in the frame", bad)
		}
	}
	if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "sandbox") || strings.Contains(csp, "script-src") {
		t.Error(csp)
	}
	if page := d.do("GET", d.link, nil).Body.String(); strings.Contains(page, "Agence <D") {
		t.Error("a field of the consultation is not escaped")
	}
}

// TestPromiseIntactTheWordsBehindALargePictureAreShown: a picture within the HTML, as some clients paste it, leaves no word out of the
// page, nor of its frame.
func TestPromiseIntactTheWordsBehindALargePictureAreShown(t *testing.T) {
	d := newDesk(t)
	d.mail = "Content-Type: text/html; charset=utf-8\r\n\r\n<p>Avant</p><img alt=\"capture\" src=\"data:image/png;base64," + strings.Repeat("iVBORw0K", 200_000) + "\"><p>La fin du courrier</p>\r\n"
	d.press()
	for name, target := range map[string]string{"page": d.link, "frame": d.link + "/texte"} {
		if w := d.do("GET", target, nil); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "La fin du courrier") {
			t.Errorf("%s: %d, the end of the letter is not shown", name, w.Code)
		}
	}
}

func TestPromiseNoOpenDoorTokensStayOutOfLogsAndReferrers(t *testing.T) {
	d := newDesk(t)
	d.press()
	d.do("GET", d.link, nil)
	d.do("GET", d.link+"/fichier/1/motifs.txt", nil)
	d.store.broken = fmt.Errorf("gone")
	w := d.do("GET", d.link, nil)
	if strings.Contains(d.log.String(), d.link[3:20]) {
		t.Errorf("the token is in the log:\n%s", d.log.String())
	}
	if w.Header().Get("Referrer-Policy") != "no-referrer" {
		t.Error("referrers leave")
	}
}

func TestVisitsAreRecordedAsWhatTheyLookLikeOncePerHour(t *testing.T) {
	d := newDesk(t)
	for range 5 {
		d.do("GET", d.link, nil)
		d.do("GET", d.link, nil, "User-Agent", "Slackbot-LinkExpanding 1.0")
	}
	if n := d.store.count(gateway.Visited); n != 2 {
		t.Fatalf("%d visits recorded", n)
	}
	d.now = d.now.Add(time.Hour)
	d.do("GET", d.link, nil)
	if n := d.store.count(gateway.Visited); n != 3 {
		t.Fatalf("%d visits after an hour", n)
	}
}

func TestClassify(t *testing.T) {
	for _, tc := range []struct {
		method  string
		since   time.Duration
		headers map[string]string
		want    Looks
	}{
		{"GET", time.Hour, map[string]string{"User-Agent": firefox, "Accept-Language": "fr"}, Person},
		{"GET", 0, map[string]string{"User-Agent": firefox, "Accept-Language": "fr"}, Person},
		{"GET", 2 * time.Second, map[string]string{"User-Agent": firefox, "Accept-Language": "fr"}, Scanner},
		{"GET", time.Hour, map[string]string{"User-Agent": firefox}, Scanner},
		{"HEAD", time.Hour, map[string]string{"User-Agent": firefox, "Accept-Language": "fr"}, Scanner},
		{"GET", time.Hour, nil, Scanner},
		{"GET", time.Hour, map[string]string{"User-Agent": "curl/8.0", "Accept-Language": "fr"}, Scanner},
		{"GET", time.Hour, map[string]string{"User-Agent": "Mozilla/5.0 HeadlessChrome/120", "Accept-Language": "fr"}, Scanner},
		{"GET", time.Hour, map[string]string{"User-Agent": firefox, "Accept-Language": "fr", "Purpose": "prefetch"}, Prefetch},
		{"GET", time.Hour, map[string]string{"User-Agent": firefox, "Accept-Language": "fr", "X-Purpose": "preview"}, Preview},
		{"GET", time.Hour, map[string]string{"User-Agent": "WhatsApp/2.23", "Accept-Language": "fr"}, Preview},
		{"GET", time.Hour, map[string]string{"User-Agent": "Mozilla/5.0 (Windows NT 6.1) SkypeUriPreview Preview/0.5"}, Preview},
	} {
		r := httptest.NewRequest(tc.method, "/", nil)
		for k, v := range tc.headers {
			r.Header.Set(k, v)
		}
		if got, why := Classify(Signs{Request: r, Since: tc.since}); got != tc.want {
			t.Errorf("%s %v after %v: %s (%s), want %s", tc.method, tc.headers, tc.since, got, why, tc.want)
		}
	}
}

func TestRequestsOfOneNetworkAreLimited(t *testing.T) {
	d := newDesk(t)
	d.pages.limiter = web.NewLimiter(1, 3, func() time.Time { return d.now })
	var last int
	for range 5 {
		last = d.do("GET", d.link, nil).Code
	}
	if last != http.StatusTooManyRequests {
		t.Fatalf("fifth request: %d", last)
	}
	d.now = d.now.Add(time.Minute)
	if c := d.do("GET", d.link, nil).Code; c != http.StatusOK {
		t.Fatalf("a minute later: %d", c)
	}
}

func TestLanguages(t *testing.T) {
	d := newDesk(t)
	for _, tc := range []struct{ query, accept, want string }{
		{"", "fr", "Accéder au courrier"}, {"", "en-GB", "Open the letter"}, {"", "", "Accéder au courrier"}, {"", "ja", "Accéder au courrier"},
		{"?lang=en", "fr", "Open the letter"}, {"?lang=fr", "en", "Accéder au courrier"}, {"?lang=xx", "en", "Open the letter"},
	} {
		if body := d.do("GET", d.link+tc.query, nil, "Accept-Language", tc.accept).Body.String(); !strings.Contains(body, tc.want) {
			t.Errorf("%q with %q: no %q", tc.query, tc.accept, tc.want)
		}
	}
}
