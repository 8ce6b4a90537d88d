package gateway

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var kinds = []EventKind{
	Submitted, Sent, Deferred, Uncertain, Failed, Expired, HandedOver, Delivered, Delayed, Visited, Read, Downloaded, Replied,
	Absent, Challenged, Displayed, Complained, Reminded, Retried, Cancelled, Withdrawn, WrongPerson, Infected, Unsealed, Opened, Quarantined, Matched, Dismissed, ProofIssued,
}

func anyEvents(t *rapid.T) []Event {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Event {
		return Event{
			Kind:       rapid.SampledFrom(kinds).Draw(t, "kind"),
			Generation: rapid.IntRange(0, 3).Draw(t, "generation"),
			Purpose:    rapid.SampledFrom([]Purpose{ForLetter, ForReminder}).Draw(t, "purpose"),
			Occurred:   time.UnixMicro(rapid.Int64Range(1, 1000).Draw(t, "occurred")).UTC(),
		}
	}), 0, 30).Draw(t, "events")
}

func fold(events []Event) Standing {
	var s Standing
	for _, e := range events {
		s = s.Advance(e)
	}
	return s
}

func TestEveryOrderOfTheSameEventsEndsInTheSameState(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		events := anyEvents(t)
		want := fold(events)
		seed := rapid.Uint64().Draw(t, "order")
		shuffled := append([]Event(nil), events...)
		rand.New(rand.NewPCG(seed, 1)).Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if diff := cmp.Diff(want, fold(shuffled)); diff != "" {
			t.Fatalf("another order, another standing:\n%s", diff)
		}
	})
}

func TestNoEventLowersAState(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s Standing
		for _, e := range anyEvents(t) {
			next := s.Advance(e)
			if outranks(s.Generation, s.State, next.Generation, next.State) {
				t.Fatalf("%s of generation %d lowers %v/%d to %v/%d", e.Kind, e.Generation, s.State, s.Generation, next.State, next.Generation)
			}
			s = next
		}
	})
}

func TestStanding(t *testing.T) {
	ev := func(k EventKind, gen int, p Purpose) Event { return Event{Kind: k, Generation: gen, Purpose: p} }
	for _, tc := range []struct {
		name   string
		events []Event
		want   State
	}{
		{"nothing yet", nil, StateQueued},
		{"a smarthost's 250 is sent, never delivered", []Event{ev(Submitted, 0, ForLetter), ev(Sent, 0, ForLetter)}, StateSent},
		{"a late bounce does not undo a delivery", []Event{ev(Sent, 0, ForLetter), ev(Delivered, 0, ForLetter), ev(Failed, 0, ForLetter)}, StateDelivered},
		{"a retry outranks the failure before it", []Event{ev(Failed, 0, ForLetter), ev(Retried, 1, ForLetter)}, StateQueued},
		{"an old attempt's bounce does not touch the retry", []Event{ev(Retried, 1, ForLetter), ev(Sent, 1, ForLetter), ev(Failed, 0, ForLetter)}, StateSent},
		{"an old attempt's delivery is a delivery", []Event{ev(Retried, 1, ForLetter), ev(Sent, 1, ForLetter), ev(Delivered, 0, ForLetter)}, StateDelivered},
		{"a reminder's bounce never touches the letter", []Event{ev(Sent, 0, ForLetter), ev(Failed, 0, ForReminder)}, StateSent},
		{"a delay is no failure", []Event{ev(Sent, 0, ForLetter), ev(Delayed, 0, ForLetter)}, StateSent},
		{"a visit is no reading", []Event{ev(Delivered, 0, ForLetter), ev(Visited, 0, ForLetter)}, StateDelivered},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := fold(tc.events).State; got != tc.want {
				t.Errorf("state %v, want %v", got, tc.want)
			}
		})
	}
}

func TestAReplyDoesNotClaimARead(t *testing.T) {
	s := fold([]Event{{Kind: Replied, Purpose: ForLetter, Occurred: time.UnixMicro(5)}})
	if s.State != StateReplied || !s.Read.IsZero() {
		t.Fatalf("%+v", s)
	}
}

func TestIDs(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	a, b := NewID(now), NewID(now.Add(time.Millisecond))
	if a.Compare(b) >= 0 || a.String() >= b.String() {
		t.Fatalf("%s does not sort before %s", a, b)
	}
	if got, err := ParseID(a.String()); err != nil || got != a {
		t.Fatalf("ParseID(%q) = %v, %v", a, got, err)
	}
	for _, bad := range []string{"", "a", a.String() + "a", "A" + a.String()[1:], a.String()[:25] + "1", "z" + a.String()[1:]} {
		if id, err := ParseID(bad); err == nil {
			t.Errorf("ParseID(%q) = %v", bad, id)
		}
	}
}

func TestTextsOfIDsSortAsTheIDsDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := NewID(time.UnixMilli(rapid.Int64Range(0, 1<<42).Draw(t, "a")))
		b := NewID(time.UnixMilli(rapid.Int64Range(0, 1<<42).Draw(t, "b")))
		if (a.Compare(b) < 0) != (a.String() < b.String()) {
			t.Fatalf("%v and %v sort as %s and %s", a[:], b[:], a, b)
		}
	})
}

func TestPromiseForgettable(t *testing.T) {
	e := NewEvent(Read, time.Now(), ReadDetails{By: "button"}, map[string]string{"address": "192.0.2.1"})
	leaf := string(e.Leaf())
	e.Details, e.DetailsSalt, e.Network, e.NetworkSalt = nil, nil, nil, nil
	if string(e.Leaf()) != leaf {
		t.Fatal("erasing salt and details changes the leaf")
	}
}

func FuzzParseID(f *testing.F) {
	f.Add(NewID(time.Now()).String())
	f.Fuzz(func(t *testing.T, s string) {
		if id, err := ParseID(s); err == nil && !id.IsZero() && id.String() != s {
			t.Fatalf("%q reads as %q", s, id)
		}
	})
}
