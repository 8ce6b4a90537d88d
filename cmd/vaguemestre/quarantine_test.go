package main

import (
	"strings"
	"testing"
	"time"
)

// TestPromiseSealedUntilUnmatchedMailIsNotWritten: an answer that found no letter may be under a seal that is open. One whose header never
// ends is written no more than another.
func TestPromiseSealedUntilUnmatchedMailIsNotWritten(t *testing.T) {
	i, s := desk(t)
	const secret = "Nous proposons douze mille euros."
	mails := []string{unplaced(t, i, s, "From: x@y.test\nSubject: offre\n\n"+secret+"\n"), unplaced(t, i, s, "From: x@y.test\nSubject: offre\n"+secret+"\n")}
	for _, mail := range mails {
		if out := i.must("", "quarantine", "raw", mail); !strings.Contains(out, secret) {
			t.Errorf("before any seal: %s", out)
		}
	}
	i.must("", "courier", "send", "--agent", "victoria", "--consultation", "TESTESR2020", "--type", "libre", "--to", boxOf("libre"), "--subject", "Visite",
		"--body", "Bonjour.", "--reply", "--sealed", "--reply-by", time.Now().Add(48*time.Hour).Format("2006-01-02 15:04"))
	for _, mail := range mails {
		if out, err := i.program("", "quarantine", "raw", mail); err == nil || strings.Contains(out+err.Error(), "douze mille") || !strings.Contains(err.Error(), "sealed until") {
			t.Errorf("%s, %v", out, err)
		}
		if out := i.must("", "quarantine", "show", mail); strings.Contains(out, "douze mille") || !strings.Contains(out, "sealed until") {
			t.Error(out)
		}
	}
}
