package intake

import (
	"context"
	"flag"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vaguemestre/gateway"
	"vaguemestre/gateway/address"
	"vaguemestre/gateway/message"
)

var update = flag.Bool("update", false, "write the mails to agents into testdata")

// notice gives the one mail to an agent that waits to be sent.
func (w *world) notice(t *testing.T) (to, text string) {
	t.Helper()
	jobs := w.jobs(t)
	if len(jobs) != 1 || jobs[0].Kind != gateway.JobNotice || jobs[0].Notice.Kind != gateway.NoticeRaw {
		t.Fatalf("jobs %+v", jobs)
	}
	return jobs[0].Notice.To, w.raw(t, jobs[0].Notice.Content)
}

var fleeting = regexp.MustCompile(`[A-Z2-7]{26}|[a-z0-9]{26}`)

// golden compares a mail with a file, identifiers and boundaries apart.
func golden(t *testing.T, name, text string) {
	t.Helper()
	text = strings.ReplaceAll(fleeting.ReplaceAllString(text, "…"), "\r\n", "\n")
	name = "testdata/" + name
	if *update {
		must(t, os.WriteFile(name, []byte(text), 0o644))
	}
	want, err := os.ReadFile(name)
	must(t, err)
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s:\n%s", name, diff)
	}
}

// bodies reads the texts of a mail, so that the golden files can be read too.
func bodies(t *testing.T, mail string) string {
	t.Helper()
	m, err := message.Read(strings.NewReader(mail), int64(len(mail)), message.Limits{})
	must(t, err)
	if len(m.Defects) > 0 {
		t.Errorf("our own mail has defects: %v", m.Defects)
	}
	head, _, _ := strings.Cut(mail, "\r\n\r\n")
	text := head + "\n"
	for _, p := range append([]*message.Part{m.Text()}, m.Files()...) {
		body, err := p.Text(1 << 20)
		must(t, err)
		text += "\n=== " + p.MediaType + " " + p.Filename() + "\n" + body
	}
	return text
}

func TestATrialSendsNothingAndTellsAll(t *testing.T) {
	w := newWorld(t)
	r := w.accepted(t, plainMail, "retraits.testesr2020+question+essai@passerelle.example", firm)
	if r.Outcome != Tried || r.Text == "" {
		t.Errorf("receipt %+v", r)
	}
	to, text := w.notice(t)
	if to != "alice@ville.example" {
		t.Errorf("mailed to %s", to)
	}
	golden(t, "trial-good.txt", bodies(t, text))
}

func TestATrialTellsEveryRefusalAtOnce(t *testing.T) {
	w := newWorld(t)
	w.accepted(t, "Message-ID: <m1@v>\nSubject: x\n\n", "questions.testesr2020+rejet+simple+scelle+essai@passerelle.example", "phase-precedente.testesr2020@passerelle.example")
	_, text := w.notice(t)
	golden(t, "trial-bad.txt", bodies(t, text))
}

func TestCheckStoresNothing(t *testing.T) {
	w := newWorld(t)
	report, err := w.Check(t.Context(), w.submission(t, w.alice, plainMail, "retraits.testesr2020@passerelle.example"))
	must(t, err)
	if !report.Good() || len(report.Recipients) != 3 || report.Courier.Subject != "Votre offre" {
		t.Errorf("report %+v", report)
	}
	report, err = w.Check(t.Context(), w.submission(t, w.bob, "From: x@y.example\nSubject: x\n\n", "testesr2020+complement@passerelle.example", "bad"))
	must(t, err)
	var keys []string
	for _, c := range report.Checks {
		for _, f := range c.Faults {
			keys = append(keys, f.Key)
		}
	}
	if diff := cmp.Diff([]string{"refuse.foreign-from", "refuse.bad-address"}, keys); diff != "" || report.Good() {
		t.Errorf("refusals:\n%s", diff)
	}
	w.nothingStored(t)
}

func TestAModelIsMailedToBeFilledIn(t *testing.T) {
	w := newWorld(t)
	r := w.accepted(t, "Message-ID: <m1@v>\nSubject: x\n\n", "testesr2020+complement+modele+limite-20210320-1200@passerelle.example")
	if r.Outcome != Modelled {
		t.Errorf("receipt %+v", r)
	}
	_, text := w.notice(t)
	golden(t, "model.txt", bodies(t, text))
}

