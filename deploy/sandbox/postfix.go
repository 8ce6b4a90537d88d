package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"vaguemestre/deploy"
)

// PostfixRole names a recipe of deploy/postfix.
type PostfixRole string

// The recipes.
const (
	Smarthost  PostfixRole = "smarthost"  // takes mail from the gateway and relays it on
	MailServer PostfixRole = "mailserver" // takes mail for its domains and hands it to Dovecot
)

// PostfixOptions says what a Postfix is for.
type PostfixOptions struct {
	Role     PostfixRole
	Hostname string // as it greets
	TLS      Pair
	CA       string // trusted when it relays

	Relay string   // host:port to which a smarthost hands everything on
	Auth  string   // host:port of Dovecot's SASL service; a submission port opens when given
	LMTP  string   // host:port of Dovecot, for a mail server
	Boxes []string // the addresses that a mail server has; their domains are its own

	// Extra overrides or adds parameters of main.cf.
	Extra map[string]string
}

// Postfix is a running Postfix with one of the recipes of deploy/postfix, in a temporary folder.
type Postfix struct {
	SMTP       string // host:port
	Submission string // host:port; empty without Auth

	dir     string
	process *process
}

// StartPostfix starts Postfix and waits until it greets. Its master process needs root's rights (it starts each
// daemon as the user that it is meant for); without them the error says so.
func StartPostfix(ctx context.Context, o PostfixOptions) (*Postfix, error) {
	if err := Missing("postfix", "master"); err != nil {
		return nil, fmt.Errorf("start Postfix: %w", err)
	}
	if os.Geteuid() != 0 {
		return nil, errors.New("start Postfix: its master process must be started by root; run the tests as root, or with sudo")
	}
	dir, err := os.MkdirTemp("/tmp", "vgm-postfix-")
	if err != nil {
		return nil, fmt.Errorf("start Postfix: %w", err)
	}
	p := &Postfix{dir: dir}
	if err := p.start(ctx, o); err != nil {
		p.Stop()
		return nil, fmt.Errorf("start Postfix (%s): %w", o.Role, err)
	}
	return p, nil
}

func (p *Postfix) start(ctx context.Context, o PostfixOptions) error {
	ports, err := freePorts(2)
	if err != nil {
		return err
	}
	p.SMTP = loopback(ports[0])
	if o.Auth != "" {
		p.Submission = loopback(ports[1])
	}
	if err := p.folders(); err != nil {
		return err
	}
	if err := errors.Join(p.writeMain(o), p.writeMaster(o, ports), p.writeMaps(o)); err != nil {
		return err
	}
	master, err := Find("master")
	if err != nil {
		return err
	}
	cmd := exec.Command(master, "-c", p.config(), "-s")
	cmd.Env = append(os.Environ(), "MAIL_CONFIG="+p.config())
	if p.process, err = spawn("Postfix ("+string(o.Role)+")", cmd); err != nil {
		return err
	}
	for _, address := range []string{p.SMTP, p.Submission} {
		if address == "" {
			continue
		}
		if err := p.process.awaitGreeting(ctx, address, "220"); err != nil {
			return err
		}
	}
	return nil
}

func (p *Postfix) config() string { return filepath.Join(p.dir, "etc") }

// folders makes what `postfix check` would, with the same owners and modes, in a hundredth of its time.
func (p *Postfix) folders() error {
	_, owner, err := unprivileged("postfix")
	if err != nil {
		return err
	}
	drop, err := user.LookupGroup("postdrop")
	if err != nil {
		return fmt.Errorf("look up the group: %w", err)
	}
	dropID, err := strconv.Atoi(drop.Gid)
	if err != nil {
		return fmt.Errorf("read the group's number: %w", err)
	}
	var failed []error
	folder := func(name string, mode os.FileMode, uid, gid int) {
		path := filepath.Join(p.dir, name)
		failed = append(failed, os.MkdirAll(path, mode), os.Chown(path, uid, gid), os.Chmod(path, mode))
	}
	uid, gid := int(owner.Uid), int(owner.Gid)
	folder(".", 0o755, 0, 0) // the daemons are other users
	folder("etc", 0o755, 0, 0)
	folder("data", 0o700, uid, gid)
	folder("spool", 0o755, 0, 0)
	folder("spool/pid", 0o755, 0, 0)
	folder("spool/public", 0o710, uid, dropID)
	folder("spool/maildrop", 0o730, uid, dropID)
	for _, name := range []string{"active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace"} {
		folder("spool/"+name, 0o700, uid, gid)
	}
	return errors.Join(failed...)
}

// writeMain writes the recipe's main.cf with the parameters that a sandbox needs different.
func (p *Postfix) writeMain(o PostfixOptions) error {
	recipe, err := deploy.Recipes.ReadFile(recipePath(o.Role, "main.cf"))
	if err != nil {
		return fmt.Errorf("read the recipe: %w", err)
	}
	text := string(recipe)
	for _, change := range p.changes(o) {
		text = setParameter(text, change[0], change[1])
	}
	for name, value := range o.Extra {
		text = setParameter(text, name, value)
	}
	return p.write("main.cf", text)
}

