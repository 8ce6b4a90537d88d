package relay

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"vaguemestre/gateway"
)

func TestWhatIsSentIsWhatTheEvidenceSays(t *testing.T) {
	keys := testKeys()
	srv := serve(t, script{})
	r := relayTo(t, Options{Signer: testSigner(t, keys...)}, clear1(srv))
	d, fault := r.Deliver(context.Background(), letterEnvelope(), text(letter))
	if fault != nil {
		t.Fatal(fault)
	}
	got := srv.took()
	if len(got) != 1 {
		t.Fatalf("%d messages", len(got))
	}
	again := strings.Join(d.Signature, "\r\n") + "\r\n" + letter
	if string(got[0].data) != again {
		t.Errorf("sent %q\nevidence makes %q", got[0].data, again)
	}
	if d.SHA256 != gateway.Hash(sha256.Sum256(got[0].data)) || d.Size != int64(len(got[0].data)) {
		t.Errorf("evidence of %d octets, %s", d.Size, d.SHA256)
	}
	if err := verify(t, keys, got[0].data); err != nil {
		t.Error(err)
	}
	want := gateway.RelayDetails{
		Host: srv.address(), Peer: "mx.example.net ESMTP ready", Code: 250, Enhanced: "2.0.0", Reply: "2.0.0 Ok: queued as 4F1A",
		MessageID: "<1@example.org>", ENVID: "id.0.l", DSN: true, SHA256: d.SHA256, Size: d.Size, Signature: d.Signature,
	}
	if diff := compare(want, d); diff != "" {
		t.Error(diff)
	}
	if from := got[0].from; !strings.HasPrefix(from, "MAIL FROM:<courrier+b-abc@example.org> SIZE=") || !strings.HasSuffix(from, " RET=HDRS ENVID=id.0.l") {
		t.Error(from)
	}
	if to := got[0].to; to != "RCPT TO:<a+b@example.net> NOTIFY=SUCCESS,DELAY,FAILURE ORCPT=rfc822;a+2Bb@example.net" {
		t.Error(to)
	}
}

func TestEveryAttemptSendsTheSameBytes(t *testing.T) {
	srv := serve(t, script{})
	for _, hold := range []int{1, 1 << 20} { // composed twice, or kept
		r := relayTo(t, Options{Signer: testSigner(t, testKeys()...), Hold: hold}, clear1(srv))
		for range 2 {
			if _, fault := r.Deliver(context.Background(), letterEnvelope(), text(letter)); fault != nil {
				t.Fatal(fault)
			}
		}
	}
	got := srv.took()
	for _, m := range got[1:] {
		if !bytes.Equal(m.data, got[0].data) {
			t.Fatalf("%q\n%q", got[0].data, m.data)
		}
	}
}

func TestWithoutDSNTheEvidenceSaysSo(t *testing.T) {
	srv := serve(t, script{extensions: "-"})
	d, fault := relayTo(t, Options{}, clear1(srv)).Deliver(context.Background(), letterEnvelope(), text(letter))
	if fault != nil {
		t.Fatal(fault)
	}
	m := srv.took()[0]
	if d.DSN || m.from != "MAIL FROM:<courrier+b-abc@example.org>" || m.to != "RCPT TO:<a+b@example.net>" {
		t.Errorf("%+v %q %q", d, m.from, m.to)
	}
}

