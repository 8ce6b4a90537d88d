package proof

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"vaguemestre/gateway"
	"vaguemestre/tracking/ledger"
)

// said is everything that a proof holds, as text: its pages, its attachments, its evidence.
func said(t *testing.T, w *world, b []byte) string {
	t.Helper()
	if r := w.verify(b, Trust{}); !r.OK() {
		t.Fatal(r.Text("fr"))
	}
	return run(t, b, "pdftotext", "-layout", "FILE", "-") + string(b)
}

func TestPromise7SentIsNeverDelivered(t *testing.T) {
	w := newWorld(t)
	c, rs := w.courier(gateway.Options{Acknowledged: true}, "a@one.example")
	w.sent("09/03/2021 11:50:22", c, rs[0])
	w.event("09/03/2021 11:50:51", gateway.HandedOver, c, rs[0].ID, "reporter:smtp.region.example", gateway.ByReport, gateway.ReportDetails{Action: "relayed", Status: "2.0.0", ReportingMTA: "smtp.region.example", Standard: true})
	text := run(t, w.pdf(c.ID, gateway.ID{}, ""), "pdftotext", "-layout", "FILE", "-")
	for _, never := range []string{"Reçu techniquement", "Accusé de réception (Lu)", "leur serveur a reçu"} {
		if strings.Contains(text, never) {
			t.Errorf("a relay's answer is called %q:\n%s", never, text)
		}
	}
	for _, always := range []string{"Transmis au", "non", "que le destinataire l'a reçu", "Ni la", "Remis sans", "ne vaut pas remise"} {
		if !strings.Contains(text, always) {
			t.Errorf("the proof does not say %q:\n%s", always, text)
		}
	}
}

func TestPromise7EveryClaimSaysWhatProvesIt(t *testing.T) {
	w := newWorld(t)
	c, rs := w.story()
	kinds := map[gateway.EventKind]any{
		gateway.Uncertain: gateway.RelayDetails{Host: "h", Stage: "dot"}, gateway.Expired: gateway.RelayDetails{Host: "h", Cause: "x"},
		gateway.Delayed: gateway.ReportDetails{Action: "delayed"}, gateway.Visited: gateway.VisitDetails{Method: "GET", Looks: "scanner"},
		gateway.Downloaded: gateway.DownloadDetails{File: c.Files[0]}, gateway.Absent: gateway.MailDetails{From: "a@b"}, gateway.Challenged: gateway.MailDetails{},
		gateway.Displayed: gateway.MailDetails{Disposition: "manual"}, gateway.Complained: gateway.MailDetails{}, gateway.Reminded: gateway.ReasonDetails{Number: 1},
		gateway.Retried: gateway.ReasonDetails{}, gateway.Cancelled: gateway.ReasonDetails{Reason: "r"}, gateway.Withdrawn: gateway.ReasonDetails{},
		gateway.WrongPerson: gateway.ReasonDetails{}, gateway.Infected: gateway.InfectedDetails{File: c.Files[0], Signature: "x"}, gateway.Unsealed: gateway.ReasonDetails{}, gateway.Opened: gateway.ReasonDetails{}, gateway.Quarantined: gateway.MailDetails{},
	}
	for kind, details := range kinds {
		w.event("10/03/2021 10:00:00", kind, c, rs[1].ID, "gateway", gateway.ByUs, details)
	}
	for _, language := range []string{"fr", "en"} {
		m, err := w.issuer.collect(t.Context(), c.ID, gateway.ID{}, language)
		if err != nil {
			t.Fatal(err)
		}
		texts, err := wordsOf(language)
		if err != nil {
			t.Fatal(err)
		}
		d := drawer{w: texts, ev: m.evidence, zone: paris()}
		for _, f := range m.evidence.Events {
			for _, text := range []string{d.stepName(f), d.why(f), d.recordedAs(f)} {
				if text == "" || strings.ContainsAny(text, "{}") || strings.Contains(text, "why.") || strings.Contains(text, "step.") {
					t.Errorf("%s of %s: %q", language, f.Kind, text)
				}
			}
		}
	}
	if r := w.verify(w.pdf(c.ID, gateway.ID{}, "en"), Trust{}); !r.OK() {
		t.Error(r.Text("en"))
	}
}

