package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/crypto/bcrypt"
)

// OpenSMTPD is a running OpenSMTPD as smarthost, in a temporary folder. It asks for TLS and a login.
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
		err = s.start(ctx, "OpenSMTPD", s.SMTP, "env", "OPENSSL_CONF="+s.path("openssl.cnf"), inDen("smtpd"), "-d", "-f", s.path("smtpd.conf"))
	}
	if err != nil {
		s.Stop()
		return nil, fmt.Errorf("start OpenSMTPD: %w", err)
	}
	return s, nil
}

func (s *OpenSMTPD) path(name string) string { return filepath.Join(s.dir, name) }

func (s *OpenSMTPD) configure(port int, o RelayOptions) error {
	spool := s.path("spool/smtpd")
	if err := errors.Join(os.Mkdir(spool, 0o711), os.Chmod(spool, 0o711)); err != nil { // whatever the umask
		return err
	}
	if err := s.oldKeys(); err != nil {
		return err
	}
	err := errors.Join(copyFile(o.TLS.Certificate, s.path("cert.pem")), copyFile(o.TLS.Key, s.path("key.pem")))
	if err != nil {
		return err
	}
	secret, err := bcrypt.GenerateFromPassword([]byte(o.Login.Password), bcrypt.MinCost)
	if err != nil {
		return err
	}
	reports := ""
	if !o.DSN {
		reports = "no-dsn "
	}
	return s.write("smtpd.conf", fmt.Sprintf(`pki smarthost cert %q
pki smarthost key %q
table people { %q = %q }
smtp max-message-size %d
listen on 127.0.0.1 port %d %stls-require pki smarthost auth <people> hostname %q
action "onward" relay host smtp://%s
match auth from any for any action "onward"
`, s.path("cert.pem"), s.path("key.pem"), o.Login.Address, secret, o.MaxBytes, port, reports, o.Hostname, o.Next), 0o600)
}

// oldKeys has OpenSSL keep public keys in its older form. The process that speaks TLS has no private key: it marks the public
// one with a name by which another process signs, a mark that the newer form loses, so that OpenSMTPD 6.8 (Debian 12) fails
// every handshake with OpenSSL 3. An engine of public-key methods, whatever it does, makes OpenSSL read such keys in the older form.
func (s *OpenSMTPD) oldKeys() error {
	packages, err := unpackedDir()
	if err != nil {
		return err
	}
	engines, err := filepath.Glob(filepath.Join(packages, "usr/lib/*/engines-3/pkcs11.so"))
	if err != nil {
		return err
	}
	if len(engines) == 0 {
		return errors.New("OpenSSL's engine is not unpacked: run .ci/needs test")
	}
	within, err := filepath.Rel(packages, engines[0])
	if err != nil {
		return err
	}
	return s.write("openssl.cnf", fmt.Sprintf(`openssl_conf = init
[init]
engines = engines
[engines]
pkcs11 = pkcs11
[pkcs11]
dynamic_path = %s
default_algorithms = PKEY
`, filepath.Join("/mnt", within)), 0o644)
}
