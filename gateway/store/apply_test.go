package store_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

func TestStepDoesAllOrNothing(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		clock := &hands{now: noon}
		s, ctx := p.open(t, clock.use), t.Context()
		c, added := accept(t, s, letterTo(t, s, "Bonjour", "", "a@alpha.example"))
		raw := spooled(t, s, []byte("a report"))
		in, _, err := s.Receive(ctx, gateway.Inbound{Account: "principal", Mailbox: "INBOX", UIDValidity: 1, UID: 1}, raw)
		check(t, err)
		job := must(s.Lease(ctx, "w", letters(), 1, time.Minute))(t)[0]

		file := spooled(t, s, []byte("a file"))
		must(s.Keep(ctx, file))(t)
		clock.add(time.Minute)
		sent := gateway.NewEvent(gateway.Sent, clock.time(), gateway.RelayDetails{Host: "relais"}, nil).About(c.ID, added[0].ID)
		replied := gateway.NewEvent(gateway.Replied, clock.time().Add(time.Second), nil, nil).About(c.ID, added[0].ID)
		replied.Contents, replied.Once = []gateway.Hash{in.Content}, "reply:1"
		in.State, in.Class, in.Courier, in.Recipient, in.From = gateway.InboundDone, "reply", c.ID, added[0].ID, "a@alpha.example"
		reply := gateway.Reply{
			ID: gateway.NewID(noon), Courier: c.ID, Recipient: added[0].ID, Inbound: in.ID, From: "a@alpha.example", OtherSender: true, Late: true,
			Subject: "Re: Résultat", Text: "Bien reçu", MessageID: "<r@alpha.example>", Content: in.Content, Received: noon,
			Files: []gateway.File{{Name: "f.txt", MediaType: "text/plain", Size: 6, SHA256: file.Hash()}},
		}
		notice := gateway.Job{ID: gateway.NewID(noon), Kind: gateway.JobNotice, Courier: c.ID, Notice: gateway.Notice{Kind: gateway.NoticeReply, To: "camille@acheteur.example", Reply: reply.ID}}
		step := gateway.Step{
			Job: &gateway.JobResult{ID: job.ID, Attempt: job.Attempt}, Inbound: &in, Events: []gateway.Event{sent, replied},
			Replies: []gateway.Reply{reply}, Jobs: []gateway.Job{notice},
		}

		shown := step
		shown.Replies = []gateway.Reply{reply}
		shown.Replies[0].Sealed, shown.Replies[0].Opens = true, noon.Add(time.Hour)
		if err := s.Apply(ctx, shown); err == nil {
			t.Fatal("a sealed reply that can be read was stored")
		}
		fenced := step
		fenced.Job = &gateway.JobResult{ID: job.ID, Attempt: job.Attempt - 1}
		wantErr(t, s.Apply(ctx, fenced), gateway.ErrFenced)
		same(t, "events after a step that was fenced", len(must(s.Events(ctx, c.ID, gateway.ID{}))(t)), 2)
		same(t, "mail after it", must(s.Inbound(ctx, in.ID))(t).State, gateway.InboundNew)

		check(t, s.Apply(ctx, step))
		wantErr(t, s.Apply(ctx, step), gateway.ErrRecorded)
		wantErr(t, s.Apply(ctx, gateway.Step{Inbound: &in}), gateway.ErrFenced)
		wantErr(t, s.Apply(ctx, gateway.Step{Job: step.Job}), gateway.ErrFenced)

		standing := must(s.Recipient(ctx, added[0].ID))(t).Standing
		same(t, "standing", standing, gateway.Standing{State: gateway.StateReplied, Sent: sent.Occurred, Replied: replied.Occurred})
		same(t, "mail", must(s.Inbound(ctx, in.ID))(t), in)
		same(t, "reply", must(s.Reply(ctx, reply.ID))(t), reply)
		same(t, "replies", must(s.Replies(ctx, c.ID))(t), []gateway.Reply{reply})
		later := reply
		later.ID, later.Inbound, later.MessageID, later.Received = gateway.NewID(noon), gateway.ID{}, "", noon.Add(time.Hour)
		check(t, s.Apply(ctx, gateway.Step{Replies: []gateway.Reply{later}}))
		for _, most := range []int{1, 3} {
			var walked []gateway.Reply
			check(t, s.EachReply(ctx, c.ID, func(r gateway.Reply) bool { walked = append(walked, r); return len(walked) < most }))
			same(t, "replies, the newest first", walked, []gateway.Reply{later, reply}[:min(most, 2)])
		}
		same(t, "by Message-ID", must(s.ReplyByMessageID(ctx, reply.MessageID))(t), reply)
		notice.Created, notice.Due = clock.time(), clock.time()
		same(t, "jobs", must(s.Jobs(ctx, store.JobFilter{}))(t), []gateway.Job{notice})

		var recorded []time.Time
		for _, e := range must(s.Events(ctx, c.ID, gateway.ID{}))(t) {
			recorded = append(recorded, e.Recorded)
		}
		same(t, "recorded", recorded, []time.Time{noon, noon.Add(time.Microsecond), noon.Add(time.Minute), noon.Add(time.Minute + time.Microsecond)})
	})
}

