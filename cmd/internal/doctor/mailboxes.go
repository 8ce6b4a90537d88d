package doctor

import (
	"context"
	"slices"
	"strings"

	"vaguemestre/cmd/internal/daemon"
	"vaguemestre/inbound/mailbox"
)

// mailboxes logs in to each and looks around, without changing anything.
func (x *examiner) mailboxes(ctx context.Context) {
	accounts, err := daemon.MailAccounts(x.Config, x.sources)
	if err != nil {
		x.change("mailbox", "mailbox", "unusable", args{"Cause": cause(err)}, "")
		return
	}
	for _, a := range accounts {
		x.mailbox(ctx, a)
	}
}

// full is from which part of its quota on a mailbox is soon full.
const full = 0.8

func (x *examiner) mailbox(ctx context.Context, a mailbox.Account) {
	subject := a.Name + " (" + a.Address + ")"
	seen, err := mailbox.Examine(ctx, a, x.Patience)
	if err != nil {
		x.change("mailbox", subject, mailStage(seen.Stage), args{"Cause": cause(err), "Folder": a.Folder}, "")
		return
	}
	x.ok("mailbox", subject, "fine", args{"Folder": a.Folder, "Count": int(seen.Messages)})
	if seen.Idle {
		x.ok("mailbox", subject, "idle-fine", nil)
	} else {
		x.skip("mailbox", subject, "idle", args{"Poll": a.Poll.String()})
	}
	switch {
	case !seen.Done:
		x.change("mailbox", subject, "done", args{"Folder": a.Done}, "")
	case a.Done == "" && !seen.Flags:
		x.change("mailbox", subject, "flags", nil, "")
	}
	switch used := float64(seen.Used) / float64(max(seen.Limit, 1)); {
	case seen.Limit == 0:
		x.skip("mailbox", subject, "quota-unknown", nil)
	case used > full:
		x.change("mailbox", subject, "quota", args{"Percent": int(used * 100)}, "")
	default:
		x.ok("mailbox", subject, "quota-fine", args{"Percent": int(used * 100)})
	}
	x.authServ(subject, a.AuthServ, seen)
}

func mailStage(stage string) string {
	switch stage {
	case "login", "select":
		return stage
	}
	return "away"
}

// authServ tells whether the gateway believes what its own server says of senders (RFC 8601 §5).
func (x *examiner) authServ(subject, configured string, seen mailbox.Examination) {
	a := args{"Configured": configured, "Seen": seen.AuthServ}
	known := slices.ContainsFunc(seen.AuthServ, func(s string) bool { return strings.EqualFold(s, configured) })
	switch {
	case len(seen.AuthServ) == 0 && seen.Messages+seen.Settled == 0:
		x.skip("mailbox", subject, "authserv-empty", nil)
	case len(seen.AuthServ) == 0:
		x.change("mailbox", subject, "authserv-none", nil, "")
	case configured == "":
		x.change("mailbox", subject, "authserv-unset", a, "")
	case !known:
		x.change("mailbox", subject, "authserv-other", a, "")
	default:
		x.ok("mailbox", subject, "authserv-fine", a)
	}
}
