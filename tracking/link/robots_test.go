package link

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"vaguemestre/gateway"
)

// robots that come to a letter's page, each with the tricks of its trade; chromium_test.go has those that need a browser.
var robots = map[string]func(*desk){
	"HEAD": func(d *desk) { d.do("HEAD", d.link, nil) },
	"Safe Links": func(d *desk) {
		d.do("GET", d.link, nil, "User-Agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) Safelinks", "Accept-Language", "")
	},
	"Barracuda": func(d *desk) { d.do("GET", d.link, nil, "User-Agent", "Barracuda Sentinel (EE)") },
	"Proofpoint": func(d *desk) {
		d.do("GET", d.link, nil, "User-Agent", "Mozilla/5.0 (compatible; ProofPoint URL Defense)")
	},
	"Mimecast": func(d *desk) { d.do("GET", d.link, nil, "User-Agent", "Mimecast-Scan/1.0") },
	"Vade":     func(d *desk) { d.do("GET", d.link, nil, "User-Agent", "VadeSecure-Scanner") },
	"curl":     func(d *desk) { d.do("GET", d.link, nil, "User-Agent", "curl/8.5.0") },
	"a scanner that looks like a browser, seconds after sending": func(d *desk) {
		d.store.recipient.Standing.Sent = d.now.Add(-2 * time.Second)
		d.do("GET", d.link, nil)
	},
	"a scanner in a data centre": func(d *desk) { d.do("GET", d.link, nil, "X-Test-Address", "198.51.100.7") },
	"prefetch":                   func(d *desk) { d.do("GET", d.link, nil, "Sec-Purpose", "prefetch") },
	"prerender":                  func(d *desk) { d.do("GET", d.link, nil, "Sec-Purpose", "prefetch;prerender") },
	"Firefox's prefetch":         func(d *desk) { d.do("GET", d.link, nil, "X-Moz", "prefetch") },
	"Safari's preview":           func(d *desk) { d.do("GET", d.link, nil, "X-Purpose", "preview") },
	"Outlook's link preview":     func(d *desk) { d.do("GET", d.link, nil, "User-Agent", "Mozilla/5.0 SkypeUriPreview Preview/0.5") },
	"Slack's card":               func(d *desk) { d.do("GET", d.link, nil, "User-Agent", "Slackbot-LinkExpanding 1.0") },
	"WhatsApp's card":            func(d *desk) { d.do("GET", d.link, nil, "User-Agent", "WhatsApp/2.23.20") },
	"Gmail's image proxy":        func(d *desk) { d.do("GET", d.link, nil, "User-Agent", "Mozilla/5.0 (via ggpht.com GoogleImageProxy)") },
	"one that follows every link of the page": func(d *desk) {
		for _, at := range links(d.do("GET", d.link, nil).Body.String()) {
			d.do("GET", at, nil)
			d.do("HEAD", at, nil)
		}
	},
	"one that submits every form at once": func(d *desk) {
		for _, page := range []string{d.link, d.link + "/erreur"} {
			d.submitAll(d.do("GET", page, nil).Body.String())
		}
	},
	"one that submits every form at once, again and again": func(d *desk) {
		page := d.do("GET", d.link, nil).Body.String()
		for range 20 {
			page = d.submitAll(page)
		}
	},
	"one that got the form from another's hands": func(d *desk) {
		form := d.form()
		d.now = d.now.Add(time.Minute)
		d.do("POST", d.link, form, "User-Agent", "Mozilla/5.0 (Windows NT 10.0; rv:140.0) Gecko/20100101 Firefox/140.0 other")
	},
	"one that posts the form of the other page": func(d *desk) {
		field := formField.FindStringSubmatch(d.do("GET", d.link+"/erreur", nil).Body.String())
		d.now = d.now.Add(time.Minute)
		d.do("POST", d.link, url.Values{"form": {field[1]}})
	},
	"one that posts from another site": func(d *desk) {
		form := d.form()
		d.now = d.now.Add(time.Minute)
		d.do("POST", d.link, form, "Sec-Fetch-Site", "cross-site")
	},
}

