package message

import (
	"encoding/binary"
	"strconv"
	"strings"
	"unicode/utf8"
)

// rtfMax bounds what compressed RTF may unpack to, in bytes.
const rtfMax = 8 << 20

// rtfDictionary is what every dictionary begins with ([MS-OXRTFCP] §2.1.2.1).
const rtfDictionary = "{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript " +
	"\\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par " +
	"\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"

// unpackRTF undoes the compression of Outlook's RTF ([MS-OXRTFCP] §2).
func unpackRTF(b []byte) ([]byte, error) {
	if len(b) < 16 {
		return nil, errTNEF
	}
	size := min(int(binary.LittleEndian.Uint32(b[4:])), rtfMax)
	kind := binary.LittleEndian.Uint32(b[8:])
	b = b[16:]
	switch kind {
	case 0x414c454d: // stored
		return b[:min(size, len(b))], nil
	case 0x75465a4c: // compressed
		return unpackLZ(b, size)
	}
	return nil, errTNEF
}

func unpackLZ(b []byte, size int) ([]byte, error) {
	var dict [4096]byte
	write := copy(dict[:], rtfDictionary)
	out := make([]byte, 0, min(size, 64<<10))
	put := func(c byte) {
		out = append(out, c)
		dict[write] = c
		write = (write + 1) % len(dict)
	}
	for len(b) > 0 && len(out) < size {
		flags := b[0]
		b = b[1:]
		for bit := 0; bit < 8 && len(b) > 0 && len(out) < size; bit++ {
			if flags>>bit&1 == 0 {
				put(b[0])
				b = b[1:]
				continue
			}
			if len(b) < 2 {
				return nil, errTNEF
			}
			ref := int(b[0])<<8 | int(b[1])
			b = b[2:]
			from, n := ref>>4, ref&15+2
			if from == write {
				return out, nil
			}
			for range n {
				put(dict[from])
				from = (from + 1) % len(dict)
			}
		}
	}
	return out, nil
}

// readRTF takes the text out of RTF, or the HTML that Outlook put into it ([MS-OXRTFEX] §2).
func readRTF(rtf []byte, page func(uint32) string) (text string, html bool) {
	r := rtfReader{in: rtf, page: page, charset: "windows-1252", html: strings.Contains(string(rtf[:min(len(rtf), 512)]), `\fromhtml1`)}
	r.read()
	return r.out.String(), r.html
}

type rtfGroup struct {
	skip    bool // a destination that is no text
	htmlRTF bool // what stands for the HTML in RTF, and is not the HTML
	tag     bool // within {\*\htmltag}
	uc      int
}

type rtfReader struct {
	in      []byte
	out     strings.Builder
	group   rtfGroup
	stack   []rtfGroup
	charset string
	page    func(uint32) string // names a code page
	html    bool
	star    bool
	drop    int    // characters that follow \u for readers without Unicode
	bytes   []byte // of \'hh, until something else comes
}

func (r *rtfReader) read() {
	r.group.uc = 1
	for len(r.in) > 0 {
		c := r.in[0]
		r.in = r.in[1:]
		switch c {
		case '{':
			r.flush()
			if len(r.stack) > 1000 {
				return
			}
			r.stack = append(r.stack, r.group)
		case '}':
			r.flush()
			if n := len(r.stack); n > 0 {
				r.group, r.stack = r.stack[n-1], r.stack[:n-1]
			}
			r.star = false
		case '\\':
			r.control()
		case '\r', '\n':
		default:
			r.flush()
			r.emit(string(rune(c)))
		}
	}
	r.flush()
}

func (r *rtfReader) flush() {
	if len(r.bytes) > 0 {
		b := r.bytes
		r.bytes = nil
		r.write(decodeCharset(r.charset, b))
	}
}

// emit writes a character unless it stands in for one already written by \u.
func (r *rtfReader) emit(s string) {
	if r.drop > 0 {
		r.drop--
		return
	}
	r.write(s)
}

func (r *rtfReader) write(s string) {
	if r.group.skip || r.group.htmlRTF || r.out.Len() > rtfMax {
		return
	}
	r.out.WriteString(s)
}

func (r *rtfReader) control() {
	if len(r.in) == 0 {
		return
	}
	c := r.in[0]
	if c == '\'' && len(r.in) >= 3 && isHex(r.in[1]) && isHex(r.in[2]) {
		if r.drop > 0 {
			r.drop--
		} else {
			r.bytes = append(r.bytes, unhex(r.in[1])<<4|unhex(r.in[2]))
		}
		r.in = r.in[3:]
		return
	}
	r.flush()
	if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
		r.word()
		return
	}
	r.in = r.in[1:]
	switch c {
	case '*':
		r.star = true
	case '~':
		r.emit("\u00a0")
	case '_':
		r.emit("\u2011")
	case '\\', '{', '}':
		r.emit(string(rune(c)))
	case '\r', '\n':
		r.emit("\r\n")
	}
}

// word reads a control word with its number and the space that ends it.
func (r *rtfReader) word() {
	i := 0
	for i < len(r.in) && i < 32 && (r.in[i] >= 'a' && r.in[i] <= 'z' || r.in[i] >= 'A' && r.in[i] <= 'Z') {
		i++
	}
	name := string(r.in[:i])
	j := i
	if j < len(r.in) && r.in[j] == '-' {
		j++
	}
	for j < len(r.in) && j-i < 12 && r.in[j] >= '0' && r.in[j] <= '9' {
		j++
	}
	n, err := strconv.Atoi(string(r.in[i:j]))
	if j < len(r.in) && r.in[j] == ' ' {
		j++
	}
	r.in = r.in[j:]
	r.obey(name, n, err == nil)
}

func (r *rtfReader) obey(name string, n int, has bool) {
	star := r.star
	r.star = false
	switch name {
	case "par", "line":
		r.emit("\r\n")
	case "tab":
		r.emit("\t")
	case "u":
		if n < 0 {
			n += 1 << 16
		}
		if n >= 0 && n <= utf8.MaxRune {
			r.write(string(rune(n)))
		}
		r.drop = r.group.uc
	case "uc":
		r.group.uc = min(max(n, 0), 8)
	case "ansicpg":
		r.charset = r.page(uint32(n))
	case "htmlrtf":
		r.group.htmlRTF = r.html && (!has || n != 0)
	case "htmltag":
		r.group.skip, r.group.tag = !r.html, true
	case "fonttbl", "colortbl", "stylesheet", "info", "pict", "header", "footer", "object", "fldinst":
		r.group.skip = true
	case "bin":
		r.in = r.in[min(max(n, 0), len(r.in)):]
	default:
		if s, ok := rtfCharacters[name]; ok {
			r.emit(s)
		} else if star {
			r.group.skip = true
		}
	}
}

var rtfCharacters = map[string]string{
	"lquote": "‘", "rquote": "’", "ldblquote": "“", "rdblquote": "”", "bullet": "•", "endash": "–", "emdash": "—",
	"emspace": "\u2003", "enspace": "\u2002",
}
