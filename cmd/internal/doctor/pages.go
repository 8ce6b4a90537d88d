package doctor

import (
	"context"
	"crypto/rand"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"vaguemestre/cmd/internal/daemon"
	"vaguemestre/gateway"
	"vaguemestre/gateway/catalog"
	"vaguemestre/tracking/ledger"
)

// pages asks for a companies' page that does not exist, where companies would: our own answer must come back.
func (x *examiner) pages(ctx context.Context) {
	base := x.Config.Link.BaseURL
	ctx, done := x.patient(ctx)
	defer done()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, base+"/l/doctor", nil)
	if err != nil {
		x.change("pages", base, "away", args{"Cause": cause(err)}, "")
		return
	}
	req.Header.Set("Accept-Language", "fr")
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	begun := x.Now()
	resp, err := client.Do(req)
	if err != nil {
		x.change("pages", base, "away", args{"Cause": cause(err)}, "")
		return
	}
	defer func() { _ = resp.Body.Close() }()
	page, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20)) // a page cut short is not ours
	ours := html.EscapeString(catalog.Text(catalog.French, "link.unknown.title", nil))
	if resp.StatusCode != http.StatusNotFound || !strings.Contains(string(page), ours) && !strings.Contains(string(page), html.UnescapeString(ours)) {
		x.change("pages", base, "other", args{"Status": resp.StatusCode}, "")
		return
	}
	x.ok("pages", base, "fine", nil)
	if said, err := http.ParseTime(resp.Header.Get("Date")); err == nil && !loopback(req.URL.Host) && !loopback(req.URL.Host+":443") {
		x.clocks = append(x.clocks, reading{base, said, begun, time.Second}) // of the proxy in front, where there is one
	}
	if resp.TLS != nil && len(resp.TLS.PeerCertificates) > 0 {
		x.expiry("pages", base, resp.TLS.PeerCertificates[0])
	}
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// authority has a number that means nothing time-stamped.
func (x *examiner) authority(ctx context.Context) {
	at := x.Config.Ledger.Authority
	if at == "" {
		x.skip("timestamp", "", "none", nil)
		return
	}
	roots, err := daemon.Authorities(x.Config.Ledger.AuthorityCA)
	if err != nil {
		x.change("timestamp", at, "refused", args{"Cause": cause(err)}, "")
		return
	}
	ctx, done := x.patient(ctx)
	defer done()
	var digest gateway.Hash
	_, _ = rand.Read(digest[:]) // documented never to fail (Go 1.24)
	begun := x.Now()
	token, err := (&ledger.HTTPAuthority{URL: at, Roots: roots}).Stamp(ctx, digest)
	if err != nil {
		x.change("timestamp", at, "refused", args{"Cause": cause(err)}, "")
		return
	}
	stamp, err := ledger.ReadStamp(token, digest)
	if err != nil {
		x.change("timestamp", at, "refused", args{"Cause": cause(err)}, "")
		return
	}
	x.clocks = append(x.clocks, reading{whose: at, said: stamp.Time, our: begun})
	x.ok("timestamp", at, "fine", args{"Authority": stamp.Authority()})
}

// oneLine keeps foreign words from breaking the report, and bounds them.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > 400 {
		return fmt.Sprintf("%s…", string(r[:400]))
	}
	return s
}
