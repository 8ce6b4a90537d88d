package correlate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/message"
	"vaguemestre/gateway/seal"
	"vaguemestre/gateway/token"
	"vaguemestre/inbound/classify"
)

const domain = "courriers.example.fr"

// now is the clock of these tests.
var now = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// memory is a store of two letters of one courier.
type memory struct {
	courier gateway.Courier
	letters []gateway.Recipient
	err     error
}

func (m memory) Recipient(_ context.Context, id gateway.ID) (gateway.Recipient, error) {
	for _, r := range m.letters {
		if r.ID == id && m.err == nil {
			return r, nil
		}
	}
	return gateway.Recipient{}, m.missing()
}

func (m memory) RecipientByMessageID(_ context.Context, messageID string) (gateway.Recipient, error) {
	for _, r := range m.letters {
		if r.MessageID == messageID && m.err == nil {
			return r, nil
		}
	}
	return gateway.Recipient{}, m.missing()
}

func (m memory) Courier(_ context.Context, id gateway.ID) (gateway.Courier, error) {
	if id != m.courier.ID || m.err != nil {
		return gateway.Courier{}, m.missing()
	}
	return m.courier, nil
}

// missing is the answer of a store that does not know, or that is out.
func (m memory) missing() error {
	if m.err != nil {
		return m.err
	}
	return gateway.ErrNotFound
}

// room is what a test changes.
type room struct {
	t     testing.TB
	rules Rules
	store memory
	// letter is the first of the store's, to the company that most tests are about.
	letter *gateway.Recipient
}

func newRoom(t testing.TB) *room {
	ring, err := token.NewRing(token.Key{ID: 3, Secret: [token.KeySize]byte{1, 2, 3}})
	if err != nil {
		t.Fatal(err)
	}
	courier := gateway.Courier{ID: gateway.NewID(now.Add(-time.Hour)), Options: gateway.Options{Reply: gateway.ReplyPolicy{Allowed: true}}, AuthorAddr: "agnes@ministere.example.fr"}
	letters := []gateway.Recipient{
		{ID: gateway.NewID(now.Add(-time.Hour)), Courier: courier.ID, Address: "contact@entreprise.example.com", MessageID: "<lettre-1@" + domain + ">"},
		{ID: gateway.NewID(now.Add(-time.Hour)), Courier: courier.ID, Address: "marches@autre.example.net", MessageID: "<lettre-2@" + domain + ">"},
	}
	r := &room{t: t, rules: Rules{Domain: Domain{Name: domain, Ring: ring}, Administrator: "admin@example.fr"}, store: memory{courier: courier, letters: letters}}
	r.letter = &r.store.letters[0]
	return r
}

func (r *room) address(kind token.Kind, letter int) string {
	return "courrier+" + string(kind) + "-" + r.rules.Domain.Ring.Mint(kind, r.store.letters[letter].ID) + "@" + domain
}

// understand brings a mail all the way. In the text, {b}, {r}, {f} are the token addresses of the first letter, {b2}, {r2} of
// the second, {id} and {id2} their Message-IDs, {envid} the ENVID of the first.
func (r *room) understand(text string) gateway.Step {
	r.t.Helper()
	step, err := r.try(text)
	if err != nil {
		r.t.Fatal(err)
	}
	return step
}

func (r *room) try(text string) (gateway.Step, error) {
	r.t.Helper()
	text = strings.NewReplacer("\n", "\r\n", "{b}", r.address(token.Bounce, 0), "{r}", r.address(token.Reply, 0), "{f}", r.address(token.Thread, 0),
		"{b2}", r.address(token.Bounce, 1), "{r2}", r.address(token.Reply, 1), "{id}", r.store.letters[0].MessageID, "{id2}", r.store.letters[1].MessageID,
		"{envid}", gateway.EnvelopeID(r.store.letters[0].ID, 0, gateway.ForLetter), "{reminder}", gateway.EnvelopeID(r.store.letters[0].ID, 2, gateway.ForReminder),
		"{domain}", domain).Replace(text)
	raw := []byte(text)
	m, err := message.Read(bytes.NewReader(raw), int64(len(raw)), message.Limits{})
	if err != nil {
		r.t.Fatal(err)
	}
	mail := Mail{
		Inbound: gateway.Inbound{ID: gateway.NewID(now), Content: gateway.HashOf(raw), Received: now, State: gateway.InboundNew},
		Plain:   gateway.HashOf(raw),
		Result:  classify.Classify(m), Header: m.Header(), Now: now, Origin: ReadOrigin(m.Header(), "mx."+domain),
	}
	if p := m.Text(); p != nil {
		mail.Text, _ = p.Text(1 << 16)
	}
	if mail.Matches, err = (Finder{Domain: r.rules.Domain, Store: r.store}).Find(r.t.Context(), mail.Header, mail.Result); err != nil {
		return gateway.Step{}, err
	}
	return r.rules.Understand(mail)
}

