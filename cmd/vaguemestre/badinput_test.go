package main

import (
	"crypto/rand"
	"encoding/base64"
	"strings"
	"testing"

	"vaguemestre/deploy/sandbox"
	"vaguemestre/gateway/store"
)

// withFile is a letter with one file of that many bytes.
func withFile(id string, size int) string {
	raw := make([]byte, size)
	_, _ = rand.Read(raw) // documented never to fail (Go 1.24)
	var b strings.Builder
	b.WriteString("From: agent@acheteur.test\nTo: contact@entreprise.test\nSubject: Gros fichier\nMessage-ID: <" + id + "@acheteur.test>\nMIME-Version: 1.0\n" +
		"Content-Type: multipart/mixed; boundary=\"limite\"\n\n--limite\nContent-Type: text/plain\n\nBonjour, voici un fichier.\n--limite\n" +
		"Content-Type: application/octet-stream\nContent-Disposition: attachment; filename=\"plan.bin\"\nContent-Transfer-Encoding: base64\n\n")
	encoded := base64.StdEncoding.EncodeToString(raw)
	for len(encoded) > 76 {
		b.WriteString(encoded[:76] + "\n")
		encoded = encoded[76:]
	}
	b.WriteString(encoded + "\n--limite--\n")
	return b.String()
}

func TestPromiseRefusedIsClear(t *testing.T) {
	i, _, _ := installDemoWorld(t, "")
	i.feed("contact@entreprise.test")
	i.must("autre mot de passe\n", "agent", "add", "paul", "--name", "Paul", "--address", "paul@acheteur.test", "--password-stdin")
	i.serve()
	s := i.look()
	base := sandbox.Submission{Server: i.cfg.Submission.StartTLS, Security: sandbox.StartTLS, CA: i.ca, User: "victoria", Password: agentPassword, From: "agent@acheteur.test"}
	control := func(words string) string { return "testesr2020" + words + "@courrier.acheteur.test" }
	const company = "contact@entreprise.test"
	ordinary := letter("refus", company, "Bonjour", "Bonjour, un courrier.\n")
	for _, tc := range []struct {
		name    string
		change  func(*sandbox.Submission)
		message string
		to      []string
		want    []string // in the dialogue, accents folded
	}{
		{"wrong password", func(s *sandbox.Submission) { s.Password = "pas le bon mot" }, ordinary, []string{company, control("")}, []string{"535 5.7.8"}},
		{"no TLS", func(s *sandbox.Submission) { s.Security, s.User, s.Password = sandbox.Clear, "", "" }, ordinary, []string{company, control("")}, []string{"530 5.7.0"}},
		{"no login", func(s *sandbox.Submission) { s.User, s.Password = "", "" }, ordinary, []string{company, control("")}, []string{"530 5.7.0"}},
		{"unknown consultation", nil, ordinary, []string{company, "testesr2021@courrier.acheteur.test"}, []string{"550 5.", "testesr2020"}},
		{"no consultation", nil, ordinary, []string{company}, []string{"550 5.", "consultation"}},
		{"agent not entitled", func(s *sandbox.Submission) {
			s.User, s.Password, s.From = "paul", "autre mot de passe", "paul@acheteur.test"
		},
			strings.ReplaceAll(ordinary, "agent@", "paul@"), []string{company, control("")}, []string{"550 5.", "testesr2020"}},
		{"foreign From", nil, strings.ReplaceAll(ordinary, "agent@acheteur.test", "maire@acheteur.test"), []string{company, control("")}, []string{"550 5.7.1", "maire@acheteur.test"}},
		{"foreign envelope sender", func(s *sandbox.Submission) { s.From = "maire@acheteur.test" }, ordinary, []string{company, control("")}, []string{"550 5.7.1", "maire@acheteur.test"}},
		{"no recipient", nil, ordinary, []string{control("")}, []string{"550 5.", "destinataire"}},
		{"unknown word", nil, ordinary, []string{company, control("+rejett")}, []string{"550 5.", "rejet"}},
		{"5 Mo simple", nil, withFile("gros", 5_100_000), []string{company, control("+libre+simple")}, []string{"552 5.3.4", "5,1 Mo"}},
		{"60 Mo AR", nil, withFile("enorme", 60_500_000), []string{company, control("+libre")}, []string{"552 5.3.4", "60"}},
		{"broken MIME", nil, "From: agent@acheteur.test\nSubject: x\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n" + strings.Repeat("--b\nContent-Type: multipart/mixed; boundary=b\n\n", 3000), []string{company, control("")}, []string{"55"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			submission := base
			submission.To, submission.Message = tc.to, tc.message
			if tc.change != nil {
				tc.change(&submission)
			}
			dialogue, err := sandbox.Swaks(i.ctx, submission, "--suppress-data")
			if err == nil {
				t.Fatalf("taken:\n%s", dialogue)
			}
			for _, want := range tc.want {
				if !strings.Contains(strings.ToLower(dialogue), strings.ToLower(want)) {
					t.Errorf("no %q in:\n%s", want, dialogue)
				}
			}
			if strings.Contains(dialogue, "5.5.0 internal") || strings.Contains(dialogue, "sql") {
				t.Errorf("the cause leaves the house:\n%s", dialogue)
			}
		})
	}
	couriers, err := s.Couriers(i.ctx, store.CourierFilter{})
	if err != nil || len(couriers) != 0 {
		t.Errorf("stored: %d couriers, %v", len(couriers), err)
	}
	jobs, err := s.Jobs(i.ctx, store.JobFilter{})
	if err != nil || len(jobs) != 0 {
		t.Errorf("stored: %d jobs, %v", len(jobs), err)
	}
	events, err := s.EventsFrom(i.ctx, 0, 10)
	if err != nil || len(events) != 0 {
		t.Errorf("stored: %d events, %v", len(events), err)
	}
	i.stop()
}
