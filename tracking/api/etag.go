package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"vaguemestre/gateway"
	"vaguemestre/tracking/api/view"
)

// tag is the ETag of what is shown (RFC 9110 §8.8.3).
func tag(v any) (string, error) {
	text, err := json.Marshal(v)
	return fmt.Sprintf("%q", gateway.HashOf(text).String()), err
}

// tagged answers with an ETag, or to a GET that nothing changed.
func tagged(w http.ResponseWriter, r *http.Request, v any) error {
	t, err := tag(v)
	if err != nil {
		return err
	}
	w.Header().Set("ETag", t)
	if r.Method == get && r.Header.Get("If-None-Match") == t {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	return answer(w, http.StatusOK, v)
}

// changed changes the consultation of the path and shows it.
func (a *API) changed(w http.ResponseWriter, r *http.Request, change func(context.Context, gateway.ID) (gateway.Consultation, error)) error {
	id, err := pathID(r, "consultation")
	if err != nil {
		return err
	}
	c, err := change(r.Context(), id)
	if err != nil {
		return err
	}
	return tagged(w, r, view.OfConsultation(c))
}
