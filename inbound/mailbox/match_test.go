package mailbox

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/act"
)

// unplaced receives a mail that names no letter, and has it understood.
func (w *world) unplaced(service *Service, mail string) gateway.Inbound {
	w.t.Helper()
	raw := w.store.Spool()
	defer raw.Discard()
	if _, err := raw.Write(crlf(mail)); err != nil {
		w.t.Fatal(err)
	}
	in, _, err := w.store.Receive(w.t.Context(), gateway.Inbound{Account: "principal", Mailbox: "INBOX"}, raw)
	if err == nil {
		err = service.settleOne(w.t.Context(), in)
	}
	if err == nil {
		in, err = w.store.Inbound(w.t.Context(), in.ID)
	}
	if err != nil || in.State != gateway.InboundQuarantined {
		w.t.Fatalf("%s (%s), %v", in.State, in.Reason, err)
	}
	return in
}

const lostAnswer = "From: contact@entreprise.example.com\nTo: courrier@ailleurs.example\nSubject: Re: Courrier\nMessage-ID: <a@x.example>\n\nNotre prix est de 12 000 euros.\n"

func byAda() act.By {
	return act.By{Actor: "administrator:ada", Reason: "l'entreprise l'a dit", Now: time.Now()}
}

func TestAMailMatchedByHandBecomesWhatItIs(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		mail string
		want gateway.EventKind // besides the match; empty: nothing
	}{
		"an answer": {lostAnswer, gateway.Replied},
		"a report": {"From: MAILER-DAEMON@mx.example\nTo: x@ailleurs.example\nSubject: Failed\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nFailed\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; contact@entreprise.example.com\nAction: failed\nStatus: 5.1.1\n--b--\n",
			gateway.Failed},
		"a report on somebody else": {"From: MAILER-DAEMON@mx.example\nTo: x@ailleurs.example\nSubject: Failed\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\n\nFailed\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; autre@ailleurs.example\nAction: failed\nStatus: 5.1.1\n--b--\n",
			""},
		"an absence": {"From: contact@entreprise.example.com\nTo: x@ailleurs.example\nSubject: Absence\nAuto-Submitted: auto-replied\n\nJe suis absent.\n", gateway.Absent},
	} {
		w := newWorld(t, gateway.ReplyPolicy{Allowed: true})
		service, err := New(w.options(), w.store)
		if err != nil {
			t.Fatal(err)
		}
		in := w.unplaced(service, tc.mail)
		if err := service.Match(t.Context(), in.ID, w.letter.ID, byAda()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := service.Match(t.Context(), in.ID, w.letter.ID, byAda()); !errors.Is(err, gateway.ErrFenced) {
			t.Errorf("%s: matched twice: %v", name, err)
		}
		news := w.events()
		for len(news) > 0 && news[0].Kind != gateway.Matched {
			news = news[1:]
		}
		if len(news) == 0 || news[0].Actor != "administrator:ada" || news[0].Strength != gateway.ByAgent || !strings.Contains(string(news[0].Details), "l'entreprise l'a dit") {
			t.Fatalf("%s: %+v", name, news)
		}
		if tc.want == "" && len(news) != 1 || tc.want != "" && (len(news) != 2 || news[1].Kind != tc.want || news[1].Strength != gateway.ByClaim) {
			t.Errorf("%s: %+v", name, news[1:])
		}
		if in, err = w.store.Inbound(t.Context(), in.ID); err != nil || in.State != gateway.InboundDone || in.Recipient != w.letter.ID || in.Reason != "administrator:ada: l'entreprise l'a dit" {
			t.Errorf("%s: %+v, %v", name, in, err)
		}
	}
}

func TestPromiseSealedUntilAnAnswerMatchedByHandIsSealed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gateway.ReplyPolicy{Allowed: true, Sealed: true, By: time.Now().Add(time.Hour)})
	service, err := New(w.options(), w.store)
	if err != nil {
		t.Fatal(err)
	}
	in := w.unplaced(service, lostAnswer)
	if err := service.Match(t.Context(), in.ID, w.letter.ID, byAda()); err != nil {
		t.Fatal(err)
	}
	replies, err := w.store.Replies(t.Context(), w.courier.ID)
	if err != nil || len(replies) != 1 || !replies[0].Closed() {
		t.Fatalf("%+v, %v", replies, err)
	}
	if _, err := w.store.OpenContent(t.Context(), in.Content); err == nil {
		t.Error("what could be read is still there")
	}
	for _, e := range w.events() {
		var d gateway.MailDetails
		if e.Kind != gateway.Matched {
			continue
		}
		if err := json.Unmarshal(e.Details, &d); err != nil || d.Subject != "" || !d.Content.IsZero() || len(e.Contents) > 0 {
			t.Errorf("the event shows %+v, %v", d, err)
		}
	}
}

func TestAMatchNeedsAMailInQuarantineAndALetter(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gateway.ReplyPolicy{Allowed: true})
	service, err := New(w.options(), w.store)
	if err != nil {
		t.Fatal(err)
	}
	in := w.unplaced(service, lostAnswer)
	nobody := gateway.NewID(time.Now())
	for what, err := range map[string]error{
		"no mail":   service.Match(t.Context(), nobody, w.letter.ID, byAda()),
		"no letter": service.Match(t.Context(), in.ID, nobody, byAda()),
	} {
		if !errors.Is(err, gateway.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if now, err := w.store.Inbound(t.Context(), in.ID); err != nil || now.State != gateway.InboundQuarantined {
		t.Errorf("%+v, %v", now, err)
	}
}
