package sandbox

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strings"
)

// packageOf says which Debian package holds a program that tests need.
func packageOf(program string) string {
	switch program {
	case "master", "postfix", "postconf", "postqueue", "postsuper":
		return "postfix"
	case "dovecot", "doveadm":
		return "dovecot-imapd dovecot-lmtpd"
	case "swaks":
		return "swaks libnet-ssleay-perl"
	case "pdftotext", "pdfsig", "pdftoppm":
		return "poppler-utils"
	case "promtool":
		return "prometheus"
	case "clamd":
		return "clamav-daemon"
	case "systemd-analyze":
		return "systemd"
	case "thunderbird":
		return "thunderbird thunderbird-l10n-fr"
	case "Xvfb":
		return "xvfb"
	case "import":
		return "imagemagick"
	case "initdb", "postgres", "pg_ctl":
		return "postgresql"
	}
	return program
}

// Find gives the path of a program, looked for on the path and where Debian keeps servers' programs.
func Find(program string) (string, error) {
	if path, err := exec.LookPath(program); err == nil {
		return path, nil
	}
	for _, dir := range []string{"/usr/sbin", "/usr/lib/postfix/sbin", "/usr/libexec/postfix", "/usr/local/sbin", "/sbin"} {
		path := filepath.Join(dir, program)
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return "", fmt.Errorf("%s is not installed: apt-get install %s", program, packageOf(program))
}

// Missing is nil when all of the programs are there; otherwise it says what to install.
func Missing(programs ...string) error {
	wanted := map[string]bool{}
	for _, program := range programs {
		if _, err := Find(program); err != nil {
			wanted[packageOf(program)] = true
		}
	}
	if len(wanted) == 0 {
		return nil
	}
	var packages []string
	for p := range wanted {
		packages = append(packages, p)
	}
	sort.Strings(packages)
	return errors.New("programs are missing: apt-get install " + strings.Join(packages, " "))
}

// T is what the helpers use of *testing.T, so that the demo does not carry the testing package.
type T interface {
	Helper()
	Cleanup(func())
	Failed() bool
	Logf(format string, args ...any)
	Fatalf(format string, args ...any)
}

// Need fails the test when a program is missing, and says which Debian package has it: a test that needs a real
// program is not skipped.
func Need(t T, programs ...string) {
	t.Helper()
	if err := Missing(programs...); err != nil {
		t.Fatalf("%v", err)
	}
}

// Service is a started program.
type Service interface {
	Stop()
	Logs() string // the end of what it said
}

// Attach stops the service when the test ends, and shows its logs when the test failed.
func Attach(t T, name string, s Service) {
	t.Cleanup(func() {
		s.Stop()
		if t.Failed() {
			t.Logf("logs of %s:\n%s", name, s.Logs())
		}
	})
}
