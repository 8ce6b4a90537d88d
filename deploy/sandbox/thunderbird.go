package sandbox

import (
	"context"
	"embed"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"text/template"
	"time"
)

//go:embed thunderbird/*.js
var thunderbirdScripts embed.FS

// ThunderbirdOptions says who writes, and by which servers; both are reached as "localhost".
type ThunderbirdOptions struct {
	Name, Address  string   // of the agent
	SMTP           string   // host:port
	Security       Security // StartTLS or Implicit
	User, Password string   // at the SMTP server
	IMAPS          string   // host:port, implicit TLS
	Mailbox        Account
	CA             string // file of the authority that is trusted
}

// Thunderbird is a running Thunderbird in French, on a display of its own, with the profile of an agent. It is driven as its own tests
// drive it; what is sent and shown goes the way that a person's clicks take.
type Thunderbird struct {
	dir     string
	display *display
	process *process
	drive   *marionette
}

// StartThunderbird starts Thunderbird and waits until it has its accounts: ten seconds or more.
func StartThunderbird(ctx context.Context, o ThunderbirdOptions) (*Thunderbird, error) {
	if err := Missing("thunderbird", "Xvfb", "import"); err != nil {
		return nil, fmt.Errorf("start Thunderbird: %w", err)
	}
	dir, err := os.MkdirTemp("", "vgm-thunderbird-")
	if err != nil {
		return nil, fmt.Errorf("start Thunderbird: %w", err)
	}
	t := &Thunderbird{dir: dir}
	if err := t.start(ctx, o); err != nil {
		err = fmt.Errorf("start Thunderbird: %w; it said:\n%s", err, t.Logs())
		t.Stop()
		return nil, err
	}
	return t, nil
}

func (t *Thunderbird) start(ctx context.Context, o ThunderbirdOptions) (err error) {
	port, err := freePort()
	if err != nil {
		return err
	}
	if err := t.profile(o, port); err != nil {
		return err
	}
	if t.display, err = startDisplay(ctx); err != nil {
		return err
	}
	cmd := exec.Command("thunderbird", "--marionette", "--remote-allow-system-access", "--no-remote", "--profile", t.dir)
	cmd.Env = append(os.Environ(), "HOME="+t.dir, "DISPLAY="+t.display.name, "LC_ALL=C.UTF-8", "DBUS_SESSION_BUS_ADDRESS=disabled:", "MOZ_CRASHREPORTER_DISABLE=1")
	if t.process, err = spawn("Thunderbird", cmd); err != nil {
		return err
	}
	if t.drive, err = t.reach(ctx, loopback(port)); err != nil {
		return err
	}
	block, err := certificateFile(o.CA)
	if err != nil {
		return err
	}
	if err := t.do(`for (;;) { if (Services.wm.getMostRecentWindow("mail:3pane")?.document.readyState == "complete") return; `+
		`await new Promise(r => ChromeUtils.importESModule("resource://gre/modules/Timer.sys.mjs").setTimeout(r, 100)); }`, nil); err != nil {
		return err
	}
	return t.script("setup", nil, block, [][]string{
		{"smtp://localhost", o.User, o.Password}, {"imap://localhost", o.Mailbox.Address, o.Mailbox.Password},
	})
}

// profile writes the preferences.
func (t *Thunderbird) profile(o ThunderbirdOptions, port int) error {
	prefs, err := template.ParseFS(thunderbirdScripts, "thunderbird/prefs.js")
	if err != nil {
		return fmt.Errorf("read the profile: %w", err)
	}
	file, err := os.Create(filepath.Join(t.dir, "user.js"))
	if err != nil {
		return fmt.Errorf("write the profile: %w", err)
	}
	socket := map[Security]int{StartTLS: 2, Implicit: 3}[o.Security]
	err = prefs.Execute(file, map[string]any{
		"Port": port, "IMAPPort": Submission{Server: o.IMAPS}.port(), "IMAPUser": strconv.Quote(o.Mailbox.Address), "Name": strconv.Quote(o.Name),
		"Address": strconv.Quote(o.Address), "SMTPPort": Submission{Server: o.SMTP}.port(), "SMTPSocket": socket, "User": strconv.Quote(o.User),
	})
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("write the profile: %w", err)
	}
	return nil
}

// reach waits until Marionette answers.
func (t *Thunderbird) reach(ctx context.Context, address string) (*marionette, error) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		drive, err := dialMarionette(ctx, address)
		if err == nil {
			return drive, nil
		}
		select {
		case <-tick.C:
		case <-t.process.done:
			return nil, fmt.Errorf("it ended: %w", t.process.err)
		case <-ctx.Done():
			return nil, errors.Join(err, ctx.Err())
		}
	}
}

// certificateFile is the certificate of a PEM file in base64.
func certificateFile(path string) (string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("read the authority: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return "", fmt.Errorf("%s holds no certificate", path)
	}
	return base64.StdEncoding.EncodeToString(block.Bytes), nil
}

// Stop ends Thunderbird and its display, and removes its profile.
func (t *Thunderbird) Stop() {
	if t.drive != nil {
		t.drive.close()
	}
	if t.process != nil {
		t.process.stop()
	}
	if t.display != nil {
		t.display.stop()
	}
	_ = os.RemoveAll(t.dir)
}

// Logs is the end of what Thunderbird said.
func (t *Thunderbird) Logs() string {
	if t.process == nil {
		return ""
	}
	return t.process.log.String()
}
