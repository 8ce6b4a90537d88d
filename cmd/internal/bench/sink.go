package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// sink takes mail from whoever relays it, as fast as it can, and keeps nothing. A silent one accepts
// connections and never greets: what is sent to it stays in the sender's queue.
type sink struct {
	listener net.Listener
	silent   bool
	taken    atomic.Int64
	signed   atomic.Int64 // of these, with a DKIM signature

	mu      sync.Mutex
	clients map[net.Conn]bool
	serving sync.WaitGroup
}

func startSink(silent bool) (*sink, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the sink: %w", err)
	}
	s := &sink{listener: l, silent: silent, clients: map[net.Conn]bool{}}
	s.serving.Go(s.serve)
	return s, nil
}

func (s *sink) address() string { return s.listener.Addr().String() }

func (s *sink) stop() {
	_ = s.listener.Close()
	s.mu.Lock()
	for c := range s.clients {
		_ = c.Close()
	}
	s.mu.Unlock()
	s.serving.Wait()
}

func (s *sink) serve() {
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		s.clients[c] = true
		s.mu.Unlock()
		if s.silent {
			continue
		}
		s.serving.Go(func() {
			s.converse(c)
			s.mu.Lock()
			delete(s.clients, c)
			s.mu.Unlock()
			_ = c.Close()
		})
	}
}

const greeting = "250-sink.test\r\n250-PIPELINING\r\n250-SIZE\r\n250-8BITMIME\r\n250-DSN\r\n250 ENHANCEDSTATUSCODES\r\n"

// converse answers one client. Its errors are the client's leaving.
func (s *sink) converse(c net.Conn) {
	r, w := bufio.NewReaderSize(c, 64<<10), bufio.NewWriter(c)
	say := func(text string) { _, _ = w.WriteString(text) }
	say("220 sink.test ESMTP\r\n")
	for {
		if r.Buffered() == 0 && w.Flush() != nil {
			return
		}
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		verb, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(line)), " ")
		switch verb {
		case "EHLO":
			say(greeting)
		case "DATA":
			say("354 go on\r\n")
			if w.Flush() != nil || s.take(r) != nil {
				return
			}
			say("250 2.0.0 taken\r\n")
		case "QUIT":
			say("221 2.0.0 bye\r\n")
			_ = w.Flush()
			return
		default:
			say("250 2.0.0 ok\r\n")
		}
	}
}

var (
	endOfData = []byte(".\r\n")
	endOfHead = []byte("\r\n")
	signature = []byte("DKIM-Signature:")
)

// take reads one message to its end.
func (s *sink) take(r *bufio.Reader) error {
	head, signed := true, false
	for {
		line, err := r.ReadSlice('\n')
		if err == bufio.ErrBufferFull {
			continue
		}
		if err != nil {
			return io.ErrUnexpectedEOF
		}
		if bytes.Equal(line, endOfData) {
			break
		}
		if head {
			signed = signed || bytes.HasPrefix(line, signature)
			head = !bytes.Equal(line, endOfHead)
		}
	}
	if signed {
		s.signed.Add(1)
	}
	s.taken.Add(1)
	return nil
}

// await returns when n messages have been taken in all.
func (s *sink) await(ctx context.Context, n int64) error {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for s.taken.Load() < n {
		select {
		case <-ctx.Done():
			return fmt.Errorf("%d of %d messages came: %w", s.taken.Load(), n, ctx.Err())
		case <-tick.C:
		}
	}
	return nil
}
