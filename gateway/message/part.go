package message

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/transform"
)

// Message is a message that was read.
type Message struct {
	Root    *Part
	Defects []Defect // of the whole source; empty for embedded messages

	first bool // read for a letter of the first edition
}

// Header is the root's header.
func (m *Message) Header() Header { return m.Root.Header }

// Part is one part of a message: a place in its source.
type Part struct {
	Header            Header
	MediaType         string // lower case; never empty; text/plain for a multipart that has no parts
	Params            map[string]string
	Disposition       string // inline, attachment, or empty
	DispositionParams map[string]string
	Encoding          string // 7bit, 8bit, binary, base64, quoted-printable, uuencode
	Children          []*Part
	Embedded          *Message // of message/rfc822
	// Path is the child numbers from the root, from 1 (RFC 9051 §6.4.5.1); empty for a multipart
	// root. A file out of a winmail.dat has that part's path, a slash and its number.
	Path string

	src                         io.ReaderAt
	start, bodyStart, bodyEnd   int64
	cleanType, cleanDisposition bool
	boundary                    string   // as declared, whatever became of it
	tnef                        *tnef    // of an opened winmail.dat
	within                      *tnefBit // of a file out of one
}

func (p *Part) isMultipart() bool { return strings.HasPrefix(p.MediaType, "multipart/") }

func (p *Part) isMessage() bool {
	return p.MediaType == "message/rfc822" || p.MediaType == "message/global" || p.MediaType == "message/news"
}

// identity tells the transfer encodings that change nothing.
func (p *Part) identity() bool {
	return p.Encoding == "7bit" || p.Encoding == "8bit" || p.Encoding == "binary"
}

// fallBack makes a multipart that has no parts the text that it is to its reader.
func (p *Part) fallBack() {
	p.MediaType, p.cleanType = "text/plain", false
	delete(p.Params, "boundary")
}

// Raw is the body as it stands in the source.
func (p *Part) Raw() io.Reader {
	if p.within != nil {
		return p.within.open()
	}
	return io.NewSectionReader(p.src, p.bodyStart, p.bodyEnd-p.bodyStart)
}

// RawSize is the size of the body as it stands in the source.
func (p *Part) RawSize() int64 { return p.bodyEnd - p.bodyStart }

// RawHeader is the header as it stands in the source, with the blank line that ends it.
func (p *Part) RawHeader() io.Reader {
	return io.NewSectionReader(p.src, p.start, p.bodyStart-p.start)
}

// RawWhole is header and body as they stand in the source: the entity that is signed in a
// multipart/signed (RFC 1847 §2.1).
func (p *Part) RawWhole() io.Reader { return io.NewSectionReader(p.src, p.start, p.bodyEnd-p.start) }

// Decoded is the body with its transfer encoding undone. It never fails on what it reads: it gives
// what can be recovered. Errors are the source's.
func (p *Part) Decoded() io.Reader {
	if p.within != nil {
		return p.within.open()
	}
	return decoder(p.Encoding, p.Raw())
}

// Charset is the charset of a text part: the one it declares, the one its HTML declares, or empty.
func (p *Part) Charset() string {
	if label := normalCharset(p.Params["charset"]); label != "" || p.MediaType != "text/html" {
		return label
	}
	start, _ := io.ReadAll(io.LimitReader(p.Decoded(), 1024))
	return htmlCharset(start)
}

// ErrCut comes with a text that was longer than its limit.
var ErrCut = errors.New("text cut at its limit")

// Text is the body as text, in UTF-8, with the line ends of the source. Of a longer text, the first
// limit bytes, whole characters, with ErrCut; other errors are the source's. A charset that nobody
// knows, and bytes that are not in theirs, are read as UTF-8 or windows-1252.
func (p *Part) Text(limit int64) (string, error) {
	label := p.Charset()
	raw, err := p.readUpTo(limit)
	if err != nil && !errors.Is(err, ErrCut) {
		return "", err
	}
	enc, _ := encodingOf(label)
	if enc == nil || isUTF7(label) && !wholeUTF7(raw) {
		return cutText(toUTF8Cut(raw, err != nil), limit, err)
	}
	out, _, bad := transform.Bytes(enc.NewDecoder(), raw)
	if bad != nil {
		return cutText(toUTF8Cut(raw, err != nil), limit, err)
	}
	return cutText(string(out), limit, err)
}

// toUTF8Cut is toUTF8 for bytes that may end within a character because they were cut.
func toUTF8Cut(raw []byte, cut bool) string {
	if cut {
		for n := 1; n < utf8.UTFMax && n <= len(raw); n++ {
			if c := raw[len(raw)-n]; utf8.RuneStart(c) {
				if !utf8.FullRune(raw[len(raw)-n:]) {
					raw = raw[:len(raw)-n]
				}
				break
			}
		}
	}
	return toUTF8(string(raw))
}

func cutText(s string, limit int64, err error) (string, error) {
	if int64(len(s)) <= limit {
		return s, err
	}
	n := int(limit)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n], ErrCut
}

// readUpTo reads at most limit bytes; ErrCut when there were more.
func (p *Part) readUpTo(limit int64) ([]byte, error) { return p.readInto(new(bytes.Buffer), limit) }

// readInto is readUpTo into an empty buffer, which what it gives is part of.
func (p *Part) readInto(b *bytes.Buffer, limit int64) ([]byte, error) {
	b.Grow(int(min(limit, max(0, p.RawSize()), maxGrown)) + bytes.MinRead + 1) // what is decoded is seldom longer
	r := p.Decoded()
	if _, err := b.ReadFrom(io.LimitReader(r, limit+1)); err != nil {
		return nil, err
	}
	if int64(b.Len()) > limit {
		return b.Bytes()[:limit], ErrCut
	}
	return b.Bytes(), nil
}

// maxGrown bounds what is set aside before anything is read.
const maxGrown = 64 << 10

// Flowed tells text/plain in format=flowed, and whether DelSp is asked (RFC 3676 §4).
func (p *Part) Flowed() (flowed, delSp bool) {
	return strings.EqualFold(p.Params["format"], "flowed"), strings.EqualFold(p.Params["delsp"], "yes")
}

// ContentID is the part's Content-ID without its angle brackets; empty when it has none.
func (p *Part) ContentID() string {
	if p.within != nil {
		return p.within.contentID
	}
	return strings.Trim(p.Header.Get("Content-ID"), "<> \t")
}

// Walk calls do for the part and all below it, embedded messages' included, in order; it goes no
// deeper where do says false.
func (p *Part) Walk(do func(*Part) bool) {
	if !do(p) {
		return
	}
	for _, c := range p.Children {
		c.Walk(do)
	}
	if p.Embedded != nil {
		p.Embedded.Root.Walk(do)
	}
}

// Find gives the part at a path, files out of a winmail.dat included; nil when there is none.
func (m *Message) Find(path string) *Part {
	outer, inner, _ := strings.Cut(path, "/")
	var found *Part
	m.Root.Walk(func(p *Part) bool {
		if found == nil && p.Path == outer {
			found = p
		}
		return found == nil
	})
	if found == nil || inner == "" {
		return found
	}
	for _, f := range found.Recovered() {
		if f.Path == path {
			return f
		}
	}
	return nil
}

// Uncut is the error of Text but for ErrCut: for who takes a text that was cut at its bound for what it is, its beginning.
func Uncut(err error) error {
	if errors.Is(err, ErrCut) {
		return nil
	}
	return err
}
