package api

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"vaguemestre/gateway"
)

//go:embed schemas.json
var schemas []byte

func (a *API) document(w http.ResponseWriter, _ *http.Request, _ call) error {
	return answer(w, http.StatusOK, json.RawMessage(a.doc))
}

type object = map[string]any

const about = `What an e-tendering platform does: it puts consultations, their companies and the agents who may write about them; it sends and
reads couriers in the name of agents; it follows what happens to them.

A key (vaguemestre apikey add) has scopes; each operation names the one that it asks, in x-scope. A key makes so many requests a minute at each node, then
gets 429. Operations about couriers act for the agent of the field Vaguemestre-Agent, and see what this agent sees: anything else answers as if it
did not exist. Errors are problem documents (RFC 9457), their titles in French or, by Accept-Language, English; their types are listed at /v1/problems.
Reading with If-None-Match and the ETag of the last answer costs little.`

// document makes the OpenAPI 3.1 document of the routes.
func document(routes []route) ([]byte, error) {
	var known object
	if err := json.Unmarshal(schemas, &known); err != nil {
		return nil, fmt.Errorf("read the API's schemas: %w", err)
	}
	known["State"] = object{"type": "string", "enum": words(gateway.States(), gateway.State.String)}
	known["Register"] = object{"type": "string", "enum": gateway.Registers()}
	known["ProblemType"] = object{"type": "string", "enum": words(problems().all(), kind.uri)}
	paths := map[string]object{}
	for _, rt := range routes {
		if paths[rt.path] == nil {
			paths[rt.path] = object{}
		}
		paths[rt.path][strings.ToLower(rt.method)] = rt.operation()
	}
	return json.Marshal(object{
		"openapi": "3.1.0", "info": object{"title": "Vaguemestre", "version": "1", "description": about}, "servers": []object{{"url": "/"}}, "paths": paths,
		"components": object{"schemas": known, "securitySchemes": object{
			"key": object{"type": "http", "scheme": "bearer", "description": "A key of vaguemestre apikey add: vgm_ and 26 letters and digits."},
		}},
	})
}

func words[T any](all []T, word func(T) string) []string {
	list := make([]string, len(all))
	for i, one := range all {
		list[i] = word(one)
	}
	return list
}

func ref(schema string) string { return "#/components/schemas/" + schema }

func content(media, schema string) object {
	return object{media: object{"schema": object{"$ref": ref(schema)}}}
}

func (rt route) operation() object {
	op := object{"operationId": rt.name, "summary": rt.summary, "responses": rt.answers()}
	if rt.about != "" {
		op["description"] = rt.about
	}
	op["security"] = []object{}
	if rt.scope != "" {
		op["security"], op["x-scope"], op["tags"] = []object{{"key": []string{}}}, rt.scope, []string{rt.scope}
	}
	if len(rt.bodies) > 0 {
		forms := object{}
		for _, b := range rt.bodies {
			forms[b.media] = object{"schema": object{"$ref": ref(b.schema)}}
			if b.media == "multipart/form-data" {
				forms[b.media].(object)["encoding"] = object{"options": object{"contentType": js}, "text": object{"contentType": "text/plain; charset=utf-8"}}
			}
		}
		op["requestBody"] = object{"required": true, "content": forms}
	}
	if list := rt.parameters(); len(list) > 0 {
		op["parameters"] = list
	}
	return op
}

func header(about string) object {
	return object{"description": about, "schema": object{"type": "string"}}
}

func (rt route) answers() object {
	ok := object{"description": "Done"}
	if rt.answer != "" {
		media := rt.media
		if media == "" {
			media = js
		}
		ok["content"] = content(media, rt.answer)
	}
	answers := object{strconv.Itoa(rt.success): ok}
	if rt.tagged {
		ok["headers"] = object{"ETag": header("Of what is shown.")}
		if rt.method == get {
			answers["304"] = object{"description": "What the caller has, by If-None-Match, is what there is", "headers": object{"ETag": header("Of what there is.")}}
		}
	}
	for _, k := range rt.problems() {
		code := strconv.Itoa(k.status)
		if answers[code] == nil {
			answers[code] = object{"description": http.StatusText(k.status), "content": content(problemMedia, "Problem"),
				"headers": object{"Content-Language": header("Of the title: fr or en.")}, "x-problems": []string{}}
		}
		one := answers[code].(object)
		one["x-problems"] = append(one["x-problems"].([]string), k.uri())
		switch k.status {
		case http.StatusTooManyRequests, http.StatusServiceUnavailable:
			one["headers"].(object)["Retry-After"] = header("Seconds.")
		case http.StatusUnauthorized:
			one["headers"].(object)["WWW-Authenticate"] = header("Bearer.")
		}
	}
	return answers
}

// problems lists what a route may answer instead of its success.
func (rt route) problems() []kind {
	k := problems()
	if rt.scope == "" {
		return nil
	}
	all := []kind{k.keyNeeded, k.scopeMissing, k.tooManyRequests, k.unavailable}
	if rt.agent {
		all = append(all, k.noSuchAgent)
	}
	return slices.Concat(all, rt.refusals)
}

func (rt route) parameters() (list []object) {
	add := func(p parameter) {
		list = append(list, object{"name": p.name, "in": p.in, "required": p.required, "description": p.about, "schema": p.schema})
	}
	for segment := range strings.SplitSeq(rt.path, "/") {
		if strings.HasPrefix(segment, "{") {
			add(parameter{strings.Trim(segment, "{}"), "path", "Its id.", true, object{"type": "string"}})
		}
	}
	for _, p := range rt.params {
		add(p)
	}
	if rt.agent {
		add(field(fieldAgent, "Login of the agent for whom the request acts.", true))
	}
	if rt.tagged && rt.method == get {
		add(field("If-None-Match", "The ETag of the answer that the caller has.", false))
	}
	if rt.scope != "" {
		add(field("Accept-Language", "Of problems: fr or en.", false))
	}
	return list
}
