package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"vaguemestre/cmd/internal/daemon"
	"vaguemestre/deploy/sandbox"
	"vaguemestre/gateway"
)

// metric is the sum of the series whose name and labels hold all of those pieces.
func (i *installation) metric(name string, pieces ...string) (sum float64) {
	i.Helper()
series:
	for _, line := range strings.Split(i.metrics(), "\n") {
		rest, ok := strings.CutPrefix(line, name)
		if !ok || rest == "" || (rest[0] != ' ' && rest[0] != '{') {
			continue
		}
		for _, piece := range pieces {
			if !strings.Contains(line, piece) {
				continue series
			}
		}
		v, err := strconv.ParseFloat(line[strings.LastIndexByte(line, ' ')+1:], 64)
		if err != nil {
			i.Fatal(err)
		}
		sum += v
	}
	return sum
}

// ready asks /readyz.
func (i *installation) ready() bool {
	got, err := http.Get("http://" + i.cfg.Metrics.Listen + "/readyz")
	if err != nil {
		return false
	}
	defer got.Body.Close()
	_, _ = io.Copy(io.Discard, got.Body) // so that the connection is used again
	return got.StatusCode == http.StatusOK
}

// refusedForNow submits until a message is put off, and gives the keys of those that were taken before. Nothing may be
// refused for good.
func (c client) refusedForNow(prefix string, size int) (taken []string) {
	c.Helper()
	for n := 0; ; n++ {
		key := fmt.Sprintf("%s-%d", prefix, n)
		got := c.submit(key, c.letter(key, size))
		switch {
		case got.temporary():
			return taken
		case got.code != 250:
			c.Fatalf("an outage of ours is refused for good: %s", got)
		}
		taken = append(taken, key)
		if c.ctx.Err() != nil {
			c.Fatal("everything is taken")
		}
	}
}

// again submits until it is taken, as an outbox does.
func (c client) again(key string, size int) gateway.ID {
	c.Helper()
	message := c.letter(key, size)
	var got answer
	c.until("taken again: "+key, func() bool {
		got = c.submit(key, message)
		if !got.temporary() && got.code != 250 {
			c.Fatalf("refused for good: %s", got)
		}
		return got.code == 250
	})
	return c.number(got)
}

// arrived waits for all of them in the world's boxes.
func (c client) arrived(w *sandbox.World, keys ...string) {
	c.Helper()
	for _, key := range keys {
		c.mail(w, key)
	}
}

// recovers says that what was taken before, and what is sent now, arrives and is reported, and the ledger holds.
func (c client) recovers(w *sandbox.World, before ...string) {
	c.Helper()
	c.until("ready again", c.ready)
	after := c.again("apres", 0)
	c.arrived(w, append(before, "apres")...)
	s := c.look()
	c.event(s, after, boxOf("apres"), gateway.Delivered)
	c.until("every report is in", func() bool { return settledAll(c.installation, s) })
}

func (c client) endsIntact() {
	c.Helper()
	c.stop()
	if out := c.must("", "ledger", "verify"); !strings.Contains(out, "intact") {
		c.Error(out)
	}
}

func TestFaultDatabaseGone(t *testing.T) {
	t.Parallel()
	server, extra := startPostgres(t)
	i, w, clientTLS := installDemoWorld(t, extra)
	i.feed()
	i.serve()
	c := client{installation: i, tls: clientTLS}
	c.accepted("avant", c.letter("avant", 0))
	link := c.link(w, "avant")
	server.Kill()
	c.refusedForNow("sans", 0)
	if c.ready() {
		t.Error("ready without a database")
	}
	if c.metric("vaguemestre_store_up") != 0 {
		t.Error("the metrics say that the store is up")
	}
	if code, page := c.browse(http.MethodGet, link, nil); code != http.StatusServiceUnavailable {
		t.Errorf("the page of a letter says %d\n%s", code, page)
	}
	if _, err := w.Reply(i.ctx, c.mail(w, "avant"), "Réponse pendant la panne."); err != nil {
		t.Fatal(err)
	}
	if err := server.Restart(i.ctx); err != nil {
		t.Fatal(err)
	}
	c.recovers(w, "avant")
	s := i.look()
	couriers := allCouriers(i, s)
	i.event(s, couriers[len(couriers)-1].ID, boxOf("avant"), gateway.Replied)
	c.press(link)
	c.endsIntact()
}

func TestFaultDatabaseReadOnly(t *testing.T) {
	t.Parallel()
	server, extra := startPostgres(t)
	i, w, clientTLS := installDemoWorld(t, extra)
	i.feed()
	i.serve()
	c := client{installation: i, tls: clientTLS}
	c.accepted("avant", c.letter("avant", 0))
	link := c.link(w, "avant")
	form := c.form(link)
	s := i.look()
	i.until("at rest", func() bool { return settledAll(i, s) })
	readOnly := func(value string) {
		for _, query := range []string{"ALTER SYSTEM SET default_transaction_read_only = " + value, "SELECT pg_reload_conf()"} {
			cmd := exec.CommandContext(i.ctx, "psql", server.DSN("postgres"), "-qtAc", "SET default_transaction_read_only = off", "-c", query)
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
		}
	}
	readOnly("on")
	i.until("the gateway sees it", func() bool { return !i.ready() })
	c.refusedForNow("fige", 0)
	if code, _ := c.browse(http.MethodPost, link, form); code != http.StatusServiceUnavailable {
		t.Errorf("an acknowledgement that cannot be recorded is answered %d", code)
	}
	if c.metric("vaguemestre_store_transactions_total", `outcome="failed"`) == 0 {
		t.Error("the metrics show no failed transaction")
	}
	readOnly("off")
	c.recovers(w, "avant")
	c.press(link)
	c.endsIntact()
}