var hrefs = regexp.MustCompile(`(?:href|src|action)="([^"]+)"`)

func links(page string) (all []string) {
	for _, m := range hrefs.FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(m[1], "/") {
			continue
		}
		all = append(all, strings.ReplaceAll(m[1], "&amp;", "&"))
	}
	return all
}

var formTag = regexp.MustCompile(`(?s)<form method="post" action="([^"]+)">.*?name="form" value="([^"]+)"`)

// submitAll sends every form of a page at the very instant it was shown, and gives the last page.
func (d *desk) submitAll(page string) (last string) {
	for _, m := range formTag.FindAllStringSubmatch(page, -1) {
		last = d.do("POST", m[1], url.Values{"form": {m[2]}, "code": {"123456"}, "remark": {"robot"}}).Body.String()
	}
	return last
}

func TestPromiseReadMeansReadTheGauntletOfRobots(t *testing.T) {
	for name, robot := range robots {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			d.pages.opts.DataCentres = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}
			robot(d)
			if n := d.store.count(gateway.Read); n != 0 {
				t.Fatalf("%d acknowledgement(s)", n)
			}
			if n := d.store.count(gateway.WrongPerson); n != 0 {
				t.Fatal("a robot reported a wrong recipient")
			}
			w := d.press() // and the person who comes after is not disturbed
			if w.Code != 303 || d.store.count(gateway.Read) != 1 {
				t.Fatalf("the person who comes after gets %d", w.Code)
			}
		})
	}
}

func TestVisitsOfRobotsAreRecordedAsWhatTheyAre(t *testing.T) {
	for name, want := range map[string]Looks{
		"HEAD": Scanner, "Safe Links": Scanner, "Barracuda": Scanner, "curl": Scanner, "prefetch": Prefetch, "prerender": Prefetch, "Safari's preview": Preview,
		"Slack's card": Preview, "Outlook's link preview": Preview, "a scanner in a data centre": Scanner,
		"a scanner that looks like a browser, seconds after sending": Scanner,
	} {
		d := newDesk(t)
		d.pages.opts.DataCentres = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}
		robots[name](d)
		var v gateway.VisitDetails
		if err := json.Unmarshal(d.store.events[0].Details, &v); err != nil || v.Looks != string(want) || v.Why == "" {
			t.Errorf("%s: %+v, %v", name, v, err)
		}
	}
}

// A person with an old browser, without cookies and without JavaScript, gets in like everybody: the evidence says "bouton",
// and remarks that no cookie was kept.
func TestAnOldBrowserWithoutCookiesOrJavaScriptAcknowledges(t *testing.T) {
	for _, agent := range []string{
		"Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko",
		"Lynx/2.9.0dev.10 libwww-FM/2.14", "w3m/0.5.3", "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 5.1)",
	} {
		d := newDesk(t)
		field := formField.FindStringSubmatch(d.do("GET", d.link, nil, "User-Agent", agent).Body.String())
		d.now = d.now.Add(4 * time.Second)
		w := d.do("POST", d.link, url.Values{"form": {field[1]}}, "User-Agent", agent)
		if w.Code != 303 {
			t.Fatalf("%s: %d", agent, w.Code)
		}
		last := d.store.events[len(d.store.events)-1]
		var read gateway.ReadDetails
		if err := json.Unmarshal(last.Details, &read); err != nil || last.Strength != gateway.ByButton || read.By != "button" {
			t.Fatalf("%s: %s %+v %v", agent, last.Strength, read, err)
		}
		if read.Looks == string(Person) && read.Why != "no cookie kept" {
			t.Errorf("%s: %+v", agent, read)
		}
	}
}

