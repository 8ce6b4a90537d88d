package main

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"

	"vaguemestre/deploy/sandbox"
	"vaguemestre/gateway"
	"vaguemestre/gateway/store"
)

// passage stands between the gateway and a server: open, shut (connections are ended at once) or mute (they are taken, and
// nothing goes through).
type passage struct {
	listener net.Listener
	to       string
	done     sync.WaitGroup

	mu    sync.Mutex
	state string
	conns map[net.Conn]bool
}

const (
	open = "open"
	shut = "shut"
	mute = "mute"
)

func startPassage(t *testing.T, to string) *passage {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &passage{listener: l, to: to, state: open, conns: map[net.Conn]bool{}}
	p.done.Go(p.accept)
	t.Cleanup(func() {
		_ = l.Close()
		p.becomes(shut)
		p.done.Wait()
	})
	return p
}

// becomes changes what happens to bytes from now on; shut ends the connections that stand.
func (p *passage) becomes(state string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state = state
	if state == shut {
		for conn := range p.conns {
			_ = conn.Close()
		}
	}
}

// keep notes a connection; false when it has to be ended.
func (p *passage) keep(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[conn] = true
	return p.state != shut
}

func (p *passage) is(state string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state == state
}

func (p *passage) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", p.to)
		if err != nil || !p.keep(conn) || !p.keep(far) {
			_ = conn.Close()
			if err == nil {
				_ = far.Close()
			}
			continue
		}
		p.done.Go(func() { p.carry(conn, far) })
		p.done.Go(func() { p.carry(far, conn) })
	}
}

func (p *passage) carry(from, to net.Conn) {
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if p.is(mute) {
			continue // swallowed
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

// throughPassage is an installation whose mailbox lies behind a passage.
func throughPassage(t *testing.T) (*installation, *sandbox.World, client, *passage) {
	t.Helper()
	i, w, clientTLS := installDemoWorld(t, "")
	p := startPassage(t, w.IMAPS)
	i.rewrite(w.IMAPS, p.listener.Addr().String())
	i.feed()
	return i, w, client{installation: i, tls: clientTLS}, p
}

func TestFaultMailboxGoneAndSilent(t *testing.T) {
	t.Parallel()
	i, w, c, p := throughPassage(t)
	i.serve()
	s := i.look()
	first := c.accepted("un", c.letter("un", 0))
	i.event(s, first, boxOf("un"), gateway.Delivered)
	for _, state := range []string{shut, mute} {
		failures := i.metric("vaguemestre_imap_failures_total")
		p.becomes(state)
		id := c.accepted(state, c.letter(state, 0)) // agents notice nothing
		c.arrived(w, state)
		i.event(s, id, boxOf(state), gateway.Sent)
		if !i.ready() {
			t.Error("a mailbox that is away must not keep agents from sending")
		}
		i.until("the metrics show it", func() bool {
			return i.metric("vaguemestre_imap_failures_total") > failures && i.metric("vaguemestre_imap_connected") == 0
		})
		p.becomes(shut) // what was swallowed cannot be gone on with
		p.becomes(open)
		i.event(s, id, boxOf(state), gateway.Delivered)
	}
	c.endsIntact()
}

func TestFaultMailboxUIDValidityChanged(t *testing.T) {
	t.Parallel()
	i, w, c, p := throughPassage(t)
	i.serve()
	s := i.look()
	var ids []gateway.ID
	for n := range 3 {
		key := fmt.Sprintf("avant-%d", n)
		ids = append(ids, c.accepted(key, c.letter(key, 0)))
		i.event(s, ids[n], boxOf(key), gateway.Delivered)
	}
	before := countDelivered(i, s, ids)
	p.becomes(shut)
	missed := c.accepted("manque", c.letter("manque", 0)) // its report comes while the mailbox is rebuilt
	c.arrived(w, "manque")
	rebuildInbox(t, w)
	p.becomes(open)
	i.event(s, missed, boxOf("manque"), gateway.Delivered)
	after := c.accepted("apres", c.letter("apres", 0))
	i.event(s, after, boxOf("apres"), gateway.Delivered)
	i.until("everything is understood again", func() bool { return settledAll(i, s) })
	if now := countDelivered(i, s, ids); now != before || now != len(ids) {
		t.Errorf("%d reports before, %d after the mailbox was rebuilt, of %d letters", before, now, len(ids))
	}
	quarantined, err := s.Inbounds(i.ctx, store.InboundFilter{State: gateway.InboundQuarantined})
	if err != nil || len(quarantined) > 0 {
		t.Errorf("in quarantine: %d, %v", len(quarantined), err)
	}
	c.endsIntact()
}

func countDelivered(i *installation, s *store.Store, couriers []gateway.ID) (n int) {
	i.Helper()
	for _, id := range couriers {
		events, err := s.Events(i.ctx, id, gateway.ID{})
		if err != nil {
			i.Fatal(err)
		}
		for _, e := range events {
			if e.Kind == gateway.Delivered {
				n++
			}
		}
	}
	return n
}

// rebuildInbox gives the mailbox another UIDVALIDITY and all of its mails back under new numbers, as a server's migration
// does.
func rebuildInbox(t *testing.T, w *sandbox.World) {
	t.Helper()
	conn, err := net.Dial("tcp", w.IMAP)
	if err != nil {
		t.Fatal(err)
	}
	c := imapclient.New(conn, nil)
	defer c.Close()
	do := func(what string, err error) {
		t.Helper()
		if err != nil && err != io.EOF {
			t.Fatalf("%s: %v", what, err)
		}
	}
	do("login", c.Login(w.IMAPUser, w.IMAPPassword).Wait())
	do("rename", c.Rename("INBOX", "Vieux", nil).Wait())
	do("create", c.Create("INBOX", nil).Wait())
	old, err := c.Select("Vieux", nil).Wait()
	do("select", err)
	var all imap.SeqSet
	all.AddRange(1, old.NumMessages)
	_, err = c.Copy(all, "INBOX").Wait()
	do("copy", err)
	do("logout", c.Logout().Wait())
}

// rewrite changes the configuration file.
func (i *installation) rewrite(old, replacement string) {
	i.Helper()
	text := i.configuration()
	if !strings.Contains(text, old) {
		i.Fatalf("the configuration has no %q", old)
	}
	i.file = i.write("vaguemestre.toml", strings.ReplaceAll(text, old, replacement))
	i.load()
}
