package proof

import (
	"encoding/json"
	"strings"
	"testing"

	"vaguemestre/gateway"
)

// TestPromiseGradedWithoutReportsDeliveryIsUnconfirmable: a relay without delivery reports is said to be one where the sending is proved.
func TestPromiseGradedWithoutReportsDeliveryIsUnconfirmable(t *testing.T) {
	for language, want := range map[string]string{"fr": "Remise non confirmable", "en": "Delivery cannot be confirmed"} {
		w, err := wordsOf(language)
		if err != nil {
			t.Fatal(err)
		}
		d := &drawer{w: w}
		for _, reports := range []bool{true, false} {
			raw, err := json.Marshal(gateway.RelayDetails{Host: "relais.example", Code: 250, Reply: "Ok", DSN: reports})
			if err != nil {
				t.Fatal(err)
			}
			said := d.why(EventFacts{Kind: gateway.Sent, Details: string(raw)})
			if strings.Contains(said, want) == reports {
				t.Errorf("%s, reports %v: %s", language, reports, said)
			}
		}
	}
}
