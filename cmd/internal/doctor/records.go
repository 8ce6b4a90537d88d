package doctor

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"

	"vaguemestre/gateway/config"
	"vaguemestre/outbound/relay"
)

// texts gives the TXT records of a name that begin with a version; none is no error.
func (x *examiner) texts(ctx context.Context, name, version string) (found []string, err error) {
	ctx, done := x.patient(ctx)
	defer done()
	all, err := x.Resolver.LookupTXT(ctx, name)
	if err != nil && !absent(err) {
		return nil, err
	}
	for _, text := range all {
		first, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(text)), ";")
		if strings.TrimSpace(first) == version || strings.HasPrefix(strings.ToLower(text), version+" ") || version == "" {
			found = append(found, text)
		}
	}
	return found, nil
}

// absent tells the answer "there is none" from the want of an answer.
func absent(err error) bool {
	var d *net.DNSError
	return errors.As(err, &d) && d.IsNotFound
}

// tags reads "a=b; c=d" (RFC 6376 §3.2): names in lower case, folding white space gone.
func tags(record string) map[string]string {
	all := map[string]string{}
	for part := range strings.SplitSeq(record, ";") {
		name, value, ok := strings.Cut(part, "=")
		if ok {
			all[strings.ToLower(strings.TrimSpace(name))] = strings.Join(strings.Fields(value), "")
		}
	}
	return all
}

// maxString is the longest string of a TXT record, in octets (RFC 1035 §3.3).
const maxString = 255

