package submission

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"

	"vaguemestre/deploy/sandbox"
	"vaguemestre/gateway"
	"vaguemestre/gateway/account"
	"vaguemestre/gateway/intake"
	"vaguemestre/gateway/store"
)

// spooler is the store whose spools the tests use: opened once, for opening takes longer than a test.
var spooler *store.Store

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "submission")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	spooler, err = store.Open(context.Background(), store.Options{Path: filepath.Join(dir, "v.db"), ContentDir: filepath.Join(dir, "contents")})
	if err != nil {
		panic(err)
	}
	code := m.Run()
	if err := errors.Join(spooler.Close(), goleak.Find()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

const (
	testLogin    = "claire"
	testPassword = "un mot de passe déjà long"
	testHost     = "envoi.test"
)

// plainAuth is the initial response of AUTH PLAIN.
func plainAuth(login, password string) string {
	return base64.StdEncoding.EncodeToString([]byte("\x00" + login + "\x00" + password))
}

// memoryIntake keeps what it is handed.
type memoryIntake struct {
	mu   sync.Mutex
	got  []handed
	fail func(intake.Submission) error // nil: accept
}

type handed struct {
	intake.Submission
	content string
}

func (m *memoryIntake) Submit(ctx context.Context, s intake.Submission) (intake.Receipt, error) {
	var content []byte
	if s.Message != nil {
		var err error
		if content, err = io.ReadAll(io.NewSectionReader(s.Message.ReaderAt(), 0, s.Message.Size())); err != nil {
			return intake.Receipt{}, err
		}
	}
	m.mu.Lock()
	fail := m.fail
	m.mu.Unlock()
	if fail != nil {
		if err := fail(s); err != nil {
			return intake.Receipt{}, err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.got = append(m.got, handed{s, string(content)})
	return intake.Receipt{Outcome: intake.Accepted, Courier: gateway.Courier{ID: gateway.NewID(time.Now())}, Text: "accepté"}, ctx.Err()
}

func (m *memoryIntake) failWith(f func(intake.Submission) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = f
}

func (m *memoryIntake) all() []handed {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.got)
}

func (m *memoryIntake) reset() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.got = nil
}

// oneAgent is an account.Accounts with one agent and no hashing.
type oneAgent struct{}

var testAgent = gateway.Agent{ID: gateway.NewID(time.Unix(1_700_000_000, 0)), Login: testLogin, Addresses: []string{"claire@ville.test"}}

func (a oneAgent) Login(_ context.Context, try account.Attempt) (gateway.Agent, error) {
	switch {
	case try.Login == "panne":
		return gateway.Agent{}, &gateway.Fault{Code: 454, Enhanced: [3]int{4, 7, 0}, Op: "find the account", Key: "account.unavailable", Err: errors.New("secret cause")}
	case try.Login != testLogin || try.Password != testPassword:
		return gateway.Agent{}, refusal(535, [3]int{5, 7, 8}, "account.denied")
	}
	return testAgent, nil
}

// house is a server under test with what is around it.
type house struct {
	t       testing.TB
	s       *Server
	intake  *memoryIntake
	pool    *x509.CertPool
	ca      string // its file
	reg     *prometheus.Registry
	log     *syncBuffer
	stopped bool
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) reset() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.b.Reset()
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// open starts a server; change may alter its options.
func open(t testing.TB, change func(*Options)) *house {
	t.Helper()
	m := &memoryIntake{}
	h := openWith(t, change, m, oneAgent{})
	h.intake = m
	return h
}

func openWith(t testing.TB, change func(*Options), in Intake, accounts Accounts) *house {
	t.Helper()
	dir := t.TempDir()
	authority, err := sandbox.NewAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := authority.Leaf("envoi", testHost)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := tls.LoadX509KeyPair(pair.Certificate, pair.Key)
	if err != nil {
		t.Fatal(err)
	}
	h := &house{t: t, pool: authority.Pool(), ca: authority.File, reg: prometheus.NewRegistry(), log: &syncBuffer{}}
	o := Options{
		Hostname: testHost, StartTLS: "127.0.0.1:0", TLS: "127.0.0.1:0",
		Certificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &cert, nil },
		Logger:      slog.New(slog.NewTextHandler(h.log, nil)), Registerer: h.reg, LingerTimeout: 5 * time.Second,
	}
	if change != nil {
		change(&o)
	}
	h.s = New(o, in, accounts, spooler)
	if err := h.s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		h.stop()
		if t.Failed() {
			t.Logf("log of the server:\n%s", h.log)
		}
	})
	return h
}

