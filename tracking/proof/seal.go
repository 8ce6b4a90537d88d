package proof

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/tracking/ledger"
)

// Seal is who seals proofs: a key, its certificate and the chain above it.
type Seal struct {
	key   crypto.Signer
	chain []*x509.Certificate
	// selfMade: the installation made the certificate itself.
	selfMade bool
}

// sealFile holds the seal that the installation made itself, key and certificate, in the data folder.
const (
	sealFile  = "seal.pem"
	sealYears = 10
)

// LoadSeal reads a certificate (PEM, the signer's first, then its chain) and its private key
// (PEM, PKCS #8, PKCS #1 or SEC 1; RSA or ECDSA).
func LoadSeal(certFile, keyFile string) (*Seal, error) {
	certs, err := os.ReadFile(certFile)
	if err != nil {
		return nil, fmt.Errorf("read the seal's certificate: %w", err)
	}
	key, err := os.ReadFile(keyFile)
	if err != nil {
		return nil, fmt.Errorf("read the seal's key: %w", err)
	}
	return parseSeal(certs, key)
}

// OwnSeal is the seal that the installation made for want of a configured one: an ECDSA P-256 key
// and a certificate of ten years in the folder dir, made when there is none. name is the gateway's domain.
func OwnSeal(dir, name string, now func() time.Time) (*Seal, error) {
	path := filepath.Join(dir, sealFile)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		content, err := makeSeal(name, now())
		if err != nil {
			return nil, err
		}
		if err := ledger.CreateSecret(path, content); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("write the seal: %w", err)
		}
	}
	s, err := LoadSeal(path, path)
	if err != nil {
		return nil, err
	}
	s.selfMade = true
	return s, nil
}

// makeSeal gives a key and its certificate in PEM.
func makeSeal(name string, now time.Time) ([]byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make the seal's key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, fmt.Errorf("make the seal's certificate: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "Vaguemestre " + name},
		NotBefore:    now.Add(-time.Hour), // a clock that is set back a little does not spoil the first proofs
		NotAfter:     now.AddDate(sealYears, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make the seal's certificate: %w", err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("write the seal's key: %w", err)
	}
	return append(
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...), nil
}

func parseSeal(certs, key []byte) (*Seal, error) {
	s := &Seal{}
	for block, rest := pem.Decode(certs); block != nil; block, rest = pem.Decode(rest) {
		if block.Type != "CERTIFICATE" {
			continue
		}
		c, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("read the seal's certificate: %w", err)
		}
		s.chain = append(s.chain, c)
	}
	if len(s.chain) == 0 {
		return nil, errors.New("read the seal's certificate: there is none in the file")
	}
	var err error
	if s.key, err = parseSealKey(key); err != nil {
		return nil, fmt.Errorf("read the seal's key: %w", err)
	}
	public, ok := s.key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if !ok || !public.Equal(s.chain[0].PublicKey) {
		return nil, errors.New("the seal's key is not that of its certificate")
	}
	_, _, err = (&signature{chain: s.chain}).algorithm()
	return s, err
}

func parseSealKey(text []byte) (crypto.Signer, error) {
	block, rest := pem.Decode(text)
	for block != nil && !strings.HasSuffix(block.Type, "PRIVATE KEY") {
		block, rest = pem.Decode(rest)
	}
	if block == nil {
		return nil, errors.New("there is none in the file")
	}
	if key, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	if key, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return key, nil
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, fmt.Errorf("a key of the kind %T does not sign", key)
	}
	return signer, nil
}

// facts is what the proof says of its seal.
func (s *Seal) facts(authority string) SealFacts {
	return SealFacts{
		Subject: s.chain[0].Subject.String(), Certificate: gateway.HashOf(s.chain[0].Raw),
		SelfMade: s.selfMade, Authority: authority,
	}
}

// Octets kept for a signature beside its certificates, and for a time stamp with its chain.
const (
	signatureRoom = 2 << 10
	stampRoom     = 24 << 10
)

// room is how many octets to keep for the signature.
func (s *Seal) room(stamped bool) int {
	n := signatureRoom
	for _, c := range s.chain {
		n += len(c.Raw)
	}
	if stamped {
		n += stampRoom
	}
	return n
}

// seal signs a digest, and has the signature time-stamped when there is an authority (the "T" of
// B-T: ETSI EN 319 142-1 §6.3). When the authority fails, late says so and the seal has no stamp: an outage
// of the authority does not keep anybody from a proof.
func (s *Seal) seal(ctx context.Context, digest [sha256.Size]byte, authority ledger.Authority) (der []byte, late, err error) {
	sig := &signature{chain: s.chain, digest: digest}
	if err := sig.sign(s.key); err != nil {
		return nil, nil, err
	}
	if authority != nil {
		sig.token, late = authority.Stamp(ctx, gateway.HashOf(sig.value))
		if late == nil && len(sig.token) > stampRoom-signatureRoom {
			sig.token, late = nil, fmt.Errorf("time stamp of %d octets", len(sig.token))
		}
	}
	der, err = sig.marshal()
	return der, late, err
}
