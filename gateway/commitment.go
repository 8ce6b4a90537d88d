package gateway

import "crypto/sha256"

// Commitment binds a sealed answer without showing its hash: SHA-256 over a domain string, the answer's identifier and the content's
// hash. Events bear it beside the identifier; that nobody can find the answer by trying rests on the content, which holds what nobody
// else knows: 128 random bits in an answer of the page, in a mail its trace and its signatures. Once unsealed, anybody can check it.
func Commitment(reply ID, content Hash) Hash {
	h := sha256.New()
	h.Write([]byte("vaguemestre sealed reply 1\x00"))
	h.Write(reply[:])
	h.Write(content[:])
	return Hash(h.Sum(nil))
}