// report is a machine-readable report with its fields about recipients as given.
func report(head, fields, returned string) string {
	return `Return-Path: <>
From: MAILER-DAEMON@mx.entreprise.example.com
Subject: Delivery report
` + head + `MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=b

--b

Voir ci-dessous.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.entreprise.example.com
` + fields + `
--b
Content-Type: text/rfc822-headers

` + returned + `
--b--
`
}

const failedField = "\nFinal-Recipient: rfc822; contact@entreprise.example.com\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 User unknown\n"

// one is the only event of a step, with its details.
func one[T any](t testing.TB, step gateway.Step) (gateway.Event, T) {
	t.Helper()
	var d T
	if len(step.Events) != 1 || step.Inbound.State != gateway.InboundDone {
		t.Fatalf("%d events, %s (%s)", len(step.Events), step.Inbound.State, step.Inbound.Reason)
	}
	if err := json.Unmarshal(step.Events[0].Details, &d); err != nil {
		t.Fatal(err)
	}
	return step.Events[0], d
}

func TestAReportOfEachActionBecomesItsEvent(t *testing.T) {
	for action, want := range map[string]gateway.EventKind{
		"delivered": gateway.Delivered, "relayed": gateway.HandedOver, "expanded": gateway.HandedOver, "delayed": gateway.Delayed, "failed": gateway.Failed,
	} {
		r := newRoom(t)
		status := map[string]string{"failed": "5.1.1", "delayed": "4.4.1"}[action]
		if status == "" {
			status = "2.0.0"
		}
		step := r.understand(report("To: {b}\n", "\nFinal-Recipient: rfc822; contact@entreprise.example.com\nAction: "+action+"\nStatus: "+status+"\n", ""))
		e, d := one[gateway.ReportDetails](t, step)
		if e.Kind != want || e.Recipient != r.letter.ID || e.Strength != gateway.ByReport || d.Action != action || !d.Standard {
			t.Errorf("%s: %s, %s, %+v", action, e.Kind, e.Strength, d)
		}
		if notices := len(step.Jobs); (notices == 1) != (action == "failed") {
			t.Errorf("%s: %d notices", action, notices)
		}
	}
}

func TestADeliveryIsToldOnceToAClientThatAskedForIt(t *testing.T) {
	for action, want := range map[string]int{"delivered": 1, "relayed": 1, "delayed": 0} {
		r := newRoom(t)
		r.store.courier.DSN.Recipients = []gateway.DSNRecipient{{Address: "Contact@entreprise.example.com", Notify: []string{"SUCCESS"}}}
		text := report("To: {b}\n", "\nFinal-Recipient: rfc822; contact@entreprise.example.com\nAction: "+action+"\nStatus: 2.0.0\n", "")
		step := r.understand(text)
		if len(step.Jobs) != want || want == 1 && (step.Jobs[0].Notice.Kind != gateway.NoticeDelivered || step.Jobs[0].Notice.Event != step.Events[0].ID) {
			t.Errorf("%s: %+v", action, step.Jobs)
		}
		r.letter.Standing = r.letter.Standing.Advance(step.Events[0])
		if again := r.understand(text); len(again.Jobs) != 0 {
			t.Errorf("%s again: %+v", action, again.Jobs)
		}
	}
}

func TestFailureAfterTimeRanOutIsExpired(t *testing.T) {
	r := newRoom(t)
	e, _ := one[gateway.ReportDetails](t, r.understand(report("To: {b}\n", "\nFinal-Recipient: rfc822; contact@entreprise.example.com\nAction: failed\nStatus: 4.4.7\nDiagnostic-Code: smtp; delivery time expired\n", "")))
	if e.Kind != gateway.Expired {
		t.Errorf("%s", e.Kind)
	}
}

