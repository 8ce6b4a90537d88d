package mailbox

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"vaguemestre/gateway"
	"vaguemestre/gateway/message"
)

func marked(flags [][]imap.Flag) int {
	n := 0
	for _, f := range flags {
		if slices.ContainsFunc(f, func(x imap.Flag) bool { return strings.EqualFold(string(x), string(flagDone)) }) {
			n++
		}
	}
	return n
}

func TestAReportIsRecordedAndItsCopyMarked(t *testing.T) {
	t.Parallel()
	w, server := newWorld(t, gateway.ReplyPolicy{Allowed: true}), newMemory(t, 1)
	service, _ := w.run(w.options(account(server.address)), nil)
	server.deliver(t, w.delivered())
	w.until("delivered", func() bool { return w.count(gateway.Delivered) == 1 })
	e := w.events()[len(w.events())-1]
	if e.Strength != gateway.ByReport || e.Purpose != gateway.ForLetter || e.Actor != "reporter:mx.entreprise.example.com" || len(e.Contents) != 1 {
		t.Errorf("event %+v", e)
	}
	w.until("the copy is marked", func() bool { return marked(copies(t, server.address, "INBOX")) == 1 })
	if err := service.Healthy(); err != nil {
		t.Errorf("Healthy: %v", err)
	}
	if s := service.States(); len(s) != 1 || s[0].Account != "principal" || !s[0].OK || s[0].Elsewhere || s[0].Looked.IsZero() {
		t.Errorf("States: %+v", s)
	}
	if r, err := w.store.Recipient(t.Context(), w.letter.ID); err != nil || r.Standing.State != gateway.StateDelivered {
		t.Errorf("standing %v, %v", r.Standing, err)
	}
}

func TestMailThatCameBeforeTheConnectionIsRead(t *testing.T) {
	t.Parallel()
	w, server := newWorld(t, gateway.ReplyPolicy{Allowed: true}), newMemory(t, 1)
	for n := range 3 * batch / 2 {
		server.deliver(t, w.answer(n))
	}
	w.run(w.options(account(server.address)), nil)
	w.until("all are recorded", func() bool { return w.count(gateway.Replied) == 3*batch/2 })
}

func TestPromiseOnceUIDValidityChanged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gateway.ReplyPolicy{Allowed: true})
	first, second := newMemory(t, 1), newMemory(t, 2)
	for _, server := range []*memory{first, second} {
		server.deliver(t, w.delivered())
		server.deliver(t, w.answer(1))
	}
	_, stop := w.run(w.options(account(first.address)), nil)
	w.until("both are recorded", func() bool { return w.count(gateway.Delivered) == 1 && w.count(gateway.Replied) == 1 })
	stop()
	second.deliver(t, w.answer(2))
	w.run(w.options(account(second.address)), nil)
	w.until("the new one is recorded", func() bool { return w.count(gateway.Replied) == 2 })
	w.until("all copies are marked", func() bool { return marked(copies(t, second.address, "INBOX")) == 3 })
	if n := w.count(gateway.Delivered); n != 1 {
		t.Errorf("the report is recorded %d times", n)
	}
	if n := len(w.inbounds(gateway.InboundDone)); n != 3 {
		t.Errorf("%d mails stored", n)
	}
}

func TestSettledCopiesAreMoved(t *testing.T) {
	t.Parallel()
	w, server := newWorld(t, gateway.ReplyPolicy{Allowed: true}), newMemory(t, 1)
	a := account(server.address)
	a.Done = "Traités"
	w.run(w.options(a), nil)
	server.deliver(t, w.delivered())
	w.until("the copy is moved", func() bool {
		return len(copies(t, server.address, "Traités")) == 1 && len(copies(t, server.address, "INBOX")) == 0
	})
}

