package ledger

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/digitorus/timestamp"

	"vaguemestre/gateway"
)

// tsa is a time-stamping authority of the test: a root, and a certificate for time-stamping.
type tsa struct {
	roots *x509.CertPool
	cert  *x509.Certificate
	key   crypto.Signer
	now   func() time.Time
	spoil func(*timestamp.Timestamp)
}

func newTSA(t testing.TB, change ...func(*x509.Certificate)) *tsa {
	t.Helper()
	rootKey, key := newECDSA(t), newECDSA(t)
	now := time.Now()
	root := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test root"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	root = certify(t, root, root, rootKey.Public(), rootKey)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "Test authority"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature,
		// RFC 3161 §2.3: critical, which x509.CreateCertificate does not make it by itself
		ExtraExtensions: []pkix.Extension{{Id: oidExtKeyUsage, Critical: true, Value: mustDER(t, []asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}})}},
	}
	for _, c := range change {
		c(leaf)
	}
	a := &tsa{roots: x509.NewCertPool(), key: key, now: time.Now, cert: certify(t, leaf, root, key.Public(), rootKey)}
	a.roots.AddCert(root)
	return a
}

func newECDSA(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func certify(t testing.TB, template, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) *x509.Certificate {
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

func mustDER(t testing.TB, v any) []byte {
	t.Helper()
	b, err := asn1.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func (a *tsa) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	q, err := timestamp.ParseRequest(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	ts := &timestamp.Timestamp{
		HashAlgorithm: q.HashAlgorithm, HashedMessage: q.HashedMessage, Nonce: q.Nonce, Time: a.now(),
		Policy: asn1.ObjectIdentifier{1, 2, 3, 4}, AddTSACertificate: true,
	}
	if a.spoil != nil {
		a.spoil(ts)
	}
	answer, err := ts.CreateResponseWithOpts(a.cert, a.key, crypto.SHA256)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/timestamp-reply")
	_, _ = w.Write(answer)
}

// serve gives a client of the authority.
func (a *tsa) serve(t testing.TB) *HTTPAuthority {
	t.Helper()
	return serve(t, a)
}

func serve(t testing.TB, h http.Handler) *HTTPAuthority {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return &HTTPAuthority{URL: server.URL, Client: server.Client()}
}

func TestCheckpointsAreStamped(t *testing.T) {
	a := newTSA(t)
	w := newWorld(t)
	l := w.ledger(t, "one", func(o *Options) { o.Authority = a.serve(t) })
	if _, _, err := l.Stamped(t.Context()); !errors.Is(err, gateway.ErrNotFound) {
		t.Errorf("a stamp on nothing: %v", err)
	}
	w.record(t, 3)
	sequenceAll(t, l)
	for range 2 { // the second time from the store
		c, late, err := l.Stamped(t.Context())
		if late != nil || err != nil {
			t.Fatal(late, err)
		}
		stamp, err := CheckStamp(c.Note, c.Token, a.roots)
		if err != nil || stamp.Authority() != "Test authority" || time.Since(stamp.Time) > time.Minute {
			t.Errorf("%v %v", stamp.Time, err)
		}
		if _, err := CheckStamp(append(c.Note, 'x'), c.Token, a.roots); err == nil {
			t.Error("the stamp of one checkpoint is good for another")
		}
		if _, err := CheckStamp(c.Note, c.Token, newTSA(t).roots); err == nil {
			t.Error("any authority is trusted")
		}
	}
	row, err := w.LastCheckpoint(t.Context())
	if err != nil || row.Stamp == nil {
		t.Errorf("the stamp was not stored: %v", err)
	}
}

func TestAnAuthorityThatFailsDelaysTheStampOnly(t *testing.T) {
	w := newWorld(t)
	l := w.ledger(t, "one", func(o *Options) {
		o.Authority = serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "down", http.StatusServiceUnavailable) }))
	})
	w.record(t, 1)
	sequenceAll(t, l)
	c, late, err := l.Stamped(t.Context())
	if late == nil || err != nil || c.Token != nil || c.Size != 1 {
		t.Errorf("%v %v %v", c, late, err)
	}
}

