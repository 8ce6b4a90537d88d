package proof

import (
	"strconv"
	"strings"
	"time"
)

// Verdict is what Verify says of one thing.
type Verdict int

// The verdicts.
const (
	Proved    Verdict = iota // it was checked, and is right
	NotProved                // nothing is wrong, and nothing shows that it is right
	Wrong                    // it was checked, and is not right
)

// Finding is one thing that Verify looked at.
type Finding struct {
	Verdict Verdict
	Key     string // of the sentence, stable for programs: "seal-broken"
	Args    []string
}

// Report is what Verify found.
type Report struct {
	Findings []Finding
	Evidence *Evidence // nil: it could not be read
}

// OK tells that nothing is wrong. What is not proved stands in Findings.
func (r *Report) OK() bool { return r.worst() != Wrong }

func (r *Report) worst() Verdict {
	worst := Proved
	for _, f := range r.Findings {
		worst = max(worst, f.Verdict)
	}
	return worst
}

func (r *Report) add(v Verdict, key string, args ...string) {
	r.Findings = append(r.Findings, Finding{v, key, args})
}

// Text says the report in plain words, in "fr" or "en": one line for each finding, what is wrong first.
func (r *Report) Text(language string) string {
	w, err := wordsOf(language)
	if err != nil {
		return err.Error() // the words are embedded and tested
	}
	var b strings.Builder
	if r.Evidence != nil {
		b.WriteString(r.Evidence.Issued.Title + "\n" + r.Evidence.Consultation.Reference + " · " + r.Evidence.Courier.Subject + "\n\n")
	}
	if r.OK() {
		b.WriteString(w.t("verify.sound") + "\n\n")
	} else {
		b.WriteString(w.t("verify.unsound") + "\n\n")
	}
	zone := time.UTC
	if r.Evidence != nil {
		zone = r.Evidence.Consultation.Location()
	}
	for _, v := range []Verdict{Wrong, Proved, NotProved} {
		for _, f := range r.Findings {
			if f.Verdict == v {
				b.WriteString(w.t([]string{"verify.proved", "verify.unknown", "verify.failed"}[v]) + w.sentence(f, zone) + "\n")
			}
		}
	}
	return b.String()
}

// whatsApart stands between the things that one finding is about: no name holds it.
const whatsApart = "\n"

// sentence fills in a finding's text: times in the zone, inner keys as words.
func (w words) sentence(f Finding, zone *time.Location) string {
	args := append([]string(nil), f.Args...)
	for i := 0; i+1 < len(args); i += 2 {
		switch args[i] {
		case "at":
			if micros, err := strconv.ParseInt(args[i+1], 10, 64); err == nil {
				args[i+1] = w.instant(time.UnixMicro(micros).In(zone))
			}
		case "what":
			var parts []string
			for what := range strings.SplitSeq(args[i+1], whatsApart) {
				key, name, _ := strings.Cut(what, " ")
				parts = append(parts, w.t("verify.what-"+key, "name", name))
			}
			args[i+1] = strings.Join(parts, ", ")
		case "kind":
			args[i+1] = w.or("step", args[i+1])
		}
	}
	return w.t("verify."+f.Key, args...)
}

func atArg(t time.Time) string { return strconv.FormatInt(t.UnixMicro(), 10) }