func TestFaultFullDisk(t *testing.T) {
	t.Parallel()
	i, w, clientTLS := installDemoWorld(t, "")
	data := i.cfg.DataDir
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("vgm", data, "tmpfs", 0, "size=24m"); err != nil {
		t.Fatalf("a small disk can only be mounted by root: %v", err)
	}
	t.Cleanup(func() {
		i.kill()
		if err := syscall.Unmount(data, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	i.feed()
	i.serve()
	c := client{installation: i, tls: clientTLS}
	c.accepted("avant", c.letter("avant", 0))
	c.arrived(w, "avant")
	filler := filepath.Join(data, "filler")
	fill(t, filler)
	taken := c.refusedForNow("grand", 2_000_000)
	taken = append(taken, c.refusedForNow("petit", 0)...)
	i.until("the metrics show it", func() bool {
		return i.metric("vaguemestre_store_transactions_total", `outcome="failed"`) > 0 && i.metric("vaguemestre_submission_couriers_total", `outcome="deferred"`) > 0
	})
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	c.recovers(w, append(taken, "avant")...)
	c.again("grand-apres", 2_000_000)
	c.arrived(w, "grand-apres")
	c.endsIntact()
}

// fill takes all the room that a disk has.
func fill(t *testing.T, path string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
}

func TestFaultContentStoreGone(t *testing.T) {
	t.Parallel()
	i, w, clientTLS := installDemoWorld(t, "")
	i.feed()
	i.serve()
	c := client{installation: i, tls: clientTLS}
	c.accepted("avant", c.letter("avant", 300_000))
	link := c.link(w, "avant")
	form := c.form(link)
	contents := filepath.Join(i.cfg.DataDir, "contents")
	if err := os.Rename(contents, contents+".gone"); err != nil {
		t.Fatal(err)
	}
	c.refusedForNow("grand", 300_000)
	c.accepted("petit", c.letter("petit", 0))
	c.arrived(w, "petit")
	if code, page := c.browse(http.MethodPost, link, form); code != http.StatusServiceUnavailable && code != http.StatusOK {
		t.Errorf("the page says %d\n%s", code, page)
	}
	if c.metric("vaguemestre_submission_couriers_total", `outcome="deferred"`) == 0 {
		t.Error("the metrics show nothing")
	}
	if err := os.Rename(contents+".gone", contents); err != nil {
		t.Fatal(err)
	}
	if _, page := c.browse(http.MethodGet, link, nil); !strings.Contains(page, "plan.bin") && !strings.Contains(c.press(link), "plan.bin") {
		t.Errorf("the file is not shown again:\n%s", page)
	}
	c.recovers(w, "avant", "petit")
	c.accepted("grand-apres", c.letter("grand-apres", 300_000))
	c.arrived(w, "grand-apres")
	c.endsIntact()
}

// clock is a clock that a test sets.
type clock struct {
	mu  sync.Mutex
	off time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.off)
}

func (c *clock) set(off time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.off = off
}

// inside runs the daemon in this process, on a clock of the test's; end stops it.
func (i *installation) inside(c *clock) (end func()) {
	i.Helper()
	d, err := daemon.New(i.ctx, i.cfg, daemon.Options{Log: slog.New(slog.NewTextHandler(i.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Now: c.now})
	if err != nil {
		i.Fatal(err)
	}
	if err := d.Start(i.ctx); err != nil {
		i.Fatal(err)
	}
	end = sync.OnceFunc(func() {
		http.DefaultClient.CloseIdleConnections()
		if err := d.Stop(context.WithoutCancel(i.ctx)); err != nil {
			i.Error(err)
		}
	})
	i.Cleanup(end)
	i.until("ready", i.ready)
	return end
}

func TestFaultClockSetForwardAndBack(t *testing.T) {
	t.Parallel()
	i, w, clientTLS := installDemoWorld(t, "")
	i.feed()
	hands := &clock{}
	end := i.inside(hands)
	c := client{installation: i, tls: clientTLS}
	s := i.look()
	var keys []string
	for n, off := range []time.Duration{0, 3 * 24 * time.Hour, 0, -3 * 24 * time.Hour, -time.Hour, 0} {
		hands.set(off)
		key := fmt.Sprintf("heure-%d", n)
		id := c.again(key, 0)
		c.arrived(w, key)
		i.event(s, id, boxOf(key), gateway.Delivered)
		keys = append(keys, key)
	}
	for _, key := range keys {
		if n := len(w.Mails(boxOf(key))); n != 1 {
			t.Errorf("%s arrived %d times", key, n)
		}
	}
	var last time.Time
	events, err := s.EventsFrom(i.ctx, 0, 1000)
	if err != nil || len(events) == 0 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	for _, e := range events {
		if e.Recorded.Before(last) {
			t.Errorf("%s was recorded at %s, after %s", e.Kind, e.Recorded, last)
		}
		last = e.Recorded
	}
	end()
	if out := i.must("", "ledger", "verify"); !strings.Contains(out, "intact") {
		t.Error(out)
	}
}
