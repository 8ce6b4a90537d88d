package message

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"
)

// What the first edition of letters did otherwise (Limits.Edition). Its letters are made again as they were, byte for byte, whatever
// was learnt since: the root kept the fields that describe it, multiparts their boundaries, UTF-16 was read without its byte
// order mark, UTF-32 and laterAliases not at all, and the code pages of Windows by number alone.

func (l Limits) first() bool { return l.Edition == 1 }

// firstBoundary is the boundary that a multipart kept in the first edition; empty when it got a new one.
func (p *splicer) firstBoundary(part *Part) string {
	b := part.Params["boundary"]
	if !part.cleanType || !safeField(rawField(part, "Content-Type")) {
		return ""
	}
	if protection(part) != "" {
		if len(b) > 70 {
			return ""
		}
		return b
	}
	if !soundBoundary(b) || slices.Contains(p.boundaries, b) || within(part, b) {
		return ""
	}
	return b
}

// soundBoundary tells a boundary that every reader understands alike (RFC 2046 §5.1.1).
func soundBoundary(b string) bool {
	for i := range len(b) {
		c := b[i]
		if !(c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || strings.IndexByte("'()+_,-./:=?", c) >= 0) {
			return false
		}
	}
	return len(b) > 0 && len(b) <= 70
}

// within tells whether a multipart below, in an attached message too, has the same boundary: if that one
// was never closed, it would be by the delimiter of this one.
func within(part *Part, boundary string) bool {
	found := false
	part.Walk(func(p *Part) bool {
		found = found || p != part && p.boundary == boundary
		return !found
	})
	return found
}

// charset is the part's; for a letter of the first edition none that was unknown to it.
func (p *splicer) charset(part *Part) string {
	label := part.Charset()
	if _, later := laterAliases[label]; p.m.first && (later || label == "hz") {
		return "unknown-8bit"
	}
	return label
}

// firstExact is exactUTF8 of the first edition.
func firstExact(label string, raw []byte) (text []byte, ok bool) {
	enc, known := encodingOf(label)
	switch {
	case isWide(label):
		var err error
		enc, err = htmlindex.Get(normalCharset(label))
		known = err == nil
	case isUTF7(label):
		text, err := enc.NewDecoder().Bytes(raw)
		return text, err == nil && !bytes.ContainsRune(text, utf8.RuneError)
	}
	return exactly(enc, known, raw)
}
