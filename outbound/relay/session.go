package relay

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// session is one connection to a smarthost, greeted, encrypted and logged in as its policy asks.
type session struct {
	raw    net.Conn // bears the deadlines
	conn   net.Conn // raw, or TLS over it
	r      *bufio.Reader
	w      *bufio.Writer
	ext    map[string]string
	peer   string
	host   *Host
	limits Timeouts

	tls, cipher string // empty: not encrypted
	verified    bool

	ctx    context.Context // of the delivery under way: its end fails the I/O at once
	sent   int             // messages
	idle   time.Time       // since when
	waited bool            // it was idle before this transaction: the peer may have left meanwhile
	dirty  bool            // RSET is owed before the next transaction
}

const writeBuffer = 32 << 10

func (s *session) use(conn net.Conn) {
	s.conn = conn
	s.r = bufio.NewReaderSize(conn, maxReplyLine)
	s.w = bufio.NewWriterSize(conn, writeBuffer)
}

// attach makes the end of ctx break the connection's waits; detach undoes it and tells whether
// the connection is still good.
func (s *session) attach(ctx context.Context) (detach func() bool) {
	s.ctx = ctx
	return context.AfterFunc(ctx, func() { _ = s.raw.SetDeadline(time.Unix(1, 0)) })
}

// within sets the limit of the next I/O. A context that ended in between still wins: it is
// looked at after the deadline was set.
func (s *session) within(d time.Duration) error {
	if err := s.raw.SetDeadline(time.Now().Add(d)); err != nil {
		return err
	}
	return context.Cause(s.ctx)
}

func (s *session) read(limit time.Duration) (reply, error) {
	if err := s.within(limit); err != nil {
		return reply{}, err
	}
	rep, err := readReply(s.r)
	if err != nil {
		return reply{}, s.why(err)
	}
	return rep, nil
}

// why prefers the reason for which the wait was ended over the time-out that it caused.
func (s *session) why(err error) error {
	if cause := context.Cause(s.ctx); cause != nil {
		return cause
	}
	if errors.Is(err, io.EOF) {
		return errors.New("the peer closed the connection")
	}
	return err
}

func (s *session) write(limit time.Duration, lines ...string) error {
	if err := s.within(limit); err != nil {
		return err
	}
	for _, line := range lines {
		if _, err := s.w.WriteString(line + "\r\n"); err != nil {
			return s.why(err)
		}
	}
	if err := s.w.Flush(); err != nil {
		return s.why(err)
	}
	return nil
}

func (s *session) command(limit time.Duration, line string) (reply, error) {
	if err := s.write(limit, line); err != nil {
		return reply{}, err
	}
	return s.read(limit)
}

func (s *session) close() { _ = s.raw.Close() }

// quit is the polite end (RFC 5321 §4.1.1.10), within a second: nobody waits for it.
func (s *session) quit() {
	_ = s.raw.SetDeadline(time.Now().Add(time.Second))
	if _, err := s.w.WriteString("QUIT\r\n"); err == nil && s.w.Flush() == nil {
		_, _ = readReply(s.r)
	}
	s.close()
}

// opener opens sessions to one smarthost.
type opener struct {
	host   Host
	name   string // said in EHLO
	limits Timeouts
	dial   DialFunc
	now    func() time.Time
	cache  tls.ClientSessionCache
}

// open brings a new session to the point where mail can be sent. With an opportunistic policy,
// a failed handshake is followed by a try in clear (RFC 7435 §3).
func (o *opener) open(ctx context.Context) (*session, *trouble) {
	s, t := o.start(ctx, true)
	if t != nil && t.stage == stageTLS && o.host.TLS == TLSOpportunistic && !o.host.Implicit && ctx.Err() == nil {
		return o.start(ctx, false)
	}
	return s, t
}

func (o *opener) start(ctx context.Context, tryTLS bool) (*session, *trouble) {
	dialing, stop := context.WithTimeout(ctx, o.limits.Connect)
	conn, err := o.dial(dialing, "tcp", o.host.Address)
	stop()
	if err != nil {
		return nil, broken(stageConnect, err)
	}
	s := &session{raw: conn, host: &o.host, limits: o.limits}
	s.use(conn)
	detach := s.attach(ctx)
	t := o.introduce(s, tryTLS)
	if !detach() && t == nil {
		t = broken(stageHello, context.Cause(ctx))
	}
	if t != nil {
		t.details = s.details()
		s.close()
		return nil, t
	}
	return s, nil
}

