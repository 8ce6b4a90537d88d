package intake

import (
	"context"
	"slices"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/address"
	"vaguemestre/gateway/message"
)

// exam is one submission under the rules: what they have understood of it so far.
type exam struct {
	in  *Intake
	s   Submission
	now time.Time // when the courier is accepted, if it is

	msg       *message.Message
	from      string // the From, which the agent owns
	fromName  string
	messageID string

	entitled     []gateway.Consultation
	names        map[string]*gateway.Consultation // of entitled, by every name that means one
	wishes       []address.Wish
	free         []string // companies' addresses of the envelope
	answered     []target // recipients of thread addresses
	thread       gateway.ID
	strays       []string // brackets of the subject that name nothing
	subject      string   // without its tags
	request      *address.Recipient
	wish         address.Wish // all wishes, merged
	consultation gateway.Consultation
	kind         gateway.CourierType
	options      gateway.Options
	targets      []target
	files        []gateway.File
	text         string // of the body, without its signature
	model        string // the type's body, when the agent's was empty

	courier   gateway.Courier     // as it would be accepted
	addressed []gateway.Recipient // its recipients, as they would be
	checks    []Check

	warnings []Warning
}

// target is a mailbox to write to.
type target struct {
	address  string
	company  gateway.ID
	name     string
	register gateway.Register
}

// Check is what one rule found.
type Check struct {
	Rule    string           // its sentence is check.<Rule> in the catalogue
	Skipped bool             // a rule that it needs refused
	Faults  []*gateway.Fault // none: good
}

// rule is one thing that must hold. Its code and status go with its refusals (RFC 5321 §4.2, RFC 3463).
type rule struct {
	name   string
	needs  []string // rules without which it makes no sense
	code   int
	status [3]int
	check  func(*exam, context.Context) ([]*gateway.Fault, error)
}

// rules lists every rule, in the order in which an agent is told.
var rules = [...]rule{
	{"account", nil, 550, [3]int{5, 7, 1}, (*exam).account},
	{"message", nil, 554, [3]int{5, 6, 0}, (*exam).readable},
	{"sender", []string{"account", "message"}, 550, [3]int{5, 7, 1}, (*exam).sender},
	{"asked", []string{"account", "message"}, 550, [3]int{5, 1, 3}, (*exam).asked},
	{"consultation", []string{"asked"}, 550, [3]int{5, 7, 1}, (*exam).named},
	{"type", []string{"asked"}, 550, [3]int{5, 7, 0}, (*exam).typed},
	{"options", []string{"consultation", "type"}, 550, [3]int{5, 7, 0}, (*exam).chosen},
	{"recipients", []string{"consultation"}, 550, [3]int{5, 1, 1}, (*exam).expanded},
	{"addresses", []string{"recipients"}, 550, [3]int{5, 1, 10}, (*exam).reachable},
	{"files", []string{"consultation", "type"}, 552, [3]int{5, 3, 4}, (*exam).weighed},
	{"subject", []string{"consultation", "type"}, 550, [3]int{5, 6, 0}, (*exam).titled},
	{"body", []string{"consultation", "type"}, 550, [3]int{5, 6, 0}, (*exam).written},
	{"composition", []string{"sender", "options", "recipients", "files", "subject", "body"}, 554, [3]int{5, 6, 0}, (*exam).composed},
}

// needed lists the rules that must hold for an action. A trial tells of the others in its report.
func needed(a address.Action) []string {
	switch a {
	case address.Draft, address.Trial:
		return []string{"account", "message", "sender", "asked", "consultation"}
	case address.Model:
		return []string{"account", "message", "sender", "asked", "consultation", "type"}
	}
	all := make([]string, len(rules))
	for i, r := range rules {
		all[i] = r.name
	}
	return all
}

func (in *Intake) exam(s Submission) *exam {
	return &exam{in: in, s: s, now: gateway.Micros(in.o.Now())}
}

// run applies every rule whose needs are met. Its error is a failure of ours.
func (x *exam) run(ctx context.Context) error {
	held := make([]string, 0, len(rules))
	x.checks = make([]Check, 0, len(rules))
	for _, r := range rules {
		c := Check{Rule: r.name, Skipped: slices.ContainsFunc(r.needs, func(n string) bool { return !slices.Contains(held, n) })}
		if x.request != nil {
			return nil
		}
		if !c.Skipped {
			faults, err := r.check(x, ctx)
			if err != nil {
				return err
			}
			c.Faults = r.stamp(faults)
		}
		if !c.Skipped && len(c.Faults) == 0 {
			held = append(held, r.name)
		}
		x.checks = append(x.checks, c)
	}
	return nil
}

// stamp gives refusals their code, unless they came with their own.
func (r rule) stamp(faults []*gateway.Fault) []*gateway.Fault {
	var real []*gateway.Fault
	for _, f := range faults {
		if f == nil {
			continue
		}
		if f.Code == 0 {
			f.Code, f.Enhanced = r.code, r.status
		}
		real = append(real, f)
	}
	return real
}

// refuse is a permanent refusal, coded by its rule; pairs are the arguments of the sentence.
func refuse(key string, pairs ...any) *gateway.Fault {
	args := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		args[pairs[i].(string)] = pairs[i+1]
	}
	return gateway.Refuse(0, [3]int{}, key, args)
}

func one(f *gateway.Fault) []*gateway.Fault { return []*gateway.Fault{f} }

// first is the first refusal of the rules given.
func (x *exam) first(among []string) *gateway.Fault {
	for _, c := range x.checks {
		if len(c.Faults) > 0 && slices.Contains(among, c.Rule) {
			return c.Faults[0]
		}
	}
	return nil
}

// Report is all that the rules found of a submission.
type Report struct {
	Action     address.Action
	Checks     []Check
	Courier    gateway.Courier // as it would be accepted, as far as it was understood
	Recipients []gateway.Recipient
	Warnings   []Warning
	Model      bool // the type's text stands for an empty one
}

// Good tells that the courier would be accepted.
func (r Report) Good() bool {
	return !slices.ContainsFunc(r.Checks, func(c Check) bool { return c.Skipped || len(c.Faults) > 0 })
}

func (x *exam) report() Report {
	c, recipients := x.prospect(), x.addressed
	if recipients == nil {
		recipients = x.recipients(c.ID)
	}
	return Report{Action: x.wish.Action, Checks: x.checks, Courier: c, Recipients: recipients, Warnings: x.warnings, Model: x.model != ""}
}
