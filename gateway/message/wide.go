package message

import (
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// isWide tells the charsets of two or four octets a character.
func isWide(label string) bool {
	switch normalCharset(label) {
	case "utf-16", "utf-16le", "utf-16-le", "utf-16be", "utf-16-be", "ucs-2", "iso-10646-ucs-2", "csunicode", "unicodefeff", "unicodefffe",
		"utf-32", "utf-32le", "utf-32-le", "utf-32be", "utf-32-be", "ucs-4", "iso-10646-ucs-4":
		return true
	}
	return false
}

// wideOf is such a charset. The byte order mark decides, whatever the name says, and is no part of the text; without one, text is
// little-endian unless its name says otherwise, as mail clients read it (RFC 2781 §4.3 would have it the other way round).
func wideOf(label string) encoding.Encoding {
	label = normalCharset(label)
	big := strings.HasSuffix(label, "be") || label == "unicodefffe"
	if strings.Contains(label, "32") || strings.HasSuffix(label, "ucs-4") {
		if big {
			return utf32.UTF32(utf32.BigEndian, utf32.UseBOM)
		}
		return utf32.UTF32(utf32.LittleEndian, utf32.UseBOM)
	}
	if big {
		return unicode.UTF16(unicode.BigEndian, unicode.UseBOM)
	}
	return unicode.UTF16(unicode.LittleEndian, unicode.UseBOM)
}
