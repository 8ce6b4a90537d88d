package submission

import (
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"

	"github.com/emersion/go-smtp"
)

// newLibrary sets the mail library up. It is given connections that have TLS already, which is
// why it may take passwords (AllowInsecureAuth); sizes, recipients and times are bounded by us,
// in the agent's language. Its Debug writer, which would print passwords, stays unset.
func (s *Server) newLibrary() *smtp.Server {
	l := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) {
		return &session{w: c.Conn().(*wire)}, nil
	}))
	l.Domain = s.o.Hostname
	l.AllowInsecureAuth = true
	l.EnableSMTPUTF8 = true
	l.EnableDSN = true
	l.MaxLineLength = 0
	l.ErrorLog = libraryLog{s.o.Logger}
	return l
}

// corrections are the library's replies that the RFCs want otherwise. CHUNKING would let messages
// in that no rule of DATA has seen; the size is judged by us.
func corrections(o Options) map[string]string {
	return map[string]string{
		"250-CHUNKING\r\n":                               "",
		"250 SIZE\r\n":                                   fmt.Sprintf("250 SIZE %d\r\n", o.MaxBytes),       // RFC 1870 §4
		"454 4.7.0 Invalid base64 data\r\n":              "501 5.5.2 Invalid base64 data\r\n",              // RFC 4954 §4
		"502 5.5.1 Please introduce yourself first.\r\n": "503 5.5.1 Please introduce yourself first.\r\n", // RFC 5321 §4.1.4
		"502 5.5.1 Missing MAIL FROM command.\r\n":       "503 5.5.1 Missing MAIL FROM command.\r\n",       // idem
		"502 5.5.1 Missing RCPT TO command.\r\n":         "503 5.5.1 Missing RCPT TO command.\r\n",         // idem
		"502 5.5.1 TLS not supported\r\n":                "503 5.5.1 TLS is already there\r\n",             // RFC 3207 §4.2
		"502 5.5.4 Missing parameter\r\n":                "501 5.5.4 Missing parameter\r\n",                // RFC 4954 §4
		"500 5.5.4 Unknown MAIL FROM argument\r\n":       "555 5.5.4 Unknown MAIL FROM argument\r\n",       // RFC 5321 §4.1.1.11
		"500 5.5.4 Unknown RCPT TO argument\r\n":         "555 5.5.4 Unknown RCPT TO argument\r\n",         // idem
	}
}

func (s *Server) corrected(said []byte) []byte {
	if instead, ok := s.replies[string(said)]; ok {
		return []byte(instead)
	}
	return said
}

// handover is the listener by which the library gets connections that have TLS.
type handover struct {
	conns  chan net.Conn
	closed chan struct{}
	once   *sync.Once
}

func newHandover() handover {
	return handover{make(chan net.Conn), make(chan struct{}), new(sync.Once)}
}

func (h handover) give(c net.Conn) bool {
	select {
	case h.conns <- c:
		return true
	case <-h.closed:
		return false
	}
}

// Accept implements net.Listener.
func (h handover) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (h handover) Close() error {
	h.once.Do(func() { close(h.closed) })
	return nil
}

// Addr implements net.Listener.
func (h handover) Addr() net.Addr { return &net.UnixAddr{Name: "handover", Net: "unix"} }

// libraryLog takes what the library has to say: panics, and errors of connections.
type libraryLog struct{ log *slog.Logger }

func (l libraryLog) Printf(format string, v ...any) {
	l.log.Error("smtp library", "said", fmt.Sprintf(format, v...))
}

func (l libraryLog) Println(v ...any) {
	l.log.Error("smtp library", "said", strings.TrimSpace(fmt.Sprintln(v...)))
}
