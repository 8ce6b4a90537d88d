package message

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"

	"vaguemestre/gateway"
)

// Words are put before or after those of a message, in both forms: plain text with LF or CRLF line
// ends, and a piece of HTML that may stand in a body.
type Words struct{ Text, HTML string }

// Splicing says what to put around a message, and under which header.
type Splicing struct {
	// Header is the fields of the message to write but MIME-Version and Content-*, each ended by
	// CRLF. It is written as it is.
	Header string
	// Boundary is unguessable: 1 to 60 characters of a-z, A-Z, 0-9, "." and "_". Numbers are put after it.
	Boundary      string
	Before, After Words
	// Wrapped is the header, in the same form, of a message that has to be wrapped whole; Caption
	// is its file name.
	Wrapped, Caption string
}

// MaxText bounds the text and the HTML of a letter, in decoded bytes: words are put into them, a page shows them, and they are
// held in memory for it. Everything else streams.
const MaxText = 4 << 20

// maxLine is the longest line that mail carries, in octets without its CRLF (RFC 5322 §2.1.1).
const maxLine = 998

var errUntouchable = errors.New("text that cannot be added to")

// Splice writes the message with words put before and after those that a person reads first, in
// every form in which a client may show them. All other parts keep their bytes: as they stand in the
// source where mail can carry that, encoded anew where it cannot (lines over 998 octets, bare CR,
// NUL). Of their headers the Content-* fields stay, but those that describe the part whose header the message's becomes; what
// stands between the parts goes, delimiters too.
//
// Where the words cannot be put into the text without a risk for it (a part of it is signed, its
// charset is not what it says) or there is no text, they make a part of their own. A protected
// message (Kind.Protected) is wrapped whole, as message/rfc822 beneath the words, its signed bytes
// untouched. A winmail.dat is opened, its files take its place; an invitation among the renderings of the text becomes a
// file beside it.
//
// Lines end with CRLF and have at most 998 octets, but within signed parts. Memory does not grow
// with the message. Errors: a *gateway.Fault (permanent, refuse.message.long-text or
// refuse.message.signed-lines); those of w and of the source.
func (m *Message) Splice(w io.Writer, s Splicing) error {
	out := writers.Get().(*bufio.Writer)
	out.Reset(w)
	held := scratches.Get().(*scratch)
	defer func() {
		out.Reset(nil)
		writers.Put(out)
		held.giveBack()
	}()
	p := &splicer{m: m, s: s, w: out, held: held}
	if err := p.write(); err != nil {
		return err
	}
	return out.Flush()
}

var writers = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, 16<<10) }}

type splicer struct {
	m          *Message
	s          Splicing
	w          *bufio.Writer // keeps its first error until Flush
	held       *scratch      // in which the shown parts are edited
	shown      bodies
	edits      map[*Part]edited // what the shown parts become
	boundaries []string         // of the multiparts being written
	made       int              // boundaries so far
	lifted     []*Part          // files that stood among the renderings of a text
	head       *Part            // whose fields stand in the header of a message
}

// edited is a shown part with the words put in.
type edited struct {
	body    []byte
	charset string // set anew; empty: as it was
}

func (p *splicer) write() error {
	if p.m.Kind().Protected() {
		return p.wrap()
	}
	p.shown, p.lifted = p.m.bodies(), lifted(p.m.Root)
	err := p.edit()
	if err != nil && !errors.Is(err, errUntouchable) {
		return err
	}
	p.w.WriteString(p.s.Header)
	p.w.WriteString("MIME-Version: 1.0\r\n")
	if err == nil && !p.shown.none() && p.spliceable() {
		return p.whole()
	}
	return p.beside(err != nil)
}

// spliceable tells whether the root can stay the root: a winmail.dat opened there cannot.
func (p *splicer) spliceable() bool {
	return p.m.Root.tnef == nil && p.first().within == nil
}

func (p *splicer) first() *Part {
	if len(p.shown.texts) > 0 {
		return p.shown.texts[0]
	}
	return p.shown.htmls[0]
}