func TestRunStampsFromTimeToTime(t *testing.T) {
	a := newTSA(t)
	w := newWorld(t)
	stamped := make(chan struct{}, 100)
	authority := a.serve(t)
	l := w.ledger(t, "one", func(o *Options) {
		o.Interval, o.StampEvery = time.Millisecond, 5*time.Millisecond
		o.Authority = authorityFunc(func(ctx context.Context, d gateway.Hash) ([]byte, error) {
			defer func() { stamped <- struct{}{} }()
			return authority.Stamp(ctx, d)
		})
	})
	w.record(t, 1)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- l.Run(ctx) }()
	<-stamped
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

type authorityFunc func(context.Context, gateway.Hash) ([]byte, error)

func (f authorityFunc) Stamp(ctx context.Context, d gateway.Hash) ([]byte, error) { return f(ctx, d) }

func TestWrongStampsAreRefused(t *testing.T) {
	digest := gateway.HashOf([]byte("this"))
	cases := []struct {
		name string
		a    func(*tsa)
		cert func(*x509.Certificate)
		want string
	}{
		{name: "another nonce", a: func(a *tsa) { a.spoil = func(ts *timestamp.Timestamp) { ts.Nonce = big.NewInt(7) } }, want: "another request"},
		{name: "no nonce", a: func(a *tsa) { a.spoil = func(ts *timestamp.Timestamp) { ts.Nonce = nil } }, want: "another request"},
		{name: "another digest", a: func(a *tsa) {
			a.spoil = func(ts *timestamp.Timestamp) { ts.HashedMessage = bytes.Repeat([]byte{1}, 32) }
		}, want: "something else"},
		{name: "no certificate", a: func(a *tsa) { a.spoil = func(ts *timestamp.Timestamp) { ts.AddTSACertificate = false } }, want: "one signer"},
		{name: "certificate for anything", cert: func(c *x509.Certificate) { c.ExtraExtensions = nil }, want: "time-stamping alone"},
		{name: "purpose not critical", cert: func(c *x509.Certificate) { c.ExtraExtensions[0].Critical = false }, want: "critical"},
		{name: "certificate of a server too", cert: func(c *x509.Certificate) {
			c.ExtraExtensions[0].Value, _ = asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}, {1, 3, 6, 1, 5, 5, 7, 3, 1}})
		}, want: "time-stamping alone"},
		{name: "certificate out of date", a: func(a *tsa) { a.now = func() time.Time { return time.Now().Add(48 * time.Hour) } }, want: "certificate"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var changes []func(*x509.Certificate)
			if c.cert != nil {
				changes = append(changes, c.cert)
			}
			a := newTSA(t, changes...)
			if c.a != nil {
				c.a(a)
			}
			client := a.serve(t)
			client.Roots = a.roots
			_, err := client.Stamp(t.Context(), digest)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestAuthorityAnswersAreBounded(t *testing.T) {
	answers := map[string]http.HandlerFunc{
		"endless": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/timestamp-reply")
			_, _ = w.Write(make([]byte, 10*maxToken))
		},
		"a page":  func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"nothing": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "application/timestamp-reply") },
		"refused": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/timestamp-reply")
			b, _ := timestamp.CreateErrorResponse(timestamp.Rejection, timestamp.BadAlgorithm)
			_, _ = w.Write(b)
		},
	}
	for name, answer := range answers {
		if _, err := serve(t, answer).Stamp(t.Context(), gateway.Hash{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func FuzzReadStamp(f *testing.F) {
	a := newTSA(f)
	digest := gateway.HashOf([]byte("this"))
	token, err := a.serve(f).Stamp(f.Context(), digest)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(token)
	f.Add([]byte{0x30, 0x80})
	f.Fuzz(func(t *testing.T, b []byte) {
		stamp, err := ReadStamp(b, digest)
		if err == nil && stamp.Signer == nil {
			t.Error("a stamp of nobody")
		}
	})
}
