package proof

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strings"
	"testing"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/tracking/ledger"
)

// forge issues proofs from changed material under the installation's own seal: what the seal alone would
// hide. The layout is another one, so that the pages, which take most of the time, are neither drawn nor compared.
func (w *world) forge(drawn []byte, m *material, change func(*Evidence), file func(*content)) []byte {
	w.t.Helper()
	m.evidence.Issued.Layout = "another"
	if file != nil {
		for i := range m.files[1:] {
			file(&m.files[1+i])
		}
		m.evidence.Files = nil
		for _, f := range m.files[1:] {
			m.evidence.Files = append(m.evidence.Files, f.Attached)
		}
	}
	if change != nil {
		change(m.evidence)
	}
	first, err := m.evidence.encode()
	if err != nil {
		w.t.Fatal(err)
	}
	m.files[0] = first
	var b bytes.Buffer
	err = m.evidence.document(drawn, m.files).write(&b, w.issuer.o.Seal.room(false), func(digest [sha256.Size]byte) ([]byte, error) {
		der, _, err := w.issuer.o.Seal.seal(context.Background(), digest, nil)
		return der, err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return b.Bytes()
}

func event(ev *Evidence, kind gateway.EventKind) *EventFacts {
	for i := range ev.Events {
		if ev.Events[i].Kind == kind {
			return &ev.Events[i]
		}
	}
	panic("no such event")
}

func TestEachKindOfTamperingIsNamed(t *testing.T) {
	w := newWorld(t)
	c, rs := w.story()
	other, _, err := ledger.NewKey("courrier.example")
	if err != nil {
		t.Fatal(err)
	}
	replace := func(name string, text func(string) string) func(*content) {
		return func(f *content) {
			if f.Name != name {
				return
			}
			r, _, err := f.open()
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			*f = bytesContent(f.Name, f.Role, f.MediaType, []byte(text(string(b))))
		}
	}
	m, err := w.issuer.collect(t.Context(), c.ID, gateway.ID{}, "")
	if err != nil {
		t.Fatal(err)
	}
	drawn, err := pages(m.evidence, m.files[0].SHA256)
	if err != nil {
		t.Fatal(err)
	}
	if r := w.verify(w.forge(drawn, m, nil, nil), Trust{Ledgers: []string{w.key.Public()}}); !r.OK() {
		t.Fatal(r.Text("en"))
	}
	cases := []struct {
		name   string
		change func(*Evidence)
		file   func(*content)
		want   string
	}{
		{"time of an event", func(ev *Evidence) { e := event(ev, gateway.Read); e.Occurred = e.Occurred.AddDate(0, 0, -1) }, nil, "event-changed"},
		{"kind of an event", func(ev *Evidence) { event(ev, gateway.Sent).Kind = gateway.Delivered }, nil, "event-changed"},
		{"recipient of an event", func(ev *Evidence) { event(ev, gateway.Read).Recipient = rs[1].ID }, nil, "event-changed"},
		{"place of an event", func(ev *Evidence) { event(ev, gateway.Read).Position-- }, nil, "event-changed"},
		{"details of an event", func(ev *Evidence) {
			e := event(ev, gateway.Failed)
			e.Details = strings.Replace(e.Details, "unknown user", "mailbox full", 1)
		}, nil, "details-changed"},
		{"details dropped", func(ev *Evidence) { e := event(ev, gateway.Failed); e.Details, e.Salt = "", nil }, nil, "details-changed"},
		{"salt of an event", func(ev *Evidence) { event(ev, gateway.Failed).Salt[0] ^= 1 }, nil, "details-changed"},
		{"event left out, state kept", func(ev *Evidence) { ev.Events = ev.Events[:len(ev.Events)-1]; ev.Replies = nil }, nil, "fact-wrong"},
		{"event invented", func(ev *Evidence) {
			e := *event(ev, gateway.Read)
			e.ID, e.Recipient = w.id(), rs[1].ID
			ev.Events = append(ev.Events, e)
		}, nil, "event-changed"},
		{"ETSI name of an event", func(ev *Evidence) { event(ev, gateway.Sent).ETSI = "ContentHandover" }, nil, "event-changed"},
		{"state of a recipient", func(ev *Evidence) { ev.Recipients[0].State = "read" }, nil, "fact-wrong"},
		{"address of a recipient", func(ev *Evidence) { ev.Recipients[0].Address = "x@y.example" }, nil, "fact-wrong"},
		{"recipient left out", func(ev *Evidence) { ev.Recipients = ev.Recipients[:1] }, nil, "fact-wrong"},
		{"subject", func(ev *Evidence) { ev.Courier.Subject += "!" }, nil, "fact-wrong"},
		{"title of the consultation", func(ev *Evidence) { ev.Consultation.Title += "!" }, nil, "fact-wrong"},
		{"deadline of the consultation", func(ev *Evidence) { ev.Consultation.Deadline = ev.Consultation.Deadline.AddDate(0, 0, 1) }, nil, "fact-wrong"},
		{"author", func(ev *Evidence) { ev.Courier.AuthorAddr = "x@y.example" }, nil, "fact-wrong"},
		{"text", func(ev *Evidence) { ev.Courier.Text = strings.Replace(ev.Courier.Text, "n'a pas", "a", 1) }, nil, "fact-wrong"},
		{"file of the letter", func(ev *Evidence) { ev.Courier.Files[0].SHA256 = gateway.HashOf(nil) }, nil, "fact-wrong"},
		{"message attached", nil, replace(messageName, func(s string) string { return s + "P.S.\r\n" }), "fact-wrong"},
		{"report attached", nil, replace("report-1.eml", func(s string) string { return s + "x" }), "fact-wrong"},
		{"reply", func(ev *Evidence) { ev.Replies[0].Content = gateway.HashOf(nil) }, nil, "fact-wrong"},
		{"reply of another", func(ev *Evidence) { ev.Replies[0].From = "x@y.example" }, nil, "fact-wrong"},
		{"checkpoint of another key", nil, replace(checkpointName, func(string) string {
			b, err := other.Sign(ledger.Checkpoint{Name: "courrier.example", Size: 9})
			if err != nil {
				t.Fatal(err)
			}
			return string(b)
		}), "checkpoint-broken"},
		{"checkpoint", nil, replace(checkpointName, func(s string) string { return strings.Replace(s, "\n9\n", "\n8\n", 1) }), "checkpoint-broken"},
		{"size of the ledger", func(ev *Evidence) { ev.Ledger.Size++ }, nil, "fact-wrong"},
		{"proof of inclusion", nil, replace(inclusionName, func(s string) string { return strings.Replace(s, `"position":6`, `"position":5`, 1) }), ""},
		{"path of inclusion", nil, replace(inclusionName, func(s string) string {
			at := strings.Index(s, `"path":["`) + len(`"path":["`)
			other := "A"
			if s[at] == 'A' {
				other = "B"
			}
			return s[:at] + other + s[at+1:]
		}), "event-changed"},
		{"seal's certificate", func(ev *Evidence) { ev.Seal.Certificate = gateway.HashOf(nil) }, nil, "seal-other"},
		{"stamp claimed", func(ev *Evidence) { ev.Ledger.Stamped = &Stamped{Authority: "x", At: ev.Issued.At} }, nil, "stamp-broken"},
	}
	for _, c2 := range cases {
		t.Run(c2.name, func(t *testing.T) {
			m, err := w.issuer.collect(t.Context(), c.ID, gateway.ID{}, "")
			if err != nil {
				t.Fatal(err)
			}
			r := w.verify(w.forge(drawn, m, c2.change, c2.file), Trust{Ledgers: []string{w.key.Public()}})
			if c2.want != "" && !strings.Contains(strings.Join(keys(r, Wrong), " "), c2.want) {
				t.Errorf("not named:\n%s", r.Text("en"))
			}
		})
	}
}

// TestTheConsultationIsCheckedInTheProofForOneRecipient: what holds its digest there is the event of that recipient.
func TestTheConsultationIsCheckedInTheProofForOneRecipient(t *testing.T) {
	w := newWorld(t)
	c, rs := w.story()
	for name, tc := range map[string]struct {
		change func(*Evidence)
		want   string
	}{
		"as it was": {nil, ""},
		"altered":   {func(ev *Evidence) { ev.Consultation.Object += "!" }, "fact-wrong"},
	} {
		m, err := w.issuer.collect(t.Context(), c.ID, rs[0].ID, "")
		if err != nil {
			t.Fatal(err)
		}
		drawn, err := pages(m.evidence, m.files[0].SHA256)
		if err != nil {
			t.Fatal(err)
		}
		r := w.verify(w.forge(drawn, m, tc.change, nil), Trust{Ledgers: []string{w.key.Public()}})
		if got := strings.Join(keys(r, Wrong), " "); got != tc.want || strings.Contains(r.Text("en"), "information on the tender") != (tc.want != "") {
			t.Errorf("%s: %q\n%s", name, got, r.Text("en"))
		}
	}
}

// TestAnybodyCanDigestTheConsultation: from the evidence as it is written, its keys in order.
func TestAnybodyCanDigestTheConsultation(t *testing.T) {
	block := gateway.ContextBlock{Reference: "R<1>&", Title: "É", Deadline: time.Date(2021, 3, 9, 10, 0, 0, 0, paris()).UTC(), Zone: "Europe/Paris"}
	for _, b := range []gateway.ContextBlock{block, {}} {
		text, err := canonical(b)
		if err != nil || gateway.HashOf(bytes.TrimSpace(text)) != b.Digest() {
			t.Errorf("%s, %v", text, err)
		}
	}
	block.Deadline = block.Deadline.AddDate(9000, 0, 0)
	if !block.Digest().IsZero() {
		t.Error("a date that JSON has not")
	}
}

// reseal signs a changed file again: with the installation's key, or anybody's.
func (w *world) reseal(b []byte, seal *Seal) []byte {
	w.t.Helper()
	m := byteRangeRE.FindSubmatchIndex(append(bytes.Clone(b[:bytes.LastIndex(b, []byte(" >>\nendobj\nxref"))]), " >>\n"...))
	if m == nil {
		w.t.Fatal("no signature")
	}
	begin, end := m[8]-1, m[9]+1
	digest := sha256.Sum256(append(bytes.Clone(b[:begin]), b[end:]...))
	der, _, err := seal.seal(context.Background(), digest, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	out := bytes.Clone(b)
	copy(out[begin+1:], []byte(hex.EncodeToString(append(der, make([]byte, (end-begin-2)/2-len(der))...))))
	return out
}

func TestPagesThatSayOtherwiseShowEvenUnderTheSeal(t *testing.T) {
	w := newWorld(t)
	c, _ := w.story()
	m, err := w.issuer.collect(t.Context(), c.ID, gateway.ID{}, "")
	if err != nil {
		t.Fatal(err)
	}
	lie := *m.evidence
	lie.Courier.Subject = "Courrier de notification"
	drawn, err := pages(&lie, m.files[0].SHA256)
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	d := m.evidence.document(drawn, m.files)
	err = d.write(&b, w.issuer.o.Seal.room(false), func(digest [sha256.Size]byte) ([]byte, error) {
		der, _, err := w.issuer.o.Seal.seal(t.Context(), digest, nil)
		return der, err
	})
	if err != nil {
		t.Fatal(err)
	}
	r := w.verify(b.Bytes(), Trust{})
	if got := strings.Join(keys(r, Wrong), " "); got != "pages-differ" {
		t.Errorf("%q\n%s", got, r.Text("fr"))
	}
}

func TestWhatAnotherHandAddsShowsEvenUnderTheSeal(t *testing.T) {
	w := newWorld(t)
	c, _ := w.story()
	b := w.pdf(c.ID, gateway.ID{}, "")
	if r := w.verify(w.reseal(b, w.issuer.o.Seal), Trust{}); !r.OK() {
		t.Fatal("sealing again breaks the proof", r.Text("en"))
	}
	hidden := bytes.Replace(bytes.Clone(b), []byte("/Creator (Vaguemestre)"), []byte("/Creator (Vaguemestra)"), 1)
	if r := w.verify(w.reseal(hidden, w.issuer.o.Seal), Trust{}); r.OK() {
		t.Error("a changed title goes unseen")
	}
	for name, changed := range map[string][]byte{
		"appended":    append(bytes.Clone(b), "\n% more\n"...),
		"saved again": append(bytes.Clone(b), b[bytes.LastIndex(b, []byte("xref\n0 1")):]...),
		"cut":         b[:len(b)-1],
		"empty":       nil,
		"not a PDF":   []byte("PK\x03\x04 and nothing"),
	} {
		if r := w.verify(changed, Trust{}); r.OK() {
			t.Errorf("%s: accepted", name)
		}
	}
}
