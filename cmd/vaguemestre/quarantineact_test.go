package main

import (
	"io"
	"strings"
	"testing"

	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// unplaced puts a mail in quarantine, as the reader of mailboxes does.
func unplaced(t *testing.T, i *installation, s *store.Store, raw string) string {
	t.Helper()
	spool := s.Spool()
	defer spool.Discard()
	_, _ = io.WriteString(spool, strings.ReplaceAll(raw, "\n", "\r\n"))
	in, _, err := s.Receive(i.ctx, gateway.Inbound{Account: "principal"}, spool)
	in.State, in.Class, in.Reason = gateway.InboundQuarantined, "reply", "about no letter of this gateway"
	if err == nil {
		err = s.Apply(i.ctx, gateway.Step{Inbound: &in})
	}
	if err != nil {
		t.Fatal(err)
	}
	return in.ID.String()
}

func TestMailInQuarantineIsShownMatchedAndDismissedByCommand(t *testing.T) {
	i, s := desk(t)
	sent := sentBy(t, i.must("Bonjour,\nvoici.\n", "courier", "send", "--agent", "victoria", "--consultation", "TESTESR2020", "--type", "libre",
		"--to", boxOf("libre"), "--subject", "Visite", "--body", "-", "--json"))
	letters, err := s.Recipients(i.ctx, sent.Courier)
	if err != nil || len(letters) != 1 {
		t.Fatal(letters, err)
	}
	mail := unplaced(t, i, s, "From: "+boxOf("libre")+"\nSubject: Re: Visite\nMessage-ID: <1@x.test>\n\nNous serons deux.\x1b[2J\n")
	if out := i.must("", "quarantine", "show", mail); !strings.Contains(out, "Subject: Re: Visite") || !strings.Contains(out, "Nous serons deux.") || strings.Contains(out, "\x1b") {
		t.Errorf("%q", out)
	}
	for _, wrong := range [][]string{
		{"match", mail, letters[0].ID.String()}, {"match", mail, "x", "--reason", "r"}, {"match", mail, mail, "--reason", "r"}, {"match", letters[0].ID.String(), letters[0].ID.String(), "--reason", "r"},
	} {
		if out, err := i.program("", append([]string{"quarantine"}, wrong...)...); err == nil {
			t.Errorf("%v: %s", wrong, out)
		}
	}
	i.must("", "quarantine", "match", mail, letters[0].ID.String(), "--reason", "dit au téléphone")
	if out, err := i.program("", "quarantine", "dismiss", mail, "--reason", "encore"); err == nil || !strings.Contains(err.Error(), "not in quarantine but done") {
		t.Errorf("%s %v", out, err)
	}
	replies, err := s.Replies(i.ctx, sent.Courier)
	if err != nil || len(replies) != 1 || !strings.Contains(replies[0].Text, "Nous serons deux.") {
		t.Errorf("%+v, %v", replies, err)
	}
	if out := i.must("", "courier", "show", sent.Courier.String()); !strings.Contains(out, "matched") || !strings.Contains(out, "dit au téléphone") {
		t.Error(out)
	}
	other := unplaced(t, i, s, "From: x@y.test\nSubject: Soldes\n\nTout doit partir.\n")
	i.must("", "quarantine", "dismiss", other, "--reason", "publicité")
	if out := i.must("", "quarantine", "list"); strings.Contains(out, other) || strings.Contains(out, mail) {
		t.Error(out)
	}
}
