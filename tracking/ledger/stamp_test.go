package ledger

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/digitorus/timestamp"

	"vaguemestre/gateway"
	"vaguemestre/tracking/ledger/tsatest"
)

func serve(t testing.TB, h http.Handler) *HTTPAuthority {
	t.Helper()
	url, client := tsatest.Serve(t, h)
	return &HTTPAuthority{URL: url, Client: client}
}

func TestCheckpointsAreStamped(t *testing.T) {
	a := tsatest.New(t)
	w := newWorld(t)
	l := w.ledger(t, "one", func(o *Options) { o.Authority = serve(t, a) })
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
		stamp, err := CheckStamp(c.Note, c.Token, a.Roots)
		if err != nil || stamp.Authority() != "Test authority" || time.Since(stamp.Time) > time.Minute {
			t.Errorf("%v %v", stamp.Time, err)
		}
		if _, err := CheckStamp(append(c.Note, 'x'), c.Token, a.Roots); err == nil {
			t.Error("the stamp of one checkpoint is good for another")
		}
		if _, err := CheckStamp(c.Note, c.Token, tsatest.New(t).Roots); err == nil {
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
	a := tsatest.New(t)
	w := newWorld(t)
	stamped := make(chan struct{}, 100)
	authority := serve(t, a)
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
		a    func(*tsatest.Authority)
		cert func(*x509.Certificate)
		want string
	}{
		{name: "another nonce", a: func(a *tsatest.Authority) { a.Spoil = func(ts *timestamp.Timestamp) { ts.Nonce = big.NewInt(7) } }, want: "another request"},
		{name: "no nonce", a: func(a *tsatest.Authority) { a.Spoil = func(ts *timestamp.Timestamp) { ts.Nonce = nil } }, want: "another request"},
		{name: "another digest", a: func(a *tsatest.Authority) {
			a.Spoil = func(ts *timestamp.Timestamp) { ts.HashedMessage = bytes.Repeat([]byte{1}, 32) }
		}, want: "something else"},
		{name: "no certificate", a: func(a *tsatest.Authority) { a.Spoil = func(ts *timestamp.Timestamp) { ts.AddTSACertificate = false } }, want: "one signer"},
		{name: "certificate for anything", cert: func(c *x509.Certificate) { c.ExtraExtensions = nil }, want: "time-stamping alone"},
		{name: "purpose not critical", cert: func(c *x509.Certificate) { c.ExtraExtensions[0].Critical = false }, want: "critical"},
		{name: "certificate of a server too", cert: func(c *x509.Certificate) {
			c.ExtraExtensions[0].Value = tsatest.Purposes(t, 8, 1)
		}, want: "time-stamping alone"},
		{name: "certificate out of date", a: func(a *tsatest.Authority) { a.Now = func() time.Time { return time.Now().AddDate(60, 0, 0) } }, want: "certificate"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var changes []func(*x509.Certificate)
			if c.cert != nil {
				changes = append(changes, c.cert)
			}
			a := tsatest.New(t, changes...)
			if c.a != nil {
				c.a(a)
			}
			client := serve(t, a)
			client.Roots = a.Roots
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
		"a page": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"nothing": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/timestamp-reply")
		},
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
	a := tsatest.New(f)
	digest := gateway.HashOf([]byte("this"))
	token, err := serve(f, a).Stamp(f.Context(), digest)
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
