package console

import (
	"net/http"
	"testing"
	"time"

	"vaguemestre/deploy/sandbox/browser"
	"vaguemestre/gateway"
)

func TestLivePagesAreBoundedOfOneAgentAndInAll(t *testing.T) {
	h := newHouse(t, func(o *Options) { o.Live, o.LivePerAgent = 2, 1 })
	for _, agent := range []gateway.Agent{h.bruno, h.admin} {
		check(t, h.d.Store.Entitle(t.Context(), agent.ID, h.about.ID))
	}
	path := "/consultations/" + h.about.ID.String() + "/direct"
	victoria := h.signedIn(h.victoria)
	first := victoria.follow(path)
	if a := victoria.get(path); a.Status != http.StatusTooManyRequests || a.Header.Get("Retry-After") == "" {
		t.Errorf("one more of one agent: %d", a.Status)
	}
	h.signedIn(h.bruno).follow(path)
	admin := h.signedIn(h.admin)
	if a := admin.get(path); a.Status != http.StatusTooManyRequests {
		t.Errorf("one more in all: %d", a.Status)
	}
	first.close()
	h.until("the room of who left", func() bool { return h.liveCount() == 1 })
	admin.follow(path)
}

func TestWhatAPageAsksByItselfKeepsNoSessionFromIdling(t *testing.T) {
	h := newHouse(t)
	p, path := h.signedIn(h.victoria), "/consultations/"+h.about.ID.String()
	live := func(r *http.Request) { r.Header.Set(liveField, "1") }
	for range 3 {
		h.clock.add(25 * time.Minute)
		a := p.ask(http.MethodGet, path, nil, live)
		if a.Status == http.StatusSeeOther {
			return
		}
	}
	t.Error("a page that nobody looks at is signed in after its session should have idled")
}

func TestAPageForWhichThereIsNoRoomAsksByItself(t *testing.T) {
	h := newHouse(t, func(o *Options) { o.LivePerAgent = 1 })
	h.liveAsk = time.Second
	path := "/consultations/" + h.about.ID.String()
	h.signedIn(h.victoria).follow(path + "/direct")
	p := chromium.Open(t, browser.Desktop())
	h.signIn(p)
	p.Go(h.site.URL + path)
	h.send(h.victoria, "Arrivé entre-temps", "Bonjour.", "testesr2020+libre@courrier.example", "contact@entreprise-x.example")
	must(p.ElementR(".follow .subject", "Arrivé entre-temps"))(t)
}
