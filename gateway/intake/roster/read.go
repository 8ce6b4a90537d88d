package roster

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"vaguemestre/gateway"
	"vaguemestre/gateway/address"
	"vaguemestre/gateway/catalog"
)

// Limits of what a file may say.
const (
	MaxFile      = 256 << 20 // octets
	maxReference = 200       // characters
	maxText      = 2000
	maxRef       = 36 // octets: the word e-… beside a name of 24 in a local part of 64
	maxProblems  = 1000
)

// Read reads one consultation, or an array of them, for a gateway of that domain. It fails with
// Problems when the file is to be changed.
func Read(r io.Reader, domain string) ([]Entry, error) {
	d, tree, err := begin(r, domain)
	if err != nil {
		return nil, err
	}
	list, array := tree.([]any)
	if !array {
		list = []any{tree}
	}
	entries := make([]Entry, 0, len(list))
	for i, item := range list {
		path := ""
		if array {
			path = fmt.Sprintf("[%d]", i)
		}
		entries = append(entries, d.consultation(path, item))
	}
	d.twice(entries)
	if len(d.problems) > 0 {
		return nil, d.problems
	}
	return entries, nil
}

// ReadCompanies reads {"companies": […]}, the companies of one consultation. It fails with Problems when they are to
// be changed.
func ReadCompanies(r io.Reader, domain string) ([]gateway.Company, error) {
	d, tree, err := begin(r, domain)
	if err != nil {
		return nil, err
	}
	o := d.object("", tree, "companies")
	if _, there := o.keys["companies"]; !there && o.keys != nil {
		d.problem("companies", "this key is missing")
	}
	companies := d.companies("", o.list("companies"))
	if len(d.problems) > 0 {
		return nil, d.problems
	}
	return companies, nil
}

// begin reads the JSON of a file for a gateway of that domain.
func begin(r io.Reader, domain string) (*reader, any, error) {
	grammar, err := address.New(domain, nil)
	if err != nil {
		return nil, nil, err
	}
	text, err := slurp(r)
	if err != nil {
		return nil, nil, err
	}
	tree, problem := parse(text)
	if problem != nil {
		return nil, nil, Problems{*problem}
	}
	return &reader{grammar: grammar}, tree, nil
}

func slurp(r io.Reader) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, MaxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read consultations: %w", err)
	}
	if len(text) > MaxFile {
		return nil, Problems{{"", fmt.Sprintf("larger than %d octets: split it", MaxFile)}}
	}
	return text, nil
}

// parse decodes one JSON value and nothing after it; an error has its line.
func parse(text []byte) (any, *Problem) {
	dec := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	var tree any
	err := dec.Decode(&tree)
	if err == nil {
		if _, err = dec.Token(); errors.Is(err, io.EOF) {
			return tree, nil
		}
		err = errors.New("something follows the end")
	}
	at := dec.InputOffset()
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		at = syntax.Offset
	}
	line := 1 + bytes.Count(text[:min(int(at), len(text))], []byte("\n"))
	return nil, &Problem{fmt.Sprintf("line %d", line), "not JSON: " + err.Error()}
}

// reader collects the problems of a file.
type reader struct {
	grammar  *address.Grammar
	place    func(path string) string // nil: paths are places
	problems Problems
}

func (d *reader) problem(path, format string, args ...any) {
	path = strings.TrimPrefix(path, ".")
	if d.place != nil {
		path = d.place(path)
	}
	d.tell(path, format, args...)
}

func (d *reader) tell(place, format string, args ...any) {
	if len(d.problems) < maxProblems {
		d.problems = append(d.problems, Problem{place, fmt.Sprintf(format, args...)})
	}
}

// object is a JSON object whose keys are taken one by one; what is left is not known.
type object struct {
	d    *reader
	path string
	keys map[string]any
}

func (d *reader) object(path string, value any, known ...string) object {
	keys, ok := value.(map[string]any)
	if !ok {
		d.problem(path, "an object is expected")
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if !slices.Contains(known, key) {
			near := address.Near(key, known)
			if len(near) > 0 {
				d.problem(path+"."+key, "this key is not known: did you mean %q?", near[0])
			} else {
				d.problem(path+"."+key, "this key is not known")
			}
		}
	}
	return object{d, path, keys}
}