// outcomes: what a smarthost does, and what it comes to.
func TestOutcomes(t *testing.T) {
	type want struct {
		class gateway.Class
		stage string
		code  int
		words string
	}
	temporary, permanent, unknown := gateway.Temporary, gateway.Permanent, gateway.Unknown
	cases := map[string]struct {
		verb, answer string
		want         want
	}{
		"greeting refused for now":     {"GREETING", "421 4.3.2 busy", want{temporary, "connect", 421, "4.3.2 busy"}},
		"greeting refused for good":    {"GREETING", "554 5.7.1 go away", want{temporary, "connect", 554, "5.7.1 go away"}},
		"greeting hangs up":            {"GREETING", hangUp, want{temporary, "connect", 0, ""}},
		"greeting is no SMTP":          {"GREETING", "SSH-2.0-OpenSSH_9.2", want{temporary, "connect", 0, ""}},
		"greeting without end":         {"GREETING", "220-" + strings.Repeat("x|220-", 300) + "x", want{temporary, "connect", 0, ""}},
		"greeting of one long line":    {"GREETING", "220 " + strings.Repeat("x", 5000), want{temporary, "connect", 0, ""}},
		"EHLO refused for good":        {"EHLO", "550 5.7.1 unknown host", want{temporary, "hello", 550, "5.7.1 unknown host"}},
		"EHLO hangs up":                {"EHLO", hangUp, want{temporary, "hello", 0, ""}},
		"EHLO answers nonsense":        {"EHLO", "250-a|350 b", want{temporary, "hello", 0, ""}},
		"MAIL refused for now":         {"MAIL", "451 4.3.0 later", want{temporary, "mail", 451, "4.3.0 later"}},
		"MAIL refused for good":        {"MAIL", "550 5.1.8 bad sender", want{permanent, "mail", 550, "5.1.8 bad sender"}},
		"MAIL wants a login":           {"MAIL", "530 5.7.0 authentication required", want{temporary, "mail", 530, "5.7.0 authentication required"}},
		"MAIL hangs up":                {"MAIL", hangUp, want{temporary, "mail", 0, ""}},
		"MAIL closes with words":       {"MAIL", "421 4.4.2 idle too long", want{temporary, "mail", 421, "4.4.2 idle too long"}},
		"MAIL answers nonsense":        {"MAIL", "hello", want{temporary, "mail", 0, ""}},
		"MAIL answers 354":             {"MAIL", "354 what", want{temporary, "mail", 354, "what"}},
		"RCPT greylisted":              {"RCPT", "450 4.2.0 greylisted, come back", want{temporary, "rcpt", 450, "4.2.0 greylisted, come back"}},
		"RCPT mailbox full":            {"RCPT", "452 4.2.2 full", want{temporary, "rcpt", 452, "4.2.2 full"}},
		"RCPT unknown user":            {"RCPT", "550 5.1.1 no such user", want{permanent, "rcpt", 550, "5.1.1 no such user"}},
		"RCPT unknown, several lines":  {"RCPT", "550-5.1.1 no such|550 5.1.1 user", want{permanent, "rcpt", 550, "5.1.1 no such / 5.1.1 user"}},
		"RCPT hangs up":                {"RCPT", hangUp, want{temporary, "rcpt", 0, ""}},
		"DATA refused for now":         {"DATA", "451 4.3.0 later", want{temporary, "data", 451, "4.3.0 later"}},
		"DATA refused for good":        {"DATA", "554 5.5.1 no valid recipients", want{permanent, "data", 554, "5.5.1 no valid recipients"}},
		"DATA answers 250":             {"DATA", "250 fine", want{temporary, "data", 250, "fine"}},
		"DATA hangs up":                {"DATA", hangUp, want{temporary, "data", 0, ""}},
		"DOT refused for now":          {"DOT", "451 4.7.1 scanner is down", want{temporary, "dot", 451, "4.7.1 scanner is down"}},
		"DOT refused for good":         {"DOT", "554 5.7.1 spam", want{permanent, "dot", 554, "5.7.1 spam"}},
		"DOT without words":            {"DOT", "550", want{permanent, "dot", 550, ""}},
		"DOT closes with words":        {"DOT", "421 4.3.2 shutting down", want{temporary, "dot", 421, "4.3.2 shutting down"}},
		"DOT hangs up":                 {"DOT", hangUp, want{unknown, "dot", 0, ""}},
		"DOT resets":                   {"DOT", resetIt, want{unknown, "dot", 0, ""}},
		"DOT answers nonsense":         {"DOT", "thank you", want{unknown, "dot", 0, ""}},
		"DOT answers 354":              {"DOT", "354 more", want{unknown, "dot", 0, ""}},
		"DOT with endless lines":       {"DOT", strings.Repeat("250-x|", 300) + "250 x", want{unknown, "dot", 0, ""}},
		"DOT with two different codes": {"DOT", "250-ok|550 no", want{unknown, "dot", 0, ""}},
	}
	for name, c := range cases {
		for _, extensions := range []string{"", "SIZE=0 DSN 8BITMIME"} {
			t.Run(name+" "+extensions, func(t *testing.T) {
				srv := serve(t, script{answers: map[string]string{c.verb: c.answer}, extensions: extensions})
				d, fault := relayTo(t, Options{}, clear1(srv)).Deliver(context.Background(), letterEnvelope(), text(letter))
				if fault == nil {
					t.Fatal("no fault")
				}
				got := want{fault.Class, d.Stage, d.Code, d.Reply}
				if got != c.want {
					t.Errorf("got %+v, want %+v (%v)", got, c.want, fault)
				}
				if !strings.HasPrefix(c.answer, "2") && len(srv.took()) > 0 {
					t.Error("a refused message was taken")
				}
			})
		}
	}
}

