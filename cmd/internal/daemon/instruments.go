package daemon

import (
	"slices"

	"vaguemestre/tracking/console"
)

// instruments shows the console how this process fares with the others: mailboxes, smarthosts, certificates.
type instruments struct{ daemon *Daemon }

// Health implements console.Instruments.
func (i instruments) Health() console.Health {
	d := i.daemon
	var h console.Health
	for _, m := range d.mailboxes.States() {
		h.Mailboxes = append(h.Mailboxes, console.MailboxHealth{Name: m.Account, Said: m.Said, OK: m.OK, Elsewhere: m.Elsewhere, Looked: m.Looked})
	}
	for _, r := range d.relay.States() {
		s := console.SmarthostHealth{Address: r.Address, Down: r.Down, Opened: r.Opened, Failed: r.Failed, Fault: r.Fault, TLS: r.Shown.TLS, Verified: r.Shown.Verified}
		for name := range r.Shown.Extensions {
			s.Extensions = append(s.Extensions, name)
		}
		slices.Sort(s.Extensions)
		if c := r.Shown.Certificate; c != nil {
			s.Ends = c.NotAfter
		}
		h.Smarthosts = append(h.Smarthosts, s)
	}
	for _, c := range d.certificates {
		h.Certificates = append(h.Certificates, console.CertificateHealth{Listener: c.listener, Ends: c.expiry()})
	}
	return h
}
