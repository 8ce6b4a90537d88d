package gateway

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestEnvelopeIDComesBackAsItWent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := NewID(time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "time"), 0))
		generation := rapid.IntRange(0, 1<<20).Draw(t, "generation")
		purpose := rapid.SampledFrom([]Purpose{ForLetter, ForReminder}).Draw(t, "purpose")
		text := EnvelopeID(id, generation, purpose)
		if len(text) > 100 || strings.ContainsAny(text, "+= \t<>") {
			t.Fatalf("%q is no ENVID that every relay keeps", text)
		}
		for _, form := range []string{text, strings.ToUpper(text)} {
			gotID, gotGeneration, gotPurpose, err := ParseEnvelopeID(form)
			if err != nil || gotID != id || gotGeneration != generation || gotPurpose != purpose {
				t.Fatalf("ParseEnvelopeID(%q) = %v, %d, %q, %v", form, gotID, gotGeneration, gotPurpose, err)
			}
		}
	})
}

func TestForeignEnvelopeIDsAreNotOurs(t *testing.T) {
	id := NewID(time.Unix(1, 0)).String()
	for _, text := range []string{
		"", "QQ314159", id, id + ".0", id + ".0.x", id + ".-1.l", id + ".01.l", id + ".1.l.l", id[1:] + ".0.l",
	} {
		if _, _, _, err := ParseEnvelopeID(text); err == nil {
			t.Errorf("%q is taken for ours", text)
		}
	}
}
