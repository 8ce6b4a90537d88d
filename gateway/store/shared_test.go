package store

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"vaguemestre/gateway"
)

// Statements are prepared once, up to a bound: lists of every length would take all its room.
func TestListsOfEveryLengthShareFewStatements(t *testing.T) {
	var ids []gateway.ID
	texts := map[string]bool{}
	for n := range 513 {
		q := newFilter("SELECT 1 FROM recipient WHERE true")
		q.among("courier", ids)
		texts[q.text.String()] = true
		for i, arg := range q.args {
			if want := ids[min(i, len(ids)-1)].String(); arg != want {
				t.Fatalf("place %d of %d: %v, want %s", i, n, arg, want)
			}
		}
		if len(q.args) < len(ids) {
			t.Fatalf("%d of %d are asked", len(q.args), n)
		}
		ids = append(ids, gateway.NewID(time.Unix(int64(n), 0)))
	}
	if len(texts) > 12 {
		t.Errorf("%d texts", len(texts))
	}
	if long := shared(5000); long != 5000 {
		t.Errorf("a long list is %d", long)
	}
	all := slices.Sorted(func(yield func(string) bool) {
		for n := range 5 {
			if !yield(fmt.Sprint(n, shared(n))) {
				return
			}
		}
	})
	if !slices.Equal(all, []string{"0 0", "1 1", "2 2", "3 4", "4 4"}) {
		t.Error(all)
	}
}