func TestStepAboutWhatIsNotStoredIsRefused(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s, ctx := p.open(t), t.Context()
		c, added := accept(t, s, letterTo(t, s, "Bonjour", "", "a@alpha.example"))
		nobody := gateway.NewEvent(gateway.Sent, noon, nil, nil).About(c.ID, gateway.NewID(noon))
		nothing := gateway.NewEvent(gateway.Delivered, noon, nil, nil).About(c.ID, added[0].ID)
		nothing.Contents = []gateway.Hash{gateway.HashOf([]byte("never stored"))}
		for _, e := range []gateway.Event{nobody, nothing} {
			if err := s.Apply(ctx, gateway.Step{Events: []gateway.Event{e}}); err == nil || gateway.FaultOf(err).Class != gateway.Temporary {
				t.Errorf("%s: %v", e.Kind, err)
			}
		}
		same(t, "events", len(must(s.Events(ctx, c.ID, gateway.ID{}))(t)), 2)
	})
}

// TestPromiseOnceReportsAreRecordedOnce: whoever reads the same report again, at the same time
// or later, records nothing.
func TestPromiseOnceReportsAreRecordedOnce(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		handles := []*store.Store{p.open(t), p.open(t)}
		c, added := accept(t, handles[0], letterTo(t, handles[0], "Bonjour", "", "a@alpha.example"))
		lone(t, together(10, func(i int) error {
			e := gateway.NewEvent(gateway.Delivered, noon.Add(time.Duration(i)), nil, nil).About(c.ID, added[0].ID)
			e.Once = "report:1"
			return handles[i%2].Apply(context.Background(), gateway.Step{Events: []gateway.Event{e}})
		}), gateway.ErrRecorded)
		same(t, "events", len(must(handles[1].Events(t.Context(), c.ID, added[0].ID))(t)), 2)
	})
}

func TestEventsAtOnceAllMoveTheStandingOn(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		handles := []*store.Store{p.open(t), p.open(t)}
		c, added := accept(t, handles[0], letterTo(t, handles[0], "Bonjour", "", "a@alpha.example", "b@beta.example"))
		kinds := []gateway.EventKind{gateway.Sent, gateway.Delivered, gateway.Read, gateway.Replied, gateway.Reminded, gateway.Reminded, gateway.Reminded, gateway.Failed}
		var want gateway.Standing
		evs := make([]gateway.Event, len(kinds))
		for i, kind := range kinds {
			evs[i] = gateway.NewEvent(kind, noon.Add(time.Duration(i)*time.Second), nil, nil)
			want = want.Advance(evs[i])
		}
		for _, err := range together(len(kinds), func(i int) error {
			first, second := evs[i].About(c.ID, added[i%2].ID), evs[i].About(c.ID, added[1-i%2].ID) // in either order of locks
			second.ID = gateway.NewID(noon)
			return handles[i%2].Apply(context.Background(), gateway.Step{Events: []gateway.Event{first, second}})
		}) {
			check(t, err)
		}
		for _, r := range must(handles[0].Recipients(t.Context(), c.ID))(t) {
			same(t, "standing", r.Standing, want)
		}
	})
}

// TestClockSetBackDoesNotBackDate: Recorded never goes backwards, also in another process and
// after a checkpoint.
func TestClockSetBackDoesNotBackDate(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		clock, behind := &hands{now: noon}, &hands{now: noon.Add(-24 * time.Hour)}
		s, late := p.open(t, clock.use), p.open(t, behind.use)
		ctx := t.Context()
		record := func(s *store.Store) time.Time {
			t.Helper()
			e := gateway.NewEvent(gateway.ProofIssued, noon, nil, nil)
			check(t, s.Apply(ctx, gateway.Step{Events: []gateway.Event{e}}))
			return must(s.Event(ctx, e.ID))(t).Recorded
		}
		last := record(s)
		same(t, "the clock", last, noon)
		for i := range 6 {
			if i == 3 {
				sequence(t, s, last.Add(time.Hour))
				last = last.Add(time.Hour)
			}
			clock.add(-time.Minute)
			next := record([]*store.Store{s, late}[i%2])
			if !next.After(last) {
				t.Fatalf("event %d recorded at %s, after one of %s", i, next, last)
			}
			last = next
		}
	})
}

func TestErasureKeepsTheLeaf(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		clock := &hands{now: noon}
		s, ctx := p.open(t, clock.use), t.Context()
		var evs []gateway.Event
		for i := range 3 {
			e := gateway.NewEvent(gateway.Visited, noon, gateway.VisitDetails{Method: "GET"}, map[string]string{"address": fmt.Sprint("192.0.2.", i)})
			check(t, s.Apply(ctx, gateway.Step{Events: []gateway.Event{e}}))
			evs = append(evs, must(s.Event(ctx, e.ID))(t))
			clock.add(time.Hour)
		}
		sequence(t, s, clock.time())
		same(t, "erased", must(s.EraseNetwork(ctx, noon.Add(2*time.Hour)))(t), int64(2))
		same(t, "erased again", must(s.EraseNetwork(ctx, noon.Add(2*time.Hour)))(t), int64(0))
		check(t, s.EraseDetails(ctx, evs[0].ID))
		wantErr(t, s.EraseDetails(ctx, gateway.NewID(noon)), gateway.ErrNotFound)
		for i, e := range evs {
			now := must(s.Event(ctx, e.ID))(t)
			same(t, "leaf", string(now.Leaf()), string(e.Leaf()))
			if (now.Network == nil) != (i < 2) || (now.NetworkSalt == nil) != (i < 2) || (now.Details == nil) != (i < 1) || (now.DetailsSalt == nil) != (i < 1) {
				t.Fatalf("event %d: %+v", i, now)
			}
		}
	})
}
