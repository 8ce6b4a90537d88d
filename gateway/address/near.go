package address

import (
	"cmp"
	"slices"
	"strings"

	"vaguemestre/gateway"
)

const (
	maxNear  = 3 // proposals that a person is shown
	minBegun = 4 // octets of a word that is taken for the beginning of another
)

// Near lists the known words closest to one that is not known, closest first, at most three:
// those within a third of its length of slips (a letter missing, added, wrong, or two swapped), then those that it begins.
func Near(word string, known []string) []string {
	type candidate struct {
		text string
		away int
	}
	limit := max(1, min(4, len([]rune(word))/3))
	var found []candidate
	for _, k := range known {
		switch d := distance(word, k); {
		case d <= limit:
			found = append(found, candidate{k, d})
		case len(word) >= minBegun && strings.HasPrefix(k, word):
			found = append(found, candidate{k, d + limit})
		}
	}
	slices.SortFunc(found, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(a.away, b.away), cmp.Compare(a.text, b.text))
	})
	var near []string
	for _, c := range found[:min(len(found), maxNear)] {
		near = append(near, c.text)
	}
	return near
}

// distance counts the slips between two words (optimal string alignment), in characters. Words longer than
// any of ours are as far as they are long, so that nobody makes us compare megabytes.
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	if len(x) > 4*MaxLocal || len(y) > 4*MaxLocal {
		return max(len(x), len(y))
	}
	before, above, row := make([]int, len(y)+1), make([]int, len(y)+1), make([]int, len(y)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(x); i++ {
		row[0] = i
		for j := 1; j <= len(y); j++ {
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+unlike(x[i-1], y[j-1]))
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(y)]
}

func unlike(a, b rune) int {
	if a == b {
		return 0
	}
	return 1
}

func registerWords() []string {
	var words []string
	for _, r := range gateway.Registers() {
		words = append(words, string(r))
	}
	return words
}

// registerMeant is the register that stands where a word should: itself, or its nearest when no word is near.
func registerMeant(word string, near []string) string {
	if slices.Contains(registerWords(), word) {
		return word
	}
	if registers := Near(word, registerWords()); len(near) == 0 && len(registers) > 0 {
		return registers[0]
	}
	return ""
}

// NearRegister explains a name that no consultation has, when it looks like a register badly
// written before a dot: the word, the registers it may be, and the rest of the name.
func NearRegister(name string) (word string, near []string, rest string) {
	word, rest, dotted := strings.Cut(name, ".")
	if !dotted {
		return "", nil, ""
	}
	return word, Near(word, registerWords()), rest
}

// Meant is the address that says rightly what a name says wrongly that no consultation has: a known name with a word or a register
// put on the wrong side of it, or by the wrong sign, as in testesr2020-rejet, rejet.testesr2020 and testesr2020.retraits. It is empty when there is none.
func (g *Grammar) Meant(name string, known []string) string {
	known = slices.Sorted(slices.Values(known))
	for _, k := range known {
		rest, ok := strings.CutPrefix(name, k)
		if ok && strings.ContainsAny(rest[:min(1, len(rest))], joints) {
			rest = rest[1:]
		} else if rest, ok = strings.CutSuffix(name, k); ok && strings.ContainsAny(rest[max(0, len(rest)-1):], joints) {
			rest = rest[:len(rest)-1]
		} else {
			continue
		}
		if text := g.rightly(k, rest); text != "" {
			return text
		}
	}
	return ""
}

// joints are what people put between a reference and a word in the place of +.
const joints = "-._"

func (g *Grammar) rightly(name, rest string) string {
	w := Wish{Name: name, Registers: []gateway.Register{gateway.Register(rest)}}
	if !slices.Contains(registerWords(), rest) {
		var fault *gateway.Fault
		if w, fault = g.Words(FromAddress, rest); fault != nil {
			w, fault = g.Words(FromAddress, strings.FieldsFunc(rest, func(r rune) bool { return strings.ContainsRune(joints, r) })...)
		}
		if fault != nil {
			return ""
		}
		w.Name = name
	}
	text, ok := g.Format(w)
	if !ok {
		return ""
	}
	return text
}
