package submission

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"vaguemestre/gateway"
)

func TestConnectionsAreBounded(t *testing.T) {
	h := open(t, func(o *Options) { o.MaxConnections = 2 })
	first, second := h.in(), h.in()
	c := h.dial()
	wantText(t, c.want(421), "4.7.0 Le serveur a trop de connexions")
	c.wantEnd()
	if h.limit("connections") != 1 {
		t.Error("not counted")
	}
	first.ask(221, "QUIT")
	first.wantEnd()
	second.ask(250, "NOOP")
	waitFor(t, h, func() bool { return len(h.s.open) == 1 })
	h.in().ask(250, "NOOP")
}

// waitFor waits until the server's goroutines have noticed.
func waitFor(t *testing.T, h *house, ready func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); <-tick.C {
		h.s.mu.Lock()
		ok := ready()
		h.s.mu.Unlock()
		if ok {
			return
		}
	}
	t.Fatal("it never happens")
}

func TestSessionsPerAddressAreBounded(t *testing.T) {
	h := open(t, func(o *Options) { o.MaxPerAddress = 1 })
	c := h.in()
	wantText(t, h.dial().want(421), "Trop de connexions sont ouvertes depuis votre adresse")
	if h.limit("sessions-per-address") != 1 {
		t.Error("not counted")
	}
	c.ask(221, "QUIT")
	c.wantEnd()
	waitFor(t, h, func() bool { return len(h.s.open) == 0 && len(h.s.perPeer) == 0 })
}

func TestFailedLoginsEndTheSession(t *testing.T) {
	h := open(t, nil)
	c := h.dialTLS()
	c.want(220)
	c.ask(250, "EHLO client.test")
	c.ask(535, "AUTH PLAIN "+plainAuth(testLogin, "faux"))
	c.ask(535, "AUTH PLAIN "+plainAuth(testLogin, "faux"))
	c.ask(535, "AUTH PLAIN "+plainAuth(testLogin, "faux"))
	wantText(t, c.want(421), "4.7.0 Trop d'essais de connexion infructueux")
	c.wantEnd()
	if h.limit("failed-logins") != 1 {
		t.Error("not counted")
	}
	if strings.Contains(h.log.String(), "faux") {
		t.Error("a password is in the log")
	}
}

func TestCommandsAreBounded(t *testing.T) {
	h := open(t, func(o *Options) { o.MaxCommands = 5 })
	for _, c := range []*talk{h.in(), h.dial()} {
		if c.conn.RemoteAddr() == nil {
			t.Fatal("not connected")
		}
		c.raw(strings.Repeat("NOOP\r\n", 10))
		var last int
		for {
			code, _, err := c.r.ReadResponse(0)
			if code == 0 {
				break
			}
			last = code
			_ = err
		}
		if last != 421 {
			t.Errorf("last reply %d", last)
		}
	}
	if h.limit("commands") != 2 {
		t.Errorf("counted %v", h.limit("commands"))
	}
}

func TestRecipientsAreBounded(t *testing.T) {
	h := open(t, func(o *Options) { o.MaxRecipients = 2 })
	c := h.in()
	c.ask(250, "MAIL FROM:<claire@ville.test>")
	c.ask(250, "RCPT TO:<a@b.test>")
	c.ask(250, "RCPT TO:<b@b.test>")
	wantText(t, c.ask(550, "RCPT TO:<c@b.test>"), "5.5.3 Votre courrier a 3 destinataires, le maximum est 2")
	c.ask(550, "RCPT TO:<d@b.test>")
	c.ask(354, "DATA")
	wantText(t, c.ask(550, letter+"."), "5.5.3 Votre courrier a 4 destinataires, le maximum est 2")
	if h.limit("recipients") != 1 || len(h.intake.all()) != 0 {
		t.Errorf("counted %v, handed in %d", h.limit("recipients"), len(h.intake.all()))
	}
}

func TestSizesAreBounded(t *testing.T) {
	h := open(t, func(o *Options) { o.MaxBytes = 10_000 })
	c := h.in()
	wantText(t, c.ask(552, "MAIL FROM:<claire@ville.test> SIZE=10001"), "5.3.4 Votre message pese")
	body := func(n int) string { // n octets in all
		line := fill(98) + "\r\n"
		return "Subject: x\r\n\r\n" + strings.Repeat(line, (n-14)/100) + fill((n-14)%100-2) + "\r\n"
	}
	c.envelope()
	c.raw(body(10_000) + ".\r\n")
	c.want(250)
	c.envelope()
	c.raw(body(10_001) + ".\r\n")
	wantText(t, c.want(552), "5.3.4 Votre message pese", "le maximum est de")
	c.ask(250, "NOOP")
	c.envelope()
	c.raw(body(30_000))
	c.want(552)
	c.wantEnd() // it would have gone on for ever
	if got := h.intake.all(); len(got) != 1 || got[0].Message.Size() != 0 && len(got[0].content) != 10_000 {
		t.Errorf("handed in %d", len(got))
	}
	if h.limit("size") != 3 {
		t.Errorf("counted %v", h.limit("size"))
	}
}

