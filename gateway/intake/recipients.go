package intake

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/address"
	"vaguemestre/gateway/catalog"
)

// expanded: groups and companies become addresses, each once, and there is at least one.
func (x *exam) expanded(ctx context.Context) ([]*gateway.Fault, error) {
	var all []target
	var faults []*gateway.Fault
	for _, register := range x.wish.Registers {
		companies, err := x.in.d.Store.Companies(ctx, x.consultation.ID, register)
		if err != nil {
			return nil, fmt.Errorf("read a register: %w", err)
		}
		if len(companies) == 0 {
			label := catalog.Text(x.in.o.Language, "register."+string(register), nil)
			faults = append(faults, refuse("refuse.empty-register", "Register", label, "Reference", x.consultation.Reference))
		}
		for _, c := range companies {
			all = append(all, targetsOf(c, register)...)
		}
	}
	for _, ref := range x.wish.Companies {
		c, err := x.in.d.Store.CompanyByRef(ctx, x.consultation.ID, ref)
		switch {
		case absent(err):
			fault, err := x.unknownCompany(ctx, ref)
			if err != nil {
				return nil, err
			}
			faults = append(faults, fault)
		case err != nil:
			return nil, fmt.Errorf("read a company: %w", err)
		default:
			all = append(all, targetsOf(c, "")...)
		}
	}
	all = append(all, x.answered...)
	free, err := x.byHand(ctx)
	if err != nil {
		return nil, err
	}
	return append(faults, x.gather(append(all, free...))...), nil
}

// byHand are the addresses typed by hand. One that a company of the consultation has is that company's; one that several
// have is nobody's: nothing is guessed.
func (x *exam) byHand(ctx context.Context) ([]target, error) {
	owners, err := x.in.d.Store.CompaniesAt(ctx, x.consultation.ID, x.free...)
	if err != nil {
		return nil, fmt.Errorf("look for the companies of addresses: %w", err)
	}
	all := make([]target, len(x.free))
	for i, free := range x.free {
		all[i] = target{address: free}
		var own []gateway.Company
		for _, c := range owners {
			if slices.ContainsFunc(c.Addresses, func(a string) bool { return address.Key(a) == address.Key(free) }) {
				own = append(own, c)
			}
		}
		if len(own) == 1 {
			all[i].company, all[i].name = own[0].ID, own[0].Name
		}
	}
	return all, x.recall(ctx)
}

func targetsOf(c gateway.Company, register gateway.Register) []target {
	targets := make([]target, len(c.Addresses))
	for i, a := range c.Addresses {
		targets[i] = target{address: a, company: c.ID, name: c.Name, register: register}
	}
	return targets
}

// gather checks and merges: an address met twice is one recipient, known by where it was met first.
func (x *exam) gather(all []target) (faults []*gateway.Fault) {
	seen := make(map[string]bool, len(all))
	for _, t := range all {
		mailbox, fault := x.in.grammar.Company(t.address)
		if fault != nil {
			faults = append(faults, fault)
			continue
		}
		if key := address.Key(mailbox); !seen[key] {
			seen[key] = true
			t.address = mailbox
			x.targets = append(x.targets, t)
		}
	}
	switch n := len(x.targets); {
	case n == 0 && len(faults) == 0 && x.wish.Action != address.Model:
		example := "retraits." + x.consultation.Address + "@" + x.in.o.Domain
		return one(refuse("refuse.no-recipient", "Example", example))
	case n > x.in.o.MaxRecipients:
		return one(refuse("refuse.too-many-recipients", "Count", n, "Max", x.in.o.MaxRecipients))
	}
	return faults
}

func (x *exam) unknownCompany(ctx context.Context, ref string) (*gateway.Fault, error) {
	companies, err := x.in.d.Store.Companies(ctx, x.consultation.ID, "")
	if err != nil {
		return nil, fmt.Errorf("read the registers: %w", err)
	}
	known := make([]string, len(companies))
	for i, c := range companies {
		known[i] = c.Ref
	}
	near := address.Near(ref, known)
	for i := range near {
		near[i] = "e-" + near[i]
	}
	return refuse("refuse.unknown-company", "Word", "e-"+address.Shown(ref), "Reference", x.consultation.Reference, "Near", near), nil
}

// Looking at the DNS is a courtesy: bounded, and a failure of it refuses nobody.
const (
	lookupTime = 3 * time.Second
	maxLookups = 20
)

// reachable: the domain of a free address does not say that it takes no mail (RFC 7505).
func (x *exam) reachable(ctx context.Context) (faults []*gateway.Fault, err error) {
	if x.in.d.Resolver == nil {
		return nil, nil
	}
	asking, cancel := context.WithTimeout(ctx, lookupTime)
	defer cancel()
	var asked []string
	for _, t := range x.targets {
		domain := t.address[strings.LastIndexByte(t.address, '@')+1:]
		if !t.company.IsZero() || slices.Contains(asked, domain) || len(asked) == maxLookups {
			continue
		}
		asked = append(asked, domain)
		if found, err := x.in.d.Resolver.LookupMX(asking, domain); err == nil && nullMX(found) {
			faults = append(faults, refuse("refuse.null-mx", "Address", t.address))
		}
	}
	if len(faults) > 0 {
		again, err := x.retried(ctx)
		if err != nil || again {
			return nil, err
		}
	}
	return faults, nil
}

func nullMX(found []*net.MX) bool {
	return len(found) == 1 && (found[0].Host == "." || found[0].Host == "")
}

// recipients are the targets as they would be stored. Their identifiers sort, as text, in the order
// in which the agent named them: the store lists them so.
func (x *exam) recipients(courier gateway.ID) []gateway.Recipient {
	ids := make([]gateway.ID, len(x.targets))
	for i := range ids {
		ids[i] = gateway.NewID(x.now)
	}
	slices.SortFunc(ids, func(a, b gateway.ID) int { return strings.Compare(a.String(), b.String()) })
	all := make([]gateway.Recipient, len(x.targets))
	for i, t := range x.targets {
		all[i] = gateway.Recipient{
			ID: ids[i], Courier: courier, Address: t.address, Company: t.company, CompanyName: t.name, Register: t.register,
			MessageID: gateway.MessageID(ids[i], x.in.o.Domain),
		}
	}
	return all
}
