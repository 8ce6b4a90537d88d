package daemon

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"vaguemestre/gateway/config"
	"vaguemestre/gateway/seal"
	"vaguemestre/gateway/token"
	"vaguemestre/tracking/ledger"
)

// TokenRing reads the token keys of an installation, and makes the first one when there is none.
// The file holds one key a line, its number and 64 hexadecimal digits, the key in force first: to rotate,
// add a line before the others with a new number; to retire a key, remove its line.
func TokenRing(path string) (*token.Ring, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		text, err = makeTokenKey(path)
	}
	if err != nil {
		return nil, fmt.Errorf("read the token keys: %w", err)
	}
	keys, err := parseTokenKeys(string(text))
	if err != nil {
		return nil, fmt.Errorf("read the token keys in %s: %w", path, err)
	}
	return token.NewRing(keys[0], keys[1:]...)
}

func makeTokenKey(path string) ([]byte, error) {
	secret := make([]byte, token.KeySize)
	_, _ = rand.Read(secret) // documented never to fail (Go 1.24)
	return keepKey(path, []byte("1 "+hex.EncodeToString(secret)+"\n"))
}

// keepKey stores a key just made, or gives the one that another process made meanwhile.
func keepKey(path string, text []byte) ([]byte, error) {
	if err := ledger.CreateSecret(path, text); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return os.ReadFile(path)
		}
		return nil, err
	}
	return text, nil
}

// SealVault reads the keys of sealed answers, and makes the first one when there is none. The file holds one key of age a line,
// the one in force first: to rotate, add a line before the others. A key that still seals something must not be removed,
// nor the last one: mail met again is known by it.
func SealVault(path string) (*seal.Vault, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		var key string
		if key, err = seal.NewKey(); err == nil {
			text, err = keepKey(path, []byte(key))
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read the keys of seals: %w", err)
	}
	vault, err := seal.New(string(text))
	if err != nil {
		return nil, fmt.Errorf("read the keys of seals in %s: %w", path, err)
	}
	return vault, nil
}

// parseTokenKeys never repeats a key in its errors.
func parseTokenKeys(text string) ([]token.Key, error) {
	var keys []token.Key
	lines := bufio.NewScanner(strings.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		number, digits, _ := strings.Cut(line, " ")
		id, err := strconv.ParseUint(number, 10, 8)
		raw, hexErr := hex.DecodeString(strings.TrimSpace(digits))
		if err != nil || hexErr != nil || len(raw) != token.KeySize {
			return nil, fmt.Errorf("line %d is not a number below 256 and %d hexadecimal digits", n, 2*token.KeySize)
		}
		keys = append(keys, token.Key{ID: byte(id), Secret: [token.KeySize]byte(raw)})
	}
	if len(keys) == 0 {
		return nil, errors.New("no key")
	}
	return keys, lines.Err()
}

// CopyKeys brings the keys that an installation made itself to its copy: without them its links, checkpoints and seals
// would be another's. A key that is there already stays only when it is the same.
func CopyKeys(from, to config.Config) error {
	source, target := filepath.Join(from.DataDir, keyDir), filepath.Join(to.DataDir, keyDir)
	keys, err := os.ReadDir(source)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("copy the keys: %w", err)
	}
	if err := os.MkdirAll(target, 0o700); err != nil {
		return fmt.Errorf("copy the keys: %w", err)
	}
	for _, k := range keys {
		if err := copyKey(filepath.Join(source, k.Name()), filepath.Join(target, k.Name())); err != nil {
			return fmt.Errorf("copy the keys: %w", err)
		}
	}
	return nil
}

func copyKey(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	err = ledger.CreateSecret(to, content)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	there, err := os.ReadFile(to)
	if err == nil && !bytes.Equal(there, content) {
		err = fmt.Errorf("%s is another key: the new installation is not empty", to)
	}
	return err
}