// text takes a text on one line, white space made single.
func (o object) text(key string, most int, required bool) string {
	value, there := o.keys[key]
	if !there || value == nil {
		if required && o.keys != nil {
			o.d.problem(o.path+"."+key, "this key is missing")
		}
		return ""
	}
	text, ok := value.(string)
	if !ok {
		o.d.problem(o.path+"."+key, "a text is expected")
		return ""
	}
	text = strings.Join(strings.Fields(text), " ")
	switch {
	case text == "" && required:
		o.d.problem(o.path+"."+key, "this text is empty")
	case utf8.RuneCountInString(text) > most:
		o.d.problem(o.path+"."+key, "longer than %d characters", most)
	case strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError }):
		o.d.problem(o.path+"."+key, "has a control or invalid character")
	}
	return text
}

// list takes an array, absent or null being none.
func (o object) list(key string) []any {
	value, there := o.keys[key]
	if !there || value == nil {
		return nil
	}
	list, ok := value.([]any)
	if !ok {
		o.d.problem(o.path+"."+key, "an array is expected")
	}
	return list
}

// moment takes a date, in a zone when it says none.
func (o object) moment(key string, zone *time.Location) time.Time {
	text := o.text(key, 64, false)
	if text == "" {
		return time.Time{}
	}
	m, ok := address.ParseMoment(strings.TrimSuffix(text, ":00"))
	if !ok {
		m, ok = address.ParseMoment(text)
	}
	if !ok {
		o.d.problem(o.path+"."+key, `%q is not a date: write "2021-03-09T10:00:00+01:00" or "2021-03-09 10:00"`, text)
		return time.Time{}
	}
	t, fault := m.In(zone)
	if fault != nil {
		o.d.problem(o.path+"."+key, "%s", said(fault))
	}
	return gateway.Micros(t)
}

func said(f *gateway.Fault) string { return catalog.Text(catalog.English, f.Key, f.Args) }

func (d *reader) consultation(path string, value any) Entry {
	o := d.object(path, value, "reference", "address", "title", "object", "deadline", "public_body", "purchasing_entity",
		"zone", "language", "archived", "companies")
	c := gateway.Consultation{
		Reference: o.text("reference", maxReference, true), Address: o.text("address", address.MaxLocal, false),
		Title: o.text("title", maxText, false), Object: o.text("object", maxText, false),
		PublicBody: o.text("public_body", maxReference, true), PurchasingEntity: o.text("purchasing_entity", maxReference, false),
		Zone: o.text("zone", 64, false), Language: o.text("language", 8, false),
	}
	if c.Title == "" {
		c.Title = c.Reference
	}
	if c.Zone == "" {
		c.Zone = gateway.DefaultZone
	}
	zone, err := time.LoadLocation(c.Zone)
	if err != nil || c.Zone == "Local" {
		d.problem(path+".zone", `%q is not a time zone: write for example "Europe/Paris"`, c.Zone)
		zone = time.UTC
	}
	switch c.Language {
	case "":
		c.Language = catalog.French
	case catalog.French, catalog.English:
	default:
		d.problem(path+".language", `%q is not a language of the mails: write "fr" or "en"`, c.Language)
	}
	c.Deadline, c.Archived = o.moment("deadline", zone), o.moment("archived", zone)
	if c.Address != "" && !address.Fits(c.Address) {
		d.problem(path+".address", "%q cannot be an address: at most %d of a-z 0-9 . _ -, for example %q", c.Address, address.MaxName, address.Alias(c.Address))
	}
	_, listed := o.keys["companies"]
	return Entry{Consultation: c, Companies: d.companies(path, o.list("companies")), Listed: listed, Addressed: c.Address != "", Place: path}
}

func (d *reader) companies(path string, list []any) []gateway.Company {
	g := gathering{at: make(map[string]int, len(list))}
	for i, item := range list {
		where := fmt.Sprintf("%s.companies[%d]", path, i)
		d.gather(&g, where, d.company(where, item))
	}
	return g.all
}

// gathering is companies by their words.
type gathering struct {
	all []gateway.Company
	at  map[string]int
}