// stop ends the server, cutting off what is still open.
func (h *house) stop() {
	if h.stopped {
		return
	}
	h.stopped = true
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	_ = h.s.Stop(ctx) // tests that care look at it themselves
}

// limit is how often a limit bit.
func (h *house) limit(name string) float64 {
	return testutil.ToFloat64(h.s.metrics.limits.WithLabelValues(name))
}

// talk is a raw client.
type talk struct {
	t    testing.TB
	conn net.Conn
	r    *textproto.Reader
}

func newTalk(t testing.TB, conn net.Conn) *talk {
	t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute))
	return &talk{t, conn, textproto.NewReader(bufio.NewReader(conn))}
}

func (h *house) dial() *talk {
	h.t.Helper()
	start, _ := h.s.Addr()
	conn, err := net.Dial("tcp", start.String())
	if err != nil {
		h.t.Fatal(err)
	}
	return newTalk(h.t, conn)
}

func (h *house) tlsConfig() *tls.Config { return &tls.Config{RootCAs: h.pool, ServerName: testHost} }

func (h *house) dialTLS() *talk {
	h.t.Helper()
	_, implicit := h.s.Addr()
	conn, err := tls.Dial("tcp", implicit.String(), h.tlsConfig())
	if err != nil {
		h.t.Fatal(err)
	}
	return newTalk(h.t, conn)
}

// in is a client that has logged in on the implicit TLS port.
func (h *house) in() *talk {
	h.t.Helper()
	c := h.dialTLS()
	c.want(220)
	c.ask(250, "EHLO client.test")
	c.ask(235, "AUTH PLAIN "+plainAuth(testLogin, testPassword))
	return c
}

func (c *talk) send(lines ...string) {
	c.t.Helper()
	c.raw(strings.Join(lines, "\r\n") + "\r\n")
}

func (c *talk) raw(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, text); err != nil {
		c.t.Fatalf("send: %v", err)
	}
}

// want reads one reply, which must have this code; its lines are given without codes.
func (c *talk) want(code int) string {
	c.t.Helper()
	got, text, err := c.r.ReadResponse(0)
	if err != nil && got == 0 {
		c.t.Fatalf("waiting for %d: %v", code, err)
	}
	if got != code {
		c.t.Fatalf("want %d, got %d %s", code, got, text)
	}
	return text
}

func (c *talk) ask(code int, lines ...string) string {
	c.t.Helper()
	c.send(lines...)
	return c.want(code)
}

// wantEnd checks that the server closes, and says nothing more.
func (c *talk) wantEnd() {
	c.t.Helper()
	line, err := c.r.ReadLine()
	if err == nil {
		c.t.Fatalf("the server goes on: %q", line)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		c.t.Fatal("the server does not close")
	}
}

// envelope opens a transaction with one recipient, up to the 354.
func (c *talk) envelope() {
	c.t.Helper()
	c.ask(250, "MAIL FROM:<claire@ville.test>")
	c.ask(250, "RCPT TO:<contact@entreprise.test>")
	c.ask(354, "DATA")
}

const letter = "From: claire@ville.test\r\nSubject: [TESTESR2020] bonjour\r\n\r\nBonjour.\r\n"

func wantText(t testing.TB, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q is not in %q", p, text)
		}
	}
}

var testPeer = netip.MustParseAddr("192.0.2.1")

func fill(n int) string { return strings.Repeat("x", n) }

// passwordAgent is oneAgent with another password.
type passwordAgent string

func (p passwordAgent) Login(ctx context.Context, try account.Attempt) (gateway.Agent, error) {
	if try.Password == string(p) {
		try.Password = testPassword
	}
	return oneAgent{}.Login(ctx, try)
}
