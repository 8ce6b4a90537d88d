package classify

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"vaguemestre/gateway/message"
)

func classifyText(t testing.TB, text string) Result {
	t.Helper()
	m, err := readText(text)
	if err != nil {
		t.Fatal(err)
	}
	return Classify(m)
}

func readText(text string) (*message.Message, error) {
	b := []byte(strings.ReplaceAll(text, "\n", "\r\n"))
	return message.Read(bytes.NewReader(b), int64(len(b)), message.Limits{})
}

// said is a report in one line: what a test compares.
func said(r Result) string {
	var lines []string
	for _, one := range r.Reports {
		kind := "temporary"
		if one.Permanent {
			kind = "permanent"
		}
		lines = append(lines, strings.Join([]string{one.Recipient, one.Action, one.Status, fmt.Sprint(one.ReplyCode), string(one.Reason), kind}, " "))
	}
	return string(r.Class) + ": " + strings.Join(lines, "; ")
}

// Each file of testdata is a mail written for this test, after the manner of a reporter; its first
// line, which is no part of it, is what must be understood.
func TestReportersOfEveryKind(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.eml"))
	if err != nil || len(files) < 30 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		want, mail, _ := strings.Cut(string(b), "\n")
		got := classifyText(t, mail)
		if strings.TrimSpace(said(got)) != strings.TrimSpace(want) {
			t.Errorf("%s (%s):\n got %s\nwant %s", filepath.Base(f), got.Why, said(got), want)
		}
		if got.Why == "" {
			t.Errorf("%s: no rule named", f)
		}
	}
}

func TestAutoSubmittedNoIsAPerson(t *testing.T) {
	r := classifyText(t, "From: a@b.example\nAuto-Submitted: no\nPrecedence: bulk\nSubject: Re: Courrier\nIn-Reply-To: <1@c.example>\n\nBonjour\n")
	if r.Class != ClassReply {
		t.Errorf("%s: %s", r.Class, r.Why)
	}
}

func TestAPersonWhoQuotesAReportIsAPerson(t *testing.T) {
	for _, mail := range []string{
		"From: Paul <paul@b.example>\nSubject: Re: Undelivered Mail Returned to Sender\nIn-Reply-To: <1@c.example>\n\nBonjour, que faire de ceci ?\n\n> <x@y.example>: host mx said: 550 5.1.1 User unknown\n",
		"From: Paul <paul@b.example>\nSubject: TR: Non remis : votre courrier\n\nVoir ci-dessous.\n\nFinal-Recipient: rfc822; x@y.example\nAction: failed\nStatus: 5.1.1\n",
		"From: Paul <paul@b.example>\nSubject: Livraison du matériel retardée\n\nVotre message a bien été lu, x@y.example vous répondra.\n",
		"From: Paul <paul@b.example>\nSubject: Absence de pièces dans le dossier\n\nBonjour, il manque le DC1. Je suis absent demain.\n",
		"From: Paul <paul@b.example>\nSubject: Re: Réponse automatique : Courrier\nIn-Reply-To: <1@c.example>\n\nBonjour, merci de votre retour.\n",
		"From: Paul <paul@b.example>\nSubject: Boîte pleine\n\nMa boîte aux lettres était pleine, merci de renvoyer.\n",
	} {
		if r := classifyText(t, mail); r.Class != ClassReply {
			t.Errorf("%s: %s (%s)", r.Subject, r.Class, r.Why)
		}
	}
}

func TestChallengesOfManyTongues(t *testing.T) {
	for _, mail := range []string{
		"From: AntiSpam <antispam@fournisseur.example>\nSubject: ANTISPAM » Courrier de rejet\n\nOlá,\n\nVocê enviou uma mensagem para contato@fournisseur.example.\nPara que sua mensagem seja encaminhada, por favor, clique aqui.\n",
		"From: contact@entreprise.example\nX-BoxTrapper: yes\nSubject: Your email requires verification\n\nPlease reply.\n",
		"From: contact@entreprise.example\nSubject: Please confirm your message\nAuto-Submitted: auto-replied\n\nYour message is held. Reply to this message to confirm, and it will be delivered.\n",
		"From: contact@entreprise.example\nSubject: Réponse automatique\nAuto-Submitted: auto-replied\n\nAvant que votre message soit remis, cliquez sur ce lien pour vous authentifier.\n",
	} {
		if r := classifyText(t, mail); r.Class != ClassChallenge {
			t.Errorf("%s: %s (%s)", r.Subject, r.Class, r.Why)
		}
	}
	for _, mail := range []string{
		"From: Paul <paul@b.example>\nSubject: Confirmation de participation\n\nBonjour, je confirme ma venue, voir le lien https://x.example. Cliquez ici pour le plan.\n",
		"From: Paul <paul@b.example>\nSubject: Re: Merci de confirmer votre message\nIn-Reply-To: <1@c.example>\n\nJe confirme. Cliquez sur le lien.\n",
	} {
		if r := classifyText(t, mail); r.Class != ClassReply {
			t.Errorf("%s: %s (%s)", r.Subject, r.Class, r.Why)
		}
	}
}

