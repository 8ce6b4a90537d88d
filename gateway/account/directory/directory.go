// Package directory checks passwords with an LDAP directory (RFC 4513 §5.1.3, simple bind), for
// the accounts that have none of their own.
//
// It promises that a password travels inside TLS only, to a server whose certificate was checked
// (a server on this very machine apart); that no password at all, which a directory would take
// for an anonymous bind (RFC 4513 §5.1.2), is never sent; that a login cannot change the filter
// nor the name it is put in; and that a directory that is gone, slow or ambiguous is an error,
// never a wrong password.
//
// Each question is a connection of its own: nothing is kept, and a crash leaves nothing.
package directory

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// Options say where the directory is and how agents are found in it.
type Options struct {
	URL string // ldaps://host[:636], or ldap://host[:389] which asks for STARTTLS
	TLS *tls.Config
	// UserDN is the name of an agent, %s standing for the login: "uid=%s,ou=agents,dc=ville,dc=fr".
	// Empty: the agent is searched for.
	UserDN string
	// To search: the account that may, where, and the filter, %s standing for the login.
	BindDN, BindPassword string
	Base                 string
	Filter               string        // "(uid=%s)"; for Active Directory "(sAMAccountName=%s)"
	Timeout              time.Duration // for one question, whole: 10 s
}

// Directory asks one directory. Safe for concurrent use; it has no goroutine of its own.
type Directory struct {
	o     Options
	addr  string
	tls   *tls.Config
	ldaps bool
	clear bool // a server on this machine, without TLS
}

// New checks the options; it does not connect.
func New(o Options) (*Directory, error) {
	u, err := url.Parse(o.URL)
	if err != nil {
		return nil, fmt.Errorf("address of the directory: %w", err)
	}
	d := &Directory{o: o, ldaps: u.Scheme == "ldaps"}
	port := u.Port()
	switch {
	case u.Scheme != "ldap" && u.Scheme != "ldaps" || u.Hostname() == "":
		return nil, fmt.Errorf("address of the directory: %q is neither ldaps://host nor ldap://host", o.URL)
	case port == "" && d.ldaps:
		port = "636"
	case port == "":
		port = "389"
	}
	d.addr = net.JoinHostPort(u.Hostname(), port)
	if d.o.Timeout == 0 {
		d.o.Timeout = 10 * time.Second
	}
	d.tls = o.TLS.Clone()
	if d.tls == nil {
		d.clear = !d.ldaps && isLoopback(u.Hostname())
		d.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if d.tls.ServerName == "" {
		d.tls.ServerName = u.Hostname()
	}
	return d, d.o.check()
}

func (o Options) check() error {
	switch {
	case o.UserDN != "" && strings.Count(o.UserDN, "%s") != 1:
		return errors.New("the directory's user_dn must hold %s once, for the login")
	case o.UserDN != "":
		return nil
	case strings.Count(o.Filter, "%s") != 1 || o.Base == "":
		return errors.New("the directory needs user_dn, or base and a filter that holds %s once, for the login")
	case (o.BindDN == "") != (o.BindPassword == ""):
		return errors.New("the directory's bind_dn and bind_password go together")
	}
	if _, err := ldap.CompileFilter(strings.Replace(o.Filter, "%s", "x", 1)); err != nil {
		return fmt.Errorf("filter of the directory: %w", err)
	}
	return nil
}

func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// Authenticate tells whether the password is the login's. An error is an outage, or a filter that
// finds several entries.
func (d *Directory) Authenticate(ctx context.Context, login, password string) (bool, error) {
	if login == "" || password == "" {
		return false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, d.o.Timeout)
	defer cancel()
	c, err := d.dial(ctx)
	if err != nil {
		return false, fmt.Errorf("connect to the directory: %w", err)
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { _ = c.Close() })() // what it was doing fails with the connection
	name, err := d.find(c, login)
	if err != nil || name == "" {
		return false, err
	}
	err = c.Bind(name, password)
	if ldap.IsErrorAnyOf(err, ldap.LDAPResultInvalidCredentials, ldap.LDAPResultInappropriateAuthentication, ldap.LDAPResultNoSuchObject) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("bind to the directory: %w", err)
	}
	return true, nil
}

// dial gives a connection with TLS.
func (d *Directory) dial(ctx context.Context) (*ldap.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", d.addr)
	if err != nil {
		return nil, err
	}
	if deadline, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(deadline) // the connection serves one question
	}
	if d.ldaps {
		t := tls.Client(conn, d.tls)
		if err := t.HandshakeContext(ctx); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
		conn = t
	}
	c := ldap.NewConn(conn, d.ldaps)
	c.SetTimeout(d.o.Timeout)
	c.Start()
	if d.ldaps || d.clear {
		return c, nil
	}
	if err := c.StartTLS(d.tls); err != nil {
		return nil, errors.Join(fmt.Errorf("STARTTLS: %w", err), c.Close())
	}
	return c, nil
}

// find gives the name of the login's entry; empty when there is none.
func (d *Directory) find(c *ldap.Conn, login string) (string, error) {
	if d.o.UserDN != "" {
		return strings.Replace(d.o.UserDN, "%s", ldap.EscapeDN(login), 1), nil
	}
	if d.o.BindDN != "" {
		if err := c.Bind(d.o.BindDN, d.o.BindPassword); err != nil {
			return "", fmt.Errorf("bind to the directory to search: %w", err)
		}
	}
	filter := strings.Replace(d.o.Filter, "%s", ldap.EscapeFilter(login), 1)
	found, err := c.Search(ldap.NewSearchRequest(d.o.Base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases,
		2, int(d.o.Timeout.Seconds()), false, filter, []string{"1.1"}, nil)) // RFC 4511 §4.5.1.8: no attribute
	if err != nil && !ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded) {
		return "", fmt.Errorf("search the directory: %w", err)
	}
	switch len(found.Entries) {
	case 0:
		return "", nil
	case 1:
		return found.Entries[0].DN, nil
	}
	return "", errors.New("search the directory: the filter finds several entries for one login")
}
