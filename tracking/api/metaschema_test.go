package api

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// openAPI is the schema of OpenAPI 3.1 documents, with that of the schemas in them (testdata/openapi-3.1).
func openAPI(t *testing.T) *jsonschema.Schema {
	t.Helper()
	const base = "https://spec.openapis.org/oas/3.1/"
	c := jsonschema.NewCompiler()
	c.DefaultDraft(jsonschema.Draft2020)
	c.AssertFormat()
	for file, address := range map[string]string{"schema": "schema", "schema-base": "schema-base", "meta-base": "meta/base", "dialect-base": "dialect/base"} {
		text, err := os.ReadFile(filepath.Join("testdata", "openapi-3.1", file+".json"))
		if err != nil {
			t.Fatal(err)
		}
		tree, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddResource(base+address, tree); err != nil {
			t.Fatal(err)
		}
	}
	schema, err := c.Compile(base + "schema-base")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestTheDocumentIsAnOpenAPIDocument(t *testing.T) {
	schema := openAPI(t)
	text, err := document((&API{}).routes())
	if err != nil {
		t.Fatal(err)
	}
	read := func() object {
		var tree object
		if err := json.Unmarshal(text, &tree); err != nil {
			t.Fatal(err)
		}
		return tree
	}
	if err := schema.Validate(read()); err != nil {
		t.Error(err)
	}
	for fault, spoil := range map[string]func(object){
		"no title":              func(d object) { delete(d["info"].(object), "title") },
		"a field of no OpenAPI": func(d object) { d["path"] = object{} },
		"a scheme of no kind":   func(d object) { d["components"].(object)["securitySchemes"].(object)["key"] = object{"type": "token"} },
		"a schema that is none": func(d object) { d["components"].(object)["schemas"].(object)["Agent"] = object{"type": "agent"} },
		"a parameter that is nowhere": func(d object) {
			get := d["paths"].(object)["/v1/couriers"].(object)["get"].(object)
			get["parameters"].([]any)[0].(object)["in"] = "body"
		},
		"an answer without words": func(d object) {
			get := d["paths"].(object)["/v1/couriers"].(object)["get"].(object)
			delete(get["responses"].(object)["200"].(object), "description")
		},
	} {
		tree := read()
		spoil(tree)
		if schema.Validate(tree) == nil {
			t.Errorf("%s: not seen", fault)
		}
	}
}
