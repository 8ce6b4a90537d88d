package submission

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"vaguemestre/gateway"
)

// mailbox checks an address that the library read, and gives it its one form: the local part
// quoted only when it has to be. The library takes the quotes off, so that what was quoted could
// end the path and add parameters to a command of the relay's ("x> NOTIFY=NEVER <y"@d): such
// characters are refused, whatever is left is quoted again.
func mailbox(address string, smtputf8 bool) (string, *gateway.Fault) {
	at := strings.LastIndexByte(address, '@')
	if at <= 0 {
		return "", badAddress("refuse.bad-address", address)
	}
	local, domain := address[:at], address[at+1:]
	switch {
	case !utf8.ValidString(address), strings.ContainsFunc(address, harmful):
		return "", badAddress("refuse.bad-address-character", address)
	case len(local) > 64 || len(address) > 254: // RFC 5321 §4.5.3.1.1, §4.5.3.1.3
		return "", badAddress("refuse.address-too-long", address)
	case !smtputf8 && strings.ContainsFunc(address, func(r rune) bool { return r >= utf8.RuneSelf }):
		f := badAddress("submission.utf8-address", address)
		f.Enhanced = [3]int{5, 6, 7} // RFC 6531 §3.5
		return "", f
	case !isDomain(domain) && !isLiteral(domain):
		return "", badAddress("refuse.bad-domain", address)
	}
	if isDotAtom(local) {
		return address, nil
	}
	return `"` + local + `"@` + domain, nil
}

func badAddress(key, address string) *gateway.Fault {
	return gateway.Refuse(553, [3]int{5, 1, 3}, key, map[string]any{"Address": address})
}

// harmful tells a character that could end a path, a quoted string or a line.
func harmful(r rune) bool {
	return strings.ContainsRune(`<>"\`, r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r != ' ' && unicode.IsSpace(r) || r == utf8.RuneError
}

// isDotAtom follows RFC 5321 §4.1.2, and RFC 6531 §3.3 for what is not ASCII.
func isDotAtom(local string) bool {
	for atom := range strings.SplitSeq(local, ".") {
		if atom == "" || strings.ContainsFunc(atom, func(r rune) bool { return !isAtext(r) }) {
			return false
		}
	}
	return true
}

func isAtext(r rune) bool {
	return r >= utf8.RuneSelf || r >= '0' && r <= '9' || r|0x20 >= 'a' && r|0x20 <= 'z' || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
}

// isDomain follows RFC 5321 §4.1.2 (letters, digits, hyphens), and RFC 6531 §3.3.
func isDomain(domain string) bool {
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for _, r := range label {
			if r < utf8.RuneSelf && r != '-' && (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z') {
				return false
			}
		}
	}
	return true
}

// isLiteral tells an address literal: [192.0.2.1] or [IPv6:2001:db8::1] (RFC 5321 §4.1.3).
func isLiteral(domain string) bool {
	inner, ok := strings.CutPrefix(domain, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	v6 := len(inner) > 5 && strings.EqualFold(inner[:5], "IPv6:")
	if v6 {
		inner = inner[5:]
	}
	a, err := netip.ParseAddr(inner)
	return ok && closed && err == nil && a.Zone() == "" && a.Is6() == v6
}