func TestHeadersAreBounded(t *testing.T) {
	h := open(t, func(o *Options) { o.MaxHeaderBytes = 1000 })
	c := h.in()
	c.envelope()
	c.raw(strings.Repeat("X-A: "+fill(90)+"\r\n", 11) + "\r\nbody\r\n.\r\n")
	wantText(t, c.want(552), "5.3.4 Les en-tetes")
	c.envelope()
	c.raw("Subject: x\r\n\r\n" + strings.Repeat(fill(90)+"\r\n", 50) + ".\r\n")
	c.want(250)
	if h.limit("header") != 1 {
		t.Error("not counted")
	}
}

func TestCommandLinesAreBounded(t *testing.T) {
	h := open(t, nil)
	for _, n := range []int{2100, 100_000} {
		c := h.in()
		c.raw("NOOP " + fill(n) + "\r\n")
		wantText(t, c.want(500), "5.5.2 Une commande de votre logiciel de messagerie est trop longue")
		c.wantEnd()
	}
	if h.limit("command-line") != 2 {
		t.Errorf("counted %v", h.limit("command-line"))
	}
}

func TestSlowClientsAreCutOff(t *testing.T) {
	const short = time.Second // long enough for a busy machine to come to the stage
	for _, c := range []struct {
		limit  string
		change func(*Options)
		open   func(*house) *talk
	}{
		{"command-time", func(o *Options) { o.CommandTimeout = short }, func(h *house) *talk { return h.in() }},
		{"command-time", func(o *Options) { o.CommandTimeout = short }, func(h *house) *talk {
			k := h.in()
			k.raw("NOO") // a line that does not end
			return k
		}},
		{"command-time", func(o *Options) { o.CommandTimeout = short }, func(h *house) *talk {
			k := h.in()
			k.ask(250, "MAIL FROM:<claire@ville.test>")
			return k
		}},
		{"login-time", func(o *Options) { o.LoginTimeout = short }, func(h *house) *talk {
			k := h.dial()
			k.want(220)
			return k
		}},
		{"session-time", func(o *Options) { o.SessionTimeout = 2 * short }, func(h *house) *talk { return h.in() }},
		{"data-time", func(o *Options) { o.BlockTimeout = short }, func(h *house) *talk {
			k := h.in()
			k.envelope()
			k.raw("Subject: ")
			return k
		}},
		{"data-time", func(o *Options) { o.DataTimeout = 2 * short }, func(h *house) *talk {
			k := h.in()
			k.envelope()
			for range 3 {
				k.raw("x\r\n")
			}
			return k
		}},
	} {
		t.Run(c.limit, func(t *testing.T) {
			t.Parallel()
			h := open(t, c.change)
			k := c.open(h)
			wantText(t, k.want(421), "4.4.2 Rien n'a ete recu a temps")
			k.wantEnd()
			if h.limit(c.limit) != 1 {
				t.Error("not counted")
			}
			if len(h.intake.all()) != 0 {
				t.Error("something was handed in")
			}
		})
	}
}

func TestASilentHandshakeIsCutOff(t *testing.T) {
	h := open(t, func(o *Options) { o.GreetTimeout = 100 * time.Millisecond })
	c := h.dial()
	c.want(220)
	c.ask(220, "STARTTLS")
	if _, err := io.ReadAll(c.conn); err != nil {
		t.Logf("closed with %v", err)
	}
	waitFor(t, h, func() bool { return len(h.s.open) == 0 })
	if h.limit("handshake-time") != 1 {
		t.Error("not counted")
	}
}

func TestALostConnectionHandsNothingIn(t *testing.T) {
	h := open(t, nil)
	c := h.in()
	c.envelope()
	c.raw(letter)
	c.conn.Close()
	waitFor(t, h, func() bool { return len(h.s.open) == 0 })
	if len(h.intake.all()) != 0 || h.limit("lost") != 1 {
		t.Errorf("handed in %d, counted %v", len(h.intake.all()), h.limit("lost"))
	}
}

func TestAFullDiskIsTemporary(t *testing.T) {
	h := open(t, nil)
	c := h.in()
	m := &messageReader{
		in: newWire(h.s, c.conn, testPeer).in, out: broken{}, block: make([]byte, 0, 8), maxBytes: 1 << 20, maxHeader: 1 << 10, maxLine: 998,
	}
	m.in.Reset(strings.NewReader(letter + ".\r\nQUIT\r\n"))
	if err := m.read(); err != nil || m.failed == nil {
		t.Fatalf("read: %v, failed: %v", err, m.failed)
	}
	if r := h.s.words.reply(m.failed, false); r.Code != 452 || strings.Contains(r.Message, "secret") {
		t.Errorf("reply %+v", r)
	}
	if rest, _ := io.ReadAll(m.in); string(rest) != "QUIT\r\n" {
		t.Errorf("read past the end, %q is left", rest)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) {
	return 0, &gateway.Fault{Class: gateway.Temporary, Code: 452, Enhanced: [3]int{4, 3, 1}, Op: "spool", Err: errors.New("secret: no space left")}
}
