package relay

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Key is one DKIM signing key, published at <Selector>._domainkey.<Domain>.
type Key struct {
	Domain   string
	Selector string
	Signer   crypto.Signer // *rsa.PrivateKey of at least 1,024 bits (RFC 8301 §3.2), or ed25519.PrivateKey (RFC 8463)
}

// Signer signs messages with each of its keys (RFC 6376), relaxed/relaxed. The signature of a
// message at an instant is always the same: both algorithms are deterministic, and the
// instant is given. Safe for concurrent use.
type Signer struct{ keys []Key }

// NewSigner checks the keys. Without a key there is no signature; nil signs nothing.
func NewSigner(keys ...Key) (*Signer, error) {
	for _, k := range keys {
		if strings.Trim(k.Domain, letterDigitHyphen+".") != "" || k.Domain == "" {
			return nil, fmt.Errorf("dkim key: domain %q is no domain name in ASCII", k.Domain)
		}
		if strings.Trim(k.Selector, letterDigitHyphen+".") != "" || k.Selector == "" {
			return nil, fmt.Errorf("dkim key: selector %q is no selector", k.Selector)
		}
		if _, err := algorithm(k.Signer); err != nil {
			return nil, fmt.Errorf("dkim key %s._domainkey.%s: %w", k.Selector, k.Domain, err)
		}
	}
	return &Signer{keys: keys}, nil
}

func algorithm(s crypto.Signer) (string, error) {
	switch k := s.(type) {
	case *rsa.PrivateKey:
		if k.N.BitLen() < 1024 {
			return "", fmt.Errorf("RSA key of %d bits: 1024 at least, 2048 advised", k.N.BitLen())
		}
		return "rsa-sha256", nil
	case ed25519.PrivateKey:
		return "ed25519-sha256", nil
	}
	return "", fmt.Errorf("key of type %T: RSA or Ed25519 asked", s)
}

// Record is the TXT record that publishes the key (RFC 6376 §3.6.1), in one string.
func (k Key) Record() (string, error) {
	switch pub := k.Signer.Public().(type) {
	case ed25519.PublicKey:
		return "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(pub), nil
	case *rsa.PublicKey:
		return recordOfRSA(pub)
	}
	return "", errors.New("key neither RSA nor Ed25519")
}

// Fields that are signed when present, and those that are signed once more than they are
// present, so that nobody can add another one (RFC 6376 §8.15).
var (
	signedFields = [...]string{
		"from", "reply-to", "subject", "date", "to", "cc", "message-id", "in-reply-to", "references",
		"mime-version", "content-type", "content-transfer-encoding", "auto-submitted",
	}
	oversigned = [...]string{"from", "reply-to", "subject", "date", "to", "message-id", "mime-version", "content-type"}
)

var errNoFrom = errors.New("message without a From field")

// Sign gives one DKIM-Signature field for each key, in order, folded, without the final CRLF.
// Header is the header section with CRLF line ends, without the empty line. Put each field,
// ended with CRLF, before the header.
func (s *Signer) Sign(header []byte, bodyHash [sha256.Size]byte, at time.Time) ([]string, error) {
	names, canonical := selectFields(parseFields(header))
	if len(names) == 0 || names[0] != "from" || len(canonical) == 0 || !bytes.HasPrefix(canonical, []byte("from:")) {
		return nil, errNoFrom
	}
	fields := make([]string, 0, len(s.keys))
	for _, k := range s.keys {
		f, err := k.sign(names, canonical, bodyHash, at)
		if err != nil {
			return nil, fmt.Errorf("%s._domainkey.%s: %w", k.Selector, k.Domain, err)
		}
		fields = append(fields, f)
	}
	return fields, nil
}

func (k Key) sign(names []string, canonical []byte, bodyHash [sha256.Size]byte, at time.Time) (string, error) {
	algo, err := algorithm(k.Signer)
	if err != nil {
		return "", err
	}
	field := k.unsigned(algo, names, bodyHash, at)
	h := sha256.New()
	h.Write(canonical)
	// The field itself comes last, its b= empty, without a final CRLF (RFC 6376 §3.7).
	h.Write(bytes.TrimSuffix(relaxField(nil, []byte(field)), crlf))
	opts := crypto.SignerOpts(crypto.SHA256)
	if algo == "ed25519-sha256" {
		opts = crypto.Hash(0) // RFC 8463 §3: PureEdDSA over the SHA-256
	}
	// PKCS #1 v1.5 and Ed25519 take no randomness that would show in the signature.
	sig, err := k.Signer.Sign(nil, h.Sum(nil), opts)
	if err != nil {
		return "", err
	}
	return field + fold64(base64.StdEncoding.EncodeToString(sig)), nil
}

// unsigned is the field up to and with "b=".
func (k Key) unsigned(algo string, names []string, bodyHash [sha256.Size]byte, at time.Time) string {
	var b strings.Builder
	b.Grow(1024)
	b.WriteString("DKIM-Signature: v=1; a=" + algo + "; c=relaxed/relaxed; d=" + k.Domain + ";\r\n\ts=" + k.Selector +
		"; t=" + strconv.FormatInt(at.Unix(), 10) + ";\r\n\th=")
	column := 3
	for i, n := range names {
		if i > 0 {
			b.WriteByte(':')
			column++
		}
		if column+len(n) > 70 {
			b.WriteString("\r\n\t ")
			column = 2
		}
		b.WriteString(n)
		column += len(n)
	}
	b.WriteString(";\r\n\tbh=" + base64.StdEncoding.EncodeToString(bodyHash[:]) + ";\r\n\tb=")
	return b.String()
}

func fold64(s string) string {
	const width = 68
	var b strings.Builder
	b.Grow(len(s) + len(s)/width*4)
	for len(s) > width {
		b.WriteString(s[:width] + "\r\n\t ")
		s = s[width:]
	}
	b.WriteString(s)
	return b.String()
}

// field is one header field as it stands, with its final CRLF when it has one.
type field struct {
	name string // lower case
	raw  []byte
}

// parseFields splits a header section. What is no field (no colon) is left out: it cannot be signed.
func parseFields(header []byte) []field {
	var fields []field
	for len(header) > 0 {
		n := fieldLength(header)
		raw := header[:n]
		header = header[n:]
		colon := bytes.IndexByte(raw, ':')
		if colon < 1 {
			continue
		}
		name := strings.ToLower(string(bytes.TrimRight(raw[:colon], " \t")))
		fields = append(fields, field{name: name, raw: raw})
	}
	return fields
}

// fieldLength is the length of the first field with its continuation lines.
func fieldLength(header []byte) int {
	n := 0
	for {
		lf := bytes.IndexByte(header[n:], '\n')
		if lf < 0 {
			return len(header)
		}
		n += lf + 1
		if n == len(header) || header[n] != ' ' && header[n] != '\t' {
			return n
		}
	}
}

// selectFields gives the names for h= and the canonical form of the fields that they select:
// each name takes its fields from the last to the first (RFC 6376 §5.4.2).
func selectFields(fields []field) (names []string, canonical []byte) {
	for _, want := range signedFields {
		for i := len(fields) - 1; i >= 0; i-- {
			if fields[i].name == want {
				names = append(names, want)
				canonical = relaxField(canonical, fields[i].raw)
			}
		}
		for _, over := range oversigned {
			if over == want {
				names = append(names, want)
			}
		}
	}
	return names, canonical
}
