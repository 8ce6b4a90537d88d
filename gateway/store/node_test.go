package store_test

import (
	"testing"
	"time"

	"vaguemestre/gateway/store"
)

func TestNodesSeeOneAnotherUntilTheyStopOrAreSilentForADay(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		ctx, clock := t.Context(), &hands{now: noon}
		s, other := p.open(t, clock.use), p.open(t, clock.use)
		check(t, s.SeeNode(ctx, "b", `{"n":1}`))
		check(t, other.SeeNode(ctx, "a", `{}`))
		clock.now = noon.Add(time.Hour)
		check(t, s.SeeNode(ctx, "b", `{"n":2}`))
		same(t, "both", must(other.Nodes(ctx))(t), []store.Node{{Name: "a", Seen: noon, State: `{}`}, {Name: "b", Seen: clock.now, State: `{"n":2}`}})
		clock.now = noon.Add(24*time.Hour + time.Second)
		check(t, s.SeeNode(ctx, "b", `{"n":3}`))
		same(t, "one is silent", len(must(s.Nodes(ctx))(t)), 1)
		check(t, s.DropNode(ctx, "b"))
		check(t, s.DropNode(ctx, "b"))
		same(t, "none is left", len(must(s.Nodes(ctx))(t)), 0)
	})
}
