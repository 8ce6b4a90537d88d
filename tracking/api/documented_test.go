package api

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
	"vaguemestre/tracking/api/view"
)

func TestTheDocumentIsServed(t *testing.T) {
	a, _ := world(t)
	want, err := document((&API{}).routes())
	must(t, err)
	if got := strings.TrimSpace(ask(t, a, asking{method: get, path: "/v1/openapi.json"}).Body.String()); got != string(want) {
		t.Error("another document is served than the one that the tests hold answers to")
	}
}

// A client's author finds everything in it: names, words about each parameter, schemas that can be read, examples that hold.
func TestTheDocumentIsComplete(t *testing.T) {
	c := theContract()
	names := map[string]bool{}
	for path, methods := range c.paths {
		for method, op := range methods {
			if op.OperationID == "" || names[op.OperationID] || op.Summary == "" || op.Security == nil {
				t.Errorf("%s %s: %+v", method, path, op)
			}
			names[op.OperationID] = true
			for _, p := range op.Parameters {
				if p.Description == "" {
					t.Errorf("%s: nothing about %s", op.OperationID, p.Name)
				}
			}
			for code, said := range op.Responses {
				for media := range said.Content {
					if _, err := c.schema("paths", path, method, "responses", code, "content", media, "schema"); err != nil {
						t.Error(err)
					}
				}
			}
			if op.RequestBody != nil {
				for media := range op.RequestBody.Content {
					if _, err := c.schema("paths", path, method, "requestBody", "content", media, "schema"); err != nil {
						t.Error(err)
					}
				}
			}
		}
	}
	for _, rt := range (&API{}).routes() {
		if _, there := c.paths[rt.path][strings.ToLower(rt.method)]; !there {
			t.Errorf("%s %s is not in the document", rt.method, rt.path)
		}
	}
	examples(t, c)
}

func examples(t *testing.T, c *contract) {
	t.Helper()
	var known map[string]struct{ Examples []json.RawMessage }
	must(t, json.Unmarshal(schemas, &known))
	n := 0
	for name, schema := range known {
		for _, example := range schema.Examples {
			n++
			if err := c.holds(example, "components", "schemas", name); err != nil {
				t.Errorf("the example of %s: %v", name, err)
			}
		}
	}
	if n < 8 {
		t.Errorf("%d examples", n)
	}
}

func TestProblemsSpeakTheCallersLanguage(t *testing.T) {
	a, _ := world(t)
	for wanted, title := range map[string]string{
		"": "une clé en vigueur est nécessaire", "en-GB,fr;q=0.5": "a key in force is needed", "fr": "une clé en vigueur est nécessaire", "de, *;q=0": "une clé en vigueur est nécessaire", ";": "une clé en vigueur est nécessaire",
	} {
		w := ask(t, a, asking{method: get, path: "/v1/agents", fields: http.Header{"Accept-Language": {wanted}}})
		if p := problemIn(t, w); p.Type != "/v1/problems#key-needed" || p.Title != title {
			t.Errorf("%q: %+v", wanted, p)
		}
	}
}

// What the document says may be answered is answered, one time at least, and as it says. A route, a status, a problem or a
// parameter that is new is missing here until it is tried.
func TestPromiseEveryAnswerIsAsTheDocumentSays(t *testing.T) {
	h := newHouse(t, Options{MaxBytes: 1 << 20})
	h.sequenced(t)
	refuseAll(t, h)
	c, err := h.store.ConsultationByReference(t.Context(), "AAA1")
	must(t, err)
	tryConsultations(h, "/v1/consultations/"+c.ID.String())
	tryAgents(h, "/v1/consultations/"+c.ID.String()+"/agents")
	tryCouriers(t, h)
	h.ask(get, "/v1/openapi.json", "")
	h.ask(get, "/v1/problems", "")
	for _, what := range theContract().missing() {
		t.Errorf("documented and never tried: %s", what)
	}
}

// refuseAll meets what every route may answer instead of its work.
func refuseAll(t *testing.T, h *house) {
	o := h.o
	o.PerMinute = -1
	hurried, err := New(o, h.store, nil, nil)
	must(t, err)
	gone := h.site.open(t)
	o.PerMinute, o.Logger = 0, slog.New(slog.DiscardHandler)
	broken, err := New(o, gone, nil, nil)
	must(t, err)
	must(t, gone.Close())
	for _, rt := range h.routes() {
		if rt.scope == "" {
			continue
		}
		path := strings.NewReplacer("{consultation}", "x", "{courier}", "x").Replace(rt.path)
		other := Scopes()[0]
		if other == rt.scope {
			other = Scopes()[1]
		}
		narrow, _ := key(t, h.store, other)
		ask(t, h.API, asking{method: rt.method, path: path})
		ask(t, h.API, asking{method: rt.method, path: path, key: narrow})
		ask(t, hurried, asking{method: rt.method, path: path, key: h.key})
		ask(t, broken, asking{method: rt.method, path: path, key: h.key})
		if rt.agent {
			ask(t, h.API, asking{method: rt.method, path: path, key: h.key, agent: "nobody"})
		}
		if strings.Contains(path, "x") {
			h.ask(rt.method, path, "")
		}
	}
}

