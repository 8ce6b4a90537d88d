package message

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/ianaindex"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/transform"
)

// charsetAliases are the labels met in mail that no registry knows.
var charsetAliases = map[string]string{
	"cp-850": "ibm850", "cp850": "ibm850", "cp437": "ibm437", "utf8mb4": "utf-8", "utf": "utf-8",
	"unicode": "utf-16", "iso-8859-8-i": "iso-8859-8", "iso8859_1": "iso-8859-1", "ks_c_5601": "euc-kr",
	"x-sjis": "shift_jis", "x-gbk": "gbk", "gb18030-2000": "gb18030", "ansi": "windows-1252",
	"windows1252": "windows-1252", "x-unknown": "us-ascii", "8bit": "us-ascii", "default": "us-ascii",
}

// laterAliases are those learnt after the first edition of letters (edition.go): names of code pages and of programming languages.
var laterAliases = map[string]string{
	"cp932": "shift_jis", "ms932": "shift_jis", "cp949": "euc-kr", "ms949": "euc-kr", "euckr": "euc-kr", "cp950": "big5", "ms950": "big5",
	"mac-roman": "macintosh", "mac_roman": "macintosh", "mac-cyrillic": "x-mac-cyrillic", "ibm-850": "ibm850", "win-1251": "windows-1251", "win-1252": "windows-1252",
	"latin-1": "iso-8859-1", "latin_1": "iso-8859-1", "latin9": "iso-8859-15", "latin-9": "iso-8859-15", "utf_8": "utf-8", "cp65001": "utf-8", "iso-646": "us-ascii",
}

// normalCharset is a charset's label in one form: lower case, without the quotes, comments and
// prefixes that clients put around it.
func normalCharset(label string) string {
	label = strings.ToLower(strings.Trim(printable(label), " \"'"))
	label = strings.TrimPrefix(label, "charset=")
	if i := strings.IndexAny(label, " \t;"); i >= 0 {
		label = label[:i]
	}
	if alias, ok := charsetAliases[label]; ok {
		return alias
	}
	return label
}

// isUnicodeLabel tells the labels whose text is UTF-8 or part of it.
func isUnicodeLabel(label string) bool {
	switch label {
	case "", "utf-8", "utf8", "us-ascii", "ascii", "ansi_x3.4-1968", "unicode-1-1-utf-8", "x-unknown":
		return true
	}
	return false
}

// encodingOf finds a charset; ok is false for one that nobody knows. A nil encoding is UTF-8, with
// windows-1252 for what is not valid.
func encodingOf(label string) (enc encoding.Encoding, ok bool) {
	label = normalCharset(label)
	if isUnicodeLabel(label) {
		return nil, true
	}
	if isUTF7(label) {
		return utf7{}, true
	}
	if isWide(label) {
		return wideOf(label), true
	}
	if e, err := htmlindex.Get(label); err == nil {
		if name, _ := htmlindex.Name(e); name == "replacement" {
			return nil, false
		}
		return e, true
	}
	if e, err := ianaindex.MIME.Encoding(label); err == nil && e != nil {
		return e, true
	}
	if e, err := ianaindex.IANA.Encoding(label); err == nil && e != nil {
		return e, true
	}
	if label == "hz" {
		return simplifiedchinese.HZGB2312, true
	}
	if alias, ok := laterAliases[label]; ok {
		return encodingOf(alias)
	}
	return nil, false
}

// toUTF8 reads bytes without a charset: UTF-8 where they are, windows-1252 elsewhere.
func toUTF8(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	out, _, err := transform.String(mostlyUTF8{}, s)
	if err != nil {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	return out
}

// decodeCharset reads bytes in a charset as text.
func decodeCharset(label string, b []byte) string {
	enc, _ := encodingOf(label)
	if enc == nil {
		return toUTF8(string(b))
	}
	out, err := enc.NewDecoder().Bytes(b)
	if err != nil {
		return toUTF8(string(b))
	}
	return string(out)
}

// charsetReader reads a stream in a charset as UTF-8.
func charsetReader(label string, src io.Reader) io.Reader {
	enc, _ := encodingOf(label)
	if enc == nil {
		return transform.NewReader(src, mostlyUTF8{})
	}
	return transform.NewReader(src, enc.NewDecoder())
}

// mostlyUTF8 passes UTF-8 on, and reads as windows-1252 each byte that is no part of it: text in a
// Western charset hardly ever looks like UTF-8.
type mostlyUTF8 struct{ transform.NopResetter }

// Transform implements transform.Transformer.
func (mostlyUTF8) Transform(dst, src []byte, atEOF bool) (nDst, nSrc int, err error) {
	for nSrc < len(src) {
		r, size := utf8.DecodeRune(src[nSrc:])
		if r == utf8.RuneError && size == 1 {
			if !atEOF && !utf8.FullRune(src[nSrc:]) {
				return nDst, nSrc, transform.ErrShortSrc
			}
			r = charmap.Windows1252.DecodeByte(src[nSrc])
		}
		if nDst+utf8.RuneLen(r) > len(dst) {
			return nDst, nSrc, transform.ErrShortDst
		}
		nDst += utf8.EncodeRune(dst[nDst:], r)
		nSrc += size
	}
	return nDst, nSrc, nil
}

// htmlCharset finds the charset that an HTML document claims in its first kilobyte; empty: none.
func htmlCharset(start []byte) string {
	if len(start) > 1024 {
		start = start[:1024]
	}
	low := bytes.ToLower(start)
	i := bytes.Index(low, []byte("charset="))
	if i < 0 || bytes.LastIndex(low[:i], []byte("<meta")) < 0 {
		return ""
	}
	label := string(bytes.TrimLeft(low[i+len("charset="):], " \"'"))
	if j := strings.IndexAny(label, " \"'/;>\r\n\t"); j >= 0 {
		label = label[:j]
	}
	return label
}
