package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"vaguemestre/gateway"
	"vaguemestre/gateway/catalog"
	"vaguemestre/gateway/intake/roster"
)

// problem is an error as the caller gets it (RFC 9457 §3). Its type is about:blank: the status tells it.
type problem struct {
	Status int     `json:"status"`
	Title  string  `json:"title"`
	Detail string  `json:"detail,omitempty"`
	Key    string  `json:"key,omitempty"` // of the sentence, for programs
	Errors []place `json:"errors,omitempty"`
}

// place is one thing to change in what was sent.
type place struct {
	Path string `json:"path"`
	Text string `json:"text"`
}

// Error implements error.
func (p problem) Error() string { return fmt.Sprintf("%d %s", p.Status, p.Title) }

// problemOf translates a failure; what is ours to mend is told without its cause.
func problemOf(err error) problem {
	var p problem
	var file roster.Problems
	var tooLarge *http.MaxBytesError
	var fault *gateway.Fault
	switch {
	case errors.As(err, &p):
		return p
	case errors.As(err, &file):
		p = problem{Status: http.StatusUnprocessableEntity, Title: "what was sent is to be changed"}
		for _, one := range file {
			p.Errors = append(p.Errors, place{one.Path, one.Text})
		}
		return p
	case errors.As(err, &tooLarge):
		return problem{Status: http.StatusRequestEntityTooLarge, Title: "too large", Detail: fmt.Sprintf("at most %d octets", tooLarge.Limit)}
	case absent(err):
		return problem{Status: http.StatusNotFound, Title: "no such resource"}
	case errors.As(err, &fault) && fault.Class == gateway.Permanent && fault.Key != "":
		return problem{Status: http.StatusUnprocessableEntity, Title: "refused", Detail: catalog.Text(catalog.French, fault.Key, fault.Args), Key: fault.Key}
	}
	return problem{Status: http.StatusServiceUnavailable, Title: "try again later"}
}

func (a *API) fail(w http.ResponseWriter, r *http.Request, route string, err error) {
	if r.Context().Err() != nil { // the caller has left: nobody reads an answer, and nothing of ours failed
		a.metrics.requests.WithLabelValues(route, "gone").Inc()
		return
	}
	p := problemOf(err)
	switch p.Status {
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "30")
		a.o.Logger.Error("a request of the API failed", "route", route, "err", err)
	case http.StatusTooManyRequests:
		w.Header().Set("Retry-After", "60")
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="vaguemestre"`)
	}
	a.metrics.requests.WithLabelValues(route, strconv.Itoa(p.Status)).Inc()
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // nobody to tell when the caller is gone
}

// answer writes a success.
func answer(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // nobody to tell when the caller is gone
	return nil
}

func bad(format string, args ...any) problem {
	return problem{Status: http.StatusBadRequest, Title: "not understood", Detail: fmt.Sprintf(format, args...)}
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
