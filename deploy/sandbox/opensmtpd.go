package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// OpenSMTPD is a running OpenSMTPD as smarthost, in a temporary folder. It takes mail in clear and without a login: the
// one of Debian 12 fails each handshake, whatever the key, since its own engine for keys does not agree with OpenSSL 3.
type OpenSMTPD struct {
	*den
	SMTP string // host:port
}

// StartOpenSMTPD starts it and waits until it greets. It needs root.
func StartOpenSMTPD(ctx context.Context, o RelayOptions) (*OpenSMTPD, error) {
	d, err := newDen("OpenSMTPD", "smtpd")
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	s := &OpenSMTPD{den: d, SMTP: loopback(port)}
	if err == nil {
		err = s.configure(port, o)
	}
	if err == nil {
		err = s.start(ctx, "OpenSMTPD", s.SMTP, inDen("smtpd"), "-d", "-f", filepath.Join(s.dir, "smtpd.conf"))
	}
	if err != nil {
		s.Stop()
		return nil, fmt.Errorf("start OpenSMTPD: %w", err)
	}
	return s, nil
}

func (s *OpenSMTPD) configure(port int, o RelayOptions) error {
	spool := filepath.Join(s.dir, "spool/smtpd")
	if err := errors.Join(os.Mkdir(spool, 0o711), os.Chmod(spool, 0o711)); err != nil { // whatever the umask
		return err
	}
	reports := ""
	if !o.DSN {
		reports = "no-dsn "
	}
	return s.write("smtpd.conf", fmt.Sprintf(`smtp max-message-size %d
listen on 127.0.0.1 port %d %shostname %q
action "onward" relay host smtp://%s
match from any for any action "onward"
`, o.MaxBytes, port, reports, o.Hostname, o.Next), 0o644)
}
