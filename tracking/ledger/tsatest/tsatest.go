// Package tsatest is a time-stamping authority (RFC 3161) for tests: a root, a certificate for
// time-stamping, and a server over HTTP. It keeps nothing and promises nothing beyond the test.
package tsatest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/digitorus/timestamp"
)

// Authority stamps whatever it is asked.
type Authority struct {
	Roots *x509.CertPool
	Now   func() time.Time
	// Spoil, when not nil, changes each stamp before it is signed.
	Spoil func(*timestamp.Timestamp)

	cert *x509.Certificate
	key  crypto.Signer
}

// New makes an authority, valid for a century around now; change may alter its certificate before it is signed.
func New(t testing.TB, change ...func(*x509.Certificate)) *Authority {
	t.Helper()
	now := time.Now()
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test root"}, NotBefore: now.AddDate(-50, 0, 0), NotAfter: now.AddDate(50, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	rootKey, key := Key(t), Key(t)
	root = Certify(t, root, root, rootKey.Public(), rootKey)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "Test authority"}, NotBefore: root.NotBefore, NotAfter: root.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature,
		// RFC 3161 §2.3: critical, which x509.CreateCertificate does not make it by itself
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: Purposes(t, 8)}},
	}
	for _, c := range change {
		c(leaf)
	}
	a := &Authority{Roots: x509.NewCertPool(), Now: time.Now, key: key, cert: Certify(t, leaf, root, key.Public(), rootKey)}
	a.Roots.AddCert(root)
	return a
}

// Purposes is the value of an extended key usage extension: id-kp and each number (RFC 5280 §4.2.1.12).
func Purposes(t testing.TB, purposes ...int) []byte {
	t.Helper()
	var oids []asn1.ObjectIdentifier
	for _, p := range purposes {
		oids = append(oids, asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, p})
	}
	b, err := asn1.Marshal(oids)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Key makes an ECDSA P-256 key.
func Key(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Certify signs a certificate.
func Certify(t testing.TB, template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, public, key)
	if err != nil {
		t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// Serve starts a server for the test, and gives its address and a client for it.
func Serve(t testing.TB, h http.Handler) (url string, client *http.Client) {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL, server.Client()
}

// ServeHTTP implements http.Handler (RFC 3161 §3.4).
func (a *Authority) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	q, err := timestamp.ParseRequest(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	ts := &timestamp.Timestamp{
		HashAlgorithm: q.HashAlgorithm, HashedMessage: q.HashedMessage, Nonce: q.Nonce, Time: a.Now(),
		Policy: asn1.ObjectIdentifier{1, 2, 3, 4}, AddTSACertificate: true,
	}
	if a.Spoil != nil {
		a.Spoil(ts)
	}
	answer, err := ts.CreateResponseWithOpts(a.cert, a.key, crypto.SHA256)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/timestamp-reply")
	_, _ = w.Write(answer) // a client that went away is the test's affair
}
