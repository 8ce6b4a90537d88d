package roster

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"vaguemestre/gateway/address"
)

// column is one that a CSV file may have: the key of JSON that it says, and the names it may bear, the first of
// which stands in English texts.
type column struct {
	key   string
	names []string
}

// The columns of a consultation, then those of a company.
var columns = [...]column{
	{"reference", []string{"reference"}},
	{"address", []string{"address", "adresse passerelle"}},
	{"title", []string{"title", "intitulé"}},
	{"object", []string{"object", "objet"}},
	{"deadline", []string{"deadline", "date limite", "date limite de remise des plis"}},
	{"public_body", []string{"public_body", "organisme"}},
	{"purchasing_entity", []string{"purchasing_entity", "entité d'achat"}},
	{"zone", []string{"zone", "fuseau"}},
	{"language", []string{"language", "langue"}},
	{"archived", []string{"archived", "archivée"}},

	{"name", []string{"company", "entreprise", "raison sociale"}},
	{"ref", []string{"ref", "identifiant"}},
	{"addresses", []string{"mail", "courriel", "email", "e-mail", "adresse électronique"}},
	{"registers", []string{"registers", "registres", "register", "registre"}},
}

const companyColumns = 4 // the last of columns

// plain is a column's name without case, accents and punctuation.
func plain(name string) string {
	return strings.NewReplacer("-", "", "_", "", ".", "").Replace(address.Fold(name))
}

// ReadCSV reads consultations as the package says, for a gateway of that domain. It fails with Problems, each with its
// line, when the file is to be changed.
func ReadCSV(r io.Reader, domain string) ([]Entry, error) {
	grammar, err := address.New(domain, nil)
	if err != nil {
		return nil, err
	}
	text, err := slurp(r)
	if err != nil {
		return nil, err
	}
	t := &table{reader: reader{grammar: grammar}, headings: map[string]string{}, byReference: map[string]*group{}}
	t.reader.place = t.where
	t.read(unmarked(text))
	entries := t.entries()
	if len(t.problems) > 0 {
		slices.SortStableFunc(t.problems, func(a, b Problem) int { return lineOf(a) - lineOf(b) })
		return nil, t.problems
	}
	return entries, nil
}

func lineOf(p Problem) int {
	n := 0
	_, _ = fmt.Sscanf(p.Path, "line %d", &n) // 0: of the file as a whole
	return n
}

// unmarked is the text in UTF-8, without its mark. What is not UTF-8 is Windows-1252, which every octet can be.
func unmarked(text []byte) []byte {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if !utf8.Valid(text) {
		text, _ = charmap.Windows1252.NewDecoder().Bytes(text) // the five octets it has not become U+FFFD, which is refused
	}
	return text
}

// separator takes the one that a first line "sep=;" says, as spreadsheets write, or else the one that the column names use most.
func separator(text []byte) (comma rune, skip int) {
	first, _, _ := bytes.Cut(text, []byte("\n"))
	if said, ok := bytes.CutPrefix(bytes.TrimRight(first, "\r"), []byte("sep=")); ok && len(said) == 1 && bytes.Contains([]byte(",;\t"), said) {
		return rune(said[0]), len(first) + 1
	}
	comma = ','
	for _, other := range ";\t" {
		if bytes.Count(first, []byte(string(other))) > bytes.Count(first, []byte(string(comma))) {
			comma = other
		}
	}
	return comma, 0
}

// table is a CSV file under way.
type table struct {
	reader
	headings    map[string]string // of the file, by key
	groups      []*group
	byReference map[string]*group
}

// group is the lines of one consultation.
type group struct {
	line      int
	facts     map[string]any
	lines     map[string]int // where each fact was first said
	companies []map[string]any
	at        []int // the line of each company
}

// read takes every line apart; a line that is broken does not stop the next.
func (t *table) read(text []byte) {
	comma, skip := separator(text)
	lines := csv.NewReader(bytes.NewReader(text[min(skip, len(text)):]))
	lines.Comma, lines.FieldsPerRecord = comma, -1
	before := bytes.Count(text[:min(skip, len(text))], []byte("\n"))
	var keys []string
	for {
		cells, err := lines.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		var broken *csv.ParseError
		if errors.As(err, &broken) {
			t.tell(lineName(before+broken.StartLine), "not CSV at character %d: %v", broken.Column, broken.Err)
			continue
		}
		if err != nil {
			t.tell("", "%v", err)
			return
		}
		n, _ := lines.FieldPos(0)
		if keys == nil {
			keys = t.heads(before+n, cells)
			continue
		}
		t.line(before+n, keys, cells)
	}
	if keys == nil {
		t.tell(lineName(1), "a first line of column names is expected")
	}
}

func lineName(n int) string { return "line " + strconv.Itoa(n) }

