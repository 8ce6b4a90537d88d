package quarantine

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/act"
	"vaguemestre/gateway/seal"
	"vaguemestre/gateway/store"
)

// room is a store with one mail in quarantine.
func room(t *testing.T, raw string) (*store.Store, gateway.Inbound) {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{Path: t.TempDir() + "/db", ContentDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	spool := s.Spool()
	defer spool.Discard()
	_, _ = io.WriteString(spool, raw)
	in, _, err := s.Receive(t.Context(), gateway.Inbound{Account: "principal"}, spool)
	in.State, in.From = gateway.InboundQuarantined, "a@b.example"
	if err == nil {
		err = s.Apply(t.Context(), gateway.Step{Inbound: &in})
	}
	if err != nil {
		t.Fatal(err)
	}
	return s, in
}

func TestWhatIsShownIsTextOnLines(t *testing.T) {
	s, in := room(t, "From: a@b.example\r\nSubject: =?utf-8?q?Bonjour=0D=0A=1B[2J?=\r\nX-Long: "+strings.Repeat("é", 400)+"\r\nContent-Type: text/html\r\n\r\n<p>Un</p><script>deux</script>")
	v, err := Look(t.Context(), s, nil, in.ID)
	if err != nil || v.Text != "Un" || v.Cut || v.Unreadable != "" {
		t.Fatalf("%+v, %v", v, err)
	}
	for _, f := range v.Header {
		if strings.ContainsAny(f.Value, "\r\n\x1b") || len(f.Value) > maxValue {
			t.Errorf("%q: %q", f.Name, f.Value)
		}
	}
}

func TestALongTextIsCut(t *testing.T) {
	s, in := room(t, "From: a@b.example\r\n\r\n"+strings.Repeat("Une ligne de texte.\r\n", 10_000))
	if v, err := Look(t.Context(), s, nil, in.ID); err != nil || !v.Cut || len(v.Text) > MaxText {
		t.Errorf("%d octets, cut: %v, %v", len(v.Text), v.Cut, err)
	}
}

// TestPromiseSealedUntilOnlyTheHeaderOfWhatMayBeSealedShows: beside no letter, its header; beside a letter, nothing.
func TestPromiseSealedUntilOnlyTheHeaderOfWhatMayBeSealedShows(t *testing.T) {
	key, err := seal.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	vault, err := seal.New(key)
	if err != nil {
		t.Fatal(err)
	}
	encrypted, err := vault.Seal([]byte("From: a@b.example\r\nSubject: offre\r\n\r\ndouze mille euros"))
	if err != nil {
		t.Fatal(err)
	}
	s, in := room(t, string(encrypted))
	in.Opens = gateway.Micros(time.Now().Add(time.Hour))
	if err := s.Apply(t.Context(), gateway.Step{Inbound: &in}); err != nil {
		t.Fatal(err)
	}
	v, err := Look(t.Context(), s, vault, in.ID)
	if err != nil || v.Text != "" || len(v.Header) != 2 || v.Subject != "offre" || !v.SealedUntil.Equal(in.Opens) {
		t.Errorf("%+v, %v", v, err)
	}
	var sealed Sealed
	if _, err := Raw(t.Context(), s, in.ID); !errors.As(err, &sealed) {
		t.Errorf("raw: %v", err)
	}
	if err := Dismiss(t.Context(), s, in.ID, act.By{Actor: "administrator:ada", Reason: "publicité", Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	waiting, err := s.Unsequenced(t.Context(), 10)
	if err != nil || len(waiting) != 1 || len(waiting[0].Contents) > 0 || strings.Contains(string(waiting[0].Details), in.Content.String()) {
		t.Errorf("the event shows what is sealed: %+v, %v", waiting, err)
	}
	s, placed := room(t, string(encrypted))
	placed.Opens, placed.Courier, placed.Recipient = in.Opens, gateway.NewID(time.Now()), gateway.NewID(time.Now())
	if err := s.Apply(t.Context(), gateway.Step{Inbound: &placed}); err != nil {
		t.Fatal(err)
	}
	if v, err := Look(t.Context(), s, vault, placed.ID); err != nil || len(v.Header) > 0 || v.Subject != "" {
		t.Errorf("beside a letter: %+v, %v", v, err)
	}
}

func TestAMailIsDismissedOnceWithItsAuthor(t *testing.T) {
	s, in := room(t, "From: a@b.example\r\n\r\nBonjour")
	by := act.By{Actor: "administrator:ada", Reason: "publicité", Now: time.Now()}
	if err := Dismiss(t.Context(), s, in.ID, by); err != nil {
		t.Fatal(err)
	}
	if err := Dismiss(t.Context(), s, in.ID, by); !errors.Is(err, gateway.ErrFenced) {
		t.Errorf("again: %v", err)
	}
	now, err := s.Inbound(t.Context(), in.ID)
	if err != nil || now.State != gateway.InboundDismissed || now.Reason != "administrator:ada: publicité" {
		t.Errorf("%+v, %v", now, err)
	}
	waiting, err := s.Unsequenced(t.Context(), 10)
	if err != nil || len(waiting) != 1 || waiting[0].Kind != gateway.Dismissed || waiting[0].Actor != by.Actor || waiting[0].Strength != gateway.ByAgent {
		t.Errorf("%+v, %v", waiting, err)
	}
	if content, err := Raw(t.Context(), s, in.ID); err != nil {
		t.Errorf("it is not kept: %v", err)
	} else {
		_ = content.Close()
	}
}
