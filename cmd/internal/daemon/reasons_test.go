package daemon

import (
	"testing"

	"vaguemestre/gateway/catalog"
	"vaguemestre/inbound/classify"
	"vaguemestre/inbound/correlate"
	"vaguemestre/outbound/notice"
	"vaguemestre/tracking/console"
)

func TestTheConsoleSaysWhyMailIsInQuarantine(t *testing.T) {
	for _, why := range []string{correlate.WhyUnmatched, correlate.WhyOtherPerson, correlate.WhyNoReply, correlate.WhyOwnMail, correlate.WhyThread, correlate.WhyMachine, correlate.WhyAdministrator} {
		if key := console.WhyKey(why); !catalog.Has("console." + key) {
			t.Errorf("the catalogue has no words for %q (console.%s)", why, key)
		}
	}
}

// What a report is understood to say reaches the agent in the notice, and is not read again from its status.
func TestNoticesExplainEveryReasonOfReports(t *testing.T) {
	for _, reason := range classify.Reasons() {
		switch reason {
		case classify.Arrived, classify.Away, classify.Complained, classify.Undefined: // no failure, or nothing understood
		default:
			if !notice.Explains(string(reason)) {
				t.Errorf("the notices have no sentence for %q", reason)
			}
		}
	}
}