func TestPromiseEvidenceGradedReports(t *testing.T) {
	const auth = "Authentication-Results: mx.{domain}; spf=pass smtp.helo=mx.entreprise.example.com smtp.mailfrom=mx.entreprise.example.com\nReceived: from x\n"
	const forged = "Authentication-Results: mx.elsewhere.example; dkim=pass header.d=entreprise.example.com\n"
	const below = "Authentication-Results: mx.{domain}; spf=none smtp.mailfrom=x\nReceived: from x by mx\nAuthentication-Results: mx.{domain}; dkim=pass header.d=entreprise.example.com\n"
	const other = "Authentication-Results: mx.{domain}; dkim=pass header.d=attaquant.example.org\n"
	for name, c := range map[string]struct {
		mail string
		want gateway.Strength
	}{
		"token":                      {report("To: {b}\n", failedField, ""), gateway.ByReport},
		"token in Delivered-To":      {report("Delivered-To: {b}\nTo: somebody@example.org\n", failedField, ""), gateway.ByReport},
		"token of the reply address": {report("To: {r}\n", failedField, ""), gateway.ByReport},
		"token in returned headers":  {report("To: nobody@example.org\n", failedField, "Return-Path: <{b}>\nSubject: x\n"), gateway.ByReport},
		"sender authenticated":       {auth + report("To: {b}\n", failedField, ""), gateway.ByAuthReport},
		"results of another server":  {forged + report("To: {b}\n", failedField, ""), gateway.ByReport},
		"results that came with it":  {below + report("To: {b}\n", failedField, ""), gateway.ByReport},
		"results for another domain": {other + report("To: {b}\n", failedField, ""), gateway.ByReport},
		"ENVID alone":                {report("To: x@"+domain+"\n", "Original-Envelope-Id: {envid}\n"+failedField, ""), gateway.ByClaim},
		"returned Message-ID alone":  {report("To: x@"+domain+"\n", failedField, "Message-ID: {id}\nSubject: x\n"), gateway.ByClaim},
	} {
		e, _ := one[gateway.ReportDetails](t, newRoom(t).understand(c.mail))
		if e.Strength != c.want {
			t.Errorf("%s: %s, want %s", name, e.Strength, c.want)
		}
	}
}

func TestReportsAboutSomebodyElseAreNotOurs(t *testing.T) {
	elsewhere := strings.ReplaceAll(failedField, "contact@entreprise", "direction@entreprise")
	for name, mail := range map[string]string{
		"another recipient":           report("To: {b}\n", elsewhere, ""),
		"another original recipient":  report("To: {b}\n", "\nOriginal-Recipient: rfc822; x@example.org"+elsewhere, "Message-ID: {id}\n"),
		"the other letter's":          report("To: {b2}\n", failedField, ""),
		"altered token":               report("To: courrier+b-"+strings.Repeat("a", 52)+"@"+domain+"\n", failedField, ""),
		"token at another domain":     strings.ReplaceAll(report("To: {b}\n", failedField, ""), "{b}", "courrier+b-aaaa@example.org"),
		"foreign Message-ID":          report("To: x@example.org\n", failedField, "Message-ID: <1@example.org>\n"),
		"nothing of a delivery in it": report("To: {b}\n", "\nX-Nothing: 1\n", ""),
	} {
		step := newRoom(t).understand(mail)
		if step.Inbound.State != gateway.InboundQuarantined || step.Inbound.Reason == "" || len(step.Events)+len(step.Jobs) > 0 {
			t.Errorf("%s: %s (%s), %d events", name, step.Inbound.State, step.Inbound.Reason, len(step.Events))
		}
	}
}

