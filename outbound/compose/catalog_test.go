package compose

import (
	"testing"

	"vaguemestre/gateway/catalog"
)

// TestPromiseRefusedIsClear: every refusal of reading and composing has its sentence.
func TestPromiseRefusedIsClear(t *testing.T) {
	for _, key := range []string{
		"refuse.compose.recipient", "refuse.compose.signed-field", "refuse.compose.partial", "refuse.compose.invitation",
		"refuse.message.parts", "refuse.message.header", "refuse.message.long-text", "refuse.message.signed-lines",
	} {
		if !catalog.Has(key) {
			t.Errorf("no sentence for %s", key)
		}
	}
}
