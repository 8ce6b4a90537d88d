package submission

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// second is a message that an attacker wants to smuggle in.
const second = "MAIL FROM:<claire@ville.test>\r\nRCPT TO:<victime@entreprise.test>\r\nDATA\r\nSubject: faux\r\n\r\nfaux\r\n.\r\n"

func TestPromiseNoOpenDoorToSmuggling(t *testing.T) {
	for name, end := range map[string]string{
		"LF.LF":         "\n.\n",
		"LF.CRLF":       "\n.\r\n",
		"CRLF.LF":       "\r\n.\n",
		"CR.CR":         "\r.\r",
		"CR.CRLF":       "\r.\r\n",
		"CRLF.CR":       "\r\n.\r",
		"CRCRLF.CRLF":   "\r\r\n.\r\n",
		"CRLF.CRCRLF":   "\r\n.\r\r\n",
		"LFCR.LFCR":     "\n\r.\n\r",
		"CRLF.NULCRLF":  "\r\n.\x00\r\n",
		"NUL":           "\x00\r\n.\r\n",
		"bare LF":       "a\nb\r\n.\r\n",
		"bare CR":       "a\rb\r\n.\r\n",
		"LF first":      "\n",
		"CR before end": "\r\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t, nil)
			c := h.in()
			c.envelope()
			c.raw("Subject: vrai\r\n\r\nvrai" + end + second + "QUIT\r\n")
			wantText(t, c.want(554), "5.6.0 Votre message contient une fin de ligne irreguliere")
			c.wantEnd()
			if n := len(h.intake.all()); n != 0 {
				t.Errorf("%d messages handed in", n)
			}
			if h.limit("smuggling") != 1 {
				t.Error("not counted")
			}
		})
	}
}

// A smuggled end in a line longer than the buffer, where lines are read in parts.
func TestSmugglingInLongLines(t *testing.T) {
	for _, bad := range []string{"\n", "\r", "\x00", "\r\r\n", "\n.\n"} {
		for _, at := range []int{buffer - 2, buffer - 1, buffer, buffer + 1, 3 * buffer} {
			t.Run(fmt.Sprintf("%q at %d", bad, at), func(t *testing.T) {
				m := &messageReader{
					in: bufio.NewReaderSize(strings.NewReader(fill(at)+bad+fill(30)+"\r\n.\r\n"), buffer), out: io.Discard,
					maxBytes: 1 << 20, maxHeader: 1 << 20, maxLine: 998,
				}
				if err := m.read(); err != errSmuggling {
					t.Errorf("read: %v", err)
				}
			})
		}
	}
}

func TestALongLineIsRefusedAndTheSessionGoesOn(t *testing.T) {
	for _, n := range []int{999, buffer - 1, buffer, 2*buffer - 1, 5 * buffer} {
		h := open(t, nil)
		c := h.in()
		c.envelope()
		c.raw("Subject: long\r\n\r\n" + fill(n) + "\r\n" + fill(n) + "\r\n.\r\n")
		wantText(t, c.want(500), "5.6.0 Une ligne de votre message depasse 998 caracteres")
		c.envelope()
		c.raw("Subject: juste\r\n\r\n" + fill(998) + "\r\n.\r\n")
		c.want(250)
		if h.limit("line") != 1 || len(h.intake.all()) != 1 {
			t.Errorf("%d: bitten %v, handed in %d", n, h.limit("line"), len(h.intake.all()))
		}
	}
}

func TestCommandsInjectedBehindSTARTTLSAreDropped(t *testing.T) {
	h := open(t, nil)
	c := h.dial()
	c.want(220)
	c.ask(250, "EHLO client.test")
	c.raw("STARTTLS\r\nEHLO attaquant.test\r\nAUTH PLAIN " + plainAuth(testLogin, testPassword) + "\r\nMAIL FROM:<claire@ville.test>\r\n")
	c.want(220)
	secure := tls.Client(c.conn, h.tlsConfig())
	if err := secure.Handshake(); err != nil {
		t.Fatal(err)
	}
	k := newTalk(t, secure)
	k.ask(503, "MAIL FROM:<claire@ville.test>") // nothing was said before
	k.ask(250, "EHLO client.test")
	k.ask(530, "MAIL FROM:<claire@ville.test>") // nobody logged in
	if h.limit("starttls-injection") != 1 {
		t.Error("not counted")
	}
}

func TestSTARTTLSForgetsWhatWasSaid(t *testing.T) {
	h := open(t, nil)
	c := h.dial()
	c.want(220)
	c.ask(250, "EHLO client.test")
	c.ask(220, "STARTTLS")
	secure := tls.Client(c.conn, h.tlsConfig())
	k := newTalk(t, secure)
	k.ask(503, "MAIL FROM:<claire@ville.test>") // RFC 3207 §4.2; and no second greeting
	k.ask(250, "EHLO client.test")
	k.ask(235, "AUTH PLAIN "+plainAuth(testLogin, testPassword))
	k.envelope()
	k.ask(250, letter+".")
	k.ask(221, "QUIT")
}