func TestAForwardedLetterThatFailsHasFailed(t *testing.T) {
	elsewhere := strings.ReplaceAll(failedField, "contact@entreprise", "direction@filiale")
	r := newRoom(t)
	e, d := one[gateway.ReportDetails](t, r.understand(report("To: {b}\n", elsewhere, "Message-ID: {id}\nSubject: x\n")))
	if e.Kind != gateway.Failed || d.FinalRecipient != "direction@filiale.example.com" {
		t.Errorf("%s %+v", e.Kind, d)
	}
	// Delivered somewhere else than where we sent: confirmation ends there.
	delivered := strings.NewReplacer("Action: failed", "Action: delivered", "5.1.1", "2.0.0", "550 ", "250 ").Replace(elsewhere)
	e, _ = one[gateway.ReportDetails](t, r.understand(report("To: {b}\n", "\nOriginal-Recipient: rfc822; contact@entreprise.example.com"+delivered, "")))
	if e.Kind != gateway.HandedOver {
		t.Errorf("%s", e.Kind)
	}
}

func TestAReportWithSeveralRecipientsCountsForOurs(t *testing.T) {
	step := newRoom(t).understand(report("To: {b}\n", "\nFinal-Recipient: rfc822; x@example.org\nAction: delivered\nStatus: 2.0.0\n"+failedField, ""))
	e, d := one[gateway.ReportDetails](t, step)
	if e.Kind != gateway.Failed || d.FinalRecipient != "contact@entreprise.example.com" || !strings.HasSuffix(e.Once, ":1") {
		t.Errorf("%s %+v %s", e.Kind, d, e.Once)
	}
}

func TestAReminderReportNeverTouchesTheLetter(t *testing.T) {
	r := newRoom(t)
	step := r.understand(report("To: {b}\n", "Original-Envelope-Id: {reminder}\n"+failedField, ""))
	e, _ := one[gateway.ReportDetails](t, step)
	if e.Purpose != gateway.ForReminder || e.Generation != 2 || len(step.Jobs) > 0 {
		t.Errorf("by ENVID: %s, generation %d, %d notices", e.Purpose, e.Generation, len(step.Jobs))
	}
	r.letter.Standing.Reminders = 1
	e, _ = one[gateway.ReportDetails](t, r.understand(report("To: {b}\n", failedField, "")))
	if e.Purpose != gateway.ForReminder {
		t.Errorf("when nothing tells: %s", e.Purpose)
	}
	e, _ = one[gateway.ReportDetails](t, r.understand(report("To: {b}\n", failedField, "Message-ID: {id}\n")))
	if e.Purpose != gateway.ForLetter {
		t.Errorf("by the returned Message-ID: %s", e.Purpose)
	}
}

func TestTheAgentIsToldOfAFailureOnce(t *testing.T) {
	for state, want := range map[gateway.State]int{gateway.StateSent: 1, gateway.StateHandedOver: 1, gateway.StateExpired: 0, gateway.StateFailed: 0, gateway.StateDelivered: 0, gateway.StateRead: 0} {
		r := newRoom(t)
		r.letter.Standing.State = state
		step := r.understand(report("To: {b}\n", failedField, ""))
		if len(step.Jobs) != want {
			t.Errorf("%s: %d notices", state, len(step.Jobs))
		}
		if want == 1 && (step.Jobs[0].Notice.Kind != gateway.NoticeFailed || step.Jobs[0].Notice.Event != step.Events[0].ID) {
			t.Errorf("%s: %+v", state, step.Jobs[0])
		}
	}
}

func TestPromiseOnceTheSameReportGivesTheSameKeys(t *testing.T) {
	r := newRoom(t)
	mail := report("To: {b}\n", failedField, "")
	first, second := r.understand(mail), r.understand(mail)
	if first.Events[0].Once != second.Events[0].Once || first.Events[0].Once == "" {
		t.Errorf("%q and %q", first.Events[0].Once, second.Events[0].Once)
	}
}

const answer = `Return-Path: <contact@entreprise.example.com>
From: Entreprise <contact@entreprise.example.com>
To: {r}
Subject: Re: Courrier
Message-ID: <r1@entreprise.example.com>

Bonjour, nous maintenons notre offre.

Le 20 nov. 2026 à 10:00, Ministère <courrier@courriers.example.fr> a écrit :
> Bonjour
`

