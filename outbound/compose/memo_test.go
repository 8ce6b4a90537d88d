package compose

import (
	"fmt"
	"testing"

	"vaguemestre/gateway"
)

// TestTheKeptBlockIsTheOneThatWouldBeMade: whatever was composed before, and for whomever.
func TestTheKeptBlockIsTheOneThatWouldBeMade(t *testing.T) {
	for _, e := range shipped() {
		checkKept(t, e)
	}
}

func checkKept(t *testing.T, e edition) {
	t.Helper()
	for i := range 2*memoWords + 1 { // some are kept, some made again
		c := plainSample()
		c.Context.Language = []string{"fr", "en"}[i%2]
		c.Context.Object = fmt.Sprint("lot ", i/4)
		c.Options.Reply = gateway.ReplyPolicy{Allowed: i%4 > 1, By: morning}
		r := company()
		r.CompanyName = fmt.Sprint("Entreprise ", i)
		v := e.view(c, r, addresses(), c.Context.Location())
		v.Code, v.Sent = "123456", "hier"
		want, err := v.both("plain")
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if got, err := v.block(); err != nil || got != want {
				t.Fatalf("letter %d: %v\n%+v\ninstead of\n%+v", i, err, got, want)
			}
		}
	}
	for lang, l := range e {
		if n := len(l.blocks.made); n > memoWords {
			t.Errorf("%s keeps %d blocks", lang, n)
		}
	}
}
