package submission

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/textproto"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/emersion/go-smtp"

	"vaguemestre/gateway"
	"vaguemestre/gateway/intake"
)

// discarding takes everything and keeps nothing: what is measured is this package.
type discarding struct{}

func (discarding) Submit(context.Context, intake.Submission) (intake.Receipt, error) {
	return intake.Receipt{Outcome: intake.Accepted, Courier: gateway.Courier{ID: testAgent.ID}, Text: "Votre courrier est accepté."}, nil
}

const (
	benchSessions = 16
	perSession    = 100
)

// sized is a message of about n octets, in lines of 76 as base64 has them.
func sized(n int) string {
	return letter + strings.Repeat(fill(76)+"\r\n", max(0, n-len(letter))/78)
}

// BenchmarkAccept: TLS, one AUTH for a session of 100 messages, 16 sessions at a time.
func BenchmarkAccept(b *testing.B) {
	for _, size := range []struct {
		name string
		n    int
	}{{"4KiB", 4 << 10}, {"100KiB", 100 << 10}, {"5MB", 5_000_000}} {
		for _, pipelined := range []bool{false, true} {
			b.Run(fmt.Sprintf("%s/pipelining=%v", size.name, pipelined), func(b *testing.B) {
				h := openWith(b, nil, discarding{}, oneAgent{})
				text := []byte(sized(size.n) + ".\r\n")
				b.SetBytes(int64(len(text)))
				b.ReportAllocs()
				inSessions(b, func(turns int) error { return h.session(text, turns, pipelined) })
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
			})
		}
	}
}

// inSessions shares b.N messages out to sessions of perSession, benchSessions at a time.
func inSessions(b *testing.B, session func(turns int) error) {
	var left atomic.Int64
	left.Store(int64(b.N))
	var wg sync.WaitGroup
	for range benchSessions {
		wg.Go(func() {
			for {
				turns := min(perSession, left.Add(-perSession)+perSession)
				if turns <= 0 {
					return
				}
				if err := session(int(turns)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func (h *house) session(text []byte, turns int, pipelined bool) error {
	_, implicit := h.s.Addr()
	conn, err := tls.Dial("tcp", implicit.String(), h.tlsConfig())
	if err != nil {
		return err
	}
	defer conn.Close()
	c := textproto.NewReader(bufio.NewReader(conn))
	say := func(lines string, codes ...int) error { return exchangeBytes(conn, c, []byte(lines), codes...) }
	if err := say("EHLO client.test\r\n", 220, 250); err != nil {
		return err
	}
	if err := say("AUTH PLAIN "+plainAuth(testLogin, testPassword)+"\r\n", 235); err != nil {
		return err
	}
	for range turns {
		if pipelined {
			err = say("MAIL FROM:<claire@ville.test>\r\nRCPT TO:<contact@entreprise.test>\r\nDATA\r\n", 250, 250, 354)
		} else {
			for _, step := range []struct {
				line string
				code int
			}{{"MAIL FROM:<claire@ville.test>\r\n", 250}, {"RCPT TO:<contact@entreprise.test>\r\n", 250}, {"DATA\r\n", 354}} {
				if err == nil {
					err = say(step.line, step.code)
				}
			}
		}
		if err == nil {
			err = exchangeBytes(conn, c, text, 250)
		}
		if err != nil {
			return err
		}
	}
	return say("QUIT\r\n", 221)
}

func exchangeBytes(conn io.Writer, c *textproto.Reader, say []byte, codes ...int) error {
	if _, err := conn.Write(say); err != nil {
		return err
	}
	for _, code := range codes {
		if _, text, err := c.ReadResponse(code); err != nil {
			return fmt.Errorf("%w: %s", err, text)
		}
	}
	return nil
}

// BenchmarkReadMessage sets our reader of messages beside the library's, which this package does not use.
func BenchmarkReadMessage(b *testing.B) {
	text := sized(5_000_000) + ".\r\n"
	b.Run("ours", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		block := make([]byte, 0, 2*buffer)
		for b.Loop() {
			m := &messageReader{
				in: bufio.NewReaderSize(strings.NewReader(text), buffer), out: io.Discard, block: block,
				maxBytes: 1 << 30, maxHeader: 1 << 20, maxLine: 998,
			}
			if err := m.read(); err != nil || m.refused != nil {
				b.Fatal(err, m.refused)
			}
		}
	})
	b.Run("library", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		p := newPipedLibrary(b)
		for b.Loop() {
			p.send(b, text)
		}
	})
}

// pipedLibrary is the library alone, without TLS, over a connection in memory.
type pipedLibrary struct {
	client *bufio.ReadWriter
}

type discardSession struct{}

func (discardSession) Reset()                               {}
func (discardSession) Logout() error                        { return nil }
func (discardSession) Mail(string, *smtp.MailOptions) error { return nil }
func (discardSession) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (discardSession) Data(r io.Reader) error               { _, err := io.Copy(io.Discard, r); return err }

func newPipedLibrary(b *testing.B) *pipedLibrary {
	l := newHandover()
	s := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return discardSession{}, nil }))
	s.ErrorLog = libraryLog{slog.New(slog.DiscardHandler)}
	served := make(chan error)
	go func() { served <- s.Serve(l) }()
	ours, theirs := net.Pipe()
	l.give(theirs)
	b.Cleanup(func() { _ = ours.Close(); _ = s.Close(); <-served })
	p := &pipedLibrary{bufio.NewReadWriter(bufio.NewReader(ours), bufio.NewWriterSize(ours, 64<<10))}
	p.read(b)
	p.say(b, "HELO a\r\n")
	return p
}

func (p *pipedLibrary) say(b *testing.B, text string) {
	_, _ = p.client.WriteString(text)
	if err := p.client.Flush(); err != nil {
		b.Fatal(err)
	}
	p.read(b)
}

func (p *pipedLibrary) read(b *testing.B) {
	line, err := p.client.ReadString('\n')
	if err != nil || line[0] > '3' {
		b.Fatalf("%q %v", line, err)
	}
}

func (p *pipedLibrary) send(b *testing.B, text string) {
	p.say(b, "MAIL FROM:<a@b.test>\r\n")
	p.say(b, "RCPT TO:<a@b.test>\r\n")
	p.say(b, "DATA\r\n")
	p.say(b, text)
}
