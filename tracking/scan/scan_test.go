package scan_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"vaguemestre/deploy/sandbox"
	"vaguemestre/gateway"
	"vaguemestre/tracking/scan"
)

const patience = time.Minute

func startClamd(t *testing.T, maxLength int) *sandbox.Clamd {
	t.Helper()
	sandbox.Need(t, "clamd")
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c, err := sandbox.StartClamd(ctx, maxLength)
	if err != nil {
		t.Fatal(err)
	}
	sandbox.Attach(t, "clamd", c)
	return c
}

func TestARealClamdFindsEicarAndNothingElse(t *testing.T) {
	c := startClamd(t, 1)
	for _, via := range []scan.Clamd{{Network: "tcp", Address: c.Address, Timeout: patience}, {Network: "unix", Address: c.Socket, Timeout: patience}} {
		if found, err := via.Scan(t.Context(), strings.NewReader(sandbox.Eicar)); err != nil || !strings.Contains(found, "Eicar-Test-Signature") {
			t.Errorf("%s: Eicar is %q, %v", via.Network, found, err)
		}
		for _, harmless := range []string{"", "bonjour", strings.Repeat("a", 200_000)} {
			if found, err := via.Scan(t.Context(), strings.NewReader(harmless)); err != nil || found != "" {
				t.Errorf("%s: %d bytes are %q, %v", via.Network, len(harmless), found, err)
			}
		}
	}
}

func TestAContentOverTheScannersLimitIsNotCalledClean(t *testing.T) {
	c := startClamd(t, 1)
	_, err := scan.Clamd{Network: "tcp", Address: c.Address, Timeout: patience}.Scan(t.Context(), bytes.NewReader(make([]byte, 8<<20)))
	if err == nil {
		t.Fatal("8 MB pass a scanner that takes 1")
	}
}

func TestAScannerThatIsGoneOrSaysNonsenseIsAnOutage(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for _, says := range []string{"", "stream: OK", "stream: what FOUND it ERROR\x00", "INSTREAM size limit exceeded. ERROR\x00"} {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.ReadFull(conn, make([]byte, len("zINSTREAM\x00")+4+1+4)) // one chunk of one byte, and its end
			_, _ = io.WriteString(conn, says)
			_ = conn.Close()
		}
	})
	c := scan.Clamd{Network: "tcp", Address: l.Addr().String(), Timeout: patience}
	for range 4 {
		if found, err := c.Scan(t.Context(), strings.NewReader("x")); err == nil {
			t.Errorf("verdict %q", found)
		}
	}
	wg.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Scan(t.Context(), strings.NewReader("x")); err == nil {
		t.Error("nobody listens, and it is clean")
	}
}

func TestAFaultOfTheContentIsTold(t *testing.T) {
	c := startClamd(t, 1)
	broken := errors.New("disk")
	_, err := scan.Clamd{Network: "tcp", Address: c.Address, Timeout: patience}.Scan(t.Context(), io.MultiReader(strings.NewReader("x"), failing{broken}))
	if !errors.Is(err, broken) {
		t.Fatal(err)
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

// counting calls everything that begins with X infected.
type counting struct {
	asked int
	err   error
}

func (c *counting) Scan(_ context.Context, r io.Reader) (string, error) {
	c.asked++
	text, err := io.ReadAll(r)
	if err = errors.Join(err, c.err); err != nil {
		return "", err
	}
	if bytes.HasPrefix(text, []byte("X")) {
		return "Found", nil
	}
	return "", nil
}

func TestVerdictsAreKeptForAWhileAndOutagesAreNot(t *testing.T) {
	now := time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)
	s := &counting{err: errors.New("away")}
	k := scan.NewKeeper(s, time.Hour, func() time.Time { return now }, prometheus.NewRegistry())
	judge := func(text string) (string, error) {
		return k.Judge(t.Context(), gateway.HashOf([]byte(text)), func() (io.Reader, error) { return strings.NewReader(text), nil })
	}
	if _, err := judge("X"); err == nil {
		t.Fatal("an outage is a verdict")
	}
	s.err = nil
	for range 3 {
		if found, err := judge("X"); err != nil || found != "Found" {
			t.Fatal(found, err)
		}
		if found, err := judge("a"); err != nil || found != "" {
			t.Fatal(found, err)
		}
	}
	if s.asked != 3 {
		t.Errorf("asked %d times", s.asked)
	}
	now = now.Add(time.Hour)
	if _, ok := k.Known(gateway.HashOf([]byte("X"))); ok {
		t.Error("an old verdict is still one")
	}
	if _, err := judge("X"); err != nil || s.asked != 4 {
		t.Errorf("asked %d times, %v", s.asked, err)
	}
}
