// Package kit brings the gateway's addresses into an agent's habits: an address book that any mail client imports
// (vCard 4, RFC 6350; LDIF, RFC 2849; Thunderbird's CSV), and mailto links (RFC 6068) that open the agent's own client with
// address, subject and model filled in.
//
// It is pure. It promises that every address it gives is one that the grammar reads back as it was meant; that no name,
// whatever it holds, can break a file or a link; and that no link passes MaxMailto characters. It keeps nothing: a crash
// leaves nothing.
package kit

import (
	"fmt"

	"vaguemestre/gateway"
	"vaguemestre/gateway/address"
	"vaguemestre/gateway/catalog"
)

// About is one consultation of an agent, with its companies.
type About struct {
	Consultation gateway.Consultation
	Companies    []gateway.Company
}

// Entry is one address of a book.
type Entry struct {
	Name    string // as the client completes it: "TESTESR2020 | Courrier de rejet"
	Address string
	Group   string // the consultation's reference
	Note    string // its title
}

// Book lists the addresses of the consultations: each by itself, with each type, for each register that has companies, and
// for each company. What has no address of at most 64 octets is left out.
func Book(g *address.Grammar, language string, types []gateway.CourierType, all []About) []Entry {
	var book []Entry
	for _, about := range all {
		c := about.Consultation
		add := func(label string, w address.Wish) {
			w.Name = c.Address
			text, ok := g.Format(w)
			if !ok {
				return
			}
			name := c.Reference
			if label != "" {
				name += " | " + label
			}
			book = append(book, Entry{Name: name, Address: text, Group: c.Reference, Note: c.Title})
		}
		add("", address.Wish{})
		for _, t := range types {
			add(t.Name(language), address.Wish{Type: t.Code})
		}
		for _, r := range filled(about.Companies) {
			add(catalog.Text(language, "register."+string(r), nil), address.Wish{Registers: []gateway.Register{r}})
		}
		for _, company := range about.Companies {
			add(company.Name, address.Wish{Companies: []string{company.Ref}})
		}
	}
	return book
}

// filled lists the registers that have companies.
func filled(companies []gateway.Company) (registers []gateway.Register) {
	has := map[gateway.Register]bool{}
	for _, c := range companies {
		for _, r := range c.Registers {
			has[r] = true
		}
	}
	for _, r := range gateway.Registers() {
		if has[r] {
			registers = append(registers, r)
		}
	}
	return registers
}

// Model is what a link fills in.
type Model struct {
	To      string
	Subject string
	Body    string
	// Cut stands in the place of what is left out of a body that is too long.
	Cut string
}

// Control is the address of a consultation and type, for the type's usual register when it has companies.
func Control(g *address.Grammar, about About, t gateway.CourierType) (string, error) {
	w := address.Wish{Name: about.Consultation.Address, Type: t.Code}
	for _, r := range filled(about.Companies) {
		if r == t.UsualRegister {
			w.Registers = []gateway.Register{r}
			if text, ok := g.Format(w); ok {
				return text, nil
			}
			w.Registers = nil
		}
	}
	text, ok := g.Format(w)
	if !ok {
		return "", fmt.Errorf("no address says %s of %s", t.Code, about.Consultation.Reference)
	}
	return text, nil
}
