package doctor

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
)

// spf looks at who may send for the domain (RFC 7208). The relays' own addresses are tried against the record; a relay often sends
// out from others, which cannot be known here, so that a relay of a private network proves nothing.
func (x *examiner) spf(ctx context.Context) {
	domain := x.Config.Domain
	found, err := x.texts(ctx, domain, "v=spf1")
	switch {
	case err != nil:
		x.skip("spf", domain, "silent", args{"Cause": cause(err)})
		return
	case len(found) == 0:
		x.change("spf", domain, "missing", nil, zoneLine(domain, "v=spf1 "+x.senders()+" -all"))
		return
	case len(found) > 1:
		x.change("spf", domain, "several", args{"Count": len(found)}, "")
		return
	}
	record := oneLine(found[0])
	if strings.Trim(strings.ToLower(record), " ") == "v=spf1 -all" {
		x.change("spf", domain, "nobody", args{"Record": record}, zoneLine(domain, "v=spf1 "+x.senders()+" -all"))
		return
	}
	for _, host := range x.relayHosts() {
		x.mayRelay(ctx, host, record)
	}
}

// relayHosts are the machines of the relays, each once.
func (x *examiner) relayHosts() (hosts []string) {
	seen := map[string]bool{}
	for _, s := range x.Config.Relay.Smarthosts {
		host, _, err := net.SplitHostPort(s.Address)
		if err == nil && !seen[host] {
			seen[host] = true
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// senders are the mechanisms that allow the relays.
func (x *examiner) senders() string {
	var all []string
	for _, host := range x.relayHosts() {
		a, err := netip.ParseAddr(host)
		switch {
		case err != nil:
			all = append(all, "a:"+host)
		case a.Is4():
			all = append(all, "ip4:"+host)
		default:
			all = append(all, "ip6:"+host)
		}
	}
	return strings.Join(all, " ")
}

func (x *examiner) mayRelay(ctx context.Context, host, record string) {
	ctx, done := x.patient(ctx)
	defer done()
	addresses, err := x.addresses(ctx, host)
	if err != nil || len(addresses) == 0 {
		x.skip("spf", host, "unknown", args{"Cause": cause(err), "Record": record})
		return
	}
	for _, a := range addresses {
		if a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() {
			x.skip("spf", host, "private", args{"Address": a.String(), "Record": record})
			return
		}
	}
	w := &spfWalk{x: x, left: spfLookups}
	for _, a := range addresses {
		result, err := w.judge(ctx, a, x.Config.Domain, record)
		switch {
		case errors.Is(err, errTooMany):
			x.change("spf", x.Config.Domain, "deep", args{"Most": spfLookups, "Record": record}, "")
			return
		case err != nil:
			x.skip("spf", host, "unknown", args{"Cause": cause(err), "Record": record})
			return
		case result != '+':
			mechanism := " " + x.senders() + " "
			x.change("spf", host, "refused", args{"Address": a.String(), "Record": record}, zoneLine(x.Config.Domain, "v=spf1"+mechanism+strings.TrimSpace(record[len("v=spf1"):])))
			return
		}
		w.left = spfLookups
	}
	x.ok("spf", host, "fine", args{"Record": record})
}

func (x *examiner) addresses(ctx context.Context, host string) (all []netip.Addr, err error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	found, err := x.Resolver.LookupIPAddr(ctx, host)
	if err != nil && !absent(err) {
		return nil, err
	}
	for _, f := range found {
		if a, ok := netip.AddrFromSlice(f.IP); ok {
			all = append(all, a.Unmap())
		}
	}
	return all, nil
}

// spfLookups is how many questions a record may cost (RFC 7208 §4.6.4).
const spfLookups = 10

var errTooMany = errors.New("the record costs too many questions")

// spfWalk judges an address by a record and those that it includes.
type spfWalk struct {
	x    *examiner
	left int
}

func (w *spfWalk) spend() error {
	if w.left--; w.left < 0 {
		return errTooMany
	}
	return nil
}

// judge gives '+', '-', '~' or '?' (RFC 7208 §4.6). Macros and exists are not followed: they count as no match.
func (w *spfWalk) judge(ctx context.Context, a netip.Addr, domain, record string) (byte, error) {
	redirect := ""
	for _, term := range strings.Fields(strings.ToLower(record))[1:] {
		if to, ok := strings.CutPrefix(term, "redirect="); ok {
			redirect = to
			continue
		}
		if strings.Contains(term, "=") {
			continue
		}
		sign := byte('+')
		if strings.ContainsRune("+-~?", rune(term[0])) {
			sign, term = term[0], term[1:]
		}
		match, err := w.matches(ctx, a, domain, term)
		if err != nil || match {
			return sign, err
		}
	}
	if redirect != "" {
		if err := w.spend(); err != nil {
			return '?', err
		}
		return w.other(ctx, a, redirect)
	}
	return '?', nil
}

// other judges by the record of another domain.
func (w *spfWalk) other(ctx context.Context, a netip.Addr, domain string) (byte, error) {
	found, err := w.x.texts(ctx, domain, "v=spf1")
	if err != nil || len(found) != 1 {
		return '?', err
	}
	return w.judge(ctx, a, domain, found[0])
}

func (w *spfWalk) matches(ctx context.Context, a netip.Addr, domain, term string) (bool, error) {
	name, rest, _ := strings.Cut(term, ":")
	name, length, _ := strings.Cut(name, "/")
	switch name {
	case "all":
		return true, nil
	case "ip4", "ip6":
		return within(a, rest), nil
	case "a", "mx", "include", "exists", "ptr":
		if err := w.spend(); err != nil {
			return false, err
		}
	}
	if rest != "" {
		domain, length, _ = strings.Cut(rest, "/")
	}
	switch name {
	case "include":
		result, err := w.other(ctx, a, domain)
		return result == '+', err
	case "a":
		return w.among(ctx, a, domain, length)
	case "mx":
		found, err := w.x.Resolver.LookupMX(ctx, domain)
		if err != nil && !absent(err) {
			return false, err
		}
		for _, m := range found {
			if in, err := w.among(ctx, a, strings.TrimSuffix(m.Host, "."), length); err != nil || in {
				return in, err
			}
		}
	}
	return false, nil
}

// among tells whether an address is one of a host's, or of a network of that length (IPv4's, then IPv6's) around one.
func (w *spfWalk) among(ctx context.Context, a netip.Addr, host, length string) (bool, error) {
	found, err := w.x.addresses(ctx, host)
	four, six, _ := strings.Cut(length, "//")
	for _, f := range found {
		bits := four
		if f.Is6() {
			bits = six
		}
		if f == a || bits != "" && within(a, f.String()+"/"+bits) {
			return true, err
		}
	}
	return false, err
}

func within(a netip.Addr, network string) bool {
	if p, err := netip.ParsePrefix(network); err == nil {
		return p.Contains(a)
	}
	one, err := netip.ParseAddr(network)
	return err == nil && one == a
}
