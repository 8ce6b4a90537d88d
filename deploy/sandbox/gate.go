package sandbox

import (
	"context"
	"fmt"
	"net"
	"sync"
	"time"
)

// gate is a loopback listener that knows its connections, because neither go-smtp nor go-imap lets its
// caller wait for the handlers of a closed server. It lies under TLS, so that both can still upgrade.
type gate struct {
	net.Listener
	mu     sync.Mutex
	closed bool
	conns  map[*gatedConn]struct{}
	left   sync.WaitGroup // connections that their handler has not closed yet
}

type gatedConn struct {
	net.Conn
	gate *gate
	once sync.Once
}

func newGate() (*gate, error) {
	var config net.ListenConfig
	l, err := config.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen on loopback: %w", err)
	}
	return &gate{Listener: l, conns: map[*gatedConn]struct{}{}}, nil
}

// Accept implements net.Listener.
func (g *gate) Accept() (net.Conn, error) {
	c, err := g.Listener.Accept()
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		_ = c.Close()
		return nil, net.ErrClosed
	}
	gc := &gatedConn{Conn: c, gate: g}
	g.conns[gc] = struct{}{}
	g.left.Add(1)
	return gc, nil
}

// Close ends the reading and writing of the handler's connection.
func (c *gatedConn) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() {
		c.gate.mu.Lock()
		delete(c.gate.conns, c)
		c.gate.mu.Unlock()
		c.gate.left.Done()
	})
	return err
}

// shut stops accepting, makes every read and write of open connections fail, and waits until their
// handlers have noticed.
func (g *gate) shut() {
	_ = g.Listener.Close()
	g.mu.Lock()
	g.closed = true
	for c := range g.conns {
		_ = c.SetDeadline(time.Unix(1, 0))
	}
	g.mu.Unlock()
	g.left.Wait()
}

// address is host:port.
func (g *gate) address() string { return g.Listener.Addr().String() }
