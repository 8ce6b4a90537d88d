package mailbox

import (
	"bytes"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/seal"
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
