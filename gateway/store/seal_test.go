package store_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

func TestOpenSealsAreKnownUntilTheirDate(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s, ctx := p.open(t), t.Context()
		same(t, "none", must(s.SealedUntil(ctx, gateway.ID{}, noon))(t), time.Time{})
		c, _ := accept(t, s, letterTo(t, s, "sealed", "k", "a@alpha.example"))
		by := c.Options.Reply.By
		same(t, "any", must(s.SealedUntil(ctx, gateway.ID{}, noon))(t), by)
		same(t, "its consultation's", must(s.SealedUntil(ctx, c.Consultation, noon))(t), by)
		same(t, "another's", must(s.SealedUntil(ctx, gateway.NewID(noon), noon))(t), time.Time{})
		same(t, "at its date", must(s.SealedUntil(ctx, gateway.ID{}, by))(t), time.Time{})
	})
}

// TestWhatIsSealedLateIsOnNoDisk: nor in what a database leaves behind of removed rows. PostgreSQL keeps those until it cleans up by itself.
func TestWhatIsSealedLateIsOnNoDisk(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		s, ctx := p.open(t), t.Context()
		for _, plain := range [][]byte{[]byte("douze mille euros"), bytes.Repeat([]byte("douze mille euros "), 2000), large("douze mille euros")} {
			in, _, err := s.Receive(ctx, gateway.Inbound{Account: "p"}, spooled(t, s, plain))
			check(t, err)
			sealed := gateway.NewID(noon)
			must(s.SealInbound(ctx, in, noon.Add(time.Hour), spooled(t, s, sealed[:])))(t)
			if p.options.Driver == store.Postgres {
				continue
			}
			check(t, filepath.WalkDir(filepath.Dir(p.options.Path), func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				b, err := os.ReadFile(path)
				if bytes.Contains(b, []byte("douze mille")) {
					t.Errorf("%d octets: %s holds them", len(plain), d.Name())
				}
				return err
			}))
		}
	})
}

// TestASealIsOpenedOnce: the mail and the replies that came with it read as others do, their event is recorded and their job is there,
// once, whoever opens.
func TestASealIsOpenedOnce(t *testing.T) {
	each(t, func(t *testing.T, p place) {
		clock := &hands{now: noon}
		s, other, ctx := p.open(t, clock.use), p.open(t, clock.use), t.Context()
		c, rs := accept(t, s, letterTo(t, s, "sealed", "k", "a@alpha.example"))
		opens, plain := c.Options.Reply.By, large("what the company wrote")
		fingerprint := gateway.HashOf([]byte("by a key"))
		in, fresh, err := s.Receive(ctx, gateway.Inbound{Account: "p", UID: 1, Fingerprint: fingerprint, Opens: opens}, spooled(t, s, large("encrypted")))
		if err != nil || !fresh {
			t.Fatal(fresh, err)
		}
		if again, fresh, err := s.Receive(ctx, gateway.Inbound{Account: "p", UID: 2, Fingerprint: fingerprint, Opens: opens}, spooled(t, s, large("encrypted otherwise"))); err != nil || fresh || again.ID != in.ID {
			t.Fatalf("the same mail met again is another: %v", err)
		}
		reply := gateway.Reply{ID: gateway.NewID(noon), Courier: c.ID, Recipient: rs[0].ID, Inbound: in.ID, Content: in.Content, Received: noon, Sealed: true, Opens: opens, Manifest: []byte("m")}
		in.State = gateway.InboundDone
		check(t, s.Apply(ctx, gateway.Step{Inbound: &in, Replies: []gateway.Reply{reply}}))

		same(t, "before the date", len(must(s.ToUnseal(ctx, opens.Add(-1), 10))(t)), 0)
		due := must(s.ToUnseal(ctx, opens, 10))(t)
		same(t, "at the date", due, []gateway.Unsealing{{Sealed: in.Content, Mails: []gateway.Inbound{in}, Replies: []gateway.Reply{reply}}})
		sealed, next, err := s.SealedStats(ctx)
		if err != nil || sealed != 1 || !next.Equal(opens) {
			t.Fatal(sealed, next, err)
		}
		clock.add(time.Hour)
		u := due[0]
		u.At, u.Mails[0].Subject = opens, "Offre"
		u.Replies[0].Subject, u.Replies[0].Text, u.Replies[0].Files = "Offre", "Voici.", []gateway.File{{Name: "prix.pdf", Size: 3, Part: "2"}}
		e := gateway.NewEvent(gateway.Unsealed, opens, nil, nil).About(c.ID, rs[0].ID)
		e.Once = "unsealed:" + reply.ID.String()
		u.Events = []gateway.Event{e}
		lone(t, together(4, func(i int) error {
			h := []*store.Store{s, other}[i%2]
			mine := u
			mine.Jobs = []gateway.Job{{ID: gateway.NewID(opens), Kind: gateway.JobNotice, Courier: c.ID, Created: opens, Due: opens}}
			mine.Events = []gateway.Event{e}
			mine.Events[0].ID = gateway.NewID(opens)
			return h.Unseal(ctx, mine, spooled(t, h, plain))
		}), gateway.ErrRecorded)

		got := must(s.Reply(ctx, reply.ID))(t)
		same(t, "text", got.Subject+got.Text+got.Files[0].Name, "OffreVoici.prix.pdf")
		same(t, "closed", got.Closed(), false)
		same(t, "content", contentOf(t, s, got.Content), plain)
		mail := must(s.Inbound(ctx, in.ID))(t)
		same(t, "the mail's content", mail.Content, got.Content)
		same(t, "the mail's subject", mail.Subject, "Offre")
		same(t, "nothing more to open", len(must(s.ToUnseal(ctx, opens.Add(time.Hour), 10))(t)), 0)
		same(t, "jobs", len(must(s.Jobs(ctx, store.JobFilter{Kind: gateway.JobNotice}))(t)), 1)
		clock.add(48 * time.Hour)
		swept := must(s.Sweep(ctx, time.Hour))(t)
		if swept.Contents == 0 || swept.Rescued != 0 {
			t.Fatalf("what was encrypted stays: %+v", swept)
		}
	})
}
