package main

import (
	"bufio"
	"fmt"
	"net"
	"net/textproto"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"vaguemestre/gateway"
)

// What a mad smarthost does at a stage, beside answering with the text that a test gives.
const (
	hangUp = "!close" // without a word
	silent = "!silent"
)

// madhost is a smarthost that misbehaves at one stage: greeting, EHLO, MAIL, RCPT, DATA, body (in the middle of the
// message), dot (after the final dot). It reports nothing and delivers nowhere: what it took is what it keeps.
type madhost struct {
	listener net.Listener
	done     sync.WaitGroup

	mu     sync.Mutex
	stage  string
	act    string
	conns  map[net.Conn]bool
	closed bool
	taken  []taken
}

// taken is one message that came to its final dot, whatever was answered to it.
type taken struct{ from, to, body string }

func startMadhost(t *testing.T) *madhost {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := &madhost{listener: l, conns: map[net.Conn]bool{}}
	m.done.Go(m.accept)
	t.Cleanup(func() {
		_ = l.Close()
		m.mu.Lock()
		m.closed = true
		m.hangUp()
		m.mu.Unlock()
		m.done.Wait()
	})
	return m
}

func (m *madhost) accept() {
	for {
		conn, err := m.listener.Accept()
		if err != nil {
			return
		}
		m.mu.Lock()
		m.conns[conn] = true
		if m.closed {
			_ = conn.Close()
		}
		m.mu.Unlock()
		m.done.Go(func() {
			m.talk(conn)
			_ = conn.Close()
			m.mu.Lock()
			delete(m.conns, conn)
			m.mu.Unlock()
		})
	}
}

// hangUp ends every connection; the caller holds the lock.
func (m *madhost) hangUp() {
	for conn := range m.conns {
		_ = conn.Close()
	}
}

// goesMad misbehaves from now on; an empty act behaves. Connections that stand are ended at the same instant: none of them
// comes as far as a final dot when the act before kept it from there.
func (m *madhost) goesMad(stage, act string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stage, m.act = stage, act
	m.hangUp()
}

// answer gives the usual answer or the mad one; false ends the connection.
func (m *madhost) answer(conn net.Conn, stage, usual string) bool {
	m.mu.Lock()
	act := m.act
	if m.stage != stage {
		act = ""
	}
	m.mu.Unlock()
	switch act {
	case "":
	case hangUp:
		return false
	case silent:
		_, _ = bufio.NewReader(conn).WriteTo(discard{}) // until it is cut
		return false
	default:
		usual = act
	}
	_, err := fmt.Fprintf(conn, "%s\r\n", usual)
	return err == nil
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func (m *madhost) talk(conn net.Conn) {
	r := textproto.NewReader(bufio.NewReader(conn))
	if !m.answer(conn, "greeting", "220 mad.example ESMTP") {
		return
	}
	var now taken
	for {
		line, err := r.ReadLine()
		if err != nil {
			return
		}
		verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
		usual := "250 2.0.0 Ok"
		switch verb {
		case "EHLO":
			usual = "250-mad.example\r\n250-8BITMIME\r\n250-DSN\r\n250 SIZE 90000000"
		case "MAIL":
			now = taken{from: line}
		case "RCPT":
			now.to = line
		case "DATA":
			if !m.data(conn, r, now) {
				return
			}
			continue
		case "QUIT":
			_, _ = fmt.Fprint(conn, "221 2.0.0 Bye\r\n") // it may have left
			return
		}
		if !m.answer(conn, verb, usual) {
			return
		}
	}
}

func (m *madhost) data(conn net.Conn, r *textproto.Reader, now taken) bool {
	if !m.answer(conn, "DATA", "354 Go ahead") {
		return false
	}
	if m.is("body") {
		_, _ = r.ReadLine()
		return m.answer(conn, "body", "")
	}
	body, err := r.ReadDotBytes()
	if err != nil {
		return false
	}
	now.body = string(body)
	m.mu.Lock()
	m.taken = append(m.taken, now)
	m.mu.Unlock()
	return m.answer(conn, "dot", "250 2.0.0 Ok: queued as 12345")
}

func (m *madhost) is(stage string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.stage == stage && m.act != ""
}

// forBox is what came for a box.
func (m *madhost) forBox(key string) (found []taken) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, one := range m.taken {
		if strings.Contains(one.to, "<"+boxOf(key)+">") {
			found = append(found, one)
		}
	}
	return found
}

