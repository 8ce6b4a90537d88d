package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"vaguemestre/cmd/internal/daemon"
	"vaguemestre/deploy/sandbox"
	"vaguemestre/gateway"
	"vaguemestre/gateway/account"
	"vaguemestre/gateway/config"
)

// ours is an installation of the gateway whose daemon runs in a process of its own.
type ours struct {
	client
	dir     string
	cfg     config.Config
	process *exec.Cmd
	ended   chan error
}

// site is what installations share.
type site struct {
	program   string
	dkim      string // file of the RSA key
	pair      sandbox.Pair
	authority *sandbox.Authority
}

// install makes an installation that relays to the address, and starts it.
func (s site) install(ctx context.Context, dir, smarthost string) (*ours, error) {
	o := &ours{dir: dir}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	submission, metrics, pages := freePort(), freePort(), freePort()
	text := fmt.Sprintf(`domain = %q
data_dir = %q
[submission]
hostname = "localhost"
starttls_listen = ""
tls_listen = %q
certificate = %q
key = %q
[couriers]
postmaster = %q
look_up_domains = false
[[relay.smarthost]]
address = %q
tls = "none"
connections = 16
[[dkim]]
selector = "bench"
key = %q
[[mailbox]]
address = "127.0.0.1:1"
tls = "none"
username = "nobody"
password = "env:HOME"
[link]
listen = %q
base_url = "https://courrier.acheteur.test"
requests_per_minute = 100000000
[metrics]
listen = %q
`, domain, filepath.Join(dir, "data"), submission, s.pair.Certificate, s.pair.Key, agent, smarthost, s.dkim, pages, metrics)
	file := filepath.Join(dir, "vaguemestre.toml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("write the configuration: %w", err)
	}
	var err error
	if o.cfg, err = config.Load(file); err != nil {
		return nil, err
	}
	o.client = client{submission, &tls.Config{RootCAs: s.authority.Pool(), ServerName: "localhost"}}
	if err := o.feed(ctx); err != nil {
		return nil, err
	}
	return o, o.serve(ctx, s.program, file)
}

// feed puts in the consultation and the agent.
func (o *ours) feed(ctx context.Context) (err error) {
	s, err := daemon.OpenStore(ctx, o.cfg, nil, nil, time.Now)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	about, err := s.PutConsultation(ctx, gateway.Consultation{
		Reference: reference, Address: strings.ToLower(reference), Title: "Nettoyage des locaux", Object: "Nettoyage des locaux et des vitres",
		Deadline: time.Now().AddDate(0, 1, 0).Truncate(time.Hour), PublicBody: "Agence Départementale du Numérique", Zone: gateway.DefaultZone, Language: "fr",
	})
	if err != nil {
		return err
	}
	hash, err := account.Hash(password)
	if err != nil {
		return err
	}
	who, err := s.PutAgent(ctx, gateway.Agent{Login: login, Name: "Victoria Brun", Addresses: []string{agent}, Password: hash})
	if err != nil {
		return err
	}
	return s.Entitle(ctx, who.ID, about.ID)
}

// serve starts the daemon and waits until it is ready.
func (o *ours) serve(ctx context.Context, program, file string) error {
	log, err := os.Create(filepath.Join(o.dir, "log"))
	if err != nil {
		return fmt.Errorf("make the log: %w", err)
	}
	defer log.Close()
	o.process = exec.Command(program, "--config", file, "serve")
	o.process.Stderr = log
	o.process.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL} // a session of its own, as each Postfix has: Linux shares the cores out by session
	if err := o.process.Start(); err != nil {
		return fmt.Errorf("start the daemon: %w", err)
	}
	o.ended = make(chan error, 1)
	go func() { o.ended <- o.process.Wait() }()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !o.ready() {
		select {
		case err := <-o.ended:
			o.ended <- err
			said, _ := os.ReadFile(log.Name())
			return fmt.Errorf("the daemon ended: %w: %s", err, said)
		case <-ctx.Done():
			return fmt.Errorf("await the daemon: %w", ctx.Err())
		case <-tick.C:
		}
	}
	return nil
}

func (o *ours) ready() bool {
	answer, err := http.Get("http://" + o.cfg.Metrics.Listen + "/readyz")
	if err != nil {
		return false
	}
	defer answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// stop ends the daemon and removes what it kept.
func (o *ours) stop() {
	if o == nil || o.process == nil || o.ended == nil {
		return
	}
	_ = o.process.Process.Signal(syscall.SIGTERM)
	patience := time.AfterFunc(3*time.Second, func() { _ = o.process.Process.Kill() })
	<-o.ended
	patience.Stop()
	_ = os.RemoveAll(o.dir) // it lies in a folder that is removed in the end
}

// cpu is the processor time that the daemon has used, in user and system mode.
func (o *ours) cpu() (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", o.process.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("read the processor time: %w", err)
	}
	_, rest, _ := strings.Cut(string(text), ") ") // after the name, the third field (proc(5))
	fields := strings.Fields(rest)
	var ticks int64
	for _, field := range fields[11:13] { // utime, stime
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read the processor time: %w", err)
		}
		ticks += n
	}
	return time.Duration(ticks) * (time.Second / 100), nil // USER_HZ is 100 on Linux
}

// memory is a figure of the daemon's status (VmRSS, VmHWM), in bytes.
func (o *ours) memory(name string) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", o.process.Process.Pid))
	if err != nil {
		return 0, fmt.Errorf("read the memory: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, found := strings.CutPrefix(line, name+":"); found {
			kib, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("no %s in the status", name)
}

// forgetPeak makes VmHWM begin again at the memory in use now (proc(5), clear_refs).
func (o *ours) forgetPeak() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", o.process.Process.Pid), []byte("5"), 0)
}

// freePort is a loopback address on which nobody listens at this moment; should somebody take it, the start fails and says so.
func freePort() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "127.0.0.1:0"
	}
	defer l.Close()
	return l.Addr().String()
}
