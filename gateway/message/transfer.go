package message

import (
	"bufio"
	"bytes"
	"io"
)

// The transfer decoders never fail on what they are given: they give what can be recovered. The
// only errors are those of the source.

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'F' || c >= 'a' && c <= 'f'
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}

const badSextet = 0xff

var sextets = func() (t [256]byte) {
	for i := range t {
		t[i] = badSextet
	}
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range len(digits) {
		t[digits[i]] = byte(i)
	}
	return t
}()

// base64Reader decodes base64 (RFC 2045 §6.8): characters outside the alphabet are passed over,
// missing padding is supplied, and nothing is read after the padding, where mailing lists put
// their footers.
type base64Reader struct {
	src     io.Reader
	in      []byte // read, not decoded yet
	buf     []byte
	quantum uint32
	have    int // sextets of quantum
	pads    int
	out     [3]byte
	left    []byte // of out, not given yet
	err     error
}

func newBase64(src io.Reader) *base64Reader { return &base64Reader{src: src} }

// Read implements io.Reader.
func (d *base64Reader) Read(p []byte) (int, error) {
	if len(d.left) > 0 || len(p) < 3 {
		return d.readSmall(p)
	}
	for {
		if d.err != nil {
			return 0, d.err
		}
		n := 0
		if len(d.in) == 0 && !d.more() {
			n = d.flush(p)
		} else {
			n = d.decode(p)
		}
		if n > 0 {
			return n, nil
		}
	}
}

// readSmall serves callers who ask for less than a quantum.
func (d *base64Reader) readSmall(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(d.left) == 0 {
		n, err := d.Read(d.out[:])
		if n == 0 {
			return 0, err
		}
		d.left = d.out[:n]
	}
	n := copy(p, d.left)
	d.left = d.left[n:]
	return n, nil
}

func (d *base64Reader) more() bool {
	if d.buf == nil {
		d.buf = make([]byte, 8<<10)
	}
	n, err := d.src.Read(d.buf)
	d.in = d.buf[:n]
	if err != nil && n == 0 {
		d.err = err
		return false
	}
	return true
}

// decode fills p from what has been read; p has room for a quantum at least.
func (d *base64Reader) decode(p []byte) int {
	n, in := 0, d.in
	for len(in) > 0 && n+3 <= len(p) {
		if d.have == 0 && len(in) >= 4 {
			a, b, c, e := sextets[in[0]], sextets[in[1]], sextets[in[2]], sextets[in[3]]
			if a|b|c|e != badSextet {
				v := uint32(a)<<18 | uint32(b)<<12 | uint32(c)<<6 | uint32(e)
				p[n], p[n+1], p[n+2] = byte(v>>16), byte(v>>8), byte(v)
				n, in = n+3, in[4:]
				continue
			}
		}
		c := in[0]
		in = in[1:]
		if c == '=' {
			if d.pads++; d.have >= 2 && d.have+d.pads >= 4 {
				d.in, d.err = nil, io.EOF
				return n + d.tail(p[n:])
			}
			continue
		}
		v := sextets[c]
		if v == badSextet {
			continue
		}
		d.pads = 0
		d.quantum = d.quantum<<6 | uint32(v)
		if d.have++; d.have == 4 {
			p[n], p[n+1], p[n+2] = byte(d.quantum>>16), byte(d.quantum>>8), byte(d.quantum)
			n += 3
			d.have, d.quantum = 0, 0
		}
	}
	d.in = in
	return n
}

// flush gives what an unfinished quantum holds when the source has ended.
func (d *base64Reader) flush(p []byte) int {
	if d.err != io.EOF {
		return 0
	}
	return d.tail(p)
}

func (d *base64Reader) tail(p []byte) int {
	n := 0
	switch d.have {
	case 2:
		p[0] = byte(d.quantum >> 4)
		n = 1
	case 3:
		p[0], p[1] = byte(d.quantum>>10), byte(d.quantum>>2)
		n = 2
	}
	d.have, d.quantum = 0, 0
	return n
}

