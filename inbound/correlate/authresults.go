package correlate

import (
	"strings"

	"github.com/emersion/go-msgauth/authres"
	"golang.org/x/net/publicsuffix"

	"vaguemestre/gateway/message"
)

// Origin is what the receiving server found out about where a mail comes from (RFC 8601).
type Origin struct {
	Passed []string // "dkim=example.org", "spf=example.org", "dmarc=example.org", in the server's order
	Text   string   // the fields as they stand, for the evidence
}

// maxResults bounds the text kept, in octets.
const maxResults = 2 << 10

// ReadOrigin reads the Authentication-Results that a server of ours wrote. Only the topmost run of
// fields with that authserv-id is believed: what stands under it came with the mail (RFC 8601 §5). No id believes nothing.
func ReadOrigin(h message.Header, authserv string) Origin {
	var o Origin
	if authserv == "" {
		return o
	}
	found := false
	for _, f := range h.Fields() {
		switch {
		case f.Is("Authentication-Results"):
			if id, results := parseResults(f.Value()); strings.EqualFold(id, authserv) {
				found = true
				o.add(f.Value(), results)
			} else if found {
				return o
			}
		case found && f.Is("Received"):
			return o
		}
	}
	return o
}

func (o *Origin) add(text string, results []authres.Result) {
	if o.Text != "" {
		o.Text += "\n"
	}
	o.Text += strings.ToValidUTF8(text, "\uFFFD")
	if len(o.Text) > maxResults {
		o.Text = strings.ToValidUTF8(o.Text[:maxResults], "")
	}
	for _, r := range results {
		if len(o.Passed) < 20 {
			o.Passed = append(o.Passed, passed(r)...)
		}
	}
}

// passed names the domains that a result vouches for.
func passed(result authres.Result) []string {
	switch r := result.(type) {
	case *authres.DKIMResult:
		if r.Value == authres.ResultPass {
			return some("dkim", r.Domain, domainOf(r.Identifier))
		}
	case *authres.SPFResult:
		if r.Value == authres.ResultPass {
			return some("spf", domainOf(r.From), r.Helo)
		}
	case *authres.DMARCResult:
		if r.Value == authres.ResultPass {
			return some("dmarc", domainOf(r.From))
		}
	}
	return nil
}

// some is the first domain that is there.
func some(method string, domains ...string) []string {
	for _, d := range domains {
		if d = strings.ToLower(strings.Trim(d, ". ")); d != "" {
			return []string{method + "=" + d}
		}
	}
	return nil
}

func domainOf(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }

// parseResults reads one field; nothing when it cannot be read.
func parseResults(value string) (id string, results []authres.Result) {
	if len(value) > 8<<10 {
		return "", nil
	}
	id, results, err := authres.Parse(value)
	if err != nil {
		id, _, _ = strings.Cut(value, ";")
		id, _, _ = strings.Cut(strings.TrimSpace(id), " ")
		return strings.ToLower(id), nil
	}
	return id, results
}

// Vouches tells whether a check passed for the domain or one of the same organisation (the relaxed
// alignment of RFC 7489 §3.1).
func (o Origin) Vouches(domain string) bool {
	organisation := organisationOf(domain)
	for _, p := range o.Passed {
		_, who, _ := strings.Cut(p, "=")
		if organisation != "" && organisationOf(who) == organisation {
			return true
		}
	}
	return false
}

// organisationOf is the domain that an organisation registered, or "".
func organisationOf(domain string) string {
	registered, err := publicsuffix.EffectiveTLDPlusOne(strings.ToLower(strings.Trim(domain, ".")))
	if err != nil {
		return ""
	}
	return registered
}
