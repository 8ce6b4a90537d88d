package relay

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/net/idna"
)

// What the smarthost is asked to report (RFC 3461 §4.1).
const (
	NotifyAll   = "SUCCESS,DELAY,FAILURE"
	NotifyNever = "NEVER"
)

// Envelope is what SMTP says about one message to one mailbox.
type Envelope struct {
	From   string // without angle brackets; empty: the null sender
	To     string
	ENVID  string // RFC 3461 §4.4, at most 100 printable ASCII characters; empty: none
	ORCPT  string // the mailbox as first written (RFC 3461 §4.2); empty: none
	Notify string // NotifyAll, NotifyNever, or empty: what the smarthost does by itself
	// UTF8 asks for SMTPUTF8 even when no address needs it. A header with bytes over 127 asks for it by itself.
	UTF8       bool
	RequireTLS bool // RFC 8689: every further hop must use verified TLS too

	MessageID string    // recorded in the outcome
	Date      time.Time // t= of the signatures: the same at each attempt. Zero: no signature
}

var (
	errAddress = errors.New("malformed mail address")
	errENVID   = errors.New("malformed envelope identifier")
)

// maxENVID is the limit of RFC 3461 §4.4, in octets.
const maxENVID = 100

// path is one address made fit for the wire.
type path struct {
	text string // local part and domain, quoted and in A-labels as needed
	utf8 bool   // SMTPUTF8 is needed
}

// parsePath makes an address safe to write between angle brackets. A local part that is no
// dot-string is quoted again, so that nothing in it can end the path (RFC 5321 §4.1.2).
func parsePath(address string) (path, error) {
	at := strings.LastIndexByte(address, '@')
	if at < 1 || at == len(address)-1 {
		return path{}, errAddress
	}
	local, domain := address[:at], address[at+1:]
	local, ok := safeLocal(local)
	if !ok || len(local) > 64+2 { // RFC 5321 §4.5.3.1.1, and two quotes
		return path{}, errAddress
	}
	p := path{utf8: !ascii(local)}
	domain, ok = safeDomain(domain)
	if !ok {
		return path{}, errAddress
	}
	p.text = local + "@" + domain
	if len(p.text) > 254 {
		return path{}, errAddress
	}
	return p, nil
}

func safeLocal(local string) (string, bool) {
	if dotString(local) {
		return local, true
	}
	if len(local) >= 2 && local[0] == '"' && local[len(local)-1] == '"' {
		unquoted, ok := unquote(local[1 : len(local)-1])
		if !ok {
			return "", false
		}
		local = unquoted
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range local {
		if r < ' ' || r == 0x7f || r == 0xfffd {
			return "", false
		}
		if r == '"' || r == '\\' {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	b.WriteByte('"')
	return b.String(), true
}

func unquote(s string) (string, bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return "", false
		case '\\':
			i++
			if i == len(s) {
				return "", false
			}
		}
		b.WriteByte(s[i])
	}
	return b.String(), true
}

func dotString(s string) bool {
	for atom := range strings.SplitSeq(s, ".") {
		if atom == "" {
			return false
		}
		for _, r := range atom {
			if !atext(r) {
				return false
			}
		}
	}
	return true
}

func atext(r rune) bool {
	switch {
	case r == 0xfffd:
		return false
	case r >= 0xa0, r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return true
	}
	return strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
}

// safeDomain gives the domain in A-labels (RFC 5890), or the address literal as it is.
func safeDomain(domain string) (string, bool) {
	if strings.HasPrefix(domain, "[") {
		inner, closed := strings.CutSuffix(domain[1:], "]")
		return domain, closed && inner != "" && strings.Trim(inner, "0123456789abcdefABCDEFIPv:.") == ""
	}
	if !ascii(domain) {
		labels, err := idna.Lookup.ToASCII(domain)
		if err != nil {
			return "", false
		}
		domain = labels
	}
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, letterDigitHyphen) != "" {
			return "", false
		}
	}
	return domain, true
}

// The underscore is in no host name, but in some domains that receive mail.
const letterDigitHyphen = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// xtext is RFC 3461 §4: what is no printable ASCII, and + and =, becomes +XX.
func xtext(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c < '!' || c > '~' || c == '+' || c == '=' {
			fmt.Fprintf(&b, "+%02X", c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// orcpt is the value of ORCPT: type, semicolon, address. With SMTPUTF8 an address may
// be written as it is, but for a few characters (utf-8-addr-unitext, RFC 6533 §3); without it,
// each character over 127 becomes \x{…} (utf-8-addr-xtext).
func orcpt(address string, smtputf8 bool) string {
	if ascii(address) {
		return "rfc822;" + xtext(address)
	}
	var b strings.Builder
	b.WriteString("utf-8;")
	for _, r := range address {
		escape := r < '!' || r == 0x7f || r == '+' || r == '=' || r == '\\' || r > 0x7f && !smtputf8
		if escape {
			fmt.Fprintf(&b, `\x{%02X}`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}