// TestFaultSmarthost: whatever a smarthost does short of a clear refusal, the letter waits, and goes when it is well
// again; where it may have been taken already the state is uncertain, and the second message is the first one again.
func TestFaultSmarthost(t *testing.T) {
	t.Parallel()
	mad := startMadhost(t)
	i, _, clientTLS := installDemoWorld(t, "", fmt.Sprintf("[[relay.smarthost]]\naddress = %q\ntls = \"none\"\nconnections = 4\n", mad.listener.Addr()))
	i.feed()
	hands := &clock{}
	end := i.inside(hands)
	c := client{installation: i, tls: clientTLS}
	s := i.look()
	cases := []struct{ stage, act string }{
		{"greeting", hangUp}, {"greeting", "421 4.3.2 not now"}, {"greeting", "\x00\xff\x16\x03 nonsense"},
		{"EHLO", hangUp}, {"EHLO", "nonsense"},
		{"MAIL", hangUp}, {"MAIL", "451 4.7.1 greylisted"},
		{"RCPT", hangUp}, {"RCPT", "999 nonsense"}, {"DATA", hangUp}, {"DATA", "nonsense"}, {"body", hangUp},
		{"dot", "451 4.3.0 try again"}, {"dot", hangUp}, {"dot", "nonsense"},
	}
	for n, tc := range cases {
		key := fmt.Sprintf("fou-%d", n)
		mad.goesMad(tc.stage, tc.act)
		id := c.accepted(key, c.letter(key, 0))
		i.until(fmt.Sprintf("the fault at %s (%q) is seen", tc.stage, tc.act), func() bool { return seen(i, id) })
		mad.goesMad("", "")
		// A delivery that the clock's leap finds under way would be taken over, as one whose worker died.
		i.until("no delivery is under way", func() bool { return i.metric("vaguemestre_queue_deliveries") == 0 })
		hands.set(time.Duration(n+1) * 6 * time.Hour) // six hours on: every wait is over
		poke := key + "-reveil"
		c.accepted(poke, c.letter(poke, 0))
		i.event(s, id, boxOf(key), gateway.Sent)
		kinds := map[gateway.EventKind]int{}
		events, err := s.Events(i.ctx, id, gateway.ID{})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			kinds[e.Kind]++
		}
		came := mad.forBox(key)
		unsure := tc.stage == "dot" && !strings.HasPrefix(tc.act, "451")
		switch {
		case kinds[gateway.Failed]+kinds[gateway.Expired] > 0:
			t.Errorf("%v: given up", tc)
		case unsure && (kinds[gateway.Uncertain] == 0 || len(came) != 2):
			t.Errorf("%v: %d uncertain, came %d times", tc, kinds[gateway.Uncertain], len(came))
		case !unsure && tc.stage != "body" && kinds[gateway.Uncertain] > 0: // a whole small message leaves before its end is heard of
			t.Errorf("%v: uncertain although nothing can have been taken", tc)
		case unsure && came[0] != came[1]:
			t.Errorf("%v: the second message is another one:\n%v\n%v", tc, came[0], came[1])
		}
		if unsure {
			checkProofSaysUncertain(i, id)
		}
	}
	for outcome, least := range map[string]float64{"deferred": 5, "uncertain": 2, "sent": float64(len(cases))} {
		if got := i.metric("vaguemestre_queue_attempts_total", `outcome="`+outcome+`"`); got < least {
			t.Errorf("the metrics count %v %s", got, outcome)
		}
	}
	end()
	if out := i.must("", "ledger", "verify"); !strings.Contains(out, "intact") {
		t.Error(out)
	}
}

// seen tells that an attempt of the courier met something: by its events, or, when no smarthost works, by the smarthost's.
func seen(i *installation, courier gateway.ID) bool {
	return strings.Contains(i.log.String(), "msg=delivery outcome=deferred kind=letter courier="+courier.String()) ||
		strings.Contains(i.log.String(), "msg=delivery outcome=uncertain kind=letter courier="+courier.String())
}

func checkProofSaysUncertain(i *installation, courier gateway.ID) {
	i.Helper()
	path := filepath.Join(i.dir, "uncertain.pdf")
	i.must("", "proof", courier.String(), "-o", path)
	if text := pdfText(i, path); !strings.Contains(strings.ToLower(text), "incertain") {
		i.Errorf("the proof does not say that the outcome was uncertain:\n%s", text)
	}
}

// TestFaultSmarthostStalls: a smarthost that says nothing holds up no submission, and stopping gives the letter back.
func TestFaultSmarthostStalls(t *testing.T) {
	t.Parallel()
	mad := startMadhost(t)
	i, _, clientTLS := installDemoWorld(t, "", fmt.Sprintf("[[relay.smarthost]]\naddress = %q\ntls = \"none\"\n", mad.listener.Addr()))
	i.feed()
	c := client{installation: i, tls: clientTLS}
	for _, stage := range []string{"MAIL", "dot"} {
		mad.goesMad(stage, silent)
		i.serve()
		key := "muette-" + strings.ToLower(stage)
		id := c.accepted(key, c.letter(key, 0))
		i.until("the delivery is under way", func() bool { return i.metric("vaguemestre_queue_deliveries") > 0 })
		c.accepted("pendant-"+key, c.letter("pendant-"+key, 0))
		i.stop() // within queue.grace
		mad.goesMad("", "")
		i.serve()
		s := i.look()
		i.must("", "queue", "flush")
		i.event(s, id, boxOf(key), gateway.Sent)
		if came := mad.forBox(key); stage == "dot" && (len(came) != 2 || came[0] != came[1]) || stage != "dot" && len(came) != 1 {
			t.Errorf("stall at %s: came %d times", stage, len(came))
		}
		i.stop()
	}
}
