package proof

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

// This file makes and reads the one CMS signature (RFC 5652) that our seals are: detached, one
// signer, SHA-256, the attributes that CAdES asks for (ETSI EN 319 122-1 §5.2) and, when it is
// time-stamped, the token. Reading makes the same signature again from its parts and compares, so
// that not one octet of it is free.

var (
	oidData             = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidSignedData       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidContentType      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
	oidMessageDigest    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 4}
	oidSigningCertV2    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
	oidTimeStampToken   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 14}
	oidSHA256           = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}
	oidECDSAWithSHA256  = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
	oidRSAWithSHA256    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}
	errSignatureMissing = errors.New("no signature that this program makes")
)

type (
	cmsEnvelope struct {
		Type    asn1.ObjectIdentifier
		Content cmsSigned `asn1:"explicit,tag:0"`
	}
	cmsSigned struct {
		Version      int
		Digests      []pkix.AlgorithmIdentifier `asn1:"set"`
		Inner        cmsInner
		Certificates asn1.RawValue // [0] IMPLICIT SET OF
		Signers      []cmsSigner   `asn1:"set"`
	}
	cmsInner  struct{ Type asn1.ObjectIdentifier }
	cmsSigner struct {
		Version   int
		Issuer    cmsIssuer
		Digest    pkix.AlgorithmIdentifier
		Signed    asn1.RawValue // [0] IMPLICIT SET OF Attribute
		Algorithm pkix.AlgorithmIdentifier
		Signature []byte
		Unsigned  asn1.RawValue `asn1:"optional"` // [1] IMPLICIT SET OF Attribute
	}
	cmsIssuer struct {
		Name   asn1.RawValue
		Serial *big.Int
	}
	cmsAttribute struct {
		Type   asn1.ObjectIdentifier
		Values asn1.RawValue // SET OF
	}
	essCertificates struct{ Certs []essCertificate }
	essCertificate  struct{ Hash []byte } // the default algorithm is SHA-256 (RFC 5035 §4)
)

// signature is a seal's signature in its parts. The first certificate is the signer's.
type signature struct {
	chain  []*x509.Certificate
	digest [sha256.Size]byte // of what is sealed
	value  []byte
	token  []byte // RFC 3161, over value; nil: not time-stamped
}

func (s *signature) algorithm() (pkix.AlgorithmIdentifier, x509.SignatureAlgorithm, error) {
	switch s.chain[0].PublicKey.(type) {
	case *ecdsa.PublicKey:
		return pkix.AlgorithmIdentifier{Algorithm: oidECDSAWithSHA256}, x509.ECDSAWithSHA256, nil
	case *rsa.PublicKey:
		return pkix.AlgorithmIdentifier{Algorithm: oidRSAWithSHA256, Parameters: asn1.NullRawValue}, x509.SHA256WithRSA, nil
	}
	return pkix.AlgorithmIdentifier{}, 0, fmt.Errorf("a seal's key is RSA or ECDSA, not %T", s.chain[0].PublicKey)
}

// attributes are what is signed: a SET OF in DER order, as contents without tag and length.
func (s *signature) attributes() ([]byte, error) {
	sum := sha256.Sum256(s.chain[0].Raw)
	var encoded [][]byte
	for _, a := range []struct {
		oid   asn1.ObjectIdentifier
		value any
	}{
		{oidContentType, oidData},
		{oidMessageDigest, s.digest[:]},
		{oidSigningCertV2, essCertificates{[]essCertificate{{sum[:]}}}},
	} {
		b, err := attribute(a.oid, a.value)
		if err != nil {
			return nil, err
		}
		encoded = append(encoded, b)
	}
	slices.SortFunc(encoded, bytes.Compare)
	return bytes.Join(encoded, nil), nil
}

func attribute(oid asn1.ObjectIdentifier, value any) ([]byte, error) {
	raw, ok := value.(asn1.RawContent)
	if !ok {
		b, err := asn1.Marshal(value)
		if err != nil {
			return nil, fmt.Errorf("write a seal's attribute: %w", err)
		}
		raw = b
	}
	return asn1.Marshal(cmsAttribute{oid, asn1.RawValue{Class: asn1.ClassUniversal, Tag: asn1.TagSet, IsCompound: true, Bytes: raw}})
}

// signedBytes is what the signature is over: the attributes under the tag SET (RFC 5652 §5.4).
func (s *signature) signedBytes() ([]byte, error) {
	attrs, err := s.attributes()
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(asn1.RawValue{Class: asn1.ClassUniversal, Tag: asn1.TagSet, IsCompound: true, Bytes: attrs})
}

