package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/emersion/go-milter"

	"vaguemestre/deploy/sandbox"
)

// peer is a Postfix that smtp-source drives.
type peer struct {
	postfix *sandbox.Postfix
	dir     string
}

// generous lifts what the recipe keeps small and what would slow a lone Postfix down.
var generous = map[string]string{
	"default_process_limit": "100", "qmgr_message_active_limit": "20000", "in_flow_delay": "0", "smtp_tls_security_level": "none",
	"smtp_destination_concurrency_limit": "16", "initial_destination_concurrency": "16",
}

// startPeer starts a Postfix that relays into the sink, with the parameters given beside the generous ones.
func startPeer(ctx context.Context, dir, relay string, pair sandbox.Pair, extra map[string]string) (*peer, error) {
	parameters := map[string]string{}
	for _, set := range []map[string]string{generous, extra} {
		for name, value := range set {
			parameters[name] = value
		}
	}
	postfix, err := sandbox.StartPostfix(ctx, sandbox.PostfixOptions{Role: sandbox.Smarthost, Hostname: "relais.test", TLS: pair, Relay: relay, Extra: parameters})
	if err != nil {
		return nil, err
	}
	return &peer{postfix, dir}, nil
}

// holding makes Postfix keep what it accepts: its acceptance alone is measured, as ours is with a silent smarthost.
var holding = map[string]string{"smtpd_recipient_restrictions": "check_recipient_access static:HOLD, reject_non_fqdn_recipient"}

// filtering puts the footer milter and opendkim in Postfix's way.
func filtering(footer, dkim string) map[string]string {
	return map[string]string{"smtpd_milters": "inet:" + footer + ", inet:" + dkim, "milter_default_action": "tempfail"}
}

// send has smtp-source submit n messages, over as many sessions as our client has, which stay open.
func (p *peer) send(ctx context.Context, n int, text string) (time.Duration, error) {
	program, err := sandbox.Find("smtp-source")
	if err != nil {
		return 0, err
	}
	file := filepath.Join(p.dir, "letter")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(text, "\r\n", "\n")), 0o600); err != nil {
		return 0, fmt.Errorf("write the letter: %w", err)
	}
	cmd := exec.CommandContext(ctx, program, "-4", "-d", "-s", strconv.Itoa(sessions), "-m", strconv.Itoa(n), "-f", agent, "-t", company,
		"-M", "client.test", "-F", file, p.postfix.SMTP)
	start := time.Now()
	out, err := cmd.CombinedOutput()
	took := time.Since(start)
	if err != nil || len(bytes.TrimSpace(out)) > 0 {
		return took, fmt.Errorf("smtp-source: %w: %s: %s", errors.Join(err, errors.New("it said something")), out, p.postfix.Logs())
	}
	return took, nil
}

// opendkim signs for Postfix.
type opendkim struct {
	address string
	process *exec.Cmd
}

func startOpendkim(ctx context.Context, dir, key string) (*opendkim, error) {
	program, err := sandbox.Find("opendkim")
	if err != nil {
		return nil, err
	}
	d := &opendkim{address: freePort()}
	host, port, err := net.SplitHostPort(d.address)
	if err != nil {
		return nil, fmt.Errorf("find a port for opendkim: %w", err)
	}
	text := fmt.Sprintf("Mode s\nDomain acheteur.test\nSelector bench\nKeyFile %s\nRequireSafeKeys no\nCanonicalization relaxed/relaxed\nSocket inet:%s@%s\nBackground no\n", key, port, host)
	file := filepath.Join(dir, "opendkim.conf")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, fmt.Errorf("write opendkim's configuration: %w", err)
	}
	d.process = exec.Command(program, "-f", "-x", file)
	d.process.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL} // a session of its own, as each Postfix has: Linux shares the cores out by session
	if err := d.process.Start(); err != nil {
		return nil, fmt.Errorf("start opendkim: %w", err)
	}
	return d, d.await(ctx)
}

func (d *opendkim) await(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := net.Dial("tcp", d.address)
		if err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("await opendkim: %w", err)
		case <-tick.C:
		}
	}
}

func (d *opendkim) stop() {
	if d != nil && d.process.Process != nil {
		_ = d.process.Process.Kill()
		_ = d.process.Wait()
	}
}

// footer is the milter that adds the contextual block to both forms of the text.
type footer struct {
	milter.NoOpMilter
	body bytes.Buffer
}

func startFooter() (*milter.Server, string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", fmt.Errorf("start the footer milter: %w", err)
	}
	s := &milter.Server{
		NewMilter: func() milter.Milter { return &footer{} }, Actions: milter.OptChangeBody,
		Protocol: milter.OptNoConnect | milter.OptNoHelo | milter.OptNoMailFrom | milter.OptNoRcptTo | milter.OptNoHeaders,
	}
	go func() { _ = s.Serve(l) }() // ends when the server is closed
	return s, l.Addr().String(), nil
}

// BodyChunk implements milter.Milter.
func (f *footer) BodyChunk(chunk []byte, _ *milter.Modifier) (milter.Response, error) {
	f.body.Write(chunk)
	return milter.RespContinue, nil
}

const block = "Consultation TESTESR2020 : Nettoyage des locaux\r\nObjet : Nettoyage des locaux et des vitres\r\nOrganisme : Agence Départementale du Numérique\r\n"

// Body implements milter.Milter.
func (f *footer) Body(m *milter.Modifier) (milter.Response, error) {
	text := bytes.Replace(f.body.Bytes(), []byte("\r\n--alt\r\nContent-Type: text/html"), []byte("\r\n"+block+"\r\n--alt\r\nContent-Type: text/html"), 1)
	text = bytes.Replace(text, []byte("</body>"), []byte("<pre>"+block+"</pre></body>"), 1)
	f.body.Reset()
	if err := m.ReplaceBody(text); err != nil {
		return nil, err
	}
	return milter.RespContinue, nil
}

// Abort implements milter.Milter.
func (f *footer) Abort(*milter.Modifier) error {
	f.body.Reset()
	return nil
}
