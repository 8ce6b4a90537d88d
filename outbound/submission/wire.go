package submission

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"vaguemestre/gateway"
)

// wire is the connection of one session. It is the net.Conn that the mail library is given, once
// there is TLS: Read gives one command line at a time, checked; Write keeps replies back until
// the next read, so that those to pipelined commands leave together (RFC 2920 §3.2).
//
// All of it is used by the session's goroutine alone, but for what mu guards.
type wire struct {
	s     *Server
	id    gateway.ID // of the session, in logs
	log   *slog.Logger
	peer  netip.Addr
	ctx   context.Context // ends when the session is cut off
	stop  context.CancelFunc
	began time.Time

	raw  net.Conn // TCP
	conn net.Conn // TLS, once there is
	in   *bufio.Reader
	out  []byte // replies not sent yet
	feed []byte // what Read gives before anything of the client's

	verb     string // of the last command line
	code     int    // of the last reply
	commands int
	loggedIn bool
	rejected bool // a RCPT of this transaction was refused, by us or by the library
	unsaid   bool // the library's greeting is not to be sent: the client had ours before STARTTLS
	ended    bool // we said the last word
	linger   bool // the client may be still sending: let it read the last word

	mu       sync.Mutex
	stopping bool
	busy     bool      // a transaction is open: stopping waits for its end
	until    time.Time // when the stage ends
	each     time.Duration
	data     bool

	closing sync.Once
	done    chan struct{} // closed with the connection
}

// buffer is the size of what is read ahead: one TLS record.
const buffer = 16 << 10

// Bounds of Options that follow from the buffers.
const (
	maxMaxLine     = 16_000
	maxCommandLine = 4_000
)

// Why a session ends early, apart from the network's own errors.
var (
	errStopping = errors.New("the server stops")
	errEnded    = errors.New("the session has ended")
)

func newWire(s *Server, conn net.Conn, peer netip.Addr) *wire {
	w := &wire{s: s, id: gateway.NewID(s.o.Now()), peer: peer, began: time.Now(), raw: conn, conn: conn, done: make(chan struct{})}
	w.ctx, w.stop = context.WithCancel(s.ctx)
	w.log = s.o.Logger.With("session", w.id, "peer", peer)
	w.in = bufio.NewReaderSize(reader(w.fill), buffer)
	return w
}

type reader func([]byte) (int, error)

func (r reader) Read(p []byte) (int, error) { return r(p) }

// stage opens a stage: it ends after at most `whole`, and each read of it after `each` (0: whole).
func (w *wire) stage(whole, each time.Duration, data bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.until, w.each, w.data = time.Now().Add(whole), each, data
}

// fill reads from the network, after the replies that wait have left.
func (w *wire) fill(p []byte) (int, error) {
	if err := w.flush(); err != nil {
		return 0, err
	}
	if err := w.arm(); err != nil {
		return 0, err
	}
	n, err := w.conn.Read(p)
	if err != nil && errors.Is(err, os.ErrDeadlineExceeded) && w.idleStop() {
		err = errStopping
	}
	return n, err
}

// arm sets the deadline of one read, unless the session is to stop.
func (w *wire) arm() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stopping && !w.busy && !w.data {
		return errStopping
	}
	deadline := w.until
	if w.each > 0 {
		if d := time.Now().Add(w.each); d.Before(deadline) {
			deadline = d
		}
	}
	return w.conn.SetReadDeadline(deadline)
}

// finish asks the session to end as soon as no transaction is open.
func (w *wire) finish() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stopping = true
	if !w.busy && !w.data {
		_ = w.conn.SetReadDeadline(time.Unix(1, 0)) // fails on a closed connection, which has ended
	}
}

func (w *wire) idleStop() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stopping && !w.busy && !w.data
}

// setBusy opens or closes a transaction.
func (w *wire) setBusy(busy bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.busy, w.data = busy, false
}

// cut ends the session at once, from whatever goroutine.
func (w *wire) cut() {
	w.stop()
	_ = w.raw.Close() // what it was doing fails with the connection
}

// secure does the handshake, and drops whatever the client sent before it: commands injected in
// clear behind STARTTLS are never seen (RFC 3207 §4.2, §5).
func (w *wire) secure() error {
	if n := w.in.Buffered(); n > 0 {
		w.s.metrics.limit("starttls-injection")
		w.log.Warn("dropped what was sent in clear behind STARTTLS", "bytes", n)
	}
	if err := w.flush(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(w.ctx, w.s.o.GreetTimeout)
	defer cancel()
	t := tls.Server(w.raw, w.s.tls)
	if err := t.HandshakeContext(ctx); err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			w.s.metrics.limit("handshake-time")
		}
		return fmt.Errorf("TLS handshake: %w", err)
	}
	w.mu.Lock()
	w.conn = t
	w.mu.Unlock()
	w.in.Reset(reader(w.fill))
	return nil
}

// Read gives the library one command line, or io.EOF when the session is over.
func (w *wire) Read(p []byte) (int, error) {
	if len(w.feed) == 0 {
		line, err := w.command()
		if err != nil {
			return 0, io.EOF
		}
		w.feed = line
	}
	n := copy(p, w.feed)
	w.feed = w.feed[n:]
	return n, nil
}

// command reads one line, with its CR LF. An error ends the session; what the client is to know
// of it has been said. The line is valid until the next read.
func (w *wire) command() ([]byte, error) {
	if w.ended {
		return nil, errEnded
	}
	if w.idleStop() {
		return nil, w.failed(errStopping)
	}
	whole, _ := w.whole()
	w.stage(min(w.s.o.CommandTimeout, whole-time.Since(w.began)), 0, false)
	line, err := w.in.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull), len(line) > w.s.o.MaxCommandLine+2:
		return nil, w.end("command-line", refusal(500, [3]int{5, 5, 2}, "submission.long-line"))
	case err != nil:
		return nil, w.failed(err)
	case !wellFormed(line):
		return nil, w.end("malformed-line", refusal(500, [3]int{5, 5, 2}, "submission.malformed-line"))
	}
	return line, w.count(line)
}