// spaces is a body that is too large, without taking its size in memory more than once.
func spaces(n int) string { return "[" + strings.Repeat(" ", n) }

func tryConsultations(h *house, one string) {
	h.ask(get, "/v1/consultations?reference=AAA1&archived=false", "")
	h.ask(get, "/v1/consultations?archived=maybe", "")
	h.ask(put, "/v1/consultations?companies=merge&reopen=true", `{"reference":"AAA1","public_body":"Ville"}`)
	h.ask(put, "/v1/consultations?reopen=maybe", `[]`)
	h.ask(put, "/v1/consultations", spaces(maxRegisters))
	h.ask(put, "/v1/consultations", `[{}]`)
	h.ask(post, one+"/archive", "")
	h.ask(post, one+"/reopen", "")
	for _, path := range []string{one, one + "/companies", one + "/agents"} {
		w := h.ask(get, path, "")
		h.with(http.Header{"If-None-Match": {w.Header().Get("ETag")}}, get, path, "")
	}
	const list = `{"companies":[{"name":"Acme","addresses":["c@acme.example"],"registers":["retraits"]}]}`
	read := h.ask(get, one+"/companies", "").Header().Get("ETag")
	h.with(http.Header{"If-Match": {read}}, put, one+"/companies?companies=replace", list)
	h.with(http.Header{"If-Match": {`"x"`}}, put, one+"/companies", list)
	h.ask(put, one+"/companies?companies=all", list)
	h.ask(put, one+"/companies", spaces(maxRegisters))
	h.ask(put, one+"/companies", `{}`)
}

func tryAgents(h *house, entitled string) {
	h.ask(get, "/v1/agents", "")
	h.ask(put, "/v1/agents", "x")
	h.ask(put, "/v1/agents", spaces(maxAgents))
	h.ask(put, "/v1/agents", `{"agents":[{"login":"a b"}]}`)
	read := h.ask(get, entitled, "").Header().Get("ETag")
	h.with(http.Header{"If-Match": {`"y", ` + read}}, put, entitled, `{"agents":["alice"]}`)
	h.with(http.Header{"If-Match": {`"x"`}}, put, entitled, `{"agents":[]}`)
	h.ask(put, entitled, "x")
	h.ask(put, entitled, spaces(maxAgents))
	h.ask(put, entitled, `{"agents":["nobody"]}`)
}

func tryCouriers(t *testing.T, h *house) {
	var sent view.Sent
	must(t, json.Unmarshal(h.send("k", plain, "Bonjour", "plan.pdf").Body.Bytes(), &sent))
	h.send("k", plain, "Bonsoir")
	h.send("", plain, "Bonjour")
	h.send("l", strings.Replace(plain, "AAA1", "CCC3", 1), "Bonjour")
	h.send("l", strings.Replace(plain, "Votre offre", "[AAA1 essai] x", 1), "Bonjour")
	h.send("l", plain, strings.Repeat("x", maxText+1))
	h.with(http.Header{"Content-Type": {"text/plain"}, fieldOnce: {"l"}}, post, "/v1/couriers", "x")
	h.with(http.Header{fieldOnce: {"l"}}, post, "/v1/couriers", `{"options":`+plain+`,"text":"Bonjour","files":[{"name":"plan.txt","content":"UGxhbg=="}]}`)
	must(t, h.store.PutAgents(t.Context(), []store.AgentPut{{Login: "nameless", Name: "N"}}))
	ask(t, h.API, asking{post, "/v1/couriers", h.key, "nameless", "x", http.Header{fieldOnce: {"l"}}})

	path := "/v1/couriers/" + sent.Courier.String()
	w := h.ask(get, path, "")
	h.with(http.Header{"If-None-Match": {w.Header().Get("ETag")}}, get, path, "")
	h.ask(get, path+"/proof", "")
	h.ask(get, "/v1/couriers?consultation=AAA1&type=libre&state=queued&state=sent&search=offre&limit=1&before="+gateway.NewID(h.o.Now()).String(), "")
	h.ask(get, "/v1/couriers?limit=0", "")
	h.ask(get, "/v1/events?from=0&wait=60", "")
	h.ask(get, "/v1/events?from=x", "")
}