// A peer that leaves in the middle of the message has not taken it; what it said before counts.
func TestAPeerThatLeavesInTheMiddle(t *testing.T) {
	for answer, want := range map[string]gateway.Class{hangUp: gateway.Temporary, "552 5.3.4 too big": gateway.Permanent, "451 4.3.1 full": gateway.Temporary} {
		t.Run(answer, func(t *testing.T) {
			srv := serve(t, script{answers: map[string]string{"BODY": answer}})
			half := strings.Repeat(strings.Repeat("x", 76)+"\r\n", 1000)
			calls := 0
			compose := func(w io.Writer) error {
				if calls++; calls == 1 {
					_, err := io.WriteString(w, letter+half+half)
					return err
				}
				if _, err := io.WriteString(w, letter+half); err != nil {
					return err
				}
				<-srv.left
				_, err := io.WriteString(w, half)
				return err
			}
			d, fault := relayTo(t, Options{Hold: 1}, clear1(srv)).Deliver(context.Background(), letterEnvelope(), compose)
			if fault == nil || d.Stage != "data" || fault.Class == gateway.Unknown || len(srv.took()) > 0 {
				t.Fatalf("%v %+v", fault, d)
			}
			// The peer's reset may overtake its words: then they are lost, and the fault is temporary.
			if fault.Class != want && d.Code != 0 {
				t.Errorf("%v %+v", fault, d)
			}
		})
	}
}

func TestStallsEndInTime(t *testing.T) {
	short := Timeouts{Connect: time.Second, TLS: 50 * time.Millisecond, Greeting: 50 * time.Millisecond, Command: 50 * time.Millisecond,
		DataStart: 50 * time.Millisecond, Block: 50 * time.Millisecond, Final: 50 * time.Millisecond}
	for verb, class := range map[string]gateway.Class{
		"GREETING": gateway.Temporary, "EHLO": gateway.Temporary, "MAIL": gateway.Temporary, "RCPT": gateway.Temporary,
		"DATA": gateway.Temporary, "DOT": gateway.Unknown,
	} {
		t.Run(verb, func(t *testing.T) {
			srv := serve(t, script{answers: map[string]string{verb: stall}})
			_, fault := relayTo(t, Options{Timeouts: short}, clear1(srv)).Deliver(context.Background(), letterEnvelope(), text(letter))
			var timeout net.Error
			if fault == nil || fault.Class != class || !errors.As(fault, &timeout) || !timeout.Timeout() {
				t.Errorf("%v", fault)
			}
		})
	}
}

