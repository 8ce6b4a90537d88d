package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

type written struct{ *bytes.Reader }

func (written) Close() error { return nil }

// TestPromiseSealedUntilUnmatchedMailShowsItsHeaderOnly: an answer that found no letter may be under a seal that is open.
func TestPromiseSealedUntilUnmatchedMailShowsItsHeaderOnly(t *testing.T) {
	const mail = "From: contact@entreprise.test\r\nSubject: offre\r\n\r\nPrix : douze mille euros.\r\n"
	for name, tc := range map[string]struct {
		opens time.Time
		whole bool
	}{
		"while a seal is open": {time.Now().Add(time.Hour), false},
		"once all are open":    {time.Time{}, true},
	} {
		var out, said bytes.Buffer
		if err := writeMail(console{out: &out, err: &said}, written{bytes.NewReader([]byte(mail))}, tc.opens); err != nil {
			t.Fatal(err)
		}
		if whole := strings.Contains(out.String(), "douze mille"); whole != tc.whole || !strings.Contains(out.String(), "Subject: offre") {
			t.Errorf("%s:\n%s", name, out.String())
		}
	}
}