// heads understands the names of the columns; one that is not known has the key "".
func (t *table) heads(n int, cells []string) []string {
	keys := make([]string, len(cells))
	for i, cell := range cells {
		at := slices.IndexFunc(columns[:], func(c column) bool {
			return slices.ContainsFunc(c.names, func(name string) bool { return plain(name) == plain(cell) })
		})
		switch {
		case strings.TrimSpace(cell) == "":
		case at < 0:
			t.unknown(n, cell)
		case t.headings[columns[at].key] != "":
			t.tell(lineName(n), "the columns %q and %q say the same", t.headings[columns[at].key], cell)
		default:
			keys[i] = columns[at].key
			t.headings[keys[i]] = strings.TrimSpace(cell)
		}
	}
	if t.headings["reference"] == "" {
		t.tell(lineName(n), "the column %q is missing", "reference")
	}
	return keys
}

func (t *table) unknown(n int, cell string) {
	var known []string
	for _, c := range columns {
		known = append(known, c.names...)
	}
	if near := address.Near(address.Fold(cell), known); len(near) > 0 {
		t.tell(lineName(n), "the column %q is not known: did you mean %q?", cell, near[0])
		return
	}
	t.tell(lineName(n), "the column %q is not known", cell)
}

// line adds what a line says to its consultation.
func (t *table) line(n int, keys, cells []string) {
	said := map[string]string{}
	for i, cell := range cells {
		cell = strings.TrimSpace(cell)
		switch {
		case cell == "":
		case i >= len(keys):
			t.tell(lineName(n), "has %d cells, and there are %d columns", len(cells), len(keys))
			return
		case keys[i] != "":
			said[keys[i]] = cell
		}
	}
	if len(said) == 0 || t.headings["reference"] == "" {
		return
	}
	reference := strings.Join(strings.Fields(said["reference"]), " ")
	if reference == "" {
		t.tell(t.at(n, "reference"), "this cell is empty")
		return
	}
	g := t.byReference[reference]
	if g == nil {
		g = &group{line: n, facts: map[string]any{}, lines: map[string]int{}}
		t.byReference[reference] = g
		t.groups = append(t.groups, g)
	}
	t.facts(g, n, said)
	t.company(g, n, said)
}

// facts adds those of the consultation; a line may leave out what another one says, and not say something else.
func (t *table) facts(g *group, n int, said map[string]string) {
	for _, c := range columns[:len(columns)-companyColumns] {
		value, there := said[c.key]
		before, known := g.facts[c.key]
		switch {
		case !there:
		case !known:
			g.facts[c.key], g.lines[c.key] = value, n
		case before != value && c.key != "reference":
			t.tell(t.at(n, c.key), "%q, and line %d says %q of the same consultation", value, g.lines[c.key], before)
		}
	}
}

func (t *table) company(g *group, n int, said map[string]string) {
	company := map[string]any{"name": said["name"]}
	if said["ref"] != "" {
		company["ref"] = said["ref"]
	}
	for key, between := range map[string]string{"addresses": ",;| \t\r\n", "registers": ",;|+/\r\n"} {
		var parts []any
		for part := range strings.FieldsFuncSeq(said[key], func(r rune) bool { return strings.ContainsRune(between, r) }) {
			if part = strings.TrimSpace(part); part != "" {
				parts = append(parts, part)
			}
		}
		company[key] = parts
	}
	if said["name"]+said["ref"]+said["addresses"]+said["registers"] == "" {
		return // the line is about the consultation alone
	}
	g.companies, g.at = append(g.companies, company), append(g.at, n)
}

// entries reads the groups as the objects of a JSON file are read.
func (t *table) entries() []Entry {
	var all []Entry
	for i, g := range t.groups {
		if _, said := g.facts["public_body"]; !said {
			g.facts["public_body"] = ""
		}
		e := t.consultation(fmt.Sprintf("#%d", i), g.facts)
		gathered := gathering{at: make(map[string]int, len(g.companies))}
		for j, company := range g.companies {
			path := lineName(g.at[j])
			t.gather(&gathered, path, t.reader.company(path, company))
		}
		e.Companies, e.Listed, e.Place = gathered.all, len(g.companies) > 0, lineName(g.line)
		all = append(all, e)
	}
	return all
}

// where is the place of a path: "#2.deadline" is of the third consultation, "line 7.addresses[0]" of a line.
func (t *table) where(path string) string {
	whole, key, _ := strings.Cut(path, ".")
	key, _, _ = strings.Cut(key, "[")
	i, ok := strings.CutPrefix(whole, "#")
	if !ok {
		if key == "" {
			return path
		}
		n, _ := strconv.Atoi(strings.TrimPrefix(whole, "line "))
		return t.at(n, key)
	}
	n, _ := strconv.Atoi(i) // ours
	g := t.groups[n]
	line := g.line
	if said, ok := g.lines[key]; ok {
		line = said
	}
	return t.at(line, key)
}

// at names a cell by its line and its column, as the file calls it.
func (t *table) at(n int, key string) string {
	heading := t.headings[key]
	if heading == "" {
		i := slices.IndexFunc(columns[:], func(c column) bool { return c.key == key })
		heading = columns[max(i, 0)].names[0]
	}
	return fmt.Sprintf("%s, column %q", lineName(n), heading)
}
