package daemon

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// httpServer is one listener with its handler. Start, Addr, Stop.
type httpServer struct {
	name     string
	server   *http.Server
	listener net.Listener
	done     chan error
}

// newHTTPServer bounds what a slow or endless client can hold. Uploads and downloads of 60 MB over a
// slow line are why reading and writing whole have no bound of their own; idling has.
func newHTTPServer(name string, h http.Handler, t *tls.Config, log *slog.Logger) *httpServer {
	return &httpServer{name: name, done: make(chan error, 1), server: &http.Server{
		Handler: h, TLSConfig: t, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 32 << 10,
		ErrorLog: slog.NewLogLogger(log.With("listener", name).Handler(), slog.LevelDebug),
	}}
}

func (s *httpServer) start(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	s.listener = l
	go func() {
		var err error
		if s.server.TLSConfig != nil {
			err = s.server.ServeTLS(l, "", "")
		} else {
			err = s.server.Serve(l)
		}
		if errors.Is(err, http.ErrServerClosed) {
			err = nil
		}
		s.done <- err
	}()
	return nil
}

func (s *httpServer) addr() string { return s.listener.Addr().String() }

// stop lets requests under way finish until ctx ends.
func (s *httpServer) stop(ctx context.Context) error {
	err := s.server.Shutdown(ctx)
	if err != nil {
		err = errors.Join(err, s.server.Close())
	}
	return errors.Join(err, <-s.done)
}

// certificate is a certificate that SIGHUP can replace while connections go on.
type certificate struct {
	listener  string
	file, key string
	current   atomic.Pointer[tls.Certificate]
}

func loadCertificate(listener, file, key string) (*certificate, error) {
	c := &certificate{listener: listener, file: file, key: key}
	return c, c.reload()
}

// reload keeps the one in use when the new one cannot be read.
func (c *certificate) reload() error {
	pair, err := tls.LoadX509KeyPair(c.file, c.key)
	if err != nil {
		return fmt.Errorf("load the certificate %s: %w", c.file, err)
	}
	c.current.Store(&pair)
	return nil
}

// expiry is when the certificate ends; LoadX509KeyPair has parsed it.
func (c *certificate) expiry() time.Time { return c.current.Load().Leaf.NotAfter }

func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current.Load(), nil },
	}
}

// stopIfStarted is stop for a server that may never have listened.
func (s *httpServer) stopIfStarted(ctx context.Context) error {
	if s == nil || s.listener == nil {
		return nil
	}
	return s.stop(ctx)
}
