package address

import (
	"slices"
	"testing"

	"pgregory.net/rapid"

	"vaguemestre/gateway"
)

func TestWhatWasMeantIsSaidRightly(t *testing.T) {
	g := grammar(t)
	rapid.Check(t, func(t *rapid.T) {
		name, joint := anyName.Draw(t, "name"), rapid.SampledFrom([]string{"-", ".", "_"}).Draw(t, "joint")
		word := rapid.SampledFrom(append(registerWords(), "rejet", "ar", "limite-20210320-1200", "rejet-simple", "e-acme")).Draw(t, "word")
		written := name + joint + word
		if rapid.Bool().Draw(t, "before") {
			written = word + joint + name
		}
		meant := g.Meant(written, []string{name})
		if meant == "" {
			t.Fatalf("%q is not explained", written)
		}
		r, fault := g.Recipient(meant)
		if fault != nil || r.Kind != Control {
			t.Fatalf("%q is explained by %q: %v", written, meant, fault)
		}
		if register := slices.Contains(registerWords(), word); r.Wish.Name == name && register != slices.Equal(r.Wish.Registers, []gateway.Register{gateway.Register(word)}) {
			t.Fatalf("%q is explained by %q", written, meant)
		}
	})
	for _, nothing := range []string{"testesr2020", "testesr2021-rejet", "testesr2020rejet", "testesr2020-bonjour", "", "-", "rejet"} {
		if meant := g.Meant(nothing, []string{"testesr2020"}); meant != "" {
			t.Errorf("%q is taken for %q", nothing, meant)
		}
	}
}
