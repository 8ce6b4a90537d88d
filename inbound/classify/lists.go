package classify

import "strings"

// A company's address may be a mailing list. Its manager refuses who is no member, and calls that neither a report
// nor a failure.

var (
	listManagers = words(`\b(sympa|mailman|majordomo|listserv|ezmlm|listmaster|listproc|fml)\b`, `-(owner|bounces|request|admin|help|return)@`)
	listRefusals = words(
		`not (a |an )?(member|subscriber|subscribed)\b`, `(members|subscribers)[- ]only`, `(restricted|reserved) to .{0,30}(members|subscribers)`,
		`not (allowed|authori[sz]ed|permitted) to (post|send|write)`, `(n'êtes|n'est) pas (abonn|membre|inscrit|autoris)`,
		`réservée? aux? (abonn|membre)`, `(message|posting) .{0,60}(has been|was|a été) (automatically )?(reject|refus|rejet)`,
		`nicht (mitglied|berechtigt)`, `kein mitglied`,
	)
	listHeaders = []string{"X-MLServer", "X-Mailman-Version", "X-Listname", "X-Loop", "Mailing-List", "X-ML-Name"}
)

// listRule: a list manager's refusal of our message. A machine must have written it: who writes to a list may speak of members too.
func listRule(v *view, r *Result) string {
	auto := strings.ToLower(strings.TrimSpace(v.header.Get("Auto-Submitted")))
	if !v.reportSubject() && v.machine(auto) == "" || v.header.Has("List-Post") || v.threaded() && !v.header.Has("X-MLServer") {
		return ""
	}
	if !listManagers.MatchString(v.fromText) && !v.hasAny(listHeaders) || !v.refusesMember() {
		return ""
	}
	r.Class = ClassReport
	v.reportsOf(r)
	for i := range r.Reports {
		r.Reports[i].Reason = Rejected // whatever else its words resemble: it is the sender whom it does not want
	}
	return "refusal of a mailing list"
}

func (v *view) refusesMember() bool {
	own, _ := v.prose()
	return opensWith(own, listRefusals)
}