func TestAReportTellsOfTheMessageItIsAbout(t *testing.T) {
	r := classifyText(t, `From: MAILER-DAEMON@mx.example.net
Subject: Undelivered
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

Sorry.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net (Postfix)
Original-Envelope-Id: abc.0.l
Arrival-Date: Fri, 20 Nov 2026 10:00:00 +0100
X-Postfix-Sender: rfc822; courrier+b-jeton@passerelle.example

Original-Recipient: utf-8; jos\x{E9}@example.net
Final-Recipient: rfc822;jose@example.net
Action: failed (hard)
Status: 5.1.1 (bad mailbox)
Remote-MTA: dns; mx2.example.net
Last-Attempt-Date: Fri, 20 Nov 2026 10:00:05 +0100 (CET)

--b
Content-Type: message/rfc822

Return-Path: <courrier+b-jeton@passerelle.example>
Reply-To: courrier+r-jeton@passerelle.example
To: jose@example.net
Subject: =?utf-8?q?Rejet_=C3=A9crit?=
Message-ID: <lettre@passerelle.example>

Bonjour
--b--
`)
	got, _ := json.Marshal(r)
	want := `{"class":"report","why":"part message/delivery-status","standard":true,"reports":[{"recipient":"jose@example.net","original_recipient":"josé@example.net","action":"failed","status":"5.1.1","reported_status":"5.1.1","diagnostic":"bad mailbox","reason":"user-unknown","permanent":true,"remote_mta":"mx2.example.net","last_attempt":"2026-11-20T09:00:05Z"}],` +
		`"reporting_mta":"mx.example.net","envid":"abc.0.l","arrival":"2026-11-20T09:00:00Z","from":"mailer-daemon@mx.example.net","subject":"Undelivered",` +
		`"original":{"message_id":"\u003clettre@passerelle.example\u003e","to":["jose@example.net"],"addresses":["courrier+b-jeton@passerelle.example","courrier+r-jeton@passerelle.example"],"subject":"Rejet écrit"}}`
	if string(got) != want {
		t.Errorf(" got %s\nwant %s", got, want)
	}
}

func TestBoundsHoldAgainstHugeReports(t *testing.T) {
	var fields strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&fields, "Final-Recipient: rfc822; a%d@b.example\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; %s\n\n", i, strings.Repeat("x", 5000))
	}
	r := classifyText(t, "From: MAILER-DAEMON\nContent-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; x\n\n"+fields.String()+"--b--\n")
	if len(r.Reports) == 0 || len(r.Reports) > maxRecipients || len(r.Reports[0].Diagnostic) > maxDiagnostic {
		t.Errorf("%d reports, diagnostic of %d", len(r.Reports), len(r.Reports[0].Diagnostic))
	}
}

// The work must not grow with the recipients times the text.
func TestBoundsHoldAgainstHugeProse(t *testing.T) {
	var text strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&text, "<a%d@b.example>: could not be delivered user sent to x%d@y.example recipient\n", i, i)
	}
	r := classifyText(t, "From: MAILER-DAEMON@x.example\nSubject: failure notice\n\n"+text.String())
	if r.Class != ClassReport || len(r.Reports) != maxRecipients {
		t.Errorf("%s, %d reports", r.Class, len(r.Reports))
	}
}

func FuzzClassify(f *testing.F) {
	files, _ := filepath.Glob(filepath.Join("testdata", "*.eml"))
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		_, mail, _ := bytes.Cut(b, []byte("\n"))
		f.Add(mail)
	}
	f.Add([]byte("From: <>\nSubject: failure notice\n\n<@>:\n(#5.1.1)"))
	f.Fuzz(func(t *testing.T, mail []byte) {
		m, err := message.Read(bytes.NewReader(mail), int64(len(mail)), message.Limits{})
		if err != nil {
			return
		}
		r := Classify(m)
		if r.Class == "" || r.Why == "" || len(r.Reports) > maxRecipients {
			t.Fatalf("%+v", r)
		}
		for _, one := range r.Reports {
			if one.Reason == "" || len(one.Diagnostic) > maxDiagnostic || r.Class == ClassReport && one.Action == "" || one.Action == Delayed && one.Permanent {
				t.Fatalf("%+v", one)
			}
		}
	})
}

func FuzzReportBlock(f *testing.F) {
	f.Add("Reporting-MTA: dns; x\n\nFinal-Recipient: rfc822; a@b\nAction: failed\nStatus: 5.1.1\n")
	f.Add("Action : failed\n Final-Recipient : rfc822;a\n\n\n: x\n\t folded")
	f.Fuzz(func(t *testing.T, text string) {
		about, groups := splitReport(parseBlocks(text))
		for _, g := range append(groups, about) {
			for _, one := range g {
				if one.name == "" || one.name != strings.ToLower(one.name) {
					t.Fatalf("field %+v", one)
				}
			}
			if one, ok := fromFields(g); ok && len(one.Diagnostic) > maxDiagnostic {
				t.Fatalf("%+v", one)
			}
		}
		if len(groups) > maxRecipients {
			t.Fatalf("%d groups", len(groups))
		}
	})
}

func BenchmarkClassify(b *testing.B) {
	files, _ := filepath.Glob(filepath.Join("testdata", "*.eml"))
	var mails []*message.Message
	for _, name := range files {
		raw, err := os.ReadFile(name)
		if err != nil {
			b.Fatal(err)
		}
		_, mail, _ := bytes.Cut(raw, []byte("\n"))
		m, err := message.Read(bytes.NewReader(mail), int64(len(mail)), message.Limits{})
		if err != nil {
			b.Fatal(err)
		}
		mails = append(mails, m)
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, m := range mails {
			Classify(m)
		}
	}
	b.ReportMetric(float64(b.N*len(mails))/b.Elapsed().Seconds(), "mails/s")
}
