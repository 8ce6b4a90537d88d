package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"vaguemestre/cmd/internal/daemon"
	"vaguemestre/gateway/store"
	"vaguemestre/gateway/token"
)

const (
	pageLetters = 500 // whose landing pages are visited, in turns
	visitors    = 8   // connections of wrk
	visitTime   = 10 * time.Second
	browserName = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
)

// pages measures what companies are served: landing pages from a daemon that has one core, and the memory of a daemon
// from which a company fetches 60 Mo.
func (b *bench) pages(ctx context.Context, round int) error {
	if err := b.landingPages(ctx, round); err != nil {
		return err
	}
	if round > 0 {
		return nil
	}
	return b.largeDown(ctx)
}

// landingPages has wrk visit the landing pages of many letters. Each letter's first visit of the hour is written; the
// others are not.
func (b *bench) landingPages(ctx context.Context, round int) (err error) {
	if err := os.Setenv("GOMAXPROCS", "1"); err != nil { // for the daemon; ours is set already
		return err
	}
	o, err := b.install(ctx, filepath.Join(b.dir, fmt.Sprintf("pages-%d", round)), b.silent.address())
	if err := errors.Join(err, os.Unsetenv("GOMAXPROCS")); err != nil {
		return err
	}
	defer o.stop()
	var recipients []string
	for i := range pageLetters {
		recipients = append(recipients, fmt.Sprintf("boite-%d@entreprise.test", i))
	}
	if err := o.to(ctx, 1, recipients, letter(small, true)); err != nil {
		return err
	}
	links, err := o.links(ctx)
	if err != nil {
		return err
	}
	script := filepath.Join(o.dir, "visits.lua")
	if err := os.WriteFile(script, []byte(visits(links)), 0o600); err != nil {
		return fmt.Errorf("write the visits: %w", err)
	}
	before, err := o.cpu()
	if err != nil {
		return err
	}
	said, err := exec.CommandContext(ctx, "wrk", "-t1", fmt.Sprintf("-c%d", visitors), fmt.Sprintf("-d%ds", int(visitTime.Seconds())), "--latency", "-s", script, "http://"+o.cfg.Link.Listen).CombinedOutput()
	if err != nil {
		return fmt.Errorf("visit the pages: %w: %s", err, said)
	}
	after, err := o.cpu()
	if err != nil {
		return err
	}
	return b.readVisits(string(said), after-before)
}

// visits is wrk's script: each request another letter's page.
func visits(links []string) string {
	var t strings.Builder
	t.WriteString("local links = {\n")
	for _, l := range links {
		fmt.Fprintf(&t, "%q,\n", l)
	}
	fmt.Fprintf(&t, `}
local n = 0
wrk.headers["User-Agent"] = %q
wrk.headers["Accept-Language"] = "fr-FR,fr;q=0.9"
function request()
  n = n %% #links + 1
  return wrk.format("GET", links[n])
end
`, browserName)
	return t.String()
}

var (
	wrkRate = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)
	wrkP99  = regexp.MustCompile(`99%\s+([0-9.]+)(us|ms|s)`)
)

func (b *bench) readVisits(said string, used time.Duration) error {
	rate, p99 := wrkRate.FindStringSubmatch(said), wrkP99.FindStringSubmatch(said)
	if rate == nil || p99 == nil || strings.Contains(said, "Non-2xx") || strings.Contains(said, "Socket errors") {
		return fmt.Errorf("the pages were not all served: %s", said)
	}
	perSecond, err := strconv.ParseFloat(rate[1], 64)
	if err != nil {
		return err
	}
	late, err := time.ParseDuration(p99[1] + p99[2])
	if err != nil {
		return err
	}
	b.seen.add("pages", perSecond)
	b.seen.add("pages.cpu", used.Seconds()*1000/(perSecond*visitTime.Seconds()))
	b.seen.add("pages.p99", float64(late.Microseconds())/1000)
	return nil
}

// links are the paths of all letters' pages.
func (o *ours) links(ctx context.Context) (all []string, err error) {
	s, err := daemon.OpenStore(ctx, o.cfg, nil, nil, time.Now)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	ring, err := daemon.TokenRing(filepath.Join(o.cfg.DataDir, "keys", "tokens"))
	if err != nil {
		return nil, err
	}
	couriers, err := s.Couriers(ctx, store.CourierFilter{Limit: 10})
	if err != nil {
		return nil, err
	}
	for _, c := range couriers {
		recipients, err := s.Recipients(ctx, c.ID)
		if err != nil {
			return nil, err
		}
		for _, r := range recipients {
			all = append(all, "/l/"+ring.Mint(token.Link, r.ID))
		}
	}
	return all, nil
}

// largeDown has a company acknowledge a letter of 60 Mo and fetch its file.
func (b *bench) largeDown(ctx context.Context) error {
	o, err := b.install(ctx, filepath.Join(b.dir, "pages-large"), b.silent.address())
	if err != nil {
		return err
	}
	defer o.stop()
	if err := o.to(ctx, 1, []string{company}, letter(huge-10_000, true)); err != nil {
		return err
	}
	links, err := o.links(ctx)
	if err != nil {
		return err
	}
	page, err := o.acknowledge(ctx, links[0])
	if err != nil {
		return err
	}
	at := regexp.MustCompile(`href="(/l/[^"]*/fichier/1/[^"]*)"`).FindStringSubmatch(page)
	if at == nil {
		return errors.New("the letter's page offers no file")
	}
	if err := pause(ctx, settleAfter); err != nil {
		return err
	}
	inUse, err := o.memory("VmRSS")
	if err != nil {
		return err
	}
	var size int64
	start := time.Now()
	peak, _, err := o.raised(inUse, func() (err error) {
		size, err = o.fetch(ctx, at[1], io.Discard)
		return err
	})
	b.seen.add("pages.memory", peak)
	b.seen.add("pages.down", float64(size)/1e6/time.Since(start).Seconds())
	return err
}

var pageForm = regexp.MustCompile(`name="form" value="([^"]+)"`)

// acknowledge does what a person does on a landing page, and gives the letter's page.
func (o *ours) acknowledge(ctx context.Context, link string) (string, error) {
	var landing strings.Builder
	if _, err := o.fetch(ctx, link, &landing); err != nil {
		return "", err
	}
	form := pageForm.FindStringSubmatch(landing.String())
	if form == nil {
		return "", errors.New("the landing page has no form")
	}
	if err := pause(ctx, o.cfg.Link.MinDelay.Of()+time.Second); err != nil {
		return "", err
	}
	var page strings.Builder
	_, err := o.ask(ctx, http.MethodPost, link, url.Values{"form": {form[1]}}.Encode(), &page)
	return page.String(), err
}

func (o *ours) fetch(ctx context.Context, path string, to io.Writer) (int64, error) {
	return o.ask(ctx, http.MethodGet, path, "", to)
}

func (o *ours) ask(ctx context.Context, method, path, body string, to io.Writer) (int64, error) {
	r, err := http.NewRequestWithContext(ctx, method, "http://"+o.cfg.Link.Listen+path, strings.NewReader(body))
	if err != nil {
		return 0, err
	}
	r.Header.Set("User-Agent", browserName)
	r.Header.Set("Accept-Language", "fr")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	n, err := io.Copy(to, answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("a page answers %s", answer.Status)
	}
	return n, err
}
