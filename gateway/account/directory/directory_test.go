package directory

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"vaguemestre/deploy/sandbox"
	"vaguemestre/gateway/account"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var _ account.Directory = (*Directory)(nil)

const entries = `dn: dc=ville,dc=test
objectClass: domain
dc: ville

dn: cn=lecteur,dc=ville,dc=test
objectClass: applicationProcess
objectClass: simpleSecurityObject
cn: lecteur
userPassword: le mot du lecteur

dn: ou=agents,dc=ville,dc=test
objectClass: organizationalUnit
ou: agents

dn: uid=claire,ou=agents,dc=ville,dc=test
objectClass: inetOrgPerson
uid: claire
cn: Claire
sn: Durand
mail: claire@ville.test
userPassword: été comme hiver

dn: uid=marc,ou=agents,dc=ville,dc=test
objectClass: inetOrgPerson
uid: marc
cn: Marc
sn: Petit
userPassword: un autre mot

dn: uid=a\2Bb\,c,ou=agents,dc=ville,dc=test
objectClass: inetOrgPerson
uid: a+b,c
cn: Bizarre
sn: Bizarre
userPassword: bizarre
`

// slapd is a real OpenLDAP server with those entries.
type slapd struct {
	plain, secure string // addresses
	tls           *tls.Config
}

func startSlapd(t *testing.T) slapd {
	t.Helper()
	sandbox.Need(t, "slapd", "slapadd")
	dir := t.TempDir()
	authority, err := sandbox.NewAuthority(dir)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := authority.Leaf("annuaire", "annuaire.test")
	if err != nil {
		t.Fatal(err)
	}
	conf, ldif := filepath.Join(dir, "slapd.conf"), filepath.Join(dir, "entries.ldif")
	write(t, ldif, entries)
	write(t, conf, fmt.Sprintf(`include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile %[1]s/pid
TLSCACertificateFile %[2]s
TLSCertificateFile %[3]s
TLSCertificateKeyFile %[4]s
database mdb
suffix dc=ville,dc=test
directory %[1]s/db
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="cn=lecteur,dc=ville,dc=test" read by * none
`, dir, authority.File, pair.Certificate, pair.Key))
	if err := os.Mkdir(filepath.Join(dir, "db"), 0o700); err != nil {
		t.Fatal(err)
	}
	if out, err := program(t.Context(), "slapadd", "-f", conf, "-l", ldif).CombinedOutput(); err != nil {
		t.Fatalf("slapadd: %v\n%s", err, out)
	}
	s := slapd{plain: freePort(t), secure: freePort(t), tls: &tls.Config{RootCAs: authority.Pool(), ServerName: "annuaire.test"}}
	s.run(t, conf)
	return s
}

func (s slapd) run(t *testing.T, conf string) {
	ctx, cancel := context.WithCancel(context.Background())
	cmd := program(ctx, "slapd", "-d", "0", "-f", conf, "-h", "ldap://"+s.plain+" ldaps://"+s.secure)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = cmd.Wait() // killed
		if t.Failed() {
			t.Logf("slapd:\n%s", said.String())
		}
	})
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); ; <-tick.C {
		conn, err := net.Dial("tcp", s.secure)
		if err == nil {
			conn.Close()
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("slapd does not start: %v", err)
		}
	}
}

