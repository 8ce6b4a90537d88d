package gateway

import "crypto/sha256"

// Commitment binds a sealed answer without showing its hash: SHA-256 over a domain string, the
// answer's identifier, which holds 74 random bits, and the content's hash. Once unsealed, anybody can check it.
func Commitment(reply ID, content Hash) Hash {
	h := sha256.New()
	h.Write([]byte("vaguemestre sealed reply 1\x00"))
	h.Write(reply[:])
	h.Write(content[:])
	return Hash(h.Sum(nil))
}
