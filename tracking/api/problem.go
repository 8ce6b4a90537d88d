package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"golang.org/x/text/language"

	"vaguemestre/gateway"
	"vaguemestre/gateway/catalog"
	"vaguemestre/gateway/intake/roster"
)

// kind is what may go wrong with a request: the end of its problem's type, which never changes, and its status.
type kind struct {
	name   string
	status int
}

// problemKinds lists them; their titles stand in the catalogue (problem.<name>).
type problemKinds struct {
	keyNeeded, scopeMissing, noSuchAgent, agentWithoutAddress, notFound, methodNotAllowed, notUnderstood, tooLarge, mediaType,
	changedMeanwhile, toChange, refused, keyUsed, onlySending, tooManyRequests, unavailable kind
}

func problems() problemKinds {
	return problemKinds{
		keyNeeded: kind{"key-needed", 401}, scopeMissing: kind{"scope-missing", 403}, noSuchAgent: kind{"no-such-agent", 403},
		agentWithoutAddress: kind{"agent-without-address", 403}, notFound: kind{"not-found", 404}, methodNotAllowed: kind{"method-not-allowed", 405},
		notUnderstood: kind{"not-understood", 400}, tooLarge: kind{"too-large", 413}, mediaType: kind{"media-type", 415},
		changedMeanwhile: kind{"changed-meanwhile", 412}, toChange: kind{"to-change", 422}, refused: kind{"refused", 422},
		keyUsed: kind{"key-used", 422}, onlySending: kind{"only-sending", 422}, tooManyRequests: kind{"too-many-requests", 429},
		unavailable: kind{"unavailable", 503},
	}
}

func (k problemKinds) all() []kind {
	return []kind{
		k.notUnderstood, k.keyNeeded, k.scopeMissing, k.noSuchAgent, k.agentWithoutAddress, k.notFound, k.methodNotAllowed, k.changedMeanwhile,
		k.tooLarge, k.mediaType, k.toChange, k.refused, k.keyUsed, k.onlySending, k.tooManyRequests, k.unavailable,
	}
}

// typePath is the page that explains every type of problem; a type is a place in it (RFC 9457 §3.1.1).
const typePath = "/v1/problems"

func (k kind) uri() string { return typePath + "#" + k.name }

// problem is an error as the caller gets it (RFC 9457 §3).
type problem struct {
	Type   string  `json:"type"`
	Status int     `json:"status"`
	Title  string  `json:"title"`
	Detail string  `json:"detail,omitempty"`
	Key    string  `json:"key,omitempty"` // of the sentence, for programs
	Errors []place `json:"errors,omitempty"`

	kind  kind
	fault *gateway.Fault // its sentence is the detail
}

// place is one thing to change in what was sent.
type place struct {
	Path string `json:"path"`
	Text string `json:"text"`
}

// Error implements error.
func (p problem) Error() string { return fmt.Sprintf("%d %s", p.kind.status, p.kind.name) }

func (k kind) problem(format string, args ...any) problem {
	return problem{kind: k, Detail: fmt.Sprintf(format, args...)}
}

// in gives the problem its words in a language.
func (p problem) in(lang string) problem {
	p.Type, p.Status, p.Title = p.kind.uri(), p.kind.status, catalog.Text(lang, "problem."+p.kind.name, nil)
	if p.fault != nil {
		p.Detail, p.Key = catalog.Text(lang, p.fault.Key, p.fault.Args), p.fault.Key
	}
	return p
}

// languageOf is the one that the caller prefers of those we speak; French when it prefers none.
func languageOf(r *http.Request) string {
	wanted, _, err := language.ParseAcceptLanguage(r.Header.Get("Accept-Language"))
	if err != nil || len(wanted) == 0 {
		return catalog.French
	}
	_, i, _ := language.NewMatcher([]language.Tag{language.French, language.English}).Match(wanted...)
	return []string{catalog.French, catalog.English}[i]
}

// problemOf translates a failure; what is ours to mend is told without its cause.
func problemOf(err error) problem {
	var p problem
	var file roster.Problems
	var tooLarge *http.MaxBytesError
	var fault *gateway.Fault
	k := problems()
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &file):
		p = k.toChange.problem("")
		for _, one := range file {
			p.Errors = append(p.Errors, place{one.Path, one.Text})
		}
		return p
	case errors.As(err, &tooLarge):
		return k.tooLarge.problem("at most %d octets", tooLarge.Limit)
	case absent(err):
		return k.notFound.problem("")
	case errors.As(err, &fault) && fault.Class == gateway.Permanent && fault.Key == "refuse.claimed":
		return problem{kind: k.keyUsed, fault: fault}
	case errors.As(err, &fault) && fault.Class == gateway.Permanent && fault.Key != "":
		return problem{kind: k.refused, fault: fault}
	}
	return k.unavailable.problem("")
}

func (a *API) fail(w http.ResponseWriter, r *http.Request, route string, err error) {
	if r.Context().Err() != nil { // the caller has left: nobody reads an answer, and nothing of ours failed
		a.metrics.requests.WithLabelValues(route, "gone").Inc()
		return
	}
	lang := languageOf(r)
	p := problemOf(err).in(lang)
	h := w.Header()
	switch p.Status {
	case http.StatusServiceUnavailable:
		h.Set("Retry-After", "30")
		a.o.Logger.Error("a request of the API failed", "route", route, "err", err)
	case http.StatusTooManyRequests:
		h.Set("Retry-After", "60")
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", `Bearer realm="vaguemestre"`)
	}
	a.metrics.requests.WithLabelValues(route, strconv.Itoa(p.Status)).Inc()
	h.Set("Content-Type", problemMedia)
	h.Set("Content-Language", lang)
	h.Add("Vary", "Accept-Language")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // nobody to tell when the caller is gone
}

const problemMedia = "application/problem+json"

// problemView explains a type of problem.
type problemView struct {
	Type   string            `json:"type"`
	Status int               `json:"status"`
	Title  map[string]string `json:"title"` // by language
}

// listProblems explains every type.
func (a *API) listProblems(w http.ResponseWriter, _ *http.Request, _ call) error {
	all := []problemView{}
	for _, k := range problems().all() {
		title := map[string]string{}
		for _, lang := range []string{catalog.French, catalog.English} {
			title[lang] = catalog.Text(lang, "problem."+k.name, nil)
		}
		all = append(all, problemView{k.uri(), k.status, title})
	}
	return answer(w, http.StatusOK, map[string]any{"problems": all})
}

// answer writes a success.
func answer(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // nobody to tell when the caller is gone
	return nil
}

func bad(format string, args ...any) problem {
	return problems().notUnderstood.problem(format, args...)
}

// decode reads one strict JSON value.
func decode(r io.Reader, into any) error {
	d := json.NewDecoder(r)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return err
		}
		return bad("not the JSON expected: %v", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return bad("something follows the JSON")
	}
	return nil
}
