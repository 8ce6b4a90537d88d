package compose

import (
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"

	"vaguemestre/gateway"
	"vaguemestre/gateway/message"
)

// headerOf is every field of a letter but MIME-Version and Content-Type. Nothing comes from the
// header that the agent's client wrote.
func headerOf(c gateway.Courier, r gateway.Recipient, a Addresses, zone *time.Location) (string, error) {
	to, err := mailbox(r.Address)
	if err != nil {
		return "", err
	}
	if !isMessageID(r.MessageID) {
		return "", fmt.Errorf("compose: unusable Message-ID %q", r.MessageID)
	}
	replyTo, err := mailbox(a.ReplyTo)
	if err != nil {
		return "", errors.New("compose: unusable reply address")
	}
	from, err := mailbox("courrier@" + c.Composition.Domain)
	if err != nil {
		return "", errors.New("compose: unusable domain")
	}
	var b strings.Builder
	field := func(name, value string) { b.WriteString(name + ": " + value + "\r\n") }
	field("From", phrase(firstOf(c.Context.PublicBody, c.Context.PurchasingEntity, c.AuthorName), len("From: "))+from)
	field("To", to)
	field("Reply-To", replyTo)
	field("Subject", message.EncodeWords(subject(c), len("Subject: ")))
	field("Date", dateOf(c, zone))
	field("Message-ID", r.MessageID)
	if refs := references(a.References, c.Composition.Domain); refs != "" {
		field("References", refs)
	}
	field("Content-Language", language(c.Context.Language))
	return b.String(), nil
}

func subject(c gateway.Courier) string {
	return firstOf(c.Subject, c.TypeLabel, c.Context.Reference)
}

func dateOf(c gateway.Courier, zone *time.Location) string {
	return c.Composition.Date.In(zone).Format(time.RFC1123Z)
}

func firstOf(words ...string) string {
	for _, w := range words {
		if w = oneLine(w); w != "" {
			return w
		}
	}
	return ""
}

// wrappedHeader is the header of a signed or encrypted message within ours: who wrote it, which mail
// clients compare with the signature, and what about; no more.
func wrappedHeader(c gateway.Courier, zone *time.Location) string {
	from, err := mailbox(c.AuthorAddr)
	if err != nil {
		from = "<courrier@" + c.Composition.Domain + ">"
	}
	return "From: " + phrase(c.AuthorName, len("From: ")) + from + "\r\n" +
		"Subject: " + message.EncodeWords(subject(c), len("Subject: ")) + "\r\n" +
		"Date: " + dateOf(c, zone) + "\r\n"
}

// phrase is a display name before an address, on lines of its own when it is long.
func phrase(name string, first int) string {
	text := message.EncodePhrase(oneLine(name), first)
	switch {
	case text == "":
		return ""
	case len(text) > 60:
		return text + "\r\n "
	}
	return text + " "
}

// mailbox is an address in angle brackets, its local part quoted when it has to be, its domain in
// ASCII where the local part is (RFC 5890); an address whose local part is not ASCII goes as UTF-8
// (RFC 6532), to relays that speak it.
func mailbox(address string) (string, error) {
	at := strings.LastIndexByte(address, '@')
	if at < 1 || at == len(address)-1 || len(address) > 320 || !utf8.ValidString(address) ||
		strings.ContainsFunc(address, func(r rune) bool { return unicode.IsControl(r) || r == 0x2028 || r == 0x2029 }) {
		return "", unusable(address)
	}
	local, domain := address[:at], address[at+1:]
	if isASCII(local) && !isASCII(domain) {
		ascii, err := idna.Lookup.ToASCII(domain)
		if err != nil {
			return "", unusable(address)
		}
		domain = ascii
	}
	if strings.ContainsAny(domain, " \"<>(),;:\\@[]") {
		return "", unusable(address)
	}
	return (&mail.Address{Address: local + "@" + domain}).String(), nil
}

func unusable(address string) error {
	f := gateway.Refuse(550, [3]int{5, 1, 3}, "refuse.compose.recipient", map[string]any{"Address": oneLine(address)})
	f.Op = "compose"
	return f
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// isMessageID tells a msg-id as we make them: printable ASCII in angle brackets.
func isMessageID(id string) bool {
	if len(id) < 5 || len(id) > 250 || id[0] != '<' || id[len(id)-1] != '>' || strings.Count(id, "@") != 1 {
		return false
	}
	for i := 1; i < len(id)-1; i++ {
		if c := id[i]; c <= ' ' || c >= 0x7f || c == '<' || c == '>' {
			return false
		}
	}
	return true
}

// references keeps our own Message-IDs, the last twenty.
func references(ids []string, domain string) string {
	var own []string
	for _, id := range ids {
		if isMessageID(id) && strings.HasSuffix(strings.ToLower(id), "@"+strings.ToLower(domain)+">") {
			own = append(own, id)
		}
	}
	return strings.Join(own[max(0, len(own)-20):], "\r\n ")
}

// oneLine folds every run of white space and control characters into one space.
func oneLine(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || unicode.IsSpace(r) && r != ' ' || r == 0x2028 || r == 0x2029
	}) &&
		!strings.Contains(s, "  ") && strings.TrimSpace(s) == s {
		return s
	}
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) || unicode.IsSpace(r) && r != '\u00a0' && r != '\u202f'
	}), " ")
}
