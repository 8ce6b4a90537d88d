package api

import (
	"bytes"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"vaguemestre/gateway/message"
	"vaguemestre/tracking/api/view"
)

const rich = `<p>Bonjour,</p><script>alert(1)</script><p onclick="x()">la visite est <b>lundi</b>.<img src="https://pisteur.example/x.gif"></p>`

// sendHTML sends a form whose letter is HTML.
func (h *house) sendHTML(once, html string) *httptest.ResponseRecorder {
	h.t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	_ = m.WriteField("options", plain) // a buffer takes everything
	_ = m.WriteField("html", html)
	_ = m.Close()
	return h.with(http.Header{"Content-Type": {m.FormDataContentType()}, fieldOnce: {once}}, post, "/v1/couriers", b.String())
}

func (h *house) sendJSON(once, more string) *httptest.ResponseRecorder {
	h.t.Helper()
	return h.with(http.Header{"Content-Type": {"application/json"}, fieldOnce: {once}}, post, "/v1/couriers", `{"options":`+plain+`,`+more+`}`)
}

// words are what the courier that an answer tells of says, as text and as HTML.
func (h *house) words(w *httptest.ResponseRecorder) (text, html string) {
	h.t.Helper()
	if w.Code != 200 {
		h.t.Fatal(w.Code, w.Body)
	}
	var sent view.Sent
	must(h.t, json.Unmarshal(w.Body.Bytes(), &sent))
	c, err := h.store.Courier(h.t.Context(), sent.Courier)
	must(h.t, err)
	content, err := h.store.OpenContent(h.t.Context(), c.Content)
	must(h.t, err)
	defer content.Close()
	m, err := message.Read(content, content.Size(), message.Limits{})
	must(h.t, err)
	for part, into := range map[*message.Part]*string{m.Text(): &text, m.HTML(): &html} {
		if part != nil {
			*into, err = part.Text(maxText)
			must(h.t, err)
		}
	}
	return text, html
}

func TestALetterInHTMLIsMadeSafeAndItsTextSaysTheSame(t *testing.T) {
	h := newHouse(t, Options{})
	quoted, err := json.Marshal(rich)
	must(t, err)
	for name, w := range map[string]*httptest.ResponseRecorder{"form": h.sendHTML("h1", rich), "JSON": h.sendJSON("h2", `"html":`+string(quoted))} {
		text, html := h.words(w)
		if !strings.Contains(html, "<b>lundi</b>") || strings.Contains(html, "script") || strings.Contains(html, "onclick") || strings.Contains(html, "pisteur") {
			t.Errorf("%s: %q", name, html)
		}
		if !strings.Contains(text, "la visite est lundi.") || strings.Contains(text, "alert") {
			t.Errorf("%s: %q", name, text)
		}
	}
	if p := problemIn(t, h.sendHTML("h3", " \n")); p.Key != "refuse.placeholder-model" { // as no text is: the model's is taken, and has to be filled in
		t.Errorf("no words: %+v", p)
	}
	if p := problemIn(t, h.sendJSON("h4", `"text":"Bonjour","html":"<p>Bonsoir</p>"`)); p.Status != 400 {
		t.Errorf("both: %+v", p)
	}
	if p := problemIn(t, h.sendJSON("h5", `"html":"`+strings.Repeat("x", maxText+1)+`"`)); p.Status != 413 {
		t.Errorf("%+v", p)
	}
	if p := problemIn(t, h.sendHTML("h1", "<p>Autre chose</p>")); p.Type != "/v1/problems#key-used" {
		t.Errorf("another letter under the key: %+v", p)
	}
}
