package link

import (
	"net/http"
	"strings"
	"time"
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

// Classify judges a visit from its request and the time since the letter left (zero: unknown).
// It is pure.
func Classify(r *http.Request, since time.Duration) (Looks, string) {
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
	case r.Header.Get("Accept-Language") == "":
		return Scanner, "no language asked"
	case since > 0 && since < tooSoon:
		return Scanner, "seconds after sending"
	}
	return Person, ""
}

func contains(s string, marks []string) (string, bool) {
	for _, m := range marks {
		if strings.Contains(s, m) {
			return m, true
		}
	}
	return "", false
}
