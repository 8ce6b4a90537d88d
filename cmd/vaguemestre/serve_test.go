package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/smtp"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"vaguemestre/deploy/sandbox"
	"vaguemestre/gateway/store"
)

// login opens a session up to its DATA.
func (i *installation) beginData(t *testing.T, config *tls.Config, id string) (*smtp.Client, io.WriteCloser) {
	t.Helper()
	c := i.dial(t, config)
	for _, step := range []error{c.Mail("agent@acheteur.test"), c.Rcpt(boxOf(id)), c.Rcpt("testesr2020+libre@courrier.acheteur.test")} {
		if step != nil {
			t.Fatal(step)
		}
	}
	w, err := c.Data()
	if err != nil {
		t.Fatal(err)
	}
	return c, w
}

func (i *installation) dial(t *testing.T, config *tls.Config) *smtp.Client {
	t.Helper()
	c, err := smtp.Dial(i.cfg.Submission.StartTLS)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.StartTLS(config); err != nil {
		t.Fatal(err)
	}
	if err := c.Auth(smtp.PlainAuth("", "victoria", agentPassword, "127.0.0.1")); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestSIGTERMFinishesTheMessageUnderWayAndTellsTheOthers(t *testing.T) {
	i, _, config := installDemoWorld(t, "")
	i.feed()
	i.serve()
	idle := i.dial(t, config)
	_, w := i.beginData(t, config, "drain")
	if err := i.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	var told *textproto.Error
	i.until("an idle session is told 421", func() bool {
		err := idle.Noop()
		told, _ = err.(*textproto.Error)
		return err != nil
	})
	if told == nil || told.Code != 421 {
		t.Errorf("the idle session is told %v", told)
	}
	if _, err := io.WriteString(w, strings.ReplaceAll(letter("drain", boxOf("drain"), "Bonjour", "Un dernier courrier.\n"), "\n", "\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatalf("the message under way is not taken: %v", err)
	}
	if err := <-i.ended; err != nil {
		t.Fatalf("the daemon ended badly: %v\n%s", err, i.log)
	}
	i.process = nil
	s := i.look()
	couriers, err := s.Couriers(i.ctx, store.CourierFilter{})
	if err != nil || len(couriers) != 1 {
		t.Fatalf("%d couriers, %v", len(couriers), err)
	}
}

func TestSystemdIsToldAndSIGHUPBringsTheNewCertificate(t *testing.T) {
	i, _, _ := installDemoWorld(t, "")
	path := filepath.Join(t.TempDir(), "notify")
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	said := func() string {
		t.Helper()
		b := make([]byte, 4096)
		n, err := socket.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		return string(b[:n])
	}
	i.serve()
	if s := said(); !strings.HasPrefix(s, "READY=1") {
		t.Fatalf("first said: %q", s)
	}
	before := i.serial(t)
	authority, err := sandbox.NewAuthority(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	pair, err := authority.Leaf("new")
	if err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]string{pair.Certificate: i.cfg.Submission.Certificate, pair.Key: i.cfg.Submission.Key} {
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(to, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	i.signal(t, syscall.SIGHUP)
	if s := said(); !strings.HasPrefix(s, "RELOADING=1") {
		t.Errorf("then: %q", s)
	}
	if s := said(); !strings.HasPrefix(s, "READY=1") {
		t.Errorf("then: %q", s)
	}
	renewed := i.serial(t)
	if renewed == before {
		t.Error("the old certificate still serves")
	}
	if err := os.WriteFile(i.cfg.Submission.Key, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	i.signal(t, syscall.SIGHUP)
	_, _ = said(), said()
	if i.serial(t) != renewed || !strings.Contains(i.log.String(), "the certificates in use stay") {
		t.Error("a broken certificate is not refused with a word")
	}
	i.signal(t, syscall.SIGTERM)
	if s := said(); !strings.HasPrefix(s, "STOPPING=1") {
		t.Errorf("at last: %q", s)
	}
	if err := <-i.ended; err != nil {
		t.Fatal(err)
	}
	i.process = nil
}

func (i *installation) signal(t *testing.T, s syscall.Signal) {
	t.Helper()
	if err := i.process.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// serial is that of the certificate that the submission port shows.
func (i *installation) serial(t *testing.T) string {
	t.Helper()
	c, err := smtp.Dial(i.cfg.Submission.StartTLS)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.StartTLS(&tls.Config{InsecureSkipVerify: true}); err != nil { //nolint:gosec // only the serial number is looked at
		t.Fatal(err)
	}
	state, _ := c.TLSConnectionState()
	return fmt.Sprint(state.PeerCertificates[0].SerialNumber)
}

func TestASecondDaemonIsKeptOffTheDataFolder(t *testing.T) {
	i, _, _ := installDemoWorld(t, "")
	i.serve()
	if _, err := i.program("", "serve"); err == nil || !strings.Contains(err.Error(), "another daemon uses the data folder") {
		t.Errorf("a second daemon says: %v", err)
	}
	i.stop()
}

func TestCommandLineRefusesBadInput(t *testing.T) {
	i, _, _ := installDemoWorld(t, "")
	i.feed()
	for _, tc := range []struct {
		want string
		args []string
	}{
		{"unexpected argument", []string{"nothing"}},
		{"no courier has the number", []string{"courier", "show", strings.Repeat("0", 25) + "4"}},
		{"is no courier number", []string{"proof", "x"}},
		{"no agent has the login", []string{"agent", "passwd", "nobody"}},
		{"no consultation has the reference", []string{"agent", "entitle", "victoria", "NONE"}},
		{"is no mail address", []string{"agent", "add", "x", "--name", "X", "--address", "Not an address"}},
		{"is no job number", []string{"queue", "retry", "x"}},
		{"n'est pas une preuve de cette passerelle", []string{"verify", i.write("no.pdf", "not a PDF")}},
		{"at least 12 characters", []string{"agent", "passwd", "victoria", "--password-stdin"}},
	} {
		out, err := i.program("short\n", tc.args...)
		if err == nil || !strings.Contains(err.Error()+out, tc.want) {
			t.Errorf("%v: %v %s; want %q", tc.args, err, out, tc.want)
		}
	}
	bad := i.write("bad.json", `{"reference": "A", "companies": [{"name": "", "addresses": ["x"]}]}`)
	if _, err := i.program("", "consultation", "import", bad); err == nil || !strings.Contains(err.Error(), "public_body") || !strings.Contains(err.Error(), "companies") {
		t.Errorf("an import with several problems says: %v", err)
	}
	broken := i.write("broken.toml", "domain = \"\"\nnothing = 1\n")
	i.file = broken
	if _, err := i.program("", "check"); err == nil || !strings.Contains(err.Error(), "line 2: nothing: unknown key") {
		t.Errorf("check says: %v", err)
	}
}

func TestDemoOnce(t *testing.T) {
	i := &installation{T: t, ctx: t.Context(), file: "/none"}
	path := filepath.Join(t.TempDir(), "preuve.pdf")
	out := i.must("", "demo", "--once", "--proof", path)
	for _, want := range []string{"accepted from the agent", "handed to the relay", "delivered, says", "read: receipt acknowledged", "answered by the company", "proof issued", path} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
	if out := i.must("", "verify", path); !strings.Contains(out, "Tout ce qui pouvait être vérifié l'est") {
		t.Error(out)
	}
}

// A courier type that is broken is said with its file and line by the check, and keeps the daemon from starting.
func TestABrokenCourierTypeIsSaidBeforeAnythingStarts(t *testing.T) {
	i, _, _ := installDemoWorld(t, "")
	if err := os.Mkdir(filepath.Join(i.dir, "types"), 0o700); err != nil {
		t.Fatal(err)
	}
	i.write("types/visite.toml", "code = \"visite\"\norder = 20\nusual_register = \"retrait\"\n[label]\nfr = \"Visite\"\n[sending]\nacknowledged = true\n[reply]\nallowed = true\n[fr]\nsubject = \"{{.Referense}}\"\nbody = \"x\"\n")
	i.write("vaguemestre.toml", "courier_types = \""+filepath.Join(i.dir, "types")+"\"\n"+i.configuration())
	for _, command := range []string{"check", "serve"} {
		_, err := i.program("", command)
		for _, want := range []string{"visite.toml:3: usual_register", "visite.toml:11"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v does not say %s", command, err, want)
			}
		}
	}
}
