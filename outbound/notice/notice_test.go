package notice

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/message"
	"vaguemestre/gateway/store"
	"vaguemestre/gateway/token"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// shelf is a store of one courier.
type shelf struct {
	courier   gateway.Courier
	recipient gateway.Recipient
	agent     gateway.Agent
	events    map[gateway.ID]gateway.Event
	replies   map[gateway.ID]gateway.Reply
	inbounds  map[gateway.ID]gateway.Inbound
	contents  map[gateway.Hash]string
	news      []store.News
}

func find[K comparable, V any](m map[K]V, k K) (V, error) {
	v, ok := m[k]
	if !ok {
		return v, gateway.ErrNotFound
	}
	return v, nil
}

func (s *shelf) Courier(_ context.Context, id gateway.ID) (gateway.Courier, error) {
	return find(map[gateway.ID]gateway.Courier{s.courier.ID: s.courier}, id)
}

func (s *shelf) Recipient(_ context.Context, id gateway.ID) (gateway.Recipient, error) {
	return find(map[gateway.ID]gateway.Recipient{s.recipient.ID: s.recipient}, id)
}

func (s *shelf) Agent(_ context.Context, id gateway.ID) (gateway.Agent, error) {
	return find(map[gateway.ID]gateway.Agent{s.agent.ID: s.agent}, id)
}

func (s *shelf) Event(_ context.Context, id gateway.ID) (gateway.Event, error) {
	return find(s.events, id)
}

func (s *shelf) Reply(_ context.Context, id gateway.ID) (gateway.Reply, error) {
	return find(s.replies, id)
}

func (s *shelf) Inbound(_ context.Context, id gateway.ID) (gateway.Inbound, error) {
	return find(s.inbounds, id)
}

func (s *shelf) OpenContent(_ context.Context, h gateway.Hash) (store.Content, error) {
	text, err := find(s.contents, h)
	return paper{strings.NewReader(text)}, err
}

func (s *shelf) Recipients(context.Context, gateway.ID) ([]gateway.Recipient, error) {
	return []gateway.Recipient{s.recipient}, nil
}

func (s *shelf) NewsOf(context.Context, gateway.ID, time.Time, time.Time, time.Time) ([]store.News, error) {
	return s.news, nil
}

type paper struct{ *strings.Reader }

func (p paper) Size() int64 { return p.Reader.Size() }
func (paper) Close() error  { return nil }

func (s *shelf) put(text string) gateway.Hash {
	h := gateway.HashOf([]byte(text))
	s.contents[h] = text
	return h
}

var monday = time.Date(2026, 3, 16, 9, 30, 0, 0, time.UTC)

// number makes an identifier that is the same in every run.
func number(n byte) gateway.ID {
	id := gateway.ID{0x01, 0x9c, 0xf0, 0, 0, 0, 0x70}
	id[8], id[15] = 0x80, n
	return id
}

func newShelf() *shelf {
	c := gateway.Courier{
		ID: number(1), Author: number(3), AuthorName: "Anne Durand", AuthorAddr: "anne.durand@mairie.example", Type: gateway.Rejet,
		TypeLabel: "Courrier de rejet", Subject: "Rejet de votre offre", MessageID: "<agent-1@mairie.example>", ReceiptAsked: true,
		Options: gateway.Options{Acknowledged: true, Reply: gateway.ReplyPolicy{Allowed: true, By: monday.Add(48 * time.Hour)}},
		Context: gateway.ContextBlock{Reference: "TESTESR2020", Title: "Marché de test — école", PublicBody: "Mairie d'Exemple", Zone: "Europe/Paris", Language: "fr"},
	}
	return &shelf{
		courier:   c,
		recipient: gateway.Recipient{ID: number(2), Courier: c.ID, Address: "contact@dupont.example", CompanyName: "Société Dupont & Fils"},
		agent:     gateway.Agent{ID: number(3), Login: "anne", Addresses: []string{"anne.durand@mairie.example"}, Notices: gateway.Notices{Digest: true}},
		events:    map[gateway.ID]gateway.Event{}, replies: map[gateway.ID]gateway.Reply{}, inbounds: map[gateway.ID]gateway.Inbound{},
		contents: map[gateway.Hash]string{},
	}
}

