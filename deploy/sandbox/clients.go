package sandbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Security says how a client protects its connection.
type Security string

// The ways of submission (RFC 8314).
const (
	Clear    Security = ""
	StartTLS Security = "starttls"
	Implicit Security = "implicit"
)

// Submission is a message that an agent or a company hands to a mail program.
type Submission struct {
	Server         string // host:port; a certificate is checked for "localhost"
	Security       Security
	CA             string // file of the authority that is trusted
	User, Password string // no AUTH when empty
	From           string // envelope sender
	To             []string
	// Message is the message as the program gets it, header and all; LF line ends will do.
	Message string
}

func (s Submission) port() string {
	_, port, err := net.SplitHostPort(s.Server)
	if err != nil {
		return s.Server
	}
	return port
}

// Swaks submits with swaks and returns the SMTP dialogue. Further arguments are added to its command line.
func Swaks(ctx context.Context, s Submission, arguments ...string) (string, error) {
	args := []string{"--server", "localhost", "--port", s.port(), "--from", s.From, "--to", strings.Join(s.To, ","), "--data", "-", "--timeout", "20s"}
	switch s.Security {
	case StartTLS:
		args = append(args, "--tls")
	case Implicit:
		args = append(args, "--tls-on-connect")
	}
	if s.Security != Clear {
		args = append(args, "--tls-verify", "--tls-ca-path", s.CA)
	}
	if s.User != "" {
		args = append(args, "--auth", "PLAIN", "--auth-user", s.User, "--auth-password", s.Password)
	}
	return run(ctx, s.Message, nil, "swaks", append(args, arguments...)...)
}

// Msmtp submits with msmtp and returns its log line, which has the server's last words.
func Msmtp(ctx context.Context, s Submission, arguments ...string) (string, error) {
	dir, err := os.MkdirTemp("", "vgm-msmtp-")
	if err != nil {
		return "", fmt.Errorf("run msmtp: %w", err)
	}
	defer os.RemoveAll(dir)
	var c strings.Builder
	fmt.Fprintf(&c, "account default\nhost localhost\ndomain localhost\nport %s\nfrom %s\nlogfile %s\ntimeout 20\n", s.port(), s.From, filepath.Join(dir, "log"))
	if s.Security != Clear {
		fmt.Fprintf(&c, "tls on\ntls_trust_file %s\ntls_starttls %s\n", s.CA, map[bool]string{true: "on", false: "off"}[s.Security == StartTLS])
	}
	if s.User != "" {
		fmt.Fprintf(&c, "auth plain\nuser %s\npassword %s\n", s.User, s.Password)
	}
	config := filepath.Join(dir, "msmtprc")
	if err := os.WriteFile(config, []byte(c.String()), 0o600); err != nil {
		return "", fmt.Errorf("run msmtp: %w", err)
	}
	args := append([]string{"--file=" + config}, arguments...)
	out, err := run(ctx, s.Message, nil, "msmtp", append(append(args, "--"), s.To...)...)
	log, _ := os.ReadFile(filepath.Join(dir, "log")) // absent when it did not come that far
	return out + string(log), err
}

// SNail submits with s-nail, which composes the message itself from its header fields (To, Cc, Subject) and body.
// Its envelope recipients are those of the header; To is not used.
func SNail(ctx context.Context, s Submission, arguments ...string) (string, error) {
	scheme := "smtp"
	if s.Security == Implicit {
		scheme = "smtps"
	}
	args := []string{"-:/", "-v", "-t", "-r", s.From,
		"-S", "v15-compat=yes", "-S", "sendwait", "-S", "sendcharsets=utf-8", "-S", "expandaddr=restrict", "-S", "hostname=localhost",
		"-S", "mta=" + scheme + "://localhost:" + s.port()}
	if s.Security == StartTLS {
		args = append(args, "-S", "smtp-use-starttls")
	}
	if s.Security != Clear {
		args = append(args, "-S", "tls-ca-file="+s.CA, "-S", "tls-verify=strict", "-S", "tls-ca-no-defaults")
	}
	if s.User == "" {
		args = append(args, "-S", "smtp-auth=none")
	} else {
		args = append(args, "-S", "smtp-auth=plain", "-S", "user="+s.User, "-S", "password="+s.Password)
	}
	home, err := os.MkdirTemp("", "vgm-s-nail-")
	if err != nil {
		return "", fmt.Errorf("run s-nail: %w", err)
	}
	defer os.RemoveAll(home)
	env := []string{"HOME=" + home, "DEAD=" + filepath.Join(home, "dead.letter"), "LC_ALL=C.UTF-8", "TERM=dumb"}
	return run(ctx, s.Message, env, "s-nail", append(args, arguments...)...)
}

// run runs a program to its end and returns all that it said; the error tells its exit status and those words.
func run(ctx context.Context, input string, env []string, program string, arguments ...string) (string, error) {
	path, err := Find(program)
	if err != nil {
		return "", err
	}
	cmd := exec.CommandContext(ctx, path, arguments...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin = strings.NewReader(input)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s: %w: %s", program, errors.Join(err, ctx.Err()), out.String())
	}
	return out.String(), nil
}
