package address

import (
	"cmp"
	"slices"
)

// maxNear is how many proposals a person is shown.
const maxNear = 3

// Near lists the known words closest to one that is not known, closest first, at most three:
// those within a third of its length of slips (a letter missing, added, wrong, or two swapped).
func Near(word string, known []string) []string {
	type candidate struct {
		text string
		away int
	}
	limit := max(1, min(4, len([]rune(word))/3))
	var found []candidate
	for _, k := range known {
		if d := distance(word, k); d <= limit {
			found = append(found, candidate{k, d})
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