func TestAReplyIsRecordedHandedOnAndAcknowledged(t *testing.T) {
	r := newRoom(t)
	step := r.understand(answer)
	e, d := one[gateway.ReplyDetails](t, step)
	if e.Kind != gateway.Replied || e.Strength != gateway.ByMail || d.MatchedBy != ByToken || d.Late || d.OtherSender || d.Content != step.Inbound.Content {
		t.Errorf("event %s %s %+v", e.Kind, e.Strength, d)
	}
	if len(step.Replies) != 1 || step.Replies[0].Text != "Bonjour, nous maintenons notre offre." || step.Replies[0].ID != d.Reply {
		t.Errorf("reply %+v", step.Replies)
	}
	kinds := []gateway.NoticeKind{}
	for _, j := range step.Jobs {
		kinds = append(kinds, j.Notice.Kind)
	}
	if fmt.Sprint(kinds) != "[reply received]" || step.Jobs[1].Notice.To != "contact@entreprise.example.com" {
		t.Errorf("notices %v, %+v", kinds, step.Jobs[1].Notice)
	}
}

func TestRepliesAreLateFromOthersOrSealed(t *testing.T) {
	r := newRoom(t)
	r.store.courier.Options.Reply.By = now.Add(-time.Minute)
	_, d := one[gateway.ReplyDetails](t, r.understand(answer))
	if !d.Late {
		t.Error("a late reply is not late")
	}
	// Our server's own trace says when it came: the gateway may have slept.
	_, d = one[gateway.ReplyDetails](t, r.understand("Received: by mx; Fri, 20 Nov 2026 11:58:00 +0000\n"+answer))
	if d.Late {
		t.Error("a reply that lay in the mailbox is late")
	}
	_, d = one[gateway.ReplyDetails](t, r.understand(strings.ReplaceAll(answer, "contact@entreprise.example.com", "Direction@entreprise.example.com")))
	if !d.OtherSender {
		t.Error("another sender is not seen")
	}
}

func TestPromiseSealedUntilNothingShows(t *testing.T) {
	r := newRoom(t)
	r.store.courier.Options.Reply = gateway.ReplyPolicy{Allowed: true, Sealed: true, By: now.Add(time.Hour)}
	if _, err := r.try(answer); err == nil {
		t.Error("an answer that cannot be sealed is recorded")
	}
	key, err := seal.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	vault, err := seal.New(key)
	if err != nil {
		t.Fatal(err)
	}
	r.rules.Vault = vault
	step := r.understand(answer)
	e, d := one[gateway.ReplyDetails](t, step)
	reply := step.Replies[0]
	if !reply.Closed() || reply.Text != "" || reply.Subject != "" || step.Inbound.Subject != "" || len(e.Contents) > 0 || !reply.Opens.Equal(now.Add(time.Hour)) {
		t.Errorf("shows: %+v", reply)
	}
	if !d.Content.IsZero() || d.Commitment != gateway.Commitment(reply.ID, reply.Content) || strings.Contains(e.Once, reply.Content.String()) {
		t.Errorf("the hash shows: %+v", d)
	}
	if m, err := vault.Manifest(reply); err != nil || m.Subject == "" || m.Text == "" {
		t.Errorf("what it says is lost: %+v, %v", m, err)
	}
}

func TestAReplyToSeveralLettersCountsForEach(t *testing.T) {
	step := newRoom(t).understand(strings.Replace(answer, "To: {r}", "To: {r}, {r2}, {r}", 1))
	if len(step.Replies) != 2 || len(step.Events) != 2 || step.Events[0].Once == step.Events[1].Once {
		t.Errorf("%d replies, %d events", len(step.Replies), len(step.Events))
	}
}

func TestAReplyFoundByReferencesIsNotAcknowledged(t *testing.T) {
	step := newRoom(t).understand(strings.Replace(answer, "To: {r}", "To: courrier@"+domain+"\nIn-Reply-To: {id}", 1))
	e, d := one[gateway.ReplyDetails](t, step)
	if d.MatchedBy != ByReferences || e.Strength != gateway.ByClaim || len(step.Jobs) != 1 {
		t.Errorf("%+v %s, %d notices", d, e.Strength, len(step.Jobs))
	}
}