// edit puts the words into the shown parts, in memory.
func (p *splicer) edit() error {
	p.edits = map[*Part]edited{}
	if p.shownIsProtected(p.m.Root, false) {
		return errUntouchable
	}
	for _, t := range p.shown.texts {
		e, err := p.editText(t)
		if err != nil {
			return err
		}
		p.edits[t] = e
	}
	for _, h := range p.shown.htmls {
		e, err := p.editHTML(h)
		if err != nil {
			return err
		}
		p.edits[h] = e
	}
	return nil
}

// shownIsProtected tells whether a part that a person reads first stands within a signature.
func (p *splicer) shownIsProtected(at *Part, within bool) bool {
	within = within || protection(at) != ""
	if within && p.shown.has(at) {
		return true
	}
	return slices.ContainsFunc(at.Children, func(c *Part) bool { return p.shownIsProtected(c, within) })
}

func (p *splicer) read(part *Part) ([]byte, error) {
	raw, err := part.readInto(p.held.buffer(), MaxText)
	if errors.Is(err, ErrCut) {
		return nil, TooLong()
	}
	return raw, err
}

// TooLong is the refusal of a letter whose text or HTML is longer than MaxText.
func TooLong() *gateway.Fault {
	f := gateway.Refuse(552, [3]int{5, 3, 4}, "refuse.message.long-text", map[string]any{"Limit": MaxText})
	f.Op = "splice the text"
	return f
}

// editText joins the words and the text: in the text's own charset when it has single bytes for
// all of the words, else in UTF-8. Text that is not in the charset that it claims is left alone:
// guessing could change it.
func (p *splicer) editText(part *Part) (edited, error) {
	raw, err := p.read(part)
	if err != nil {
		return edited{}, err
	}
	label := p.charset(part)
	before, after := p.s.Before.Text, p.s.After.Text
	if b, a, ok := singleBytes(label, before, after); ok {
		return edited{body: joinText(p.held.buffer(), part, b, raw, a)}, nil
	}
	text, ok := p.exactUTF8(label, raw)
	if !ok {
		return edited{}, errUntouchable
	}
	e := edited{body: joinText(p.held.buffer(), part, before, text, after)}
	if (label != "utf-8" && !isASCII(string(e.body))) || !isUnicodeLabel(label) {
		e.charset = "utf-8"
	}
	return e, nil
}

// singleBytes writes the words in a charset of single bytes; ok only when it is one and has them all.
func singleBytes(label, before, after string) (b, a string, ok bool) {
	table := tableOf(label)
	if table == nil {
		return "", "", false
	}
	b, errB := table.NewEncoder().String(before)
	a, errA := table.NewEncoder().String(after)
	return b, a, errA == nil && errB == nil
}

// tableOf is a charset of single bytes; nil for any other.
func tableOf(label string) *charmap.Charmap {
	if label == "iso-8859-1" || label == "latin1" { // not windows-1252, by which browsers read it
		return charmap.ISO8859_1
	}
	enc, _ := encodingOf(label)
	table, _ := enc.(*charmap.Charmap)
	return table
}

func joinText(b *bytes.Buffer, part *Part, before string, text []byte, after string) []byte {
	flowed, _ := part.Flowed()
	b.Grow(len(text) + len(before) + len(after) + 64)
	putWords(b, before, flowed)
	if len(bytes.TrimSpace(text)) > 0 || before == "" {
		if b.Len() > 0 {
			b.WriteString("\r\n")
		}
		b.Write(text)
	}
	if after != "" {
		if b.Len() > 0 && !bytes.HasSuffix(b.Bytes(), []byte("\n")) {
			b.WriteString("\r\n")
		}
		putWords(b, after, flowed)
	}
	return b.Bytes()
}

