package daemon

import (
	"testing"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/config"
)

func TestRemindersAreGatheredByWhatIsSaidOfThem(t *testing.T) {
	own := &gateway.Reminders{AfterDays: 3, Most: 1}
	got := policies(config.Reminders{AfterDays: 7, Most: 2}, []gateway.CourierType{
		{Code: gateway.Libre}, {Code: gateway.Rejet, Reminders: own}, {Code: gateway.Question}, {Code: gateway.Complement, Reminders: &gateway.Reminders{Most: 1}},
	})
	if len(got) != 3 || len(got[0].Types) != 2 || got[0].AfterDays != 7 || got[0].Most != 2 ||
		got[1].Reminders != *own || got[1].Types[0] != gateway.Rejet || got[2].AfterDays != 0 {
		t.Errorf("%+v", got)
	}
}

// A reminder that waits in the queue does not go to somebody who read, answered, cannot be reached, or from whom the letter was taken back.
func TestAReminderIsDroppedWhenItsTimeIsOver(t *testing.T) {
	now := time.Now()
	reminder := gateway.Job{Kind: gateway.JobReminder, Attempt: 1, Reminder: 1}
	for name, s := range map[string]gateway.Standing{
		"read": {State: gateway.StateRead, Read: now}, "answered": {State: gateway.StateReplied, Replied: now}, "failed": {State: gateway.StateFailed, Failed: now},
		"given up": {State: gateway.StateExpired, Failed: now}, "cancelled": {Cancelled: now}, "withdrawn": {State: gateway.StateSent, Withdrawn: now},
	} {
		if !settled(reminder, s) {
			t.Errorf("%s: it still goes", name)
		}
	}
	for name, s := range map[string]gateway.Standing{"sent": {State: gateway.StateSent}, "delivered": {State: gateway.StateDelivered, Delivered: now}} {
		if settled(reminder, s) {
			t.Errorf("%s: it is dropped", name)
		}
	}
}
