package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"vaguemestre/gateway"
)

type written struct{ *bytes.Reader }

func (written) Close() error { return nil }

// TestPromiseSealedUntilUnmatchedMailShowsItsHeaderOnly: an answer that found no letter may be under a seal that is open.
func TestPromiseSealedUntilUnmatchedMailShowsItsHeaderOnly(t *testing.T) {
	const mail = "From: contact@entreprise.test\r\nSubject: offre\r\n\r\nPrix : douze mille euros.\r\n"
	for name, tc := range map[string]struct {
		in    gateway.Inbound
		opens time.Time
		whole bool
	}{
		"while a seal is open":      {gateway.Inbound{}, time.Now().Add(time.Hour), false},
		"once all are open":         {gateway.Inbound{}, time.Time{}, true},
		"matched, and known as not": {gateway.Inbound{Courier: gateway.NewID(time.Now())}, time.Now().Add(time.Hour), true},
	} {
		var out, said bytes.Buffer
		if err := writeMail(console{out: &out, err: &said}, tc.in, written{bytes.NewReader([]byte(mail))}, tc.opens); err != nil {
			t.Fatal(err)
		}
		if whole := strings.Contains(out.String(), "douze mille"); whole != tc.whole || !strings.Contains(out.String(), "Subject: offre") {
			t.Errorf("%s:\n%s", name, out.String())
		}
	}
}
