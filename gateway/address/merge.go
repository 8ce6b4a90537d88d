package address

import (
	"slices"
	"strings"

	"vaguemestre/gateway"
)

// Merge puts together all that a message says. The first source that speaks wins, for each
// option by itself; two places of one source that contradict each other are refused, and so are two
// different consultations wherever they were said. Registers and companies add up.
func Merge(wishes ...Wish) (Wish, *gateway.Fault) {
	ordered := slices.Clone(wishes)
	slices.SortStableFunc(ordered, func(a, b Wish) int { return int(a.Source) - int(b.Source) })
	var all Wish
	if fault := oneName(&all, ordered); fault != nil {
		return Wish{}, fault
	}
	for _, w := range ordered {
		all.Registers = union(all.Registers, w.Registers)
		all.Companies = union(all.Companies, w.Companies)
	}
	return all, firstFault(
		settle(&all.Type, ordered, func(w Wish) gateway.TypeCode { return w.Type }, func(t gateway.TypeCode) string { return string(t) }),
		settle(&all.Acknowledged, ordered, func(w Wish) Choice { return w.Acknowledged }, sayAcknowledged),
		settle(&all.Reply, ordered, func(w Wish) Choice { return w.Reply }, sayReply),
		settle(&all.By, ordered, func(w Wish) Moment { return w.By }, formatBy),
		settle(&all.Sealed, ordered, func(w Wish) Choice { return w.Sealed }, saySealed),
		settle(&all.Action, ordered, func(w Wish) Action { return w.Action }, func(a Action) string { return string(a) }),
	)
}

func oneName(all *Wish, ordered []Wish) *gateway.Fault {
	var names []string
	for _, w := range ordered {
		if w.Name != "" && !slices.Contains(names, w.Name) {
			names = append(names, w.Name)
		}
	}
	if len(names) > 1 {
		for i := range names {
			names[i] = strings.ToUpper(names[i])
		}
		return refuse("refuse.two-consultations", "Names", names)
	}
	if len(names) == 1 {
		all.Name = names[0]
	}
	return nil
}

// settle takes one option from the first source that speaks of it.
func settle[T comparable](where *T, ordered []Wish, get func(Wish) T, say func(T) string) *gateway.Fault {
	var unsaid T
	spoke := FromClient + 1
	for _, w := range ordered {
		value := get(w)
		if value == unsaid || w.Source > spoke {
			continue
		}
		if fault := set(where, value, say); fault != nil {
			return fault
		}
		spoke = w.Source
	}
	return nil
}

func union[T comparable](all, more []T) []T {
	for _, m := range more {
		if !slices.Contains(all, m) {
			all = append(all, m)
		}
	}
	return all
}

func firstFault(faults ...*gateway.Fault) *gateway.Fault {
	for _, f := range faults {
		if f != nil {
			return f
		}
	}
	return nil
}