func TestPromiseSealedUntilTheServerKeepsNoCopy(t *testing.T) {
	t.Parallel()
	w, server := newWorld(t, gateway.ReplyPolicy{Allowed: true, Sealed: true, By: time.Now().Add(time.Hour)}), newMemory(t, 1)
	a := account(server.address)
	a.Done = "Traités"
	w.run(w.options(a), nil)
	server.deliver(t, w.answer(1))
	server.deliver(t, w.delivered())
	w.until("the report's copy is moved, and that of the answer gone", func() bool {
		return len(copies(t, server.address, "Traités")) == 1 && len(copies(t, server.address, "INBOX")) == 0
	})
	replies, err := w.store.Replies(t.Context(), w.courier.ID)
	if err != nil || len(replies) != 1 {
		t.Fatalf("%d replies, %v", len(replies), err)
	}
	if r := replies[0]; !r.Sealed || r.Text != "" || r.Subject != "" || len(r.Files) > 0 {
		t.Errorf("the answer shows: %+v", r)
	}
	for _, e := range w.events() {
		if bytes.Contains(e.Details, []byte(replies[0].Content.String())) || bytes.Contains(e.Details, []byte("Re: Courrier")) {
			t.Errorf("the event shows what is sealed: %s", e.Details)
		}
	}
	for _, in := range w.inbounds(gateway.InboundDone) {
		if in.Class == "reply" && in.Subject != "" {
			t.Errorf("the mail's row shows its subject: %q", in.Subject)
		}
	}
}

func TestPromiseNothingDroppedABadMailNeverStopsTheNext(t *testing.T) {
	t.Parallel()
	w, server := newWorld(t, gateway.ReplyPolicy{Allowed: true}), newMemory(t, 1)
	o := w.options(account(server.address))
	o.Limits = message.Limits{Parts: 10}
	w.run(o, nil)
	server.deliver(t, crlf("Content-Type: multipart/mixed; boundary=b\n\n"+strings.Repeat("--b\n\nx\n", 50)+"--b--\n"))
	server.deliver(t, []byte("\x00\xff garbage"))
	server.deliver(t, w.delivered())
	w.until("the report behind is recorded", func() bool { return w.count(gateway.Delivered) == 1 })
	w.until("both are quarantined", func() bool { return len(w.inbounds(gateway.InboundQuarantined)) == 2 })
	for _, in := range w.inbounds(gateway.InboundQuarantined) {
		if in.Reason == "" {
			t.Errorf("quarantined without a reason: %+v", in)
		}
	}
}

func TestWhatIsTooLongIsCutAndQuarantined(t *testing.T) {
	t.Parallel()
	w, server := newWorld(t, gateway.ReplyPolicy{Allowed: true}), newMemory(t, 1)
	o := w.options(account(server.address))
	o.MaxSize = 10_000
	w.run(o, nil)
	server.deliver(t, append(w.answer(1), bytes.Repeat([]byte("0123456789\r\n"), 100_000)...))
	server.deliver(t, w.delivered())
	w.until("the report behind is recorded", func() bool { return w.count(gateway.Delivered) == 1 })
	in := w.inbounds(gateway.InboundQuarantined)
	if len(in) != 1 || in[0].Size != 10_000 || in[0].Reason != fmt.Sprintf(whyTooLarge, 10_000) {
		t.Errorf("quarantine %+v", in)
	}
}

// failing is a store whose second transaction fails at will.
type failing struct {
	Store
	broken atomic.Bool
	panics atomic.Int32
}

func (f *failing) Apply(ctx context.Context, step gateway.Step) error {
	if f.broken.Load() {
		return errors.New("no connection to the database")
	}
	return f.Store.Apply(ctx, step)
}

func (f *failing) InboundFailure(ctx context.Context, id gateway.ID, reason string) (int, error) {
	if f.broken.Load() {
		return 0, errors.New("no connection to the database")
	}
	return f.Store.InboundFailure(ctx, id, reason)
}

func (f *failing) Recipient(ctx context.Context, id gateway.ID) (gateway.Recipient, error) {
	if f.panics.Add(-1) >= 0 {
		panic("a mail that hits a bug")
	}
	return f.Store.Recipient(ctx, id)
}

