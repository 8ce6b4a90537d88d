package queue

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"vaguemestre/gateway"
)

func TestBackoff(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		attempt := rapid.IntRange(1, 1000).Draw(t, "attempt")
		lifetime := time.Duration(rapid.Int64Range(1, int64(10*24*time.Hour)).Draw(t, "lifetime"))
		age := time.Duration(rapid.Int64Range(0, int64(12*24*time.Hour)).Draw(t, "age"))
		jitter := rapid.Float64Range(0, 0.999).Draw(t, "jitter")
		wait, stop := backoff(attempt, age, lifetime, jitter)
		if stop != (age >= lifetime) {
			t.Fatalf("stop is %v", stop)
		}
		if stop {
			return
		}
		if wait <= 0 || wait > maxWait || age+wait > lifetime {
			t.Fatalf("%s at age %s of %s", wait, age, lifetime)
		}
		if wait < 48*time.Second && age+wait != lifetime {
			t.Fatalf("%s is too soon", wait)
		}
		if later, _ := backoff(attempt+1, age, lifetime, jitter); later < wait {
			t.Fatalf("%s after attempt %d, %s after the next", wait, attempt, later)
		}
	})
}

func TestGreylistingIsPassedSoonAndTheLastAttemptEndsTheLifetime(t *testing.T) {
	for _, jitter := range []float64{0, 0.5, 0.999} {
		age, attempts := time.Duration(0), 1
		var third time.Duration
		for {
			wait, stop := backoff(attempts, age, DefaultLifetime, jitter)
			if stop {
				break
			}
			age += wait
			if attempts++; attempts == 4 {
				third = age
			}
		}
		if third > 13*time.Minute {
			t.Errorf("the fourth attempt is at %s", third)
		}
		if age != DefaultLifetime || attempts < 30 || attempts > 60 {
			t.Errorf("%d attempts, the last at %s", attempts, age)
		}
	}
}

func TestSettle(t *testing.T) {
	now := time.Date(2026, 3, 16, 10, 0, 0, 0, time.UTC)
	temporary := &gateway.Fault{Class: gateway.Temporary, Code: 451, Enhanced: [3]int{4, 7, 1}, Op: "relay rcpt"}
	permanent := &gateway.Fault{Class: gateway.Permanent, Code: 550, Enhanced: [3]int{5, 1, 1}, Op: "relay rcpt"}
	unknown := &gateway.Fault{Class: gateway.Unknown, Op: "relay dot"}
	for name, c := range map[string]struct {
		kind    gateway.JobKind
		fault   *gateway.Fault
		age     time.Duration
		outcome string
		event   gateway.EventKind
		again   bool
		notice  bool
	}{
		"sent":                        {gateway.JobLetter, nil, 0, sent, gateway.Sent, false, false},
		"deferred":                    {gateway.JobLetter, temporary, time.Hour, deferred, gateway.Deferred, true, false},
		"uncertain":                   {gateway.JobLetter, unknown, time.Hour, uncertain, gateway.Uncertain, true, false},
		"failed":                      {gateway.JobLetter, permanent, 0, failed, gateway.Failed, false, true},
		"failed when old":             {gateway.JobLetter, permanent, 6 * 24 * time.Hour, failed, gateway.Failed, false, true},
		"expired":                     {gateway.JobLetter, temporary, 5 * 24 * time.Hour, expired, gateway.Expired, false, true},
		"uncertain to the end":        {gateway.JobLetter, unknown, 5 * 24 * time.Hour, expired, gateway.Expired, false, true},
		"reminder sent":               {gateway.JobReminder, nil, 0, sent, gateway.Sent, false, false},
		"reminder failed":             {gateway.JobReminder, permanent, 0, failed, gateway.Failed, false, false},
		"notice sent":                 {gateway.JobNotice, nil, 0, sent, "", false, false},
		"notice deferred":             {gateway.JobNotice, temporary, 0, deferred, "", true, false},
		"no notice of failed notices": {gateway.JobNotice, permanent, 0, failed, "", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			job := gateway.Job{
				ID: gateway.NewID(now), Kind: c.kind, Courier: gateway.NewID(now), Recipient: gateway.NewID(now), Generation: 2, Attempt: 3, Created: now.Add(-c.age),
			}
			a := attempt{job: job, details: gateway.RelayDetails{Host: "mx:25"}, fault: c.fault, now: now}
			step, outcome := a.settle(DefaultLifetime, 0.5)
			if outcome != c.outcome || step.Job.ID != job.ID || step.Job.Attempt != 3 || step.Job.Again.IsZero() == c.again {
				t.Errorf("%s %+v", outcome, step.Job)
			}
			if c.fault != nil && step.Job.Fault == "" {
				t.Error("the administrator is told nothing")
			}
			checkEvents(t, step, job, c.event)
			if got := len(step.Jobs) == 1; got != c.notice {
				t.Fatalf("notices: %+v", step.Jobs)
			}
			if c.notice && (step.Jobs[0].Notice.Kind != gateway.NoticeFailed || step.Jobs[0].Notice.Event != step.Events[0].ID || step.Jobs[0].Recipient != job.Recipient) {
				t.Errorf("%+v", step.Jobs[0])
			}
		})
	}
}

func checkEvents(t *testing.T, step gateway.Step, job gateway.Job, want gateway.EventKind) {
	t.Helper()
	if want == "" {
		if len(step.Events) > 0 {
			t.Errorf("%+v", step.Events)
		}
		return
	}
	if len(step.Events) != 1 {
		t.Fatalf("%+v", step.Events)
	}
	e := step.Events[0]
	purpose := gateway.ForLetter
	if job.Kind == gateway.JobReminder {
		purpose = gateway.ForReminder
	}
	if e.Kind != want || e.Generation != 2 || e.Attempt != 3 || e.Purpose != purpose || e.Actor != "relay:mx:25" || e.Strength != gateway.ByRelay {
		t.Errorf("%+v", e)
	}
}
