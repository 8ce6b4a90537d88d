package address

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"vaguemestre/gateway"
)

// Mailbox checks an address that somebody wrote and gives it as SMTP carries it: the
// local part quoted when it must be (RFC 5321 §4.1.2), the domain in lower-case ASCII (RFC 5890).
// It takes the local part as written or already unquoted, as SMTP servers hand it over: what it
// refuses above all is what could be read as a command once relayed (spaces, angle brackets, control characters).
func Mailbox(raw string) (string, *gateway.Fault) {
	local, domain, fault := split(raw)
	if fault != nil {
		return "", fault
	}
	if strings.ContainsAny(local, "@,;") { // two addresses run together, never one
		return "", refuse("refuse.bad-address", "Address", Shown(raw))
	}
	if strings.HasPrefix(domain, "[") {
		return "", refuse("refuse.domain-literal", "Address", Shown(raw))
	}
	ascii, fault := asciiDomain(domain)
	if fault != nil {
		fault.Args["Address"] = Shown(raw)
		return "", fault
	}
	local = norm.NFC.String(local)
	if len(local) > MaxLocal {
		return "", refuse("refuse.address-too-long", "Address", Shown(raw))
	}
	if !dotString(local) {
		local = `"` + local + `"`
	}
	if address := local + "@" + ascii; len(address) <= MaxPath {
		return address, nil
	}
	return "", refuse("refuse.address-too-long", "Address", Shown(raw))
}

// Company checks a company's address: a mailbox, which is not one of the gateway's own.
func (g *Grammar) Company(raw string) (string, *gateway.Fault) {
	mailbox, fault := Mailbox(raw)
	if fault == nil && g.ours(mailbox[strings.LastIndexByte(mailbox, '@')+1:]) {
		return "", refuse("refuse.own-address", "Address", Shown(raw))
	}
	return mailbox, fault
}

// split cuts an address at its last @ and takes the quotes off its local part.
func split(raw string) (local, domain string, fault *gateway.Fault) {
	at := strings.LastIndexByte(raw, '@')
	if at <= 0 || at == len(raw)-1 || !utf8.ValidString(raw) {
		return "", "", refuse("refuse.bad-address", "Address", Shown(raw))
	}
	local, domain = raw[:at], raw[at+1:]
	if len(local) >= 2 && local[0] == '"' && local[len(local)-1] == '"' {
		local = local[1 : len(local)-1]
	}
	if local == "" {
		return "", "", refuse("refuse.bad-address", "Address", Shown(raw))
	}
	if strings.ContainsFunc(local, forbidden) || strings.ContainsFunc(domain, forbidden) {
		return "", "", refuse("refuse.bad-address-character", "Address", Shown(raw))
	}
	return local, domain, nil
}

// forbidden tells the characters that no address of a company needs and that could change the
// meaning of an SMTP command or be read as something else by a person.
func forbidden(r rune) bool {
	switch r {
	case '<', '>', '"', '\\', utf8.RuneError:
		return true
	}
	return unicode.IsSpace(r) || !unicode.IsGraphic(r)
}

// dotString tells a local part that needs no quotes (RFC 5321 §4.1.2, RFC 6531 §3.3).
func dotString(local string) bool {
	for atom := range strings.SplitSeq(local, ".") {
		if atom == "" || strings.ContainsFunc(atom, func(r rune) bool { return !atext(r) }) {
			return false
		}
	}
	return true
}

func atext(r rune) bool {
	if r >= utf8.RuneSelf {
		return true
	}
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
}

// asciiDomain is a domain as SMTP carries it. A trailing dot is dropped.
func asciiDomain(domain string) (string, *gateway.Fault) {
	trimmed := strings.TrimSuffix(domain, ".")
	ascii, err := idna.Lookup.ToASCII(trimmed)
	if err != nil || ascii == "" || len(ascii) > maxDomain || !labels(ascii) {
		return "", refuse("refuse.bad-domain", "Address", Shown(domain))
	}
	if !strings.Contains(ascii, ".") {
		return "", refuse("refuse.short-domain", "Address", Shown(domain))
	}
	if _, err := netip.ParseAddr(ascii); err == nil {
		return "", refuse("refuse.domain-literal", "Address", Shown(domain))
	}
	return ascii, nil
}

// labels holds a domain to letters, digits and hyphens (RFC 5321 §4.1.2, sub-domain).
func labels(domain string) bool {
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		if strings.ContainsFunc(label, func(r rune) bool { return r > unicode.MaxASCII || !named(byte(r)) || r == '_' || r == '.' }) {
			return false
		}
	}
	return true
}

// Key is what two writings of the same mailbox share: addresses are compared without case.
func Key(mailbox string) string { return strings.ToLower(mailbox) }