func TestAnOutageOfTheStoreDelaysAndQuarantinesNothing(t *testing.T) {
	t.Parallel()
	w, server := newWorld(t, gateway.ReplyPolicy{Allowed: true}), newMemory(t, 1)
	broken := &failing{Store: w.store}
	broken.broken.Store(true)
	_, stop := w.run(w.options(account(server.address)), broken)
	server.deliver(t, w.delivered())
	w.until("the mail is stored", func() bool { return len(w.inbounds(gateway.InboundNew)) == 1 })
	if n := marked(copies(t, server.address, "INBOX")); n != 0 {
		t.Error("the copy is marked before the mail is understood")
	}
	stop()
	// Stopped between the two transactions: the next start takes it up.
	w.run(w.options(account(server.address)), nil)
	w.until("the report is recorded", func() bool { return w.count(gateway.Delivered) == 1 })
	w.until("the copy is marked", func() bool { return marked(copies(t, server.address, "INBOX")) == 1 })
	if q := w.inbounds(gateway.InboundQuarantined); len(q) != 0 {
		t.Errorf("quarantined by an outage: %+v", q)
	}
}

func TestAPanicIsCountedAndTheSecondQuarantines(t *testing.T) {
	t.Parallel()
	w, server := newWorld(t, gateway.ReplyPolicy{Allowed: true}), newMemory(t, 1)
	bug := &failing{Store: w.store}
	bug.panics.Store(2)
	server.deliver(t, w.delivered())
	server.deliver(t, w.answer(1))
	w.run(w.options(account(server.address)), bug)
	w.until("the reply behind is recorded", func() bool { return w.count(gateway.Replied) == 1 })
	w.until("the first is quarantined or recorded", func() bool { return len(w.inbounds(gateway.InboundNew)) == 0 })
}

func TestOneNodeReadsAtATime(t *testing.T) {
	t.Parallel()
	w, server := newWorld(t, gateway.ReplyPolicy{Allowed: true}), newMemory(t, 1)
	first, stop := w.run(w.options(account(server.address)), nil)
	w.until("the first reads", func() bool { return !first.LastSuccess("principal").IsZero() })
	o := w.options(account(server.address))
	o.Owner, o.LeaseTTL = "another", 300*time.Millisecond
	second, _ := w.run(o, nil)
	w.until("the second sees that it is read elsewhere", func() bool { return second.Healthy() == nil })
	if !second.LastSuccess("principal").IsZero() {
		t.Fatal("both read")
	}
	stop()
	w.until("the second takes over", func() bool { return !second.LastSuccess("principal").IsZero() })
	server.deliver(t, w.answer(1))
	w.until("and records", func() bool { return w.count(gateway.Replied) == 1 })
}

func TestOptionsThatCanNeverWorkAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gateway.ReplyPolicy{})
	for _, a := range []Account{
		{Name: "a", Address: "imap.example.fr:143", TLS: TLSNone, Auth: AuthLogin},
		{Name: "a", Address: "imap.example.fr", TLS: TLSImplicit, Auth: AuthLogin},
		{Name: "a", Address: "imap.example.fr:993", TLS: "maybe", Auth: AuthLogin},
		{Name: "a", Address: "imap.example.fr:993", TLS: TLSImplicit, Auth: "cram-md5"},
		{Name: "a", Address: "imap.example.fr:993", TLS: TLSImplicit, Auth: AuthXOAuth2},
	} {
		if _, err := New(w.options(a), w.store); err == nil {
			t.Errorf("%+v is accepted", a)
		}
	}
	if _, err := New(w.options(account("127.0.0.1:1"), account("127.0.0.1:2")), w.store); err == nil {
		t.Error("two accounts of one name are accepted")
	}
}

func TestMailToTheAdministratorIsHandedOn(t *testing.T) {
	t.Parallel()
	w, server := newWorld(t, gateway.ReplyPolicy{Allowed: true}), newMemory(t, 1)
	w.run(w.options(account(server.address)), nil)
	server.deliver(t, crlf("From: a@b.example\nTo: postmaster@"+domain+"\nSubject: ?\n\nBonjour\n"))
	w.until("it is settled", func() bool { return len(w.inbounds(gateway.InboundDone)) == 1 })
}
