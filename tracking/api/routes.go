package api

import "net/http"

const (
	get, put, post = http.MethodGet, http.MethodPut, http.MethodPost
	js             = "application/json"
)

// route is one operation; the document and the checks are made from it.
type route struct {
	method, path string
	scope        string // empty: open to anybody
	agent        bool   // acts for the agent of the field Vaguemestre-Agent
	name         string // operationId
	summary      string
	about        string
	params       []parameter
	bodies       []body // of the request: one of these
	answer       string // schema of the success; empty: none
	media        string // of the success; empty: JSON
	success      int
	tagged       bool   // the success has an ETag
	refusals     []kind // beside those of every route with a key
	do           func(http.ResponseWriter, *http.Request, call) error
}

// parameter is one of the query or the header.
type parameter struct {
	name, in, about string
	required        bool
	schema          object
}

// body is one form that a request may have.
type body struct{ media, schema string }

func query(name, about string, schema object) parameter {
	return parameter{name: name, in: "query", about: about, schema: schema}
}

func field(name, about string, required bool) parameter {
	return parameter{name: name, in: "header", about: about, required: required, schema: object{"type": "string"}}
}

func oneOf(words ...string) object { return object{"type": "string", "enum": words} }

func upTo(least, most int64) object {
	return object{"type": "integer", "minimum": least, "maximum": most}
}

func (a *API) routes() []route {
	all := []route{
		{method: get, path: "/v1/openapi.json", name: "document", summary: "This document", answer: "Document", do: a.document},
		{method: get, path: typePath, name: "problems", summary: "The types of problems", answer: "Problems", do: a.listProblems},
	}
	all = append(all, a.consultationRoutes()...)
	all = append(all, a.listRoutes()...)
	all = append(all, a.courierRoutes()...)
	for i := range all {
		if all[i].success == 0 {
			all[i].success = http.StatusOK
		}
	}
	return all
}

const aboutPut = "All of it is stored or nothing. Putting it again changes nothing. "

func (a *API) consultationRoutes() []route {
	k := problems()
	truth := oneOf("true", "false")
	companies := query("companies", "replace (by default): the list of companies of each consultation is whole; merge: it adds to those stored.", oneOf("replace", "merge"))
	return []route{
		{method: put, path: "/v1/consultations", scope: ScopeConsultations, name: "putConsultations", summary: "Put consultations with their companies",
			about:  aboutPut + "Consultations are known by their references; one that is archived stays so unless reopen is true; companies that are left out stay.",
			params: []parameter{companies, query("reopen", "true: consultations that do not say archived are opened again.", truth)},
			bodies: []body{{js, "PutConsultations"}}, answer: "Consultations", refusals: []kind{k.notUnderstood, k.tooLarge, k.toChange}, do: a.putConsultations},
		{method: get, path: "/v1/consultations", scope: ScopeConsultations, name: "listConsultations", summary: "List consultations",
			params: []parameter{query("reference", "Only the one with this reference.", object{"type": "string"}), query("archived", "Only those that are archived, or are not.", truth)},
			answer: "Consultations", refusals: []kind{k.notUnderstood}, do: a.listConsultations},
		{method: get, path: "/v1/consultations/{consultation}", scope: ScopeConsultations, name: "getConsultation", summary: "One consultation",
			answer: "Consultation", tagged: true, refusals: []kind{k.notFound}, do: a.getConsultation},
		{method: post, path: "/v1/consultations/{consultation}/archive", scope: ScopeConsultations, name: "archiveConsultation", summary: "Archive a consultation",
			about:  "From then on no courier is accepted about it. Repeating it changes nothing.",
			answer: "Consultation", tagged: true, refusals: []kind{k.notFound}, do: a.archive},
		{method: post, path: "/v1/consultations/{consultation}/reopen", scope: ScopeConsultations, name: "reopenConsultation", summary: "Open an archived consultation again",
			answer: "Consultation", tagged: true, refusals: []kind{k.notFound}, do: a.reopen},
		{method: get, path: "/v1/consultations/{consultation}/companies", scope: ScopeConsultations, name: "listCompanies", summary: "Its companies and their registers",
			answer: "Companies", tagged: true, refusals: []kind{k.notFound}, do: a.listCompanies},
		{method: put, path: "/v1/consultations/{consultation}/companies", scope: ScopeConsultations, name: "putCompanies", summary: "Put its companies and their registers",
			about: aboutPut + ifMatch, params: []parameter{companies, field("If-Match", "The ETag of the list that was read.", false)}, bodies: []body{{js, "PutCompanies"}},
			answer: "Companies", tagged: true, refusals: []kind{k.notFound, k.notUnderstood, k.tooLarge, k.toChange, k.changedMeanwhile}, do: a.putCompanies},
	}
}

