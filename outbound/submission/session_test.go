package submission

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"vaguemestre/gateway"
	"vaguemestre/gateway/intake"
)

func TestOnlySixCommandsExistBeforeTLS(t *testing.T) {
	h := open(t, nil)
	c := h.dial()
	c.want(220)
	hello := c.ask(250, "EHLO client.test")
	wantText(t, hello, "STARTTLS", "SIZE 84000000", "8BITMIME", "PIPELINING", "SMTPUTF8", "DSN")
	if strings.Contains(hello, "AUTH") || strings.Contains(hello, "CHUNKING") {
		t.Errorf("announced in clear: %s", hello)
	}
	wantText(t, c.ask(538, "AUTH PLAIN "+plainAuth(testLogin, testPassword)), "5.7.11 Encryption required")
	wantText(t, c.ask(538, "AUTH LOGIN"), "5.7.11")
	for _, command := range []string{"MAIL FROM:<claire@ville.test>", "RCPT TO:<a@b.test>", "DATA", "VRFY a", "EXPN a", "HELP", "", "garbage"} {
		wantText(t, c.ask(530, command), "5.7.0 Must issue a STARTTLS command first")
	}
	c.ask(501, "STARTTLS now")
	c.ask(250, "NOOP")
	c.ask(250, "RSET")
	c.ask(250, "HELO client.test")
	c.ask(221, "QUIT")
	c.wantEnd()
	if strings.Contains(h.log.String(), plainAuth(testLogin, testPassword)) {
		t.Error("a password is in the log")
	}
}

func TestNoMailWithoutLogin(t *testing.T) {
	h := open(t, nil)
	c := h.dialTLS()
	c.want(220)
	c.ask(503, "MAIL FROM:<claire@ville.test>")
	hello := c.ask(250, "EHLO client.test")
	wantText(t, hello, "AUTH PLAIN LOGIN", "SIZE 84000000", "DSN", "SMTPUTF8")
	if strings.Contains(hello, "CHUNKING") || strings.Contains(hello, "STARTTLS") {
		t.Errorf("announced in TLS: %s", hello)
	}
	wantText(t, c.ask(530, "MAIL FROM:<claire@ville.test>"), "5.7.0 Authentication required")
	c.ask(503, "RCPT TO:<a@b.test>")
	c.ask(503, "DATA")
	c.ask(503, "STARTTLS")
	c.ask(221, "QUIT")
}

func TestLogins(t *testing.T) {
	h := open(t, nil)
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, c := range []struct {
		name  string
		lines []string
		codes []int
	}{
		{"plain, at once", []string{"AUTH PLAIN " + plainAuth(testLogin, testPassword)}, []int{235}},
		{"plain, in two steps", []string{"AUTH PLAIN", plainAuth(testLogin, testPassword)}, []int{334, 235}},
		{"plain, as oneself", []string{"AUTH plain " + b64(testLogin+"\x00"+testLogin+"\x00"+testPassword)}, []int{235}},
		{"login", []string{"AUTH LOGIN", b64(testLogin), b64(testPassword)}, []int{334, 334, 235}},
		{"login, with a first response", []string{"AUTH LOGIN " + b64(testLogin), b64(testPassword)}, []int{334, 235}},
		{"twice", []string{"AUTH PLAIN " + plainAuth(testLogin, testPassword), "AUTH PLAIN " + plainAuth(testLogin, testPassword)}, []int{235, 503}},
		{"wrong password", []string{"AUTH PLAIN " + plainAuth(testLogin, "faux")}, []int{535}},
		{"as somebody else", []string{"AUTH PLAIN " + b64("marc\x00"+testLogin+"\x00"+testPassword)}, []int{535}},
		{"outage", []string{"AUTH PLAIN " + plainAuth("panne", "x")}, []int{454}},
		{"given up", []string{"AUTH LOGIN", "*"}, []int{334, 501}},
		{"not base64", []string{"AUTH LOGIN", "&&&"}, []int{334, 501}},
		{"not PLAIN", []string{"AUTH PLAIN " + b64("abc")}, []int{501}},
		{"a response that looks like a command", []string{"AUTH LOGIN", "BDAT", "QUIT"}, []int{334, 334, 535}},
		{"no mechanism", []string{"AUTH"}, []int{501}},
		{"unknown mechanism", []string{"AUTH CRAM-MD5"}, []int{504}},
		{"empty", []string{"AUTH PLAIN ="}, []int{501}},
	} {
		t.Run(c.name, func(t *testing.T) {
			h.t = t
			k := h.dialTLS()
			k.want(220)
			k.ask(250, "EHLO client.test")
			for i, line := range c.lines {
				text := k.ask(c.codes[i], line)
				if strings.Contains(text, "secret cause") || strings.Contains(text, "sasl:") {
					t.Errorf("the cause is told: %s", text)
				}
			}
			k.ask(221, "QUIT")
		})
	}
}

