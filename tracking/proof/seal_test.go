package proof

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/tracking/ledger"
	"vaguemestre/tracking/ledger/tsatest"
)

// issued writes a certificate of an authority of the test, and its key, as an administrator would get them.
func issued(t *testing.T, key crypto.Signer, block string, keyDER []byte) (certFile, keyFile string, roots *x509.CertPool) {
	t.Helper()
	rootKey := tsatest.Key(t)
	from, until := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC)
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Autorité de test"}, NotBefore: from, NotAfter: until,
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	root = tsatest.Certify(t, root, root, rootKey.Public(), rootKey)
	leaf := tsatest.Certify(t, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "Cachet de la région", Organization: []string{"Région"}}, NotBefore: from, NotAfter: until,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageContentCommitment,
	}, root, key.Public(), rootKey)
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	var certs bytes.Buffer
	for _, c := range []*x509.Certificate{leaf, root} {
		if err := pem.Encode(&certs, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}); err != nil {
			t.Fatal(err)
		}
	}
	err := errors.Join(os.WriteFile(certFile, certs.Bytes(), 0o600), os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: block, Bytes: keyDER}), 0o600))
	if err != nil {
		t.Fatal(err)
	}
	roots = x509.NewCertPool()
	roots.AddCert(root)
	return certFile, keyFile, roots
}

func TestConfiguredSealsAreValidForPdfsig(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	ecKey, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ecDER, err := x509.MarshalECPrivateKey(ecKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, k := range map[string]struct {
		key   crypto.Signer
		block string
		der   []byte
	}{
		"RSA": {rsaKey, "RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey)},
		"EC":  {ecKey, "EC PRIVATE KEY", ecDER},
	} {
		t.Run(name, func(t *testing.T) {
			certFile, keyFile, roots := issued(t, k.key, k.block, k.der)
			seal, err := LoadSeal(certFile, keyFile)
			if err != nil {
				t.Fatal(err)
			}
			w := newWorld(t, func(_ *ledger.Options, o *Options) { o.Seal = seal })
			c, _ := w.story()
			b := w.pdf(c.ID, gateway.ID{}, "")
			if out := run(t, b, "pdfsig", "FILE"); !strings.Contains(out, "Signature is Valid.") {
				t.Error(out)
			}
			r := w.verify(b, Trust{SealRoots: roots})
			if !r.OK() || !slices.Contains(keys(r, Proved), "seal-trusted") {
				t.Error(r.Text("fr"))
			}
			r = w.verify(b, Trust{SealRoots: x509.NewCertPool()})
			if !r.OK() || !slices.Contains(keys(r, NotProved), "seal-untrusted") {
				t.Error(r.Text("fr"))
			}
			if r = w.verify(b, Trust{}); !slices.Contains(keys(r, NotProved), "seal-unchecked") {
				t.Error(r.Text("fr"))
			}
		})
	}
}

// stamping is a world with a time-stamping authority.
func stamping(t *testing.T, h http.Handler) *world {
	t.Helper()
	url, client := tsatest.Serve(t, h)
	return newWorld(t, func(o *ledger.Options, _ *Options) { o.Authority = &ledger.HTTPAuthority{URL: url, Client: client} })
}

func TestProofIsTimeStamped(t *testing.T) {
	a := tsatest.New(t)
	w := stamping(t, a)
	a.Now = func() time.Time { return w.clock.Now() }
	c, _ := w.story()
	b := w.pdf(c.ID, gateway.ID{}, "")
	r := w.verify(b, Trust{StampRoots: a.Roots})
	proved := keys(r, Proved)
	if !r.OK() || !slices.Contains(proved, "seal-stamp") || !slices.Contains(proved, "stamp") || !slices.Contains(proved, "stamp-trusted") {
		t.Error(r.Text("fr"))
	}
	if r = w.verify(b, Trust{StampRoots: tsatest.New(t).Roots}); !slices.Contains(keys(r, NotProved), "stamp-untrusted") {
		t.Error(r.Text("fr"))
	}
	if r = w.verify(b, Trust{}); !slices.Contains(keys(r, NotProved), "stamp-unchecked") {
		t.Error(r.Text("fr"))
	}
	if out := run(t, b, "pdfsig", "FILE"); !strings.Contains(out, "Signature is Valid.") {
		t.Error(out)
	}
	text := run(t, b, "pdftotext", "-layout", "FILE", "-")
	if !strings.Contains(text, "par Test authority") || strings.Contains(text, "aucune autorité d'horodatage") {
		t.Error(text)
	}
}

func TestAProofDoesNotWaitForAnAuthorityThatIsDown(t *testing.T) {
	down := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "down", http.StatusBadGateway) })
	w := stamping(t, down)
	c, _ := w.story()
	b := w.pdf(c.ID, gateway.ID{}, "")
	r := w.verify(b, Trust{})
	if !r.OK() || !slices.Contains(keys(r, NotProved), "unstamped") || !slices.Contains(keys(r, NotProved), "seal-unstamped") {
		t.Error(r.Text("fr"))
	}
	if text := run(t, b, "pdftotext", "-layout", "FILE", "-"); !strings.Contains(text, "aucune autorité d'horodatage") {
		t.Error("the proof does not say that no third party certifies its dates")
	}
}

func TestWrongSealTokenShows(t *testing.T) {
	a := tsatest.New(t)
	w := stamping(t, a)
	c, _ := w.story()
	m, err := w.issuer.collect(t.Context(), c.ID, gateway.ID{}, "")
	if err != nil {
		t.Fatal(err)
	}
	token, err := w.ledger.Authority().Stamp(t.Context(), gateway.HashOf([]byte("something else")))
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := pages(m.evidence, m.files[0].SHA256)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	seal := w.issuer.o.Seal
	err = m.evidence.document(drawn, m.files).write(&b, seal.room(true), func(digest [32]byte) ([]byte, error) {
		s := &signature{chain: seal.chain, digest: digest, token: token}
		if err := s.sign(seal.key); err != nil {
			return nil, err
		}
		return s.marshal()
	})
	if err != nil {
		t.Fatal(err)
	}
	if r := w.verify(b.Bytes(), Trust{}); !slices.Contains(keys(r, Wrong), "seal-stamp-broken") {
		t.Error(r.Text("fr"))
	}
}

func TestOwnSealIsMadeOnce(t *testing.T) {
	dir := t.TempDir()
	one, err := OwnSeal(dir, "courrier.example", time.Now)
	if err != nil {
		t.Fatal(err)
	}
	two, err := OwnSeal(dir, "courrier.example", time.Now)
	if err != nil || !two.chain[0].Equal(one.chain[0]) || !one.selfMade {
		t.Errorf("%v %v", two, err)
	}
	info, err := os.Stat(filepath.Join(dir, sealFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info.Mode(), err)
	}
}

func TestBadSealFilesAreNamed(t *testing.T) {
	key := tsatest.Key(t)
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certFile, keyFile, _ := issued(t, key, "EC PRIVATE KEY", der)
	_, otherKey, _ := issued(t, tsatest.Key(t), "EC PRIVATE KEY", mustKey(t))
	for name, files := range map[string][2]string{
		"no certificate": {keyFile, keyFile}, "no key": {certFile, certFile}, "missing": {"/nowhere", keyFile}, "missing key": {certFile, "/nowhere"},
		"another's key": {certFile, otherKey},
	} {
		if _, err := LoadSeal(files[0], files[1]); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func mustKey(t *testing.T) []byte {
	t.Helper()
	der, err := x509.MarshalECPrivateKey(tsatest.Key(t))
	if err != nil {
		t.Fatal(err)
	}
	return der
}
