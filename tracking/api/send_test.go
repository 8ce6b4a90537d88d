package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"vaguemestre/gateway"
	"vaguemestre/gateway/intake"
	"vaguemestre/gateway/store"
	"vaguemestre/tracking/api/view"
)

const plain = `{"consultation":"AAA1","type":"libre","subject":"Votre offre","to":["a@entreprise.example"],"registers":["retraits"]}`

func TestPromise3OneKeyIsOneCourier(t *testing.T) {
	h := newHouse(t, Options{})
	var first, again view.Sent
	for i, into := range []*view.Sent{&first, &again} {
		w := h.send("k1", plain, "Bonjour, voici.", "plan.pdf")
		if w.Code != 200 {
			t.Fatal(i, w.Code, w.Body)
		}
		must(t, json.Unmarshal(w.Body.Bytes(), into))
	}
	if first.Outcome != intake.Accepted || first.Added != 2 || again.Outcome != intake.Joined || again.Added != 0 || again.Courier != first.Courier {
		t.Errorf("%+v, then %+v", first, again)
	}
	c, err := h.store.Courier(t.Context(), first.Courier)
	must(t, err)
	if c.Door != gateway.DoorAPI || c.Subject != "Votre offre" || len(c.Files) != 1 || c.Files[0].Name != "plan.pdf" || c.Excerpt != "Bonjour, voici." {
		t.Errorf("%+v", c)
	}
	for name, w := range map[string]*httptest.ResponseRecorder{
		"text":       h.send("k1", plain, "Bonsoir.", "plan.pdf"),
		"files":      h.send("k1", plain, "Bonjour, voici."),
		"recipients": h.send("k1", strings.Replace(plain, "a@", "b@", 1), "Bonjour, voici.", "plan.pdf"),
		"type":       h.send("k1", strings.Replace(plain, "libre", "rejet", 1), "Bonjour, voici.", "plan.pdf"),
	} {
		if p := problemIn(t, w); p.Status != 422 || p.Type != "/v1/problems#key-used" {
			t.Errorf("other %s: %+v", name, p)
		}
	}
	if n := h.couriers(t); n != 1 {
		t.Errorf("%d couriers", n)
	}
	if w := h.send("k2", plain, "Bonjour, voici.", "plan.pdf"); w.Code != 200 || h.couriers(t) != 2 {
		t.Error(w.Code, w.Body)
	}
}

func TestPromise3OneKeyIsOneCourierAtTheSameInstant(t *testing.T) {
	h := newHouse(t, Options{})
	var all sync.WaitGroup
	codes := make([]int, 8)
	for i := range codes {
		all.Go(func() { codes[i] = h.send("k1", plain, fmt.Sprint("Texte ", i)).Code })
	}
	all.Wait()
	slices.Sort(codes)
	if n := h.couriers(t); n != 1 || codes[0] != 200 || codes[1] != 422 {
		t.Errorf("%d couriers, %v", n, codes)
	}
}

func TestTheFeedComesInPages(t *testing.T) {
	h := newHouse(t, Options{})
	events := make([]gateway.Event, feedPage+1)
	for i := range events {
		events[i] = gateway.NewEvent(gateway.ProofIssued, time.Now(), nil, nil)
	}
	must(t, h.store.Apply(t.Context(), gateway.Step{Events: events}))
	h.sequenced(t)
	seen := map[gateway.ID]bool{}
	for next := int64(0); len(seen) < len(events); {
		var page struct {
			Events []view.Event
			Next   int64
		}
		w := h.ask(get, fmt.Sprintf("/v1/events?wait=60&from=%d", next), "")
		must(t, json.Unmarshal(w.Body.Bytes(), &page))
		if len(page.Events) == 0 || len(page.Events) > feedPage || page.Next != next+int64(len(page.Events)) {
			t.Fatalf("from %d: %d events, next %d", next, len(page.Events), page.Next)
		}
		for i, e := range page.Events {
			if e.Position != next+int64(i) || seen[e.ID] {
				t.Fatalf("%+v", e)
			}
			seen[e.ID] = true
		}
		next = page.Next
	}
}