func TestAutomaticMailIsNeverAReplyAndNeverAnswered(t *testing.T) {
	for name, c := range map[string]struct {
		head string
		want gateway.EventKind
	}{
		"absence":   {"Auto-Submitted: auto-replied\nSubject: Absence\n", gateway.Absent},
		"receipt":   {"Content-Type: multipart/report; report-type=disposition-notification; boundary=b\nSubject: Lu\n\n--b\nContent-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; contact@entreprise.example.com\nDisposition: manual-action/MDN-sent-manually; displayed\n\n--b--\n", gateway.Displayed},
		"challenge": {"Subject: Merci de confirmer votre message\n\nCliquez sur le lien ci-dessous pour confirmer que vous n'êtes pas un robot et que votre message soit remis.\n", gateway.Challenged},
	} {
		step := newRoom(t).understand("From: contact@entreprise.example.com\nTo: {r}\n" + c.head + "\n\ntexte\n")
		e, _ := one[gateway.MailDetails](t, step)
		if e.Kind != c.want || len(step.Replies)+len(step.Jobs) > 0 {
			t.Errorf("%s: %s, %d replies, %d jobs", name, e.Kind, len(step.Replies), len(step.Jobs))
		}
	}
}

func TestAComplaintIsRecordedAndHandedToTheAdministrator(t *testing.T) {
	step := newRoom(t).understand("From: fbl@isp.example\nTo: abuse@example.fr\nContent-Type: multipart/report; report-type=feedback-report; boundary=b\n\n--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\nOriginal-Mail-From: <{b}>\n\n--b--\n")
	e, d := one[gateway.MailDetails](t, step)
	if e.Kind != gateway.Complained || d.Reason != "abuse" || len(step.Jobs) != 1 || step.Jobs[0].Notice.Kind != gateway.NoticeRaw {
		t.Errorf("%s %+v %+v", e.Kind, d, step.Jobs)
	}
}

func TestMailToTheAddressThatNobodyReads(t *testing.T) {
	r := newRoom(t)
	mail := strings.Replace(answer, "{r}", "nepasrepondre@"+domain+"\nIn-Reply-To: {id}", 1)
	step := r.understand(mail)
	if step.Inbound.State != gateway.InboundQuarantined || step.Inbound.Reason != WhyNoReply || step.Inbound.Recipient != r.letter.ID {
		t.Errorf("%+v", step.Inbound)
	}
	if len(step.Jobs) != 1 || step.Jobs[0].Notice.Kind != gateway.NoticeNoReply || step.Jobs[0].Notice.To != "contact@entreprise.example.com" {
		t.Errorf("%+v", step.Jobs)
	}
	// A second mail of the same person about the same letter has the same key: it is not answered again.
	again := r.understand(mail + "Encore\n")
	if again.Events[0].Once != step.Events[0].Once {
		t.Errorf("%q and %q", again.Events[0].Once, step.Events[0].Once)
	}
	for name, head := range map[string]string{
		"null sender": "Return-Path: <>\n", "machine": "Auto-Submitted: auto-generated\n", "list": "List-Id: <x.example.org>\nPrecedence: list\n",
	} {
		step := r.understand(head + strings.Replace(mail, "Return-Path: <contact@entreprise.example.com>\n", "", 1))
		if len(step.Jobs) > 0 {
			t.Errorf("%s is answered: %+v", name, step.Jobs)
		}
	}
}

// What is written under seal to an address that takes no answers is under seal all the same.
func TestPromiseSealedUntilAtTheAddressThatNobodyReads(t *testing.T) {
	r := newRoom(t)
	r.store.courier.Options.Reply = gateway.ReplyPolicy{Allowed: true, Sealed: true, By: now.Add(time.Hour)}
	for to, why := range map[string]string{"nepasrepondre@" + domain + "\nIn-Reply-To: {id}": WhyNoReply, "{f}": WhyThread} {
		step := r.understand(strings.Replace(strings.Replace(answer, "{r}", to, 1), "Re: Courrier", "Re: douze mille euros", 1))
		if in := step.Inbound; in.Reason != why || in.Subject != "" || !in.Opens.Equal(now.Add(time.Hour)) {
			t.Errorf("%s: %+v", why, in)
		}
		for _, e := range step.Events {
			if len(e.Contents) > 0 || strings.Contains(string(e.Details), "douze mille") || strings.Contains(string(e.Details), step.Inbound.Content.String()) {
				t.Errorf("%s: the event %s shows %s", why, e.Kind, e.Details)
			}
		}
	}
}