func newComposer(t testing.TB, s *shelf) *Composer {
	t.Helper()
	ring, err := token.NewRing(token.Key{ID: 1, Secret: [32]byte{1}})
	if err != nil {
		t.Fatal(err)
	}
	return New(Options{Domain: "courrier.example", Name: "Vaguemestre"}, s, ring)
}

func job(n gateway.Notice) gateway.Job {
	return gateway.Job{ID: number(9), Kind: gateway.JobNotice, Courier: number(1), Recipient: number(2), Notice: n, Created: monday.Add(time.Hour)}
}

// write composes twice: both must be the same.
func write(t testing.TB, c *Composer, j gateway.Job) (Mail, string) {
	t.Helper()
	m, err := c.Compose(context.Background(), j)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	var first, second bytes.Buffer
	if err := errors.Join(m.Write(&first), m.Write(&second)); err != nil {
		t.Fatal(err)
	}
	if first.String() != second.String() {
		t.Fatal("two writings differ")
	}
	return m, first.String()
}

func (s *shelf) answer(change func(*gateway.Reply)) gateway.Notice {
	const raw = "From: Jean <jean@dupont.example>\r\nTo: x@courrier.example\r\nSubject: =?utf-8?q?R=C3=A9ponse?=\r\nMessage-ID: <7@dupont.example>\r\n" +
		"MIME-Version: 1.0\r\nContent-Type: multipart/mixed;\r\n\tboundary=\"b1\"\r\n\r\nprologue\r\n--b1\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nVoici notre réponse.\r\n" +
		"--b1\r\nContent-Type: application/pdf; name=\"offre.pdf\"\r\nContent-Transfer-Encoding: base64\r\n\r\nJVBERi0xLjQK\r\n--b1--\r\nepilogue\r\n"
	r := gateway.Reply{
		ID: number(5), Courier: number(1), Recipient: number(2), Inbound: number(6), From: "jean@dupont.example", Subject: "Réponse",
		MessageID: "<7@dupont.example>", Content: s.put(raw), Received: monday.Add(30 * time.Minute),
		Files: []gateway.File{{Name: "offre.pdf", Size: 9, SHA256: gateway.HashOf([]byte("%PDF-1.4\n"))}},
	}
	if change != nil {
		change(&r)
	}
	s.replies[r.ID] = r
	return gateway.Notice{Reply: r.ID}
}

func (s *shelf) event(kind gateway.EventKind, details any) gateway.Notice {
	e := gateway.NewEvent(kind, monday, details, nil).About(number(1), number(2))
	e.ID = number(8)
	s.events[e.ID] = e
	return gateway.Notice{Event: e.ID}
}

var relayRefusal = gateway.RelayDetails{Host: "mx.example:25", Code: 550, Enhanced: "5.1.1", Stage: "rcpt", Reply: "5.1.1 <contact@dupont.example>: user unknown"}

