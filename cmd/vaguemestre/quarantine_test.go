package main

import (
	"strings"
	"testing"
	"time"

	"vaguemestre/cmd/internal/daemon"
	"vaguemestre/gateway"
	"vaguemestre/gateway/config"
	"vaguemestre/gateway/store"
)

// maybeSealed puts a mail in quarantine that came while a seal was open, as the mailbox does.
func maybeSealed(t *testing.T, i *installation, s *store.Store, raw string) string {
	t.Helper()
	cfg, err := config.Load(i.file)
	if err != nil {
		t.Fatal(err)
	}
	vault, err := daemon.SealVault(daemon.KeyFile(cfg, "seals"))
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := vault.Seal([]byte(strings.ReplaceAll(raw, "\n", "\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	spool := s.Spool()
	defer spool.Discard()
	_, _ = spool.Write(sealed)
	in, _, err := s.Receive(i.ctx, gateway.Inbound{Account: "principal", Opens: gateway.Micros(time.Now().Add(48 * time.Hour))}, spool)
	in.State, in.Class, in.Reason = gateway.InboundQuarantined, "reply", "about no letter of this gateway"
	if err == nil {
		err = s.Apply(i.ctx, gateway.Step{Inbound: &in})
	}
	if err != nil {
		t.Fatal(err)
	}
	return in.ID.String()
}

// TestPromiseSealedUntilUnmatchedMailIsNotWritten: an answer that found no letter may be under a seal that is open. Its header shows, one whose
// header never ends is written no more than another.
func TestPromiseSealedUntilUnmatchedMailIsNotWritten(t *testing.T) {
	i, s := desk(t)
	const secret = "Nous proposons douze mille euros."
	for _, mail := range []string{maybeSealed(t, i, s, "From: x@y.test\nSubject: offre\n\n"+secret+"\n"), maybeSealed(t, i, s, "From: x@y.test\nSubject: offre\n"+secret+"\n")} {
		if out, err := i.program("", "quarantine", "raw", mail); err == nil || strings.Contains(out+err.Error(), "douze mille") || !strings.Contains(err.Error(), "sealed until") {
			t.Errorf("%s, %v", out, err)
		}
		if out := i.must("", "quarantine", "show", mail); strings.Contains(out, "douze mille") || !strings.Contains(out, "sealed until") || !strings.Contains(out, "Subject: offre") {
			t.Error(out)
		}
	}
	if out := i.must("", "quarantine", "raw", unplaced(t, i, s, "From: x@y.test\nSubject: offre\n\n"+secret+"\n")); !strings.Contains(out, secret) {
		t.Errorf("what came while no seal was open: %s", out)
	}
}
