package gateway

import (
	"crypto/rand"
	"crypto/sha256"
	"database/sql/driver"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// ID names a thing for ever: 48 bits of Unix milliseconds, then random bits, laid
// out as a UUIDv7 (RFC 9562 §5.7) so that a later ID sorts after an earlier one.
// Its text is 26 lower-case base32hex digits (RFC 4648 §7) without padding, an alphabet that keeps
// the order of the bytes: texts sort as the IDs do.
type ID [16]byte

// IDLength is the length of an ID's text, in octets.
const IDLength = 26

var idText = base32.NewEncoding("0123456789abcdefghijklmnopqrstuv").WithPadding(base32.NoPadding)

// NewID makes an ID that carries the given time.
func NewID(now time.Time) ID {
	var id ID
	_, _ = rand.Read(id[6:]) // documented never to fail (Go 1.24)
	ms := uint64(now.UnixMilli())
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	id[6] = id[6]&0x0f | 0x70
	id[8] = id[8]&0x3f | 0x80
	return id
}

// ParseID reads the text of an ID in its only form: wrong length, upper case or
// stray bits in the last digit are refused.
func ParseID(text string) (ID, error) {
	var id ID
	if len(text) != IDLength {
		return ID{}, fmt.Errorf("identifier of %d octets instead of %d", len(text), IDLength)
	}
	if _, err := idText.Decode(id[:], []byte(text)); err != nil {
		return ID{}, errors.New("identifier with a character outside 0-9a-v")
	}
	if id.String() != text {
		return ID{}, errors.New("identifier that is not in canonical form")
	}
	return id, nil
}

// String is the text form; a zero ID is the empty string.
func (id ID) String() string {
	if id.IsZero() {
		return ""
	}
	return idText.EncodeToString(id[:])
}

// Time is the instant that the ID carries, in whole milliseconds.
func (id ID) Time() time.Time {
	ms := int64(0)
	for _, b := range id[:6] {
		ms = ms<<8 | int64(b)
	}
	return time.UnixMilli(ms).UTC()
}

// IsZero tells an ID that names nothing.
func (id ID) IsZero() bool { return id == ID{} }

// Compare orders IDs by time of making.
func (id ID) Compare(other ID) int {
	for i := range id {
		if id[i] != other[i] {
			return int(id[i]) - int(other[i])
		}
	}
	return 0
}

// MarshalText implements encoding.TextMarshaler.
func (id ID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler; empty text is the zero ID.
func (id *ID) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*id = ID{}
		return nil
	}
	parsed, err := ParseID(string(text))
	*id = parsed
	return err
}

// Value stores an ID as text, and nothing as the empty string.
func (id ID) Value() (driver.Value, error) { return id.String(), nil }

// Scan reads what Value wrote.
func (id *ID) Scan(src any) error {
	switch v := src.(type) {
	case string:
		return id.UnmarshalText([]byte(v))
	case []byte:
		return id.UnmarshalText(v)
	case nil:
		*id = ID{}
		return nil
	}
	return fmt.Errorf("scan an identifier from %T", src)
}

// Hash is a SHA-256. Its text is 64 lower-case hexadecimal digits.
type Hash [sha256.Size]byte

// HashOf is the SHA-256 of b.
func HashOf(b []byte) Hash { return sha256.Sum256(b) }

// ParseHash reads the text of a hash.
func ParseHash(text string) (Hash, error) {
	var h Hash
	if len(text) != hex.EncodedLen(len(h)) {
		return Hash{}, fmt.Errorf("hash of %d digits instead of %d", len(text), hex.EncodedLen(len(h)))
	}
	if _, err := hex.Decode(h[:], []byte(text)); err != nil {
		return Hash{}, errors.New("hash with a character outside 0-9a-f")
	}
	return h, nil
}

// String is the text form; a zero hash is the empty string.
func (h Hash) String() string {
	if h.IsZero() {
		return ""
	}
	return hex.EncodeToString(h[:])
}

// IsZero tells a hash that names nothing.
func (h Hash) IsZero() bool { return h == Hash{} }

// MarshalText implements encoding.TextMarshaler.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler; empty text is the zero hash.
func (h *Hash) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*h = Hash{}
		return nil
	}
	parsed, err := ParseHash(string(text))
	*h = parsed
	return err
}

// Value stores a hash as its 32 bytes, and nothing as NULL.
func (h Hash) Value() (driver.Value, error) {
	if h.IsZero() {
		return nil, nil
	}
	return h[:], nil
}

// Scan reads what Value wrote.
func (h *Hash) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*h = Hash{}
		return nil
	case []byte:
		if len(v) != len(h) {
			return fmt.Errorf("scan a hash of %d bytes", len(v))
		}
		copy(h[:], v)
		return nil
	}
	return fmt.Errorf("scan a hash from %T", src)
}
