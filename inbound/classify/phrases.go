package classify

import (
	"regexp"
	"regexp/syntax"
	"strings"
)

// phrases is a set of alternatives looked for in lower-case text. Each is tried only when the text
// holds one of the words that it cannot do without: the tables are long, mails are many, and Go's
// regular expressions cost the length of the text times that of the table.
type phrases []phrase

type phrase struct {
	need []string       // one of these must be in the text; none: always tried
	re   *regexp.Regexp // nil: the need is all there is
}

// words makes a set of alternatives. They are regular expressions in lower case.
func words(alternatives ...string) phrases {
	set := make(phrases, len(alternatives))
	for i, pattern := range alternatives {
		parsed, err := syntax.Parse(pattern, syntax.Perl)
		if err != nil {
			panic("classify: " + pattern + ": " + err.Error()) // a table of ours is wrong
		}
		parsed = parsed.Simplify()
		set[i].need = needs(parsed)
		if parsed.Op != syntax.OpLiteral || parsed.Flags&syntax.FoldCase != 0 {
			set[i].re = regexp.MustCompile(pattern)
		}
	}
	return set
}

// starts makes a set of alternatives that stand at the beginning of the text.
func starts(alternatives ...string) phrases {
	anchored := make([]string, len(alternatives))
	for i, a := range alternatives {
		anchored[i] = "^(?:" + a + ")"
	}
	return words(anchored...)
}

// oneOf is a group of alternatives within a longer expression.
func oneOf(alternatives ...string) string { return "(?:" + strings.Join(alternatives, "|") + ")" }

// MatchString tells whether one of the alternatives is in the text.
func (set phrases) MatchString(text string) bool {
	for _, p := range set {
		if p.in(text) && (p.re == nil || p.re.MatchString(text)) {
			return true
		}
	}
	return false
}

func (p phrase) in(text string) bool {
	for _, need := range p.need {
		if strings.Contains(text, need) {
			return true
		}
	}
	return len(p.need) == 0
}

// maxNeeds bounds the words that stand for one alternative: beyond, looking for them costs more than trying.
const maxNeeds = 40

// needs are words one of which every match contains, the longer the better; none when nothing can be said.
func needs(re *syntax.Regexp) []string {
	switch re.Op {
	case syntax.OpLiteral:
		if re.Flags&syntax.FoldCase != 0 || len(re.Rune) < 2 {
			return nil
		}
		return []string{string(re.Rune)}
	case syntax.OpCapture, syntax.OpPlus:
		return needs(re.Sub[0])
	case syntax.OpRepeat:
		if re.Min > 0 {
			return needs(re.Sub[0])
		}
	case syntax.OpConcat:
		var best []string
		for _, sub := range re.Sub {
			if found := needs(sub); better(found, best) {
				best = found
			}
		}
		return best
	case syntax.OpAlternate:
		var all []string
		for _, sub := range re.Sub {
			found := needs(sub)
			if len(found) == 0 {
				return nil
			}
			all = append(all, found...)
		}
		if len(all) <= maxNeeds {
			return all
		}
	}
	return nil
}

// better prefers the set whose shortest word is longest.
func better(a, b []string) bool {
	return len(a) > 0 && (len(b) == 0 || shortest(a) > shortest(b))
}

func shortest(list []string) int {
	n := len(list[0])
	for _, s := range list {
		n = min(n, len(s))
	}
	return n
}
