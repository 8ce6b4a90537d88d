package sandbox

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"vaguemestre/deploy"
)

// Account is a mailbox of Dovecot, or a login of Postfix's submission, which asks Dovecot.
type Account struct{ Address, Password string }

// DovecotOptions says which mailboxes Dovecot has.
type DovecotOptions struct {
	Accounts []Account
	TLS      Pair
	// Introspect is the address at which an authority for access tokens tells of them; empty: no login by token.
	Introspect string
}

// Dovecot is a running IMAP and LMTP server with the recipe of deploy/dovecot, in a temporary folder, without
// root's rights.
type Dovecot struct {
	IMAP  string // host:port; STARTTLS needed before a login
	IMAPS string // host:port
	LMTP  string // host:port
	Auth  string // host:port of the SASL service, for Postfix

	dir     string
	process *process
}

// StartDovecot starts Dovecot and waits until it answers.
func StartDovecot(ctx context.Context, o DovecotOptions) (*Dovecot, error) {
	program, err := Find("dovecot")
	if err != nil {
		return nil, fmt.Errorf("start Dovecot: %w", err)
	}
	// A short path: Dovecot's sockets lie under it, and the kernel allows 107 octets.
	dir, err := os.MkdirTemp("/tmp", "vgm-dovecot-")
	if err != nil {
		return nil, fmt.Errorf("start Dovecot: %w", err)
	}
	d := &Dovecot{dir: dir}
	if err := d.start(ctx, program, o); err != nil {
		d.Stop()
		return nil, fmt.Errorf("start Dovecot: %w", err)
	}
	return d, nil
}

func (d *Dovecot) start(ctx context.Context, program string, o DovecotOptions) error {
	who, credential, err := unprivileged("dovecot")
	if err != nil {
		return err
	}
	ports, err := freePorts(4)
	if err != nil {
		return err
	}
	d.IMAP, d.IMAPS, d.LMTP, d.Auth = loopback(ports[0]), loopback(ports[1]), loopback(ports[2]), loopback(ports[3])
	if err := d.write(who, ports, o); err != nil {
		return err
	}
	if err := giveAway(d.dir, credential); err != nil {
		return err
	}
	cmd := exec.Command(program, "-F", "-c", filepath.Join(d.dir, "dovecot.conf"))
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: credential}
	if d.process, err = spawn("Dovecot", cmd); err != nil {
		return err
	}
	return errors.Join(d.process.awaitGreeting(ctx, d.IMAP, "* OK"), d.process.awaitGreeting(ctx, d.LMTP, "220"))
}

// write puts the recipe, the users and what only a sandbox needs into the folder.
func (d *Dovecot) write(who *user.User, ports []int, o DovecotOptions) error {
	recipe, err := deploy.Recipes.ReadFile("dovecot/vaguemestre.conf")
	if err != nil {
		return fmt.Errorf("read the recipe: %w", err)
	}
	var users strings.Builder
	for _, a := range o.Accounts {
		fmt.Fprintf(&users, "%s:{PLAIN}%s\n", strings.ToLower(a.Address), a.Password)
	}
	group, err := user.LookupGroupId(who.Gid)
	if err != nil {
		return fmt.Errorf("look up the group: %w", err)
	}
	certificate, key := filepath.Join(d.dir, "cert.pem"), filepath.Join(d.dir, "key.pem")
	adapted, err := adapt(string(recipe),
		"/etc/ssl/certs/mail.acheteur.example.pem", certificate, "/etc/ssl/private/mail.acheteur.example.key", key,
		"/etc/dovecot/vaguemestre.users", filepath.Join(d.dir, "users"), "/var/vmail", filepath.Join(d.dir, "mail"),
		"uid=vmail gid=vmail", "uid="+who.Uid+" gid="+who.Gid, "first_valid_uid = 100", "first_valid_uid = 1",
		"/var/spool/postfix/private/", filepath.Join(d.dir, "postfix-"),
		"user = postfix", "user = "+who.Username, "group = postfix", "group = "+group.Name)
	if err != nil {
		return err
	}
	return errors.Join(
		copyFile(o.TLS.Certificate, certificate), copyFile(o.TLS.Key, key),
		os.WriteFile(filepath.Join(d.dir, "users"), []byte(users.String()), 0o600),
		os.WriteFile(filepath.Join(d.dir, "vaguemestre.conf"), []byte(adapted), 0o600),
		os.WriteFile(filepath.Join(d.dir, "dovecot.conf"), []byte(d.frame(who, group, ports)+d.byToken(o.Introspect)), 0o600),
		os.WriteFile(filepath.Join(d.dir, "oauth2.conf"), []byte("introspection_mode = post\nintrospection_url = "+o.Introspect+
			"\nusername_attribute = username\nactive_attribute = active\nactive_value = true\n"), 0o600))
}

