package link

import (
	"net/http"
	"net/netip"
	"strings"
	"time"

	"vaguemestre/tracking/web"
)

// Looks is who a visit looks like. It is an opinion, recorded with its reason; it never decides
// whether a letter was read.
type Looks string

// The kinds of visitors.
const (
	Person   Looks = "person"
	Scanner  Looks = "scanner"  // a mail filter that follows links, a crawler
	Prefetch Looks = "prefetch" // a browser that guesses
	Preview  Looks = "preview"  // a messaging program that draws a card
)

// Signs is what a visit is judged by.
type Signs struct {
	Request     *http.Request
	Since       time.Duration // from the letter's leaving; zero: unknown
	Address     netip.Addr
	DataCentres []netip.Prefix // networks in which machines live, not people
}

func (p *Pages) signs(r *http.Request, l letter) Signs {
	return Signs{Request: r, Since: p.since(l), Address: web.ClientAddress(r, p.opts.TrustedProxies), DataCentres: p.opts.DataCentres}
}

// scanners and previews are marks of user agents, in lower case. The list need not be complete: no
// GET acknowledges, whoever sends it.
var (
	scanners = []string{
		"safelinks", "microsoft office", "ms-office", "barracuda", "proofpoint", "mimecast", "symantec", "trendmicro", "fireeye", "trellix",
		"forcepoint", "sophos", "cisco", "ironport", "vade", "mailinblack", "altospam", "bot", "crawler", "spider", "curl/", "wget/",
		"python-", "go-http-client", "java/", "okhttp", "headlesschrome", "phantomjs", "libwww", "apache-httpclient", "urlscan", "virustotal",
	}
	previews = []string{
		"skypeuripreview", "microsoftpreview", "slackbot", "slack-imgproxy", "whatsapp", "telegrambot", "facebookexternalhit", "twitterbot",
		"linkedinbot", "discordbot", "googleimageproxy", "yahoomailproxy", "applebot", "mastodon", "signal",
	}
)

// tooSoon: filters follow links within seconds of a message's passing through them.
const tooSoon = 5 * time.Second

// Classify judges a visit, and says why. It is pure.
func Classify(s Signs) (Looks, string) {
	r := s.Request
	agent := strings.ToLower(r.UserAgent())
	purpose := strings.ToLower(r.Header.Get("Sec-Purpose") + r.Header.Get("Purpose") + r.Header.Get("X-Purpose") + r.Header.Get("X-Moz"))
	switch {
	case strings.Contains(purpose, "preview"):
		return Preview, "purpose header"
	case strings.Contains(purpose, "prefetch") || strings.Contains(purpose, "prerender"):
		return Prefetch, "purpose header"
	case r.Method == http.MethodHead:
		return Scanner, "HEAD"
	case agent == "":
		return Scanner, "no user agent"
	}
	if mark, ok := contains(agent, previews); ok {
		return Preview, "user agent " + mark
	}
	if mark, ok := contains(agent, scanners); ok {
		return Scanner, "user agent " + mark
	}
	switch {
	case web.Within(s.Address, s.DataCentres):
		return Scanner, "data-centre network"
	case r.Header.Get("Accept-Language") == "":
		return Scanner, "no language asked"
	case s.Since > 0 && s.Since < tooSoon:
		return Scanner, "seconds after sending"
	case byScript(r):
		return Scanner, "sent by a script"
	}
	return Person, withoutCookie(r)
}

// byScript tells a form that a script sent by itself: browsers that say how a request came about (Fetch Metadata, §2.4) say so of every
// press of a button.
func byScript(r *http.Request) bool {
	return r.Method == http.MethodPost && r.Header.Get("Sec-Fetch-Site") != "" && r.Header.Get("Sec-Fetch-User") == ""
}

// withoutCookie remarks on a press that brings no cookie of its page. Some people keep none.
func withoutCookie(r *http.Request) string {
	if r.Method != http.MethodPost {
		return ""
	}
	if _, err := r.Cookie(visitCookie); err != nil {
		return "no cookie kept"
	}
	return ""
}

func contains(s string, marks []string) (string, bool) {
	for _, m := range marks {
		if strings.Contains(s, m) {
			return m, true
		}
	}
	return "", false
}
