package address

import (
	"strings"

	"vaguemestre/gateway"
)

// Kind says what an address in an agent's envelope is.
type Kind int

// The kinds of addresses.
const (
	Free       Kind = iota // a company's
	Control                // names a consultation, with words
	Thread                 // courrier+f-…: answers one of our messages
	Proof                  // preuve+…: asks for a proof
	Postmaster             // postmaster or abuse: for the administrator
)

// Recipient is an address of an agent's envelope, understood.
type Recipient struct {
	Kind    Kind
	Written string
	Mailbox string     // Free: as SMTP carries it
	Wish    Wish       // Control
	Token   string     // Thread: to be verified
	Courier gateway.ID // Proof
}

// Recipient understands one address of an agent's envelope, as written or as unquoted by an SMTP server.
func (g *Grammar) Recipient(raw string) (Recipient, *gateway.Fault) {
	r := Recipient{Written: raw}
	if strings.EqualFold(raw, postmaster) { // RFC 5321 §4.5.1: without a domain
		r.Kind = Postmaster
		return r, nil
	}
	if !g.ours(raw[strings.LastIndexByte(raw, '@')+1:]) {
		var fault *gateway.Fault
		r.Mailbox, fault = Mailbox(raw)
		return r, fault
	}
	// A quoted reference may keep its spaces ("TESTESR 2020"@…): they fold to hyphens like every other stray character.
	local, _, fault := split(strings.ReplaceAll(raw, " ", "-"))
	if fault != nil {
		return r, fault
	}
	if len(local) > MaxLocal {
		return r, refuse("refuse.local-too-long", "Address", Shown(raw), "Length", len(local), "Max", MaxLocal)
	}
	return g.local(r, local)
}

func (g *Grammar) ours(domain string) bool {
	domain = strings.TrimSuffix(domain, ".")
	if strings.EqualFold(domain, g.domain) {
		return true
	}
	ascii, fault := asciiDomain(domain)
	return fault == nil && ascii == g.domain
}

func (g *Grammar) local(r Recipient, local string) (Recipient, *gateway.Fault) {
	name, words, worded := strings.Cut(local, "+")
	switch folded := Fold(name); folded {
	case "":
		return r, refuse("refuse.no-name", "Address", Shown(r.Written), "Domain", g.domain)
	case postmaster, abuse:
		r.Kind = Postmaster
		return r, nil
	case noReply:
		return r, refuse("refuse.no-reply-address", "Address", Shown(r.Written))
	case courrier:
		return g.courrier(r, strings.ToLower(words))
	case preuve:
		return g.proof(r, strings.ToLower(words))
	default:
		return g.control(r, folded, words, worded)
	}
}

func (g *Grammar) courrier(r Recipient, token string) (Recipient, *gateway.Fault) {
	if text, ok := strings.CutPrefix(token, "f-"); ok {
		r.Kind, r.Token = Thread, text
		return r, nil
	}
	if token == "" || strings.HasPrefix(token, "r-") || strings.HasPrefix(token, "b-") {
		return r, refuse("refuse.not-for-agents", "Address", Shown(r.Written))
	}
	return r, refuse("refuse.unknown-own-address", "Address", Shown(r.Written))
}

func (g *Grammar) proof(r Recipient, text string) (Recipient, *gateway.Fault) {
	id, err := gateway.ParseID(text)
	if err != nil || id.IsZero() {
		const example = "aguo4hq5vn3tkabcdefghijkl4"
		return r, refuse("refuse.bad-proof-address", "Example", example, "Domain", g.domain)
	}
	r.Kind, r.Courier = Proof, id
	return r, nil
}

func (g *Grammar) control(r Recipient, name, words string, worded bool) (Recipient, *gateway.Fault) {
	var list []string
	if worded {
		list = strings.Split(words, "+")
	}
	wish, fault := g.Words(FromAddress, list...)
	if fault != nil {
		return r, fault
	}
	register, rest := splitRegister(name)
	if wish.Name = Fold(rest); wish.Name == "" {
		return r, refuse("refuse.no-name", "Address", Shown(r.Written), "Domain", g.domain)
	}
	if register != "" {
		wish.Registers = []gateway.Register{register}
		if second, _ := splitRegister(wish.Name); second != "" {
			return r, refuse("refuse.two-registers", "Address", Shown(r.Written), "Registers", []string{string(register), string(second)})
		}
	}
	if register != "" && len(wish.Companies) > 0 {
		return r, refuse("refuse.group-and-company", "Address", Shown(r.Written))
	}
	r.Kind, r.Wish = Control, wish
	return r, nil
}

// Format writes a wish as an address. It is not ok when the wish names no consultation or several
// registers, when it bears an instant (no word carries a zone), or when the local part would pass its 64 octets.
func (g *Grammar) Format(w Wish) (string, bool) {
	if !Fits(w.Name) || len(w.Registers) > 1 || !w.By.Instant.IsZero() {
		return "", false
	}
	local := w.Name
	if len(w.Registers) == 1 {
		if len(w.Companies) > 0 {
			return "", false
		}
		local = string(w.Registers[0]) + "." + local
	}
	for _, word := range w.words() {
		local += "+" + word
	}
	return local + "@" + g.domain, len(local) <= MaxLocal
}
