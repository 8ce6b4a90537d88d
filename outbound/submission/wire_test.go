package submission

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"

	"vaguemestre/gateway/intake"
)

// A connection in memory gives one Read for each Write: what is read at once was sent at once.
func TestRepliesToPipelinedCommandsLeaveTogether(t *testing.T) {
	h := open(t, nil)
	ours, theirs := net.Pipe()
	defer ours.Close()
	w := newWire(h.s, theirs, testPeer)
	ended := make(chan struct{})
	go func() { defer close(ended); h.s.serve(w, false) }()
	buf := make([]byte, 4096)
	read := func() string {
		n, err := ours.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return string(buf[:n])
	}
	wantText(t, read(), "220 "+testHost)
	fmt.Fprintf(ours, "EHLO client.test\r\nNOOP\r\nNOOP\r\nSTARTTLS\r\n")
	said := read()
	wantText(t, said, "250-STARTTLS\r\n", "250 SIZE 84000000\r\n")
	if strings.Count(said, "250 2.0.0 OK\r\n") != 2 || !strings.HasSuffix(said, "220 2.0.0 Ready to start TLS\r\n") {
		t.Errorf("not together: %q", said)
	}
	secure := tls.Client(ours, h.tlsConfig())
	if err := secure.Handshake(); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(secure, "EHLO client.test\r\nNOOP\r\nRSET\r\nQUIT\r\n")
	n, err := secure.Read(buf) // one TLS record
	if err != nil {
		t.Fatal(err)
	}
	if said = string(buf[:n]); !strings.Contains(said, "250-PIPELINING") || !strings.Contains(said, "221 ") {
		t.Errorf("not together: %q", said)
	}
	_, _ = io.Copy(io.Discard, ours) // until the server closes
	<-ended
}

// A message of 60 Mo in base64 is read in a memory that does not depend on its size.
func TestPromiseBoundedMemory(t *testing.T) {
	h := openWith(t, nil, discarding{}, oneAgent{})
	c := h.in()
	block := []byte(strings.Repeat(fill(76)+"\r\n", 1000))
	var before, after runtime.MemStats
	c.envelope()
	runtime.ReadMemStats(&before)
	c.raw("Subject: 60 Mo\r\n\r\n")
	for range 80_000_000 / len(block) {
		if _, err := c.conn.Write(block); err != nil {
			t.Fatal(err)
		}
	}
	c.raw(".\r\n")
	c.want(250)
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 16<<20 {
		t.Errorf("%d bytes were allocated on the way", grown)
	}
}

func TestTheIntakeIsGivenTheExactBytes(t *testing.T) {
	h := open(t, nil)
	content := "From: claire@ville.test\r\nX-Empty:\r\n\tfolded \r\n\r\n.\r\n..\r\n.a\r\n \r\n\r\n\tfin\xe9 \xff\r\n"
	c := h.in()
	c.envelope()
	c.ask(250, stuff(content)+".")
	if got := h.intake.all()[0]; got.content != content {
		t.Errorf("%q instead of %q", got.content, content)
	}
	h.intake.failWith(func(s intake.Submission) error {
		if s.Message.Size() != 0 {
			t.Errorf("an empty message has %d octets", s.Message.Size())
		}
		return nil
	})
	c.envelope()
	c.ask(250, ".")
}