func TestTheEndOfTheContextBreaksWaits(t *testing.T) {
	for verb, class := range map[string]gateway.Class{"GREETING": gateway.Temporary, "RCPT": gateway.Temporary, "DOT": gateway.Unknown} {
		t.Run(verb, func(t *testing.T) {
			srv := serve(t, script{answers: map[string]string{verb: stall}})
			why := errors.New("stopping")
			ctx, stop := context.WithCancelCause(context.Background())
			timer := time.AfterFunc(30*time.Millisecond, func() { stop(why) })
			defer timer.Stop()
			_, fault := relayTo(t, Options{}, clear1(srv)).Deliver(ctx, letterEnvelope(), text(letter))
			if fault == nil || fault.Class != class || !errors.Is(fault, why) {
				t.Errorf("%v", fault)
			}
		})
	}
}

func TestConnectionsAreReused(t *testing.T) {
	srv := serve(t, script{})
	r := relayTo(t, Options{}, clear1(srv))
	for range 5 {
		if _, fault := r.Deliver(context.Background(), letterEnvelope(), text(letter)); fault != nil {
			t.Fatal(fault)
		}
	}
	if srv.opened() != 1 || srv.said("RSET") != 0 {
		t.Errorf("%d connections, %d RSET", srv.opened(), srv.said("RSET"))
	}
}

func TestAfterARefusalTheConnectionIsReset(t *testing.T) {
	srv := serve(t, script{answers: map[string]string{"RCPT": "550 5.1.1 no", "DATA": "554 5.5.1 no valid recipients"}})
	r := relayTo(t, Options{}, clear1(srv))
	for range 3 {
		if _, fault := r.Deliver(context.Background(), letterEnvelope(), text(letter)); fault == nil || fault.Class != gateway.Permanent {
			t.Fatal(fault)
		}
	}
	if srv.opened() != 1 || srv.said("RSET") != 2 {
		t.Errorf("%d connections, %d RSET", srv.opened(), srv.said("RSET"))
	}
}

func TestAnIdleConnectionThatDiedIsReplaced(t *testing.T) {
	for name, answer := range map[string]string{"closed": hangUp, "said 421": "421 4.4.2 idle too long"} {
		t.Run(name, func(t *testing.T) {
			srv := serve(t, script{once: true, answers: map[string]string{"RSET": answer}})
			// A refused message makes the first connection owe a RSET, where it dies.
			r := relayTo(t, Options{}, clear1(srv))
			s, trouble := r.pools[0].open(context.Background())
			if trouble != nil {
				t.Fatal(trouble.fault)
			}
			s.dirty = true
			r.pools[0].keep(s)
			if _, fault := r.Deliver(context.Background(), letterEnvelope(), text(letter)); fault != nil {
				t.Fatal(fault)
			}
			if srv.opened() != 2 || len(srv.took()) != 1 {
				t.Errorf("%d connections, %d messages", srv.opened(), len(srv.took()))
			}
		})
	}
}

func TestConnectionsAreBounded(t *testing.T) {
	srv := serve(t, script{})
	host := clear1(srv)
	host.MaxConnections, host.MaxMessages, host.Rate = 3, 10, 100_000
	r := relayTo(t, Options{}, host)
	var all sync.WaitGroup
	for range 30 {
		all.Go(func() {
			if _, fault := r.Deliver(context.Background(), letterEnvelope(), text(letter)); fault != nil {
				t.Error(fault)
			}
		})
	}
	all.Wait()
	if n := srv.opened(); n < 3 || n > 6 {
		t.Errorf("%d connections for 30 messages, 3 at once, 10 each", n)
	}
	if len(srv.took()) != 30 {
		t.Errorf("%d messages", len(srv.took()))
	}
}

