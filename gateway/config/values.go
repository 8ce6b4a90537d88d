package config

import (
	"bytes"
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// Duration is a time.Duration written as "90s", "9m" or "120h".
type Duration time.Duration

// UnmarshalText reads what time.ParseDuration reads.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("not a duration such as 90s, 9m or 120h: %q", text)
	}
	*d = Duration(v)
	return nil
}

// MarshalText writes it back.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// Of is the duration for Go's time package.
func (d Duration) Of() time.Duration { return time.Duration(d) }

// Secret says where a secret is: "file:/path", "env:NAME" or "credential:NAME" (systemd's LoadCredential: a file of
// $CREDENTIALS_DIRECTORY or, for a command run by hand under the service's account while the service runs, of the
// service's own folder). It never holds the secret itself, so that it can be printed.
type Secret string

// serviceCredentials is where systemd keeps the credentials of our unit while it runs (systemd.exec(5)).
const serviceCredentials = "/run/credentials/vaguemestre.service"

// maxSecret bounds what is read, in bytes.
const maxSecret = 64 << 10

// Read gives the secret, without its final line end. Empty when none is named.
// Errors name the place, never the content.
func (s Secret) Read() (string, error) {
	if s == "" {
		return "", nil
	}
	how, where, ok := strings.Cut(string(s), ":")
	if !ok {
		return "", errSecretForm
	}
	switch how {
	case "file":
		return readSecret(where)
	case "credential":
		text, err := readSecret(filepath.Join(credentials(), filepath.Base(where)))
		if err != nil && os.Getenv("CREDENTIALS_DIRECTORY") == "" {
			return "", fmt.Errorf("credential %q: only the running service has it (LoadCredential), and its own account beside it: %w", where, err)
		}
		return text, err
	case "env":
		v, set := os.LookupEnv(where)
		if !set {
			return "", fmt.Errorf("environment variable %s is not set", where)
		}
		return v, nil
	}
	return "", errSecretForm
}

// elsewhere tells a credential that nobody but the service can look at: this is not the service.
func (s Secret) elsewhere() bool {
	return strings.HasPrefix(string(s), "credential:") && os.Getenv("CREDENTIALS_DIRECTORY") == ""
}

func credentials() string { return cmp.Or(os.Getenv("CREDENTIALS_DIRECTORY"), serviceCredentials) }

var errSecretForm = fmt.Errorf("a secret does not stand in the configuration: write file:/path, env:NAME or credential:NAME")

func readSecret(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text := make([]byte, maxSecret+1)
	n, err := f.Read(text)
	if err != nil || n > maxSecret {
		return "", fmt.Errorf("%s: no readable secret of at most %d bytes", path, maxSecret)
	}
	return string(bytes.TrimRight(text[:n], "\r\n")), nil
}
