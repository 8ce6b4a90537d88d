package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func world(t testing.TB) (*API, *store.Store) {
	t.Helper()
	s, err := store.Open(context.Background(), store.Options{Driver: "sqlite", Path: t.TempDir() + "/db", ContentDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
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

func ask(a *API, method, path, key, agent, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+key)
	r.Header.Set(fieldAgent, agent)
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
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
			if w := ask(a, rt.method, path, none, "", ""); w.Code != http.StatusUnauthorized {
				t.Errorf("%s %s without a key in force: %d", rt.method, path, w.Code)
			}
		}
		for scope, k := range keys {
			w := ask(a, rt.method, path, k, "", "")
			lacks := strings.Contains(w.Body.String(), "lacks a scope")
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
	if w := ask(a, put, "/v1/consultations", k, "", `[{"reference":"AAA1","public_body":"Ville"},{"reference":"BBB2","public_body":"Ville"}]`); w.Code != 200 {
		t.Fatal(w.Code, w.Body)
	}
	body := `{"agents":[{"login":"anne","name":"Anne","addresses":["anne@ville.example"],"consultations":["AAA1"]},{"login":"bruno","name":"Bruno","addresses":["bruno@ville.example"],"consultations":["BBB2"]}]}`
	for range 2 {
		if w := ask(a, put, "/v1/agents", k, "", body); w.Code != 204 {
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
		theirs, none := ask(a, get, path, k, "bruno", ""), ask(a, get, strings.Replace(path, courier.ID.String(), gateway.NewID(a.o.Now()).String(), 1), k, "bruno", "")
		if theirs.Code != 404 || !bytes.Equal(theirs.Body.Bytes(), none.Body.Bytes()) {
			t.Errorf("%s: %d %s, and what does not exist %s", path, theirs.Code, theirs.Body, none.Body)
		}
	}
	if w := ask(a, get, "/v1/couriers/"+courier.ID.String(), k, "anne", ""); w.Code != 200 {
		t.Error(w.Code, w.Body)
	}
	if w := ask(a, get, "/v1/couriers", k, "anne", ""); !strings.Contains(w.Body.String(), courier.ID.String()) {
		t.Error(w.Body)
	}
	for _, q := range []string{"", "?consultation=AAA1"} {
		if w := ask(a, get, "/v1/couriers"+q, k, "bruno", ""); w.Code != 200 || strings.Contains(w.Body.String(), courier.ID.String()) {
			t.Error(w.Code, w.Body)
		}
	}
}

func TestDocumentNamesEveryRoute(t *testing.T) {
	a, _ := world(t)
	var doc struct {
		Paths map[string]map[string]any
	}
	if err := json.Unmarshal(ask(a, get, "/v1/openapi.json", "", "", "").Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	for _, rt := range a.routes() {
		if doc.Paths[rt.path][strings.ToLower(rt.method)] == nil {
			t.Errorf("%s %s is not in the document", rt.method, rt.path)
		}
		if rt.scope != "" && !slices.Contains(Scopes(), rt.scope) {
			t.Errorf("%s is no scope", rt.scope)
		}
	}
}