func TestPromise9NothingOfASealedReplyShows(t *testing.T) {
	w := newWorld(t)
	by := w.clock.Now().AddDate(0, 1, 0)
	c, rs := w.courier(gateway.Options{Acknowledged: true, Reply: gateway.ReplyPolicy{Allowed: true, By: by, Sealed: true}}, "a@one.example", "b@two.example")
	reply := w.reply("10/03/2021 09:30:00", c, rs[0], "Notre offre : 12 345 euros", true)
	all := said(t, w, w.pdf(c.ID, gateway.ID{}, ""))
	for _, secret := range []string{"12 345", "Notre offre", reply.Content.String(), reply.MessageID, gateway.Commitment(reply.ID, reply.Content).String()} {
		if strings.Contains(all, secret) {
			t.Errorf("%q shows under the seal", secret)
		}
	}
	if !strings.Contains(all, "Réponses sous scellé : 1.") || !strings.Contains(all, "09/04/2021") {
		t.Error("the proof does not say that there is a sealed reply, and until when")
	}
	w.unseal("10/04/2021 12:00:00", reply)
	all = said(t, w, w.pdf(c.ID, gateway.ID{}, ""))
	if strings.Contains(all, "Réponses sous scellé") || !strings.Contains(all, reply.Content.String()) {
		t.Error("once its date has come, the reply stands in the proof with its hash, which its commitment binds")
	}
}

func TestPromise9AnEventThatBearsASealedHashIsLeftOut(t *testing.T) {
	w := newWorld(t)
	c, rs := w.courier(gateway.Options{Reply: gateway.ReplyPolicy{Allowed: true, By: w.clock.Now().AddDate(0, 1, 0), Sealed: true}}, "a@one.example")
	reply := w.reply("10/03/2021 09:30:00", c, rs[0], "Notre offre", true)
	w.event("10/03/2021 09:30:01", gateway.Replied, c, rs[0].ID, "company", gateway.ByMail, gateway.ReplyDetails{Reply: reply.ID, Sealed: true}, reply.Content)
	if strings.Contains(said(t, w, w.pdf(c.ID, gateway.ID{}, "")), reply.Content.String()) {
		t.Error("the hash of a sealed reply shows")
	}
}

func TestPromise14ProofForOneShowsThatOneOnly(t *testing.T) {
	w := newWorld(t)
	c, rs := w.story()
	common := w.keep("Subject: report on both\n\nvictoria and contact\n")
	for _, r := range rs {
		w.event("11/03/2021 09:00:00", gateway.Delayed, c, r.ID, "reporter:smtp.region.example", gateway.ByReport, gateway.ReportDetails{Action: "delayed", Content: common}, common)
	}
	w.event("11/03/2021 09:00:00", gateway.Cancelled, c, gateway.ID{}, "agent:cmartin", gateway.ByAgent, gateway.ReasonDetails{Reason: "contact@concurrent.example s'est plaint"})
	w.pdf(c.ID, rs[1].ID, "") // an event about the other one
	all := said(t, w, w.pdf(c.ID, rs[0].ID, ""))
	for _, secret := range []string{
		"concurrent", "contact@", rs[1].ID.String(), rs[1].MessageID, c.MessageID, "letter-1", "unknown user", "report on both", "plaint",
		gateway.HashOf([]byte(rs[1].Address)).String(),
	} {
		if strings.Contains(all, secret) {
			t.Errorf("%q shows in the proof for another recipient", secret)
		}
	}
	for _, own := range []string{"limitée à un destinataire", rs[0].Address, "Accusé de", "regret de vous annoncer", "Annulation", "Pouvez-vous préciser"} {
		if !strings.Contains(all, own) {
			t.Errorf("%q is missing in the recipient's own proof", own)
		}
	}
}

