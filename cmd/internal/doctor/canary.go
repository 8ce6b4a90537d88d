package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"time"

	"vaguemestre/cmd/internal/daemon"
	"vaguemestre/gateway"
	"vaguemestre/gateway/message"
	"vaguemestre/gateway/token"
	"vaguemestre/inbound/classify"
	"vaguemestre/inbound/mailbox"
	"vaguemestre/outbound/relay"
)

// bird is one canary: a mail that goes out by the relay to the gateway's own domain, from one of its addresses to another. It must come back in a
// mailbox of the gateway, and so must the report of its delivery. Its addresses bear tokens, so that the daemon files both without a word.
type bird struct {
	from, to, messageID, envid string
	date                       time.Time
}

// canary sends one and waits for it, when asked to.
func (x *examiner) canary(ctx context.Context) {
	if x.Canary <= 0 {
		x.skip("canary", x.Config.Domain, "unasked", nil)
		return
	}
	b, err := x.hatch()
	if errors.Is(err, os.ErrNotExist) {
		x.skip("canary", x.Config.Domain, "unborn", nil)
		return
	}
	if err != nil {
		x.change("canary", x.Config.Domain, "unsent", args{"Cause": cause(err)}, "")
		return
	}
	d, err := x.release(ctx, b)
	if err != nil {
		x.change("canary", x.Config.Domain, "unsent", args{"Cause": cause(err), "Words": oneLine(d.Reply)}, "")
		return
	}
	x.ok("canary", d.Host, "sent", args{"Words": oneLine(d.Reply)})
	accounts, err := daemon.MailAccounts(x.Config, x.sources)
	if err != nil {
		return // said already
	}
	x.await(ctx, accounts, b, d)
}

// hatch gives the canary addresses of its own. The keys are the daemon's: before it has made them there is none.
func (x *examiner) hatch() (b bird, err error) {
	path := daemon.KeyFile(x.Config, "tokens")
	if _, err := os.Stat(path); err != nil {
		return b, err
	}
	ring, err := daemon.TokenRing(path)
	if err != nil {
		return b, err
	}
	b.date = x.Now().UTC().Truncate(time.Second)
	ids := [2]gateway.ID{gateway.NewID(b.date), gateway.NewID(b.date)}
	var addresses [2]string
	for i, id := range ids {
		addresses[i] = "courrier+" + string(rune(token.Canary)) + "-" + ring.Mint(token.Canary, id) + "@" + x.Config.Domain
	}
	b.from, b.to = addresses[0], addresses[1]
	b.envid = "canary-" + ids[1].String()
	b.messageID = "<" + b.envid + "@" + x.Config.Domain + ">"
	return b, nil
}

func (b bird) write(w io.Writer) error {
	_, err := fmt.Fprintf(w, "From: <%s>\r\nTo: <%s>\r\nSubject: Canary\r\nMessage-ID: %s\r\nDate: %s\r\nAuto-Submitted: auto-generated\r\n"+
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\nSent by vaguemestre doctor --canary. It goes out by the relay and must come back.\r\n",
		b.from, b.to, b.messageID, b.date.Format("Mon, 02 Jan 2006 15:04:05 -0700"))
	return err
}

// release sends it as a letter is sent: same relays, same signatures, same report asked for.
func (x *examiner) release(ctx context.Context, b bird) (gateway.RelayDetails, error) {
	r, err := daemon.NewRelay(x.Config, x.sources, slog.New(slog.DiscardHandler), nil, x.Now)
	if err != nil {
		return gateway.RelayDetails{}, err
	}
	ctx, done := context.WithTimeout(ctx, x.Canary)
	defer done()
	d, fault := r.Deliver(ctx, relay.Envelope{
		From: b.from, To: b.to, ENVID: b.envid, ORCPT: b.to, Notify: relay.NotifyAll, MessageID: b.messageID, Date: b.date,
	}, b.write)
	leave, stop := context.WithCancel(ctx)
	stop()
	_ = r.Run(leave) // it closes what it keeps open, and returns nil
	if fault != nil {
		return d, fault
	}
	return d, nil
}

// between two looks into the mailboxes.
const between = 2 * time.Second

// await looks for the canary and its report until both are there, or the time is over.
func (x *examiner) await(ctx context.Context, accounts []mailbox.Account, b bird, d gateway.RelayDetails) {
	ctx, done := context.WithTimeout(ctx, x.Canary)
	defer done()
	begun := x.Now()
	var came, report []byte
	tick := time.NewTicker(between)
	defer tick.Stop()
	for waiting := true; waiting; {
		for _, a := range accounts {
			came, report = x.seen(ctx, a, b.to, came), x.seen(ctx, a, b.from, report)
		}
		if waiting = came == nil || report == nil && d.DSN; !waiting {
			break
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			waiting = false
		}
	}
	a := args{"Wait": x.Canary.String(), "Took": x.Now().Sub(begun).Round(time.Second).String()}
	if came == nil {
		x.change("canary", x.Config.Domain, "lost", a, "")
	} else {
		x.ok("canary", x.Config.Domain, "back", a)
		x.trusted(came)
	}
	x.reported(report, d, a)
}

// seen keeps what was found before. A mailbox that cannot be looked into was said already.
func (x *examiner) seen(ctx context.Context, a mailbox.Account, to string, before []byte) []byte {
	if before != nil || ctx.Err() != nil {
		return before
	}
	mail, _ := mailbox.Find(ctx, a, x.Patience, to)
	return mail
}

// reported judges the report about the canary.
func (x *examiner) reported(report []byte, d gateway.RelayDetails, a args) {
	subject := x.Config.Domain
	switch {
	case !d.DSN:
		x.skip("canary", subject, "dsn-none", a)
		return
	case report == nil:
		x.change("canary", subject, "dsn-lost", a, "")
		return
	}
	m, err := message.Read(bytes.NewReader(report), int64(len(report)), message.DefaultLimits())
	if err != nil {
		x.change("canary", subject, "dsn-strange", args{"Cause": cause(err)}, "")
		return
	}
	result := classify.Classify(m)
	a["Action"] = "?"
	for _, r := range result.Reports {
		a["Action"] = r.Action
	}
	switch {
	case result.Class != classify.ClassReport || len(result.Reports) == 0:
		x.change("canary", subject, "dsn-strange", args{"Cause": string(result.Class)}, "")
	case a["Action"] == "failed":
		x.change("canary", subject, "dsn-failed", a, "")
	case a["Action"] == "delivered":
		x.ok("canary", subject, "dsn-delivered", a)
	default:
		x.skip("canary", subject, "dsn-other", a)
	}
}

// trusted says what our own server thought of the canary's sender.
func (x *examiner) trusted(came []byte) {
	m, err := message.Read(bytes.NewReader(came), int64(len(came)), message.DefaultLimits())
	if err != nil {
		return
	}
	results := oneLine(m.Header().Get("Authentication-Results"))
	switch {
	case results == "":
	case failedTest.MatchString(results):
		x.change("canary", x.Config.Domain, "misjudged", args{"Words": results}, "")
	default:
		x.ok("canary", x.Config.Domain, "judged", args{"Words": results})
	}
}

// failedTest finds a failure among Authentication-Results (RFC 8601 §2.7).
var failedTest = regexp.MustCompile(`(?i)\b(spf|dkim|dmarc)=(fail|softfail|permerror)\b`)