// The rate is per smarthost: over it a message waits, and does not go when the wait is given up.
func TestTheRateOfASmarthostIsKept(t *testing.T) {
	srv := serve(t, script{})
	host := clear1(srv)
	host.Rate = 1e-6
	r := relayTo(t, Options{}, host)
	if _, fault := r.Deliver(context.Background(), letterEnvelope(), text(letter)); fault != nil {
		t.Fatal(fault)
	}
	ctx, giveUp := context.WithCancel(context.Background())
	var waiting sync.WaitGroup
	waiting.Go(func() {
		if d, fault := r.Deliver(ctx, letterEnvelope(), text(letter)); fault == nil || fault.Class != gateway.Temporary {
			t.Errorf("%v %+v", fault, d)
		}
	})
	giveUp()
	waiting.Wait()
	if n := len(srv.took()); n != 1 {
		t.Errorf("%d messages", n)
	}
}

func TestFailover(t *testing.T) {
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = dead.Close()
	gone := Host{Address: dead.Addr().String(), TLS: TLSNone}
	for name, c := range map[string]struct {
		first  *script // nil: nobody listens
		second bool    // the second one gets the message
		class  gateway.Class
	}{
		"nobody listens":     {nil, true, 0},
		"hangs up at once":   {&script{answers: map[string]string{"GREETING": hangUp}}, true, 0},
		"unknown to it":      {&script{answers: map[string]string{"EHLO": "550 no"}}, true, 0},
		"busy":               {&script{answers: map[string]string{"MAIL": "421 busy"}}, true, 0},
		"full disk":          {&script{answers: map[string]string{"MAIL": "452 4.3.1 full"}}, true, 0},
		"size":               {&script{extensions: "SIZE=10"}, true, 0},
		"unknown mailbox":    {&script{answers: map[string]string{"RCPT": "550 5.1.1 no"}}, false, gateway.Permanent},
		"greylisted":         {&script{answers: map[string]string{"RCPT": "450 later"}}, false, gateway.Temporary},
		"lost after the dot": {&script{answers: map[string]string{"DOT": hangUp}}, false, gateway.Unknown},
		"refused at the dot": {&script{answers: map[string]string{"DOT": "554 spam"}}, false, gateway.Permanent},
	} {
		t.Run(name, func(t *testing.T) {
			first := gone
			if c.first != nil {
				first = clear1(serve(t, *c.first))
			}
			second := serve(t, script{})
			backup := clear1(second)
			backup.Priority = 10
			d, fault := relayTo(t, Options{}, backup, first).Deliver(context.Background(), letterEnvelope(), text(letter))
			if c.second {
				if fault != nil || d.Host != backup.Address || len(second.took()) != 1 {
					t.Errorf("%v %+v", fault, d)
				}
				return
			}
			if fault == nil || fault.Class != c.class || d.Host != first.Address || second.opened() > 0 {
				t.Errorf("%v %+v", fault, d)
			}
		})
	}
}

func TestWhenNoHostTakesItTheHopefulOutcomeCounts(t *testing.T) {
	small := clear1(serve(t, script{extensions: "SIZE=10"}))
	busy := clear1(serve(t, script{answers: map[string]string{"GREETING": "421 busy"}}))
	busy.Priority = 1
	d, fault := relayTo(t, Options{}, small, busy).Deliver(context.Background(), letterEnvelope(), text(letter))
	if fault == nil || fault.Class != gateway.Temporary || d.Host != busy.Address {
		t.Errorf("%v", fault)
	}
	d, fault = relayTo(t, Options{}, small).Deliver(context.Background(), letterEnvelope(), text(letter))
	if fault == nil || fault.Class != gateway.Permanent || fault.Code != 552 || !strings.Contains(d.Cause, "10 at most") {
		t.Errorf("%v %+v", fault, d)
	}
}

