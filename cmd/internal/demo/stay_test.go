package demo

import (
	"testing"

	"vaguemestre/gateway"
)

// TestTheProofIsWrittenAgainForWhatHappenedMeanwhile: the delivery report that comes while the proof is written is in the next one; the
// issuing itself calls for no other.
func TestTheProofIsWrittenAgainForWhatHappenedMeanwhile(t *testing.T) {
	sent := []gateway.Event{{Kind: gateway.Submitted}, {Kind: gateway.Sent}}
	issued := append(sent, gateway.Event{Kind: gateway.ProofIssued})
	if told(issued) != told(sent) {
		t.Error("a proof calls for another proof")
	}
	if meanwhile := append(sent, gateway.Event{Kind: gateway.Delivered}, gateway.Event{Kind: gateway.ProofIssued}); told(meanwhile) == told(sent) {
		t.Error("what happened while the proof was written is in none")
	}
}
