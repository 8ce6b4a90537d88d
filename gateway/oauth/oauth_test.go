package oauth

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// endpoint gives t1, t2… for an hour to who has the secret.
func endpoint(t *testing.T) (url string, asked *atomic.Int32) {
	t.Helper()
	asked = &atomic.Int32{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := asked.Add(1)
		if r.FormValue("client_secret") != "s3cret" || r.FormValue("grant_type") != "client_credentials" || r.FormValue("scope") != "smtp" {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"error":"invalid_client"}`))
			return
		}
		_, _ = fmt.Fprintf(w, `{"access_token":"t%d","token_type":"bearer","expires_in":3600}`, n)
	}))
	t.Cleanup(srv.Close)
	return srv.URL, asked
}

func source(t *testing.T, o Options) *Source {
	t.Helper()
	s, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func wantToken(t *testing.T, s *Source, want string) {
	t.Helper()
	if token, err := s.Token(context.Background()); err != nil || token != want {
		t.Errorf("%q %v, want %q", token, err, want)
	}
}

func TestATokenIsKeptUntilAMinuteBeforeItsEnd(t *testing.T) {
	url, asked := endpoint(t)
	var clock atomic.Int64
	s := source(t, Options{Name: "e", URL: url, ClientID: "id", Secret: "s3cret", Scope: "smtp", Now: func() time.Time { return time.Unix(clock.Load(), 0) }})
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() { wantToken(t, s, "t1") })
	}
	all.Wait()
	clock.Add(3539)
	wantToken(t, s, "t1")
	clock.Add(2)
	wantToken(t, s, "t2")
	if asked.Load() != 2 {
		t.Errorf("asked %d times", asked.Load())
	}
}

func TestARefusedTokenIsNeverGivenAgain(t *testing.T) {
	url, _ := endpoint(t)
	reg := prometheus.NewRegistry()
	m := NewMetrics(reg, "e")
	s := source(t, Options{Name: "e", URL: url, ClientID: "id", Secret: "s3cret", Scope: "smtp", Metrics: m})
	wantToken(t, s, "t1")
	s.Refused("t1")
	wantToken(t, s, "t2")
	s.Refused("t1") // late: another connection had it
	wantToken(t, s, "t2")
	if n := testutil.ToFloat64(m.requests.WithLabelValues("e", "refused")); n != 2 {
		t.Errorf("%v refused", n)
	}
}

func TestPromiseNoSecretInErrors(t *testing.T) {
	url, _ := endpoint(t)
	m := NewMetrics(nil, "e")
	s := source(t, Options{Name: "e", URL: url, ClientID: "id", Secret: "hunter2", Scope: "smtp", Metrics: m})
	_, err := s.Token(context.Background())
	if err == nil || !strings.Contains(err.Error(), "invalid_client") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
	if n := testutil.ToFloat64(m.requests.WithLabelValues("e", "failed")); n != 1 {
		t.Errorf("%v failed", n)
	}
}

func TestAnswersThatHoldNoTokenAreFailures(t *testing.T) {
	for name, answer := range map[string]string{
		"nothing": ``, "a page": `<html>`, "no token": `{"token_type":"Bearer"}`, "another type": `{"access_token":"hunter2","token_type":"mac","expires_in":9}`,
		"a token that adds fields": `{"access_token":"a\u0001auth=hunter2","token_type":"Bearer","expires_in":9}`,
		"an error with 200":        `{"error":"x","access_token":"hunter2","token_type":"Bearer"}`,
	} {
		t.Run(name, func(t *testing.T) {
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(answer)) }))
			defer srv.Close()
			token, err := source(t, Options{URL: srv.URL, ClientID: "id", Secret: "s"}).Token(context.Background())
			if err == nil || token != "" || strings.Contains(err.Error(), "hunter2") {
				t.Errorf("%q %v", token, err)
			}
		})
	}
}

func TestARedirectionDoesNotCarryTheSecretAway(t *testing.T) {
	var carried atomic.Bool
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { carried.Store(true) }))
	defer other.Close()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
	}))
	defer srv.Close()
	if _, err := source(t, Options{URL: srv.URL, ClientID: "id", Secret: "s"}).Token(context.Background()); err == nil || carried.Load() {
		t.Errorf("%v, carried: %v", err, carried.Load())
	}
}

func TestTheEndOfTheContextEndsTheWait(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_ = r.ParseForm() // a server sees its client leave once it has read what was sent
		cancel()
		<-r.Context().Done()
	}))
	defer srv.Close()
	if _, err := source(t, Options{URL: srv.URL, ClientID: "id", Secret: "s"}).Token(ctx); err == nil {
		t.Error("a token from a silent endpoint")
	}
}

func TestASecretNeverGoesOutInClear(t *testing.T) {
	for name, o := range map[string]Options{
		"http": {URL: "http://login.example.org/token", ClientID: "id", Secret: "s"}, "no address": {URL: "login", ClientID: "id", Secret: "s"},
		"ftp here": {URL: "ftp://127.0.0.1/", ClientID: "id", Secret: "s"}, "no secret": {URL: "https://login.example.org", ClientID: "id"},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
