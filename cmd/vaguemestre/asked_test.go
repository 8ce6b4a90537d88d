package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vaguemestre/deploy/sandbox"
)

// say sends one SMTP command that net/smtp does not know how to write.
func say(t *testing.T, c interface {
	PrintfLine(format string, args ...any) error
	ReadResponse(code int) (int, string, error)
}, command string) {
	t.Helper()
	if err := c.PrintfLine("%s", command); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.ReadResponse(250); err != nil {
		t.Fatalf("%s: %v", command, err)
	}
}

func TestWhatAClientAskedToBeToldIsTold(t *testing.T) {
	i, w, config := installDemoWorld(t, "")
	i.feed()
	i.serve()
	c := i.dial(t, config)
	say(t, c.Text, "MAIL FROM:<agent@acheteur.test> RET=HDRS ENVID=QQ17")
	say(t, c.Text, fmt.Sprintf("RCPT TO:<%s> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;%[1]s", boxOf("demande")))
	say(t, c.Text, "RCPT TO:<testesr2020+libre@courrier.acheteur.test>")
	out, err := c.Data()
	if err != nil {
		t.Fatal(err)
	}
	text := "Disposition-Notification-To: agent@acheteur.test\n" + letter("demande", boxOf("demande"), "Bonjour", "Un courrier.\n")
	if _, err := io.WriteString(out, strings.ReplaceAll(text, "\n", "\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	told := func(mark string, wanted ...string) {
		t.Helper()
		m, err := w.Wait(i.ctx, "agent@acheteur.test", func(m *sandbox.Mail) bool {
			raw, err := m.Raw()
			return err == nil && strings.Contains(string(raw), mark)
		})
		if err != nil {
			t.Fatalf("%s: %v\n%s", mark, err, tail(i.log.String(), 4000))
		}
		raw, err := m.Raw()
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range append(wanted, "In-Reply-To: <demande@acheteur.test>") {
			if !strings.Contains(string(raw), want) {
				t.Errorf("%q is not in\n%s", want, raw)
			}
		}
		if m.From != "" {
			t.Errorf("sent by %q: it could loop", m.From)
		}
	}
	told("report-type=delivery-status", "Original-Envelope-Id: QQ17", "Original-Recipient: rfc822; "+boxOf("demande"), "Action: delivered")
	browser := client{installation: i, tls: config}
	browser.press(browser.link(w, "demande"))
	told("report-type=disposition-notification", "Disposition: manual-action/MDN-sent-manually; displayed")
	i.stop()
}

func TestAgentsOwnClientsByCommand(t *testing.T) {
	i, _, config := installDemoWorld(t, "")
	i.feed("contact@acme.example")

	fields := strings.Split(strings.TrimSpace(i.must("", "agent", "app-password", "add", "victoria", "Thunderbird du bureau")), "\t")
	i.serve()
	phone := client{installation: i, tls: config, user: "victoria", password: fields[1]}
	if s, err := phone.login(); err != nil {
		t.Error(err)
	} else if err := s.Quit(); err != nil {
		t.Error(err)
	}
	if out := i.must("", "agent", "app-password", "list", "victoria"); !strings.Contains(out, "Thunderbird du bureau") || strings.Contains(out, "never used") {
		t.Error(out)
	}
	i.must("", "agent", "app-password", "revoke", "victoria", "Thunderbird du bureau")
	if _, err := phone.login(); err == nil {
		t.Error("a revoked app password still opens")
	}

	if out := i.must("", "agent", "notices", "victoria", "--mute", "read", "--unread", "3", "--digest"); !strings.Contains(out, "read\tno") || !strings.Contains(out, "digest\tyes") {
		t.Error(out)
	}
	if out, err := i.program("", "agent", "notices", "victoria", "--mute", "reply"); err == nil {
		t.Errorf("answers cannot be muted: %s", out)
	}

	if out := i.must("", "kit", "addressbook", "victoria"); !strings.Contains(out, "EMAIL:retraits.testesr2020@courrier.acheteur.test") {
		t.Error(out)
	}
	file := filepath.Join(i.dir, "carnet.ldif")
	i.must("", "kit", "addressbook", "victoria", "--format", "ldif", "--out", file)
	if text, err := os.ReadFile(file); err != nil || !strings.HasPrefix(string(text), "version: 1\n") {
		t.Errorf("%v: %s", err, text)
	}
	if out := i.must("", "kit", "mailto", "victoria", "--type", "rejet"); !strings.Contains(out, "mailto:testesr2020%2Brejet@courrier.acheteur.test?subject=") {
		t.Error(out)
	}
	i.stop()
}
