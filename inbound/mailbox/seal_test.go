package mailbox

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"

	"vaguemestre/gateway"
	"vaguemestre/gateway/seal"
	"vaguemestre/gateway/store"
)

// onDisk tells whether some file of the installation holds these octets.
func (w *world) onDisk(secret string) bool {
	w.t.Helper()
	found := false
	err := filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		found = found || bytes.Contains(b, []byte(secret))
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return found
}

// TestPromiseSealedUntilNothingIsOnDisk: from the moment a sealed answer comes in, no file of the installation holds a word of it;
// at its date it reads as any other.
func TestPromiseSealedUntilNothingIsOnDisk(t *testing.T) {
	t.Parallel()
	by := time.Now().Add(time.Hour)
	w, server := newWorld(t, gateway.ReplyPolicy{Allowed: true, Sealed: true, By: by}), newMemory(t, 1)
	w.run(w.options(account(server.address)), nil)
	secret := "prix unitaire de douze mille euros"
	raw := strings.Replace(string(w.answer(1)), "\r\n\r\n", "\r\n\r\n"+secret+"\r\n", 1)
	raw = strings.Replace(raw, "Subject: ", "Subject: offre secrete ", 1)
	server.deliver(t, []byte(raw))
	w.until("the answer is recorded", func() bool { return w.count(gateway.Replied) == 1 })
	for _, s := range []string{secret, "offre secrete", gateway.HashOf([]byte(raw)).String()} {
		if w.onDisk(s) {
			t.Errorf("%q can be read on the disk", s)
		}
	}
	opener := seal.NewOpener(seal.Options{Now: func() time.Time { return by }, Logger: slog.New(slog.NewTextHandler(w.log, nil))}, w.vault, w.store)
	for range 2 {
		if err := opener.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	replies, err := w.store.Replies(t.Context(), w.courier.ID)
	if err != nil || len(replies) != 1 {
		t.Fatalf("%d replies, %v", len(replies), err)
	}
	if r := replies[0]; r.Closed() || r.Content != gateway.HashOf([]byte(raw)) || !strings.Contains(r.Text, secret) || !strings.Contains(r.Subject, "offre secrete") {
		t.Errorf("once opened: %+v", r)
	}
	if n := w.count(gateway.Unsealed); n != 1 {
		t.Errorf("%d events of the opening", n)
	}
}

// TestASealedMailMetAgainIsKnown: the server's copy may be read again after a crash; its hash is nowhere, and yet it is the same mail.
func TestASealedMailMetAgainIsKnown(t *testing.T) {
	t.Parallel()
	w, server := newWorld(t, gateway.ReplyPolicy{Allowed: true, Sealed: true, By: time.Now().Add(time.Hour)}), newMemory(t, 1)
	w.run(w.options(account(server.address)), nil)
	raw := w.answer(1)
	server.deliver(t, raw)
	server.deliver(t, raw)
	w.until("both copies are gone", func() bool { return w.count(gateway.Replied) > 0 && len(copies(t, server.address, "INBOX")) == 0 })
	if n := w.count(gateway.Replied); n != 1 {
		t.Errorf("%d answers", n)
	}
}

// TestAMailThatIsSeenToBeSealedLateIsSealedThen: a mail that was stored as it came is encrypted once it is placed.
func TestAMailThatIsSeenToBeSealedLateIsSealedThen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gateway.ReplyPolicy{Allowed: true, Sealed: true, By: time.Now().Add(time.Hour)})
	service, err := New(w.options(), w.store)
	if err != nil {
		t.Fatal(err)
	}
	raw := w.store.Spool()
	defer raw.Discard()
	if _, err := raw.Write(w.answer(1)); err != nil {
		t.Fatal(err)
	}
	in, _, err := w.store.Receive(t.Context(), gateway.Inbound{Account: "principal", Mailbox: "INBOX"}, raw)
	if err != nil {
		t.Fatal(err)
	}
	if err := service.settleOne(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	replies, err := w.store.Replies(t.Context(), w.courier.ID)
	if err != nil || len(replies) != 1 || !replies[0].Closed() || replies[0].Content == in.Content {
		t.Fatalf("%+v, %v", replies, err)
	}
	if _, err := w.store.OpenContent(t.Context(), in.Content); err == nil {
		t.Error("what could be read is still there")
	}
}

// sealedWorld is a world whose letter takes sealed answers for another hour, which is read.
func sealedWorld(t *testing.T) (w *world, server *memory, service *Service, by time.Time) {
	t.Helper()
	by = time.Now().Add(time.Hour)
	w, server = newWorld(t, gateway.ReplyPolicy{Allowed: true, Sealed: true, By: by}), newMemory(t, 1)
	service, _ = w.run(w.options(account(server.address)), nil)
	return w, server, service, by
}

// letterUnder is a letter of another courier.
func (w *world) letterUnder(policy gateway.ReplyPolicy) gateway.Recipient {
	w.t.Helper()
	courier, letter := w.courier, w.letter
	w.accept(policy)
	other := w.letter
	w.courier, w.letter = courier, letter
	return other
}

