package store_test

import (
	"testing"

	"vaguemestre/gateway/store"
)

func TestRecipientsAreFoundByWhatIsTyped(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s, ctx := p.open(t), t.Context()
		one, first := accept(t, s, letterTo(t, s, "un", "1", "contact@alpha.example", "marches@beta_sa.example"))
		two, second := accept(t, s, letterTo(t, s, "deux", "2", "Contact@Alpha.example"))
		check(t, s.WriteWords(ctx, "test", []store.CourierWords{{Courier: one, Recipients: first}, {Courier: two, Recipients: second}}, store.Unfound{To: 1}))
		for text, want := range map[string]int{"CONTACT@alpha.example": 2, "@alpha.example": 2, "beta_sa marches": 1, "beta%sa": 0, "betaxsa": 0, "gamma": 0,
			"contact beta_sa": 0, "societe CONT": 2, "eta_sa": 0, "": 0, "@": 0, "alpha.ex": 2, "alpha-ex": 0} {
			if found := must(s.RecipientsLike(ctx, text, 10))(t); len(found) != want {
				t.Errorf("%q: %d", text, len(found))
			}
		}
		found := must(s.RecipientsLike(ctx, "contact", 1))(t)
		if len(found) != 1 || found[0].ID != second[0].ID && found[0].ID != first[0].ID {
			t.Errorf("%+v", found)
		}
	})
}
