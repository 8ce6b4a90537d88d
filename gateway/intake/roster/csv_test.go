package roster

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"

	"vaguemestre/gateway"
)

const sheet = `Référence;Intitulé;Date limite;Organisme;Entreprise;Courriel;Registres
TESTESR2020;Toitures;09/03/2021 10:00;Agence Départementale du Numérique;Acme;contact@acme.example;retraits, dépôts
TESTESR2020;;;;"Durand; ""frères""";"durand@entreprise.example
ventes@entreprise.example";Phase précédente
testesr 2020 bis;Bis;;Agence Départementale du Numérique;;;
TESTESR2020;Toitures;;;ACME;ventes@acme.example;questions
`

func readSheet(t testing.TB, text string) []Entry {
	t.Helper()
	entries, err := ReadCSV(strings.NewReader(text), domain)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func TestASheetIsRead(t *testing.T) {
	about := gateway.Consultation{
		Reference: "TESTESR2020", Title: "Toitures", Deadline: time.Date(2021, 3, 9, 9, 0, 0, 0, time.UTC),
		PublicBody: "Agence Départementale du Numérique", Zone: "Europe/Paris", Language: "fr",
	}
	bis := about
	bis.Reference, bis.Title, bis.Deadline = "testesr 2020 bis", "Bis", time.Time{}
	want := []Entry{
		{Consultation: about, Listed: true, Place: "line 2", Companies: []gateway.Company{
			{Ref: "acme", Name: "Acme", Addresses: []string{"contact@acme.example", "ventes@acme.example"},
				Registers: []gateway.Register{gateway.Retraits, gateway.Depots, gateway.Questions}},
			{Ref: "durand-freres", Name: `Durand; "frères"`, Addresses: []string{"durand@entreprise.example", "ventes@entreprise.example"},
				Registers: []gateway.Register{gateway.PhasePrecedente}},
		}},
		{Consultation: bis, Place: "line 5"},
	}
	latin, err := charmap.Windows1252.NewEncoder().String(sheet)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"as it is": sheet, "with a mark": "\ufeff" + sheet, "Windows-1252": latin, "Windows line ends": strings.ReplaceAll(sheet, "\n", "\r\n"),
	} {
		if diff := cmp.Diff(want, readSheet(t, text)); diff != "" {
			t.Errorf("%s:\n%s", name, diff)
		}
	}
}

func TestSeparatorsAndNamesOfColumns(t *testing.T) {
	for _, text := range []string{
		"reference,public_body,company,mail\nR,P,\"A, B\",a@b.example\n",
		"REFERENCE;Public body;Company;Mail\nR;P;A, B;a@b.example\n",
		"référence\torganisme\traison sociale\tE-mail\nR\tP\tA, B\ta@b.example\n",
		"sep=;\r\nReference;Organisme;Entreprise;courriel;;\r\nR;P;A, B;a@b.example;;\r\n;;;;;\r\n",
	} {
		e := readSheet(t, text)
		if len(e) != 1 || e[0].Consultation.PublicBody != "P" || len(e[0].Companies) != 1 || e[0].Companies[0].Name != "A, B" {
			t.Errorf("%q is %+v", text, e)
		}
	}
}

func TestEveryProblemOfASheetHasItsLine(t *testing.T) {
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", []string{"line 1: a first line of column names is expected"}},
		{"nom;mail\nA;a@b.example\n", []string{`line 1: the column "nom" is not known`, `line 1: the column "reference" is missing`}},
		{"reference;organism;referance;Reference\n", []string{
			`line 1: the column "organism" is not known: did you mean "organisme"?`, `line 1: the column "referance" is not known: did you mean "reference"?`,
			`line 1: the columns "reference" and "Reference" say the same`,
		}},
		{"reference;organisme;date limite;entreprise;mail;registre\n" +
			"R;P;demain;A;a@b.example;retrait\n" + // 2
			";P;;B;b@b.example;\n" +
			"R;Q;;C;pas une adresse;\n" +
			"R;;;;d@b.example;\n" + // 5
			"S;;;E;e@b.example;\n" +
			"R;;;\"F\n\";;\n" +
			"R;;;G\";g@b.example;\n" + // 9
			"R;;;A+B;h@b.example;;;x\n" +
			"R;;;\"I;i@b.example\n", []string{
			`line 2, column "date limite": "demain" is not a date: write "2021-03-09T10:00:00+01:00" or "2021-03-09 10:00"`,
			`line 2, column "registre": "retrait" is not a register; the registers are [phase-precedente retraits depots questions]`,
			`line 3, column "reference": this cell is empty`,
			`line 4, column "organisme": "Q", and line 2 says "P" of the same consultation`,
			`line 4, column "mail": “pas” is not a mail address`,
			`line 4, column "mail": “une” is not a mail address`,
			`line 4, column "mail": “adresse” is not a mail address`,
			`line 5, column "entreprise": this text is empty`,
			`line 6, column "organisme": this text is empty`,
			`line 7, column "mail": a company needs an address`,
			`line 9: not CSV at character 6: bare " in non-quoted-field`,
			`line 10: has 8 cells, and there are 6 columns`,
			`line 11: not CSV at character 20: extraneous or missing " in quoted-field`,
		}},
	} {
		_, err := ReadCSV(strings.NewReader(c.text), domain)
		var problems Problems
		if !errors.As(err, &problems) {
			t.Fatalf("%q: %v", c.text, err)
		}
		for i, p := range problems {
			if i >= len(c.want) || !strings.HasPrefix(p.Error(), c.want[i]) {
				t.Errorf("%q:\n%v\nwant\n%s", c.text, err, strings.Join(c.want, "\n"))
				break
			}
		}
		if len(problems) != len(c.want) {
			t.Errorf("%d problems, want %d", len(problems), len(c.want))
		}
	}
}

// What the sheet says is what the JSON says.
func TestASheetOfManyCompanies(t *testing.T) {
	want := read(t, many(300))
	want[0].Place = "line 2"
	if diff := cmp.Diff(want, readSheet(t, manySheet(300))); diff != "" {
		t.Error(diff)
	}
}

func FuzzReadCSV(f *testing.F) {
	f.Add(sheet)
	f.Add("sep=,\nreference,mail\nR,\"a@b.example")
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := ReadCSV(strings.NewReader(text), domain)
		var p Problems
		if err != nil && !errors.As(err, &p) {
			t.Fatalf("%v is no problem to change", err)
		}
		for _, problem := range p {
			if !strings.HasPrefix(problem.Path, "line ") {
				t.Fatalf("%v has no line", problem)
			}
		}
		for _, e := range entries {
			for _, c := range e.Companies {
				if c.Ref == "" || len(c.Addresses) == 0 {
					t.Fatalf("company %+v", c)
				}
			}
		}
	})
}

func TestTheSheetOfTheReadmeIsRead(t *testing.T) {
	text, err := os.ReadFile("../../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for line := range strings.SplitSeq(string(text), "\n") {
		if line, ok := strings.CutPrefix(line, "    "); ok && strings.Count(line, ";") == 5 {
			b.WriteString(line + "\n")
		}
	}
	e := readSheet(t, b.String())
	if len(e) != 1 || len(e[0].Companies) != 2 || len(e[0].Companies[0].Registers) != 2 || e[0].Consultation.Deadline.IsZero() {
		t.Errorf("%q is %+v", b.String(), e)
	}
}
