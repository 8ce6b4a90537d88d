package console

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"vaguemestre/gateway/store"
	"vaguemestre/tracking/web"
)

// Instruments tells how this process fares with others (the daemon).
type Instruments interface{ Health() Health }

// Health is what a process last met of the servers that it works with. Nothing is asked of them to tell it.
type Health struct {
	Mailboxes    []MailboxHealth
	Smarthosts   []SmarthostHealth
	Certificates []CertificateHealth
}

// MailboxHealth is how a mailbox is read.
type MailboxHealth struct {
	Name, Said    string
	OK, Elsewhere bool      // it is read, by this node or another
	Looked        time.Time // the last look through to the end by this process; zero: none
}

// SmarthostHealth is how a smarthost takes mail.
type SmarthostHealth struct {
	Address        string
	Down           bool
	Opened, Failed time.Time // the last connection, and the last failure; zero: none
	Fault          string    // of that failure
	TLS            string    // "TLS 1.3"; empty: none
	Verified       bool
	Extensions     []string  // that it offers (RFC 5321 §4.1.1.1)
	Ends           time.Time // its certificate; zero: none was seen
}

// CertificateHealth is until when a listener's certificate is good.
type CertificateHealth struct {
	Listener string
	Ends     time.Time
}

// As the alerts of deploy/prometheus/rules.yml.
const (
	mailboxSilent    = 15 * time.Minute
	certificateShort = 14 * 24 * time.Hour
	nodeSilent       = time.Minute // a node says how it fares four times as often
)

// healthParts are the mailboxes, the smarthosts and the certificates of this node, one part each, then those of the others.
func (c *Console) healthParts(r *http.Request, v *visit) ([]statePart, error) {
	leases, err := c.d.Store.Leases(r.Context())
	if err != nil {
		return nil, err
	}
	nodes, err := c.d.Store.Nodes(r.Context())
	if err != nil {
		return nil, err
	}
	parts := c.partsOf(v, c.d.Instruments.Health(), leases)
	nodes = slices.DeleteFunc(nodes, func(n store.Node) bool { return n.Name == c.d.Node })
	if len(nodes) == 0 {
		return parts, nil
	}
	parts = ofNode(c.d.Node, parts)
	for _, n := range nodes {
		var h Health
		if err := json.Unmarshal([]byte(n.State), &h); err != nil { // of another version: that it lives is told all the same
			c.o.Logger.Warn("console: what a node says of itself cannot be read", "node", n.Name, "cause", err)
		}
		seen := statePart{Key: "node", Name: n.Name, Measures: []measure{{Key: "seen", Value: c.when(v, n.Seen), Bad: v.now.Sub(n.Seen) > nodeSilent}}}
		parts = append(append(parts, seen), ofNode(n.Name, c.partsOf(v, h, leases))...)
	}
	return parts, nil
}

// ofNode says whose parts they are.
func ofNode(name string, parts []statePart) []statePart {
	for i := range parts {
		parts[i].Node = name
	}
	return parts
}

func (c *Console) partsOf(v *visit, h Health, leases []store.Lease) (parts []statePart) {
	for _, m := range h.Mailboxes {
		parts = append(parts, c.mailboxPart(v, m, leases))
	}
	for _, s := range h.Smarthosts {
		parts = append(parts, c.smarthostPart(v, s))
	}
	var all []measure
	for _, one := range h.Certificates {
		all = append(all, c.ends(v, "listener", one.Listener, one.Ends))
	}
	if len(all) > 0 {
		parts = append(parts, statePart{Key: "certificates", Measures: all})
	}
	return parts
}

// ends says when a certificate ends, and that it is soon.
func (c *Console) ends(v *visit, key, name string, at time.Time) measure {
	return measure{Key: key, Name: name, Value: c.when(v, at), Bad: !at.IsZero() && at.Sub(v.now) < certificateShort, Alert: "VaguemestreCertificateEnds"}
}

func (c *Console) mailboxPart(v *visit, m MailboxHealth, leases []store.Lease) statePart {
	said := m.Said
	if m.OK {
		said = c.site.Text(v.lang, "gateway.mailbox-read")
	}
	p := statePart{Key: "mailbox", Name: m.Name, Measures: []measure{{Key: "state", Value: said, Bad: !m.OK, Alert: "VaguemestreMailboxDisconnected"}}}
	if !m.Elsewhere {
		p.Measures = append(p.Measures, measure{Key: "looked", Value: c.when(v, m.Looked), Bad: !m.Looked.IsZero() && v.now.Sub(m.Looked) > mailboxSilent, Alert: "VaguemestreMailboxSilent"})
	}
	at := slices.IndexFunc(leases, func(l store.Lease) bool { return l.Name == "mailbox:"+m.Name && l.Until.After(v.now) })
	holder := c.site.Text(v.lang, "gateway.mailbox-nobody")
	if at >= 0 {
		holder = leases[at].Owner
	}
	p.Measures = append(p.Measures, measure{Key: "holder", Value: holder, Bad: at < 0, Alert: "VaguemestreMailboxDisconnected"})
	return p
}

func (c *Console) smarthostPart(v *visit, s SmarthostHealth) statePart {
	state := "gateway.smarthost-unknown"
	switch {
	case s.Down:
		state = "gateway.smarthost-down"
	case !s.Opened.IsZero():
		state = "gateway.smarthost-up"
	}
	p := statePart{Key: "smarthost", Name: s.Address, Measures: []measure{
		{Key: "state", Value: c.site.Text(v.lang, state), Bad: s.Down, Alert: "VaguemestreRelayUnreachable"},
		{Key: "opened", Value: c.when(v, s.Opened)},
	}}
	if !s.Failed.IsZero() {
		p.Measures = append(p.Measures, measure{Key: "failed", Value: web.Stamp(v.lang, s.Failed, v.zone())}, measure{Key: "fault", Value: s.Fault})
	}
	if s.Opened.IsZero() {
		return p
	}
	protected := c.site.Text(v.lang, "gateway.none")
	if s.TLS != "" {
		protected = s.TLS + c.site.Text(v.lang, map[bool]string{true: "gateway.verified", false: "gateway.unverified"}[s.Verified])
	}
	reports := slices.Contains(s.Extensions, "DSN")
	p.Measures = append(p.Measures,
		measure{Key: "tls", Value: protected},
		c.ends(v, "certificate", "", s.Ends),
		measure{Key: "reports", Value: c.site.Text(v.lang, map[bool]string{true: "gateway.offered", false: "gateway.not-offered"}[reports]), Bad: !reports, Alert: "VaguemestreReportsMissing"},
		measure{Key: "extensions", Value: cmp.Or(strings.Join(s.Extensions, " "), c.site.Text(v.lang, "gateway.none"))},
	)
	return p
}