// count looks at a command line before the library does.
func (w *wire) count(line []byte) error {
	if w.code == 334 { // the client's part of an AUTH, not a command
		w.verb = ""
		return nil
	}
	w.verb = strings.ToUpper(string(line[:min(4, len(line)-2)]))
	if w.commands++; w.commands > w.s.o.MaxCommands {
		return w.end("commands", refusal(421, [3]int{4, 7, 0}, "submission.too-many-commands"))
	}
	if w.verb == "BDAT" { // what follows is no line: there is nothing to go on with
		return w.end("bdat", refusal(502, [3]int{5, 5, 1}, "submission.no-chunking"))
	}
	return nil
}

// wellFormed tells a line that ends with CR LF and holds no other CR nor a NUL (RFC 5321 §2.3.8).
func wellFormed(line []byte) bool {
	body, ok := bytes.CutSuffix(line, []byte("\r\n"))
	return ok && bytes.IndexByte(body, '\r') < 0 && bytes.IndexByte(body, 0) < 0
}

// failed ends the session for an error of reading.
func (w *wire) failed(err error) error {
	switch {
	case errors.Is(err, errStopping):
		err = w.end("", refusal(421, [3]int{4, 3, 2}, "submission.stopping"))
	case errors.Is(err, os.ErrDeadlineExceeded):
		err = w.end(w.stageName(), refusal(421, [3]int{4, 4, 2}, "submission.idle"))
	}
	w.ended, w.linger = true, false // it sends nothing: there is nothing to wait for
	return err
}

func (w *wire) stageName() string {
	whole, name := w.whole()
	switch {
	case w.data:
		return "data-time"
	case time.Since(w.began) >= whole:
		return name
	}
	return "command-time"
}

// whole is how long the session may last, and the name of that limit.
func (w *wire) whole() (time.Duration, string) {
	if !w.loggedIn {
		return w.s.o.LoginTimeout, "login-time"
	}
	return w.s.o.SessionTimeout, "session-time"
}

// end says the last word of a session, whose limit was bitten ("": none).
func (w *wire) end(limit string, f *gateway.Fault) error {
	if w.ended {
		return errEnded
	}
	if limit != "" {
		w.s.metrics.limit(limit)
		w.log.Info("session ended", "limit", limit, "code", f.Code)
	}
	w.say(f)
	w.ended, w.linger = true, true
	return errEnded
}

// refusal is a failure with a sentence, temporary for a 4xx.
func refusal(code int, enhanced [3]int, key string) *gateway.Fault {
	f := gateway.Refuse(code, enhanced, key, nil)
	if code/100 == 4 {
		f.Class = gateway.Temporary
	}
	return f
}

// say sends a reply of ours.
func (w *wire) say(f *gateway.Fault) {
	r := w.s.words.reply(f, false)
	lines := strings.Split(r.Message, "\n")
	for i, line := range lines {
		sep, mark := "-", ""
		if i == len(lines)-1 {
			sep, mark = " ", fmt.Sprintf("%d.%d.%d ", r.EnhancedCode[0], r.EnhancedCode[1], r.EnhancedCode[2])
		}
		w.line(strconv.Itoa(r.Code) + sep + mark + line)
	}
}

func (w *wire) line(text string) { w.out = append(append(w.out, text...), "\r\n"...) }

// Write takes the library's replies, which leave before the next read.
func (w *wire) Write(p []byte) (int, error) {
	if w.ended {
		return len(p), nil
	}
	if w.unsaid {
		w.unsaid = false
		return len(p), nil
	}
	said := w.s.corrected(p)
	if len(said) >= 3 {
		w.code, _ = strconv.Atoi(string(said[:3]))
	}
	if w.verb == "RCPT" && w.code >= 400 {
		w.rejected = true
	}
	w.out = append(w.out, said...)
	if len(w.out) >= buffer {
		return len(p), w.flush()
	}
	return len(p), nil
}

func (w *wire) flush() error {
	if len(w.out) == 0 {
		return nil
	}
	if err := w.conn.SetWriteDeadline(time.Now().Add(w.s.o.WriteTimeout)); err != nil {
		return err
	}
	_, err := w.conn.Write(w.out)
	w.out = w.out[:0]
	return err
}

// Close sends what is left to say and closes. It may be called again.
func (w *wire) Close() error {
	w.closing.Do(func() {
		w.ended = true
		if w.flush() == nil && w.linger {
			w.hearOut()
		}
		_ = w.conn.Close() // everything that had to be said was
		w.stop()
		close(w.done)
	})
	return nil
}

// hearOut lets a client that is still sending read the last word: closing over unread bytes
// would reset the connection under it. What it sends is not looked at.
func (w *wire) hearOut() {
	if t, ok := w.conn.(*tls.Conn); ok {
		_ = t.CloseWrite()
	}
	if c, ok := w.raw.(*net.TCPConn); ok {
		_ = c.CloseWrite()
	}
	_ = w.raw.SetReadDeadline(time.Now().Add(w.s.o.LingerTimeout))
	_, _ = io.Copy(io.Discard, w.raw)
}

// The rest of net.Conn. Deadlines are ours: the library's are not taken.

func (w *wire) LocalAddr() net.Addr              { return w.raw.LocalAddr() }
func (w *wire) RemoteAddr() net.Addr             { return w.raw.RemoteAddr() }
func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }
