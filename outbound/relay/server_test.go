package relay

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"log/slog"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What a script may answer beside text.
const (
	hangUp  = "!close"
	stall   = "!stall"
	resetIt = "!reset"
)

// script is a smarthost that does as it is told. A verb without an answer gets the usual one.
// The verbs: GREETING, EHLO, HELO, STARTTLS, AUTH, AUTH2 (after a challenge), MAIL, RCPT, DATA,
// BODY (in the middle of the message), DOT, RSET, QUIT.
type script struct {
	answers    map[string]string
	extensions string // separated by spaces, "=" for a space; "-" for none
	tls        *tls.Config
	implicit   bool
	once       bool // the answers hold for the first connection only
}

// received is one message as the server took it.
type received struct {
	from, to string // whole commands
	data     []byte // with the dot-stuffing undone
}

type server struct {
	script
	t        testing.TB
	listener net.Listener
	stop     chan struct{}
	left     chan struct{} // receives when the server has left a connection by itself
	done     sync.WaitGroup

	mu          sync.Mutex
	commands    []string
	messages    []received
	connections int
}

func serve(t testing.TB, sc script) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{script: sc, t: t, listener: l, stop: make(chan struct{}), left: make(chan struct{}, 100)}
	s.done.Go(s.accept)
	t.Cleanup(func() {
		close(s.stop)
		_ = l.Close()
		s.done.Wait()
	})
	return s
}

func (s *server) address() string { return s.listener.Addr().String() }

func (s *server) accept() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.connections++
		first := s.connections == 1
		s.mu.Unlock()
		s.done.Go(func() {
			ended := make(chan struct{})
			s.done.Go(func() {
				select {
				case <-s.stop:
				case <-ended:
				}
				_ = c.Close()
			})
			(&talk{server: s, first: first, raw: c, conn: c}).run()
			_ = c.Close()
			s.left <- struct{}{}
			close(ended)
		})
	}
}

func (s *server) took() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]received(nil), s.messages...)
}

func (s *server) said(verb string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.commands {
		if strings.HasPrefix(strings.ToUpper(c), verb) {
			n++
		}
	}
	return n
}

func (s *server) opened() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.connections
}

// talk is one connection.
type talk struct {
	*server
	first   bool
	raw     net.Conn
	conn    net.Conn
	r       *bufio.Reader
	secure  bool
	current received
}

func (c *talk) run() {
	if c.implicit && !c.secureIt() {
		return
	}
	c.r = bufio.NewReader(c.conn)
	if !c.answer("GREETING", "220 mx.example.net ESMTP ready") {
		return
	}
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		c.mu.Lock()
		c.commands = append(c.commands, line)
		c.mu.Unlock()
		if !c.obey(line) {
			return
		}
	}
}

func (c *talk) secureIt() bool {
	conn := tls.Server(c.raw, c.tls)
	if conn.Handshake() != nil {
		return false
	}
	c.conn, c.secure = conn, true
	return true
}

func (c *talk) obey(line string) bool {
	verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
	switch verb {
	case "EHLO":
		return c.answer(verb, c.greetingLines())
	case "STARTTLS":
		if !c.answer(verb, "220 2.0.0 go ahead") {
			return false
		}
		if !c.secureIt() {
			return false
		}
		c.r = bufio.NewReader(c.conn)
		return true
	case "AUTH":
		return c.auth()
	case "MAIL":
		c.current = received{from: line}
		return c.answer(verb, "250 2.1.0 ok")
	case "RCPT":
		c.current.to = line
		return c.answer(verb, "250 2.1.5 ok")
	case "DATA":
		return c.data()
	case "QUIT":
		c.answer(verb, "221 2.0.0 bye")
		return false
	}
	return c.answer(verb, "250 2.0.0 ok")
}

func (c *talk) greetingLines() string {
	lines := []string{"mx.example.net"}
	switch c.extensions {
	case "-":
	case "":
		lines = append(lines, "PIPELINING", "SIZE 10000000", "8BITMIME", "DSN", "SMTPUTF8", "ENHANCEDSTATUSCODES")
	default:
		for word := range strings.FieldsSeq(c.extensions) {
			lines = append(lines, strings.ReplaceAll(word, "=", " "))
		}
	}
	if c.tls != nil && !c.secure {
		lines = append(lines, "STARTTLS")
	}
	var b strings.Builder
	for i, l := range lines {
		sep := "-"
		if i == len(lines)-1 {
			sep = " "
		}
		b.WriteString("250" + sep + l + "\r\n")
	}
	return strings.TrimSuffix(b.String(), "\r\n")
}