// byToken has access tokens accepted, and CRAM-MD5, which the recipe leaves out because it asks for passwords kept in clear.
func (d *Dovecot) byToken(introspect string) string {
	if introspect == "" {
		return ""
	}
	return fmt.Sprintf("auth_mechanisms = plain login cram-md5 oauthbearer xoauth2\npassdb {\n  driver = oauth2\n  mechanisms = oauthbearer xoauth2\n  args = %s\n}\n",
		filepath.Join(d.dir, "oauth2.conf"))
}

// frame is what a Dovecot without root's rights needs around the recipe.
func (d *Dovecot) frame(who *user.User, group *user.Group, ports []int) string {
	return fmt.Sprintf(`!include %[1]s/vaguemestre.conf
base_dir = %[1]s/run
state_dir = %[1]s/state
default_internal_user = %[2]s
default_login_user = %[2]s
default_internal_group = %[3]s
log_path = /dev/stderr
auth_failure_delay = 0
listen = 127.0.0.1
service anvil {
  chroot =
}
service stats {
  chroot =
}
service imap-login {
  chroot =
  inet_listener imap {
    port = %[4]d
  }
  inet_listener imaps {
    port = %[5]d
  }
}
service lmtp {
  inet_listener lmtp {
    address = 127.0.0.1
    port = %[6]d
  }
}
service auth {
  inet_listener sasl {
    address = 127.0.0.1
    port = %[7]d
  }
}
`, d.dir, who.Username, group.Name, ports[0], ports[1], ports[2], ports[3])
}

// Maildir is the folder of a mailbox, for tests that read or fill it without IMAP.
func (d *Dovecot) Maildir(address string) string {
	local, domain := split(strings.ToLower(address))
	return filepath.Join(d.dir, "mail", domain, local, "Maildir")
}

// Stop ends Dovecot and removes its folder.
func (d *Dovecot) Stop() {
	if d.process != nil {
		d.process.stop()
	}
	_ = os.RemoveAll(d.dir)
}

// Logs is the end of what it said.
func (d *Dovecot) Logs() string {
	if d.process == nil {
		return ""
	}
	return d.process.log.String()
}

// unprivileged is the user as whom a server runs: the given one when we are root, ourselves otherwise.
func unprivileged(name string) (*user.User, *syscall.Credential, error) {
	if os.Geteuid() != 0 {
		who, err := user.Current()
		if err != nil {
			return nil, nil, fmt.Errorf("look up the current user: %w", err)
		}
		return who, nil, nil
	}
	who, err := user.Lookup(name)
	if err != nil {
		return nil, nil, fmt.Errorf("look up the user %s: %w", name, err)
	}
	uid, err1 := strconv.ParseUint(who.Uid, 10, 32)
	gid, err2 := strconv.ParseUint(who.Gid, 10, 32)
	return who, &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, errors.Join(err1, err2)
}

// giveAway makes a folder and all in it the user's own.
func giveAway(dir string, credential *syscall.Credential) error {
	if credential == nil {
		return nil
	}
	return filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Lchown(path, int(credential.Uid), int(credential.Gid))
	})
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("copy %s: %w", filepath.Base(from), err)
	}
	return os.WriteFile(to, content, 0o600)
}