// sign fills in value. An ECDSA signature is deterministic (RFC 6979): the same proof at the same time is
// the same file.
func (s *signature) sign(key crypto.Signer) error {
	over, err := s.signedBytes()
	if err != nil {
		return err
	}
	sum := sha256.Sum256(over)
	s.value, err = key.Sign(nil, sum[:], crypto.SHA256)
	if err != nil {
		return fmt.Errorf("sign the seal: %w", err)
	}
	return nil
}

func (s *signature) marshal() ([]byte, error) {
	attrs, err := s.attributes()
	if err != nil {
		return nil, err
	}
	algorithm, _, err := s.algorithm()
	if err != nil {
		return nil, err
	}
	signer := cmsSigner{
		Version:   1,
		Issuer:    cmsIssuer{asn1.RawValue{FullBytes: s.chain[0].RawIssuer}, s.chain[0].SerialNumber},
		Digest:    pkix.AlgorithmIdentifier{Algorithm: oidSHA256},
		Signed:    implicitSet(0, attrs),
		Algorithm: algorithm,
		Signature: s.value,
	}
	if s.token != nil {
		b, err := attribute(oidTimeStampToken, asn1.RawContent(s.token))
		if err != nil {
			return nil, err
		}
		signer.Unsigned = implicitSet(1, b)
	}
	var certificates []byte
	for _, c := range s.chain {
		certificates = append(certificates, c.Raw...)
	}
	b, err := asn1.Marshal(cmsEnvelope{oidSignedData, cmsSigned{
		Version: 1, Digests: []pkix.AlgorithmIdentifier{{Algorithm: oidSHA256}}, Inner: cmsInner{oidData},
		Certificates: implicitSet(0, certificates), Signers: []cmsSigner{signer},
	}})
	if err != nil {
		return nil, fmt.Errorf("write the seal: %w", err)
	}
	return b, nil
}

func implicitSet(tag int, content []byte) asn1.RawValue {
	return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: tag, IsCompound: true, Bytes: content}
}

// parseSignature reads a signature over a digest and checks all of it but the trust in its
// certificate and its time stamp.
func parseSignature(der []byte, digest [sha256.Size]byte) (*signature, error) {
	var e cmsEnvelope
	if rest, err := asn1.Unmarshal(der, &e); err != nil || len(rest) > 0 || len(e.Content.Signers) != 1 {
		return nil, errSignatureMissing
	}
	signer := e.Content.Signers[0]
	s := &signature{digest: digest, value: signer.Signature}
	var err error
	if s.chain, err = x509.ParseCertificates(e.Content.Certificates.Bytes); err != nil || len(s.chain) == 0 {
		return nil, errSignatureMissing
	}
	if len(signer.Unsigned.Bytes) > 0 {
		var a cmsAttribute
		if rest, err := asn1.Unmarshal(signer.Unsigned.Bytes, &a); err != nil || len(rest) > 0 {
			return nil, errSignatureMissing
		}
		s.token = a.Values.Bytes
	}
	if attrs, err := s.attributes(); err != nil || !bytes.Equal(attrs, signer.Signed.Bytes) {
		return nil, errors.New("the signature is over something else")
	}
	if again, err := s.marshal(); err != nil || !bytes.Equal(again, der) {
		return nil, errors.New("the signature is not in the form that this program writes")
	}
	return s, s.check()
}

// check verifies the signature, and that each certificate was issued by the next.
func (s *signature) check() error {
	over, err := s.signedBytes()
	if err != nil {
		return err
	}
	_, algorithm, err := s.algorithm()
	if err != nil {
		return err
	}
	if err := s.chain[0].CheckSignature(algorithm, over, s.value); err != nil {
		return fmt.Errorf("signature: %w", err)
	}
	for i, c := range s.chain[1:] {
		if err := s.chain[i].CheckSignatureFrom(c); err != nil {
			return fmt.Errorf("certificate %d of the seal: %w", i+1, err)
		}
	}
	last := s.chain[len(s.chain)-1]
	if bytes.Equal(last.RawIssuer, last.RawSubject) {
		if err := last.CheckSignature(last.SignatureAlgorithm, last.RawTBSCertificate, last.Signature); err != nil {
			return fmt.Errorf("last certificate of the seal: %w", err)
		}
	}
	return nil
}
