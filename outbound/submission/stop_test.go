package submission

import (
	"context"
	"crypto/tls"
	"sync/atomic"
	"testing"
	"time"

	"vaguemestre/gateway/intake"
)

func TestStopLetsOpenMessagesFinish(t *testing.T) {
	h := open(t, nil)
	idle, plain := h.in(), h.dial()
	plain.want(220)
	open, inData := h.in(), h.in()
	open.ask(250, "MAIL FROM:<claire@ville.test>")
	inData.envelope()
	inData.raw("Subject: long\r\n\r\nd")

	stopped := make(chan error)
	go func() { stopped <- h.s.Stop(t.Context()) }()
	h.stopped = true
	for _, c := range []*talk{idle, plain} {
		wantText(t, c.want(421), "4.3.2 Le service redemarre")
		c.wantEnd()
	}
	start, implicit := h.s.Addr()
	for _, a := range []string{start.String(), implicit.String()} {
		if conn, err := tls.Dial("tcp", a, h.tlsConfig()); err == nil {
			conn.Close()
			t.Error("it still takes connections")
		}
	}
	inData.raw("ébut\r\n.\r\n")
	inData.want(250)
	inData.want(421)
	inData.wantEnd()
	open.ask(250, "RCPT TO:<a@b.test>")
	open.ask(354, "DATA")
	open.raw(letter + ".\r\nMAIL FROM:<claire@ville.test>\r\n") // another one is not begun
	open.want(250)
	open.want(421)
	open.wantEnd()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	if n := len(h.intake.all()); n != 2 {
		t.Errorf("%d handed in", n)
	}
}

func TestStopCutsOffWhatDoesNotFinish(t *testing.T) {
	h := open(t, nil)
	c := h.in()
	c.envelope()
	c.raw("Subject: ")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	h.stopped = true
	if err := h.s.Stop(ctx); err == nil {
		t.Error("nothing was cut off")
	}
	c.wantEnd()
	if len(h.intake.all()) != 0 {
		t.Error("half a message was handed in")
	}
}

func TestStopWaitsForTheIntake(t *testing.T) {
	h := open(t, nil)
	inside, release := make(chan struct{}), make(chan struct{})
	h.intake.failWith(func(intake.Submission) error { close(inside); <-release; return nil })
	c := h.in()
	c.envelope()
	c.raw(letter + ".\r\n")
	<-inside
	var done atomic.Bool
	stopped := make(chan error)
	h.stopped = true
	go func() { err := h.s.Stop(t.Context()); done.Store(true); stopped <- err }()
	waitFor(t, h, func() bool { return h.s.stopping })
	if done.Load() {
		t.Error("it stopped with a message under way")
	}
	close(release)
	c.want(250)
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestStartFailsClearly(t *testing.T) {
	h := open(t, nil)
	start, _ := h.s.Addr()
	cert := h.s.o.Certificate
	for name, o := range map[string]Options{
		"no certificate": {Hostname: testHost, TLS: "127.0.0.1:0"},
		"no host name":   {Certificate: cert, TLS: "127.0.0.1:0"},
		"no address":     {Hostname: testHost, Certificate: cert},
		"address taken":  {Hostname: testHost, Certificate: cert, TLS: "127.0.0.1:0", StartTLS: start.String()},
	} {
		s := New(o, h.intake, oneAgent{}, spooler)
		if err := s.Start(t.Context()); err == nil {
			t.Errorf("%s: it started", name)
		}
	}
}

func TestTheCertificateIsAskedForAtEachHandshake(t *testing.T) {
	var asked atomic.Int64
	h := open(t, func(o *Options) {
		give := o.Certificate
		o.Certificate = func(i *tls.ClientHelloInfo) (*tls.Certificate, error) {
			asked.Add(1)
			return give(i)
		}
	})
	h.in()
	h.in()
	if asked.Load() != 2 {
		t.Errorf("asked %d times", asked.Load())
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	h := open(t, nil)
	_, implicit := h.s.Addr()
	o := h.tlsConfig()
	o.MinVersion, o.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
	if conn, err := tls.Dial("tcp", implicit.String(), o); err == nil {
		conn.Close()
		t.Error("TLS 1.1 was taken")
	}
}

func TestAPanicIsTemporary(t *testing.T) {
	h := open(t, nil)
	h.intake.failWith(func(intake.Submission) error { panic("boom") })
	c := h.in()
	c.envelope()
	c.raw(letter + ".\r\n")
	c.want(421)
	c.wantEnd()
	h.stop() // the library logs after it has closed
	wantText(t, h.log.String(), "boom")
}
