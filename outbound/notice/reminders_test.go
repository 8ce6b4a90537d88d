package notice

import (
	"testing"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

const day = 24 * time.Hour

// newReminding is an office that calls again after 3 days, twice at most; its letter has no type.
func newReminding(t *testing.T) *office {
	o := newOffice(t)
	for _, n := range o.nodes {
		n.o.Reminders = []Policy{{Reminders: gateway.Reminders{AfterDays: 3, Most: 2}, Types: []gateway.TypeCode{gateway.Rejet}}}
	}
	return o
}

// reminders has both nodes go round at once, and gives those that were ever made, oldest first.
func (o *office) reminders(t *testing.T, at time.Time) []gateway.Job {
	t.Helper()
	o.round(t, at)
	jobs, err := o.store.Jobs(t.Context(), store.JobFilter{Kind: gateway.JobReminder})
	check(t, err)
	return jobs
}

func TestPromiseOnceRemindersAreNeverMadeTwice(t *testing.T) {
	o := newReminding(t)
	for _, step := range []struct {
		after time.Duration
		want  int
	}{{2 * day, 0}, {3*day + time.Hour, 1}, {3*day + 2*time.Hour, 1}, {5 * day, 1}, {6*day + 2*time.Hour, 2}, {6*day + 3*time.Hour, 2}, {30 * day, 2}} {
		jobs := o.reminders(t, monday.Add(step.after))
		if len(jobs) != step.want {
			t.Fatalf("after %v: %d reminders, want %d", step.after, len(jobs), step.want)
		}
		for i, j := range jobs {
			if j.Recipient != o.to[0].ID || j.Reminder != i+1 {
				t.Errorf("reminder %d: %+v", i+1, j)
			}
		}
	}
	events, err := o.store.Events(t.Context(), o.to[0].Courier, o.to[0].ID)
	check(t, err)
	n := 0
	for _, e := range events {
		if e.Kind == gateway.Reminded {
			n++
			if e.Actor != "gateway" || e.Strength != gateway.ByUs {
				t.Errorf("%+v", e)
			}
		}
	}
	if n != 2 {
		t.Errorf("%d events", n)
	}
}

func TestNobodyIsRemindedWhoShouldNotBe(t *testing.T) {
	for _, kind := range []gateway.EventKind{
		gateway.Read, gateway.Replied, gateway.Failed, gateway.Expired, gateway.Cancelled, gateway.Withdrawn, gateway.WrongPerson,
	} {
		t.Run(string(kind), func(t *testing.T) {
			o := newReminding(t)
			o.set(monday.Add(day))
			o.happens(t, kind, o.to[0])
			if jobs := o.reminders(t, monday.Add(10*day)); len(jobs) != 0 {
				t.Errorf("%+v", jobs)
			}
		})
	}
}

func TestAReminderByHandPutsTheNextOneOff(t *testing.T) {
	o := newReminding(t)
	o.set(monday.Add(2 * day))
	o.happens(t, gateway.Reminded, o.to[0])
	if jobs := o.reminders(t, monday.Add(4*day)); len(jobs) != 0 {
		t.Errorf("two days later: %+v", jobs)
	}
	if jobs := o.reminders(t, monday.Add(5*day+time.Hour)); len(jobs) != 1 || jobs[0].Reminder != 2 {
		t.Errorf("three days later: %+v", jobs)
	}
}

func TestTheReminderIsTheTypesAffair(t *testing.T) {
	o := newReminding(t)
	for _, n := range o.nodes {
		n.o.Reminders = []Policy{
			{Reminders: gateway.Reminders{AfterDays: 0, Most: 2}, Types: []gateway.TypeCode{gateway.Rejet}},
			{Reminders: gateway.Reminders{AfterDays: 1, Most: 2}, Types: []gateway.TypeCode{gateway.Libre}},
		}
	}
	if jobs := o.reminders(t, monday.Add(10*day)); len(jobs) != 0 {
		t.Errorf("%+v", jobs)
	}
}

func TestWhatIsLongPastHasNoReminder(t *testing.T) {
	o := newReminding(t)
	if jobs := o.reminders(t, monday.Add(100*day)); len(jobs) != 0 {
		t.Errorf("%+v", jobs)
	}
}

// A letter that failed after it was sent: its reminders end, and a reminder's own bounce changes nothing of the letter.
func TestAReminderBouncesAlone(t *testing.T) {
	o := newReminding(t)
	if jobs := o.reminders(t, monday.Add(3*day+time.Hour)); len(jobs) != 1 {
		t.Fatalf("%+v", jobs)
	}
	e := gateway.NewEvent(gateway.Failed, o.time(), nil, nil).About(o.to[0].Courier, o.to[0].ID)
	e.Purpose = gateway.ForReminder
	check(t, o.store.Apply(t.Context(), gateway.Step{Events: []gateway.Event{e}}))
	r, err := o.store.Recipient(t.Context(), o.to[0].ID)
	check(t, err)
	if r.Standing.State != gateway.StateSent || !r.Standing.Failed.IsZero() {
		t.Errorf("the reminder's bounce touched the letter: %+v", r.Standing)
	}
}
