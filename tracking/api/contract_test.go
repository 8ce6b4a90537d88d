package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// contract is the document that clients are given, against which everything that is answered here is held.
type contract struct {
	paths    map[string]map[string]operation
	compiler *jsonschema.Compiler

	mu   sync.Mutex
	seen map[string]bool // "putAgents 204", "putAgents 422 /v1/problems#to-change", "listAgents ?limit"
}

type operation struct {
	OperationID string
	Summary     string
	Description string
	Security    []map[string][]string
	Parameters  []struct {
		Name, In, Description string
		Required              bool
	}
	RequestBody *struct{ Content map[string]any }
	Responses   map[string]struct {
		Description string
		Headers     map[string]any
		Content     map[string]any
		Problems    []string `json:"x-problems"`
	}
}

const documentURL = "file:///openapi.json"

// theContract is read once from what the table of routes makes; TestTheDocumentIsServed holds that to what is served.
var theContract = sync.OnceValue(func() *contract {
	text, err := document((&API{}).routes())
	if err != nil {
		panic(err)
	}
	c := &contract{compiler: jsonschema.NewCompiler(), seen: map[string]bool{}}
	var doc struct {
		Paths map[string]map[string]operation
	}
	if err := json.Unmarshal(text, &doc); err != nil {
		panic(err)
	}
	c.paths = doc.Paths
	tree, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		panic(err)
	}
	c.compiler.DefaultDraft(jsonschema.Draft2020) // OpenAPI 3.1 §4.8.24: the schemas are those of this draft
	c.compiler.AssertFormat()
	c.compiler.AssertContent()
	if err := c.compiler.AddResource(documentURL, tree); err != nil {
		panic(err)
	}
	return c
})

// schema compiles the one at a place of the document.
func (c *contract) schema(at ...string) (*jsonschema.Schema, error) {
	pointer := ""
	for _, part := range at {
		pointer += "/" + url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(part))
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.compiler.Compile(documentURL + "#" + pointer)
}

func (c *contract) holds(value []byte, at ...string) error {
	s, err := c.schema(at...)
	if err != nil {
		return err
	}
	tree, err := jsonschema.UnmarshalJSON(bytes.NewReader(value))
	if err != nil {
		return err
	}
	return s.Validate(tree)
}

func (c *contract) note(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen[fmt.Sprintf(format, args...)] = true
}

// find is the operation of a request, with its path as the document writes it.
func (c *contract) find(r *http.Request) (path string, op operation, found bool) {
	segments := strings.Split(r.URL.Path, "/")
	for path, methods := range c.paths {
		parts := strings.Split(path, "/")
		op, there := methods[strings.ToLower(r.Method)]
		if there && slices.EqualFunc(segments, parts, func(s, p string) bool { return s == p || strings.HasPrefix(p, "{") }) {
			return path, op, true
		}
	}
	return "", operation{}, false
}

// check holds one exchange to the document: every answer, and the request of every success.
func (c *contract) check(t testing.TB, r *http.Request, sent []byte, w *httptest.ResponseRecorder) {
	t.Helper()
	where := fmt.Sprintf("%s %s: %d", r.Method, r.URL, w.Code)
	path, op, found := c.find(r)
	if !found {
		if w.Code != 404 && w.Code != 405 || c.holds(w.Body.Bytes(), "components", "schemas", "Problem") != nil {
			t.Errorf("%s: outside of the document: %s", where, w.Body)
		}
		return
	}
	if err := c.answer(path, r, op, w); err != nil {
		t.Errorf("%s: %v\n%.500s", where, err, w.Body)
	}
	if w.Code < 300 {
		if err := c.request(path, r, op, sent); err != nil {
			t.Errorf("%s: the request: %v", where, err)
		}
	}
}

