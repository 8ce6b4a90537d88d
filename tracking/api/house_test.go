package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"vaguemestre/configs"
	"vaguemestre/gateway"
	"vaguemestre/gateway/intake"
	"vaguemestre/gateway/intake/kinds"
	"vaguemestre/gateway/store"
	"vaguemestre/gateway/token"
	"vaguemestre/tracking/ledger"
	"vaguemestre/tracking/proof"
)

type composer struct{}

func (composer) Version() int { return 1 }
func (composer) Letter(w io.Writer, c gateway.Courier, _ gateway.Recipient, _ io.ReaderAt) error {
	_, err := fmt.Fprint(w, c.Subject)
	return err
}

func (x composer) Try(c gateway.Courier, r gateway.Recipient, content io.ReaderAt) error {
	return x.Letter(io.Discard, c, r, content)
}

// house is the API on the rules, the ledger and the issuer as they are. Alice may write about AAA1, not about BBB2.
type house struct {
	*API
	t      testing.TB
	site   site
	store  *store.Store
	ledger *ledger.Ledger
	key    string
	log    *bytes.Buffer
}

func newHouse(t testing.TB, o Options) *house {
	t.Helper()
	h := node(t, newSite(t), o)
	h.furnish()
	return h
}

// node is one more node of an installation.
func node(t testing.TB, p site, o Options) *house {
	t.Helper()
	h := &house{t: t, site: p, store: p.open(t), log: &bytes.Buffer{}}
	ring, err := token.NewRing(token.Key{ID: 3})
	must(t, err)
	set, err := kinds.Load(configs.Courriers(), "")
	must(t, err)
	in, err := intake.New(intake.Options{Domain: "passerelle.example", BaseURL: "https://courrier.example", Postmaster: "admin@ville.example"},
		intake.Deps{Store: h.store, Kinds: set, Tokens: ring, Composer: composer{}})
	must(t, err)
	signing, _, err := ledger.NewKey("passerelle.example")
	must(t, err)
	h.ledger, err = ledger.New(ledger.Options{Key: signing, Owner: "test", Interval: 10 * time.Millisecond}, h.store)
	must(t, err)
	seal, err := proof.OwnSeal(t.TempDir(), "passerelle.example", time.Now)
	must(t, err)
	o.Domain, o.Logger = "passerelle.example", slog.New(slog.NewTextHandler(h.log, nil))
	h.API, err = New(o, h.store, in, proof.New(proof.Options{Seal: seal}, h.store, h.ledger))
	must(t, err)
	h.key = allKey(t, h.store)
	return h
}

func (h *house) furnish() {
	h.t.Helper()
	if w := h.ask(put, "/v1/consultations", `[{"reference":"AAA1","public_body":"Ville","companies":[{"name":"Acme","addresses":["c@acme.example"],"registers":["retraits"]}]},{"reference":"BBB2","public_body":"Ville"}]`); w.Code != 200 {
		h.t.Fatal(w.Code, w.Body)
	}
	if w := h.ask(put, "/v1/agents", `{"agents":[{"login":"alice","name":"Alice","addresses":["alice@ville.example"],"consultations":["AAA1"]}]}`); w.Code != 204 {
		h.t.Fatal(w.Code, w.Body)
	}
}

func allKey(t testing.TB, s *store.Store) string { k, _ := key(t, s, Scopes()...); return k }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (h *house) ask(method, path, body string) *httptest.ResponseRecorder {
	return h.with(nil, method, path, body)
}

// with is ask with more fields in the header.
func (h *house) with(fields http.Header, method, path, body string) *httptest.ResponseRecorder {
	h.t.Helper()
	return ask(h.t, h.API, asking{method, path, h.key, "alice", body, fields})
}

func (h *house) send(once, options, text string, files ...string) *httptest.ResponseRecorder {
	h.t.Helper()
	var b bytes.Buffer
	m := multipart.NewWriter(&b)
	_ = m.WriteField("options", options) // a buffer takes everything
	_ = m.WriteField("text", text)
	for _, f := range files {
		w, _ := m.CreateFormFile("files", f)
		_, _ = io.WriteString(w, "content of "+f)
	}
	_ = m.Close()
	w := h.with(http.Header{"Content-Type": {m.FormDataContentType()}, fieldOnce: {once}}, post, "/v1/couriers", b.String())
	if w.Code == 200 {
		if err := theContract().holds([]byte(options), "components", "schemas", "Options"); err != nil {
			h.t.Errorf("options that the document does not know: %v", err)
		}
	}
	return w
}

func (h *house) couriers(t testing.TB) int {
	t.Helper()
	all, err := h.store.Couriers(t.Context(), store.CourierFilter{})
	must(t, err)
	return len(all)
}

func problemIn(t testing.TB, w *httptest.ResponseRecorder) (p problem) {
	t.Helper()
	if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("%s: %s", got, w.Body)
	}
	must(t, json.Unmarshal(w.Body.Bytes(), &p))
	if p.Status != w.Code {
		t.Errorf("status %d says %d", w.Code, p.Status)
	}
	return p
}
