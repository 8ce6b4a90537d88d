package scan

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// Clamd speaks to one clamd (clamd(8), INSTREAM). It is safe for concurrent use; each scan has its own connection.
type Clamd struct {
	Network, Address string        // "unix" and a path, or "tcp" and host:port
	Timeout          time.Duration // of one scan in all
}

// chunk is what is sent at once, in bytes.
const chunk = 64 << 10

// maxAnswer bounds the scanner's answer, in bytes.
const maxAnswer = 4 << 10

// Scan sends a content and gives the name of what was found in it; empty: nothing. An error says nothing of the content: the
// scanner cannot be reached, has a limit (StreamMaxLength) under the content's size, or the content cannot be read.
func (c Clamd) Scan(ctx context.Context, content io.Reader) (signature string, err error) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, c.Network, c.Address)
	if err != nil {
		return "", fmt.Errorf("reach the scanner: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	if err := send(conn, content); err != nil {
		var ours *readError
		if errors.As(err, &ours) {
			return "", err
		}
		if said, _ := answer(conn); said != "" { // it says why before it hangs up
			err = fmt.Errorf("%w (it said %q)", err, said)
		}
		return "", fmt.Errorf("send to the scanner: %w", err)
	}
	said, err := answer(conn)
	if err != nil {
		return "", fmt.Errorf("hear the scanner: %w", err)
	}
	return verdict(said)
}

// readError is a fault of the content, not of the scanner.
type readError struct{ err error }

func (e *readError) Error() string { return "read the content: " + e.err.Error() }
func (e *readError) Unwrap() error { return e.err }

// send writes the command, the content in chunks with their lengths before them, and the empty chunk that ends it.
func send(w io.Writer, content io.Reader) error {
	if _, err := io.WriteString(w, "zINSTREAM\x00"); err != nil {
		return err
	}
	buf := make([]byte, 4+chunk)
	for {
		n, err := io.ReadFull(content, buf[4:])
		if n > 0 {
			binary.BigEndian.PutUint32(buf, uint32(n))
			if _, err := w.Write(buf[:4+n]); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			_, err := w.Write([]byte{0, 0, 0, 0})
			return err
		case err != nil:
			return &readError{err}
		}
	}
}

func answer(r io.Reader) (string, error) {
	said, err := bufio.NewReader(io.LimitReader(r, maxAnswer)).ReadString(0)
	return strings.TrimRight(said, "\x00\n"), err
}

// verdict reads "stream: OK", "stream: NAME FOUND"; anything else is an outage.
func verdict(said string) (string, error) {
	if said == "stream: OK" {
		return "", nil
	}
	if name, found := strings.CutSuffix(said, " FOUND"); found {
		return strings.TrimPrefix(name, "stream: "), nil
	}
	return "", fmt.Errorf("the scanner answers %q", said)
}
