package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/secure/precis"
)

// Cost is how much work a password hash takes.
type Cost struct {
	Memory  uint32 // KiB
	Time    uint32 // passes
	Threads uint8
}

// DefaultCost is one of the five that OWASP's advice for argon2id holds equal (Password Storage Cheat Sheet): 9 MiB, four passes, one thread.
// Its other end of the scale, 19 MiB and two passes, takes the same time and twice the memory, which a daemon that was idle
// has to grow by at the first login.
var DefaultCost = Cost{Memory: 9 << 10, Time: 4, Threads: 1}

// The largest cost read from a row: more would let one row exhaust the memory.
const (
	maxMemory  = 256 << 10 // KiB
	maxTime    = 16
	maxThreads = 16
	maxTag     = 64
)

const (
	saltSize = 16
	tagSize  = 32
	// maxPassword bounds what is hashed, in octets (RFC 4616 §2 asks for 255 at least).
	maxPassword = 1024
)

// errPassword: what was given can be nobody's password.
var errPassword = errors.New("password that is empty, too long, no UTF-8 or holds control characters")

// prepare gives a password its one form, so that the same keys typed on another system match
// (RFC 8265 §4.2, which RFC 4616 asks of PLAIN as RFC 4013).
func prepare(password string) ([]byte, error) {
	if len(password) > maxPassword || !utf8.ValidString(password) {
		return nil, errPassword
	}
	text, err := precis.OpaqueString.Bytes([]byte(password))
	if err != nil || len(text) == 0 {
		return nil, errPassword
	}
	return text, nil
}

// Hash is the password as an account keeps it: argon2id in PHC form with a fresh salt. A
// password that is empty, over 1,024 octets, or holds control characters is refused.
func Hash(password string) (string, error) { return hashAt(DefaultCost, password) }

func hashAt(c Cost, password string) (string, error) {
	text, err := prepare(password)
	if err != nil {
		return "", err
	}
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // documented never to fail (Go 1.24)
	tag := argon2.IDKey(text, salt, c.Time, c.Memory, c.Threads, tagSize)
	return phc{Cost: c, salt: salt, tag: tag}.String(), nil
}

// phc is a hash taken apart: $argon2id$v=19$m=9216,t=4,p=1$salt$tag
type phc struct {
	Cost
	salt, tag []byte
}

func (h phc) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.Memory, h.Time, h.Threads,
		base64.RawStdEncoding.EncodeToString(h.salt), base64.RawStdEncoding.EncodeToString(h.tag))
}

// nobodys is a hash that no password has, and that takes as long to check as another.
func nobodys() phc {
	random := make([]byte, saltSize+tagSize)
	_, _ = rand.Read(random) // documented never to fail (Go 1.24)
	return phc{Cost: DefaultCost, salt: random[:saltSize], tag: random[saltSize:]}
}

// parsePHC reads a hash in its canonical form only.
func parsePHC(text string) (phc, error) {
	fields := strings.Split(text, "$")
	if len(fields) != 6 || fields[0] != "" || fields[1] != "argon2id" {
		return phc{}, errors.New("password hash that is not argon2id in PHC form")
	}
	var h phc
	if _, err := fmt.Sscanf(fields[3], "m=%d,t=%d,p=%d", &h.Memory, &h.Time, &h.Threads); err != nil {
		return phc{}, fmt.Errorf("parameters of the password hash: %w", err)
	}
	var err error
	if h.salt, err = base64.RawStdEncoding.Strict().DecodeString(fields[4]); err != nil {
		return phc{}, fmt.Errorf("salt of the password hash: %w", err)
	}
	if h.tag, err = base64.RawStdEncoding.Strict().DecodeString(fields[5]); err != nil {
		return phc{}, fmt.Errorf("tag of the password hash: %w", err)
	}
	if h.String() != text {
		return phc{}, errors.New("password hash that is not in canonical form")
	}
	return h, h.check()
}

// check keeps absurd rows from exhausting the memory, or from matching anything.
func (h phc) check() error {
	switch {
	case h.Memory < 8*uint32(h.Threads), h.Memory > maxMemory, h.Time < 1, h.Time > maxTime, h.Threads < 1, h.Threads > maxThreads:
		return errors.New("password hash with parameters out of bounds")
	case len(h.salt) < 8, len(h.tag) < 16, len(h.tag) > maxTag:
		return errors.New("password hash with a short salt or tag")
	}
	return nil
}

func (h phc) matches(text []byte) bool {
	tag := argon2.IDKey(text, h.salt, h.Time, h.Memory, h.Threads, uint32(len(h.tag)))
	return subtle.ConstantTimeCompare(tag, h.tag) == 1
}

// slots bounds how many passwords are checked at once: a hash takes Cost.Memory.
type slots chan struct{}

func (s slots) enter(ctx context.Context) error {
	select {
	case s <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait to check a password: %w", context.Cause(ctx))
	}
}

func (s slots) leave() { <-s }