// cases are one notice of each sort.
var cases = map[string]func(*shelf) gateway.Notice{
	"failed": func(s *shelf) gateway.Notice {
		n := s.event(gateway.Failed, relayRefusal)
		n.Kind = gateway.NoticeFailed
		return n
	},
	"expired": func(s *shelf) gateway.Notice {
		n := s.event(gateway.Expired, gateway.RelayDetails{Host: "mx.example:25", Stage: "connect", Cause: "connection refused"})
		n.Kind = gateway.NoticeFailed
		return n
	},
	"bounced": func(s *shelf) gateway.Notice {
		n := s.event(gateway.Failed, gateway.ReportDetails{Action: "failed", Status: "5.2.2", Diagnostic: "552 mailbox full", RemoteMTA: "mx.dupont.example"})
		n.Kind = gateway.NoticeFailed
		return n
	},
	"erased": func(s *shelf) gateway.Notice {
		n := s.event(gateway.Failed, nil)
		n.Kind = gateway.NoticeFailed
		return n
	},
	"answer": func(s *shelf) gateway.Notice { n := s.answer(nil); n.Kind = gateway.NoticeReply; return n },
	"late": func(s *shelf) gateway.Notice {
		n := s.answer(func(r *gateway.Reply) { r.Late, r.OtherSender, r.From = true, true, "paul@ailleurs.example" })
		n.Kind = gateway.NoticeReply
		return n
	},
	"sealed": func(s *shelf) gateway.Notice {
		n := s.answer(func(r *gateway.Reply) {
			r.Sealed, r.Opens, r.Subject, r.Text, r.Content = true, monday.Add(time.Hour), "SECRET", "SECRET", gateway.Hash{1}
		})
		n.Kind = gateway.NoticeReply
		return n
	},
	"read": func(s *shelf) gateway.Notice {
		n := s.event(gateway.Read, gateway.ReadDetails{By: "button"})
		n.Kind = gateway.NoticeRead
		return n
	},
	"wrong-recipient": func(s *shelf) gateway.Notice {
		n := s.event(gateway.WrongPerson, gateway.ReasonDetails{Reason: "Écrivez à\r\nBcc: x@y.example Mme Roux"})
		n.Kind = gateway.NoticeWrong
		return n
	},
	"infected": func(s *shelf) gateway.Notice {
		n := s.event(gateway.Infected, gateway.InfectedDetails{File: gateway.File{Name: "plan.pdf", Size: 9, SHA256: gateway.Hash{2}}, Signature: "Eicar-Test-Signature"})
		n.Kind, n.To = gateway.NoticeInfected, "admin@mairie.example"
		return n
	},
	"delivered": func(s *shelf) gateway.Notice {
		n := s.delivered(gateway.Delivered)
		n.Kind = gateway.NoticeDelivered
		return n
	},
	"relayed": func(s *shelf) gateway.Notice {
		s.recipient.Address, s.courier.Context.Language = "élu@dupont.example", "en"
		n := s.delivered(gateway.HandedOver)
		n.Kind = gateway.NoticeDelivered
		return n
	},
	"unread": func(s *shelf) gateway.Notice {
		s.recipient.Standing.Sent = monday.Add(-72 * time.Hour)
		return gateway.Notice{Kind: gateway.NoticeUnread, Since: monday.Add(-72 * time.Hour)}
	},
	"digest": func(s *shelf) gateway.Notice {
		s.news = []store.News{{Courier: number(1), Kind: gateway.Delivered, Count: 3}, {Courier: number(1), Kind: gateway.Read, Count: 2}, {Courier: number(1), Kind: gateway.Failed, Count: 1}}
		return gateway.Notice{Kind: gateway.NoticeDigest, Agent: number(3), Since: monday.Add(-24 * time.Hour), Until: monday}
	},
	"received": func(s *shelf) gateway.Notice { n := s.answer(nil); n.Kind = gateway.NoticeReceived; return n },
	"received-english": func(s *shelf) gateway.Notice {
		s.courier.Context.Language = "en"
		n := s.answer(func(r *gateway.Reply) { r.Late, r.Sealed, r.Content = true, true, gateway.Hash{1} })
		n.Kind = gateway.NoticeReceived
		return n
	},
	"noreply": func(s *shelf) gateway.Notice {
		s.inbounds[number(6)] = gateway.Inbound{ID: number(6), From: "jean@dupont.example", Content: s.put("From: jean@dupont.example\r\nMessage-ID: <8@dupont.example>\r\n\r\nmerci\r\n")}
		return gateway.Notice{Kind: gateway.NoticeNoReply, Inbound: number(6)}
	},
	"raw": func(s *shelf) gateway.Notice {
		return gateway.Notice{Kind: gateway.NoticeRaw, To: "admin@mairie.example", Content: s.put("From: a@b.example\r\nMessage-ID: <9@b.example>\r\n\r\nbonjour\r\n")}
	},
}

// delivered is a report of the company's side, on a message whose client asked for one.
func (s *shelf) delivered(kind gateway.EventKind) gateway.Notice {
	s.courier.Content = s.put("From: Anne Durand <anne.durand@mairie.example>\r\nSubject: =?utf-8?q?Rejet?=\r\n\tde votre offre\r\nMessage-ID: <agent-1@mairie.example>\r\n\r\nBonjour\r\n")
	s.courier.Accepted, s.courier.Composition.Domain = monday.Add(-time.Minute), "courrier.example"
	s.courier.DSN = gateway.DSNRequest{Return: "HDRS", EnvelopeID: "QQ314159", Recipients: []gateway.DSNRecipient{
		{Address: s.recipient.Address, Notify: []string{"SUCCESS", "FAILURE"}, OriginalType: "RFC822", Original: s.recipient.Address},
	}}
	return s.event(kind, gateway.ReportDetails{Action: "delivered", Status: "2.1.5", ReportingMTA: "mx.dupont.example"})
}

