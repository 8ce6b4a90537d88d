package ledger

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 2634 ESSCertID: the only form some authorities use
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"mime"
	"net/http"
	"slices"
	"time"

	"github.com/digitorus/pkcs7"
	"github.com/digitorus/timestamp"

	"vaguemestre/gateway"
)

// Authority gives time-stamp tokens (RFC 3161) for SHA-256 digests.
type Authority interface {
	Stamp(ctx context.Context, digest gateway.Hash) (token []byte, err error)
}

const (
	maxToken     = 64 << 10 // octets of an answer
	stampTimeout = 20 * time.Second
)

// HTTPAuthority asks an authority over HTTP (RFC 3161 §3.4).
type HTTPAuthority struct {
	URL            string
	User, Password string // basic authentication when User is not empty
	Client         *http.Client
	// Roots, when not nil, are the only authorities trusted: a token of another is refused.
	Roots *x509.CertPool
}

// Stamp asks for a token, waits at most 20 s, reads at most 64 KiB, and returns only a token
// that is for this digest and this request and whose signature and purpose are right.
func (a *HTTPAuthority) Stamp(ctx context.Context, digest gateway.Hash) ([]byte, error) {
	nonce, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 64))
	if err != nil {
		return nil, fmt.Errorf("ask for a time stamp: %w", err)
	}
	query := &timestamp.Request{HashAlgorithm: crypto.SHA256, HashedMessage: digest[:], Certificates: true, Nonce: nonce}
	body, err := query.Marshal()
	if err != nil {
		return nil, fmt.Errorf("ask for a time stamp: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, stampTimeout)
	defer cancel()
	answer, err := a.post(ctx, body)
	if err != nil {
		return nil, fmt.Errorf("ask %s for a time stamp: %w", a.URL, err)
	}
	return a.accept(answer, digest, nonce)
}

func (a *HTTPAuthority) post(ctx context.Context, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.URL, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/timestamp-query")
	if a.User != "" {
		req.SetBasicAuth(a.User, a.Password)
	}
	client := a.Client
	if client == nil {
		client = http.DefaultClient
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answered %s", resp.Status)
	}
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind != "application/timestamp-reply" {
		return nil, fmt.Errorf("it answered with %q instead of a time stamp", kind)
	}
	answer, err := io.ReadAll(io.LimitReader(resp.Body, maxToken+1))
	if err == nil && len(answer) > maxToken {
		err = fmt.Errorf("its answer is longer than %d octets", maxToken)
	}
	return answer, err
}

func (a *HTTPAuthority) accept(answer []byte, digest gateway.Hash, nonce *big.Int) ([]byte, error) {
	parsed, err := guarded(func() (*timestamp.Timestamp, error) {
		if err := wellFormed(answer); err != nil {
			return nil, err
		}
		return timestamp.ParseResponse(answer)
	})
	if err != nil {
		return nil, fmt.Errorf("read the time stamp of %s: %w", a.URL, err)
	}
	if parsed.Nonce == nil || parsed.Nonce.Cmp(nonce) != 0 {
		return nil, fmt.Errorf("the time stamp of %s answers another request", a.URL)
	}
	stamp, err := ReadStamp(parsed.RawToken, digest)
	if err != nil {
		return nil, fmt.Errorf("the time stamp of %s: %w", a.URL, err)
	}
	if a.Roots != nil {
		if err := stamp.Trusted(a.Roots); err != nil {
			return nil, fmt.Errorf("the time stamp of %s: %w", a.URL, err)
		}
	}
	return parsed.RawToken, nil
}

// Stamp is a token that was read: who says that the digest existed when.
type Stamp struct {
	Time   time.Time
	Signer *x509.Certificate
	others []*x509.Certificate
}

// Authority is the name of who stamped.
func (s Stamp) Authority() string {
	if cn := s.Signer.Subject.CommonName; cn != "" {
		return cn
	}
	return s.Signer.Subject.String()
}

// Trusted checks that the authority's certificate leads to one of the roots, for the purpose
// of time-stamping, at the stamp's own time.
func (s Stamp) Trusted(roots *x509.CertPool) error {
	between := x509.NewCertPool()
	for _, c := range s.others {
		between.AddCert(c)
	}
	_, err := s.Signer.Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: s.Time,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping},
	})
	if err != nil {
		return fmt.Errorf("certificate of the time-stamping authority: %w", err)
	}
	return nil
}

// ReadStamp checks all of a token but the trust in its certificate (see Stamp.Trusted):
// it is a token (RFC 3161 §2.4.2) for this digest, one signer signed it, the certificate that the
// token names (RFC 5816) and carries is that signer's, and time-stamping is its only, critical,
// purpose (§2.3).
func ReadStamp(token []byte, digest gateway.Hash) (Stamp, error) {
	if len(token) > maxToken {
		return Stamp{}, fmt.Errorf("time stamp of %d octets", len(token))
	}
	return guarded(func() (Stamp, error) { return readStamp(token, digest) })
}

func readStamp(token []byte, digest gateway.Hash) (Stamp, error) {
	if err := wellFormed(token); err != nil {
		return Stamp{}, err
	}
	if err := checkContentType(token); err != nil {
		return Stamp{}, err
	}
	p7, err := pkcs7.Parse(token)
	if err != nil {
		return Stamp{}, fmt.Errorf("read a time stamp: %w", err)
	}
	signer := p7.GetOnlySigner()
	if signer == nil {
		return Stamp{}, errors.New("time stamp without the certificate of its one signer")
	}
	if err := p7.Verify(); err != nil {
		return Stamp{}, fmt.Errorf("signature of the time stamp: %w", err)
	}
	if err := checkNamed(p7, signer); err != nil {
		return Stamp{}, err
	}
	if err := checkPurpose(signer); err != nil {
		return Stamp{}, err
	}
	parsed, err := timestamp.Parse(token)
	if err != nil {
		return Stamp{}, fmt.Errorf("read a time stamp: %w", err)
	}
	if parsed.HashAlgorithm != crypto.SHA256 || !bytes.Equal(parsed.HashedMessage, digest[:]) {
		return Stamp{}, errors.New("the time stamp is about something else")
	}
	return Stamp{Time: parsed.Time.UTC(), Signer: signer, others: p7.Certificates}, nil
}

