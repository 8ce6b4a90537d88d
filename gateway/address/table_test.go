package address

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vaguemestre/gateway"
	"vaguemestre/gateway/catalog"
)

var update = flag.Bool("update", false, "write what was understood into testdata")

var nine = []gateway.TypeCode{
	gateway.Libre, gateway.Invitation, gateway.Modification, gateway.Question, gateway.Complement,
	gateway.Attribution, gateway.Notification, gateway.Rejet, gateway.Annulation,
}

func grammar(t testing.TB) *Grammar {
	t.Helper()
	g, err := New("passerelle.example", nine)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

const table = "testdata/table.txt"

func TestWhatTheAgentWrote(t *testing.T) {
	text, err := os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	g := grammar(t)
	var got strings.Builder
	cases := 0
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "  ") {
			continue
		}
		got.WriteString(line + "\n")
		if line == "" || line[0] == '#' {
			continue
		}
		cases++
		got.WriteString("  " + g.explain(strings.Split(line, " | ")) + "\n")
	}
	if cases < 150 {
		t.Errorf("%d cases, fewer than 150", cases)
	}
	if *update {
		if err := os.WriteFile(table, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(text), got.String()); diff != "" {
		t.Errorf("%s (-) and what is understood (+):\n%s", table, diff)
	}
}

// explain says in one line what the places of a message come to.
func (g *Grammar) explain(places []string) string {
	var wishes []Wish
	var header []Field
	var notes []string
	for _, place := range places {
		kind, value, _ := strings.Cut(place, ":")
		value = strings.TrimSpace(value)
		switch kind {
		case "to":
			r, fault := g.Recipient(value)
			if fault != nil {
				return refusal(fault)
			}
			wishes, notes = append(wishes, r.Wish), append(notes, note(r)...)
		case "field":
			name, value, _ := strings.Cut(value, ":")
			header = append(header, Field{name, value})
		case "subject":
			s, fault := g.Subject(value, func(name string) bool {
				return slices.Contains([]string{"testesr2020", "mapa-2021-03", "lot.2"}, name)
			})
			if fault != nil {
				return refusal(fault)
			}
			wishes, notes = append(wishes, s.Wishes...), append(notes, fmt.Sprintf("objet %q", s.Text))
			for _, stray := range s.Strays {
				name, worded := g.StrayName(stray)
				notes = append(notes, fmt.Sprintf("crochets %q (%s, %t)", stray, name, worded))
			}
		}
	}
	fields, fault := g.Fields(header)
	if fault != nil {
		return refusal(fault)
	}
	client, fault := g.Client(header)
	if fault != nil {
		return refusal(fault)
	}
	all, fault := Merge(append(wishes, fields, client)...)
	if fault != nil {
		return refusal(fault)
	}
	for _, id := range g.Answered(header) {
		notes = append(notes, "répond à "+id)
	}
	return strings.TrimSpace("= " + strings.Join(append(understood(all), notes...), " · "))
}

func note(r Recipient) []string {
	switch r.Kind {
	case Free:
		return []string{"à " + r.Mailbox}
	case Thread:
		return []string{"fil " + r.Token}
	case Proof:
		return []string{"preuve " + r.Courier.String()}
	case Postmaster:
		return []string{"administrateur"}
	}
	return nil
}

func understood(w Wish) []string {
	var said []string
	if w.Name != "" {
		said = append(said, w.Name)
	}
	for _, r := range w.Registers {
		said = append(said, "registre "+string(r))
	}
	said = append(said, w.words()...)
	if !w.By.Instant.IsZero() {
		said = append(said, w.By.String())
	}
	return said
}

func refusal(f *gateway.Fault) string { return "! " + catalog.Text(catalog.French, f.Key, f.Args) }
