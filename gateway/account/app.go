package account

import (
	"crypto/rand"
	"strings"

	"vaguemestre/gateway"
)

// appDigits are the digits of app passwords: lower case, none taken for another.
const appDigits = "abcdefghijkmnpqrstuvwxyz23456789"

// appLength is the number of digits: 24 of 5 bits, 120 bits out of reach of guessing.
const appLength = 24

// appPrefix names the form of the hash in the store (gateway.AppPassword.Hash).
const appPrefix = "$sha256$"

// NewAppPassword makes a password for one device: what the agent types, shown once, in groups of
// four; and the hash that the store keeps. It is random over 120 bits, so that a plain SHA-256
// keeps it as safely as a slow hash would.
func NewAppPassword() (shown, kept string) {
	raw := make([]byte, appLength)
	_, _ = rand.Read(raw) // documented never to fail (Go 1.24)
	var b strings.Builder
	for i, r := range raw {
		if i > 0 && i%4 == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(appDigits[r%32])
	}
	kept, _ = AppHash(b.String())
	return b.String(), kept
}

// AppHash is the hash under which the store keeps an app password, typed with or without its
// hyphens and spaces, in either case. ok is false for what cannot be one.
func AppHash(typed string) (kept string, ok bool) {
	if len(typed) > 3*appLength {
		return "", false
	}
	text := strings.Map(func(r rune) rune {
		if r == '-' || r == ' ' {
			return -1
		}
		return r
	}, strings.ToLower(typed))
	if len(text) != appLength || strings.Trim(text, appDigits) != "" {
		return "", false
	}
	return appPrefix + gateway.HashOf([]byte("vaguemestre app password\x00"+text)).String(), true
}
