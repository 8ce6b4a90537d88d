package config

import (
	"net/url"
	"strings"
)

func (k *checker) ldap(l LDAP) {
	if l.URL == "" {
		return
	}
	u, err := url.Parse(l.URL)
	if err != nil || u.Scheme != "ldap" && u.Scheme != "ldaps" || u.Host == "" {
		k.say("accounts.ldap.url", "%q is neither ldaps://host nor ldap://host", l.URL)
	}
	switch {
	case l.UserDN != "" && strings.Count(l.UserDN, "%s") != 1:
		k.say("accounts.ldap.user_dn", "must hold %%s once, for the login")
	case l.UserDN == "" && (l.Base == "" || strings.Count(l.Filter, "%s") != 1):
		k.say("accounts.ldap.base", "user_dn is required, or base and a filter that holds %%s once, for the login")
	case l.UserDN == "" && (l.BindDN == "") != (l.BindPassword == ""):
		k.say("accounts.ldap.bind_dn", "bind_dn and bind_password go together")
	}
	k.secret("accounts.ldap.bind_password", l.BindPassword)
	k.file("accounts.ldap.ca", l.CA)
	k.positive("accounts.ldap.timeout", int64(l.Timeout))
}

func (k *checker) notices(n Notices) {
	k.positive("notices.max_bytes", n.MaxBytes)
	if n.UnreadDays < 0 || n.UnreadDays > 90 {
		k.say("notices.unread_after_days", "must be from 0 to 90")
	}
	if n.DigestHour < 0 || n.DigestHour > 23 {
		k.say("notices.digest_hour", "must be from 0 to 23")
	}
}

// reminders has the bounds of gateway/intake/kinds.
func (k *checker) reminders(r Reminders) {
	if r.AfterDays < 0 || r.AfterDays > 365 {
		k.say("reminders.after_days", "must be from 0 (none) to 365")
	}
	if r.Most < 1 || r.Most > 10 {
		k.say("reminders.most", "must be from 1 to 10; after_days = 0 is for none")
	}
}