func TestHostsOfEqualPriorityTakeTurnsAndAHostThatFailedComesLast(t *testing.T) {
	a, b := serve(t, script{}), serve(t, script{})
	r := relayTo(t, Options{}, clear1(a), clear1(b))
	for range 4 {
		if _, fault := r.Deliver(context.Background(), letterEnvelope(), text(letter)); fault != nil {
			t.Fatal(fault)
		}
	}
	if len(a.took()) != 2 || len(b.took()) != 2 {
		t.Errorf("%d and %d", len(a.took()), len(b.took()))
	}
	r.pools[0].fared(context.Background(), nil, broken(stageConnect, io.EOF))
	for range 2 {
		if order := r.order(); order[1] != r.pools[0] {
			t.Error("the host that failed is asked first")
		}
	}
	for i, s := range r.States() {
		if s.Address != r.pools[i].host.Address || s.Down != (i == 0) || s.Opened.IsZero() || len(s.Shown.Extensions) == 0 || (s.Fault == "") != (i == 1) || s.Failed.IsZero() != (i == 1) {
			t.Errorf("the state of %d: %+v", i, s)
		}
	}
}

func TestDownUntilTellsWhenNoHostWorks(t *testing.T) {
	var clock atomic.Int64
	clock.Store(1_000_000)
	now := func() time.Time { return time.Unix(clock.Load(), 0) }
	bad, good := serve(t, script{answers: map[string]string{"GREETING": "421 busy"}}), serve(t, script{once: true, answers: map[string]string{"GREETING": "421 busy"}})
	spare := clear1(good)
	spare.Priority = 1
	r := relayTo(t, Options{Now: now}, clear1(bad), spare)
	if !r.DownUntil().IsZero() {
		t.Error("down before anything was tried")
	}
	if _, fault := r.Deliver(context.Background(), letterEnvelope(), text(letter)); fault == nil {
		t.Fatal("no fault")
	}
	if got := r.DownUntil(); got != now().Add(5*time.Second) || r.countDown() != 2 {
		t.Errorf("%s, %v down", got, r.countDown())
	}
	clock.Add(5)
	if !r.DownUntil().IsZero() {
		t.Error("down for ever")
	}
	if _, fault := r.Deliver(context.Background(), letterEnvelope(), text(letter)); fault != nil {
		t.Fatal(fault)
	}
	if !r.DownUntil().IsZero() || r.countDown() != 1 {
		t.Error("the host that works again is still held to be down")
	}
}

func TestWhatAHostCannotCarryIsRefusedClearly(t *testing.T) {
	eightBit := strings.Replace(letter, "Bonjour", "Préfecture", 1)
	rawHeader := strings.Replace(letter, "Rejet", "Préfecture", 1)
	env := letterEnvelope()
	intl := env
	intl.To = "élu@exemple.example"
	domain := env
	domain.To = "elu@préfecture.example"
	tlsOnly := env
	tlsOnly.RequireTLS = true
	for name, c := range map[string]struct {
		env        Envelope
		body       string
		extensions string
		status     [3]int // zero: sent
		mail, rcpt string // found in the commands
	}{
		"8-bit body, offered":      {env, eightBit, "8BITMIME", [3]int{}, " BODY=8BITMIME", ""},
		"8-bit body, not offered":  {env, eightBit, "SIZE", [3]int{5, 6, 3}, "", ""},
		"7-bit body":               {env, letter, "8BITMIME", [3]int{}, "abc@example.org>", ""},
		"8-bit header, offered":    {env, rawHeader, "8BITMIME SMTPUTF8", [3]int{}, " SMTPUTF8", ""},
		"8-bit header, refused":    {env, rawHeader, "8BITMIME", [3]int{5, 6, 7}, "", ""},
		"address, offered":         {intl, letter, "SMTPUTF8 8BITMIME DSN", [3]int{}, " SMTPUTF8", "RCPT TO:<élu@exemple.example>"},
		"address, refused":         {intl, letter, "8BITMIME", [3]int{5, 6, 7}, "", ""},
		"domain becomes A-labels":  {domain, letter, "-", [3]int{}, "", "RCPT TO:<elu@xn--prfecture-c4a.example>"},
		"REQUIRETLS not possible":  {tlsOnly, letter, "REQUIRETLS", [3]int{5, 7, 30}, "", ""},
		"too large":                {env, letter, "SIZE=50", [3]int{5, 3, 4}, "", ""},
		"null sender":              {Envelope{To: "a@example.net"}, letter, "DSN", [3]int{}, "MAIL FROM:<> RET=HDRS", ""},
		"injection in the address": {Envelope{To: "x> NOTIFY=NEVER <y@example.net"}, letter, "DSN", [3]int{}, "", `RCPT TO:<"x> NOTIFY=NEVER <y"@example.net>`},
		"line end in the address":  {Envelope{To: "x\r\nRSET@example.net"}, letter, "DSN", [3]int{5, 1, 3}, "", ""},
		"no address":               {Envelope{To: "nobody"}, letter, "DSN", [3]int{5, 1, 3}, "", ""},
		"space in the ENVID":       {Envelope{To: "a@example.net", ENVID: "a b"}, letter, "DSN", [3]int{5, 1, 3}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			srv := serve(t, script{extensions: c.extensions})
			_, fault := relayTo(t, Options{}, clear1(srv)).Deliver(context.Background(), c.env, text(c.body))
			if c.status != [3]int{} {
				if fault == nil || fault.Class != gateway.Permanent || fault.Enhanced != c.status {
					t.Fatalf("%v", fault)
				}
				return
			}
			if fault != nil {
				t.Fatal(fault)
			}
			m := srv.took()[0]
			if !strings.Contains(m.from, c.mail) || !strings.Contains(m.to, c.rcpt) {
				t.Errorf("%q %q", m.from, m.to)
			}
		})
	}
}

