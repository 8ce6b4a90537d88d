package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"vaguemestre/cmd/internal/daemon"
	"vaguemestre/gateway"
	"vaguemestre/gateway/config"
	"vaguemestre/gateway/store"
)

// installation is a gateway as an administrator installs it: a configuration file, a data folder, and the
// program in processes of its own.
type installation struct {
	*testing.T
	ctx  context.Context
	dir  string
	file string
	ca   string // of the daemon's own certificates
	cfg  config.Config

	process *exec.Cmd
	ended   chan error
	log     *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// world is what surrounds the gateway.
type world struct {
	Domain               string
	Certificate, Key, CA string // of the gateway's listeners
	Smarthost            string // tables of the configuration
	Mailbox              string
	Extra                string            // the rest of it
	Passwords            map[string]string // file name → secret
}

// deadline ends what hangs; nothing that works comes near it, even on a machine with much else to do.
const deadline = 4 * time.Minute

func install(t *testing.T, w world) *installation {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), deadline)
	t.Cleanup(cancel)
	i := &installation{T: t, ctx: ctx, ca: w.CA, dir: t.TempDir(), log: &lockedBuffer{}}
	for name, secret := range w.Passwords {
		i.write(name, secret)
	}
	pages := freePort(t)
	text := fmt.Sprintf(`domain = %q
data_dir = %q
[log]
level = "debug"
[submission]
hostname = "localhost"
starttls_listen = %q
tls_listen = %q
certificate = %q
key = %q
drain_timeout = "5s"
[couriers]
postmaster = "postmaster@acheteur.test"
look_up_domains = false
[queue]
grace = "5s"
[link]
listen = %q
base_url = "http://%s"
minimum_delay = "0s"
[ledger]
interval = "100ms"
[metrics]
listen = %q
`, w.Domain, filepath.Join(i.dir, "data"), freePort(t), freePort(t), w.Certificate, w.Key, pages, pages, freePort(t))
	text += w.Smarthost + w.Mailbox + w.Extra
	text = strings.ReplaceAll(text, "$DIR", i.dir)
	i.file = i.write("vaguemestre.toml", text)
	i.load()
	return i
}

func (i *installation) load() {
	i.Helper()
	cfg, err := config.Load(i.file)
	if err != nil {
		i.Fatalf("%v\n%s", err, i.configuration())
	}
	i.cfg = cfg
}

func (i *installation) configuration() string {
	i.Helper()
	text, err := os.ReadFile(i.file)
	if err != nil {
		i.Fatal(err)
	}
	return string(text)
}

// freePort is a loopback address on which nobody listens at this moment. It lies below the range from which the kernel
// takes the ports of outgoing connections, so that nobody takes it by chance in between.
func freePort(t *testing.T) string {
	t.Helper()
	for range 50 {
		l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(10000)))
		if err != nil {
			continue
		}
		defer l.Close()
		return l.Addr().String()
	}
	t.Fatal("no free port")
	return ""
}

func (i *installation) write(name, text string) string {
	i.Helper()
	path := filepath.Join(i.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		i.Fatal(err)
	}
	return path
}

// program runs a command of the program to its end.
func (i *installation) program(input string, args ...string) (stdout string, err error) {
	i.Helper()
	cmd := exec.CommandContext(i.ctx, os.Args[0], append([]string{"--config", i.file}, args...)...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	cmd.Stdin = strings.NewReader(input)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("vaguemestre %s: %w: %s", strings.Join(args, " "), err, problems.String())
	}
	return out.String(), nil
}

func (i *installation) must(input string, args ...string) string {
	i.Helper()
	out, err := i.program(input, args...)
	if err != nil {
		i.Fatal(err)
	}
	return out
}

const agentPassword = "mot de passe de Victoria"

// feed puts in a consultation, by the commands of the README.
func (i *installation) feed(companies ...string) {
	i.Helper()
	type company struct {
		Name      string   `json:"name"`
		Addresses []string `json:"addresses"`
		Registers []string `json:"registers"`
	}
	list := []company{}
	for n, address := range companies {
		list = append(list, company{Name: fmt.Sprintf("Entreprise %d", n+1), Addresses: []string{address}, Registers: []string{"retraits"}})
	}
	text, err := json.Marshal(map[string]any{
		"reference": "TESTESR2020", "title": "TESTESR2020", "object": "test", "deadline": "2027-03-09T10:00:00+01:00",
		"public_body": "Agence Départementale du Numérique", "companies": list,
	})
	if err != nil {
		i.Fatal(err)
	}
	i.must(string(text), "consultation", "import", "-")
	i.must(agentPassword+"\n", "agent", "add", "victoria", "--name", "Victoria Brun", "--address", "agent@acheteur.test", "--password-stdin")
	i.must("", "agent", "entitle", "victoria", "TESTESR2020")
}