func TestAnAgentDoesWithoutWhatTheyMuted(t *testing.T) {
	for _, kind := range gateway.MutableNotices() {
		s := newShelf()
		s.agent.Notices.Muted = []gateway.NoticeKind{kind}
		n := s.delivered(gateway.Delivered)
		n.Kind = kind
		if _, err := newComposer(t, s).Compose(t.Context(), job(n)); !errors.Is(err, ErrNothing) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestNotices(t *testing.T) {
	for name, make := range cases {
		t.Run(name, func(t *testing.T) {
			s := newShelf()
			_, text := write(t, newComposer(t, s), job(make(s)))
			checkMessage(t, text)
			golden := filepath.Join("testdata", name+".eml")
			if *update {
				if err := os.WriteFile(golden, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if text != string(want) {
				t.Errorf("not as %s (see -update):\n%s", golden, text)
			}
		})
	}
}

// checkMessage holds what every notice must be.
func checkMessage(t *testing.T, text string) {
	t.Helper()
	for line := range strings.SplitSeq(strings.ReplaceAll(text, "\r\n", "\x00"), "\x00") {
		if strings.ContainsAny(line, "\r\n") || len(line) > 998 {
			t.Fatalf("bad line %q", line)
		}
	}
	m, err := message.Read(strings.NewReader(text), int64(len(text)), message.Limits{})
	if err != nil || len(m.Defects) > 0 {
		t.Fatalf("%v %v", err, m.Defects)
	}
	if !m.Header().Has(loopField) || !m.Header().Has("Message-Id") {
		t.Errorf("no mark or no Message-ID: %s", m.Header().Raw())
	}
}

func TestTheAnswerIsThreadedAndCanBeAnswered(t *testing.T) {
	s := newShelf()
	c := newComposer(t, s)
	m, text := write(t, c, job(cases["answer"](s)))
	parsed, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	h := parsed.Header
	if h.Get("In-Reply-To") != s.courier.MessageID || h.Get("References") != s.courier.MessageID || h.Get("Auto-Submitted") != "auto-generated" {
		t.Errorf("%v", h)
	}
	from, err := h.AddressList("From")
	if err != nil || from[0].Address != "courrier@courrier.example" || from[0].Name != "Société Dupont & Fils via Vaguemestre" {
		t.Errorf("%v %v", from, err)
	}
	reply, err := h.AddressList("Reply-To")
	if err != nil {
		t.Fatal(err)
	}
	tok, found := strings.CutPrefix(strings.TrimSuffix(reply[0].Address, "@courrier.example"), "courrier+f-")
	if id, err := c.ring.Verify(token.Thread, tok); !found || err != nil || id != s.recipient.ID {
		t.Errorf("%v %v", reply, err)
	}
	if m.To != "anne.durand@mairie.example" {
		t.Error(m.To)
	}
}

// TestPromiseIntactAnswer: whatever a company sends, its body and files reach the agent byte for byte.
func TestPromiseIntactAnswer(t *testing.T) {
	var files []string
	for _, folder := range []string{"replies", "mime"} {
		found, err := filepath.Glob("../../../shared/corpora/" + folder + "/*")
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		t.Skip("the corpora (../shared/corpora) are not here")
	}
	s := newShelf()
	c := newComposer(t, s)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			continue // a folder
		}
		for _, late := range []bool{false, true} {
			n := s.answer(func(r *gateway.Reply) { r.Content, r.Late = s.put(string(raw)), late })
			n.Kind = gateway.NoticeReply
			_, text := write(t, c, job(n))
			compareAnswer(t, file, raw, text, late)
		}
	}
}

func compareAnswer(t *testing.T, file string, raw []byte, text string, late bool) {
	t.Helper()
	before, err := message.Read(bytes.NewReader(raw), int64(len(raw)), message.Limits{})
	if err != nil {
		return // beyond the bounds: attached whole
	}
	after, err := message.Read(strings.NewReader(text), int64(len(text)), message.Limits{})
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	entity := after.Root
	if late {
		if len(entity.Children) != 2 {
			t.Fatalf("%s: %d parts", file, len(entity.Children))
		}
		entity = entity.Children[0]
	}
	body, err := io.ReadAll(before.Root.Raw())
	if err != nil {
		t.Fatal(err)
	}
	whole := "\r\n\r\n" + string(body)
	if late {
		whole += "\r\n--=_" + number(9).String() + "\r\n"
	}
	if late && !strings.Contains(text, whole) || !late && !strings.HasSuffix(text, whole) {
		t.Errorf("%s (late: %v): the body changed", file, late)
	}
	if before.Root.MediaType != entity.MediaType || before.Root.Encoding != entity.Encoding {
		t.Errorf("%s: %s %s became %s %s", file, before.Root.MediaType, before.Root.Encoding, entity.MediaType, entity.Encoding)
	}
}

// TestPromiseSealedNotice: nothing of a sealed answer is in the notice, at any attempt.
func TestPromiseSealedNotice(t *testing.T) {
	s := newShelf()
	n := cases["sealed"](s)
	_, text := write(t, newComposer(t, s), job(n))
	body := decoded(t, text)
	for _, secret := range []string{"SECRET", "offre.pdf", "jean@", s.replies[number(5)].Files[0].SHA256.String()} {
		if strings.Contains(text, secret) || strings.Contains(body, secret) {
			t.Errorf("%q shows in\n%s", secret, body)
		}
	}
	if !strings.Contains(body, "18 mars 2026 à 10:30 (UTC+01:00)") {
		t.Errorf("no opening date:\n%s", body)
	}
}

// TestAnAnswerTooLargeForMailboxesIsTold: what is too large to be sent on is told with its words and its files' names and hashes.
func TestAnAnswerTooLargeForMailboxesIsTold(t *testing.T) {
	s := newShelf()
	n := s.answer(func(r *gateway.Reply) { r.Text = "Voici nos plans.\r\nSubject: x" })
	n.Kind = gateway.NoticeReply
	c := newComposer(t, s)
	c.o.MaxBytes = 10
	_, text := write(t, c, job(n))
	body := decoded(t, text)
	for _, want := range []string{"Voici nos plans.", "offre.pdf", s.replies[number(5)].Files[0].SHA256.String(), "console"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q in\n%s", want, body)
		}
	}
	if strings.Contains(text, "JVBERi0xLjQK") {
		t.Error("the file is there")
	}
}

// TestTheAgentGetsASealedAnswerAtItsDate: a notice made after the opening brings the answer; one made before says the same at
// every attempt.
func TestTheAgentGetsASealedAnswerAtItsDate(t *testing.T) {
	s := newShelf()
	n := s.answer(func(r *gateway.Reply) { r.Sealed, r.Unsealed = true, monday.Add(-time.Minute) })
	n.Kind = gateway.NoticeReply
	if _, text := write(t, newComposer(t, s), job(n)); !strings.Contains(text, "offre.pdf") {
		t.Errorf("the answer is not there:\n%s", text)
	}
	n = s.answer(func(r *gateway.Reply) { r.Sealed, r.Unsealed = true, monday.Add(2*time.Hour) })
	n.Kind = gateway.NoticeReply
	if _, text := write(t, newComposer(t, s), job(n)); strings.Contains(text, "offre.pdf") {
		t.Errorf("a notice made under the seal changed:\n%s", text)
	}
}

func decoded(t *testing.T, text string) string {
	t.Helper()
	m, err := message.Read(strings.NewReader(text), int64(len(text)), message.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	body, err := m.Text().Text(1 << 20)
	if err != nil {
		t.Fatal(err)
	}
	return m.Header().Text("Subject") + "\n" + body
}

func TestReasons(t *testing.T) {
	for status, want := range map[string]string{
		"5.1.1": unknownUser, "5.1.2": unknownDomain, "5.1.10": unknownDomain, "5.2.2": full, "4.2.2": full, "5.3.4": tooLarge, "5.4.1": unreachable,
		"4.4.7": unreachable, "5.7.1": refused, "5.7.26": refused, "5.6.7": international, "5.6.3": content, "": other, "nonsense": other, "5.9.9": other, "5.1.5": badAddress,
	} {
		if got := (cause{Status: status}).reason(); got != want {
			t.Errorf("%s: %s, want %s", status, got, want)
		}
	}
	if got := (cause{Status: "5.7.8", Stage: "auth"}).reason(); got != ourRelay {
		t.Error(got)
	}
	for _, c := range []struct{ status, word, want string }{
		{"5.0.0", "mailbox-full", full}, {"5.1.1", "mailbox-full", full}, {"", "suspended", disabled}, {"5.0.0", "host-unknown", unknownDomain},
		{"5.0.0", "too-big", tooLarge}, {"5.1.1", "spam", refused}, {"5.4.6", "network", loop}, {"5.6.7", "content", international}, {"5.1.1", "undefined", unknownUser},
		{"4.7.0", "rate-limited", limited}, {"5.7.28", "undefined", limited},
	} {
		if got := (cause{Status: c.status, Word: c.word}).reason(); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

func TestEveryReasonHasItsSentences(t *testing.T) {
	s := newShelf()
	c := newComposer(t, s)
	for _, language := range []string{"fr", "en"} {
		seen := map[string]bool{}
		for _, reason := range []string{unknownUser, unknownDomain, badAddress, moved, disabled, full, tooLarge, unreachable, loop, content, refused, limited, temporary, international, ourRelay, other} {
			w := c.words(&subject{courier: s.courier, recipient: s.recipient})
			w.Reason = reason
			text, err := c.say(language, "reason", w)
			if err != nil || text == "" || seen[text] {
				t.Errorf("%s %s: %q %v", language, reason, text, err)
			}
			seen[text] = true
			if next, err := c.say(language, "next", w); err != nil || next == "" {
				t.Errorf("%s %s: %q %v", language, reason, next, err)
			}
		}
	}
}

// TestNoAddressIsMissingForNow: an answer that may be another later (RFC 5321 §4.2.1) does not tell the agent that an address or its
// domain does not exist; the server's own refusal for good does, whatever status stands around it.
func TestNoAddressIsMissingForNow(t *testing.T) {
	for _, c := range []struct {
		cause
		want string
	}{
		{cause{Status: "4.0.0", Said: "450 Requested mail action not taken: mailbox unavailable", Word: "user-unknown"}, temporary},
		{cause{Status: "4.1.1", Said: "smtp; 450 4.1.1 <x@y.example>: unverified address: Address verification in progress", Word: "user-unknown"}, temporary},
		{cause{Status: "5.0.0", Said: "450 mailbox unavailable", Word: "user-unknown"}, temporary},
		{cause{Status: "4.4.4", Said: "451 4.4.4 Unable to route", Word: "host-unknown"}, unreachable},
		{cause{Status: "4.1.2", Code: 450, Stage: "rcpt"}, unreachable},
		{cause{Status: "4.1.1", Code: 450, Stage: "rcpt"}, temporary},
		{cause{Status: "4.1.8", Code: 450, Stage: "mail"}, temporary},
		{cause{Status: "4.0.0", Said: "550 user unknown", Word: "user-unknown"}, unknownUser},
		{cause{Status: "5.1.1", Code: 550, Stage: "rcpt"}, unknownUser},
		{cause{Status: "4.2.2", Said: "452 4.2.2 over quota", Word: "mailbox-full"}, full},
	} {
		if got := c.reason(); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

// TestPromiseNoLoop: no machine, list or notice of ours is ever answered.
func TestPromiseNoLoop(t *testing.T) {
	for name, c := range map[string]struct {
		field, to string
	}{
		"auto-replied": {"Auto-Submitted: auto-replied", ""}, "vacation": {"Auto-Submitted: auto-generated (vacation)", ""},
		"bulk": {"Precedence: BULK", ""}, "list": {"List-Id: <l.example>", ""}, "no sender": {"Return-Path: <>", ""},
		"Exchange": {"X-Auto-Response-Suppress: DR, AutoReply", ""}, "ours": {"Vaguemestre-Notice: x", ""},
		"report": {"Content-Type: multipart/report; boundary=b", ""},
		"daemon": {"X-A: b", "MAILER-DAEMON@mx.example"}, "ourselves": {"X-A: b", "courrier@Courrier.example"}, "nobody": {"X-A: b", "nobody"},
		"list owner": {"X-A: b", "owner-list@l.example"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newShelf()
			raw := "From: x@y.example\r\n" + c.field + "\r\n\r\nbonjour\r\n"
			s.inbounds[number(6)] = gateway.Inbound{ID: number(6), From: "x@y.example", Content: s.put(raw)}
			composer := newComposer(t, s)
			n := s.answer(func(r *gateway.Reply) { r.Content = s.put(raw) })
			n.Kind, n.To = gateway.NoticeReceived, c.to
			if _, err := composer.Compose(context.Background(), job(n)); !errors.Is(err, ErrNothing) {
				t.Errorf("received: %v", err)
			}
			if _, err := composer.Compose(context.Background(), job(gateway.Notice{Kind: gateway.NoticeNoReply, Inbound: number(6), To: c.to})); !errors.Is(err, ErrNothing) {
				t.Errorf("noreply: %v", err)
			}
		})
	}
	s := newShelf()
	human := s.put("From: x@y.example\r\nAuto-Submitted: no\r\n\r\nbonjour\r\n")
	s.inbounds[number(6)] = gateway.Inbound{ID: number(6), From: "x@y.example", Content: human}
	if _, err := newComposer(t, s).Compose(context.Background(), job(gateway.Notice{Kind: gateway.NoticeNoReply, Inbound: number(6)})); err != nil {
		t.Errorf("Auto-Submitted: no is a person: %v", err)
	}
	s.inbounds[number(6)] = gateway.Inbound{ID: number(6), From: "x@y.example", Content: human, Opens: monday.Add(time.Hour)}
	if _, err := newComposer(t, s).Compose(context.Background(), job(gateway.Notice{Kind: gateway.NoticeNoReply, Inbound: number(6)})); !errors.Is(err, ErrNothing) {
		t.Errorf("what nobody can read yet: %v", err)
	}
	own := gateway.Notice{Kind: gateway.NoticeRaw, To: "admin@mairie.example", Content: s.put("Vaguemestre-Notice: x\r\n\r\nround\r\n")}
	if _, err := newComposer(t, s).Compose(context.Background(), job(own)); !errors.Is(err, ErrNothing) {
		t.Errorf("raw: %v", err)
	}
}

func TestWhatIsMissing(t *testing.T) {
	s := newShelf()
	c := newComposer(t, s)
	if _, err := c.Compose(context.Background(), job(gateway.Notice{Kind: gateway.NoticeReply, Reply: number(77)})); !errors.Is(err, ErrNothing) {
		t.Errorf("an answer that is gone: %v", err)
	}
	if _, err := c.Compose(context.Background(), job(gateway.Notice{Kind: "other"})); !errors.Is(err, ErrNothing) {
		t.Errorf("an unknown kind: %v", err)
	}
	n := s.answer(func(r *gateway.Reply) { r.Content = gateway.Hash{9} })
	n.Kind = gateway.NoticeReply
	_, err := c.Compose(context.Background(), job(n))
	var f *gateway.Fault
	if errors.Is(err, ErrNothing) || !errors.As(err, &f) || f.Class != gateway.Temporary {
		t.Errorf("a content that is missing must be waited for: %v", err)
	}
}

// What strangers wrote cannot add a field.
func TestNoFieldCanBeInjected(t *testing.T) {
	s := newShelf()
	const evil = "x\r\nBcc: victim@example.net\r\n\r\nbody"
	s.recipient.CompanyName, s.courier.Subject, s.courier.AuthorName = evil, evil, evil
	s.courier.MessageID, s.courier.Context.PublicBody = "<a@b>\r\nBcc: victim@example.net", evil
	n := s.answer(func(r *gateway.Reply) { r.Subject, r.From, r.MessageID = evil, evil, evil })
	for _, kind := range []gateway.NoticeKind{gateway.NoticeReply, gateway.NoticeRead, gateway.NoticeFailed} {
		n.Kind = kind
		if kind != gateway.NoticeReply {
			n.Event = s.event(gateway.Failed, relayRefusal).Event
		}
		_, text := write(t, newComposer(t, s), job(n))
		m, err := message.Read(strings.NewReader(text), int64(len(text)), message.Limits{})
		if err != nil || m.Header().Has("Bcc") {
			t.Errorf("%s: %v\n%s", kind, err, text)
		}
	}
}