func TestPromise11AForeignConsultationIsRefusedAsAnUnknownOne(t *testing.T) {
	h := newHouse(t, Options{})
	foreign := h.send("k1", strings.Replace(plain, "AAA1", "BBB2", 1), "Bonjour").Body.String()
	unknown := h.send("k1", strings.Replace(plain, "AAA1", "CCC3", 1), "Bonjour").Body.String()
	if strings.ReplaceAll(foreign, "BBB2", "CCC3") != unknown {
		t.Errorf("%s\n%s", foreign, unknown)
	}
	p := problemIn(t, h.send("k1", strings.Replace(plain, "AAA1", "BBB2", 1), "Bonjour"))
	if p.Status != 422 || p.Key != "refuse.unknown-consultation" || !strings.Contains(p.Detail, "n'est pas une consultation à laquelle vous avez accès") {
		t.Errorf("%+v", p)
	}
	if n := h.couriers(t); n != 0 {
		t.Errorf("%d couriers", n)
	}
}

func TestOnlySendingIsDone(t *testing.T) {
	h := newHouse(t, Options{})
	for _, to := range []string{
		"aaa1+brouillon@passerelle.example", "aaa1+essai@passerelle.example", "aaa1+modele@PASSERELLE.example.",
		"preuve+x@passerelle.example", "postmaster@passerelle.example", "retraits.aaa1@passerelle.example", "postmaster",
	} {
		p := problemIn(t, h.send("k", fmt.Sprintf(`{"consultation":"AAA1","type":"libre","subject":"x","to":[%q]}`, to), "Bonjour"))
		if p.Status != 422 || p.Key != "refuse.own-address" && to != "postmaster" || p.Detail == "" {
			t.Errorf("%s: %+v", to, p)
		}
	}
	for _, word := range []string{"brouillon", "essai", "modele"} {
		p := problemIn(t, h.send("k", strings.Replace(plain, "Votre offre", "Re: [AAA1 "+word+"] x", 1), "Bonjour"))
		if p.Status != 422 || !strings.Contains(p.Detail, word) {
			t.Errorf("%s: %+v", word, p)
		}
	}
	drafts, err := h.store.Jobs(t.Context(), store.JobFilter{Limit: 10})
	must(t, err)
	if n := h.couriers(t); n+len(drafts) != 0 {
		t.Errorf("%d couriers, %d jobs", n, len(drafts))
	}
	if w := h.send("k", strings.Replace(plain, "Votre offre", "[Lot 2] x", 1), "Bonjour"); w.Code != 200 {
		t.Error("an ordinary bracket:", w.Code, w.Body)
	}
}

func TestLimitsAreProblems(t *testing.T) {
	h := newHouse(t, Options{MaxBytes: 3 << 20})
	for name, c := range map[string]struct {
		w      *httptest.ResponseRecorder
		status int
	}{
		"options":   {h.send("k", `{"subject":"`+strings.Repeat("x", maxOptions)+`"}`, "x"), 413},
		"text":      {h.send("k", plain, strings.Repeat("x", maxText+1)), 413},
		"whole":     {h.send("k", plain, "x", strings.Repeat("n", 3<<20)), 413},
		"agents":    {h.ask(put, "/v1/agents", `{"agents":[`+strings.Repeat(" ", maxAgents)+`]}`), 413},
		"no key":    {h.send("", plain, "x"), 400},
		"no form":   {h.ask(post, "/v1/couriers", "x"), 400},
		"method":    {h.ask("DELETE", "/v1/agents", ""), 405},
		"path":      {h.ask(get, "/v1/none", ""), 404},
		"trailing":  {h.ask(put, "/v1/agents", `{"agents":[]} x`), 400},
		"wait":      {h.ask(get, "/v1/events?wait=61", ""), 400},
		"archive":   {h.ask(post, "/v1/consultations/x/archive", ""), 404},
		"subject":   {h.send("k", `{"subject":"`+strings.Repeat("x", maxSubject+1)+`"}`, "x"), 400},
		"companies": {h.ask(put, "/v1/consultations?companies=all", "[]"), 400},
	} {
		if p := problemIn(t, c.w); p.Status != c.status {
			t.Errorf("%s: %+v", name, p)
		}
	}
	if w := h.ask("DELETE", "/v1/agents", ""); w.Header().Get("Allow") != "GET, PUT" {
		t.Error(w.Header())
	}
}

func TestRate(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 30, 0, time.UTC)
	h := newHouse(t, Options{PerMinute: 4, Now: func() time.Time { return now }}) // two went before
	for _, want := range []int{200, 200, 429} {
		if w := h.ask(get, "/v1/agents", ""); w.Code != want {
			t.Error(w.Code, w.Body)
		}
	}
	now = now.Add(time.Minute)
	if w := h.ask(get, "/v1/agents", ""); w.Code != 200 {
		t.Error(w.Code, w.Body)
	}
}

