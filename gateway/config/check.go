package config

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
)

// Check says everything that cannot work, each with what to change. Files are opened and
// secrets read, so that a daemon that starts does not meet them missing later. No network is used.
func (c Config) Check() Problems {
	var k checker
	k.domain(c)
	k.log(c.Log)
	k.store(c)
	k.submission(c.Submission)
	k.bounds(c)
	k.ldap(c.Accounts.LDAP)
	k.notices(c.Notices)
	k.reminders(c.Reminders)
	k.oauth(c.OAuth)
	k.relay(c.Relay, c.OAuth)
	k.dkim(c.DKIM)
	k.mailboxes(c.Mailboxes, c.OAuth)
	k.theme(c.Theme)
	k.clamd(c.Clamd)
	k.link(c.Link)
	k.answers(c.Answers)
	k.proof(c)
	k.listen("metrics.listen", c.Metrics.Listen, true)
	k.listen("api.listen", c.API.Listen, true)
	k.pair("api.certificate", c.API.Certificate, c.API.Key)
	if a := c.API; a.Listen != "" && a.Certificate == "" && !loopback(a.Listen) {
		k.say("api.certificate", "certificate and key are required to listen on %s: keys of the platform would travel in clear", a.Listen)
	}
	k.positive("api.requests_per_minute", int64(c.API.PerMinute))
	k.console(c.Console)
	return k.problems
}

type checker struct{ problems Problems }

func (k *checker) say(key, format string, args ...any) {
	k.problems = append(k.problems, Problem{Key: key, Advice: fmt.Sprintf(format, args...)})
}

func (k *checker) domain(c Config) {
	switch {
	case c.Domain == "":
		k.say("domain", "is required: the mail domain of the gateway's addresses, such as courrier.example.fr")
	case strings.ContainsAny(c.Domain, "@ \t/:") || strings.ToLower(c.Domain) != c.Domain || strings.HasPrefix(c.Domain, ".") || strings.HasSuffix(c.Domain, "."):
		k.say("domain", "%q is no lower-case domain name", c.Domain)
	case len(c.Domain) > 189: // a path is at most 256 octets (RFC 5321 §4.5.3.1.3): 64 for the local part
		k.say("domain", "is too long: %d octets, at most 189", len(c.Domain))
	}
	if c.DataDir == "" {
		k.say("data_dir", "is required: the folder where everything is kept")
	}
	if c.Courriers != "" {
		if info, err := os.Stat(c.Courriers); err != nil || !info.IsDir() {
			k.say("courier_types", "is not a folder that can be read: %s", c.Courriers)
		}
	}
}

func (k *checker) oneOf(key, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		k.say(key, "%q is not one of: %s", value, strings.Join(allowed, ", "))
	}
}

func (k *checker) positive(key string, v int64) {
	if v <= 0 {
		k.say(key, "must be more than 0")
	}
}

func (k *checker) log(l Log) {
	k.oneOf("log.level", l.Level, "debug", "info", "warn", "error")
	k.oneOf("log.format", l.Format, "text", "json")
}

func (k *checker) store(c Config) {
	s := c.Store
	k.oneOf("store.driver", s.Driver, "sqlite", "postgres")
	switch {
	case s.Driver == "postgres" && s.DSN == "":
		k.say("store.dsn", "is required with postgres: where the connection string is (file:/path)")
	case s.Driver == "sqlite" && s.DSN != "":
		k.say("store.dsn", "goes with postgres; SQLite keeps its file in data_dir: remove it")
	}
	k.secret("store.dsn", s.DSN)
	if s.Inline < 0 || s.Inline > 1<<20 {
		k.say("store.inline_bytes", "must be between 0 and 1048576: larger contents belong in files")
	}
	k.positive("store.sweep_after", int64(s.SweepAfter))
	k.positive("store.connections", int64(s.Connections))
}

// secret holds that a secret is where it is said to be. A credential of the service's is judged by the service alone: commands that need no
// password do their work beside it.
func (k *checker) secret(key string, s Secret) {
	if _, err := s.Read(); err != nil && !s.elsewhere() {
		k.say(key, "%v", err)
	}
}

func (k *checker) listen(key, address string, optional bool) {
	if address == "" {
		if !optional {
			k.say(key, "is required: an address to listen on, such as 127.0.0.1:8025")
		}
		return
	}
	if _, _, err := net.SplitHostPort(address); err != nil {
		k.say(key, "%q is no host:port", address)
	}
}

func (k *checker) pair(what, certificate, key string) {
	if (certificate == "") != (key == "") {
		k.say(what, "certificate and key go together: give both or none")
		return
	}
	if certificate == "" {
		return
	}
	if _, err := tls.LoadX509KeyPair(certificate, key); err != nil {
		k.say(what, "certificate or key cannot be used: %v", err)
	}
}

func (k *checker) submission(s Submission) {
	k.listen("submission.starttls_listen", s.StartTLS, true)
	k.listen("submission.tls_listen", s.TLS, true)
	if s.StartTLS != "" || s.TLS != "" {
		if s.Certificate == "" || s.Key == "" {
			k.say("submission.certificate", "certificate and key are required: agents log in over TLS only")
		}
	}
	k.pair("submission.certificate", s.Certificate, s.Key)
}