// qpReader decodes quoted-printable (RFC 2045 §6.7). What is no valid escape stays as it is;
// white space at line ends stays too: in format=flowed it means something, and in files it may.
type qpReader struct {
	src  *bufio.Reader
	rest []byte // decoded, not given yet
	line []byte
	err  error
}

func newQP(src io.Reader) *qpReader { return &qpReader{src: bufio.NewReaderSize(src, 4<<10)} }

// Read implements io.Reader.
func (d *qpReader) Read(p []byte) (int, error) {
	for len(d.rest) == 0 {
		if d.err != nil {
			return 0, d.err
		}
		chunk, err := d.src.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			d.err = err
		}
		if err == bufio.ErrBufferFull {
			chunk = d.wholeEscapes(chunk)
		}
		d.line = decodeQPLine(d.line[:0], chunk)
		d.rest = d.line
	}
	n := copy(p, d.rest)
	d.rest = d.rest[n:]
	return n, nil
}

// wholeEscapes completes a piece of a line too long for the buffer, when it ends within an
// escape or in what may be a soft line break.
func (d *qpReader) wholeEscapes(chunk []byte) []byte {
	at := bytes.LastIndexByte(chunk, '=')
	if at < 0 || at < len(chunk)-2 && len(bytes.Trim(chunk[at+1:], " \t\r")) > 0 {
		return chunk
	}
	held := append([]byte(nil), chunk...)
	for range 128 {
		c, err := d.src.ReadByte()
		if err != nil {
			d.err = err
			break
		}
		held = append(held, c)
		if c == '\n' || len(held)-at > 2 && !isWSP(c) && c != '\r' {
			break
		}
	}
	return held
}

// decodeQPLine appends the decoded line to out.
func decodeQPLine(out, line []byte) []byte {
	for {
		i := bytes.IndexByte(line, '=')
		if i < 0 {
			return append(out, line...)
		}
		out = append(out, line[:i]...)
		line = line[i:]
		switch {
		case len(line) >= 3 && isHex(line[1]) && isHex(line[2]):
			out = append(out, unhex(line[1])<<4|unhex(line[2]))
			line = line[3:]
		case len(bytes.Trim(line[1:], " \t\r\n")) == 0 && (len(line) == 1 || line[len(line)-1] == '\n'):
			return out // a soft line break; RFC 2045 §6.7 (3): white space after the sign was added on the way
		default:
			out = append(out, '=')
			line = line[1:]
		}
	}
}

// uuReader decodes what stands between a uuencoded body's `begin` and `end` lines.
type uuReader struct {
	src   *bufio.Reader
	begun bool
	rest  []byte
	out   [64]byte
	err   error
}

func newUU(src io.Reader) *uuReader { return &uuReader{src: bufio.NewReaderSize(src, 4<<10)} }

// Read implements io.Reader.
func (d *uuReader) Read(p []byte) (int, error) {
	for len(d.rest) == 0 {
		if d.err != nil {
			return 0, d.err
		}
		line, err := d.src.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			d.err = err
		}
		line = bytes.TrimRight(line, "\r\n")
		switch {
		case !d.begun:
			d.begun = bytes.HasPrefix(line, []byte("begin "))
		case string(line) == "end":
			d.err = io.EOF
		default:
			d.rest = uuLine(d.out[:0], line)
		}
	}
	n := copy(p, d.rest)
	d.rest = d.rest[n:]
	return n, nil
}

func uuLine(out, line []byte) []byte {
	if len(line) == 0 {
		return nil
	}
	want := int(line[0]-' ') & 63
	line = line[1:]
	at := func(i int) byte {
		if i < len(line) {
			return (line[i] - ' ') & 63
		}
		return 0 // trailing spaces are often lost on the way
	}
	for i := 0; len(out) < want; i += 4 {
		out = append(out, at(i)<<2|at(i+1)>>4, at(i+1)<<4|at(i+2)>>2, at(i+2)<<6|at(i+3))
	}
	return out[:want]
}

// decoder undoes a transfer encoding, by the name that Part.Encoding bears.
func decoder(encoding string, src io.Reader) io.Reader {
	switch encoding {
	case "base64":
		return newBase64(src)
	case "quoted-printable":
		return newQP(src)
	case "uuencode":
		return newUU(src)
	}
	return src
}
