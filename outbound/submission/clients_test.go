package submission

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"vaguemestre/deploy/sandbox"
	"vaguemestre/gateway"
	"vaguemestre/gateway/intake"
)

// run runs a real client; ok tells whether it says that the message left.
func (h *house) run(stdin, name string, args ...string) (ok bool, said string) {
	h.t.Helper()
	sandbox.Need(h.t, name)
	cmd := exec.CommandContext(h.t.Context(), name, args...)
	cmd.Env = append(os.Environ(), "HOME="+h.t.TempDir(), "LC_ALL=C.UTF-8")
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	return err == nil, string(out)
}

func (h *house) ports() (start, implicit string) {
	a, b := h.s.Addr()
	_, start, _ = net.SplitHostPort(a.String())
	_, implicit, _ = net.SplitHostPort(b.String())
	return start, implicit
}

// wantOne checks that one message came, with these words.
func (h *house) wantOne(said string, words ...string) {
	h.t.Helper()
	got := h.intake.all()
	if len(got) != 1 {
		h.t.Fatalf("%d handed in; the client said:\n%s", len(got), said)
	}
	wantText(h.t, got[0].content, words...)
	if got[0].MailFrom != "claire@ville.test" || len(got[0].Recipients) != 2 || got[0].Agent.Login != testLogin {
		h.t.Errorf("envelope: %+v", got[0].Submission)
	}
}

func (h *house) swaks(implicit bool, more ...string) (bool, string) {
	start, tls := h.ports()
	args := []string{
		"--server", "127.0.0.1", "--port", start, "--tls", "--from", "claire@ville.test", "--to", "testesr2020+rejet@courrier.test,contact@entreprise.test",
		"--auth", "PLAIN", "--auth-user", testLogin, "--auth-password", testPassword, "--header", "Subject: par swaks", "--body", "Bonjour, .\n.point",
	}
	if implicit {
		args[3], args[4] = tls, "--tls-on-connect"
	}
	return h.run("", "swaks", append(args, more...)...)
}

func TestSwaks(t *testing.T) {
	for _, auth := range []string{"PLAIN", "LOGIN"} {
		for _, implicit := range []bool{false, true} {
			t.Run(fmt.Sprint(auth, implicit), func(t *testing.T) {
				h := open(t, nil)
				ok, said := h.swaks(implicit, "--auth", auth)
				if !ok {
					t.Fatalf("swaks:\n%s", said)
				}
				h.wantOne(said, "Subject: par swaks", "Bonjour, .", "\r\n.point")
				wantText(t, said, "250 2.0.0 ")
			})
		}
	}
}

func TestSwaksIsToldWhy(t *testing.T) {
	h := open(t, nil)
	h.intake.failWith(func(intake.Submission) error {
		return gateway.Refuse(550, [3]int{5, 7, 1}, "refuse.no-consultation", map[string]any{"Example": "testesr2020@courrier.test", "Reference": "TESTESR2020"})
	})
	ok, said := h.swaks(false)
	if ok {
		t.Errorf("it left:\n%s", said)
	}
	wantText(t, said, "5.7.1 Votre message ne nomme aucune consultation")
	ok, said = h.swaks(false, "--auth-password", "faux")
	if ok {
		t.Errorf("it left:\n%s", said)
	}
	wantText(t, said, "535 5.7.8 Identifiant ou mot de passe incorrect")
	start, _ := h.ports()
	ok, said = h.run("", "swaks", "--server", "127.0.0.1", "--port", start, "--from", "claire@ville.test", "--to", "a@b.test")
	if ok {
		t.Errorf("it left without TLS:\n%s", said)
	}
	wantText(t, said, "530 5.7.0 Must issue a STARTTLS command first")
}

func TestMsmtp(t *testing.T) {
	for _, implicit := range []bool{false, true} {
		h := open(t, nil)
		port, tls := h.ports()
		args := []string{
			"--host=127.0.0.1", "--port=" + port, "--tls=on", "--tls-trust-file=" + h.ca, "--auth=plain", "--user=" + testLogin,
			"--passwordeval=echo '" + testPassword + "'", "--from=claire@ville.test", "--dsn-notify=success,failure", "--dsn-return=headers",
			"testesr2020+rejet@courrier.test", "contact@entreprise.test",
		}
		if implicit {
			args[1] = "--port=" + tls
			args = append([]string{"--tls-starttls=off"}, args...)
		}
		ok, said := h.run("Subject: par msmtp\n\nBonjour,\n.\n..deux\n", "msmtp", args...)
		if !ok {
			t.Fatalf("msmtp:\n%s", said)
		}
		h.wantOne(said, "Subject: par msmtp", "\r\n.\r\n..deux\r\n")
		if dsn := h.intake.all()[0].DSN; dsn.Return != "HDRS" || len(dsn.Recipients) != 2 || strings.Join(dsn.Recipients[0].Notify, ",") != "SUCCESS,FAILURE" {
			t.Errorf("asked: %+v", dsn)
		}
	}
}

func TestSNail(t *testing.T) {
	const password = "un-mot-de-passe" // in a URL
	kept := &memoryIntake{}
	h := openWith(t, nil, kept, passwordAgent(password))
	h.intake = kept
	start, _ := h.ports()
	file := filepath.Join(t.TempDir(), "pièce jointe.bin")
	if err := os.WriteFile(file, []byte(strings.Repeat("\r\x00\n", 5000)), 0o600); err != nil {
		t.Fatal(err)
	}
	ok, said := h.run("Bonjour, élève.\n", "s-nail", "-:/", "-Sv15-compat", "-Ssendwait", "-Stls-ca-file="+h.ca, "-Stls-verify=strict",
		"-Ssmtp-use-starttls", "-Smta=smtp://"+testLogin+":"+password+"@localhost:"+start, "-Ssmtp-auth=plain", "-r", "claire@ville.test",
		"-s", "par s-nail", "-a", file, "testesr2020+rejet@courrier.test", "contact@entreprise.test")
	if !ok {
		t.Fatalf("s-nail:\n%s", said)
	}
	h.wantOne(said, "Subject: par s-nail", "Content-Transfer-Encoding: base64")
}

func TestGoClient(t *testing.T) {
	h := open(t, nil)
	start, implicit := h.s.Addr()
	for i, dial := range []func() (*smtp.Client, error){
		func() (*smtp.Client, error) { return smtp.DialStartTLS(start.String(), h.tlsConfig()) },
		func() (*smtp.Client, error) { return smtp.DialTLS(implicit.String(), h.tlsConfig()) },
	} {
		c, err := dial()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Auth(sasl.NewPlainClient("", testLogin, testPassword)); err != nil {
			t.Fatal(err)
		}
		if err := c.SendMail("claire@ville.test", []string{"a@b.test"}, strings.NewReader(letter)); err != nil {
			t.Fatal(err)
		}
		if err := c.Quit(); err != nil {
			t.Fatal(err)
		}
		if got := h.intake.all(); len(got) != i+1 || got[i].content != letter {
			t.Errorf("handed in: %+v", got)
		}
	}
}