func TestPutsChangeOnlyWhatTheySay(t *testing.T) {
	h := newHouse(t, Options{})
	c, err := h.store.ConsultationByReference(t.Context(), "AAA1")
	must(t, err)
	archived := func() bool {
		c, err := h.store.Consultation(t.Context(), c.ID)
		must(t, err)
		return !c.Archived.IsZero()
	}
	h.ask(post, "/v1/consultations/"+c.ID.String()+"/archive", "")
	if h.ask(put, "/v1/consultations", `{"reference":"AAA1","public_body":"Ville"}`); !archived() {
		t.Error("a put that says nothing of it reopened a consultation")
	}
	if h.ask(put, "/v1/consultations?reopen=true", `{"reference":"AAA1","public_body":"Ville"}`); archived() {
		t.Error("not reopened")
	}
	alice := func() gateway.Agent { a, err := h.store.AgentByLogin(t.Context(), "alice"); must(t, err); return a }
	before := alice()
	h.ask(put, "/v1/agents", `{"agents":[{"login":"alice","name":"Alice","addresses":["Alice@ville.example"]}]}`)
	if a := alice(); a.Version != before.Version {
		t.Error("an unchanged agent was written again")
	}
	h.ask(put, "/v1/agents", `{"agents":[{"login":"alice","name":"Alice","addresses":["alice@ville.example"],"disabled":true}]}`)
	h.ask(put, "/v1/agents", `{"agents":[{"login":"alice","name":"Alice M","addresses":["alice@ville.example"]}]}`)
	if a := alice(); !a.Disabled || a.Name != "Alice M" {
		t.Errorf("%+v", a)
	}
}

// sequenced runs the ledger while the test lasts.
func (h *house) sequenced(t *testing.T) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error, 1)
	go func() { done <- h.ledger.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
}

func TestFeedAndProof(t *testing.T) {
	h := newHouse(t, Options{})
	h.sequenced(t)
	type page struct {
		Events []view.Event
		Next   int64
	}
	feed := func(query string) (p page) {
		w := h.ask(get, "/v1/events?"+query, "")
		if w.Code != 200 {
			t.Fatal(w.Code, w.Body)
		}
		must(t, json.Unmarshal(w.Body.Bytes(), &p))
		return p
	}
	waited := make(chan page, 1)
	go func() { waited <- feed("from=0&wait=60") }()
	for testutil.ToFloat64(h.metrics.polls) == 0 { // until the poll is under way
		runtime.Gosched()
	}
	var sent view.Sent
	must(t, json.Unmarshal(h.send("k", plain, "Bonjour").Body.Bytes(), &sent))
	p := <-waited
	if len(p.Events) == 0 || p.Next != int64(len(p.Events)) || p.Events[0].Position != 0 || p.Events[0].Courier != sent.Courier {
		t.Errorf("%+v", p)
	}
	if rest := feed(fmt.Sprintf("from=%d", p.Next-1)); rest.Events[0].ID != p.Events[p.Next-1].ID {
		t.Errorf("%+v", rest)
	}
	if none := feed("from=1000"); len(none.Events) != 0 || none.Next != 1000 {
		t.Errorf("%+v", none)
	}
	w := h.ask(get, "/v1/couriers/"+sent.Courier.String()+"/proof", "")
	if w.Code != 200 || w.Header().Get("Content-Type") != "application/pdf" || !strings.HasPrefix(w.Body.String(), "%PDF-") {
		t.Errorf("%d %s %.200s", w.Code, w.Header(), w.Body)
	}
}

func TestAPollEndsWhenDrainedOrLeft(t *testing.T) {
	h := newHouse(t, Options{})
	for _, left := range []bool{true, false} {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		done := make(chan *httptest.ResponseRecorder, 1)
		go func() {
			r := httptest.NewRequestWithContext(ctx, get, "/v1/events?wait=60", nil)
			r.Header.Set("Authorization", "Bearer "+h.key)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			done <- w
		}()
		for testutil.ToFloat64(h.metrics.polls) == 0 {
			runtime.Gosched()
		}
		if left {
			cancel()
			<-done
		} else {
			h.Drain()
			if w := <-done; w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `"events":[]`) {
				t.Error(w.Code, w.Body)
			}
		}
		if testutil.ToFloat64(h.metrics.polls) != 0 {
			t.Error("a poll goes on")
		}
	}
	if h.log.Len() > 0 {
		t.Error(h.log)
	}
}