var (
	oidTSTInfo         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 1, 4}
	oidSigningCert     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 12}
	oidSigningCertV2   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 16, 2, 47}
	oidExtKeyUsage     = asn1.ObjectIdentifier{2, 5, 29, 37}
	oidContentTypeAttr = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 3}
)

// checkContentType looks at what the library does not: that the content signed is a TSTInfo.
func checkContentType(token []byte) error {
	var outer struct {
		Type    asn1.ObjectIdentifier
		Content struct {
			Version int
			Digests asn1.RawValue
			Inner   struct {
				Type    asn1.ObjectIdentifier
				Content asn1.RawValue `asn1:"optional,explicit,tag:0"`
			}
			Rest asn1.RawValue
		} `asn1:"explicit,tag:0"`
	}
	rest, err := asn1.Unmarshal(token, &outer)
	if len(rest) > 0 || !outer.Content.Inner.Type.Equal(oidTSTInfo) {
		return errors.Join(errors.New("not a time stamp"), err)
	}
	return nil
}

// checkNamed compares the signer's certificate with the one the signed attributes name, so that
// another certificate of the same key and issuer cannot stand in for it.
func checkNamed(p7 *pkcs7.PKCS7, signer *x509.Certificate) error {
	var kind asn1.ObjectIdentifier
	if err := p7.UnmarshalSignedAttribute(oidContentTypeAttr, &kind); err != nil || !kind.Equal(oidTSTInfo) {
		return errors.New("time stamp whose signature is over something else")
	}
	var v2 struct {
		Certs []struct {
			Algorithm pkix.AlgorithmIdentifier `asn1:"optional"`
			Hash      []byte
			Issuer    asn1.RawValue `asn1:"optional"`
		}
		Policies asn1.RawValue `asn1:"optional"`
	}
	if err := p7.UnmarshalSignedAttribute(oidSigningCertV2, &v2); err == nil && len(v2.Certs) > 0 {
		if slices.Contains(digestsOf(signer.Raw), string(v2.Certs[0].Hash)) {
			return nil
		}
		return errors.New("time stamp that names another certificate")
	}
	var v1 struct {
		Certs []struct {
			Hash   []byte
			Issuer asn1.RawValue `asn1:"optional"`
		}
		Policies asn1.RawValue `asn1:"optional"`
	}
	if err := p7.UnmarshalSignedAttribute(oidSigningCert, &v1); err == nil && len(v1.Certs) > 0 {
		sum := sha1.Sum(signer.Raw) //nolint:gosec // see the import
		if bytes.Equal(v1.Certs[0].Hash, sum[:]) {
			return nil
		}
	}
	return errors.New("time stamp that does not name its certificate")
}

// digestsOf gives the SHA-2 digests that an ESSCertIDv2 may hold (RFC 5035 §4).
func digestsOf(b []byte) []string {
	s256, s384, s512 := sha256.Sum256(b), sha512.Sum384(b), sha512.Sum512(b)
	return []string{string(s256[:]), string(s384[:]), string(s512[:])}
}

func checkPurpose(signer *x509.Certificate) error {
	if !slices.Equal(signer.ExtKeyUsage, []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping}) || len(signer.UnknownExtKeyUsage) > 0 {
		return errors.New("the certificate of the time stamp is not one for time-stamping alone")
	}
	for _, ext := range signer.Extensions {
		if ext.Id.Equal(oidExtKeyUsage) && ext.Critical {
			return nil
		}
	}
	return errors.New("the certificate of the time stamp does not make its purpose critical")
}

var errDER = errors.New("not in the encoding that time stamps have (DER)")

// wellFormed accepts one DER value, as RFC 3161 asks: the library's reader of BER, with its indefinite
// lengths, then has nothing left to interpret.
func wellFormed(b []byte) error {
	rest, err := skipDER(b, 0)
	if err == nil && len(rest) > 0 {
		err = errDER
	}
	return err
}

// skipDER passes over one value and all in it: tags of one octet, shortest definite lengths.
func skipDER(b []byte, depth int) (rest []byte, err error) {
	if len(b) < 2 || b[0]&0x1f == 0x1f || depth > 40 {
		return nil, errDER
	}
	length, head := int(b[1]), 2
	if b[1] >= 0x80 {
		n := int(b[1] & 0x7f)
		if n == 0 || n > 3 || len(b) < 2+n || b[2] == 0 {
			return nil, errDER
		}
		for length = 0; head < 2+n; head++ {
			length = length<<8 | int(b[head])
		}
		if length < 0x80 {
			return nil, errDER
		}
	}
	if length > len(b)-head {
		return nil, errDER
	}
	content := b[head : head+length]
	if b[0]&0x20 != 0 {
		for len(content) > 0 {
			if content, err = skipDER(content, depth+1); err != nil {
				return nil, err
			}
		}
	}
	return b[head+length:], nil
}

// guarded turns a panic of the ASN.1 libraries over hostile bytes into an error: what they read
// comes from outside, and their BER reader was not written for that.
func guarded[T any](read func() (T, error)) (result T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("unreadable: %v", p)
		}
	}()
	return read()
}
