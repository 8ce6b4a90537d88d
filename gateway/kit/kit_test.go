package kit

import (
	"bytes"
	"encoding/csv"
	"flag"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"vaguemestre/configs"
	"vaguemestre/gateway"
	"vaguemestre/gateway/address"
	"vaguemestre/gateway/intake/kinds"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func sample(t testing.TB) (*address.Grammar, *kinds.Set, About) {
	t.Helper()
	set, err := kinds.Load(configs.Courriers(), "")
	if err != nil {
		t.Fatal(err)
	}
	g, err := address.New("courrier.example", set.Codes())
	if err != nil {
		t.Fatal(err)
	}
	return g, set, About{
		gateway.Consultation{Reference: "MAPA 2021/03", Address: "mapa-2021-03", Title: "Réfection de la voirie, lot 1 ; lot 2, et des trottoirs de la rue de l'Église", Language: "fr"},
		[]gateway.Company{
			{Ref: "durand-fils", Name: "Durand & Fils, SARL", Registers: []gateway.Register{gateway.Retraits}},
			{Ref: "ecole", Name: "École \"Été\"; \\ =SOMME(A1)", Registers: []gateway.Register{gateway.Depots}},
		},
	}
}

func book(t testing.TB) []Entry {
	g, set, about := sample(t)
	return Book(g, "fr", set.Types(), []About{about})
}

func TestBooks(t *testing.T) {
	for name, write := range map[string]func(io.Writer, []Entry) error{"book.vcf": VCard, "book.ldif": LDIF, "book.csv": CSV} {
		var b bytes.Buffer
		if err := write(&b, book(t)); err != nil {
			t.Fatal(err)
		}
		golden := filepath.Join("testdata", name)
		if *update {
			if err := os.WriteFile(golden, b.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if b.String() != string(want) {
			t.Errorf("not as %s (see -update):\n%s", golden, b.String())
		}
	}
}

func TestEveryAddressOfTheBookIsUnderstood(t *testing.T) {
	g, _, _ := sample(t)
	all := book(t)
	if len(all) != 1+9+2+2 {
		t.Errorf("%d entries", len(all))
	}
	for _, e := range all {
		r, fault := g.Recipient(e.Address)
		if fault != nil || r.Kind != address.Control || r.Wish.Name != "mapa-2021-03" {
			t.Errorf("%s: %+v, %v", e.Address, r, fault)
		}
	}
}

func TestLinksOfEveryType(t *testing.T) {
	g, set, about := sample(t)
	for _, kind := range set.Types() {
		to, err := Control(g, about, kind)
		if err != nil {
			t.Fatal(err)
		}
		f := kinds.FieldsOf(about.Consultation.Block(), about.Consultation.Deadline)
		holds(t, Model{To: to, Subject: set.Subject(kind.Code, "fr", f), Body: set.Body(kind.Code, "fr", f), Cut: "[suite]"})
	}
}

// holds checks what every link must be, and reads it back.
func holds(t testing.TB, m Model) {
	t.Helper()
	link, short := Mailto(m)
	if len(link) > MaxMailto && len(m.To) < 200 {
		t.Fatalf("%d characters", len(link))
	}
	u, err := url.Parse(link)
	if err != nil || strings.ContainsAny(link, " \r\n\"<>+") {
		t.Fatalf("%q: %v", link, err)
	}
	to, err := url.PathUnescape(u.Opaque)
	if err != nil || to != m.To {
		t.Fatalf("to %q, want %q", to, m.To)
	}
	q, err := url.ParseQuery(u.RawQuery)
	if err != nil || len(q) > 2 {
		t.Fatalf("%q: %v", u.RawQuery, err)
	}
	body := strings.ReplaceAll(q.Get("body"), "\r\n", "\n")
	switch {
	case !utf8.ValidString(body):
		t.Fatalf("body %q", body)
	case !short && body != strings.ReplaceAll(lines(m.Body), "\r\n", "\n"):
		t.Fatalf("body %q, want %q", body, m.Body)
	case short && q.Has("body") && !strings.HasSuffix(body, strings.ReplaceAll(lines(m.Cut), "\r\n", "\n")):
		t.Fatalf("a short body without its notice: %q", body)
	}
}

func TestALongModelIsCutAfterAWord(t *testing.T) {
	link, short := Mailto(Model{To: "r+rejet@c.example", Subject: "Été", Body: strings.Repeat("mots accentués ", 400), Cut: "[suite]"})
	u, _ := url.Parse(link)
	body := u.Query().Get("body")
	if !short || !strings.HasSuffix(body, "mots accentués\r\n\r\n[suite]") && !strings.HasSuffix(body, "mots\r\n\r\n[suite]") || len(link) < MaxMailto-100 {
		t.Errorf("%d characters, ends %q", len(link), body[max(0, len(body)-40):])
	}
}

func FuzzMailto(f *testing.F) {
	f.Add("a@b.example", "Été & co", "ligne 1\nligne 2 + 3 % 4 # 5")
	f.Add("a@b.example", "x\r\nBcc: y", strings.Repeat("é\r", 700))
	f.Add("a@b.example", "\xff", strings.Repeat("\xff\xfe ", 900))
	f.Fuzz(func(t *testing.T, to, subject, body string) {
		holds(t, Model{To: to, Subject: subject, Body: body, Cut: "[suite]"})
	})
}

func FuzzBooks(f *testing.F) {
	f.Add("TESTESR2020 | Rejet", "a+b@c.example", "Réf; 1,2", "\r\nEND:VCARD\r\n\ndn: x")
	f.Fuzz(func(t *testing.T, name, to, group, note string) {
		if strings.ContainsAny(to, "\r\n") {
			return // no address
		}
		one := []Entry{{Name: name, Address: to, Group: group, Note: note}}
		var vcf, ldif, table bytes.Buffer
		if VCard(&vcf, one) != nil || LDIF(&ldif, one) != nil || CSV(&table, one) != nil {
			t.Fatal("a buffer refuses")
		}
		for line := range strings.SplitSeq(vcf.String(), "\r\n") {
			if len(line) > 75 || strings.ContainsAny(line, "\r\n") {
				t.Fatalf("line %q", line)
			}
		}
		unfolded := strings.ReplaceAll(vcf.String(), "\r\n ", "")
		if n := strings.Count(unfolded, "\r\n"); n != 10 {
			t.Fatalf("%d lines in %q", n, unfolded)
		}
		if n := strings.Count(ldif.String(), "\ndn:"); n != 1 {
			t.Fatalf("%d entries in %q", n, ldif.String())
		}
		if rows, err := csv.NewReader(&table).ReadAll(); err != nil || len(rows) != 2 {
			t.Fatalf("%d rows, %v", len(rows), err)
		}
	})
}
