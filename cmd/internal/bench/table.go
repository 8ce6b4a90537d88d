package main

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"
)

// samples are what the rounds gave, by figure.
type samples map[string][]float64

func (s samples) add(name string, v float64) {
	s[name] = append(s[name], v)
	fmt.Fprintf(os.Stderr, "  %s: %s\n", name, number(v))
}

func (s samples) has(name string) bool { return len(s[name]) > 0 }

// median is the middle of the rounds; 0 when there was none.
func (s samples) median(name string) float64 {
	v := slices.Sorted(slices.Values(s[name]))
	if len(v) == 0 {
		return 0
	}
	return (v[(len(v)-1)/2] + v[len(v)/2]) / 2
}

// spread is the least and the greatest of the rounds.
func (s samples) spread(name string) string {
	if len(s[name]) < 2 {
		return ""
	}
	return fmt.Sprintf(" (%s to %s)", number(slices.Min(s[name])), number(slices.Max(s[name])))
}

// number keeps three digits that mean something.
func number(v float64) string {
	switch {
	case v >= 100:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// row is one line of the table.
type row struct {
	name          string // of the sample
	figure        string
	peer, peerKey string
	asked         string
	is            func(samples) (string, bool) // what is compared with what is asked, and whether it is enough
}

// times compares with the peer's figure.
func times(name, peer string, least float64) func(samples) (string, bool) {
	return func(s samples) (string, bool) {
		ratio := s.median(name) / s.median(peer)
		return number(ratio) + " ×", ratio >= least
	}
}

func atMost(name, unit string, most float64) func(samples) (string, bool) {
	return func(s samples) (string, bool) { return number(s.median(name)) + unit, s.median(name) <= most }
}

func atLeast(name string, least float64) func(samples) (string, bool) {
	return func(s samples) (string, bool) { return number(s.median(name)), s.median(name) >= least }
}

// rows are the figures asked for. Memory is in MiB where that is what is asked.
var rows = []row{
	{"accept", "accepted/s, 4 KiB, durable, nothing relayed", "plain Postfix, HOLD", "accept.peer", "≥ 5 ×", times("accept", "accept.peer", 5)},
	{"chain", "whole chain delivered/s, 4 KiB", "Postfix + footer milter + opendkim", "chain.peer", "≥ 4 ×", times("chain", "chain.peer", 4)},
	{"chain", "the same", "RSA-2048 signatures/s, one core", "rsa1", "≥ 0.6 ×", times("chain", "rsa1", 0.6)},
	{"chain", "the same", "RSA-2048 signatures/s, all cores", "rsaAll", "", times("chain", "rsaAll", 0)},
	{"chain.accepted", "accepted/s meanwhile", "", "", "", nil},
	{"large", "whole chain delivered/s, 5 MB", "plain Postfix", "large.peer", "≥ 0.6 ×", times("large", "large.peer", 0.6)},
	{"cpu", "CPU seconds per 1,000 couriers, 4 KiB", "", "", "≤ 2 s", atMost("cpu", " s", 2)},
	{"accept.cpu", "CPU seconds per 1,000 couriers accepted, nothing relayed", "", "", "", nil},
	{"memory.two", "memory above idle, 2 × 60 MB (AR) at once, with the first login's hash, MB", "", "", "≤ 64 MiB", atMost("memory.two", " MB", 67.1)},
	{"memory.one", "the same, one courier of 60 MB (AR)", "", "", "", nil},
	{"memory.one.use", "memory above that of a daemon in use, 60 MB (AR), MB", "", "", "< 24 MB", atMost("memory.one.use", " MB", 24)},
	{"queued", "memory above idle, 100,000 recipients queued, MB", "", "", "< 64 MB", atMost("queued", " MB", 64)},
	{"queued.rate", "recipients accepted/s, 2,000 a courier", "", "", "", nil},
	{"pages", "landing pages/s, daemon on one core, 500 letters", "", "", "≥ 1,000", atLeast("pages", 1000)},
	{"pages.p99", "their latency, 99 %, 8 connections, ms", "", "", "< 20 ms", atMost("pages.p99", " ms", 20)},
	{"pages.cpu", "CPU of a landing page, ms", "", "", "", nil},
	{"pages.memory", "memory above that of a daemon in use, 60 MB fetched from a page, MB", "", "", "< 24 MB", atMost("pages.memory", " MB", 24)},
	{"pages.down", "the same, MB/s", "", "", "", nil},
	{"login", "accepted/s, AUTH on every connection", "the same connections, no AUTH", "login.without", "≥ 0.8 ×", times("login", "login.without", 0.8)},
}

// ceilings are the machine's own.
var ceilings = []struct{ name, figure string }{
	{"fsync", "write and fsync of 4 KiB, /s"},
	{"rsa1", "RSA-2048 signatures/s, one core"},
	{"rsaAll", "RSA-2048 signatures/s, all cores"},
	{"sha256", "SHA-256, MB/s, one core"},
	{"go-smtp", "go-smtp's DATA reader, MB/s, one client, no TLS (ours is another reader)"},
}

// print writes the table.
func (b *bench) print(to io.Writer) error {
	var t strings.Builder
	fmt.Fprintf(&t, "\n%s, %s, %d cores, median of %d rounds (least to greatest)\n\n", time.Now().UTC().Format("2006-01-02 15:04 UTC"), runtime.Version(), cores(), b.rounds)
	t.WriteString("| figure | ours | beside it | asked | is |\n|---|---|---|---|---|\n")
	for _, r := range rows {
		if b.seen.has(r.name) {
			t.WriteString(r.line(b.seen))
		}
	}
	if b.seen.has("fsync") {
		t.WriteString("\n| the machine's own ceilings | |\n|---|---|\n")
	}
	for _, c := range ceilings {
		if b.seen.has(c.name) {
			fmt.Fprintf(&t, "| %s | %s%s |\n", c.figure, number(b.seen.median(c.name)), b.seen.spread(c.name))
		}
	}
	_, err := io.WriteString(to, t.String())
	return err
}

func (r row) line(s samples) string {
	beside, is := "", ""
	if r.peerKey != "" {
		if !s.has(r.peerKey) {
			return ""
		}
		beside = fmt.Sprintf("%s: %s%s", r.peer, number(s.median(r.peerKey)), s.spread(r.peerKey))
	}
	if r.is != nil {
		text, enough := r.is(s)
		is = text
		if r.asked != "" && !enough {
			is = "**" + text + "**, short"
		}
	}
	return fmt.Sprintf("| %s | %s%s | %s | %s | %s |\n", r.figure, number(s.median(r.name)), s.spread(r.name), beside, r.asked, is)
}
