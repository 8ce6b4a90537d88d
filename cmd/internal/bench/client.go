package main

import (
	"bufio"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	sessions   = 16
	perSession = 100
)

// client is the agents' mail client. It pipelines nothing, as smtp-source does not.
type client struct {
	address string
	config  *tls.Config
}

// connection is one session over TLS.
type connection struct {
	conn *tls.Conn
	r    *bufio.Reader
	out  []byte // what is being said
}

// open connects and says EHLO.
func (c client) open(ctx context.Context) (*connection, error) {
	conn, err := (&tls.Dialer{NetDialer: &net.Dialer{}, Config: c.config}).DialContext(ctx, "tcp", c.address)
	if err != nil {
		return nil, fmt.Errorf("connect to the gateway: %w", err)
	}
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return nil, fmt.Errorf("bound the session: %w", err)
		}
	}
	s := &connection{conn: conn.(*tls.Conn), r: bufio.NewReader(conn)}
	if err := s.hear("220"); err != nil {
		return nil, fmt.Errorf("read the greeting: %w", err)
	}
	return s, s.say("250", "EHLO client.test\r\n")
}

func (s *connection) auth() error {
	return s.say("235", "AUTH PLAIN ", base64.StdEncoding.EncodeToString([]byte("\x00"+login+"\x00"+password)), "\r\n")
}

// say sends the pieces in one, and awaits a reply of that code.
func (s *connection) say(code string, pieces ...string) error {
	s.out = s.out[:0]
	for _, p := range pieces {
		s.out = append(s.out, p...)
	}
	if _, err := s.conn.Write(s.out); err != nil {
		return err
	}
	if err := s.hear(code); err != nil {
		return fmt.Errorf("%.4s: %w", s.out, err)
	}
	return nil
}

// hear reads a reply, of one line or several (RFC 5321 §4.2.1).
func (s *connection) hear(code string) error {
	for {
		line, err := s.r.ReadSlice('\n')
		switch {
		case err != nil:
			return err
		case len(line) < 5 || string(line[:3]) != code:
			return fmt.Errorf("answered %q", line)
		case line[3] == ' ':
			return nil
		}
	}
}

// send submits one message: a Message-ID of its own before the text that all share.
func (s *connection) send(recipients []string, text string) error {
	if err := s.say("250", "MAIL FROM:<", agent, ">\r\n"); err != nil {
		return err
	}
	for _, to := range recipients {
		if err := s.say("250", "RCPT TO:<", to, ">\r\n"); err != nil {
			return err
		}
	}
	if err := s.say("354", "DATA\r\n"); err != nil {
		return err
	}
	id := rand.Text()
	if len(text) < 64<<10 {
		return s.say("250", "Message-ID: <", id, "@acheteur.test>\r\n", text, ".\r\n")
	}
	if _, err := io.WriteString(s.conn, "Message-ID: <"+id+"@acheteur.test>\r\n"); err != nil {
		return err
	}
	if _, err := s.conn.Write([]byte(text)); err != nil {
		return err
	}
	return s.say("250", ".\r\n")
}

func (s *connection) quit() {
	_ = s.say("221", "QUIT\r\n") // everything that counts has been answered
	_ = s.conn.Close()
}

// sessionsOf sends n messages in sessions of perSession, so many sessions at a time, with one AUTH each.
func (c client) sessionsOf(ctx context.Context, n int, text string) (time.Duration, error) {
	return inTurns(n, perSession, func(turns int) error {
		s, err := c.open(ctx)
		if err != nil {
			return err
		}
		defer s.quit()
		if err := s.auth(); err != nil {
			return err
		}
		for range turns {
			if err := s.send([]string{company}, text); err != nil {
				return err
			}
		}
		return nil
	})
}

// loginsOf sends each message over a connection of its own, with its own AUTH.
func (c client) loginsOf(ctx context.Context, n int, text string) (time.Duration, error) {
	return inTurns(n, n/sessions, func(turns int) error {
		for range turns {
			s, err := c.open(ctx)
			if err == nil {
				err = s.auth()
			}
			if err == nil {
				err = s.send([]string{company}, text)
			}
			if err != nil {
				return err
			}
			s.quit()
		}
		return nil
	})
}

// besidesOf does the same work as loginsOf without its AUTHs: it opens a connection for each message, and sends it
// over one that was logged in before.
func (c client) besidesOf(ctx context.Context, n int, text string) (time.Duration, error) {
	return inTurns(n, n/sessions, func(turns int) error {
		known, err := c.open(ctx)
		if err == nil {
			err = known.auth()
		}
		if err != nil {
			return err
		}
		defer known.quit()
		for range turns {
			s, err := c.open(ctx)
			if err == nil {
				err = known.send([]string{company}, text)
			}
			if err != nil {
				return err
			}
			s.quit()
		}
		return nil
	})
}

// inTurns shares n messages out to sessions, and says how long all of them took.
func inTurns(n, each int, session func(turns int) error) (time.Duration, error) {
	var left atomic.Int64
	left.Store(int64(n))
	var wg sync.WaitGroup
	failed := make(chan error, sessions)
	start := time.Now()
	for range sessions {
		wg.Go(func() {
			for {
				turns := min(int64(each), left.Add(-int64(each))+int64(each))
				if turns <= 0 {
					return
				}
				if err := session(int(turns)); err != nil {
					failed <- err
					return
				}
			}
		})
	}
	wg.Wait()
	took := time.Since(start)
	select {
	case err := <-failed:
		return took, err
	default:
		return took, nil
	}
}