func TestADraftIsKeptOnce(t *testing.T) {
	w := newWorld(t)
	send := func() Receipt {
		return w.accepted(t, "Message-ID: <m1@v>\nSubject: Rejet\n\n[Contenu du message à renseigner]", "depots.testesr2020+rejet+brouillon@passerelle.example",
			"testesr2020+e-durand@passerelle.example", firm)
	}
	first, again := send(), send()
	if first.Outcome != Drafted || again.Outcome != Drafted {
		t.Errorf("%s, %s", first.Outcome, again.Outcome)
	}
	drafts, err := w.store.Drafts(t.Context(), w.testesr.ID)
	must(t, err)
	if len(drafts) != 1 || len(w.jobs(t)) != 0 {
		t.Fatalf("%d drafts, %d jobs", len(drafts), len(w.jobs(t)))
	}
	d := drafts[0]
	want := []string{"depots.testesr2020@passerelle.example", "testesr2020+e-durand@passerelle.example", firm}
	if d.Consultation != w.testesr.ID || d.Type != gateway.Rejet || d.Subject != "Rejet" || !slices.Equal(d.Recipients, want) {
		t.Errorf("draft %+v", d)
	}
	if !strings.Contains(w.raw(t, d.Content), "[Contenu du message") {
		t.Error("the draft lost its text")
	}
}

func TestAProofIsAskedForByMail(t *testing.T) {
	w := newWorld(t)
	courier := w.accepted(t, plainMail, "testesr2020@passerelle.example", firm).Courier.ID
	r := w.accepted(t, "Subject: preuve\n\n", "preuve+"+strings.ToUpper(courier.String())+"@passerelle.example")
	if r.Outcome != Proving || !slices.Equal(w.prover.asked, []gateway.ID{courier}) {
		t.Errorf("%s, asked %v", r.Outcome, w.prover.asked)
	}
	w.d.Prover = nil
	if _, err := w.send(t, "Subject: preuve\n\n", "preuve+"+courier.String()+"@passerelle.example"); gateway.FaultOf(err).Key != "refuse.no-proof" {
		t.Errorf("without proofs: %v", err)
	}
}

func TestMailToTheAdministratorGoesOn(t *testing.T) {
	w := newWorld(t)
	if r := w.accepted(t, plainMail, "postmaster@passerelle.example"); r.Outcome != Postmaster {
		t.Errorf("receipt %+v", r)
	}
	if to, text := w.notice(t); to != "admin@ville.example" || !strings.HasSuffix(text, crlf(plainMail)) {
		t.Errorf("%s got %q", to, text)
	}
	w.o.Postmaster = ""
	if _, err := w.send(t, plainMail, "abuse@passerelle.example"); gateway.FaultOf(err).Key != "refuse.no-postmaster" {
		t.Errorf("without an administrator: %v", err)
	}
}

type resolver map[string][]*net.MX

func (r resolver) LookupMX(_ context.Context, domain string) ([]*net.MX, error) {
	if found, ok := r[domain]; ok {
		return found, nil
	}
	return nil, &net.DNSError{Err: "no such host", Name: domain, IsNotFound: true}
}

func TestADomainThatTakesNoMailIsRefused(t *testing.T) {
	w := newWorld(t)
	w.d.Resolver = resolver{"entreprise.example": {{Host: "."}}, "autre.example": {{Host: "mx.autre.example."}}}
	if _, err := w.send(t, plainMail, "testesr2020@passerelle.example", firm); gateway.FaultOf(err).Key != "refuse.null-mx" {
		t.Errorf("null MX: %v", err)
	}
	w.accepted(t, plainMail, "testesr2020@passerelle.example", "paul@autre.example", "x@inconnu.example")
}

func TestReasonsBehindEveryAction(t *testing.T) {
	for _, a := range []address.Action{address.Send, address.Draft, address.Trial, address.Model} {
		for _, name := range needed(a) {
			if !slices.ContainsFunc(rules[:], func(r rule) bool { return r.name == name }) {
				t.Errorf("%q needs the rule %s, which is not one", a, name)
			}
		}
	}
	for i, r := range rules {
		for _, n := range r.needs {
			if !slices.ContainsFunc(rules[:i], func(before rule) bool { return before.name == n }) {
				t.Errorf("%s needs %s, which does not come before", r.name, n)
			}
		}
	}
}

func FuzzSubmission(f *testing.F) {
	f.Add(plainMail, "testesr2020+rejet@passerelle.example", firm)
	f.Add("Subject: =?utf-8?q?[TESTESR2020_rejet]_=C3=A9?=\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--", firm, "")
	f.Add("Reply-By: Sat, 20 Mar 2021 12:00:00 +0100\nVaguemestre-Sealed: oui\n\n", "retraits.testesr2020+essai@passerelle.example", "@")
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, text, one, two string) {
		if len(text) > 64<<10 {
			t.Skip("longer than a sample needs to be")
		}
		report, err := w.Check(t.Context(), w.submission(t, w.alice, text, one, two))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range report.Checks {
			for _, f := range c.Faults {
				if f.Class != gateway.Permanent || f.Code < 500 || f.Key == "" {
					t.Fatalf("%s: %v", c.Rule, f)
				}
			}
		}
	})
}
