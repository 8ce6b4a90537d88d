package submission

import (
	"bufio"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"regexp"
	"strings"
	"testing"
)

// states are how far a session has come before the unknown begins: what was said, and the codes answered.
var states = []struct {
	name   string
	secure bool
	script []string
	codes  []int
}{
	{"greeting", false, nil, nil},
	{"hello", false, []string{"EHLO client.test"}, []int{250}},
	{"login", true, nil, nil},
	{"mail", true, []string{"MAIL FROM:<claire@ville.test>"}, []int{250}},
	{"rcpt", true, []string{"MAIL FROM:<claire@ville.test>", "RCPT TO:<a@b.test>"}, []int{250, 250}},
	{"data", true, []string{"MAIL FROM:<claire@ville.test>", "RCPT TO:<a@b.test>", "DATA"}, []int{250, 250, 354}},
}

var replyLine = regexp.MustCompile(`^[2-5][0-5][0-9][ -][^\r\n]*\r\n$`)

// FuzzSession sends raw bytes to a session in each of its states. Whatever they are, the server
// answers in well-formed lines, ends when the client does, never panics, and hands in only
// messages of strict lines, from the agent, to addresses that it checked.
func FuzzSession(f *testing.F) {
	for state := range states {
		for _, raw := range []string{
			"", "QUIT\r\n", "NOOP\r\nRSET\r\nVRFY x\r\nHELP\r\n", second, letter + ".\r\n" + second, "a\n.\n" + second, "\r\n.\r\r\n", "STARTTLS\r\n" + second,
			"BDAT 5 LAST\r\nabcde", "AUTH LOGIN\r\n*\r\nAUTH PLAIN " + plainAuth(testLogin, testPassword) + "\r\n", "EHLO [127.0.0.1]\r\n" + second + "QUIT\r\n",
			"MAIL FROM:<\"a b\"@c.d> SIZE=10 BODY=8BITMIME RET=FULL ENVID=x SMTPUTF8\r\nRCPT TO:<é@é> NOTIFY=NEVER ORCPT=utf-8;\\x{10}\r\nDATA\r\n..\r\n.\r\n",
			"RCPT TO:<\"x> NOTIFY=NEVER <y\"@d>\r\nDATA\r\n.\r\n", strings.Repeat("NOOP\r\n", 40), fill(3000) + "\r\n", fill(20_000) + "\r\n.\r\n", "\x00\xff\xfe\r\n",
		} {
			f.Add(state, []byte(raw))
		}
	}
	h := open(f, func(o *Options) { o.MaxBytes, o.MaxRecipients, o.MaxCommands = 20_000, 5, 30 })
	f.Fuzz(func(t *testing.T, state int, raw []byte) {
		if state < 0 || state >= len(states) || len(raw) > 1<<16 {
			return
		}
		h.t = t
		h.log.reset()
		h.intake.reset()
		replies := h.throw(state, raw)
		for line := range strings.SplitAfterSeq(replies, "\r\n") {
			if line != "" && (!replyLine.MatchString(line) || len(line) > 512 && !strings.Contains(line, "<")) {
				t.Errorf("reply %q", line)
			}
		}
		for _, got := range h.intake.all() {
			h.strict(got)
		}
		if strings.Contains(h.log.String(), "panic") {
			t.Error("it panicked")
		}
	})
}

// throw brings a session to a state, sends raw bytes, and gives all that the server says then.
func (h *house) throw(state int, raw []byte) string {
	s := states[state]
	var c *talk
	if s.secure {
		c = h.in()
	} else {
		c = h.dial()
		c.want(220)
	}
	defer c.conn.Close()
	for i, line := range s.script {
		c.ask(s.codes[i], line)
	}
	go func() {
		_, _ = c.conn.Write(raw) // the server may have closed
		switch conn := c.conn.(type) {
		case *tls.Conn:
			_ = conn.CloseWrite()
		case *net.TCPConn:
			_ = conn.CloseWrite()
		}
	}()
	said, err := io.ReadAll(c.r.R)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		h.t.Errorf("the session does not end (state %s)", s.name)
	}
	// What follows a 220 to STARTTLS is TLS, or nothing.
	text, _, _ := strings.Cut(string(said), "\x15\x03")
	return text
}

// strict checks what was handed in.
func (h *house) strict(got handed) {
	m := &messageReader{
		in: bufio.NewReaderSize(strings.NewReader(stuff(got.content)+".\r\n"), buffer), out: io.Discard,
		maxBytes: h.s.o.MaxBytes, maxHeader: h.s.o.MaxHeaderBytes, maxLine: h.s.o.MaxLine,
	}
	if err := m.read(); err != nil || m.refused != nil {
		h.t.Errorf("handed in %q: %v %v", got.content, err, m.refused)
	}
	if got.Agent.ID != testAgent.ID || len(got.Recipients) == 0 || len(got.Recipients) > h.s.o.MaxRecipients {
		h.t.Errorf("handed in with %+v", got.Submission)
	}
	for _, r := range got.Recipients {
		if strings.ContainsAny(r, "<>\r\n\x00") {
			h.t.Errorf("handed in to %q", r)
		}
	}
}

// stuff doubles the dots at line starts (RFC 5321 §4.5.2).
func stuff(content string) string {
	if strings.HasPrefix(content, ".") {
		content = "." + content
	}
	return strings.ReplaceAll(content, "\r\n.", "\r\n..")
}

// FuzzMailbox: whatever is taken is its own form.
func FuzzMailbox(f *testing.F) {
	for _, a := range []string{"a@b.test", "a b@c.test", "é@é.test", "a@[127.0.0.1]", "a@[IPv6:::1]", "@", "a@", "\"@b", "a..b@c.test"} {
		f.Add(a, true)
		f.Add(a, false)
	}
	f.Fuzz(func(t *testing.T, address string, utf8 bool) {
		got, fault := mailbox(address, utf8)
		if fault == nil && strings.ContainsAny(strings.Trim(got, `"`), "<>\\\r\n\x00") {
			t.Errorf("%q became %q", address, got)
		}
	})
}

// FuzzReply: whatever a sentence quotes, a reply is lines of at most 512 octets with nothing in between.
func FuzzReply(f *testing.F) {
	f.Add("« été »\r\n250 ok", true)
	f.Add(strings.Repeat("é", 1000), true)
	f.Add(strings.Repeat("\u0301", 1000), false)
	f.Add("\xff\x00", false)
	f.Fuzz(func(t *testing.T, text string, utf8 bool) {
		r := words{"fr"}.error(550, [3]int{5, 7, 1}, text, utf8)
		for line := range strings.SplitSeq(r.Message, "\n") {
			if len("550 5.7.1 \r\n")+len(line) > 512 || strings.ContainsAny(line, "\r\x00") {
				t.Errorf("%q became %q", text, line)
			}
			if !utf8 && strings.ContainsFunc(line, func(r rune) bool { return r >= 0x80 }) {
				t.Errorf("%q is not ASCII", line)
			}
		}
	})
}