// A patient robot that does all that a person does passes the button: the evidence never claims more than "bouton". It does
// not pass the code.
func TestAPatientRobotPassesTheButtonAndNotTheCode(t *testing.T) {
	d := newDesk(t)
	d.press()
	if e := d.store.events[len(d.store.events)-1]; e.Kind != gateway.Read || e.Strength != gateway.ByButton {
		t.Fatalf("%s by %s", e.Kind, e.Strength)
	}
	d = newDesk(t, func(c *gateway.Courier) { c.Options.Code = true })
	for range 5 {
		d.press()
		d.now = d.now.Add(10 * time.Minute)
	}
	if d.store.count(gateway.Read) != 0 {
		t.Fatal("a robot without the mail passes the code")
	}
}

func TestTheEvidenceNamesTheShowingThatTheButtonWasOn(t *testing.T) {
	d := newDesk(t)
	shown := d.now
	form := d.form()
	var visit gateway.VisitDetails
	if err := json.Unmarshal(d.store.events[0].Details, &visit); err != nil {
		t.Fatal(err)
	}
	d.now = d.now.Add(7 * time.Second)
	d.do("POST", d.link, form, "Cookie", "visite="+visit.Visit, "Sec-Fetch-Site", "same-origin", "Sec-Fetch-User", "?1")
	var read gateway.ReadDetails
	if err := json.Unmarshal(d.store.events[1].Details, &read); err != nil {
		t.Fatal(err)
	}
	if read.Visit == "" || read.Visit != visit.Visit || !read.ShownAt.Equal(shown) || read.Looks != string(Person) || read.Why != "" {
		t.Errorf("%+v after %+v", read, visit)
	}
}

func TestAFormThatAScriptSendsIsRemarkedUpon(t *testing.T) {
	d := newDesk(t)
	form := d.form()
	d.now = d.now.Add(7 * time.Second)
	d.do("POST", d.link, form, "Sec-Fetch-Site", "same-origin")
	var read gateway.ReadDetails
	if err := json.Unmarshal(d.store.events[1].Details, &read); err != nil || read.Looks != string(Scanner) || read.Why != "sent by a script" {
		t.Errorf("%+v %v", read, err)
	}
}

func TestNothingSetsACookieThatScriptsOrOtherSitesSee(t *testing.T) {
	d := newDesk(t)
	d.pages.opts.HSTS = true
	cookies := d.do("GET", d.link, nil).Result().Cookies()
	if len(cookies) != 1 || !cookies[0].HttpOnly || !cookies[0].Secure || cookies[0].SameSite != 3 || strings.Contains(cookies[0].Raw, d.link[3:]) {
		t.Errorf("%+v", cookies)
	}
	if c := d.do("HEAD", d.link, nil).Result().Cookies(); len(c) != 0 {
		t.Error("a HEAD sets a cookie")
	}
}

// countingStore counts the recipients it is asked for.
type countingStore struct {
	Store
	n int
}

func (c *countingStore) Recipient(ctx context.Context, id gateway.ID) (gateway.Recipient, error) {
	c.n++
	return c.Store.Recipient(ctx, id)
}

func TestAnUnknownTokenCostsTheWorkOfOneThatIsNobodys(t *testing.T) {
	d := newDesk(t)
	asked := func(token string) (n int) {
		counted := &countingStore{Store: d.store}
		d.pages.store = counted
		d.pages.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/l/"+token, nil))
		return counted.n
	}
	nobody := asked(d.ring.Mint('l', gateway.NewID(d.now)))
	for _, token := range []string{"abc", strings.Repeat("a", 53), d.ring.Mint('b', d.store.recipient.ID)} {
		if n := asked(token); n != nobody || n == 0 {
			t.Errorf("%s asks the store %d times, nobody's token %d", token, n, nobody)
		}
	}
}

func TestRobotsAreToldToStayAway(t *testing.T) {
	d := newDesk(t)
	if body := d.do("GET", "/robots.txt", nil).Body.String(); !slices.Contains(strings.Split(body, "\n"), "Disallow: /") {
		t.Errorf("%q", body)
	}
}