func (o *opener) introduce(s *session, tryTLS bool) *trouble {
	if o.host.Implicit {
		if t := o.handshake(s); t != nil {
			return t
		}
	}
	if t := s.greeting(); t != nil {
		return t
	}
	if t := s.hello(o.name); t != nil {
		return t
	}
	if !o.host.Implicit && tryTLS && o.host.TLS != TLSNone {
		if t := o.startTLS(s); t != nil {
			return t
		}
	}
	return o.login(s)
}

func (s *session) greeting() *trouble {
	rep, err := s.read(s.limits.Greeting)
	if err != nil {
		return broken(stageConnect, err)
	}
	if len(rep.lines) > 0 {
		s.peer = rep.lines[0]
		s.peer = s.peer[:min(len(s.peer), 200)]
		s.peer = strings.ToValidUTF8(s.peer, "")
	}
	if rep.code != 220 {
		return unwelcome(stageConnect, rep)
	}
	return nil
}

func (s *session) hello(name string) *trouble {
	rep, err := s.command(s.limits.Command, "EHLO "+name)
	if err == nil && (rep.code == 500 || rep.code == 502) {
		rep, err = s.command(s.limits.Command, "HELO "+name) // RFC 5321 §3.2
		if err == nil && rep.positive() {
			rep.lines = nil
		}
	}
	if err != nil {
		return broken(stageHello, err)
	}
	if rep.code != 250 {
		return unwelcome(stageHello, rep)
	}
	s.ext = rep.extensions()
	return nil
}

var (
	errNoSTARTTLS = errors.New("TLS is required and the smarthost does not offer STARTTLS")
	errInjected   = errors.New("the peer sent something in clear after accepting STARTTLS")
)

func (o *opener) startTLS(s *session) *trouble {
	if _, offered := s.ext["STARTTLS"]; !offered {
		if o.host.TLS == TLSOpportunistic {
			return nil
		}
		return broken(stageTLS, errNoSTARTTLS)
	}
	rep, err := s.command(s.limits.Command, "STARTTLS")
	if err != nil {
		return broken(stageTLS, err)
	}
	if rep.code != 220 {
		return unwelcome(stageTLS, rep)
	}
	// RFC 3207 §6: what came in clear must not be read as if it came from the encrypted side.
	if s.r.Buffered() > 0 {
		return broken(stageTLS, errInjected)
	}
	if t := o.handshake(s); t != nil {
		return t
	}
	return s.hello(o.name)
}

func (o *opener) handshake(s *session) *trouble {
	conn := tls.Client(s.raw, o.host.tlsConfig(o.now, o.cache, &s.verified))
	if err := s.within(o.limits.TLS); err != nil {
		return broken(stageTLS, err)
	}
	if err := conn.Handshake(); err != nil {
		return broken(stageTLS, s.why(err))
	}
	state := conn.ConnectionState()
	s.tls, s.cipher = tls.VersionName(state.Version), tls.CipherSuiteName(state.CipherSuite)
	s.ext = nil
	s.use(conn)
	return nil
}

func (o *opener) login(s *session) *trouble {
	auth := o.host.Auth
	if auth == nil {
		return nil
	}
	mechanism, err := auth.choose(strings.Fields(strings.ToUpper(s.ext["AUTH"])), s.tls != "")
	if err != nil {
		return broken(stageAuth, err)
	}
	host, port, _ := net.SplitHostPort(o.host.Address)
	ex, err := auth.exchange(s.ctx, mechanism, host, port)
	if err != nil {
		return broken(stageAuth, err)
	}
	rep, err := s.converse(mechanism, ex)
	if err != nil {
		return broken(stageAuth, err)
	}
	if rep.code != 235 {
		if ex.refused != nil && authCode(rep.code) {
			ex.refused()
		}
		return unwelcome(stageAuth, rep)
	}
	return nil
}

// converse is the exchange of RFC 4954 §4.
func (s *session) converse(mechanism string, ex exchange) (reply, error) {
	line := "AUTH " + mechanism
	if ex.initial != nil {
		line += " " + base64.StdEncoding.EncodeToString(ex.initial)
	}
	rep, err := s.command(s.limits.Command, line)
	for _, answer := range ex.answers {
		if err != nil || rep.code != 334 {
			return rep, err
		}
		challenge, bad := base64.StdEncoding.DecodeString(strings.Join(rep.lines, ""))
		if bad != nil {
			return rep, fmt.Errorf("read the challenge: %w", bad)
		}
		rep, err = s.command(s.limits.Command, base64.StdEncoding.EncodeToString(answer(challenge)))
	}
	return rep, err
}
