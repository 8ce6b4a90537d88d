package store_test

import (
	"errors"
	"testing"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

func TestUnreadRecipients(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		clock := &hands{now: noon}
		s, ctx := p.open(t, clock.use), t.Context()
		about := must(s.PutConsultation(ctx, gateway.Consultation{Reference: "R", Address: "r"}))(t)
		a := letterTo(t, s, "1", "", "muet@acme.example", "lu@acme.example", "perdu@acme.example", "rappele@acme.example", "deux@acme.example", "faux@acme.example")
		a.Courier.Consultation = about.ID
		_, rs := accept(t, s, a)
		for _, r := range rs {
			happened(t, s, r, noon, gateway.Sent)
		}
		happened(t, s, rs[1], noon, gateway.Read)
		happened(t, s, rs[2], noon, gateway.Failed)
		happened(t, s, rs[5], noon, gateway.WrongPerson)
		clock.add(2 * 24 * time.Hour)
		happened(t, s, rs[3], clock.time(), gateway.Reminded)
		f := store.UnreadFilter{Types: []gateway.TypeCode{gateway.Rejet}, Most: 2, Since: noon.Add(-time.Hour), Until: noon.Add(24 * time.Hour), Limit: 1}
		var got []string
		for {
			page := must(s.Unread(ctx, f))(t)
			if len(page) == 0 {
				break
			}
			got, f.After = append(got, page[0].Address), page[0]
		}
		if len(got) != 2 || got[0] == got[1] || got[0] != "muet@acme.example" && got[1] != "muet@acme.example" {
			t.Errorf("unread: %v", got)
		}
		f.After, f.Types = gateway.Recipient{}, []gateway.TypeCode{gateway.Libre}
		same(t, "of another type", len(must(s.Unread(ctx, f))(t)), 0)
		f.Types, f.Most = []gateway.TypeCode{gateway.Rejet}, 0
		same(t, "called often enough", len(must(s.Unread(ctx, f))(t)), 0)
	})
}

func TestALeaseIsShown(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		clock := &hands{now: noon}
		s, ctx := p.open(t, clock.use), t.Context()
		c, rs := accept(t, s, letterTo(t, s, "1", "", "a@acme.example"))
		jobs := must(s.Jobs(ctx, store.JobFilter{Courier: c.ID}))(t)
		l := must(s.JobLease(ctx, jobs[0].ID))(t)
		if l.Owner != "" || !l.Until.IsZero() || l.Recipient != rs[0].ID {
			t.Errorf("before: %+v", l)
		}
		leased := must(s.Lease(ctx, "node", letters(), 1, time.Minute))(t)
		l = must(s.JobLease(ctx, jobs[0].ID))(t)
		if l.Owner != "node" || !l.Until.Equal(noon.Add(time.Minute)) || l.Attempt != leased[0].Attempt {
			t.Errorf("leased: %+v", l)
		}
		reminder := gateway.Job{ID: gateway.NewID(noon), Kind: gateway.JobReminder, Courier: c.ID, Recipient: rs[0].ID, Reminder: 2}
		check(t, s.Apply(ctx, gateway.Step{Jobs: []gateway.Job{reminder}}))
		same(t, "number of a reminder", must(s.JobLease(ctx, reminder.ID))(t).Reminder, 2)
		if _, err := s.JobLease(ctx, gateway.NewID(noon)); !errors.Is(err, gateway.ErrNotFound) {
			t.Errorf("a job that is none: %v", err)
		}
	})
}
