// Package doctor looks at an installation from outside, as the first thing an administrator does when mail does not go:
// the machine, the DNS records of the gateway's domain, the relays, the mailboxes, the companies' pages, the authorities it
// relies on; and, when asked, sends a canary along the whole way.
//
// It promises that every finding that is not as it should be says what to change, with the record to publish where
// there is one; that nothing is changed, the canary apart, which the gateway files without a word; that every wait ends; and
// that no secret stands in a finding. It may run beside the daemon. A crash leaves nothing but perhaps a canary under way.
//
// The sentences stand in gateway/catalog, in the table [doctor].
package doctor

import (
	"context"
	"net"
	"time"

	"vaguemestre/gateway/catalog"
	"vaguemestre/gateway/config"
	"vaguemestre/gateway/oauth"
)

// Verdict is what is thought of one thing.
type Verdict string

// The verdicts.
const (
	OK      Verdict = "ok"
	Change  Verdict = "change"  // something is to be changed
	Skipped Verdict = "skipped" // it could not be judged, or is not configured
)

// Finding is what was found of one thing.
type Finding struct {
	Check   string  `json:"check"`   // a word of Checks
	Subject string  `json:"subject"` // which relay, record, file…
	Verdict Verdict `json:"verdict"`
	Code    string  `json:"code"`             // of the sentence, the same in every language
	Text    string  `json:"text"`             // what was found
	Advice  string  `json:"advice,omitempty"` // what to change
	Record  string  `json:"record,omitempty"` // ready to be pasted into the zone
}

// Resolver asks the DNS; *net.Resolver does.
type Resolver interface {
	LookupTXT(ctx context.Context, name string) ([]string, error)
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupIPAddr(ctx context.Context, host string) ([]net.IPAddr, error)
}

// Options says what to look at. Zero fields take the defaults given.
type Options struct {
	Config   config.Config
	Language string        // of the findings: "fr"
	Resolver Resolver      // net.DefaultResolver
	Patience time.Duration // for one answer: 20 s
	Canary   time.Duration // how long to wait for the canary; 0: none is sent
	Now      func() time.Time
}

// examiner is one examination.
type examiner struct {
	Options
	report  func(Finding)
	sources map[string]*oauth.Source // of access tokens
	clocks  []reading                // of others' clocks
}

// Examine looks at everything, one thing after the other, and reports each finding at once.
func Examine(ctx context.Context, o Options, report func(Finding)) {
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver
	}
	if o.Patience <= 0 {
		o.Patience = 20 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Language == "" {
		o.Language = catalog.French
	}
	x := &examiner{Options: o, report: report}
	for _, look := range []func(context.Context){
		x.folder, x.disk, x.store, x.certificates, x.tokens, x.relays, x.dkim, x.spf, x.dmarc, x.mx,
		x.mailboxes, x.pages, x.authority, x.clock, x.canary,
	} {
		if ctx.Err() == nil {
			look(ctx)
		}
	}
}

// args fill in a sentence.
type args = map[string]any

func (x *examiner) ok(check, subject, code string, a args) { x.find(OK, check, subject, code, a, "") }

func (x *examiner) skip(check, subject, code string, a args) {
	x.find(Skipped, check, subject, code, a, "")
}

// change reports what is to be changed; a record, when there is one, is to be published as it is.
func (x *examiner) change(check, subject, code string, a args, record string) {
	x.find(Change, check, subject, code, a, record)
}

func (x *examiner) find(v Verdict, check, subject, code string, a args, record string) {
	f := Finding{Check: check, Subject: subject, Verdict: v, Code: check + "-" + code, Record: record}
	f.Text = catalog.Text(x.Language, "doctor."+f.Code, a)
	if advice := "doctor." + f.Code + "-advice"; catalog.Has(advice) {
		f.Advice = catalog.Text(x.Language, advice, a)
	}
	x.report(f)
}

// patient bounds the wait for one answer.
func (x *examiner) patient(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, x.Patience)
}
