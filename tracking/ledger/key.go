package ledger

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/mod/sumdb/note"
)

// Key signs the checkpoints of one log. Several nodes of one installation share it.
type Key struct {
	signer   note.Signer
	verifier note.Verifier
	text     string
}

// NewKey makes a key for the log of this name: the gateway's domain. A name holds neither
// spaces nor a plus sign (sumdb/note). The second result is the private half, for the file.
func NewKey(name string) (*Key, string, error) {
	private, public, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		return nil, "", fmt.Errorf("make the ledger's key: %w", err)
	}
	k, err := parseKey(private, public)
	return k, private, err
}

// LoadKey reads the key file, and makes it (mode 0600, durable before it is used) when
// there is none. The file holds two lines, in the form of note.GenerateKey: the private
// key, then the public one.
func LoadKey(path, name string) (*Key, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return createKey(path, name)
	}
	if err != nil {
		return nil, fmt.Errorf("read the ledger's key: %w", err)
	}
	lines := bytes.Fields(text)
	if len(lines) != 2 {
		return nil, fmt.Errorf("read the ledger's key %s: two lines are expected, the private key and the public one", path)
	}
	k, err := parseKey(string(lines[0]), string(lines[1]))
	if err != nil {
		return nil, fmt.Errorf("read the ledger's key %s: %w", path, err)
	}
	return k, nil
}

func parseKey(private, public string) (*Key, error) {
	signer, err := note.NewSigner(private)
	if err != nil {
		return nil, fmt.Errorf("private key: %w", err)
	}
	verifier, err := note.NewVerifier(public)
	if err != nil {
		return nil, fmt.Errorf("public key: %w", err)
	}
	if signer.Name() != verifier.Name() || signer.KeyHash() != verifier.KeyHash() {
		return nil, errors.New("the public key is not that of the private key")
	}
	return &Key{signer: signer, verifier: verifier, text: public}, nil
}

func createKey(path, name string) (*Key, error) {
	key, private, err := NewKey(name)
	if err != nil {
		return nil, err
	}
	switch err = CreateSecret(path, fmt.Appendf(nil, "%s\n%s\n", private, key.text)); {
	case errors.Is(err, fs.ErrExist):
		return LoadKey(path, name)
	case err != nil:
		return nil, fmt.Errorf("write the ledger's key: %w", err)
	}
	return key, nil
}

// CreateSecret makes a file (mode 0600) that must not be there yet: it is written beside its place and
// linked there, so that of two processes one makes it and the other gets fs.ErrExist, and a
// crash leaves a whole file or none. It is durable on return.
func CreateSecret(path string, content []byte) error {
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, ".new-*") // CreateTemp makes it 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(content)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	if err = os.Link(tmp.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Name is the log's name: the first line of its checkpoints.
func (k *Key) Name() string { return k.signer.Name() }

// Public is the public key in the form of note.NewVerifier: what to give to whoever
// will check proofs.
func (k *Key) Public() string { return k.text }

// Verifiers reads public keys, for Open.
func Verifiers(public ...string) (note.Verifiers, error) {
	list := make([]note.Verifier, 0, len(public))
	for _, text := range public {
		v, err := note.NewVerifier(text)
		if err != nil {
			return nil, fmt.Errorf("public key of a ledger %q: %w", text, err)
		}
		list = append(list, v)
	}
	return note.VerifierList(list...), nil
}