// serve starts the daemon and returns once it is ready.
func (i *installation) serve() {
	i.Helper()
	i.begin(exec.CommandContext(i.ctx, os.Args[0], "--config", i.file, "serve"))
}

// begin starts the daemon by that command and returns once it is ready.
func (i *installation) begin(command *exec.Cmd) {
	i.Helper()
	i.process = command
	i.process.Env = append(os.Environ(), asProgram+"=1")
	i.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	i.process.Stderr = i.log
	started := make(chan error, 1)
	i.ended = make(chan error, 1)
	go func(process *exec.Cmd, ended chan<- error) {
		runtime.LockOSThread() // Pdeathsig comes when the thread that began the process ends: this one stays as long as it
		defer runtime.UnlockOSThread()
		err := process.Start()
		started <- err
		if err == nil {
			ended <- process.Wait()
		}
	}(i.process, i.ended)
	if err := <-started; err != nil {
		i.Fatal(err)
	}
	i.Cleanup(func() { i.kill() })
	i.until("the daemon is ready", func() bool {
		select {
		case err := <-i.ended:
			i.ended <- err
			i.Fatalf("the daemon ended: %v\n%s", err, i.log)
		default:
		}
		answer, err := http.Get("http://" + i.cfg.Metrics.Listen + "/readyz")
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
}

// kill ends the daemon as a power cut does; harmless when it has ended.
func (i *installation) kill() {
	if i.process == nil {
		return
	}
	_ = i.process.Process.Kill()
	<-i.ended
	i.process = nil
	http.DefaultClient.CloseIdleConnections()
}

// stop ends the daemon as systemd does, and fails unless it ends well.
func (i *installation) stop() {
	i.Helper()
	if err := i.process.Process.Signal(syscall.SIGTERM); err != nil {
		i.Fatal(err)
	}
	if err := <-i.ended; err != nil {
		i.Fatalf("the daemon ended badly: %v\n%s", err, i.log)
	}
	i.process = nil
	http.DefaultClient.CloseIdleConnections()
}

// until asks a question again and again until its answer is yes, or the test's time is over.
func (i *installation) until(what string, yes func() bool) {
	i.Helper()
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for !yes() {
		select {
		case <-i.ctx.Done():
			i.Fatalf("time is over and still not: %s\n%s", what, tail(i.log.String(), 8000))
		case <-tick.C:
		}
	}
}

// look opens the store beside the daemon.
func (i *installation) look() *store.Store {
	i.Helper()
	s, err := daemon.OpenStore(i.ctx, i.cfg, nil, nil, time.Now)
	if err != nil {
		i.Fatal(err)
	}
	i.Cleanup(func() {
		if err := s.Close(); err != nil {
			i.Error(err)
		}
	})
	return s
}

// event waits for an event of a courier's recipient and gives it.
func (i *installation) event(s *store.Store, courier gateway.ID, address string, kind gateway.EventKind) (found gateway.Event) {
	i.Helper()
	i.until(fmt.Sprintf("%s for %s", kind, address), func() bool {
		recipients, err := s.Recipients(i.ctx, courier)
		if err != nil {
			i.Fatal(err)
		}
		for _, r := range recipients {
			if r.Address != address {
				continue
			}
			events, err := s.Events(i.ctx, courier, r.ID)
			if err != nil {
				i.Fatal(err)
			}
			for _, e := range events {
				if e.Kind == kind {
					found = e
					return true
				}
			}
		}
		return false
	})
	return found
}

func (i *installation) metrics() string {
	i.Helper()
	answer, err := http.Get("http://" + i.cfg.Metrics.Listen + "/metrics")
	if err != nil {
		i.Fatalf("%v\n%s", err, tail(i.log.String(), 8000))
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		i.Fatal(err)
	}
	return string(text)
}
