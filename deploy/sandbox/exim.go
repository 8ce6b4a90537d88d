package sandbox

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Exim is a running Exim 4 as smarthost, in a temporary folder.
type Exim struct {
	*den
	SMTP string // host:port
}

// StartExim starts it and waits until it greets. It needs root.
func StartExim(ctx context.Context, o RelayOptions) (*Exim, error) {
	d, err := newDen("Exim", "exim4")
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	e := &Exim{den: d, SMTP: loopback(port)}
	if err == nil {
		err = e.folders(o)
	}
	if err == nil {
		err = e.write(eximConfig, eximSettings(port, o), 0o644)
	}
	if err == nil {
		err = e.start(ctx, "Exim", e.SMTP, inDen("exim4"), "-bdf", "-q5s")
	}
	if err != nil {
		e.Stop()
		return nil, fmt.Errorf("start Exim: %w", err)
	}
	return e, nil
}

func (e *Exim) folders(o RelayOptions) error {
	spool := filepath.Join(e.dir, "spool/exim4")
	if err := os.MkdirAll(filepath.Join(spool, "log"), 0o755); err != nil {
		return err
	}
	for from, to := range map[string]string{o.TLS.Certificate: "cert.pem", o.TLS.Key: "key.pem"} {
		if err := copyFile(from, filepath.Join(spool, to)); err != nil {
			return err
		}
	}
	return filepath.WalkDir(spool, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, eximUser, eximUser)
	})
}

func eximSettings(port int, o RelayOptions) string {
	host, next, _ := strings.Cut(o.Next, ":")
	reports := "*"
	if !o.DSN {
		reports = ""
	}
	return fmt.Sprintf(`primary_hostname = %s
spool_directory = /var/spool/exim4
log_file_path = /var/spool/exim4/log/%%slog
pid_file_path = /var/spool/exim4/pid
notifier_socket =
exim_path = %s
daemon_smtp_ports = %d
local_interfaces = 127.0.0.1
host_lookup =
keep_environment =
tls_advertise_hosts = *
tls_certificate = /var/spool/exim4/cert.pem
tls_privatekey = /var/spool/exim4/key.pem
dsn_advertise_hosts = %s
smtputf8_advertise_hosts = *
message_size_limit = %d
acl_smtp_rcpt = rcpt
begin acl
rcpt:
  accept authenticated = *
  deny message = authentication required
begin routers
onward:
  driver = manualroute
  route_list = * %[6]s
  self = send
  transport = onward
begin transports
onward:
  driver = smtp
  hosts = %[6]s
  hosts_override
  allow_localhost
  port = %[7]s
begin retry
* * F,1h,2s
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_prompts = :
  server_condition = ${if and{{eq{$auth2}{%[8]s}}{eq{$auth3}{%[9]s}}}}
  server_set_id = $auth2
  server_advertise_condition = ${if def:tls_in_cipher}
`, o.Hostname, inDen("exim4"), port, reports, o.MaxBytes, host, next, o.Login.Address, o.Login.Password)
}