func TestPromise14ErasedDetailsLeaveTheProofValid(t *testing.T) {
	w := newWorld(t)
	c, _ := w.story()
	events, err := w.Events(t.Context(), c.ID, gateway.ID{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if err := w.EraseDetails(t.Context(), e.ID); err != nil {
			t.Fatal(err)
		}
	}
	if all := said(t, w, w.pdf(c.ID, gateway.ID{}, "")); !strings.Contains(all, "leur empreinte demeure") {
		t.Error("the proof does not say that details were erased")
	}
}

func TestIssuingIsAnEvent(t *testing.T) {
	reg := prometheus.NewRegistry()
	w := newWorld(t, func(_ *ledger.Options, o *Options) { o.Registerer = reg })
	c, rs := w.story()
	b := w.pdf(c.ID, rs[0].ID, "")
	families, err := reg.Gather()
	if err != nil || len(families) != 3 || families[1].GetName() != "vaguemestre_proof_issued_total" || families[1].Metric[0].Counter.GetValue() != 1 {
		t.Errorf("metrics: %v %v", families, err)
	}
	events, err := w.Events(t.Context(), c.ID, rs[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	last := events[len(events)-1]
	d := details[gateway.ProofDetails](EventFacts{Details: string(last.Details)})
	if last.Kind != gateway.ProofIssued || d.For != rs[0].ID || d.SHA256 != gateway.HashOf(b) {
		t.Errorf("%s %v", last.Kind, d)
	}
}

func TestUnknownCourierOrRecipientWritesNothing(t *testing.T) {
	w := newWorld(t)
	c, _ := w.story()
	for _, ids := range [][2]gateway.ID{{w.id(), {}}, {c.ID, w.id()}} {
		var b bytes.Buffer
		err := w.issuer.Write(t.Context(), &b, ids[0], ids[1], "")
		if !errors.Is(err, gateway.ErrNotFound) || b.Len() > 0 {
			t.Errorf("%v, %d octets", err, b.Len())
		}
	}
}

func TestAWriterThatFailsLeavesNoEvent(t *testing.T) {
	w := newWorld(t)
	c, _ := w.story()
	before, err := w.Events(t.Context(), c.ID, gateway.ID{})
	if err != nil {
		t.Fatal(err)
	}
	for n := 10; n < 100_000; n += 19_000 {
		if err := w.issuer.Write(t.Context(), &failing{n}, c.ID, gateway.ID{}, ""); !errors.Is(err, errFull) {
			t.Errorf("after %d octets: %v", n, err)
		}
	}
	after, err := w.Events(t.Context(), c.ID, gateway.ID{})
	if err != nil || len(after) != len(before) {
		t.Errorf("%d events instead of %d, %v", len(after), len(before), err)
	}
}

var errFull = errors.New("full")

type failing struct{ left int }

func (f *failing) Write(b []byte) (int, error) {
	if f.left -= len(b); f.left < 0 {
		return 0, errFull
	}
	return len(b), nil
}

// Promise 12: a large content streams into the proof, the bundle and their verification.
func TestPromise12LargeContentsStream(t *testing.T) {
	w := newWorld(t)
	c, rs := w.courier(gateway.Options{}, "a@one.example")
	sp := w.Spool()
	line := bytes.Repeat([]byte("a large report\r\n"), 4096)
	for range 800 { // 52 MB
		if _, err := sp.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	h, err := w.Keep(context.Background(), sp)
	if err != nil {
		t.Fatal(err)
	}
	w.event("09/03/2021 12:00:00", gateway.Delivered, c, rs[0].ID, "reporter:x", gateway.ByReport, gateway.ReportDetails{Content: h}, h)
	w.issuer.o.Attach = 100_000_000
	if _, err := w.issuer.collect(t.Context(), c.ID, gateway.ID{}, ""); err != nil { // fonts and words are read once
		t.Fatal(err)
	}
	var counted countingFile
	grew := memory(func() {
		if err := w.issuer.Write(t.Context(), &counted, c.ID, gateway.ID{}, ""); err != nil {
			t.Fatal(err)
		}
	})
	if counted.n < 52_000_000 || grew > 30<<20 {
		t.Errorf("a proof of %d octets allocated %d", counted.n, grew)
	}
}

type countingFile struct{ n int64 }

func (c *countingFile) Write(b []byte) (int, error) {
	c.n += int64(len(b))
	return len(b), nil
}
