package seal

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"

	"vaguemestre/gateway"
)

// Vault seals and opens with the keys of an installation. Safe for concurrent use.
type Vault struct {
	in      age.Recipient
	out     []age.Identity
	marking []byte // key of the fingerprints
}

// NewKey makes a key, as the lines of a key file.
func NewKey() (string, error) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		return "", fmt.Errorf("make a key for seals: %w", err)
	}
	return key.String() + "\n", nil
}

// New reads a key file: one key a line, the one in force first; the others still open what they sealed. The last one, which is the oldest, makes
// the fingerprints too, so that these stay the same when keys change. Its errors repeat no key.
func New(keys string) (*Vault, error) {
	v := new(Vault)
	for line := range strings.Lines(keys) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, err := age.ParseX25519Identity(line)
		if err != nil {
			return nil, fmt.Errorf("key %d for seals is no age key (AGE-SECRET-KEY-1…)", len(v.out)+1)
		}
		if v.in == nil {
			v.in = key.Recipient()
		}
		v.out = append(v.out, key)
		v.marking = mac([]byte(key.String()), "vaguemestre fingerprints 1")
	}
	if v.in == nil {
		return nil, errors.New("no key for seals")
	}
	return v, nil
}

// Fingerprint tells a content again without telling it: nobody who lacks the key can try by it what the content may be.
func (v *Vault) Fingerprint(content gateway.Hash) gateway.Hash {
	return gateway.Hash(mac(v.marking, string(content[:])))
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

// Writer seals what is written to it into w. It must be closed, which does not close w.
func (v *Vault) Writer(w io.Writer) (io.WriteCloser, error) {
	sealing, err := age.Encrypt(w, v.in)
	if err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return sealing, nil
}

// Seal seals a few octets.
func (v *Vault) Seal(plain []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := v.Writer(&b)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(plain); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("seal: %w", err)
	}
	return b.Bytes(), nil
}

// Open gives back what Seal sealed.
func (v *Vault) Open(sealed []byte) ([]byte, error) {
	r, err := v.Reader(bytes.NewReader(sealed), int64(len(sealed)))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	plain := make([]byte, r.Size())
	_, err = io.ReadFull(r, plain)
	return plain, err
}

// Manifest is what a sealed reply says beside its content.
type Manifest struct {
	Subject string         `json:"subject"`
	Text    string         `json:"text"`
	Files   []gateway.File `json:"files,omitempty"`
}

// Close seals a reply that opens at Opens: its words and files go into its Manifest. Its Content is sealed by
// whoever stores it.
func (v *Vault) Close(r gateway.Reply) (gateway.Reply, error) {
	b, err := json.Marshal(Manifest{r.Subject, r.Text, r.Files})
	if err != nil {
		return r, fmt.Errorf("seal a reply: %w", err)
	}
	if r.Manifest, err = v.Seal(b); err != nil {
		return r, fmt.Errorf("seal a reply: %w", err)
	}
	r.Sealed, r.Subject, r.Text, r.Files = true, "", "", nil
	return r, nil
}

// Manifest opens the one of a reply.
func (v *Vault) Manifest(r gateway.Reply) (m Manifest, err error) {
	b, err := v.Open(r.Manifest)
	if err == nil {
		err = json.Unmarshal(b, &m)
	}
	if err != nil {
		return m, fmt.Errorf("read what a sealed reply says: %w", err)
	}
	return m, nil
}
