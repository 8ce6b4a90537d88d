package doctor

import (
	"context"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"

	"vaguemestre/cmd/internal/daemon"
	"vaguemestre/gateway/oauth"
	"vaguemestre/outbound/relay"
)

// tokens asks each source for an access token.
func (x *examiner) tokens(ctx context.Context) {
	var err error
	x.sources, err = daemon.NewTokens(x.Config, nil, x.Now)
	for _, o := range x.Config.OAuth {
		failed := err
		if failed == nil {
			failed = x.token(ctx, x.sources[o.Name])
		}
		if failed != nil {
			x.change("oauth", o.Name, "failed", args{"Cause": cause(failed)}, "")
			continue
		}
		x.ok("oauth", o.Name, "fine", nil)
	}
}

func (x *examiner) token(ctx context.Context, s *oauth.Source) error {
	ctx, done := x.patient(ctx)
	defer done()
	_, err := s.Token(ctx)
	return err
}

// relays logs in at each smarthost as a delivery does.
func (x *examiner) relays(ctx context.Context) {
	hosts, err := daemon.Smarthosts(x.Config, x.sources)
	if err != nil {
		x.change("relay", "relay", "unusable", args{"Cause": cause(err)}, "")
		return
	}
	for _, h := range hosts {
		x.relay(ctx, h)
	}
}

func (x *examiner) relay(ctx context.Context, h relay.Host) {
	asking, done := x.patient(ctx)
	defer done()
	begun := x.Now()
	name, err := daemon.RelayName(x.Config)
	var seen relay.Examination
	if err == nil {
		seen, err = relay.Examine(asking, name, h)
	}
	if err != nil {
		x.change("relay", h.Address, stageCode(seen.Stage), args{"Cause": cause(err)}, "")
		return
	}
	if t, ok := clockOf(seen.Peer); ok {
		x.clocks = append(x.clocks, reading{h.Address, t, begun, time.Second})
	}
	x.protection(h, seen)
	if h.Auth == nil {
		x.ok("relay", h.Address, "open", nil)
	} else {
		x.ok("relay", h.Address, "login", args{"Username": h.Auth.Username})
	}
	x.capabilities(h.Address, seen.Extensions)
}

// stageCode names a stage of a connection in the sentences.
func stageCode(stage string) string {
	switch stage {
	case "tls", "auth":
		return stage
	}
	return "away"
}

func (x *examiner) protection(h relay.Host, seen relay.Examination) {
	a := args{"Version": seen.TLS, "Cipher": seen.Cipher}
	switch {
	case seen.TLS == "" && loopback(h.Address):
		x.skip("relay", h.Address, "local", nil)
	case seen.TLS == "":
		x.change("relay", h.Address, "clear", nil, "")
	case !seen.Verified:
		x.change("relay", h.Address, "unverified", a, "")
	default:
		x.ok("relay", h.Address, "tls-fine", a)
	}
	if seen.Certificate != nil {
		x.expiry("relay", h.Address, seen.Certificate)
	}
}

// loopback tells a relay of this machine.
func loopback(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// capabilities says what letters will miss at a relay that cannot do something.
func (x *examiner) capabilities(address string, ext map[string]string) {
	need := x.Config.Submission.MaxBytes
	limit, _ := strconv.ParseInt(strings.TrimSpace(ext["SIZE"]), 10, 64) // RFC 1870 §4: none or 0 is no limit that is known
	if _, ok := ext["SIZE"]; ok && limit > 0 && limit < need {
		x.change("relay", address, "size", args{"Limit": limit, "Need": need}, "")
	} else {
		x.ok("relay", address, "size-fine", args{"Limit": limit})
	}
	if _, ok := ext["DSN"]; !ok {
		x.change("relay", address, "dsn", nil, "")
	} else {
		x.ok("relay", address, "dsn-fine", nil)
	}
	if _, ok := ext["REQUIRETLS"]; x.Config.Relay.RequireTLS && !ok {
		x.change("relay", address, "requiretls", nil, "")
	}
	if _, ok := ext["8BITMIME"]; !ok {
		x.change("relay", address, "eightbit", nil, "")
	}
	for _, optional := range []string{"SMTPUTF8", "PIPELINING"} {
		if _, ok := ext[optional]; ok {
			x.ok("relay", address, strings.ToLower(optional)+"-fine", nil)
		} else {
			x.skip("relay", address, strings.ToLower(optional), nil)
		}
	}
}

// reading is somebody else's clock, read at an instant of ours; slack is how exact it can be.
type reading struct {
	whose     string
	said, our time.Time
	slack     time.Duration
}

// greetedAt is the date that some servers greet with (RFC 5322 §3.3).
var greetedAt = regexp.MustCompile(`(?:[A-Z][a-z]{2}, )\d{1,2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} [+-]\d{4}`)

func clockOf(greeting string) (time.Time, bool) {
	t, err := time.Parse("Mon, 2 Jan 2006 15:04:05 -0700", greetedAt.FindString(greeting))
	return t, err == nil
}

// adrift is how far our clock may be from another's.
const adrift = 10 * time.Second

// clock compares ours with those that were read on the way: one of them agreeing is enough.
func (x *examiner) clock(context.Context) {
	if len(x.clocks) == 0 {
		x.skip("clock", "", "unknown", nil)
		return
	}
	best := x.clocks[0]
	for _, r := range x.clocks[1:] {
		if r.off() < best.off() {
			best = r
		}
	}
	a := args{"Whose": best.whose, "Seconds": int(best.off().Seconds())}
	if best.off() > adrift+best.slack {
		x.change("clock", best.whose, "off", a, "")
		return
	}
	x.ok("clock", best.whose, "fine", a)
}

func (r reading) off() time.Duration { return r.said.Sub(r.our).Abs() }