func (k *checker) bounds(c Config) {
	s, m := c.Submission, c.Couriers
	for _, b := range []struct {
		key string
		v   int64
	}{
		{"submission.max_bytes", s.MaxBytes}, {"submission.max_recipients", int64(s.MaxRecipients)},
		{"submission.max_header_bytes", s.MaxHeaderBytes}, {"submission.max_connections", int64(s.MaxConnections)},
		{"submission.max_sessions_per_address", int64(s.MaxPerAddress)}, {"submission.max_failed_logins", int64(s.MaxFailedLogins)},
		{"submission.max_commands", int64(s.MaxCommands)}, {"submission.max_line", int64(s.MaxLine)},
		{"submission.max_command_line", int64(s.MaxCommandLine)}, {"submission.handshake_timeout", int64(s.HandshakeTimeout)},
		{"submission.login_timeout", int64(s.LoginTimeout)}, {"submission.block_timeout", int64(s.BlockTimeout)},
		{"submission.submit_timeout", int64(s.SubmitTimeout)}, {"submission.write_timeout", int64(s.WriteTimeout)},
		{"submission.linger_timeout", int64(s.LingerTimeout)}, {"accounts.lock_address_after", int64(c.Accounts.LockAddress)},
		{"accounts.delay", int64(c.Accounts.Delay)}, {"accounts.longest_delay", int64(c.Accounts.LongestDelay)}, {"submission.command_timeout", int64(s.CommandTimeout)},
		{"submission.data_timeout", int64(s.DataTimeout)}, {"submission.session_timeout", int64(s.SessionTimeout)},
		{"submission.drain_timeout", int64(s.DrainTimeout)},
		{"accounts.remember", int64(c.Accounts.Remember)}, {"accounts.lock_after", int64(c.Accounts.LockAfter)},
		{"accounts.lock_for", int64(c.Accounts.LockFor)}, {"accounts.hashing_at_once", int64(c.Accounts.Hashing)},
		{"couriers.max_plain_bytes", m.MaxPlain}, {"couriers.max_acknowledged_bytes", m.MaxAcknowledged},
		{"couriers.max_mime_depth", int64(m.MaxDepth)}, {"couriers.max_mime_parts", int64(m.MaxParts)},
		{"queue.workers", int64(c.Queue.Workers)}, {"queue.lifetime", int64(c.Queue.Lifetime)},
		{"queue.lease", int64(c.Queue.Lease)}, {"queue.grace", int64(c.Queue.Grace)},
		{"ledger.interval", int64(c.Ledger.Interval)},
	} {
		k.positive(b.key, b.v)
	}
	if need := base64Size(m.MaxAcknowledged); s.MaxBytes < need {
		k.say("submission.max_bytes", "is too small for couriers.max_acknowledged_bytes of files in base64: at least %d", need)
	}
	if m.Postmaster == "" {
		k.say("couriers.postmaster", "is required: the administrator's own address, for mail to postmaster@ and abuse@ (RFC 5321 §4.5.1)")
	} else if a, err := mail.ParseAddress(m.Postmaster); err != nil || a.Address != m.Postmaster {
		k.say("couriers.postmaster", "%q is no mail address", m.Postmaster)
	} else if strings.HasSuffix(strings.ToLower(m.Postmaster), "@"+c.Domain) {
		k.say("couriers.postmaster", "must not be an address of the gateway's own domain: its mail would come back for ever")
	}
}

// base64Size is the size of n bytes once encoded in lines of 76 characters (RFC 2045 §6.8).
func base64Size(n int64) int64 {
	digits := (n + 2) / 3 * 4
	return digits + (digits+75)/76*2
}

func loopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		return false
	}
	return loopbackName(host)
}

func loopbackName(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

func (k *checker) file(key, path string) {
	if path == "" {
		return
	}
	f, err := os.Open(path)
	if err != nil {
		k.say(key, "cannot be read: %v", err)
		return
	}
	_ = f.Close()
}

func (k *checker) link(l Link) {
	k.listen("link.listen", l.Listen, false)
	u, err := url.Parse(l.BaseURL)
	switch {
	case l.BaseURL == "":
		k.say("link.base_url", "is required: the address of the companies' pages as they see it, such as https://courrier.example.fr")
	case err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || strings.HasSuffix(l.BaseURL, "/"):
		k.say("link.base_url", "%q is no address such as https://courrier.example.fr, without a final slash", l.BaseURL)
	case u.Scheme != "https" && (u.Scheme != "http" || !loopbackName(u.Hostname())):
		k.say("link.base_url", "must begin with https://")
	}
	k.pair("link.certificate", l.Certificate, l.Key)
	k.networks("link.trusted_proxies", l.TrustedProxy)
	k.networks("link.data_centre_networks", l.DataCentres)
	if l.OpenFor < 0 {
		k.say("link.open_for", "must not be negative; 0 is for ever")
	}
	if l.MinDelay < 0 {
		k.say("link.minimum_delay", "must not be negative")
	}
	k.positive("link.requests_per_minute", int64(l.PerMinute))
	k.positive("link.network_details_kept", int64(l.Retention))
}

func (k *checker) answers(a Answers) {
	k.positive("answers.max_bytes", a.MaxBytes)
	k.positive("answers.max_files", int64(a.MaxFiles))
	k.positive("answers.keep", int64(a.Keep))
	k.oneOf("answers.late", a.Late, LateAccepted, LateRefused)
	if a.MaxFiles > 500 {
		k.say("answers.max_files", "must be at most 500: the agent's mail program shows each as an attachment")
	}
}

func (k *checker) proof(c Config) {
	k.pair("proof.certificate", c.Proof.Certificate, c.Proof.Key)
	k.file("ledger.key", c.Ledger.Key)
	k.file("ledger.timestamp_ca", c.Ledger.AuthorityCA)
	if a := c.Ledger.Authority; a != "" {
		if u, err := url.Parse(a); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			k.say("ledger.timestamp_url", "%q is no http address of a time-stamping authority (RFC 3161)", a)
		}
		if c.Ledger.AuthorityCA == "" {
			k.say("ledger.timestamp_ca", "is required with timestamp_url: the authority's certificate chain")
		}
	}
}
