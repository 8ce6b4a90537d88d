package daemon

import (
	"bufio"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"vaguemestre/gateway/token"
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
	text := []byte("1 " + hex.EncodeToString(secret) + "\n")
	if err := CreateSecret(path, text); err != nil {
		if errors.Is(err, fs.ErrExist) { // another process made it meanwhile: theirs is the key
			return os.ReadFile(path)
		}
		return nil, err
	}
	return text, nil
}

// CreateSecret writes a new file for its owner alone, durable before its name appears; fs.ErrExist when there is
// one already. A crash leaves at most a stray temporary file.
func CreateSecret(path string, content []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	tmp, err := os.CreateTemp(dir, ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(content)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err := os.Link(tmp.Name(), path); err != nil { // fails when the name exists, unlike rename
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
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