func (c *contract) answer(path string, r *http.Request, op operation, w *httptest.ResponseRecorder) error {
	code := strconv.Itoa(w.Code)
	said, there := op.Responses[code]
	if !there {
		return fmt.Errorf("no such status in the document")
	}
	for name := range said.Headers {
		if w.Header().Get(name) == "" {
			return fmt.Errorf("no field %s", name)
		}
	}
	media := w.Header().Get("Content-Type")
	if len(said.Content) == 0 {
		if w.Body.Len() > 0 || media != "" {
			return fmt.Errorf("a body of %q where none is documented", media)
		}
		c.note("%s %s", op.OperationID, code)
		return nil
	}
	if said.Content[media] == nil {
		return fmt.Errorf("media type %q is not in the document", media)
	}
	if media == "application/pdf" {
		c.note("%s %s", op.OperationID, code)
		return nil
	}
	if err := c.holds(w.Body.Bytes(), "paths", path, strings.ToLower(r.Method), "responses", code, "content", media, "schema"); err != nil {
		return err
	}
	if media != problemMedia {
		c.note("%s %s", op.OperationID, code)
		return nil
	}
	var p problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		return err
	}
	if p.Status != w.Code || !slices.Contains(said.Problems, p.Type) {
		return fmt.Errorf("problem %s of status %d is not one of %v", p.Type, p.Status, said.Problems)
	}
	c.note("%s %s %s", op.OperationID, code, p.Type)
	return nil
}

// request holds what was taken to what the document says may be sent.
func (c *contract) request(path string, r *http.Request, op operation, sent []byte) error {
	method := strings.ToLower(r.Method)
	known := map[string]bool{}
	for i, p := range op.Parameters {
		known[p.In+" "+p.Name] = true
		values := r.URL.Query()[p.Name]
		if p.In == "header" {
			values = r.Header.Values(p.Name)
		}
		switch {
		case p.In == "path":
		case len(values) == 0 && p.Required:
			return fmt.Errorf("without %s", p.Name)
		case len(values) > 0:
			value := c.parameter(values, path, method, i)
			if err := c.holds(value, "paths", path, method, "parameters", strconv.Itoa(i), "schema"); err != nil {
				return fmt.Errorf("%s: %w", p.Name, err)
			}
			c.note("%s ?%s", op.OperationID, p.Name)
		}
	}
	for name := range r.URL.Query() {
		if !known["query "+name] {
			return fmt.Errorf("the parameter %s is not in the document", name)
		}
	}
	if op.RequestBody == nil {
		return nil
	}
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || op.RequestBody.Content[media] == nil {
		return fmt.Errorf("a body of %q is not in the document", media)
	}
	c.note("%s <%s", op.OperationID, media)
	if media != js {
		return nil // its JSON part is held below, by send
	}
	return c.holds(sent, "paths", path, method, "requestBody", "content", media, "schema")
}

// parameter is what was said as JSON: a number, a list or a text, as the schema wants.
func (c *contract) parameter(values []string, path, method string, i int) []byte {
	s, err := c.schema("paths", path, method, "parameters", strconv.Itoa(i), "schema")
	if err == nil && s.Types != nil {
		kinds := s.Types.ToStrings()
		if slices.Contains(kinds, "integer") {
			return []byte(values[0])
		}
		if slices.Contains(kinds, "array") {
			text, _ := json.Marshal(values) // texts
			return text
		}
	}
	text, _ := json.Marshal(values[0]) // a text
	return text
}

// missing lists what the document says and no exchange has shown.
func (c *contract) missing() (list []string) {
	want := func(format string, args ...any) {
		if what := fmt.Sprintf(format, args...); !c.seen[what] {
			list = append(list, what)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, methods := range c.paths {
		for _, op := range methods {
			for code, said := range op.Responses {
				if len(said.Problems) == 0 {
					want("%s %s", op.OperationID, code)
				}
				for _, p := range said.Problems {
					want("%s %s %s", op.OperationID, code, p)
				}
			}
			for _, p := range op.Parameters {
				if p.In != "path" && p.Name != "Accept-Language" && p.Name != "If-None-Match" {
					want("%s ?%s", op.OperationID, p.Name)
				}
			}
			if op.RequestBody != nil {
				for media := range op.RequestBody.Content {
					want("%s <%s", op.OperationID, media)
				}
			}
		}
	}
	slices.Sort(list)
	return list
}