// opened opens what is due at a time.
func (w *world) opened(at time.Time) {
	w.t.Helper()
	o := seal.NewOpener(seal.Options{Now: func() time.Time { return at }, Logger: slog.New(slog.NewTextHandler(w.log, nil))}, w.vault, w.store)
	if err := o.Round(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// hidden checks that nothing of the installation's files shows these words.
func (w *world) hidden(words ...string) {
	w.t.Helper()
	for _, s := range words {
		if w.onDisk(s) {
			w.t.Errorf("%q can be read on the disk", s)
		}
	}
}

// TestPromiseSealedUntilAnAutomaticAnswerToo: it may say what an answer says. That one came is known at once, what it says at the date.
func TestPromiseSealedUntilAnAutomaticAnswerToo(t *testing.T) {
	t.Parallel()
	w, server, _, by := sealedWorld(t)
	const secret = "prix unitaire de douze mille euros"
	raw := strings.Replace(string(w.answer(1)), "\r\n\r\n", "\r\nAuto-Submitted: auto-replied\r\n\r\nJe suis absent. "+secret+"\r\n", 1)
	server.deliver(t, []byte(raw))
	w.until("the absence is recorded", func() bool { return w.count(gateway.Absent) == 1 })
	w.hidden(secret, gateway.HashOf([]byte(raw)).String())
	if replies, err := w.store.Replies(t.Context(), w.courier.ID); err != nil || len(replies) > 0 {
		t.Fatalf("%d replies, %v", len(replies), err)
	}
	w.opened(by.Add(-time.Second))
	w.hidden(secret)
	w.opened(by)
	w.opened(by)
	for _, e := range w.events() {
		if e.Kind == gateway.Unsealed && e.Recipient == w.letter.ID && len(e.Contents) == 1 && e.Contents[0] == gateway.HashOf([]byte(raw)) {
			return
		}
	}
	t.Errorf("no event leads to what it says: %+v", w.events())
}

// TestPromiseSealedUntilMailBesideNoLetterToo: what cannot be placed, or read, may be a sealed answer. It is matched by hand without being read.
func TestPromiseSealedUntilMailBesideNoLetterToo(t *testing.T) {
	t.Parallel()
	w, server, service, by := sealedWorld(t)
	const secret, odd = "12 000 euros", "treize mille"
	server.deliver(t, crlf(lostAnswer))
	server.deliver(t, crlf("Content-Type: multipart/mixed; boundary=b\n\n"+strings.Repeat("--b\n\nx\n", 1500)+odd+"\n--b--\n")) // cannot be read
	w.until("both wait in quarantine", func() bool { return len(w.inbounds(gateway.InboundQuarantined)) == 2 })
	w.until("no copy is left", func() bool { return len(copies(t, server.address, "INBOX")) == 0 })
	w.hidden(secret, odd, "Subject: Re: Courrier")
	var lost gateway.Inbound
	for _, in := range w.inbounds(gateway.InboundQuarantined) {
		if !in.Opens.Equal(gateway.Micros(by)) {
			t.Errorf("it opens %v", in.Opens)
		}
		if in.Class == "reply" && in.From != "" {
			lost = in
		}
	}
	if err := service.Match(t.Context(), lost.ID, w.letter.ID, byAda()); err != nil {
		t.Fatal(err)
	}
	w.hidden(secret)
	replies, err := w.store.Replies(t.Context(), w.courier.ID)
	if err != nil || len(replies) != 1 || !replies[0].Closed() || !replies[0].Opens.Equal(gateway.Micros(by)) {
		t.Fatalf("%+v, %v", replies, err)
	}
	w.opened(by)
	if replies, err = w.store.Replies(t.Context(), w.courier.ID); err != nil || replies[0].Closed() || !strings.Contains(replies[0].Text, secret) {
		t.Errorf("once opened: %+v, %v", replies, err)
	}
	if in, err := w.store.Inbound(t.Context(), lost.ID); err != nil || in.Subject != "Re: Courrier" || !in.Opens.IsZero() {
		t.Errorf("once opened: %+v, %v", in, err)
	}
	if !w.onDisk(odd) {
		t.Error("what waits in quarantine does not open")
	}
}

// TestMailSaidToBeNoSealedAnswerOpensAtOnce: a person places it beside a letter whose answers are not sealed.
func TestMailSaidToBeNoSealedAnswerOpensAtOnce(t *testing.T) {
	t.Parallel()
	w, server, service, _ := sealedWorld(t)
	server.deliver(t, crlf(lostAnswer))
	w.until("it waits in quarantine", func() bool { return len(w.inbounds(gateway.InboundQuarantined)) == 1 })
	other := w.letterUnder(gateway.ReplyPolicy{Allowed: true})
	if err := service.Match(t.Context(), w.inbounds(gateway.InboundQuarantined)[0].ID, other.ID, byAda()); err != nil {
		t.Fatal(err)
	}
	replies, err := w.store.Replies(t.Context(), other.Courier)
	if err != nil || len(replies) != 1 || replies[0].Sealed || replies[0].Content != gateway.HashOf(crlf(lostAnswer)) || !strings.Contains(replies[0].Text, "12 000 euros") {
		t.Errorf("%+v, %v", replies, err)
	}
	w.saysWhoOpened(other)
}

// saysWhoOpened demands the event of the opening of a mail that a person placed beside a letter.
func (w *world) saysWhoOpened(r gateway.Recipient) {
	w.t.Helper()
	events, err := w.store.Events(w.t.Context(), r.Courier, r.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	at := slices.IndexFunc(events, func(e gateway.Event) bool { return e.Kind == gateway.Unsealed })
	if at < 0 || events[at].Actor != byAda().Actor || !slices.Equal(events[at].Contents, []gateway.Hash{gateway.HashOf(crlf(lostAnswer))}) {
		w.t.Errorf("who opened it does not stand in %+v", events)
	}
}

// unsteady is a store whose first step fails.
type unsteady struct {
	Store
	failed bool
}

func (u *unsteady) Apply(ctx context.Context, step gateway.Step) error {
	if !u.failed {
		u.failed = true
		return errors.New("no answer")
	}
	return u.Store.Apply(ctx, step)
}

// TestAMailOpenedByAMatchThatFailsSaysWhoOpenedIt: the opening and its event are one.
func TestAMailOpenedByAMatchThatFailsSaysWhoOpenedIt(t *testing.T) {
	t.Parallel()
	w, server, _, _ := sealedWorld(t)
	server.deliver(t, crlf(lostAnswer))
	w.until("it waits in quarantine", func() bool { return len(w.inbounds(gateway.InboundQuarantined)) == 1 })
	other := w.letterUnder(gateway.ReplyPolicy{Allowed: true})
	service, err := New(w.options(account(server.address)), &unsteady{Store: w.store})
	if err != nil {
		t.Fatal(err)
	}
	if err := service.Match(t.Context(), w.inbounds(gateway.InboundQuarantined)[0].ID, other.ID, byAda()); err == nil {
		t.Fatal("nothing failed")
	}
	w.saysWhoOpened(other)
}

// TestAReportIsEvidenceAtOnce: what reports on a letter answers nothing.
func TestAReportIsEvidenceAtOnce(t *testing.T) {
	t.Parallel()
	w, server, _, _ := sealedWorld(t)
	server.deliver(t, w.delivered())
	w.until("it is recorded", func() bool { return w.count(gateway.Delivered) == 1 })
	if e := w.events()[len(w.events())-1]; len(e.Contents) != 1 || e.Contents[0] != gateway.HashOf(w.delivered()) {
		t.Errorf("%+v", e)
	}
}

// looking is a store that looks at the disk as a mail is handed in: everything fetched is there, nothing is stored.
type looking struct {
	Store
	look func()
}

func (l *looking) Receive(ctx context.Context, in gateway.Inbound, raw *store.Spool) (gateway.Inbound, bool, error) {
	l.look()
	return l.Store.Receive(ctx, in, raw)
}

// TestPromiseSealedUntilALargeAnswerIsInNoTemporaryFile: one that a kill would leave behind.
func TestPromiseSealedUntilALargeAnswerIsInNoTemporaryFile(t *testing.T) {
	t.Parallel()
	w, server := newWorld(t, gateway.ReplyPolicy{Allowed: true, Sealed: true, By: time.Now().Add(time.Hour)}), newMemory(t, 1)
	const secret = "prix unitaire de douze mille euros\r\n"
	w.run(w.options(account(server.address)), &looking{w.store, func() {
		if w.onDisk(secret) {
			t.Error("it can be read on the disk while it comes in")
		}
	}})
	server.deliver(t, append(w.answer(1), bytes.Repeat([]byte(secret), 500)...))
	w.until("the answer is recorded", func() bool { return w.count(gateway.Replied) == 1 })
	w.hidden(secret)
}

// TestPromiseNothingDroppedTheCopyOfWhatIsCutStays: it alone is whole. What is kept of it is sealed.
func TestPromiseNothingDroppedTheCopyOfWhatIsCutStays(t *testing.T) {
	t.Parallel()
	w, server := newWorld(t, gateway.ReplyPolicy{Allowed: true, Sealed: true, By: time.Now().Add(time.Hour)}), newMemory(t, 1)
	o := w.options(account(server.address))
	o.MaxSize = 10_000
	w.run(o, nil)
	const secret = "prix unitaire de douze mille euros\r\n"
	server.deliver(t, append(w.answer(1), bytes.Repeat([]byte(secret), 10_000)...))
	w.until("it is settled", func() bool {
		all := copies(t, server.address, "INBOX")
		return len(all) == 1 && slices.Contains(all[0], imap.FlagSeen)
	})
	w.hidden(secret)
}