func (p *Postfix) changes(o PostfixOptions) [][2]string {
	changes := [][2]string{
		{"queue_directory", filepath.Join(p.dir, "spool")}, {"data_directory", filepath.Join(p.dir, "data")},
		{"maillog_file", "/dev/stdout"}, {"inet_interfaces", "127.0.0.1"}, {"inet_protocols", "ipv4"},
		{"alias_maps", ""}, {"alias_database", ""}, {"smtp_host_lookup", "native"}, {"smtp_dns_support_level", "disabled"},
		{"myhostname", o.Hostname}, {"smtpd_peername_lookup", "no"},
		{"smtpd_tls_cert_file", o.TLS.Certificate}, {"smtpd_tls_key_file", o.TLS.Key}, {"smtp_tls_CAfile", o.CA},
		// A sandbox is in a hurry: what is put off is tried again within seconds.
		{"minimal_backoff_time", "2s"}, {"maximal_backoff_time", "4s"}, {"queue_run_delay", "2s"},
	}
	if o.Role == Smarthost {
		changes = append(changes, [2]string{"relayhost", bracket(o.Relay)})
		if o.Auth == "" {
			return append(changes, [2]string{"smtpd_sasl_auth_enable", "no"})
		}
		return append(changes, [2]string{"smtpd_sasl_path", "inet:" + o.Auth})
	}
	return append(changes,
		[2]string{"virtual_mailbox_domains", strings.Join(domainsOf(o.Boxes), " ")},
		[2]string{"virtual_mailbox_maps", "texthash:" + filepath.Join(p.config(), "vaguemestre-boites")},
		[2]string{"virtual_alias_maps", "texthash:" + filepath.Join(p.config(), "vaguemestre-alias")},
		[2]string{"virtual_transport", "lmtp:inet:" + o.LMTP})
}

// writeMaster writes the recipe's master.cf with the sandbox's ports.
func (p *Postfix) writeMaster(o PostfixOptions, ports []int) error {
	recipe, err := deploy.Recipes.ReadFile(recipePath(o.Role, "master.cf"))
	if err != nil {
		return fmt.Errorf("read the recipe: %w", err)
	}
	lines := strings.Split(string(recipe), "\n")
	kept := lines[:0]
	dropping := false
	for _, line := range lines {
		fields := strings.Fields(line)
		inet := len(fields) > 1 && fields[1] == "inet"
		if dropping = dropping && strings.HasPrefix(line, " "); dropping {
			continue
		}
		switch {
		case inet && fields[0] == "submission" && o.Auth == "":
			dropping = true
			continue
		case inet && fields[0] == "submission":
			line = strings.Replace(line, "submission", loopback(ports[1]), 1)
		case inet && fields[0] == "smtp":
			line = strings.Replace(line, "smtp", loopback(ports[0]), 1)
		}
		kept = append(kept, line)
	}
	return p.write("master.cf", strings.Join(kept, "\n"))
}

// writeMaps writes the boxes, and the recipe's aliases for the domain of the first box.
func (p *Postfix) writeMaps(o PostfixOptions) error {
	if o.Role != MailServer {
		return nil
	}
	var boxes strings.Builder
	for _, a := range o.Boxes {
		fmt.Fprintf(&boxes, "%s x\n", a)
	}
	aliases, err := fs.ReadFile(deploy.Recipes, recipePath(o.Role, "vaguemestre-alias"))
	if err != nil {
		return fmt.Errorf("read the recipe: %w", err)
	}
	adapted, err := adapt(string(aliases), "courrier.acheteur.example", domainsOf(o.Boxes)[0])
	return errors.Join(err, p.write("vaguemestre-boites", boxes.String()), p.write("vaguemestre-alias", adapted))
}

// write makes a configuration file that looks a minute old: Postfix waits over a second, in every daemon, for one
// that may still be being written.
func (p *Postfix) write(name, text string) error {
	path := filepath.Join(p.config(), name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	old := time.Now().Add(-time.Minute)
	return os.Chtimes(path, old, old)
}

// Queue lists what Postfix still has to send, as `postqueue -j` does, one JSON object a line.
func (p *Postfix) Queue(ctx context.Context) (string, error) {
	program, err := Find("postqueue")
	if err != nil {
		return "", err
	}
	out, err := exec.CommandContext(ctx, program, "-c", p.config(), "-j").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("postqueue: %w: %s", err, out)
	}
	return string(out), nil
}

// Stop ends Postfix and removes its folder with all of its queue.
func (p *Postfix) Stop() {
	if p.process != nil {
		p.process.stop()
	}
	removeAll(p.dir)
}

// Logs is the end of what it logged.
func (p *Postfix) Logs() string {
	if p.process == nil {
		return ""
	}
	return p.process.log.String()
}

// removeAll removes a folder in which a dying daemon may still have made a file.
func removeAll(dir string) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range 20 {
		if os.RemoveAll(dir) == nil {
			return
		}
		<-tick.C
	}
}

func recipePath(role PostfixRole, file string) string { return "postfix/" + string(role) + "/" + file }

// setParameter gives a parameter of main.cf its value where it stands, or at the end.
func setParameter(text, name, value string) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i, line := range lines {
		if before, _, ok := strings.Cut(line, "="); ok && strings.TrimSpace(before) == name {
			lines[i] = name + " = " + value
			return strings.Join(lines, "\n") + "\n"
		}
	}
	return strings.Join(lines, "\n") + "\n" + name + " = " + value + "\n"
}

// bracket is the relayhost form of host:port, without MX look-up.
func bracket(address string) string {
	host, port, ok := strings.Cut(address, ":")
	if !ok {
		return address
	}
	return "[" + host + "]:" + port
}

func domainsOf(addresses []string) []string {
	var domains []string
	seen := map[string]bool{}
	for _, a := range addresses {
		if _, d := split(strings.ToLower(a)); !seen[d] {
			seen[d] = true
			domains = append(domains, d)
		}
	}
	return domains
}