// putWords writes our words with CRLF, and as format=flowed asks (RFC 3676 §4.2): no space at a
// line's end, one before what could be taken for a quotation.
func putWords(b *bytes.Buffer, words string, flowed bool) {
	if words == "" {
		return
	}
	for _, line := range strings.Split(strings.TrimSuffix(strings.ReplaceAll(words, "\r\n", "\n"), "\n"), "\n") {
		line = strings.TrimRight(line, " \t")
		if flowed && (strings.HasPrefix(line, " ") || strings.HasPrefix(line, ">") || strings.HasPrefix(line, "From ")) {
			b.WriteByte(' ')
		}
		b.WriteString(line)
		b.WriteString("\r\n")
	}
}

// exactUTF8 reads text in a charset; ok only when nothing had to be guessed.
func (p *splicer) exactUTF8(label string, raw []byte) (text []byte, ok bool) {
	switch {
	case p.m.first:
		return firstExact(label, raw)
	case isUTF7(label):
		return exactUTF7(raw)
	}
	enc, known := encodingOf(label)
	return exactly(enc, known, raw)
}

func exactly(enc encoding.Encoding, known bool, raw []byte) (text []byte, ok bool) {
	if !known {
		return nil, false
	}
	if enc == nil {
		return raw, utf8.Valid(raw)
	}
	text, err := enc.NewDecoder().Bytes(raw)
	if err != nil || bytes.ContainsRune(text, utf8.RuneError) {
		return nil, false
	}
	return text, true
}

// editHTML inserts the words, in the document's charset, with references where it lacks a
// character: the document's own bytes stay as they are.
func (p *splicer) editHTML(part *Part) (edited, error) {
	raw, err := p.read(part)
	if err != nil {
		return edited{}, err
	}
	label := p.charset(part)
	e := edited{}
	if !asciiBased(label) || isWide(label) && !p.m.first {
		text, ok := p.exactUTF8(label, raw)
		if !ok {
			return edited{}, errUntouchable
		}
		raw, label, e.charset = text, "utf-8", "utf-8"
	}
	at, ok := htmlPlaces(raw)
	if !ok {
		return edited{}, errUntouchable
	}
	before, after := p.s.Before.HTML, p.s.After.HTML
	if enc, known := encodingOf(label); enc != nil || !known || !utf8.Valid(raw) {
		before, after = inCharset(label, before), inCharset(label, after)
	} else if label != "utf-8" || part.Params["charset"] == "" {
		e.charset = "utf-8"
	}
	b := p.held.buffer()
	b.Grow(len(raw) + len(before) + len(after) + 256)
	b.Write(raw[:at.begin])
	if before != "" {
		b.WriteString("\r\n")
		b.WriteString(before)
		b.WriteString("\r\n")
	}
	b.Write(raw[at.begin:at.end])
	if after != "" {
		b.WriteString(at.closers)
		b.WriteString("\r\n")
		b.WriteString(after)
		b.WriteString("\r\n")
	}
	b.Write(raw[at.end:])
	e.body = b.Bytes()
	return e, nil
}

// inCharset writes HTML in a charset of single bytes, characters that it lacks as references; in
// ASCII for all others, on whose tables programs disagree.
func inCharset(label, s string) string {
	if table := tableOf(label); table != nil {
		if out, err := encoding.HTMLEscapeUnsupported(table.NewEncoder()).String(s); err == nil {
			return out
		}
	}
	return asciiHTML(s)
}

// asciiBased tells the charsets in which ASCII bytes always are ASCII characters where HTML looks
// for its marks.
func asciiBased(label string) bool {
	for _, not := range []string{"utf-16", "utf-32", "utf-7", "unicode-1-1-utf-7", "x-utf-7", "iso-2022", "hz", "ucs-"} {
		if strings.HasPrefix(label, not) {
			return false
		}
	}
	return true
}

func asciiHTML(s string) string {
	if isASCII(s) {
		return s
	}
	var out strings.Builder
	out.Grow(len(s) + len(s)/4)
	for _, r := range s {
		if r < utf8.RuneSelf {
			out.WriteByte(byte(r))
			continue
		}
		out.WriteString("&#" + strconv.Itoa(int(r)) + ";")
	}
	return out.String()
}