func TestPromiseAcceptedIsOurs(t *testing.T) {
	h := open(t, nil)
	c := h.in()
	c.envelope()
	if n := len(h.intake.all()); n != 0 {
		t.Fatalf("%d submitted before the final dot", n)
	}
	text := c.ask(250, letter+"..un point\r\n.")
	got := h.intake.all()
	if len(got) != 1 || got[0].content != letter+".un point\r\n" {
		t.Fatalf("handed in: %+v", got)
	}
	words := strings.Fields(text)
	if len(words) < 2 || words[0] != "2.0.0" {
		t.Fatalf("reply %q", text)
	}
	if _, err := gateway.ParseID(words[1]); err != nil {
		t.Errorf("no courier id in %q: %v", text, err)
	}
	wantText(t, h.log.String(), "courier="+words[1], "session=")
	c.ask(250, "MAIL FROM:<claire@ville.test>") // the session goes on
	c.ask(221, "QUIT")
}

func TestTheEnvelopeIsHandedOn(t *testing.T) {
	h := open(t, nil)
	c := h.in()
	c.ask(250, "MAIL FROM:<claire@ville.test> SIZE=1000 BODY=8BITMIME SMTPUTF8 RET=HDRS ENVID=abc+2B1")
	c.ask(250, "RCPT TO:<contact@entreprise.test> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;contact@entreprise.test")
	c.ask(250, `RCPT TO:<"testesr2020+rejet"@courrier.test> NOTIFY=NEVER`)
	c.ask(250, `RCPT TO:<"jean dupont"@entreprise.test>`)
	c.ask(250, "RCPT TO:<a..b@entreprise.test>")
	c.ask(250, `RCPT TO:<hélène@entreprise.test> ORCPT=utf-8;h\x{E9}l\x{E8}ne@entreprise.test`)
	c.ask(354, "DATA")
	c.ask(250, letter+".")
	got := h.intake.all()[0]
	want := handed{content: letter, Submission: intake.Submission{
		Agent: testAgent, Door: gateway.DoorSMTP, MailFrom: "claire@ville.test",
		Recipients: []string{
			"contact@entreprise.test", "testesr2020+rejet@courrier.test", `"jean dupont"@entreprise.test`, `"a..b"@entreprise.test`, "hélène@entreprise.test",
		},
		DSN: gateway.DSNRequest{Return: "HDRS", EnvelopeID: "abc+1", Recipients: []gateway.DSNRecipient{
			{Address: "contact@entreprise.test", Notify: []string{"SUCCESS", "FAILURE"}, OriginalType: "RFC822", Original: "contact@entreprise.test"},
			{Address: "testesr2020+rejet@courrier.test", Notify: []string{"NEVER"}},
			{Address: "hélène@entreprise.test", OriginalType: "UTF-8", Original: "hélène@entreprise.test"},
		}},
	}}
	got.Message = nil
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(handed{})); diff != "" {
		t.Error(diff)
	}
}

