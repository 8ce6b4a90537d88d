package api

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

//go:embed schemas.json
var schemas []byte

const get, put, post = http.MethodGet, http.MethodPut, http.MethodPost

func (a *API) routes() []route {
	const js = "application/json"
	return []route{
		{method: get, path: "/v1/openapi.json", summary: "This document", answer: "Any", success: 200, do: a.document},
		{method: put, path: "/v1/consultations", scope: ScopeConsultations, summary: "Put consultations with their companies", query: []string{"companies", "reopen"}, media: js, body: "Any", answer: "Consultations", success: 200, do: a.putConsultations},
		{method: get, path: "/v1/consultations", scope: ScopeConsultations, summary: "List consultations", answer: "Consultations", success: 200, do: a.listConsultations},
		{method: get, path: "/v1/consultations/{consultation}", scope: ScopeConsultations, summary: "One consultation", answer: "Consultation", success: 200, do: a.getConsultation},
		{method: post, path: "/v1/consultations/{consultation}/archive", scope: ScopeConsultations, summary: "Archive a consultation", answer: "Consultation", success: 200, do: a.archive},
		{method: get, path: "/v1/consultations/{consultation}/companies", scope: ScopeConsultations, summary: "Its companies and registers", answer: "Companies", success: 200, do: a.listCompanies},
		{method: put, path: "/v1/agents", scope: ScopeAgents, summary: "Put agents and their entitlements", media: js, body: "Agents", success: 204, do: a.putAgents},
		{method: get, path: "/v1/agents", scope: ScopeAgents, summary: "List agents and their entitlements", answer: "Agents", success: 200, do: a.listAgents},
		{method: post, path: "/v1/couriers", scope: ScopeSend, agent: true, summary: "Send a courier: the parts options, text, files", fields: []string{fieldOnce}, media: "multipart/form-data", body: "Send", answer: "Sent", success: 200, do: a.send},
		{method: get, path: "/v1/couriers", scope: ScopeRead, agent: true, summary: "List couriers, newest first", query: []string{"consultation", "type", "state", "search", "limit", "before"}, answer: "Couriers", success: 200, do: a.listCouriers},
		{method: get, path: "/v1/couriers/{courier}", scope: ScopeRead, agent: true, summary: "One courier, its recipients and events", answer: "Courier", success: 200, do: a.getCourier},
		{method: get, path: "/v1/couriers/{courier}/proof", scope: ScopeRead, agent: true, summary: "Its proof", answer: "Any", answerMedia: "application/pdf", success: 200, do: a.proof},
		{method: get, path: "/v1/events", scope: ScopeEvents, summary: "Events of the ledger from a position on", query: []string{"from", "wait"}, answer: "Events", success: 200, do: a.events},
	}
}

func (a *API) document(w http.ResponseWriter, _ *http.Request, _ call) error {
	return answer(w, http.StatusOK, json.RawMessage(a.doc))
}

type object = map[string]any

// document makes the OpenAPI 3.1 document of the routes.
func document(routes []route) ([]byte, error) {
	var known object
	if err := json.Unmarshal(schemas, &known); err != nil {
		return nil, fmt.Errorf("read the API's schemas: %w", err)
	}
	paths := map[string]object{}
	for _, rt := range routes {
		if paths[rt.path] == nil {
			paths[rt.path] = object{}
		}
		paths[rt.path][strings.ToLower(rt.method)] = rt.operation()
	}
	return json.Marshal(object{
		"openapi": "3.1.0", "info": object{"title": "Vaguemestre", "version": "1"}, "paths": paths,
		"components": object{"schemas": known, "securitySchemes": object{"key": object{"type": "http", "scheme": "bearer"}}},
	})
}

func content(media, schema string) object {
	return object{media: object{"schema": object{"$ref": "#/components/schemas/" + schema}}}
}

func (rt route) operation() object {
	answers := object{}
	ok := object{"description": "Done"}
	if rt.answer != "" {
		media := rt.answerMedia
		if media == "" {
			media = "application/json"
		}
		ok["content"] = content(media, rt.answer)
	}
	answers[strconv.Itoa(rt.success)] = ok
	for _, status := range rt.refusals() {
		answers[strconv.Itoa(status)] = object{"description": http.StatusText(status), "content": content("application/problem+json", "Problem")}
	}
	if rt.scope == ScopeConsultations && strings.Contains(rt.path, "{") || rt.path == "/v1/couriers/{courier}" {
		answers["304"] = object{"description": "Not Modified"}
	}
	op := object{"summary": rt.summary, "responses": answers}
	if rt.scope != "" {
		op["security"], op["x-scope"] = []object{{"key": []string{}}}, rt.scope
	}
	if rt.body != "" {
		op["requestBody"] = object{"required": true, "content": content(rt.media, rt.body)}
	}
	if list := rt.parameters(); len(list) > 0 {
		op["parameters"] = list
	}
	return op
}

// refusals lists the statuses of the problems that a route answers.
func (rt route) refusals() []int {
	if rt.scope == "" {
		return nil
	}
	all := []int{401, 403, 429, 503}
	if strings.Contains(rt.path, "{") {
		all = append(all, 404)
	}
	if rt.body != "" {
		all = append(all, 400, 413, 422)
	} else if len(rt.query) > 0 {
		all = append(all, 400)
	}
	return all
}

func (rt route) parameters() (list []object) {
	add := func(name, in string, required bool) {
		list = append(list, object{"name": name, "in": in, "required": required, "schema": object{"type": "string"}})
	}
	for _, segment := range strings.Split(rt.path, "/") {
		if strings.HasPrefix(segment, "{") {
			add(strings.Trim(segment, "{}"), "path", true)
		}
	}
	for _, name := range rt.query {
		add(name, "query", false)
	}
	for _, name := range rt.fields {
		add(name, "header", name == fieldOnce)
	}
	if rt.agent {
		add(fieldAgent, "header", true)
	}
	return list
}