const ifMatch = "With If-Match, it is put only while it is the list that was read."

func (a *API) listRoutes() []route {
	k := problems()
	return []route{
		{method: get, path: "/v1/consultations/{consultation}/agents", scope: ScopeAgents, name: "listEntitled", summary: "Who may write about a consultation",
			answer: "Entitled", tagged: true, refusals: []kind{k.notFound}, do: a.listEntitled},
		{method: put, path: "/v1/consultations/{consultation}/agents", scope: ScopeAgents, name: "putEntitled", summary: "Put who may write about a consultation",
			about:  aboutPut + "The list is whole: no other agent may. " + ifMatch,
			params: []parameter{field("If-Match", "The ETag of the list that was read.", false)}, bodies: []body{{js, "Entitled"}},
			answer: "Entitled", tagged: true, refusals: []kind{k.notFound, k.notUnderstood, k.tooLarge, k.toChange, k.changedMeanwhile}, do: a.putEntitled},
		{method: put, path: "/v1/agents", scope: ScopeAgents, name: "putAgents", summary: "Put agents and their entitlements",
			about:  aboutPut + "Agents are known by their logins; disabled, administrator and consultations that are left out stay. At most 10,000 agents. Passwords are not set here.",
			bodies: []body{{js, "Agents"}}, success: http.StatusNoContent, refusals: []kind{k.notUnderstood, k.tooLarge, k.toChange}, do: a.putAgents},
		{method: get, path: "/v1/agents", scope: ScopeAgents, name: "listAgents", summary: "List agents and their entitlements", answer: "Agents", do: a.listAgents},
	}
}

func (a *API) courierRoutes() []route {
	k := problems()
	return []route{
		{method: post, path: "/v1/couriers", scope: ScopeSend, agent: true, name: "sendCourier", summary: "Send a courier",
			about: "In the name of an agent, under every rule of the mail door. A form has the parts options (JSON), text or html, and files, in that order, and may be as " +
				"large as a mail; a JSON value is at most 16 MiB. The same key with the same content is the same courier, answered again as joined; with " +
				"another content it is refused. A courier that was refused leaves the key free.",
			params: []parameter{field(fieldOnce, "1 to 200 octets; for ever the name of this courier among its agent's.", true)},
			bodies: []body{{"multipart/form-data", "SendForm"}, {js, "Send"}}, answer: "Sent",
			refusals: []kind{k.notUnderstood, k.tooLarge, k.mediaType, k.refused, k.keyUsed, k.onlySending, k.agentWithoutAddress}, do: a.send},
		{method: get, path: "/v1/couriers", scope: ScopeRead, agent: true, name: "listCouriers", summary: "List couriers, newest first",
			about: "Those of the agent's consultations.",
			params: []parameter{
				query("consultation", "Only those of this reference.", object{"type": "string"}), query("type", "Only those of this type.", object{"type": "string"}),
				query("state", "Only those with a recipient in this state; may be repeated.", object{"type": "array", "items": object{"$ref": ref("State")}}),
				query("search", "Words of the subject, the author, the reference or a recipient.", object{"type": "string"}),
				query("limit", "Length of the page.", upTo(1, maxPage)), query("before", "The next of the page before.", object{"type": "string"}),
			},
			answer: "Couriers", refusals: []kind{k.notUnderstood}, do: a.listCouriers},
		{method: get, path: "/v1/couriers/{courier}", scope: ScopeRead, agent: true, name: "getCourier", summary: "One courier, its recipients and events",
			answer: "Courier", tagged: true, refusals: []kind{k.notFound}, do: a.getCourier},
		{method: get, path: "/v1/couriers/{courier}/proof", scope: ScopeRead, agent: true, name: "getProof", summary: "Its proof", about: "A sealed PDF. It waits, a minute at most, for the events that are not yet in the ledger.",
			answer: "Proof", media: "application/pdf", refusals: []kind{k.notFound}, do: a.proof},
		{method: get, path: "/v1/events", scope: ScopeEvents, name: "followEvents", summary: "Follow the events of all couriers",
			about: "In the order of the ledger, from a position on, at most 500. Asking again from next, whatever happened meanwhile, neither skips nor repeats an event.",
			params: []parameter{query("from", "Position of the first event; the next of the page before.", upTo(0, 1<<53)),
				query("wait", "Seconds to wait for an event when there is none.", upTo(0, maxWait))},
			answer: "Events", refusals: []kind{k.notUnderstood}, do: a.events},
	}
}
