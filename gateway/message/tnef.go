package message

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"path"
	"strconv"
	"strings"
)

// A winmail.dat (TNEF, [MS-OXTNEF]) is Outlook's own wrapping of files and text. It is read as a
// stream: files are places in the decoded stream, and only short values are held.

const (
	tnefMagic = 0x223e9f78

	attOEMCodepage = 0x00069007
	attBody        = 0x0002800c
	attMsgProps    = 0x00069003
	attRenderData  = 0x00069002 // begins an attachment
	attAttachTitle = 0x00018010
	attAttachData  = 0x0006800f
	attAttachProps = 0x00069005
	tnefMaxFiles   = 200
	tnefMaxDepth   = 4
	tnefMaxText    = 4 << 20
	tnefMaxAttrs   = 20_000
	tnefMaxRereads = 2 << 30 // files times size: what opening each of them may cost
	propBody       = 0x1000
	propRTF        = 0x1009
	propHTML       = 0x1013
	propCodepage   = 0x3fde
	propAttachData = 0x3701
	propAttachName = 0x3704
	propAttachLong = 0x3707
	propAttachMIME = 0x370e
	propAttachID   = 0x3712
)

var errTNEF = errors.New("broken TNEF")

// tnef is what was found in a winmail.dat.
type tnef struct {
	files      []*tnefBit
	text, html *tnefBit
}

// tnefBit is a file or body out of a winmail.dat: a place in the part's decoded stream, or bytes.
type tnefBit struct {
	of                         *Part
	name, mediaType, contentID string
	off, size                  int64
	data                       []byte
}

func (b *tnefBit) open() io.Reader {
	if b.data != nil {
		return bytes.NewReader(b.data)
	}
	return io.LimitReader(&skipReader{src: b.of.Decoded(), skip: b.off}, b.size)
}

// skipReader passes over the beginning of a stream at its first use.
type skipReader struct {
	src  io.Reader
	skip int64
}

// Read implements io.Reader.
func (s *skipReader) Read(p []byte) (int, error) {
	if s.skip > 0 {
		if _, err := io.CopyN(io.Discard, s.src, s.skip); err != nil {
			return 0, err
		}
		s.skip = 0
	}
	return s.src.Read(p)
}

func isTNEF(p *Part) bool {
	switch p.MediaType {
	case "application/ms-tnef", "application/vnd.ms-tnef":
		return true
	}
	return p.MediaType == "application/octet-stream" && strings.EqualFold(p.Filename(), "winmail.dat")
}

// openTNEF opens a winmail.dat. One that cannot be read to its end stays a file, with a Defect:
// half of the files would look like all of them.
func (p *parser) openTNEF(pt *Part) error {
	if !isTNEF(pt) {
		return nil
	}
	source := &counter{src: pt.Decoded()}
	r := &tnefReader{in: bufio.NewReaderSize(source, 4<<10), part: pt, found: &tnef{}, codepage: "windows-1252", first: p.lim.first()}
	err := r.stream(0, 1<<62)
	switch {
	case err == nil && int64(len(r.found.files))*r.at <= tnefMaxRereads:
		pt.tnef = r.found
	case source.err != nil:
		return source.err
	default:
		p.defect(BadTNEF, pt.Path, pt.start)
	}
	return nil
}

// counter remembers the error of a source, to tell it from those of what it holds.
type counter struct {
	src io.Reader
	err error
}

// Read implements io.Reader.
func (c *counter) Read(p []byte) (int, error) {
	n, err := c.src.Read(p)
	if err != nil && err != io.EOF {
		c.err = err
	}
	return n, err
}

// tnefReader walks through one stream, and the messages embedded in it.
type tnefReader struct {
	in       *bufio.Reader
	at       int64 // in the decoded stream
	part     *Part
	found    *tnef
	file     *tnefBit // the attachment being read
	codepage string   // of its strings of 8 bits
	internet string   // of its HTML, when it says
	attrs    int
	rtf      []byte
	html     []byte // in its charset
	first    bool   // read for a letter of the first edition
}

func (r *tnefReader) bytes(n int64) ([]byte, error) {
	if n < 0 || n > tnefMaxText {
		return nil, errTNEF
	}
	var b bytes.Buffer
	got, err := io.CopyN(&b, r.in, n)
	if r.at += got; err != nil {
		return nil, errTNEF
	}
	return b.Bytes(), nil
}

func (r *tnefReader) discard(n int64) error {
	got, err := io.CopyN(io.Discard, r.in, n)
	if r.at += got; err != nil {
		return errTNEF
	}
	return nil
}

func (r *tnefReader) u32() (uint32, error) {
	var b [4]byte
	n, err := io.ReadFull(r.in, b[:])
	if r.at += int64(n); err != nil {
		return 0, errTNEF
	}
	return binary.LittleEndian.Uint32(b[:]), nil
}

// stream reads a TNEF stream that ends at the given place at the latest.
func (r *tnefReader) stream(depth int, end int64) error {
	if magic, err := r.u32(); err != nil || magic != tnefMagic || depth > tnefMaxDepth {
		return errTNEF
	}
	if err := r.discard(2); err != nil { // the key
		return err
	}
	for r.at < end {
		level, err := r.in.ReadByte()
		if err != nil {
			break
		}
		r.at++
		if level != 1 && level != 2 { // padding after the last attribute
			break
		}
		if r.attrs++; r.attrs > tnefMaxAttrs {
			return errTNEF
		}
		if err := r.attribute(depth); err != nil {
			return err
		}
	}
	r.endFile()
	if depth == 0 || r.first {
		r.readHTML()
		r.unpackRTF()
	}
	return nil
}