func TestAHandshakeThatFailsEndsTheSession(t *testing.T) {
	h := open(t, nil)
	c := h.dial()
	c.want(220)
	c.ask(220, "STARTTLS")
	c.raw("EHLO client.test\r\nMAIL FROM:<claire@ville.test>\r\n")
	if rest, err := io.ReadAll(c.conn); strings.Contains(string(rest), "250") {
		t.Errorf("it goes on in clear: %q %v", rest, err)
	}
}

func TestChunkingIsRefusedWhole(t *testing.T) {
	h := open(t, nil)
	for _, size := range []string{"100", "0", "100 LAST", "9999999999", "x"} {
		c := h.in()
		c.ask(250, "MAIL FROM:<claire@ville.test>")
		c.ask(250, "RCPT TO:<a@b.test>")
		c.raw("bdat " + size + "\r\n" + second)
		wantText(t, c.want(502), "5.5.1 La commande BDAT")
		c.wantEnd()
	}
	c := h.dial()
	c.want(220)
	c.raw("BDAT 10\r\n" + second)
	c.want(502)
	c.wantEnd()
	if len(h.intake.all()) != 0 {
		t.Error("something was handed in")
	}
}

func TestMalformedCommandLinesEndTheSession(t *testing.T) {
	for _, line := range []string{"NOOP\n", "NOOP\r\r\n", "NO\rOP\r\n", "NOOP \x00\r\n", "\n", "NOOP\n\r\n"} {
		h := open(t, nil)
		c := h.in()
		c.raw(line + second)
		wantText(t, c.want(500), "5.5.2 Une commande contient un caractere interdit")
		c.wantEnd()
		if len(h.intake.all()) != 0 || h.limit("malformed-line") != 1 {
			t.Errorf("%q: handed in %d, counted %v", line, len(h.intake.all()), h.limit("malformed-line"))
		}
	}
}

func TestAddressesCannotCarryParameters(t *testing.T) {
	h := open(t, nil)
	c := h.in()
	c.ask(250, "MAIL FROM:<claire@ville.test>")
	for _, address := range []string{
		`"x> NOTIFY=NEVER <y"@d.test`, `"a\"b"@d.test`, `"a\\b"@d.test`, `"a` + "\t" + `b"@d.test`, `"a` + "\x1b" + `b"@d.test`, `"<"@d.test`,
		`a@d.test"`, `a@d..test`, `a@-d.test`, `a@d_e.test`, "a@d.test\x01", `a@[1.2.3]`, `a@[1.2.3.4`, `a@[IPv6:1.2.3.4]`, `a@[IPv6:::1%eth0]`,
		fill(65) + "@d.test", "a@" + fill(64) + ".test", "a@" + strings.Repeat(fill(60)+".", 5) + "test",
	} {
		c.send("RCPT TO:<" + address + ">")
		if code, text, _ := c.r.ReadResponse(0); code/100 != 5 {
			t.Errorf("%q: %d %s", address, code, text)
		}
	}
	c.ask(250, "RSET")
	c.ask(553, `MAIL FROM:<"x> RET=FULL <y"@d.test>`)
}

// Whatever the library makes of an address, what is handed on is read back as the same address
// by a strict reader, and holds nothing that could end a path.
func TestMailboxIsOneForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[a-z.<>"\\ @éé\x00-\x20\[\]]{1,12}@[a-z.<>" \-\[\]0-9é]{1,12}`).Draw(t, "address")
		got, fault := mailbox(text, rapid.Bool().Draw(t, "utf8"))
		if fault != nil {
			return
		}
		inner := got
		if strings.HasPrefix(got, `"`) {
			at := strings.LastIndex(got, `"@`)
			inner = got[1:at] + got[at+1:]
		}
		if inner != text {
			t.Fatalf("%q became %q", text, got)
		}
		if strings.ContainsAny(inner, "<>\"\\\r\n\x00\t") {
			t.Fatalf("%q kept something that ends a path", got)
		}
		if again, fault := mailbox(inner, true); fault != nil || again != got {
			t.Fatalf("%q is not its own form: %q %v", got, again, fault)
		}
	})
}

// The reader ends where a strict reading of the bytes ends, and keeps every byte before it.
func TestMessageReaderAgreesWithAStrictReading(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		lines := rapid.SliceOf(rapid.StringMatching(`[.a\r\n\x00]{0,6}|x{990,1000}`)).Draw(t, "lines")
		text := strings.Join(lines, "\r\n") + "\r\n.\r\nQUIT\r\n"
		var got strings.Builder
		m := &messageReader{
			in: bufio.NewReaderSize(strings.NewReader(text), buffer), out: &got, block: make([]byte, 0, 64),
			maxBytes: 1 << 20, maxHeader: 1 << 20, maxLine: 998,
		}
		err := m.read()
		want, ok := strictly(text)
		if ok != (err == nil) {
			t.Fatalf("%q: %v, want ok=%v", text, err, ok)
		}
		if err == nil && m.refused == nil && got.String() != want {
			t.Fatalf("%q: %q instead of %q", text, got.String(), want)
		}
	})
}

// strictly is the same in the simplest words.
func strictly(text string) (content string, ok bool) {
	for {
		line, rest, found := strings.Cut(text, "\r\n")
		if !found || strings.ContainsAny(line, "\r\n\x00") {
			return "", false
		}
		if line == "." {
			return content, true
		}
		content += strings.TrimPrefix(line, ".") + "\r\n"
		text = rest
	}
}
