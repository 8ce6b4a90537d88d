package api

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// site is one installation, which several nodes may open.
type site struct{ options store.Options }

func newSite(t testing.TB) site {
	t.Helper()
	return site{store.Options{Driver: "sqlite", Path: t.TempDir() + "/db", ContentDir: t.TempDir()}}
}

func (p site) open(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), p.options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func world(t testing.TB) (*API, *store.Store) {
	t.Helper()
	s := newSite(t).open(t)
	a, err := New(Options{Domain: "passerelle.example"}, s, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return a, s
}

func key(t testing.TB, s *store.Store, scopes ...string) (string, gateway.ID) {
	t.Helper()
	text, hash := NewKey()
	k, err := s.AddAPIKey(context.Background(), gateway.APIKey{Label: "test", Hash: hash, Scopes: scopes})
	if err != nil {
		t.Fatal(err)
	}
	return text, k.ID
}

// asking is one request.
type asking struct {
	method, path, key, agent, body string
	fields                         http.Header // beside those
}

// ask makes a request and holds what comes to the document.
func ask(t testing.TB, a *API, q asking) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), q.method, q.path, strings.NewReader(q.body))
	r.Header.Set("Authorization", "Bearer "+q.key)
	if q.body != "" {
		r.Header.Set("Content-Type", js)
	}
	if q.agent != "" {
		r.Header.Set(fieldAgent, q.agent)
	}
	for name, values := range q.fields {
		r.Header[name] = values
	}
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	theContract().check(t, r, []byte(q.body), w)
	return w
}

func TestDefaultDeny(t *testing.T) {
	a, s := world(t)
	revoked, id := key(t, s, Scopes()...)
	if err := s.RevokeAPIKey(context.Background(), id); err != nil {
		t.Fatal(err)
	}
	keys := map[string]string{}
	for _, scope := range Scopes() {
		keys[scope], _ = key(t, s, scope)
	}
	for _, rt := range a.routes() {
		if rt.scope == "" {
			continue
		}
		path := strings.NewReplacer("{consultation}", "x", "{courier}", "x").Replace(rt.path)
		for _, none := range []string{"", "vgm_", revoked} {
			if w := ask(t, a, asking{rt.method, path, none, "", "", nil}); w.Code != http.StatusUnauthorized {
				t.Errorf("%s %s without a key in force: %d", rt.method, path, w.Code)
			}
		}
		for scope, k := range keys {
			w := ask(t, a, asking{rt.method, path, k, "", "", nil})
			lacks := strings.Contains(w.Body.String(), "#scope-missing")
			if lacks != (scope != rt.scope) || lacks && w.Code != http.StatusForbidden {
				t.Errorf("%s %s with scope %s: %d %s", rt.method, path, scope, w.Code, w.Body)
			}
			if rt.agent && scope == rt.scope && w.Code != http.StatusForbidden {
				t.Errorf("%s %s without an agent: %d", rt.method, path, w.Code)
			}
		}
	}
}

func TestPromiseEntitlement(t *testing.T) {
	a, s := world(t)
	ctx := context.Background()
	k, _ := key(t, s, Scopes()...)
	if w := ask(t, a, asking{put, "/v1/consultations", k, "", `[{"reference":"AAA1","public_body":"Ville"},{"reference":"BBB2","public_body":"Ville"}]`, nil}); w.Code != 200 {
		t.Fatal(w.Code, w.Body)
	}
	body := `{"agents":[{"login":"anne","name":"Anne","addresses":["anne@ville.example"],"consultations":["AAA1"]},{"login":"bruno","name":"Bruno","addresses":["bruno@ville.example"],"consultations":["BBB2"]}]}`
	for range 2 {
		if w := ask(t, a, asking{put, "/v1/agents", k, "", body, nil}); w.Code != 204 {
			t.Fatal(w.Code, w.Body)
		}
	}
	c, err := s.ConsultationByReference(ctx, "AAA1")
	if err != nil {
		t.Fatal(err)
	}
	anne, err := s.AgentByLogin(ctx, "anne")
	if err != nil {
		t.Fatal(err)
	}
	spool := s.Spool()
	defer spool.Discard()
	fmt.Fprint(spool, "Subject: x\r\n\r\nx\r\n")
	id := gateway.NewID(a.o.Now())
	courier, _, err := s.Accept(ctx, store.Acceptance{Courier: gateway.Courier{ID: id, Thread: id, Consultation: c.ID, Author: anne.ID, Content: spool.Hash(), Size: spool.Size(), Accepted: a.o.Now()}, Contents: []*store.Spool{spool}, Key: gateway.HashOf([]byte("k"))})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/v1/couriers/" + courier.ID.String(), "/v1/couriers/" + courier.ID.String() + "/proof"} {
		theirs, none := ask(t, a, asking{get, path, k, "bruno", "", nil}), ask(t, a, asking{get, strings.Replace(path, courier.ID.String(), gateway.NewID(a.o.Now()).String(), 1), k, "bruno", "", nil})
		if theirs.Code != 404 || !bytes.Equal(theirs.Body.Bytes(), none.Body.Bytes()) {
			t.Errorf("%s: %d %s, and what does not exist %s", path, theirs.Code, theirs.Body, none.Body)
		}
	}
	if w := ask(t, a, asking{get, "/v1/couriers/" + courier.ID.String(), k, "anne", "", nil}); w.Code != 200 {
		t.Error(w.Code, w.Body)
	}
	if w := ask(t, a, asking{get, "/v1/couriers", k, "anne", "", nil}); !strings.Contains(w.Body.String(), courier.ID.String()) {
		t.Error(w.Body)
	}
	for _, q := range []string{"", "?consultation=AAA1"} {
		if w := ask(t, a, asking{get, "/v1/couriers" + q, k, "bruno", "", nil}); w.Code != 200 || strings.Contains(w.Body.String(), courier.ID.String()) {
			t.Error(w.Code, w.Body)
		}
	}
}
