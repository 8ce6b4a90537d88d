package daemon

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"vaguemestre/gateway"
	"vaguemestre/gateway/config"
	"vaguemestre/tracking/api"
)

// settings are those of a gateway that nothing leaves, on free ports of this machine.
func settings(t testing.TB) config.Config {
	t.Helper()
	dir := t.TempDir()
	c := config.Default()
	c.Domain, c.DataDir, c.Couriers.Postmaster, c.Couriers.LookUp = "passerelle.example", filepath.Join(dir, "data"), "admin@ville.example", false
	if err := os.Mkdir(c.DataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	s := &c.Submission
	s.Hostname, s.StartTLS, s.TLS = "localhost", "127.0.0.1:0", ""
	s.Certificate, s.Key = certificateFiles(t, dir)
	c.Relay.Smarthosts = []config.Smarthost{{Address: "127.0.0.1:1", TLS: "none", Connections: 1}}
	c.Mailboxes = nil
	c.Link.Listen, c.Link.BaseURL = "127.0.0.1:0", "http://127.0.0.1:1"
	c.Metrics.Listen, c.API.Listen = "127.0.0.1:0", "127.0.0.1:0"
	return c
}

func certificateFiles(t testing.TB, dir string) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
	public, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, kind string, b []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: b}), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	return write("cert.pem", "CERTIFICATE", public), write("key.pem", "PRIVATE KEY", secret)
}

func TestAStartThatFailsLeavesNothing(t *testing.T) {
	defer goleak.VerifyNone(t)
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, spoil := range map[string]func(*config.Config){
		"pages":      func(c *config.Config) { c.Link.Listen = taken.Addr().String() },
		"metrics":    func(c *config.Config) { c.Metrics.Listen = taken.Addr().String() },
		"API":        func(c *config.Config) { c.API.Listen = taken.Addr().String() },
		"submission": func(c *config.Config) { c.Submission.StartTLS = taken.Addr().String() },
	} {
		t.Run(name, func(t *testing.T) {
			good := settings(t)
			bad := good
			spoil(&bad)
			d, err := New(t.Context(), bad, Options{Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			if err := d.Start(t.Context()); err == nil || !strings.Contains(err.Error(), "address already in use") {
				t.Fatal(err)
			}
			if err := d.Stop(t.Context()); err != nil {
				t.Error("a second stop:", err)
			}
			// The data folder is free again.
			again, err := New(t.Context(), good, Options{Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				t.Fatal(err)
			}
			if err := again.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTheAPIIsNamedAndItsPollsEndAtOnceWhenTheDaemonStops(t *testing.T) {
	defer goleak.VerifyNone(t)
	var log bytes.Buffer
	c := settings(t)
	d, err := New(t.Context(), c, Options{Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	text, hash := api.NewKey()
	if _, err := d.Store().AddAPIKey(t.Context(), gateway.APIKey{Hash: hash, Scopes: []string{api.ScopeEvents}}); err != nil {
		t.Fatal(err)
	}
	if err := d.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	at := d.Addresses()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	read := func(url, key string) (string, error) {
		r, err := http.NewRequestWithContext(context.WithoutCancel(t.Context()), http.MethodGet, url, nil)
		if err != nil {
			return "", err
		}
		r.Header.Set("Authorization", "Bearer "+key)
		w, err := client.Do(r)
		if err != nil {
			return "", err
		}
		defer w.Body.Close()
		body, err := io.ReadAll(w.Body)
		return string(body), err
	}
	polled := make(chan string, 1)
	go func() {
		body, err := read("http://"+at.API+"/v1/events?from=1000000&wait=60", text)
		if err != nil {
			body = err.Error()
		}
		polled <- body
	}()
	for { // until the poll is under way
		body, err := read("http://"+at.Metrics+"/metrics", "")
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(body, "\nvaguemestre_api_polls 1\n") {
			break
		}
	}
	// Stop lets requests finish for as long as the drain: were the poll not ended, its connection would be cut, and Stop say so.
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := d.Stop(ctx); err != nil {
		t.Error(err)
	}
	if body := <-polled; !strings.Contains(body, `"next":1000000`) {
		t.Error(body)
	}
	if !strings.Contains(log.String(), "api="+at.API) {
		t.Error(log.String())
	}
	if strings.Contains(log.String(), "a request of the API failed") {
		t.Error(log.String())
	}
}
