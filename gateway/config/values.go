package config

import (
	"bytes"
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

// Secret says where a secret is: "file:/path", "env:NAME" or "credential:NAME" (a file
// of $CREDENTIALS_DIRECTORY, systemd's LoadCredential). It never holds the secret itself, so that it
// can be printed.
type Secret string

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
		dir := os.Getenv("CREDENTIALS_DIRECTORY")
		if dir == "" {
			return "", fmt.Errorf("credential %q: the daemon was not started by systemd with LoadCredential", where)
		}
		return readSecret(filepath.Join(dir, filepath.Base(where)))
	case "env":
		v, set := os.LookupEnv(where)
		if !set {
			return "", fmt.Errorf("environment variable %s is not set", where)
		}
		return v, nil
	}
	return "", errSecretForm
}

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
