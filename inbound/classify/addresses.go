package classify

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// addressPattern is a mail address as it stands in prose: looser than RFC 5321, since local parts of
// the field (dots in a row, a leading dot) were accepted by somebody.
// Brackets and stops of East Asian prose touch the address without a space.
const addressPattern = `(?:"[^"\s@]{1,64}"|[^\s<>"'(),:;@\[\]|\\=*（）［］「」『』【】〈〉《》：；，、。“”«»]{1,120})@[\pL\pN](?:[\pL\pN._-]*[\pL\pN])?`

var anyAddress = regexp.MustCompile(addressPattern)

// holdsAddress tells whether anyAddress would find something, at the cost of looking at the at signs.
func holdsAddress(text string) bool {
	for at := 0; ; at++ {
		i := strings.IndexByte(text[at:], '@')
		if i < 0 {
			return false
		}
		at += i
		before, n := utf8.DecodeLastRuneInString(text[:at])
		after, _ := utf8.DecodeRuneInString(text[at+1:])
		if n > 0 && (unicode.IsLetter(after) || unicode.IsNumber(after)) && !unicode.Is(unicode.White_Space, before) && !strings.ContainsRune(notLocal, before) {
			return true
		}
	}
}

// notLocal is what addressPattern does not allow before an at sign, except the quotation mark that ends a local part.
const notLocal = "<>'(),:;@[]|\\=*（）［］「」『』【】〈〉《》：；，、。“”«»"

// firstAddress is the first address in a text, bare, or "".
func firstAddress(text string) string {
	return strings.Trim(anyAddress.FindString(text), `.`)
}

// addressesIn lists the addresses in a text, each once without regard to case, at most n.
func addressesIn(text string, n int) []string {
	return unique(anyAddress.FindAllString(text, 4*n), n)
}

// unique keeps the first of each, without regard to case, at most n, and no empty ones.
func unique(list []string, n int) []string {
	var kept []string
	seen := map[string]bool{}
	for _, s := range list {
		key := strings.ToLower(s)
		if s == "" || seen[key] {
			continue
		}
		if len(kept) == n {
			break
		}
		seen[key] = true
		kept = append(kept, s)
	}
	return kept
}

// roles are the local parts that send reports: an address to write to for help, never the one that failed.
var roles = regexp.MustCompile(`(?i)^(post-?master|mailer-?daemon|mail-?daemon|abuse|support|help|helpdesk|no-?reply|noreply|webmaster|hostmaster|mail-?admin|administrator)@`)
