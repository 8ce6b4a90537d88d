package daemon

import (
	"crypto/tls"
	"fmt"
	"slices"

	"vaguemestre/configs"
	"vaguemestre/gateway"
	"vaguemestre/gateway/account"
	"vaguemestre/gateway/account/directory"
	"vaguemestre/gateway/config"
	"vaguemestre/gateway/intake/kinds"
	"vaguemestre/outbound/notice"
)

// newDirectory is nil, an interface that holds nothing, when none is configured.
func newDirectory(l config.LDAP) (account.Directory, error) {
	if l.URL == "" {
		return nil, nil
	}
	password, err := l.BindPassword.Read()
	if err != nil {
		return nil, fmt.Errorf("accounts.ldap.bind_password: %w", err)
	}
	o := directory.Options{
		URL: l.URL, UserDN: l.UserDN, BindDN: l.BindDN, BindPassword: password, Base: l.Base, Filter: l.Filter, Timeout: l.Timeout.Of(),
	}
	if l.CA != "" || l.ServerName != "" { // without either, a server on this machine may do without TLS
		roots, err := Authorities(l.CA)
		if err != nil {
			return nil, fmt.Errorf("accounts.ldap.ca: %w", err)
		}
		o.TLS = &tls.Config{RootCAs: roots, ServerName: l.ServerName, MinVersion: tls.VersionTLS12}
	}
	d, err := directory.New(o)
	if err != nil {
		return nil, fmt.Errorf("accounts.ldap: %w", err)
	}
	return d, nil
}

// newScheduler makes what tells agents of what did not happen, and of their day, and calls again on companies.
func (d *Daemon) newScheduler() (*notice.Scheduler, error) {
	types, err := kinds.Load(configs.Courriers(), d.cfg.Courriers)
	if err != nil {
		return nil, err
	}
	return notice.NewScheduler(notice.Schedule{
		Owner: d.owner(), UnreadDays: d.cfg.Notices.UnreadDays, DigestHour: d.cfg.Notices.DigestHour,
		Reminders: policies(d.cfg.Reminders, types.Types()),
		Zone:      gateway.Consultation{}.Location(), Now: d.now, Logger: d.log,
	}, d.store), nil
}

// policies gathers the types of couriers by what is said of their reminders.
func policies(c config.Reminders, types []gateway.CourierType) (all []notice.Policy) {
	for _, t := range types {
		wanted := gateway.Reminders{AfterDays: c.AfterDays, Most: c.Most}
		if t.Reminders != nil {
			wanted = *t.Reminders
		}
		i := slices.IndexFunc(all, func(p notice.Policy) bool { return p.Reminders == wanted })
		if i < 0 {
			i, all = len(all), append(all, notice.Policy{Reminders: wanted})
		}
		all[i].Types = append(all[i].Types, t.Code)
	}
	return all
}
