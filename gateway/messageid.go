package gateway

import "strings"

// MessageID is the Message-ID of a recipient's letter (RFC 5322 §3.6.4), with its angle brackets: `<recipient id@domain>`. Every
// attempt bears it. It is a name, not a proof.
func MessageID(recipient ID, domain string) string {
	return "<" + recipient.String() + "@" + domain + ">"
}

// NamedByMessageID is the recipient whose letter could bear a Message-ID; false when it is none of this form.
func NamedByMessageID(messageID string) (recipient ID, ok bool) {
	local, domain, found := strings.Cut(messageID, "@")
	name, opened := strings.CutPrefix(local, "<")
	if !found || !opened || !strings.HasSuffix(domain, ">") {
		return ID{}, false
	}
	recipient, err := ParseID(name)
	return recipient, err == nil
}
