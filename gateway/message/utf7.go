package message

import (
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/transform"
)

// utf7 decodes UTF-7 (RFC 2152), which no library here knows and old clients still send.
type utf7 struct{ encoding.Encoding }

func isUTF7(label string) bool {
	switch normalCharset(label) {
	case "utf-7", "unicode-1-1-utf-7", "x-utf-7":
		return true
	}
	return false
}

// exactUTF7 reads text that is UTF-7 throughout: "C++" and octets over 127 are not, and mean something else than they say.
func exactUTF7(raw []byte) (text []byte, ok bool) {
	d := &utf7Decoder{}
	text, _, err := transform.Bytes(d, raw)
	return text, err == nil && !d.broken && d.whole()
}

// NewDecoder implements encoding.Encoding.
func (utf7) NewDecoder() *encoding.Decoder { return &encoding.Decoder{Transformer: &utf7Decoder{}} }

type utf7Decoder struct {
	shifted bool
	bits    uint32
	have    uint
	high    rune // a surrogate that waits for its other half
	empty   bool // nothing since the shift: `+-` is a plus sign
	broken  bool // what was read is not UTF-7
}

// whole tells whether what was shifted ends as RFC 2152 asks: after a character, with nothing left but zeros.
func (d *utf7Decoder) whole() bool { return d.high == 0 && d.have < 6 && d.bits == 0 }

// Reset implements transform.Transformer.
func (d *utf7Decoder) Reset() { *d = utf7Decoder{} }

// Transform implements transform.Transformer.
func (d *utf7Decoder) Transform(dst, src []byte, _ bool) (nDst, nSrc int, err error) {
	for ; nSrc < len(src); nSrc++ {
		if nDst+2*utf8.UTFMax > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		c := src[nSrc]
		switch v := sextets[c]; {
		case !d.shifted && c == '+':
			*d = utf7Decoder{shifted: true, empty: true, broken: d.broken}
		case !d.shifted:
			d.broken = d.broken || c >= utf8.RuneSelf
			nDst += utf8.EncodeRune(dst[nDst:], charmap.Windows1252.DecodeByte(c))
		case v != badSextet:
			d.empty = false
			nDst += d.sextet(dst[nDst:], v)
		case c == '-' && d.empty:
			dst[nDst] = '+'
			nDst++
			d.shifted = false
		default:
			d.broken = d.broken || d.empty || c >= utf8.RuneSelf || !d.whole()
			d.shifted, d.bits, d.have, d.high = false, 0, 0, 0
			if c != '-' {
				nDst += utf8.EncodeRune(dst[nDst:], charmap.Windows1252.DecodeByte(c))
			}
		}
	}
	return nDst, nSrc, nil
}

func (d *utf7Decoder) sextet(dst []byte, v byte) int {
	d.bits, d.have = d.bits<<6|uint32(v), d.have+6
	if d.have < 16 {
		return 0
	}
	d.have -= 16
	unit := rune(d.bits >> d.have & 0xffff)
	d.bits &= 1<<d.have - 1
	switch {
	case unit >= 0xd800 && unit < 0xdc00:
		d.broken = d.broken || d.high != 0
		d.high = unit
		return 0
	case unit >= 0xdc00 && unit < 0xe000 && d.high != 0:
		unit = (d.high-0xd800)<<10 + (unit - 0xdc00) + 0x10000
	}
	d.broken = d.broken || unit >= 0xdc00 && unit < 0xe000 || unit < 0x10000 && d.high != 0
	d.high = 0
	return utf8.EncodeRune(dst, unit)
}

func wholeUTF7(raw []byte) bool {
	_, ok := exactUTF7(raw)
	return ok
}