func TestPromiseRefusedIsClear(t *testing.T) {
	cause := errors.New("dial tcp 10.0.0.1: secret cause")
	for _, c := range []struct {
		name string
		err  error
		code int
		text string
	}{
		{"refusal", gateway.Refuse(550, [3]int{5, 7, 1}, "refuse.disabled", nil), 550, `5.7.1 Votre compte est desactive : adressez-vous a votre administrateur.`},
		{"wrapped refusal", fmt.Errorf("submit: %w", gateway.Refuse(554, [3]int{5, 6, 0}, "refuse.several-from", nil)), 554, "5.6.0 Votre message porte plusieurs expediteurs"},
		{"refusal without code", &gateway.Fault{Class: gateway.Permanent, Key: "refuse.disabled"}, 550, "5.7.0 Votre compte"},
		{"outage", &gateway.Fault{Class: gateway.Temporary, Op: "accept", Err: cause}, 451, "4.3.0 Le service est momentanement indisponible"},
		{"plain error", cause, 451, "4.3.0 Le service est momentanement indisponible"},
		{"outage with its own code", &gateway.Fault{Class: gateway.Temporary, Code: 452, Enhanced: [3]int{4, 3, 1}, Key: "internal", Err: cause}, 452, "4.3.1 Le service"},
		{"temporary with a permanent code", &gateway.Fault{Class: gateway.Temporary, Code: 554, Err: cause}, 451, "4.3.0"},
		{"unknown outcome", &gateway.Fault{Class: gateway.Unknown, Code: 550, Err: cause}, 451, "4.3.0"},
		{"unknown key", gateway.Refuse(550, [3]int{5, 7, 1}, "no.such.key", nil), 550, "5.7.1 Le service"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := open(t, nil)
			h.intake.failWith(func(intake.Submission) error { return c.err })
			k := h.in()
			k.envelope()
			text := k.ask(c.code, letter+".")
			wantText(t, text, c.text)
			if strings.Contains(text, "secret") {
				t.Errorf("the cause is told: %s", text)
			}
			if errors.Is(c.err, cause) && !strings.Contains(h.log.String(), "secret cause") {
				t.Error("the cause is not logged")
			}
			if len(h.intake.all()) != 0 {
				t.Error("it was kept")
			}
			k.ask(250, "NOOP")
		})
	}
}

func TestSentencesAreUTF8ForThoseWhoAskedOnly(t *testing.T) {
	h := open(t, nil)
	h.intake.failWith(func(intake.Submission) error {
		return gateway.Refuse(550, [3]int{5, 7, 1}, "refuse.conflict", map[string]any{"First": "scellé\r\n250 ok", "Second": strings.Repeat("très ", 200)})
	})
	for _, param := range []string{"", " SMTPUTF8"} {
		c := h.in()
		c.ask(250, "MAIL FROM:<claire@ville.test>"+param)
		c.ask(250, "RCPT TO:<contact@entreprise.test>")
		c.ask(354, "DATA")
		c.raw(letter + ".\r\n")
		var all []string
		for {
			line, err := c.r.ReadLine()
			if err != nil {
				t.Fatal(err)
			}
			if len(line) > 510 {
				t.Errorf("a line of %d octets", len(line))
			}
			if !strings.HasPrefix(line[4:], "5.7.1 ") {
				t.Errorf("a line without its code: %q", line)
			}
			all = append(all, line)
			if line[3] == ' ' {
				break
			}
		}
		text := strings.Join(all, "\n")
		if len(all) < 2 {
			t.Errorf("not cut: %q", text)
		}
		if want := map[string]string{"": `" scelle 250 ok "`, " SMTPUTF8": "« scellé 250 ok »"}[param]; !strings.Contains(strings.ReplaceAll(text, `"scelle 250 ok"`, `" scelle 250 ok "`), want) {
			t.Errorf("%q: want %q in %q", param, want, text)
		}
		c.ask(250, "NOOP") // nothing of the quotation became a reply
	}
}

