package address

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"vaguemestre/gateway"
)

// Limits, in octets.
const (
	MaxName   = 24 // of a consultation's address
	MaxLocal  = 64 // of a local part (RFC 5321 §4.5.3.1.1)
	MaxPath   = 254
	maxDomain = 253
)

// Local parts of the gateway's domain that are never consultations.
const (
	courrier   = "courrier"
	preuve     = "preuve"
	noReply    = "nepasrepondre"
	postmaster = "postmaster"
	abuse      = "abuse"
)

// Reserved tells a local part that is never the address of a consultation.
func Reserved(name string) bool {
	switch name {
	case courrier, preuve, noReply, postmaster, abuse:
		return true
	}
	return false
}

var ligatures = strings.NewReplacer("œ", "oe", "æ", "ae", "ß", "ss", "ø", "o", "ł", "l", "đ", "d", "’", "'", "ʼ", "'")

// plain is text in lower case without accents.
func plain(text string) string {
	decomposed := norm.NFKD.String(strings.ToLower(text))
	var b strings.Builder
	for _, r := range decomposed {
		if !unicode.Is(unicode.Mn, r) {
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return ligatures.Replace(b.String())
}

// Fold makes the name by which addresses and tags mean a reference: lower case, accents removed,
// every run outside [a-z0-9._-] a single "-", ends trimmed. Runs of dots become one and dots at the ends go, for the
// sake of RFC 5321 §4.1.2 (dot-string). It may be empty, and is not bounded. Fold(Fold(x)) = Fold(x).
func Fold(reference string) string {
	folded := strings.Map(func(r rune) rune {
		if r <= unicode.MaxASCII && named(byte(r)) {
			return r
		}
		return '-'
	}, plain(reference))
	return strings.Trim(single(single(folded, "-"), "."), "-.")
}

// single leaves one of each run of a character.
func single(s, char string) string {
	for strings.Contains(s, char+char) {
		s = strings.ReplaceAll(s, char+char, char)
	}
	return s
}

func named(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '.' || c == '_' || c == '-'
}

// Fits tells whether a folded name can be the address of a consultation as it is: not empty, at most
// MaxName octets, not reserved, not beginning with a register and a dot.
func Fits(name string) bool {
	return name != "" && name == Fold(name) && len(name) <= MaxName && !Reserved(name) && !grouped(name)
}

func grouped(name string) bool {
	register, _ := splitRegister(name)
	return register != ""
}

// Alias is the address of a consultation whose folded reference does not fit: always the same for
// the same reference, so that importing twice changes nothing. It is the folded reference when that
// fits, and empty when nothing of the reference can be folded.
func Alias(reference string) string {
	name := Fold(reference)
	if grouped(name) {
		name = strings.Replace(name, ".", "-", 1)
	}
	if Fits(name) {
		return name
	}
	return Shorten(name, Fold(reference), MaxName)
}

// Shorten makes a folded name of at most so many octets, at least 8, that tells apart those of
// different sources: whole words of the name, then four digits of the source's hash.
func Shorten(name, source string, most int) string {
	if name == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(source))
	tail := strings.ToLower(base32.StdEncoding.EncodeToString(sum[:])[:4])
	return strings.TrimRight(wholeWords(name, most-5), "-._") + "-" + tail
}

// wholeWords cuts a name to a length, after a whole word when that leaves half of it.
func wholeWords(name string, most int) string {
	if len(name) <= most {
		return name
	}
	if cut := strings.LastIndexAny(name[:most+1], "-._"); cut >= most/2 {
		return name[:cut]
	}
	return name[:most]
}

// splitRegister takes the register off a name such as retraits.testesr2020.
func splitRegister(name string) (gateway.Register, string) {
	for _, r := range gateway.Registers() {
		if rest, ok := strings.CutPrefix(name, string(r)+"."); ok {
			return r, rest
		}
	}
	return "", name
}
