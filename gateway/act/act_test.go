package act

import (
	"errors"
	"testing"
	"time"

	"pgregory.net/rapid"

	"vaguemestre/gateway"
)

var (
	now   = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	by    = By{Actor: "agent:victoria", Reason: "erreur d'adresse", Now: now}
	ar    = gateway.Courier{ID: gateway.ID{1}, Options: gateway.Options{Acknowledged: true}}
	plain = gateway.Courier{ID: gateway.ID{1}}
)

func at(state gateway.State, change ...func(*gateway.Standing)) gateway.Recipient {
	s := gateway.Standing{State: state}
	for _, c := range change {
		c(&s)
	}
	return gateway.Recipient{ID: gateway.ID{2}, Courier: gateway.ID{1}, Standing: s}
}

func read(s *gateway.Standing)      { s.Read = now }
func withdrawn(s *gateway.Standing) { s.Withdrawn = now }
func twice(s *gateway.Standing)     { s.Reminders = 2 }

func TestWhatMayStillBeDone(t *testing.T) {
	cancel := func(c gateway.Courier, r gateway.Recipient) (gateway.Step, error) { return Cancel(r, by) }
	withdraw := func(c gateway.Courier, r gateway.Recipient) (gateway.Step, error) { return Withdraw(c, r, by) }
	remind := func(c gateway.Courier, r gateway.Recipient) (gateway.Step, error) { return Remind(c, r, 2, by) }
	retry := func(c gateway.Courier, r gateway.Recipient) (gateway.Step, error) { return Retry(r, by) }
	for _, tc := range []struct {
		name      string
		act       func(gateway.Courier, gateway.Recipient) (gateway.Step, error)
		courier   gateway.Courier
		recipient gateway.Recipient
		want      error
	}{
		{"cancel what waits", cancel, ar, at(gateway.StateQueued), nil},
		{"cancel what was put off", cancel, plain, at(gateway.StateDeferred), nil},
		{"cancel what may have left", cancel, ar, at(gateway.StateUncertain), ErrGone},
		{"cancel what left", cancel, ar, at(gateway.StateSent), ErrGone},
		{"cancel twice", cancel, ar, at(gateway.StateQueued, func(s *gateway.Standing) { s.Cancelled = now }), ErrTakenBack},
		{"withdraw what left", withdraw, ar, at(gateway.StateSent), nil},
		{"withdraw what was read", withdraw, ar, at(gateway.StateRead, read), nil},
		{"withdraw a plain letter", withdraw, plain, at(gateway.StateSent), ErrPlain},
		{"withdraw what waits", withdraw, ar, at(gateway.StateQueued), ErrNotSent},
		{"withdraw twice", withdraw, ar, at(gateway.StateSent, withdrawn), ErrTakenBack},
		{"remind who has it", remind, ar, at(gateway.StateDelivered), nil},
		{"remind who read", remind, ar, at(gateway.StateRead, read), ErrRead},
		{"remind whom it failed", remind, ar, at(gateway.StateFailed), ErrUnreached},
		{"remind before it left", remind, ar, at(gateway.StateDeferred), ErrUnderWay},
		{"remind of a plain letter", remind, plain, at(gateway.StateSent), ErrPlain},
		{"remind of what was withdrawn", remind, ar, at(gateway.StateSent, withdrawn), ErrTakenBack},
		{"remind a third time", remind, ar, at(gateway.StateSent, twice), ErrTooOften},
		{"retry what failed", retry, ar, at(gateway.StateFailed), nil},
		{"retry what expired", retry, plain, at(gateway.StateExpired), nil},
		{"retry what was sent without a word since", retry, ar, at(gateway.StateSent), nil},
		{"retry what waits", retry, ar, at(gateway.StateQueued), ErrUnderWay},
		{"retry what arrived", retry, ar, at(gateway.StateDelivered), ErrDelivered},
	} {
		t.Run(tc.name, func(t *testing.T) {
			step, err := tc.act(tc.courier, tc.recipient)
			if !errors.Is(err, tc.want) {
				t.Fatalf("%v, want %v", err, tc.want)
			}
			if err == nil && (len(step.Events) != 1 || step.Events[0].Once == "" || step.Events[0].Recipient != tc.recipient.ID) {
				t.Fatalf("%+v", step)
			}
		})
	}
}

func TestARetryOutranksItsFailureAndItsOwnKeyIsNew(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := at(gateway.StateFailed)
		r.Standing.Generation = rapid.IntRange(0, 5).Draw(t, "generation")
		step, err := Retry(r, by)
		if err != nil {
			t.Fatal(err)
		}
		after := r.Standing.Advance(step.Events[0])
		if after.State != gateway.StateQueued || step.Jobs[0].Generation != after.Generation {
			t.Fatalf("%+v, job of generation %d", after, step.Jobs[0].Generation)
		}
		r.Standing = after.Advance(gateway.Event{Kind: gateway.Failed, Generation: after.Generation, Purpose: gateway.ForLetter})
		again, err := Retry(r, by)
		if err != nil || again.Events[0].Once == step.Events[0].Once {
			t.Fatalf("the second retry is the first one: %v", err)
		}
	})
}

func TestDroppingAJob(t *testing.T) {
	letter, reminder, notice := gateway.Job{ID: gateway.ID{7}, Kind: gateway.JobLetter, Attempt: 3}, gateway.Job{ID: gateway.ID{8}, Kind: gateway.JobReminder}, gateway.Job{ID: gateway.ID{9}, Kind: gateway.JobNotice}
	for _, tc := range []struct {
		name    string
		job     gateway.Job
		leased  bool
		state   gateway.Recipient
		want    error
		settled bool
		events  int
	}{
		{"a letter that waits", letter, false, at(gateway.StateDeferred), nil, true, 1},
		{"a letter that is being tried keeps its outcome", letter, true, at(gateway.StateQueued), nil, false, 1},
		{"a letter that may have arrived", letter, false, at(gateway.StateUncertain), ErrGone, false, 0},
		{"what is left of a letter that was withdrawn", letter, false, at(gateway.StateUncertain, withdrawn), nil, true, 0},
		{"a reminder", reminder, false, at(gateway.StateSent), nil, true, 1},
		{"a reminder that is being sent", reminder, true, at(gateway.StateSent), ErrInHand, false, 0},
		{"a notice", notice, false, gateway.Recipient{}, nil, true, 0},
		{"a notice that is being sent", notice, true, gateway.Recipient{}, ErrInHand, false, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			step, err := DropJob(tc.job, tc.leased, tc.state, by)
			if !errors.Is(err, tc.want) {
				t.Fatalf("%v, want %v", err, tc.want)
			}
			if err == nil && ((step.Job != nil) != tc.settled || len(step.Events) != tc.events) {
				t.Fatalf("%+v", step)
			}
			if err == nil && step.Job != nil && (step.Job.ID != tc.job.ID || step.Job.Attempt != tc.job.Attempt || !step.Job.Again.IsZero()) {
				t.Fatalf("settles %+v", step.Job)
			}
		})
	}
}

func TestACancelledReminderLeavesTheLetterAlone(t *testing.T) {
	r := at(gateway.StateDelivered)
	step, err := DropJob(gateway.Job{Kind: gateway.JobReminder}, false, r, by)
	if err != nil {
		t.Fatal(err)
	}
	if after := r.Standing.Advance(step.Events[0]); after != r.Standing {
		t.Errorf("%+v became %+v", r.Standing, after)
	}
}
