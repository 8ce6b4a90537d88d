// Package token mints and verifies the tokens that name a recipient to the outside:
// in the link of a letter, in its reply address, its bounce address, its thread address.
//
// It promises that a token cannot be guessed or made without a key of the ring, that a
// token of one kind is worth nothing as another kind, and that each token has exactly
// one text. It is pure: nothing is stored, expiry and withdrawal live in the recipient's row, and a crash leaves nothing.
//
// A token is key id (1 byte), recipient id (16), and the first 15 or 16 bytes of
// HMAC-SHA-256 over a domain string, the kind, the key id and the recipient id; written in lower-case
// base32 without padding (RFC 4648 §6): 52 digits in addresses, so that `courier+b-` and a token
// are 62 octets, within the 64 of a local part (RFC 5321 §4.5.3.1.1); 53 in links. 120 bits of MAC
// are out of reach of guessing at any rate that a server answers.
package token

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"strings"

	"vaguemestre/gateway"
)

// Kind is what a token is for. Its value is the letter that stands before it in addresses.
type Kind byte

// The kinds.
const (
	Link   Kind = 'l'
	Reply  Kind = 'r'
	Bounce Kind = 'b'
	Thread Kind = 'f'
	Canary Kind = 'c' // of a mail by which an administrator tries the whole way; it names no recipient
)

// KeySize is the size of a key, in bytes.
const KeySize = 32

// ErrInvalid is the one answer to whatever is not a token of ours: it does not tell why.
var ErrInvalid = errors.New("invalid token")

// Key is a secret with its number.
type Key struct {
	ID     byte
	Secret [KeySize]byte
}

// Ring is the keys that verify, the first of which mints. Safe for concurrent use.
type Ring struct {
	current Key
	keys    map[byte]Key
}

// NewRing makes a ring. Two keys with the same number are refused.
func NewRing(current Key, older ...Key) (*Ring, error) {
	r := &Ring{current: current, keys: map[byte]Key{current.ID: current}}
	for _, k := range older {
		if _, twice := r.keys[k.ID]; twice {
			return nil, fmt.Errorf("token keys: number %d is used twice", k.ID)
		}
		r.keys[k.ID] = k
	}
	return r, nil
}

// Current is the number of the key that mints.
func (r *Ring) Current() byte { return r.current.ID }

var text = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Mint makes the token of a recipient with the key in force.
func (r *Ring) Mint(kind Kind, recipient gateway.ID) string {
	return mint(r.current, kind, recipient)
}

// MintWith makes the token with the key of that number, so that a message composed before a
// rotation can be made again. ErrInvalid when the key has been retired.
func (r *Ring) MintWith(key byte, kind Kind, recipient gateway.ID) (string, error) {
	k, ok := r.keys[key]
	if !ok {
		return "", ErrInvalid
	}
	return mint(k, kind, recipient), nil
}

func mint(k Key, kind Kind, recipient gateway.ID) string {
	raw := make([]byte, 0, 33)
	raw = append(raw, k.ID)
	raw = append(raw, recipient[:]...)
	raw = append(raw, mac(k, kind, recipient)...)
	return text.EncodeToString(raw)
}

// Verify gives the recipient that a token names. Upper case is read as lower case, since mail
// systems fold local parts; any other deviation is ErrInvalid.
func (r *Ring) Verify(kind Kind, token string) (gateway.ID, error) {
	token = strings.ToLower(token)
	if len(token) != text.EncodedLen(1+16+macSize(kind)) {
		return gateway.ID{}, ErrInvalid
	}
	raw, err := text.DecodeString(token)
	if err != nil || text.EncodeToString(raw) != token {
		return gateway.ID{}, ErrInvalid
	}
	id := gateway.ID(raw[1:17])
	k, known := r.keys[raw[0]] // an unknown number costs a MAC too: timing tells nothing of the ring
	if !hmac.Equal(mac(k, kind, id), raw[17:]) || !known {
		return gateway.ID{}, ErrInvalid
	}
	return id, nil
}

func macSize(kind Kind) int {
	if kind == Link {
		return 16
	}
	return 15
}

func mac(k Key, kind Kind, recipient gateway.ID) []byte {
	h := hmac.New(sha256.New, k.Secret[:])
	h.Write([]byte("vaguemestre token 1\x00"))
	h.Write([]byte{byte(kind), k.ID})
	h.Write(recipient[:])
	return h.Sum(nil)[:macSize(kind)]
}

// Derive gives a secret of the key in force for one purpose of its own, so that forms need no key
// of theirs. It changes when the key rotates.
func (r *Ring) Derive(purpose string) []byte {
	h := hmac.New(sha256.New, r.current.Secret[:])
	h.Write([]byte("vaguemestre derive 1\x00"))
	h.Write([]byte(purpose))
	return h.Sum(nil)
}

// CodeLength is the number of digits of the short code.
const CodeLength = 6

// Code is the short code written in a recipient's mail and typed on the page: six decimal
// digits, which a link scanner does not type. It proves that the mail was read, not who read
// it; the page bounds the tries.
func (r *Ring) Code(key byte, recipient gateway.ID) (string, error) {
	k, ok := r.keys[key]
	if !ok {
		return "", ErrInvalid
	}
	h := hmac.New(sha256.New, k.Secret[:])
	h.Write([]byte("vaguemestre code 1\x00"))
	h.Write(recipient[:])
	sum := h.Sum(nil)
	n := uint64(0)
	for _, b := range sum[:8] {
		n = n<<8 | uint64(b)
	}
	return fmt.Sprintf("%06d", n%1_000_000), nil
}
