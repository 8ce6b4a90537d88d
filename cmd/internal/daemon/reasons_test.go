package daemon

import (
	"testing"

	"vaguemestre/gateway/catalog"
	"vaguemestre/inbound/correlate"
	"vaguemestre/tracking/console"
)

func TestTheConsoleSaysWhyMailIsInQuarantine(t *testing.T) {
	for _, why := range []string{correlate.WhyUnmatched, correlate.WhyOtherPerson, correlate.WhyNoReply, correlate.WhyOwnMail, correlate.WhyThread, correlate.WhyMachine, correlate.WhyAdministrator} {
		if key := console.WhyKey(why); !catalog.Has("console." + key) {
			t.Errorf("the catalogue has no words for %q (console.%s)", why, key)
		}
	}
}
