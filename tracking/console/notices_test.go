package console

import (
	"net/http"
	"testing"

	"vaguemestre/gateway"
)

func TestAnAgentChoosesWhatTheyAreToldByMail(t *testing.T) {
	h := newHouse(t)
	p := h.signedIn(h.victoria)
	chosen := func() gateway.Notices { return must(h.d.Store.Agent(t.Context(), h.victoria.ID))(t).Notices }
	p.get("/compte").says(t, http.StatusOK, `value="unread" checked`, `value="failed" checked`, `name="jours" type="number" min="0" max="365" value="0"`)
	p.send("/compte", "/compte/avis", "avis", "failed", "digest", "1", "jours", "10").leads(t, "/compte?fait=notices")
	if n := chosen(); !n.Digest || n.UnreadDays != 10 || !n.Wants(gateway.NoticeFailed) || n.Wants(gateway.NoticeUnread) || n.Wants(gateway.NoticeRead) {
		t.Errorf("%+v", n)
	}
	p.get("/compte").says(t, http.StatusOK, `value="unread">`, `value="failed" checked`, `value="10"`)
	for typed, want := range map[string]int{"-1": 0, "366": 0, "x": 0, "365": 365} {
		p.send("/compte", "/compte/avis", "jours", typed).leads(t, "/compte")
		if n := chosen(); n.UnreadDays != want || len(n.Muted) != len(gateway.MutableNotices()) {
			t.Errorf("%q: %+v", typed, n)
		}
	}
	if n := must(h.d.Store.Agent(t.Context(), h.bruno.ID))(t).Notices; len(n.Muted) > 0 {
		t.Errorf("another's: %+v", n)
	}
}
