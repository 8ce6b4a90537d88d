package kinds

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"vaguemestre/configs"
	"vaguemestre/gateway"
)

var update = flag.Bool("update", false, "write the models as they come out into testdata")

func embedded(t testing.TB) *Set {
	t.Helper()
	s, err := Load(configs.Courriers(), "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func block(language string) gateway.ContextBlock {
	return gateway.ContextBlock{
		Reference: "TESTESR2020", Title: "Réfection des toitures", Object: "Travaux de couverture de l'école",
		Deadline:   time.Date(2021, 3, 9, 9, 0, 0, 0, time.UTC),
		PublicBody: "Agence Départementale du Numérique", PurchasingEntity: "Direction des achats", Language: language,
	}
}

func TestTheNineTypesAreThoseOfTheManual(t *testing.T) {
	s := embedded(t)
	want := []gateway.TypeCode{
		gateway.Libre, gateway.Invitation, gateway.Modification, gateway.Question, gateway.Complement,
		gateway.Attribution, gateway.Notification, gateway.Rejet, gateway.Annulation,
	}
	if diff := cmp.Diff(want, s.Codes()); diff != "" {
		t.Fatal(diff)
	}
	type options struct {
		Acknowledged, Locked, Reply, Sealed, Deadline bool
	}
	got := map[gateway.TypeCode]options{}
	for _, k := range s.Types() {
		got[k.Code] = options{k.Acknowledged, k.AcknowledgedLocked, k.Reply.Allowed, k.Reply.Sealed, k.DeadlineRequired}
	}
	if diff := cmp.Diff(map[gateway.TypeCode]options{
		gateway.Libre:        {true, false, true, false, false},
		gateway.Invitation:   {true, false, true, false, false},
		gateway.Modification: {true, false, false, false, false},
		gateway.Question:     {true, false, false, false, false},
		gateway.Complement:   {true, false, true, true, true},
		gateway.Attribution:  {true, false, true, false, false},
		gateway.Notification: {true, true, true, false, false},
		gateway.Rejet:        {true, true, false, false, false},
		gateway.Annulation:   {true, false, false, false, false},
	}, got); diff != "" {
		t.Fatal(diff)
	}
	if k, _ := s.Type(gateway.Rejet); k.Name("fr") != "Courrier de rejet" || k.Name("en") != "Rejection letter" || k.Name("de") != "Courrier de rejet" {
		t.Errorf("labels %v", k.Label)
	}
	if _, ok := s.Type("lettre"); ok {
		t.Error("an unknown type was found")
	}
}

func TestATypeSaysItsReminders(t *testing.T) {
	whole, err := os.ReadFile("../../../configs/courriers/rejet.toml")
	if err != nil {
		t.Fatal(err)
	}
	for table, want := range map[string]string{
		"[reminders]\nafter_days = 3\nmost = 1\n": "", "[reminders]\nafter_days = 0\nmost = 1\n": "", "[reminders]\nafter_days = 3\n": "most: this key is missing",
		"[reminders]\nafter_days = -1\nmost = 1\n": "after_days: from 0", "[reminders]\nafter_days = 3\nmost = 0\n": "most: from 1",
	} {
		s, err := Load(fstest.MapFS{"rejet.toml": {Data: []byte(strings.Replace(string(whole), "[fr]\n", table+"[fr]\n", 1))}}, "")
		switch {
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: %v", table, err)
		case want == "":
			if k, _ := s.Type(gateway.Rejet); k.Reminders == nil || k.Reminders.Most != 1 {
				t.Errorf("%q: %+v", table, k.Reminders)
			}
		}
	}
	if k, _ := embedded(t).Type(gateway.Rejet); k.Reminders != nil {
		t.Error("a type without the table says something of reminders")
	}
}

func TestModelsAsTheyComeOut(t *testing.T) {
	s := embedded(t)
	for _, language := range []string{"fr", "en"} {
		for _, k := range s.Types() {
			f := FieldsOf(block(language), time.Date(2021, 3, 20, 11, 0, 0, 0, time.UTC))
			text := s.Subject(k.Code, language, f) + "\n\n" + s.Body(k.Code, language, f) + "\n"
			name := filepath.Join("testdata", string(k.Code)+"."+language+".txt")
			if *update {
				if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), text); diff != "" {
				t.Errorf("%s:\n%s", name, diff)
			}
		}
	}
}

func TestDatesInWords(t *testing.T) {
	first := time.Date(2021, 7, 1, 8, 5, 0, 0, time.UTC)
	for _, c := range []struct{ zone, language, want string }{
		{"", "fr", "1er juillet 2021 à 10 h 05"},
		{"Europe/Paris", "en", "1 July 2021 at 10:05"},
		{"Indian/Reunion", "fr", "1er juillet 2021 à 12 h 05 (UTC+04:00)"},
	} {
		if got := inWords(first, gateway.ContextBlock{Zone: c.zone, Language: c.language}); got != c.want {
			t.Errorf("%s %s: %q, want %q", c.zone, c.language, got, c.want)
		}
	}
}

func TestPlaceholdersLeftAreFound(t *testing.T) {
	s := embedded(t)
	b := block("fr")
	model := s.Body(gateway.Rejet, "fr", FieldsOf(b, time.Time{}))
	all := s.Unfilled(gateway.Rejet, "fr", model)
	if len(all) != 4 {
		t.Errorf("the model of a rejection has the placeholders %q", all)
	}
	if wrapped := strings.ReplaceAll(model, " ", "\r\n "); !slices.Equal(all, s.Unfilled(gateway.Rejet, "fr", wrapped)) {
		t.Error("a placeholder is lost when lines are wrapped")
	}
	if left := s.Unfilled(gateway.Rejet, "fr", placeholder.ReplaceAllString(model, "rempli")); left != nil {
		t.Errorf("a filled-in model still has %q", left)
	}
	b.Title = "Toitures [lot 2]"
	filled := s.Body(gateway.Notification, "fr", FieldsOf(b, time.Time{}))
	if left := s.Unfilled(gateway.Notification, "fr", filled); left != nil || !strings.Contains(filled, "[lot 2]") {
		t.Errorf("brackets of a title are taken for placeholders: %q", left)
	}
}