// zoneLine is a TXT record as it stands in a zone file, in strings that fit.
func zoneLine(name, text string) string {
	var quoted []string
	for len(text) > 0 {
		n := min(len(text), maxString)
		quoted = append(quoted, `"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text[:n])+`"`)
		text = text[n:]
	}
	if len(quoted) == 1 {
		return fmt.Sprintf("%s. IN TXT %s", name, quoted[0])
	}
	return fmt.Sprintf("%s. IN TXT ( %s )", name, strings.Join(quoted, " "))
}

// dkim compares each published key with ours (RFC 6376 §3.6.1).
func (x *examiner) dkim(ctx context.Context) {
	if len(x.Config.DKIM) == 0 {
		x.change("dkim", x.Config.Domain, "none", args{"Domain": x.Config.Domain}, "")
	}
	for _, d := range x.Config.DKIM {
		domain := d.Domain
		if domain == "" {
			domain = x.Config.Domain
		}
		text, err := os.ReadFile(d.Key)
		if err != nil {
			x.change("dkim", d.Key, "unreadable", args{"Cause": cause(err)}, "")
			continue
		}
		signer, err := relay.ParseKey(text)
		if err != nil {
			x.change("dkim", d.Key, "unreadable", args{"Cause": cause(err)}, "")
			continue
		}
		x.published(ctx, relay.Key{Domain: domain, Selector: d.Selector, Signer: signer})
	}
}

func (x *examiner) published(ctx context.Context, k relay.Key) {
	name := k.Selector + "._domainkey." + k.Domain
	want, err := k.Record()
	if err != nil {
		x.change("dkim", name, "unreadable", args{"Cause": cause(err)}, "")
		return
	}
	record := zoneLine(name, want)
	found, err := x.texts(ctx, name, "")
	if err != nil {
		x.skip("dkim", name, "silent", args{"Cause": cause(err)})
		return
	}
	code, a := judgeKey(found, tags(want)["p"], k)
	if code == "fine" {
		x.ok("dkim", name, code, a)
		return
	}
	if code == "short" {
		record = "" // the same key again is no remedy
	}
	x.change("dkim", name, code, a, record)
}

// strong is how many bits an RSA key should have (RFC 8301 §3.2).
const strong = 2048

// judgeKey names what is the matter with the records of a key.
func judgeKey(found []string, want string, k relay.Key) (code string, a args) {
	if len(found) == 0 {
		return "missing", nil
	}
	if len(found) > 1 {
		return "several", args{"Count": len(found)}
	}
	t := tags(found[0])
	kind := "ed25519"
	bits := 0
	if key, ok := k.Signer.Public().(*rsa.PublicKey); ok {
		kind, bits = "rsa", key.N.BitLen()
	}
	listed := func(tag, value string) bool {
		return t[tag] == "" || slices.Contains(strings.Split(t[tag], ":"), value) || slices.Contains(strings.Split(t[tag], ":"), "*")
	}
	published := t["k"]
	if published == "" {
		published = "rsa"
	}
	switch {
	case t["v"] != "" && t["v"] != "DKIM1" || !slices.Contains(strings.Split(published, ":"), kind) || !listed("h", "sha256") || !listed("s", "email"):
		return "unfit", args{"Record": oneLine(found[0])}
	case t["p"] == "":
		return "revoked", nil
	case t["p"] != want:
		return "other", nil
	case slices.Contains(strings.Split(t["t"], ":"), "y"):
		return "testing", nil
	case bits > 0 && bits < strong:
		return "short", args{"Bits": bits}
	}
	return "fine", args{"Kind": kind, "Bits": bits}
}

// dmarc looks for a policy at the domain, then above it, where most have theirs (RFC 7489 §6.6.3; without a list of public
// suffixes, every domain of two labels or more above is asked).
func (x *examiner) dmarc(ctx context.Context) {
	domain := x.Config.Domain
	proposal := zoneLine("_dmarc."+domain, "v=DMARC1; p=none; rua=mailto:"+x.Config.Couriers.Postmaster)
	for at := domain; strings.Contains(at, "."); _, at, _ = strings.Cut(at, ".") {
		name := "_dmarc." + at
		found, err := x.texts(ctx, name, "v=dmarc1")
		switch {
		case err != nil:
			x.skip("dmarc", name, "silent", args{"Cause": cause(err)})
			return
		case len(found) > 1:
			x.change("dmarc", name, "several", args{"Count": len(found)}, "")
			return
		case len(found) == 1:
			x.alignment(name, found[0], at != domain)
			return
		}
	}
	x.change("dmarc", "_dmarc."+domain, "missing", nil, proposal)
}

// alignment judges whether our mail passes the policy: From and envelope sender are of the gateway's domain, so that SPF is aligned;
// DKIM is when a key signs for it (RFC 7489 §3.1).
func (x *examiner) alignment(name, record string, above bool) {
	t := tags(record)
	policy := t["p"]
	if above && t["sp"] != "" {
		policy = t["sp"]
	}
	a := args{"Policy": policy, "Record": oneLine(record), "Domain": x.Config.Domain}
	aligned := slices.ContainsFunc(x.Config.DKIM, func(d config.DKIM) bool {
		return d.Domain == "" || d.Domain == x.Config.Domain || t["adkim"] != "s" && strings.HasSuffix(x.Config.Domain, "."+d.Domain)
	})
	switch {
	case policy != "none" && policy != "quarantine" && policy != "reject":
		x.change("dmarc", name, "unfit", a, "")
	case !aligned:
		x.change("dmarc", name, "unaligned", a, "")
	case policy == "none":
		x.ok("dmarc", name, "none", a)
	default:
		x.ok("dmarc", name, "fine", a)
	}
}

// mx looks at who receives the domain's mail: reports and answers come that way.
func (x *examiner) mx(ctx context.Context) {
	domain := x.Config.Domain
	asking, done := x.patient(ctx)
	defer done()
	found, err := x.Resolver.LookupMX(asking, domain)
	switch {
	case err != nil && !absent(err):
		x.skip("mx", domain, "silent", args{"Cause": cause(err)})
		return
	case len(found) == 0:
		x.change("mx", domain, "missing", nil, domain+". IN MX 10 mx.example.fr.")
		return
	case slices.ContainsFunc(found, func(m *net.MX) bool { return m.Host == "." || m.Host == "" }):
		x.change("mx", domain, "null", nil, "") // RFC 7505
		return
	}
	var hosts []string
	for _, m := range found {
		host := strings.TrimSuffix(m.Host, ".")
		if _, err := x.Resolver.LookupIPAddr(asking, host); absent(err) {
			x.change("mx", domain, "lost", args{"Host": host}, "")
			return
		}
		hosts = append(hosts, host)
	}
	x.ok("mx", domain, "fine", args{"Hosts": hosts})
}
