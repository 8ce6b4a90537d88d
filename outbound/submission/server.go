package submission

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"vaguemestre/gateway/account"
)

// Server accepts submissions. New, Start, Stop, each once.
type Server struct {
	o        Options
	intake   Intake
	accounts Accounts
	spools   Spools
	words    words
	metrics  *metrics
	tls      *tls.Config
	library  *smtp.Server
	secured  handover
	blocks   sync.Pool
	replies  map[string]string // what the library says, and what is said instead

	ctx       context.Context // of every session; ends when they are cut off
	cancel    context.CancelFunc
	listeners []net.Listener
	addresses [2]net.Addr
	tasks     sync.WaitGroup // one for each listener, session, and the library

	mu       sync.Mutex
	open     map[*wire]struct{}
	stopping bool
	perPeer  map[netip.Prefix]int
}

// New makes a server that listens nowhere yet.
func New(o Options, intake Intake, accounts Accounts, spools Spools) *Server {
	o = o.withDefaults()
	s := &Server{
		o: o, intake: intake, accounts: accounts, spools: spools,
		words: words{o.Language}, metrics: newMetrics(o.Registerer), secured: newHandover(),
		tls:  &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: o.Certificate},
		open: map[*wire]struct{}{}, perPeer: map[netip.Prefix]int{},
	}
	s.blocks.New = func() any { b := make([]byte, 0, 2*buffer); return &b }
	s.replies = corrections(o)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.library = s.newLibrary()
	return s
}

// Start listens. It fails when an address cannot be listened on, or none is given.
func (s *Server) Start(ctx context.Context) error {
	if s.o.Certificate == nil || s.o.Hostname == "" {
		return errors.New("submission: a certificate and a host name are required")
	}
	for i, address := range []string{s.o.StartTLS, s.o.TLS} {
		if address == "" {
			continue
		}
		l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
		if err != nil {
			s.closeListeners()
			return fmt.Errorf("listen for submissions: %w", err)
		}
		s.listeners, s.addresses[i] = append(s.listeners, l), l.Addr()
	}
	if len(s.listeners) == 0 {
		return errors.New("submission: no address to listen on")
	}
	s.tasks.Go(func() { _ = s.library.Serve(s.secured) }) // it ends with the listener, which Stop closes
	for _, l := range s.listeners {
		s.tasks.Go(func() { s.accept(l, l.Addr() == s.addresses[1]) })
	}
	return nil
}

// Addr tells where the server listens; nil for a listener there is not.
func (s *Server) Addr() (startTLS, implicit net.Addr) { return s.addresses[0], s.addresses[1] }

// Stop takes no more connections, lets open messages finish, and tells everybody else 421 4.3.2.
// When ctx ends first, what is still open is cut off, and it says so. It returns when every
// goroutine of the server has ended.
func (s *Server) Stop(ctx context.Context) error {
	s.mu.Lock()
	s.stopping = true
	for w := range s.open {
		w.finish()
	}
	s.mu.Unlock()
	s.closeListeners()
	cut := s.drain(ctx)
	s.cancel()
	_ = s.secured.Close()                        // the library may not have come to know its listener yet
	_ = s.library.Shutdown(context.Background()) // every connection it had is closed: it has only to return
	s.tasks.Wait()
	if cut > 0 {
		return fmt.Errorf("stop the submission server: %d sessions cut off", cut)
	}
	return nil
}

// drain waits for the sessions, and cuts off those that are left when ctx ends.
func (s *Server) drain(ctx context.Context) (cut int) {
	for {
		w := s.oneOpen()
		if w == nil {
			return cut
		}
		select {
		case <-w.done:
			s.leave(w)
		case <-ctx.Done():
			w.cut()
			<-w.done
			s.leave(w)
			cut++
		}
	}
}

func (s *Server) oneOpen() *wire {
	s.mu.Lock()
	defer s.mu.Unlock()
	for w := range s.open {
		return w
	}
	return nil
}

func (s *Server) closeListeners() {
	for _, l := range s.listeners {
		_ = l.Close() // it takes no more connections either way
	}
}

// accept takes connections until the listener is closed.
func (s *Server) accept(l net.Listener, implicit bool) {
	pause := time.Duration(0)
	for {
		conn, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // no file left, or the client already gone: both pass
			pause = min(max(2*pause, 5*time.Millisecond), time.Second)
			s.o.Logger.Error("accept a connection", "error", err, "again in", pause)
			s.rest(pause)
			continue
		}
		pause = 0
		s.admit(conn, implicit)
	}
}

func (s *Server) rest(d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-s.ctx.Done():
	}
}

// admit begins a session, unless there are too many.
func (s *Server) admit(conn net.Conn, implicit bool) {
	peer := peerOf(conn)
	w := newWire(s, conn, peer)
	key := s.enter(w)
	if key != "" {
		w.refuseAtDoor(key, implicit)
		return
	}
	name := "starttls"
	if implicit {
		name = "tls"
	}
	s.metrics.sessions.WithLabelValues(name).Inc()
	s.metrics.open.WithLabelValues(name).Inc()
	s.tasks.Go(func() {
		defer s.metrics.open.WithLabelValues(name).Dec()
		defer s.leave(w)
		s.serve(w, implicit)
	})
}

// refuseAtDoor says why a connection is not taken, where it can be said without a handshake.
func (w *wire) refuseAtDoor(key string, implicit bool) {
	if !implicit {
		w.say(refusal(421, [3]int{4, 7, 0}, key))
	}
	w.ended = true
	_ = w.Close()
}

// serve brings a connection to TLS, hands it to the library, and waits for its end.
func (s *Server) serve(w *wire, implicit bool) {
	defer w.Close()
	if !implicit && !w.lobby() {
		return
	}
	if err := w.secure(); err != nil {
		s.metrics.handshakes.WithLabelValues("failed").Inc()
		w.log.Info("no TLS", "error", err)
		w.ended = true
		return
	}
	s.metrics.handshakes.WithLabelValues("ok").Inc()
	w.unsaid = !implicit
	if s.secured.give(w) {
		<-w.done
	}
}

// enter counts a session in, or gives the key of why it may not come in.
func (s *Server) enter(w *wire) (key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := account.Network(w.peer)
	switch {
	case s.stopping:
		return "submission.stopping"
	case len(s.open) >= s.o.MaxConnections:
		s.metrics.limit("connections")
		return "submission.too-many-connections"
	case s.perPeer[p] >= s.o.MaxPerAddress:
		s.metrics.limit("sessions-per-address")
		return "submission.too-many-sessions"
	}
	s.open[w] = struct{}{}
	s.perPeer[p]++
	return ""
}

func (s *Server) leave(w *wire) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.open[w]; !ok {
		return
	}
	delete(s.open, w)
	p := account.Network(w.peer)
	if s.perPeer[p]--; s.perPeer[p] == 0 {
		delete(s.perPeer, p)
	}
}

func peerOf(conn net.Conn) netip.Addr {
	a, err := netip.ParseAddrPort(conn.RemoteAddr().String())
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr().Unmap().WithZone("")
}

func (s *Server) block() []byte { return (*s.blocks.Get().(*[]byte))[:0] }

func (s *Server) release(b []byte) { s.blocks.Put(&b) }