func program(ctx context.Context, name string, args ...string) *exec.Cmd {
	path, err := sandbox.Find(name)
	if err != nil {
		path = name // Need has said it
	}
	return exec.CommandContext(ctx, path, args...)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestARealDirectory(t *testing.T) {
	s := startSlapd(t)
	searching := Options{
		TLS: s.tls, BindDN: "cn=lecteur,dc=ville,dc=test", BindPassword: "le mot du lecteur", Base: "dc=ville,dc=test", Filter: "(&(objectClass=inetOrgPerson)(uid=%s))",
	}
	naming := Options{TLS: s.tls, UserDN: "uid=%s,ou=agents,dc=ville,dc=test"}
	for name, o := range map[string]Options{"search": searching, "name": naming} {
		for _, url := range []string{"ldap://" + s.plain, "ldaps://" + s.secure} {
			t.Run(name+" "+url[:5], func(t *testing.T) {
				o.URL = url
				d, err := New(o)
				if err != nil {
					t.Fatal(err)
				}
				for _, c := range []struct {
					login, password string
					right           bool
				}{
					{"claire", "été comme hiver", true},
					{"claire", "un autre mot", false},
					{"claire", "", false},
					{"", "été comme hiver", false},
					{"marc", "un autre mot", true},
					{"personne", "un autre mot", false},
					{"*", "un autre mot", false},
					{"mar*", "un autre mot", false},
					{"marc)(uid=*", "un autre mot", false},
					{"marc,ou=agents", "un autre mot", false},
					{"a+b,c", "bizarre", true},
					{"marc\x00", "un autre mot", false},
				} {
					right, err := d.Authenticate(t.Context(), c.login, c.password)
					if err != nil || right != c.right {
						t.Errorf("%q with %q: %v, %v", c.login, c.password, right, err)
					}
				}
			})
		}
	}
	t.Run("ambiguous", func(t *testing.T) {
		o := searching
		o.URL, o.Filter = "ldaps://"+s.secure, "(|(uid=%s)(objectClass=inetOrgPerson))"
		outage(t, o, "several entries")
	})
	t.Run("reader refused", func(t *testing.T) {
		o := searching
		o.URL, o.BindPassword = "ldaps://"+s.secure, "faux"
		outage(t, o, "to search")
	})
	t.Run("certificate of another", func(t *testing.T) {
		for _, url := range []string{"ldap://" + s.plain, "ldaps://" + s.secure} {
			o := naming
			o.URL, o.TLS = url, s.tls.Clone()
			o.TLS.ServerName = "autre.test"
			outage(t, o, "certificate")
		}
	})
	t.Run("gone", func(t *testing.T) {
		o := naming
		o.URL = "ldaps://" + freePort(t)
		outage(t, o, "connect to the directory")
	})
	t.Run("silent", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0") // takes connections and says nothing
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		for _, scheme := range []string{"ldap://", "ldaps://"} {
			o := naming
			o.URL, o.Timeout = scheme+l.Addr().String(), 200*time.Millisecond
			outage(t, o, "")
		}
	})
}

// outage checks that a login is neither right nor wrong.
func outage(t *testing.T, o Options, why string) {
	t.Helper()
	d, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	right, err := d.Authenticate(t.Context(), "claire", "été comme hiver")
	if right || err == nil || !strings.Contains(err.Error(), why) {
		t.Errorf("%s: %v, %v", o.URL, right, err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, o := range []Options{
		{URL: "http://a", UserDN: "uid=%s"}, {URL: "ldaps://", UserDN: "uid=%s"}, {URL: "ldaps://a", UserDN: "uid=claire"}, {URL: "ldaps://a"},
		{URL: "ldaps://a", Base: "dc=a", Filter: "(uid=%s"}, {URL: "ldaps://a", Base: "dc=a", Filter: "(uid=x)"}, {URL: "ldaps://a", Filter: "(uid=%s)"},
		{URL: "ldaps://a", Base: "dc=a", Filter: "(uid=%s)", BindDN: "cn=a"}, {URL: "::", UserDN: "uid=%s"},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v was taken", o)
		}
	}
	d, err := New(Options{URL: "ldap://annuaire.test", UserDN: "uid=%s"})
	if err != nil || d.addr != "annuaire.test:389" || d.clear {
		t.Errorf("%+v %v", d, err)
	}
	if d, err = New(Options{URL: "ldap://127.0.0.1:1389", UserDN: "uid=%s"}); err != nil || !d.clear {
		t.Errorf("%+v %v", d, err)
	}
}