func (c *talk) auth() bool {
	if !c.answer("AUTH", "235 2.7.0 welcome") {
		return false
	}
	if !strings.HasPrefix(c.answers["AUTH"], "334") {
		return true
	}
	for _, verb := range []string{"AUTH2", "AUTH3"} {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return false
		}
		c.mu.Lock()
		c.commands = append(c.commands, verb+" "+strings.TrimRight(line, "\r\n"))
		c.mu.Unlock()
		if !c.answer(verb, "235 2.7.0 welcome") {
			return false
		}
		if !strings.HasPrefix(c.answers[verb], "334") {
			break
		}
	}
	return true
}

func (c *talk) data() bool {
	if !c.answer("DATA", "354 go on") {
		return false
	}
	if a := c.answers["DATA"]; a != "" && !strings.HasPrefix(a, "354") && c.applies() {
		return true
	}
	var b bytes.Buffer
	for n := 0; ; n++ {
		line, err := c.r.ReadBytes('\n')
		if err != nil {
			return false
		}
		if string(line) == ".\r\n" {
			break
		}
		b.Write(bytes.TrimPrefix(line, []byte(".")))
		if n == 10 && c.answers["BODY"] != "" && c.applies() {
			c.answer("BODY", "")
			return false
		}
	}
	c.current.data = b.Bytes()
	if a := c.answers["DOT"]; a == "" || a[0] == '2' || !c.applies() {
		c.mu.Lock()
		c.messages = append(c.messages, c.current)
		c.mu.Unlock()
	}
	return c.answer("DOT", "250 2.0.0 Ok: queued as 4F1A")
}

func (c *talk) applies() bool { return !c.once || c.first }

// answer sends the scripted or the usual answer; false ends the connection.
func (c *talk) answer(verb, usual string) bool {
	text, scripted := c.answers[verb]
	if !scripted || !c.applies() {
		text = usual
	}
	switch text {
	case hangUp:
		return false
	case resetIt:
		_ = c.raw.(*net.TCPConn).SetLinger(0)
		return false
	case stall:
		_, _ = io.Copy(io.Discard, c.conn)
		return false
	}
	_, err := io.WriteString(c.conn, strings.ReplaceAll(text, "|", "\r\n")+"\r\n")
	return err == nil
}

// certificates

type authority struct {
	pool *x509.CertPool
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority(t testing.TB) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	model := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, model, model, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{pool: x509.NewCertPool(), cert: cert, key: key}
	a.pool.AddCert(cert)
	return a
}

func (a *authority) issue(t testing.TB, name string, after time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	model := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: after, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, model, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func pinOf(c tls.Certificate) [32]byte { return sha256.Sum256(c.Leaf.RawSubjectPublicKeyInfo) }

// relayTo makes a relay with short limits, running until the test ends.
func relayTo(t testing.TB, o Options, hosts ...Host) *Relay {
	t.Helper()
	o.Name, o.Hosts = "gateway.example.org", hosts
	o.Logger = slog.New(slog.DiscardHandler)
	if o.Timeouts == (Timeouts{}) {
		o.Timeouts = Timeouts{Connect: 2 * time.Second, TLS: 2 * time.Second, Greeting: 10 * time.Second, Command: 10 * time.Second, DataStart: 10 * time.Second, Block: 10 * time.Second, Final: 10 * time.Second}
	}
	r, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() { _ = r.Run(ctx) })
	t.Cleanup(func() { stop(); running.Wait() })
	return r
}

func clear1(s *server) Host { return Host{Address: s.address(), TLS: TLSNone} }

func text(s string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, s)
		return err
	}
}

const letter = "From: courrier@example.org\r\nTo: a@example.net\r\nSubject: Rejet\r\n\r\nBonjour,\r\n.\r\n..x\r\nfin\r\n"

func letterEnvelope() Envelope {
	return Envelope{
		From: "courrier+b-abc@example.org", To: "a+b@example.net", ENVID: "id.0.l", ORCPT: "a+b@example.net",
		Notify: NotifyAll, MessageID: "<1@example.org>", Date: signedAt,
	}
}

// discardSink is a smarthost that takes everything fast and keeps nothing.
func discardSink(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	done.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			done.Go(func() { sink(c) })
		}
	})
	t.Cleanup(func() { _ = l.Close(); done.Wait() })
	return l.Addr().String()
}

func sink(c net.Conn) {
	defer func() { _ = c.Close() }()
	r := bufio.NewReaderSize(c, 64<<10)
	say := func(s string) { _, _ = io.WriteString(c, s) }
	say("220 sink\r\n")
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return
		}
		switch string(line[:4]) {
		case "EHLO":
			say("250-sink\r\n250-PIPELINING\r\n250-SIZE\r\n250 DSN\r\n")
		case "DATA":
			say("354 go\r\n")
			if !skipData(r) {
				return
			}
			say("250 ok\r\n")
		case "QUIT":
			say("221 bye\r\n")
			return
		default:
			say("250 ok\r\n")
		}
	}
}

func skipData(r *bufio.Reader) bool {
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return false
		}
		if len(line) == 3 && line[0] == '.' {
			return true
		}
	}
}