// gather adds a company; one met twice under one name is one, with the addresses and registers of both.
func (d *reader) gather(g *gathering, where string, c gateway.Company) {
	j, met := g.at[c.Ref]
	switch {
	case c.Ref == "":
	case !met:
		g.at[c.Ref] = len(g.all)
		g.all = append(g.all, c)
	case sameName(g.all[j].Name, c.Name):
		g.all[j].Addresses = union(g.all[j].Addresses, c.Addresses, address.Key)
		g.all[j].Registers = union(g.all[j].Registers, c.Registers, func(r gateway.Register) string { return string(r) })
	default:
		d.problem(where, "%q would be named %q as %q is: add \"ref\": %q", c.Name, c.Ref, g.all[j].Name, address.Shorten(c.Ref, c.Name, maxRef))
	}
}

// sameName tells two spellings of one company: case, accents and spaces apart. "A & B" and "A+B",
// which fold alike too, may be two.
func sameName(a, b string) bool { return skeleton(a) == skeleton(b) }

func skeleton(name string) string {
	var b strings.Builder
	for _, r := range name {
		switch {
		case unicode.IsSpace(r), r == '.', r == ',', r == '-':
		case unicode.IsLetter(r), unicode.IsDigit(r):
			b.WriteString(address.Fold(string(r)))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func union[T any](all, more []T, key func(T) string) []T {
	for _, m := range more {
		if !slices.ContainsFunc(all, func(a T) bool { return key(a) == key(m) }) {
			all = append(all, m)
		}
	}
	return all
}

func (d *reader) company(path string, value any) gateway.Company {
	o := d.object(path, value, "name", "ref", "addresses", "registers")
	c := gateway.Company{Name: o.text("name", maxReference, true), Ref: o.text("ref", maxReference, false)}
	if folded := address.Fold(c.Ref); folded != c.Ref || len(c.Ref) > maxRef {
		d.problem(path+".ref", "%q cannot be a word of an address: at most %d of a-z 0-9 . _ -", c.Ref, maxRef)
	}
	if c.Ref == "" {
		c.Ref = refOf(c.Name)
	}
	if c.Ref == "" && c.Name != "" {
		d.problem(path+".ref", "%q cannot be a word of an address: add \"ref\" with letters and digits", c.Name)
	}
	addresses := o.list("addresses")
	if len(addresses) == 0 && o.keys != nil {
		d.problem(path+".addresses", "a company needs an address")
	}
	for i, item := range addresses {
		if a := d.address(fmt.Sprintf("%s.addresses[%d]", path, i), item); a != "" {
			c.Addresses = union(c.Addresses, []string{a}, address.Key)
		}
	}
	for i, item := range o.list("registers") {
		if r := d.register(fmt.Sprintf("%s.registers[%d]", path, i), item); r != "" && !slices.Contains(c.Registers, r) {
			c.Registers = append(c.Registers, r)
		}
	}
	return c
}

// refOf is the word for a company: its name folded, shortened when it must be.
func refOf(name string) string {
	folded := address.Fold(name)
	if len(folded) <= maxRef {
		return folded
	}
	return address.Shorten(folded, folded, maxRef)
}

func (d *reader) address(path string, value any) string {
	text, ok := value.(string)
	if !ok {
		d.problem(path, "a text is expected")
		return ""
	}
	mailbox, fault := d.grammar.Company(strings.TrimSpace(text))
	if fault != nil {
		d.problem(path, "%s", said(fault))
	}
	return mailbox
}

func (d *reader) register(path string, value any) gateway.Register {
	text, _ := value.(string)
	r := gateway.Register(address.Fold(text))
	if slices.Contains(gateway.Registers(), r) {
		return r
	}
	d.problem(path, "%q is not a register; the registers are %v", text, gateway.Registers())
	return ""
}

// twice finds the same reference in two places of a file.
func (d *reader) twice(entries []Entry) {
	seen := map[string]int{}
	for i, e := range entries {
		reference := e.Consultation.Reference
		if first, met := seen[reference]; met && reference != "" {
			d.problem(fmt.Sprintf("[%d].reference", i), "%q is also that of [%d]", reference, first)
		} else {
			seen[reference] = i
		}
	}
}
