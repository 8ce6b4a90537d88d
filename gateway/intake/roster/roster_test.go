package roster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"vaguemestre/gateway"
	"vaguemestre/gateway/address"
	"vaguemestre/gateway/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const domain = "passerelle.example"

const whole = `{
  "reference": "TESTESR2020", "title": "Toitures", "object": "Couverture de\n l'école", "deadline": "2021-03-09T10:00:00+01:00",
  "public_body": "Agence Départementale du Numérique", "purchasing_entity": "Achats",
  "companies": [
    {"name": "Acme", "addresses": ["contact@acme.example", "Contact@ACME.example"], "registers": ["retraits", "Dépôts"]},
    {"name": "Durand & Fils", "addresses": ["durand@société.example"]},
    {"name": "ACME ", "addresses": ["ventes@acme.example"], "registers": ["questions", "retraits"]}
  ]
}`

func read(t testing.TB, text string) []Entry {
	t.Helper()
	entries, err := Read(strings.NewReader(text), domain)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func opened(t testing.TB) *store.Store {
	t.Helper()
	dir := t.TempDir()
	s, err := store.Open(t.Context(), store.Options{Path: filepath.Join(dir, "v.db"), ContentDir: filepath.Join(dir, "contents")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestAConsultationIsRead(t *testing.T) {
	want := []Entry{{
		Consultation: gateway.Consultation{
			Reference: "TESTESR2020", Title: "Toitures", Object: "Couverture de l'école", Deadline: time.Date(2021, 3, 9, 9, 0, 0, 0, time.UTC),
			PublicBody: "Agence Départementale du Numérique", PurchasingEntity: "Achats", Zone: "Europe/Paris", Language: "fr",
		},
		Companies: []gateway.Company{
			{Ref: "acme", Name: "Acme", Addresses: []string{"contact@acme.example", "ventes@acme.example"},
				Registers: []gateway.Register{gateway.Retraits, gateway.Depots, gateway.Questions}},
			{Ref: "durand-fils", Name: "Durand & Fils", Addresses: []string{"durand@xn--socit-esab.example"}},
		},
		Listed: true,
	}}
	if diff := cmp.Diff(want, read(t, whole)); diff != "" {
		t.Error(diff)
	}
	want[0].Place = "[0]"
	if diff := cmp.Diff(want, read(t, "\ufeff["+whole+"]\n")); diff != "" {
		t.Errorf("as an array:\n%s", diff)
	}
}

func TestDeadlinesAreInTheirZone(t *testing.T) {
	for text, want := range map[string]string{
		"2021-03-09 10:00": "06:00", "2021-03-09T10:00:00": "06:00", "09/03/2021 10:00": "06:00", "2021-03-09T10:00:00+01:00": "09:00", "2021-03-09": "19:59",
	} {
		e := read(t, fmt.Sprintf(`{"reference": "R", "public_body": "P", "zone": "Indian/Reunion", "deadline": %q}`, text))
		if got := e[0].Consultation.Deadline.Format("15:04"); got != want {
			t.Errorf("%s is %s UTC, want %s", text, got, want)
		}
		if e[0].Listed {
			t.Error("companies that the file does not speak of would change")
		}
	}
}

func TestEveryProblemIsSaidAtOnce(t *testing.T) {
	_, err := Read(strings.NewReader(`[
	  {"reference": "R", "publicbody": "P", "deadline": "demain", "zone": "Europe/Pariss", "language": "de", "address": "Retraits.x",
	   "companies": [
	    {"name": "", "addresses": ["a b@c.fr", 3, "x@passerelle.example"], "registers": ["retrait"]},
	    {"name": "A & B", "addresses": ["a@b.fr"]}, {"name": "A+B", "addresses": ["b@b.fr"]},
	    {"name": "日本", "addresses": []}, {"name": "C", "ref": "C C", "addresses": ["c@c.fr"]}, 7
	   ]},
	  {"reference": "R", "public_body": ""}, "x"
	]`), domain)
	want := []string{
		`[0].publicbody: this key is not known: did you mean "public_body"?`,
		`[0].public_body: this key is missing`,
		`[0].zone: "Europe/Pariss" is not a time zone: write for example "Europe/Paris"`,
		`[0].language: "de" is not a language of the mails: write "fr" or "en"`,
		`[0].deadline: "demain" is not a date: write "2021-03-09T10:00:00+01:00" or "2021-03-09 10:00"`,
		`[0].address: "Retraits.x" cannot be an address: at most 24 of a-z 0-9 . _ -, for example "retraits-x"`,
		`[0].companies[0].name: this text is empty`,
		`[0].companies[0].addresses[0]: The address “a b@c.fr” has a forbidden character (space, quote, angle bracket or invisible character): correct it.`,
		`[0].companies[0].addresses[1]: a text is expected`,
		`[0].companies[0].addresses[2]: The address “x@passerelle.example” is the gateway's, not a company's: replace it.`,
		`[0].companies[0].registers[0]: "retrait" is not a register; the registers are [phase-precedente retraits depots questions]`,
		`[0].companies[2]: "A+B" would be named "a-b" as "A & B" is: add "ref": "a-b-` + address.Shorten("a-b", "A+B", 36)[4:] + `"`,
		`[0].companies[3].ref: "日本" cannot be a word of an address: add "ref" with letters and digits`,
		`[0].companies[3].addresses: a company needs an address`,
		`[0].companies[4].ref: "C C" cannot be a word of an address: at most 36 of a-z 0-9 . _ -`,
		`[0].companies[5]: an object is expected`,
		`[1].public_body: this text is empty`,
		`[2]: an object is expected`,
		`[1].reference: "R" is also that of [0]`,
	}
	if err == nil {
		t.Fatal("nothing said")
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Error(diff)
	}
}

func TestBrokenJSONHasItsLine(t *testing.T) {
	for text, want := range map[string]string{
		"{\n\"reference\": \"R\",\n}": "line 3: not JSON",
		"{}{}":                        "line 1: not JSON: something follows",
		"":                            "line 1: not JSON",
	} {
		if _, err := Read(strings.NewReader(text), domain); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
}

// minimal is an array of consultations of these references; one "ref=address" says its address.
func minimal(references ...string) string {
	var list []map[string]string
	for _, r := range references {
		reference, name, _ := strings.Cut(r, "=")
		c := map[string]string{"reference": reference, "public_body": "P"}
		if name != "" {
			c["address"] = name
		}
		list = append(list, c)
	}
	text, _ := json.Marshal(list)
	return string(text)
}

func TestEveryConsultationGetsAnAddressOfItsOwn(t *testing.T) {
	s := opened(t)
	imported := func(references ...string) ([]Entry, error) {
		entries := read(t, minimal(references...))
		_, err := Put(t.Context(), s, entries, store.Import{Companies: store.Merge, Reopen: true})
		return entries, err
	}
	for _, c := range []struct{ reference, want string }{
		{"TESTESR2020", "testesr2020"},
		{"MAPA 2021/03", "mapa-2021-03"},
		{"retraits.2021", "retraits-2021"},
		{"Une référence bien trop longue pour une adresse", "une-reference-bien-" + address.Alias("Une référence bien trop longue pour une adresse")[19:]},
		{"日本=japon", "japon"},
		{"日本", "japon"}, // imported again without its alias: it keeps it
	} {
		e, err := imported(c.reference)
		if err != nil || e[0].Consultation.Address != c.want {
			t.Errorf("%s: %v %v, want %s", c.reference, e, err, c.want)
		}
	}
	for _, c := range []struct {
		references []string
		want       string
	}{
		{[]string{"TestESR 2020=testesr2020"}, `[0]: the address "testesr2020" is that of "TESTESR2020": add "address": "testesr2020-2"`},
		{[]string{"MAPA-2021-03"}, `[0]: the address "mapa-2021-03" is that of "MAPA 2021/03": add "address": "mapa-2021-03-2"`},
		{[]string{"A!", "A?"}, `[1]: the address "a" is that of "A!": add "address": "a-2"`},
		{[]string{"Courrier"}, `[0]: the reference "Courrier" cannot be an address: add "address": "courrier-wlo4"`},
		{[]string{"中国"}, `[0]: the reference "中国" cannot be an address: add "address" with letters and digits`},
	} {
		_, err := imported(c.references...)
		var p Problems
		if !errors.As(err, &p) || err.Error() != c.want {
			t.Errorf("%v: %v, want %s", c.references, err, c.want)
		}
	}
}

// many is a consultation with n companies.
func many(n int) string {
	companies := make([]map[string]any, n)
	for i := range companies {
		companies[i] = map[string]any{"name": fmt.Sprintf("Entreprise numéro %d", i), "addresses": []string{fmt.Sprintf("f%d@entreprise.example", i)}, "registers": []string{"retraits"}}
	}
	text, _ := json.Marshal(map[string]any{"reference": "R", "public_body": "P", "companies": companies})
	return string(text)
}

func put(t testing.TB, s *store.Store, text string) gateway.Consultation {
	t.Helper()
	entries := read(t, text)
	stored, err := Put(t.Context(), s, entries, store.Import{Companies: store.Replace, Reopen: true})
	if err != nil {
		t.Fatal(err)
	}
	return stored[0]
}

// Two imports that meet: an address that is taken between the look and the import is told as one taken before.
func TestAnAddressTakenMeanwhileIsAProblem(t *testing.T) {
	s := opened(t)
	entries := read(t, `{"reference":"MAPA 1","public_body":"P"}`)
	_, err := Put(t.Context(), overtaken{s, func() { put(t, s, `{"reference":"Mapa-1","public_body":"P"}`) }}, entries, store.Import{})
	if err == nil || !strings.Contains(err.Error(), `the address "mapa-1" is that of "Mapa-1"`) {
		t.Error(err)
	}
}

// overtaken is a store in which something happens before the import.
type overtaken struct {
	*store.Store
	first func()
}

func (o overtaken) ImportConsultations(ctx context.Context, entries []store.Entry, how store.Import) ([]gateway.Consultation, error) {
	o.first()
	return o.Store.ImportConsultations(ctx, entries, how)
}

func TestImportingTwiceChangesNothing(t *testing.T) {
	s := opened(t)
	first, again := put(t, s, many(300)), put(t, s, many(300))
	found, err := s.Companies(t.Context(), first.ID, gateway.Retraits)
	if err != nil || len(found) != 300 || again.ID != first.ID {
		t.Errorf("%d companies, %v", len(found), err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(whole)
	f.Add(`[{"reference": "R", "companies": [{"name": "A", "addresses": ["a@b.fr", null]}]}, null]`)
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := Read(strings.NewReader(text), domain)
		var p Problems
		if err != nil && !errors.As(err, &p) {
			t.Fatalf("%v is no problem to change", err)
		}
		for _, e := range entries {
			for _, c := range e.Companies {
				if c.Ref == "" || len(c.Ref) > maxRef || len(c.Addresses) == 0 || address.Fold(c.Ref) != c.Ref {
					t.Fatalf("company %+v", c)
				}
			}
		}
	})
}
