package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"

	"vaguemestre/cmd/internal/daemon"
)

// folder looks at who may read the data folder and its keys.
func (x *examiner) folder(context.Context) {
	dir := x.Config.DataDir
	info, err := os.Stat(dir)
	switch {
	case os.IsNotExist(err):
		x.skip("folder", dir, "none", nil)
		return
	case err != nil || !info.IsDir():
		x.change("folder", dir, "unreadable", args{"Cause": cause(err)}, "")
		return
	case info.Mode().Perm()&0o077 != 0:
		x.change("folder", dir, "open", args{"Mode": info.Mode().Perm().String(), "Folder": dir}, "")
		return
	case unix.Access(dir, unix.W_OK) != nil:
		x.change("folder", dir, "readonly", nil, "")
		return
	}
	if foreign := notOf(info, dir); foreign != "" {
		x.change("folder", dir, "foreign", args{"File": foreign, "Folder": dir}, "")
		return
	}
	x.ok("folder", dir, "fine", nil)
}

// notOf gives a file in the folder or its keys that is another user's, or a key that others may read; "" when there is none.
func notOf(folder os.FileInfo, dir string) string {
	owner := folder.Sys().(*syscall.Stat_t).Uid
	for _, pattern := range []string{"*", "keys/*"} {
		names, _ := filepath.Glob(filepath.Join(dir, pattern)) // the pattern is right
		for _, name := range names {
			info, err := os.Lstat(name)
			if err != nil {
				continue // gone meanwhile
			}
			open := filepath.Base(filepath.Dir(name)) == "keys" && info.Mode().Perm()&0o077 != 0
			if info.Sys().(*syscall.Stat_t).Uid != owner || open {
				return name
			}
		}
	}
	return ""
}

// roomy is how many messages of the greatest size the disk should have room for.
const roomy = 50

func (x *examiner) disk(context.Context) {
	dir := x.Config.DataDir
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		x.skip("disk", dir, "unknown", args{"Cause": cause(err)})
		return
	}
	free, need := int64(s.Bavail)*int64(s.Bsize), roomy*x.Config.Submission.MaxBytes //nolint:unconvert // the types differ between systems
	if free < need || s.Files > 0 && s.Ffree < s.Files/100 {
		x.change("disk", dir, "short", args{"Free": free, "Need": need, "Folder": dir}, "")
		return
	}
	x.ok("disk", dir, "fine", args{"Free": free})
}

func (x *examiner) store(ctx context.Context) {
	subject := x.Config.Store.Driver
	info, err := os.Stat(x.Config.DataDir)
	if err != nil {
		x.skip("store", subject, "none", nil)
		return
	}
	if int(info.Sys().(*syscall.Stat_t).Uid) != os.Geteuid() { // what SQLite makes beside its file would not be the service's
		x.skip("store", subject, "foreign", nil)
		return
	}
	ctx, done := x.patient(ctx)
	defer done()
	s, err := daemon.OpenStore(ctx, x.Config, slog.New(slog.DiscardHandler), prometheus.NewRegistry(), x.Now)
	if err == nil {
		err = s.Ping(ctx)
		if closed := s.Close(); err == nil {
			err = closed
		}
	}
	if err != nil {
		x.change("store", subject, "away", args{"Cause": cause(err)}, "")
		return
	}
	x.ok("store", subject, "fine", nil)
}

// soon is how long before its end a certificate is to be renewed: sooner than the alert of deploy/prometheus.
const soon = 21 * 24 * time.Hour

// certificates looks at those of our own listeners, of the seal, and those that we show to relays.
func (x *examiner) certificates(context.Context) {
	c := x.Config
	x.own("submission.certificate", c.Submission.Certificate, c.Submission.Key, c.Submission.Hostname)
	x.own("link.certificate", c.Link.Certificate, c.Link.Key, hostOf(c.Link.BaseURL))
	x.own("api.certificate", c.API.Certificate, c.API.Key, "")
	x.own("proof.certificate", c.Proof.Certificate, c.Proof.Key, "")
	for _, s := range c.Relay.Smarthosts {
		x.own("client_certificate "+s.Address, s.Certificate, s.Key, "")
	}
}

func (x *examiner) own(what, file, key, name string) {
	if file == "" {
		return
	}
	pair, err := tls.LoadX509KeyPair(file, key)
	if err != nil {
		x.change("certificate", what, "unreadable", args{"Cause": cause(err)}, "")
		return
	}
	if err := pair.Leaf.VerifyHostname(name); name != "" && err != nil {
		x.change("certificate", what, "name", args{"Name": name, "Cause": cause(err)}, "")
		return
	}
	x.expiry("certificate", what, pair.Leaf)
}

// expiry judges the end of a certificate; it tells whether it is far.
func (x *examiner) expiry(check, subject string, c *x509.Certificate) bool {
	left := c.NotAfter.Sub(x.Now())
	a := args{"End": c.NotAfter, "Days": int(left.Hours() / 24)}
	switch {
	case left <= 0:
		x.change(check, subject, "ended", a, "")
	case left < soon:
		x.change(check, subject, "ends", a, "")
	default:
		x.ok(check, subject, "valid", a)
		return true
	}
	return false
}

// cause is an error in one line; "" for none.
func cause(err error) string {
	if err == nil {
		return ""
	}
	return oneLine(err.Error())
}
