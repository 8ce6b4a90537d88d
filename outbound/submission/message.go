package submission

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"vaguemestre/gateway"
)

// errSmuggling: a line end or a byte that no mail program writes, and by which one server can be
// made to see the end of a message where another does not (RFC 5321 §2.3.8, §4.1.1.4).
var errSmuggling = errors.New("bare CR, bare LF or NUL")

// errEndless: the client goes on long past the size announced.
var errEndless = errors.New("the message does not end")

// messageReader reads one message up to CR LF . CR LF, and nothing after it.
type messageReader struct {
	in    *bufio.Reader
	out   io.Writer // errors of it are kept in failed: the rest is still read
	block []byte    // what is not written yet

	maxBytes, maxHeader int64
	maxLine             int

	size, header int64
	body         bool // the header is over
	refused      *gateway.Fault
	failed       error
}

// read gives the error that ends the session: of the network, errSmuggling or errEndless. When it
// is nil the message was read to its end, refused and failed say what is wrong with it.
func (m *messageReader) read() error {
	for {
		line, err := m.in.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			err = m.skip(line)
			if err == nil {
				continue
			}
		}
		if err != nil {
			return err
		}
		if !wellFormed(line) {
			return errSmuggling
		}
		if line[0] == '.' {
			if len(line) == len(".\r\n") {
				m.write()
				return nil
			}
			line = line[1:] // RFC 5321 §4.5.2
		}
		if err := m.take(line); err != nil {
			return err
		}
	}
}

// take is given one line with its CR LF.
func (m *messageReader) take(line []byte) error {
	if len(line)-len("\r\n") > m.maxLine {
		m.refuse(500, [3]int{5, 6, 0}, "submission.body-line-too-long", map[string]any{"Max": m.maxLine})
	}
	if !m.body {
		m.body = len(line) == len("\r\n")
		if m.header += int64(len(line)); m.header > m.maxHeader {
			m.refuse(552, [3]int{5, 3, 4}, "submission.headers-too-large", map[string]any{"Max": m.maxHeader})
		}
	}
	if m.size += int64(len(line)); m.size > m.maxBytes {
		m.refuse(552, [3]int{5, 3, 4}, tooLarge, map[string]any{"Size": m.size, "Max": m.maxBytes})
		if m.size > 2*m.maxBytes {
			return errEndless
		}
	}
	if len(m.block)+len(line) > cap(m.block) {
		m.write()
	}
	m.block = append(m.block, line...)
	return nil
}

// skip reads a line that is longer than the buffer, which is refused whatever the options.
func (m *messageReader) skip(part []byte) error {
	m.refuse(500, [3]int{5, 6, 0}, "submission.body-line-too-long", map[string]any{"Max": m.maxLine})
	cr := false
	for {
		for _, c := range part {
			if c == 0 || cr != (c == '\n') {
				return errSmuggling
			}
			cr = c == '\r'
		}
		if m.size += int64(len(part)); m.size > 2*m.maxBytes {
			return errEndless
		}
		if bytes.HasSuffix(part, []byte("\n")) {
			return nil
		}
		var err error
		if part, err = m.in.ReadSlice('\n'); err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

func (m *messageReader) refuse(code int, enhanced [3]int, key string, args map[string]any) {
	if m.refused == nil || key == tooLarge && m.refused.Key == tooLarge { // the size grows with what is read
		m.refused = gateway.Refuse(code, enhanced, key, args)
	}
}

const tooLarge = "submission.too-large"

// write hands on what was read, unless it is refused or could not be kept.
func (m *messageReader) write() {
	if m.refused == nil && m.failed == nil && len(m.block) > 0 {
		if _, err := m.out.Write(m.block); err != nil {
			m.failed = fmt.Errorf("keep the message: %w", err)
		}
	}
	m.block = m.block[:0]
}
