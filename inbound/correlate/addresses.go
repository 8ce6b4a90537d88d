package correlate

import (
	"strings"

	"vaguemestre/gateway"
	"vaguemestre/gateway/message"
	"vaguemestre/gateway/token"
)

// The reserved local parts of the gateway's domain (DESIGN §3).
const (
	ownPart     = "courrier"
	noReplyPart = "nepasrepondre"
)

// Domain knows the gateway's addresses and reads the tokens in them.
type Domain struct {
	Name string
	Ring *token.Ring
}

// named is a recipient that a token names.
type named struct {
	kind      token.Kind
	recipient gateway.ID
	where     string // the field it stood in, lower case
}

// delivered lists the fields that say to which address a mail was sent: those that the receiving
// server writes from the envelope, then the author's own.
var delivered = []string{"Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-Delivered-To", "Original-Recipient", "To", "Cc", "Resent-To"}

// sentTo are the addresses of our domain to which a mail was sent, lower case, each with its field.
func (d Domain) sentTo(h message.Header) (addresses, fields []string) {
	for _, field := range delivered {
		for _, a := range h.Addresses(field) {
			address := strings.ToLower(a.Address)
			if d.owns(address) && len(addresses) < 100 {
				addresses, fields = append(addresses, address), append(fields, strings.ToLower(field))
			}
		}
	}
	return addresses, fields
}

// owns tells an address of the gateway.
func (d Domain) owns(address string) bool {
	at := strings.LastIndexByte(address, '@')
	return at > 0 && strings.EqualFold(strings.TrimSuffix(address[at+1:], "."), d.Name)
}

// local is the part before the @, lower case.
func local(address string) string {
	at := strings.LastIndexByte(address, '@')
	return strings.ToLower(address[:max(at, 0)])
}

// tokenIn reads the token of an address of ours: courrier+r-<token>@domain.
func (d Domain) tokenIn(address string) (token.Kind, gateway.ID, bool) {
	rest, ok := strings.CutPrefix(local(address), ownPart+"+")
	if !ok || !d.owns(address) || len(rest) < 3 || rest[1] != '-' {
		return 0, gateway.ID{}, false
	}
	kind := token.Kind(rest[0])
	switch kind {
	case token.Reply, token.Bounce, token.Thread:
	default:
		return 0, gateway.ID{}, false
	}
	id, err := d.Ring.Verify(kind, rest[2:])
	return kind, id, err == nil
}

// canary tells a mail to one of the addresses by which an administrator tries the whole way (vaguemestre doctor --canary). Its token
// keeps others from having their mail set aside.
func (d Domain) canary(h message.Header) bool {
	addresses, _ := d.sentTo(h)
	for _, a := range addresses {
		text, ok := strings.CutPrefix(local(a), ownPart+"+"+string(rune(token.Canary))+"-")
		if !ok {
			continue
		}
		if _, err := d.Ring.Verify(token.Canary, text); err == nil {
			return true
		}
	}
	return false
}

// tokens are the recipients named by the addresses a mail was sent to, then by those of the headers
// that it returns; each recipient and kind once.
func (d Domain) tokens(h message.Header, returned []string) []named {
	addresses, fields := d.sentTo(h)
	for _, a := range returned {
		addresses, fields = append(addresses, a), append(fields, "returned headers")
	}
	var found []named
	seen := map[named]bool{}
	for i, a := range addresses {
		kind, id, ok := d.tokenIn(a)
		key := named{kind: kind, recipient: id}
		if ok && !seen[key] {
			seen[key] = true
			found = append(found, named{kind, id, fields[i]})
		}
	}
	return found
}