func TestEveryModelExecutesWhateverTheFields(t *testing.T) {
	s := embedded(t)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom([]string{"", "x", "{{.Reference}}", "[à remplir]", "a\nb"})
		f := Fields{
			Reference: text.Draw(t, "reference"), Title: text.Draw(t, "title"), Object: text.Draw(t, "object"), Deadline: text.Draw(t, "deadline"),
			PublicBody: text.Draw(t, "body"), PurchasingEntity: text.Draw(t, "entity"), ReplyBy: text.Draw(t, "by"), Signature: text.Draw(t, "signature"),
		}
		code := rapid.SampledFrom(s.Codes()).Draw(t, "code")
		language := rapid.SampledFrom([]string{"fr", "en", "de", ""}).Draw(t, "language")
		if s.Body(code, language, f) == "" || s.Subject(code, language, f) == "" || strings.Contains(s.Subject(code, language, f), "\n") {
			t.Fatalf("%s %s: empty, or a subject of several lines", code, language)
		}
	})
}

const good = `code = "relance"
order = 20
[label]
fr = "Relance"
[sending]
acknowledged = false
[reply]
allowed = true
[fr]
subject = "Relance {{.Reference}}"
body = """
Bonjour,
[Texte]
"""
`

func TestTheAdministratorOverridesAndAdds(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("relance.toml", good)
	write("rejet.toml", strings.ReplaceAll(strings.Replace(good, `"relance"`, `"rejet"`, 1), "\n", "\r\n"))
	s, err := Load(configs.Courriers(), folder)
	if err != nil {
		t.Fatal(err)
	}
	if k, ok := s.Type("relance"); !ok || k.Name("en") != "Relance" || len(s.Types()) != 10 {
		t.Errorf("added type %+v among %d", k, len(s.Types()))
	}
	if got := s.Subject(gateway.Rejet, "en", Fields{Reference: "R"}); got != "Relance R" {
		t.Errorf("the overridden type has the subject %q", got)
	}
	if _, err := Load(configs.Courriers(), filepath.Join(folder, "absent")); err == nil {
		t.Error("a folder that is not there was taken")
	}
}

func TestABrokenTypeNamesFileAndLine(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{`order = 20`, `ordre = 20`, `x.toml:2: the key "ordre" is not known`},
		{`order = 20`, `order = "vingt"`, `x.toml:2: toml`},
		{`code = "relance"`, `code = "ar"`, `x.toml:1: code: courier type "ar"`},
		{`code = "relance"`, `code = "Ré"`, `x.toml:1: code: courier type "Ré"`},
		{`acknowledged = false`, ``, `x.toml:5: sending.acknowledged: this key is missing`},
		{`fr = "Relance"`, `de = "Mahnung"`, `x.toml:3: label.fr: the French label is missing`},
		{`allowed = true`, "allowed = false\nsealed = true", `x.toml:9: reply.sealed: sealed replies need allowed`},
		{`allowed = true`, "allowed = false\ndeadline_required = true", `x.toml:9: reply.deadline_required`},
		{`order = 20`, "order = 20\nusual_register = \"retrait\"", `x.toml:3: usual_register: "retrait" is not a register`},
		{`order = 20`, "order = 20\nask_code = true", `x.toml:3: ask_code`},
		{`Bonjour,`, `Bonjour {{.Nom}},`, `x.toml:12: fr.body: executing "body" at <.Nom>`},
		{`[Texte]`, `{{if .Deadline}}`, `x.toml:14: fr.body: unexpected EOF`},
		{`"Relance {{.Reference}}"`, `"Relance {{.Référence"`, `x.toml:10: fr.subject`},
		{`"Relance {{.Reference}}"`, `""`, `x.toml:10: fr.subject: this text is missing`},
		{`"Relance {{.Reference}}"`, `"a\nb"`, `x.toml:10: fr.subject: a subject has one line`},
		{`[fr]`, `[en]`, `x.toml: fr: the table [fr]`},
		{`[label]`, `[label`, `x.toml:3`},
	} {
		text := strings.Replace(good, c.old, c.new, 1)
		_, err := Load(fstest.MapFS{"x.toml": {Data: []byte(text)}}, "")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q for %q: %v, want %s", c.new, c.old, err, c.want)
		}
	}
	two := fstest.MapFS{"a.toml": {Data: []byte(good)}, "b.toml": {Data: []byte(good)}}
	if _, err := Load(two, ""); err == nil || !strings.Contains(err.Error(), `b.toml: the code "relance" is already that of a.toml`) {
		t.Errorf("two files of one code: %v", err)
	}
	both := fstest.MapFS{"a.toml": {Data: []byte("x = 1")}, "b.toml": {Data: []byte("y = 1")}}
	if _, err := Load(both, ""); err == nil || !strings.Contains(err.Error(), "a.toml") || !strings.Contains(err.Error(), "b.toml") {
		t.Errorf("not every broken file is said: %v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add(good)
	f.Add("[fr]\nbody = '''{{.}}'''")
	f.Fuzz(func(t *testing.T, text string) {
		if k, err := read("x.toml", text); err == nil {
			s := newSet([]kind{k})
			s.Body(k.typ.Code, "fr", Fields{})
			s.Unfilled(k.typ.Code, "fr", text)
		}
	})
}
