package standstill_test

import (
	"testing"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/standstill"
)

func paris(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func TestPromiseTheDayCountsFromTheLastRejectionThatLeft(t *testing.T) {
	zone := paris(t)
	for name, row := range map[string]struct{ last, signing string }{
		"within a month":           {"2027-03-01 10:00", "2027-03-12 00:00"},
		"at the first instant":     {"2027-03-01 00:00", "2027-03-12 00:00"},
		"at the last minute":       {"2027-03-01 23:59", "2027-03-12 00:00"},
		"into the next month":      {"2027-02-20 10:00", "2027-03-03 00:00"},
		"over the 29th":            {"2028-02-20 10:00", "2028-03-02 00:00"},
		"over the change of clock": {"2027-03-20 10:00", "2027-03-31 00:00"},
		"over the new year":        {"2027-12-24 10:00", "2028-01-04 00:00"},
	} {
		last, _ := time.ParseInLocation("2006-01-02 15:04", row.last, zone)
		c := standstill.Of(map[gateway.State]int{gateway.StateSent: 2, gateway.StateRead: 1}, last.UTC(), zone)
		if got := c.Signing.Format("2006-01-02 15:04"); got != row.signing || !c.Sure() || c.Sent != 3 {
			t.Errorf("%s: %s, sure %v, sent %d; want %s", name, got, c.Sure(), c.Sent, row.signing)
		}
		if c.Open(c.Signing.Add(-time.Second)) || !c.Open(c.Signing) {
			t.Errorf("%s: opens at another instant than %s", name, c.Signing)
		}
	}
}

func TestPromiseARejectionThatDidNotLeaveTakesAwayTheCertainty(t *testing.T) {
	zone := paris(t)
	last := time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)
	for _, state := range []gateway.State{gateway.StateQueued, gateway.StateDeferred, gateway.StateUncertain, gateway.StateExpired, gateway.StateFailed} {
		c := standstill.Of(map[gateway.State]int{gateway.StateDelivered: 4, state: 1}, last, zone)
		if c.Sure() || c.Open(last.AddDate(1, 0, 0)) || c.Rejected != 5 || c.Waiting+c.Doubtful+c.Failed != 1 {
			t.Errorf("%s: %+v", state, c)
		}
	}
	if none := standstill.Of(nil, time.Time{}, zone); none.Sure() || !none.Signing.IsZero() || none.Open(last) {
		t.Errorf("no rejection: %+v", none)
	}
	if waiting := standstill.Of(map[gateway.State]int{gateway.StateQueued: 1}, time.Time{}, zone); !waiting.Signing.IsZero() {
		t.Errorf("none has left: %+v", waiting)
	}
}

func TestTheTimeLeftIsCountedDown(t *testing.T) {
	now := time.Date(2027, 3, 1, 9, 0, 0, 0, time.UTC)
	for d, want := range map[time.Duration]standstill.Left{
		-time.Hour: {}, 0: {}, 59 * time.Second: {}, 61 * time.Minute: {Hours: 1, Minutes: 1}, 50 * time.Hour: {Days: 2, Hours: 2},
	} {
		if got := standstill.Until(now.Add(d), now); got != want {
			t.Errorf("%s: %+v, want %+v", d, got, want)
		}
	}
}