func TestAComposerThatFailsSendsNothing(t *testing.T) {
	srv := serve(t, script{})
	r := relayTo(t, Options{Hold: 1}, clear1(srv))
	gone := errors.New("content gone")
	calls := 0
	for name, compose := range map[string]func(io.Writer) error{
		"at once": func(io.Writer) error { return gone },
		"the second": func(w io.Writer) error {
			calls++
			_, _ = io.WriteString(w, letter)
			return map[bool]error{true: gone}[calls == 2]
		},
		"otherwise": func(w io.Writer) error {
			calls++
			_, err := io.WriteString(w, letter+strings.Repeat("x", calls))
			return err
		},
	} {
		calls = 0
		_, fault := r.Deliver(context.Background(), letterEnvelope(), compose)
		if fault == nil || fault.Class != gateway.Temporary {
			t.Errorf("%s: %v", name, fault)
		}
	}
	refusal := gateway.Refuse(550, [3]int{5, 6, 0}, "refuse.something", nil)
	if _, fault := r.Deliver(context.Background(), letterEnvelope(), func(io.Writer) error { return refusal }); fault != refusal {
		t.Errorf("%v", fault)
	}
	if len(srv.took()) != 0 {
		t.Error("a message was taken")
	}
}

func TestUnsolicitedAnswersAreNotTakenForTheVerdict(t *testing.T) {
	srv := serve(t, script{answers: map[string]string{"DATA": "354 go on|250 2.0.0 already taken"}})
	_, fault := relayTo(t, Options{}, clear1(srv)).Deliver(context.Background(), letterEnvelope(), text(letter))
	if fault == nil || fault.Class != gateway.Temporary {
		t.Errorf("%v", fault)
	}
}

func TestOldServersGetHELO(t *testing.T) {
	srv := serve(t, script{answers: map[string]string{"EHLO": "502 5.5.1 what?"}})
	d, fault := relayTo(t, Options{}, clear1(srv)).Deliver(context.Background(), letterEnvelope(), text(letter))
	if fault != nil || d.DSN || srv.said("HELO") != 1 {
		t.Errorf("%v", fault)
	}
}

func compare(want, got gateway.RelayDetails) string { return cmp.Diff(want, got) }