func TestMailToTheAdministrator(t *testing.T) {
	r := newRoom(t)
	for _, to := range []string{"postmaster", "Abuse"} {
		step := r.understand("From: a@b.example\nTo: " + to + "@" + domain + "\nSubject: ?\n\nBonjour\n")
		if step.Inbound.State != gateway.InboundDone || len(step.Jobs) != 1 || step.Jobs[0].Notice.To != "admin@example.fr" || step.Jobs[0].Notice.Content.IsZero() {
			t.Errorf("%s: %s, %+v", to, step.Inbound.State, step.Jobs)
		}
	}
	r.rules.Administrator = ""
	if step := r.understand("From: a@b.example\nTo: postmaster@" + domain + "\n\nBonjour\n"); step.Inbound.State != gateway.InboundQuarantined {
		t.Errorf("without an administrator: %+v", step.Inbound)
	}
}

func TestWhatCannotBePlacedIsQuarantined(t *testing.T) {
	for name, c := range map[string]struct{ mail, why string }{
		"unknown":            {"From: a@b.example\nTo: courrier@" + domain + "\n\nBonjour\n", WhyUnmatched},
		"own mail back":      {"From: courrier@" + domain + "\nTo: {r}\nSubject: x\n\nBonjour\n", WhyOwnMail},
		"own automatic mail": {"From: notification@" + domain + "\nAuto-Submitted: auto-generated\nTo: {r}\n\nBonjour\n", WhyOwnMail},
		"machine":            {"Return-Path: <>\nFrom: MAILER-DAEMON@mx.example\nTo: {r}\nAuto-Submitted: auto-generated\nSubject: ?\n\nBonjour\n", WhyMachine},
		"agents' thread":     {"From: a@b.example\nTo: {f}\n\nBonjour\n", WhyThread},
	} {
		step := newRoom(t).understand(c.mail)
		if step.Inbound.State != gateway.InboundQuarantined || step.Inbound.Reason != c.why || len(step.Events)+len(step.Jobs)+len(step.Replies) > 0 {
			t.Errorf("%s: %s (%s)", name, step.Inbound.State, step.Inbound.Reason)
		}
	}
}

func TestATokenInUpperCaseIsRead(t *testing.T) {
	r := newRoom(t)
	mail := strings.Replace(answer, "{r}", strings.ToUpper(r.address(token.Reply, 0)), 1)
	one[gateway.ReplyDetails](t, r.understand(mail))
}

func TestAnOutageOfTheStoreIsNoAbsenceOfTheLetter(t *testing.T) {
	r := newRoom(t)
	r.store.err = errors.New("no connection")
	for _, mail := range []string{answer, strings.Replace(answer, "To: {r}", "To: courrier@"+domain+"\nIn-Reply-To: {id}", 1)} {
		if step, err := r.try(mail); !errors.Is(err, r.store.err) {
			t.Errorf("%+v, %v", step, err)
		}
	}
}

func FuzzAuthResults(f *testing.F) {
	f.Add("mx.example.fr; dkim=pass header.d=example.org; spf=pass smtp.mailfrom=a@example.org")
	f.Add("mx.example.fr 1; none")
	f.Add("mx.example.fr; dmarc=pass (p=reject) header.from=example.org")
	f.Add("mx.example.fr;;;=== \x00(((")
	f.Fuzz(func(t *testing.T, value string) {
		h, _ := message.ParseHeader([]byte("Authentication-Results: " + value + "\r\nReceived: x\r\nAuthentication-Results: mx.example.fr; dkim=pass header.d=forged.example.com\r\n"))
		o := ReadOrigin(h, "mx.example.fr")
		if len(o.Text) > maxResults || len(o.Passed) > 40 {
			t.Fatalf("%d octets, %d results", len(o.Text), len(o.Passed))
		}
		if o.Text != "" && !strings.Contains(value, "forged") && !strings.HasPrefix(o.Text, "mx.example.fr; dkim=pass header.d=forged") && o.Vouches("forged.example.com") && !strings.Contains(value, "example.com") {
			t.Fatalf("believes what came with the mail: %+v", o)
		}
	})
}
