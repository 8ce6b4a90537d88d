package message

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"

	"pgregory.net/rapid"
)

// octetByOctet is what inspect must find, told in the plainest way.
func octetByOctet(b []byte) (in inspection) {
	width, last := 0, byte(0)
	for _, c := range b {
		if c == '\n' {
			if last == '\r' {
				width--
			} else {
				in.loose = true
			}
			in.longest, width, last = max(in.longest, width), 0, c
			continue
		}
		in.cr = in.cr || last == '\r'
		in.nul = in.nul || c == 0
		in.high = in.high || c >= 0x80
		width++
		last = c
	}
	in.cr = in.cr || last == '\r'
	in.longest = max(in.longest, width)
	return in
}

func TestInspectSeesEveryOctetHoweverItIsCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := bytes.Join(rapid.SliceOf(rapid.SampledFrom([][]byte{{'\r'}, {'\n'}, []byte("\r\n"), {0}, {0x80}, []byte("a"), []byte("abcdefghijk")})).Draw(t, "text"), nil)
		for _, cut := range []func(io.Reader) io.Reader{func(r io.Reader) io.Reader { return r }, iotest.OneByteReader, iotest.HalfReader, iotest.DataErrReader} {
			got, err := inspect(cut(bytes.NewReader(b)))
			if want := octetByOctet(b); err != nil || got != want {
				t.Fatalf("%q: %+v, %v instead of %+v", b, got, err, want)
			}
		}
	})
}