// readHTML reads the HTML in the charset that the message gives it: its code page comes behind it.
func (r *tnefReader) readHTML() {
	page := r.internet
	if page == "" {
		page = htmlCharset(r.html)
	}
	if page == "" {
		page = r.codepage
	}
	text := strings.TrimRight(decodeCharset(page, r.html), "\x00")
	r.html = nil
	if r.found.html == nil && strings.TrimSpace(text) != "" {
		r.found.html = &tnefBit{mediaType: "text/html", data: []byte(text)}
	}
}

// page names a code page.
func (r *tnefReader) page(n uint32) string {
	if r.first {
		return "windows-" + strconv.FormatUint(uint64(n), 10)
	}
	return codePage(n)
}

func (r *tnefReader) attribute(depth int) error {
	id, err := r.u32()
	if err != nil {
		return err
	}
	n, err := r.u32()
	if err != nil {
		return err
	}
	end := r.at + int64(n)
	if err := r.value(id, int64(n), depth); err != nil {
		return err
	}
	if r.at > end {
		return errTNEF
	}
	return r.discard(end - r.at + 2) // what was not used, and the checksum
}

func (r *tnefReader) value(id uint32, n int64, depth int) error {
	switch id {
	case attOEMCodepage:
		b, err := r.bytes(min(n, 8))
		if err == nil && len(b) >= 4 {
			r.codepage = r.page(binary.LittleEndian.Uint32(b))
		}
		return err
	case attBody:
		b, err := r.bytes(n)
		r.setText(&r.found.text, "text/plain", b, depth)
		return err
	case attRenderData:
		return r.beginFile()
	case attAttachTitle:
		b, err := r.bytes(n)
		if r.file != nil && r.file.name == "" {
			r.file.name = r.string8(b)
		}
		return err
	case attAttachData:
		if r.file != nil {
			r.file.off, r.file.size = r.at, n
		}
	case attMsgProps, attAttachProps:
		return r.properties(r.at+n, depth)
	}
	return nil
}

func (r *tnefReader) string8(b []byte) string {
	return strings.TrimRight(decodeCharset(r.codepage, bytes.TrimRight(b, "\x00")), "\x00")
}

// setText keeps the body of the outermost message; what is embedded is a file's business.
func (r *tnefReader) setText(to **tnefBit, mediaType string, utf8 []byte, depth int) {
	if mediaType == "text/plain" {
		utf8 = []byte(r.string8(utf8))
	}
	if depth == 0 && *to == nil && len(bytes.TrimSpace(utf8)) > 0 {
		*to = &tnefBit{mediaType: mediaType, data: utf8}
	}
}

func (r *tnefReader) beginFile() error {
	r.endFile()
	if len(r.found.files) >= tnefMaxFiles {
		return errTNEF
	}
	r.file = &tnefBit{of: r.part}
	return nil
}

// endFile keeps the attachment that was being read, when it has a content.
func (r *tnefReader) endFile() {
	if f := r.file; f != nil && (f.off > 0 || f.data != nil) {
		if f.mediaType == "" || !isMediaType(f.mediaType) || strings.HasPrefix(f.mediaType, "multipart/") {
			f.mediaType = typeByName(f.name)
		}
		r.found.files = append(r.found.files, f)
	}
	r.file = nil
}

func typeByName(name string) string {
	ext := strings.ToLower(path.Ext(name))
	best := "application/octet-stream"
	for t, e := range extensions {
		if e == ext && ext != "" && (best == "application/octet-stream" || t < best) {
			best = t
		}
	}
	if ext == ".txt" {
		return "text/plain"
	}
	return best
}

// unpackRTF takes the body from compressed RTF when nothing else gave one.
func (r *tnefReader) unpackRTF() {
	if r.rtf == nil || r.found.text != nil || r.found.html != nil {
		return
	}
	rtf, err := unpackRTF(r.rtf)
	r.rtf = nil
	if err != nil {
		return
	}
	if text, html := readRTF(rtf, r.page); html {
		r.found.html = &tnefBit{mediaType: "text/html", data: []byte(text)}
	} else if strings.TrimSpace(text) != "" {
		r.found.text = &tnefBit{mediaType: "text/plain", data: []byte(text)}
	}
}

// Recovered gives what was found in a winmail.dat, files first; empty for any other part.
func (p *Part) Recovered() []*Part {
	if p.tnef == nil {
		return nil
	}
	all := p.recoveredFiles()
	for _, b := range []*tnefBit{p.tnef.text, p.tnef.html} {
		if b != nil {
			all = append(all, p.recovered(b, len(all)+1))
		}
	}
	return all
}

func (p *Part) recoveredFiles() []*Part {
	all := make([]*Part, 0, len(p.tnef.files))
	for i, b := range p.tnef.files {
		all = append(all, p.recovered(b, i+1))
	}
	return all
}

func (p *Part) recovered(b *tnefBit, n int) *Part {
	made := &Part{
		MediaType: b.mediaType, Params: map[string]string{}, DispositionParams: map[string]string{},
		Encoding: "binary", Path: p.Path + "/" + strconv.Itoa(n), within: b,
	}
	if b.of != nil {
		made.Disposition, made.DispositionParams["filename"] = "attachment", b.name
	} else {
		made.Params["charset"] = "utf-8"
	}
	return made
}

// tnefBodies is the text of a winmail.dat, for a message that has no other.
func (m *Message) tnefBodies() (b bodies) {
	m.Root.Walk(func(p *Part) bool {
		if p.Embedded != nil || !b.none() {
			return false
		}
		for _, f := range p.Recovered() {
			switch {
			case f.within.of != nil:
			case f.MediaType == "text/html":
				b.htmls = append(b.htmls, f)
			default:
				b.texts = append(b.texts, f)
			}
		}
		return true
	})
	return b
}
