package api

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"vaguemestre/deploy/sandbox"
	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
	"vaguemestre/tracking/api/view"
)

// bothStores runs a test of two nodes on each store.
func bothStores(t *testing.T, test func(t *testing.T, one, other *house)) {
	pair := func(t *testing.T, s site) {
		one := node(t, s, Options{PerMinute: 1 << 20})
		one.furnish()
		test(t, one, node(t, s, Options{PerMinute: 1 << 20}))
	}
	t.Run("sqlite", func(t *testing.T) { pair(t, newSite(t)) })
	t.Run("postgres", func(t *testing.T) {
		server, err := sandbox.StartPostgres(t.Context(), sandbox.PostgresOptions{Settings: map[string]string{"fsync": "off"}})
		must(t, err)
		t.Cleanup(server.Stop)
		dsn, err := server.Database(t.Context())
		must(t, err)
		pair(t, site{store.Options{Driver: store.Postgres, DSN: dsn, ContentDir: t.TempDir()}})
	})
}

func TestPromise3OneKeyIsOneCourierOnTwoNodes(t *testing.T) {
	bothStores(t, func(t *testing.T, one, other *house) {
		nodes := []*house{one, other}
		var all sync.WaitGroup
		same, others := make([]int, 8), make([]int, 8)
		for i := range 8 {
			all.Go(func() { same[i] = nodes[i%2].send("same", plain, "Bonjour").Code })
			all.Go(func() { others[i] = nodes[i%2].send("others", plain, fmt.Sprint("Texte ", i)).Code })
		}
		all.Wait()
		slices.Sort(others)
		if !slices.Equal(same, slices.Repeat([]int{200}, 8)) || others[0] != 200 || others[1] != 422 {
			t.Errorf("the same content: %v; other contents: %v", same, others)
		}
		if n := one.couriers(t); n != 2 {
			t.Errorf("%d couriers of two keys", n)
		}
	})
}

// Who puts a list that was read keeps nobody's change from being seen: one of two wins, the other is told.
func TestAPutUnderIfMatchLosesNoChangeOnTwoNodes(t *testing.T) {
	bothStores(t, func(t *testing.T, one, other *house) {
		nodes := []*house{one, other}
		c, err := one.store.ConsultationByReference(t.Context(), "AAA1")
		must(t, err)
		for _, path := range []string{"/companies", "/agents"} {
			path = "/v1/consultations/" + c.ID.String() + path
			read := one.ask(get, path, "").Header()["Etag"]
			codes := make([]int, 6)
			var all sync.WaitGroup
			for i := range codes {
				body := `{"agents":[]}`
				if strings.HasSuffix(path, "companies") {
					body = fmt.Sprintf(`{"companies":[{"name":"E%d","addresses":["e%d@e.example"]}]}`, i, i)
				}
				all.Go(func() {
					codes[i] = nodes[i%2].with(map[string][]string{"If-Match": read}, put, path, body).Code
				})
			}
			all.Wait()
			slices.Sort(codes)
			if !slices.Equal(codes, []int{200, 412, 412, 412, 412, 412}) {
				t.Errorf("%s: %v", path, codes)
			}
		}
	})
}

// Events come from two nodes, in transactions that end in any order, while a feed on each follows from its cursor: each
// has all of them, once, in one order.
func TestTheFeedNeitherSkipsNorRepeatsOnTwoNodes(t *testing.T) {
	bothStores(t, func(t *testing.T, one, other *house) {
		one.sequenced(t)
		const writers, each = 8, 25
		nodes := []*house{one, other}
		var all sync.WaitGroup
		for i := range writers {
			all.Go(func() {
				for range each {
					e := gateway.NewEvent(gateway.ProofIssued, time.Now(), nil, nil)
					if err := nodes[i%2].store.Apply(context.Background(), gateway.Step{Events: []gateway.Event{e}}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		feeds := make([][]gateway.ID, 2)
		for i, n := range nodes {
			all.Go(func() { feeds[i] = n.follow(writers * each) })
		}
		all.Wait()
		if !slices.Equal(feeds[0], feeds[1]) {
			t.Error("two feeds of one ledger differ")
		}
		slices.SortFunc(feeds[0], func(a, b gateway.ID) int { return strings.Compare(a.String(), b.String()) })
		if n := len(slices.Compact(feeds[0])); n != writers*each {
			t.Errorf("%d events of %d", n, writers*each)
		}
	})
}

// follow asks for the feed until it has n events; it waits no longer than each request does.
func (h *house) follow(n int) (ids []gateway.ID) {
	for next := int64(0); len(ids) < n; {
		var page view.Events
		w := h.ask(get, fmt.Sprintf("/v1/events?wait=60&from=%d", next), "")
		if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil || len(page.Events) == 0 {
			h.t.Errorf("from %d: %d %v %s", next, w.Code, err, w.Body)
			return ids
		}
		for _, e := range page.Events {
			ids = append(ids, e.ID)
		}
		next = page.Next
	}
	return ids
}

// A sealed reply shows in no answer: neither what the store holds of it, nor what its event says, nor who wrote it.
func TestPromise9NoAnswerShowsASealedReply(t *testing.T) {
	h := newHouse(t, Options{})
	h.sequenced(t)
	by := time.Now().AddDate(0, 1, 0).Format("2006-01-02 15:04")
	w := h.send("k", `{"consultation":"AAA1","type":"complement","subject":"Pièces","to":["a@entreprise.example"],"reply_by":"`+by+`","sealed":true}`, "Voici la liste des pièces.")
	var sent view.Sent
	if err := json.Unmarshal(w.Body.Bytes(), &sent); err != nil || w.Code != 200 {
		t.Fatal(w.Code, w.Body)
	}
	recipients, err := h.store.Recipients(t.Context(), sent.Courier)
	must(t, err)
	const secret = "scellé-4711"
	reply := gateway.Reply{ID: gateway.NewID(time.Now()), Courier: sent.Courier, Recipient: recipients[0].ID, From: secret + "@entreprise.example", Sealed: true,
		Opens: time.Now().AddDate(0, 1, 0), Manifest: []byte(secret), MessageID: "<" + secret + "@e>", Received: time.Now()}
	e := gateway.NewEvent(gateway.Replied, time.Now(), map[string]string{"subject": secret, "file": secret}, map[string]string{"address": secret}).
		About(sent.Courier, recipients[0].ID).By("company:"+secret, gateway.ByMail)
	must(t, h.store.Apply(t.Context(), gateway.Step{Events: []gateway.Event{e}, Replies: []gateway.Reply{reply}}))
	if got := h.follow(3); got[2] != e.ID { // after the submission, of the courier and of its recipient
		t.Errorf("%v", got)
	}
	c, err := h.store.ConsultationByReference(t.Context(), "AAA1")
	must(t, err)
	shown := 0
	for _, rt := range h.routes() {
		if rt.method != get || rt.media != "" { // the proof has a promise and tests of its own
			continue
		}
		path := strings.NewReplacer("{consultation}", c.ID.String(), "{courier}", sent.Courier.String()).Replace(rt.path)
		w := h.ask(get, path, "")
		if w.Code != 200 || strings.Contains(w.Body.String(), secret) {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
		if strings.Contains(w.Body.String(), e.ID.String()) {
			shown++
		}
	}
	if shown != 2 {
		t.Errorf("that there is a reply shows in %d answers, want the courier and the feed", shown)
	}
}