func TestPipelinedCommandsAreAnsweredInOrder(t *testing.T) {
	h := open(t, nil)
	c := h.in()
	c.raw("MAIL FROM:<claire@ville.test>\r\nRCPT TO:<a@b.test>\r\nRCPT TO:<b@b.test>\r\nDATA\r\n" + letter + ".\r\nMAIL FROM:<claire@ville.test>\r\nQUIT\r\nNOOP\r\n")
	for _, code := range []int{250, 250, 250, 354, 250, 250, 221} {
		c.want(code)
	}
	c.wantEnd()
	if got := h.intake.all(); len(got) != 1 || got[0].content != letter || len(got[0].Recipients) != 2 {
		t.Errorf("handed in: %+v", got)
	}
}

func TestOneTransactionAtATime(t *testing.T) {
	h := open(t, nil)
	c := h.in()
	c.ask(250, "MAIL FROM:<claire@ville.test>")
	c.ask(250, "RCPT TO:<a@b.test>")
	c.ask(503, "MAIL FROM:<claire@ville.test>")
	c.ask(250, "RSET")
	c.ask(503, "DATA")
	c.ask(250, "MAIL FROM:<>")
	c.ask(250, "RCPT TO:<b@b.test>")
	c.ask(250, "EHLO again.test") // resets too (RFC 5321 §4.1.4)
	c.ask(503, "DATA")
	if len(h.intake.all()) != 0 {
		t.Error("something was handed in")
	}
}

func TestARefusedRecipientRefusesTheMessage(t *testing.T) {
	for _, c := range []struct{ name, rcpt, text string }{
		{"bad address", `RCPT TO:<"a<b"@entreprise.test>`, `5.1.3`},
		{"unreadable", `RCPT TO:<nobody>`, `5.5.2`},
		{"unknown parameter", `RCPT TO:<a@b.test> FOO=BAR`, ``},
		{"accents without SMTPUTF8", `RCPT TO:<hélène@entreprise.test>`, `5.6.7`},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := open(t, nil)
			k := h.in()
			k.ask(250, "MAIL FROM:<claire@ville.test>")
			k.ask(250, "RCPT TO:<contact@entreprise.test>")
			k.send(c.rcpt)
			code, text, _ := k.r.ReadResponse(0)
			if code/100 != 5 || !strings.Contains(text, c.text) {
				t.Errorf("RCPT: %d %s", code, text)
			}
			k.ask(354, "DATA")
			k.send(letter + ".")
			if code, text, _ = k.r.ReadResponse(0); code/100 != 5 {
				t.Errorf("DATA: %d %s", code, text)
			}
			k.ask(250, "MAIL FROM:<claire@ville.test>") // the next one is not concerned
			k.ask(250, "RCPT TO:<contact@entreprise.test>")
			k.ask(354, "DATA")
			k.ask(250, letter+".")
			if n := len(h.intake.all()); n != 1 {
				t.Errorf("%d handed in", n)
			}
		})
	}
}

func TestMetricsOfASession(t *testing.T) {
	h := open(t, nil)
	c := h.in()
	c.envelope()
	c.ask(250, letter+".")
	h.intake.failWith(func(intake.Submission) error { return gateway.Refuse(550, [3]int{5, 7, 1}, "refuse.disabled", nil) })
	c.envelope()
	c.ask(550, letter+".")
	c.ask(221, "QUIT")
	c.wantEnd()
	m := h.s.metrics
	for name, got := range map[string]float64{
		"accepted": testutil.ToFloat64(m.couriers.WithLabelValues("accepted")),
		"refused":  testutil.ToFloat64(m.couriers.WithLabelValues("refused")),
		"refusals": testutil.ToFloat64(m.refusals.WithLabelValues("550", "refuse.disabled")),
		"logins":   testutil.ToFloat64(m.logins.WithLabelValues("ok")),
		"sessions": testutil.ToFloat64(m.sessions.WithLabelValues("tls")),
		"bytes":    testutil.ToFloat64(m.bytes) - 2*float64(len(letter)) + 1,
	} {
		if got != 1 {
			t.Errorf("%s: %v", name, got)
		}
	}
	problems, err := testutil.GatherAndLint(h.reg)
	if err != nil || len(problems) > 0 {
		t.Errorf("metrics: %v %v", problems, err)
	}
}
