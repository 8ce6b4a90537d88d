package sandbox

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Mutt writes to s.To with mutt: s.Message is the body alone, subject and files are given to mutt, which makes the message. Commands are lines of a
// muttrc, such as "my_hdr Disposition-Notification-To: …".
func Mutt(ctx context.Context, s Submission, subject string, files []string, commands ...string) (string, error) {
	home, rc, err := muttHome(s, commands)
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(home)
	args := []string{"-n", "-F", rc, "-s", subject}
	for _, file := range files {
		args = append(args, "-a", file)
	}
	return run(ctx, s.Message, muttEnv(home), "mutt", append(append(args, "--"), s.To...)...)
}

// MuttReply opens a mail with mutt in a terminal, presses the key that answers it, writes s.Message as the answer, and sends it where mutt says.
func MuttReply(ctx context.Context, s Submission, mail []byte, commands ...string) (string, error) {
	home, rc, err := muttHome(s, append(commands, "set include=no", "set fast_reply=yes", "set autoedit=yes", "set reply_to=yes", "set abort_unmodified=no",
		"set abort_noattach=no", "set quit=yes", "set move=no", "set wait_key=no", `push "<reply><send-message><exit>"`))
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(home)
	box, text := filepath.Join(home, "box"), filepath.Join(home, "answer")
	if err := os.WriteFile(box, append([]byte("From - Mon Nov 23 10:00:00 2026\n"), mail...), 0o600); err != nil {
		return "", fmt.Errorf("run mutt: %w", err)
	}
	if err := os.WriteFile(text, []byte(s.Message), 0o600); err != nil {
		return "", fmt.Errorf("run mutt: %w", err)
	}
	editor := filepath.Join(home, "editor")
	if err := os.WriteFile(editor, []byte("#!/bin/sh\nexec cp "+text+" \"$1\"\n"), 0o700); err != nil {
		return "", fmt.Errorf("run mutt: %w", err)
	}
	// script gives it the terminal that it wants.
	command := fmt.Sprintf("mutt -n -F %s -e %s -f %s", rc, strconv.Quote("set editor="+editor), box)
	return run(ctx, "", muttEnv(home), "script", "--quiet", "--return", "--command", command, "/dev/null")
}

func muttEnv(home string) []string {
	return []string{"HOME=" + home, "LC_ALL=C.UTF-8", "TERM=vt100", "LINES=40", "COLUMNS=120"}
}

// muttHome makes the home of an agent who uses mutt, and their muttrc.
func muttHome(s Submission, commands []string) (home, rc string, err error) {
	if home, err = os.MkdirTemp("", "vgm-mutt-"); err != nil {
		return "", "", fmt.Errorf("run mutt: %w", err)
	}
	scheme := map[Security]string{StartTLS: "smtp", Implicit: "smtps"}[s.Security]
	url, ca, from := scheme+"://"+s.User+"@localhost:"+s.port()+"/", strconv.Quote(s.CA), strconv.Quote(s.From)
	lines := append([]string{
		"set smtp_url=" + strconv.Quote(url), "set smtp_pass=" + strconv.Quote(s.Password), "set smtp_authenticators=plain",
		"set ssl_starttls=yes", "set ssl_force_tls=yes", "set ssl_ca_certificates_file=" + ca, "set certificate_file=" + ca,
		"set from=" + from, "set use_from=yes", "set use_envelope_from=yes", "set envelope_from_address=" + from,
		"set folder=" + strconv.Quote(home), "set realname=" + strconv.Quote("Victoria Brun"), "set hostname=acheteur.test", "set copy=no",
		"set send_charset=" + strconv.Quote("us-ascii:utf-8"), "set charset=utf-8",
	}, commands...)
	rc = filepath.Join(home, "muttrc")
	if err := os.WriteFile(rc, []byte(strings.Join(lines, "\n")+"\n"), 0o600); err != nil {
		_ = os.RemoveAll(home)
		return "", "", fmt.Errorf("run mutt: %w", err)
	}
	return home, rc, nil
}
