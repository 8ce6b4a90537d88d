package address

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"vaguemestre/gateway"
	"vaguemestre/gateway/catalog"
)

var (
	anyName   = rapid.StringMatching(`[a-z0-9][a-z0-9._-]{0,30}`).Filter(Fits)
	anyFirm   = rapid.StringMatching(`[a-z0-9]([a-z0-9_-]{0,8}[a-z0-9])?`).Filter(func(s string) bool { return s == Fold(s) })
	anyChoice = rapid.SampledFrom([]Choice{Unsaid, Yes, No})
	anyLocal  = rapid.Custom(func(t *rapid.T) Moment {
		if rapid.Bool().Draw(t, "unsaid") {
			return Moment{}
		}
		minute := rapid.Int64Range(0, 40_000_000).Draw(t, "minute")
		return Moment{Local: time.Unix(minute*60, 0).UTC().Format(localForm)}
	})
	anyWish = rapid.Custom(func(t *rapid.T) Wish {
		return Wish{
			Name: anyName.Draw(t, "name"), Type: rapid.SampledFrom(append([]gateway.TypeCode{""}, nine...)).Draw(t, "type"),
			Acknowledged: anyChoice.Draw(t, "ar"), Reply: anyChoice.Draw(t, "reply"), By: anyLocal.Draw(t, "by"),
			Sealed: anyChoice.Draw(t, "sealed"),
		}
	})
)

// A wish that addresses and tags can say.
func anyWorded(t *rapid.T) Wish {
	w := anyWish.Draw(t, "wish")
	w.Action = rapid.SampledFrom([]Action{Send, Draft, Trial, Model}).Draw(t, "action")
	if rapid.Bool().Draw(t, "firms") {
		w.Companies = slices.Compact(slices.Sorted(slices.Values(rapid.SliceOfN(anyFirm, 1, 3).Draw(t, "companies"))))
	}
	return w
}

func TestAnAddressReadsAsItWasWritten(t *testing.T) {
	g := grammar(t)
	rapid.Check(t, func(t *rapid.T) {
		want := anyWorded(t)
		want.Source = FromAddress
		if rapid.Bool().Draw(t, "group") {
			want.Companies = nil
			want.Registers = []gateway.Register{rapid.SampledFrom(gateway.Registers()).Draw(t, "register")}
		}
		text, ok := g.Format(want)
		if !ok {
			t.Skip("does not fit in 64 octets")
		}
		for _, written := range []string{text, strings.ToUpper(text), `"` + strings.Replace(text, "@", `"@`, 1)} {
			got, fault := g.Recipient(written)
			if fault != nil {
				t.Fatalf("%s: %v", written, fault)
			}
			if diff := cmp.Diff(want, got.Wish); diff != "" || got.Kind != Control {
				t.Fatalf("%s (kind %d):\n%s", written, got.Kind, diff)
			}
		}
		if local, _, _ := strings.Cut(text, "@"); len(local) > MaxLocal {
			t.Fatalf("%s has a local part of %d octets", text, len(local))
		}
	})
}

func TestATagReadsAsItWasWritten(t *testing.T) {
	g := grammar(t)
	rapid.Check(t, func(t *rapid.T) {
		want := anyWorded(t)
		want.Source = FromTag
		tag, ok := g.FormatTag(want)
		if !ok {
			t.Fatal("not a tag")
		}
		text := rapid.StringMatching(`[^\[\]\s:][^\[\]:]{0,20}`).Draw(t, "text")
		got, fault := g.Subject("Re: "+tag+" "+text, func(name string) bool { return name == want.Name })
		if fault != nil {
			t.Fatalf("%s: %v", tag, fault)
		}
		if diff := cmp.Diff([]Wish{want}, got.Wishes); diff != "" {
			t.Fatalf("%s:\n%s", tag, diff)
		}
		if want := strings.Trim("Re: "+strings.TrimLeft(text, blanks), blanks); got.Text != want {
			t.Fatalf("subject %q, want %q", got.Text, want)
		}
	})
}

func TestFieldsReadAsTheyWereWritten(t *testing.T) {
	g := grammar(t)
	rapid.Check(t, func(t *rapid.T) {
		want := anyWish.Draw(t, "wish")
		if rapid.Bool().Draw(t, "instant") {
			want.By = At(time.Unix(60*rapid.Int64Range(0, 40_000_000).Draw(t, "minute"), 0))
		}
		got, fault := g.Fields(g.FormatFields(want))
		if fault != nil {
			t.Fatal(fault)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestAFoldedReferenceStaysTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		reference := rapid.String().Draw(t, "reference")
		folded := Fold(reference)
		if Fold(folded) != folded {
			t.Fatalf("%q folds to %q, which folds to %q", reference, folded, Fold(folded))
		}
		if alias := Alias(reference); alias != "" && !Fits(alias) {
			t.Fatalf("the alias %q of %q does not fit", alias, reference)
		}
		if Fits(folded) && Alias(reference) != folded {
			t.Fatalf("%q fits, and has the alias %q", folded, Alias(reference))
		}
	})
}

func TestReferencesFold(t *testing.T) {
	for _, c := range []struct{ reference, folded, alias string }{
		{"TESTESR2020", "testesr2020", "testesr2020"},
		{"MAPA 2021/03", "mapa-2021-03", "mapa-2021-03"},
		{"  Réfection de l'église  ", "refection-de-l-eglise", "refection-de-l-eglise"},
		{"A--B__C..D", "a-b__c.d", "a-b__c.d"},
		{"2021+DCE", "2021-dce", "2021-dce"},
		{"Œuvre n° 3", "oeuvre-n-3", "oeuvre-n-3"},
		{"retraits.2021", "retraits.2021", "retraits-2021"},
		{"courrier", "courrier", "courrier-wlo4"},
		{"2021-DSI-MARCHE-FOURNITURE-INFORMATIQUE", "2021-dsi-marche-fourniture-informatique", "2021-dsi-marche-jbo7"},
		{"日本", "", ""},
	} {
		if got := Fold(c.reference); got != c.folded {
			t.Errorf("Fold(%q) = %q, want %q", c.reference, got, c.folded)
		}
		if got := Alias(c.reference); got != c.alias {
			t.Errorf("Alias(%q) = %q, want %q", c.reference, got, c.alias)
		}
	}
}

func TestADeadlineInItsZone(t *testing.T) {
	paris, err := time.LoadLocation(gateway.DefaultZone)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ local, utc, key string }{
		{"2021-03-20 12:00", "2021-03-20 11:00", ""},
		{"2021-07-20 12:00", "2021-07-20 10:00", ""},
		{"2021-03-28 02:30", "", "refuse.no-such-hour"},
		{"2021-10-31 02:30", "2021-10-31 01:30", ""}, // twice: the later
		{"pas une date", "", "refuse.bad-date"},
	} {
		got, fault := Moment{Local: c.local}.In(paris)
		if fault != nil {
			if fault.Key != c.key {
				t.Errorf("%s: %s, want %q", c.local, fault.Key, c.key)
			}
			continue
		}
		if text := got.Format(localForm); text != c.utc {
			t.Errorf("%s is %s, want %s", c.local, text, c.utc)
		}
	}
	instant := At(time.Date(2021, 3, 20, 12, 0, 30, 0, paris))
	if got, _ := instant.In(time.UTC); !got.Equal(time.Date(2021, 3, 20, 11, 0, 0, 0, time.UTC)) {
		t.Errorf("instant %v", got)
	}
}

func TestMergeIsTheSameInAnyOrderOfPlaces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		wishes := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Wish {
			w := anyWish.Draw(t, "wish")
			w.Name, w.Source = "testesr2020", rapid.SampledFrom([]Source{FromField, FromAddress, FromTag, FromClient}).Draw(t, "source")
			return w
		}), 0, 5).Draw(t, "wishes")
		forward, fault := Merge(wishes...)
		slices.Reverse(wishes)
		backward, again := Merge(wishes...)
		if (fault == nil) != (again == nil) {
			t.Fatalf("one order is refused, the other is not: %v, %v", fault, again)
		}
		if fault == nil {
			if diff := cmp.Diff(forward, backward); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}

func TestNearestWords(t *testing.T) {
	for _, c := range []struct {
		word string
		want []string
	}{
		{"rejett", []string{"rejet"}},
		{"rejte", []string{"rejet"}},
		{"notifcation", []string{"notification", "modification"}},
		{"xyz", nil},
		{"", nil},
		{strings.Repeat("rejet", 1000), nil},
	} {
		if diff := cmp.Diff(c.want, Near(c.word, []string{"rejet", "question", "notification", "modification", "ar"})); diff != "" {
			t.Errorf("%q:\n%s", c.word, diff)
		}
	}
	if word, near, rest := NearRegister("retrait.testesr2020"); word != "retrait" || rest != "testesr2020" || !slices.Equal(near, []string{"retraits"}) {
		t.Errorf("retrait.testesr2020: %q %q %q", word, near, rest)
	}
}

func TestDistanceIsADistance(t *testing.T) {
	word := rapid.StringMatching(`[a-e]{0,6}`)
	rapid.Check(t, func(t *rapid.T) {
		a, b := word.Draw(t, "a"), word.Draw(t, "b")
		if d := distance(a, b); d != distance(b, a) || (d == 0) != (a == b) || d > max(len(a), len(b)) {
			t.Fatalf("distance(%q, %q) = %d", a, b, d)
		}
	})
}

func TestATypeCannotTakeAnotherMeaning(t *testing.T) {
	for _, code := range []gateway.TypeCode{"", "ar", "simple", "essai", "e-acme", "limite-courte", "Rejet", "rejet_2", "rejet définitif", "un-code-vraiment-beaucoup-trop-long"} {
		if _, err := New("passerelle.example", []gateway.TypeCode{code}); err == nil {
			t.Errorf("type %q was taken", code)
		}
	}
	for _, domain := range []string{"", "a b", "a..b", "[192.0.2.1]"} {
		if _, err := New(domain, nine); err == nil {
			t.Errorf("domain %q was taken", domain)
		}
	}
	for _, domain := range []string{"localhost", "Passerelle.Example", "société.example"} {
		if _, err := New(domain, nine); err != nil {
			t.Errorf("domain %q: %v", domain, err)
		}
	}
}

// checkFault holds a refusal to what its reader needs: a sentence of the catalogue, on one line.
func checkFault(t *testing.T, f *gateway.Fault) {
	t.Helper()
	if f.Class != gateway.Permanent || !catalog.Has(f.Key) {
		t.Fatalf("refusal %v", f)
	}
	if s := catalog.Text(catalog.French, f.Key, f.Args); s == f.Key || strings.ContainsAny(s, "\r\n\x00") || !utf8.ValidString(s) {
		t.Fatalf("%s says %q", f.Key, s)
	}
}

func FuzzRecipient(f *testing.F) {
	g := grammar(f)
	for _, seed := range []string{
		"testesr2020+rejet@passerelle.example", `"x> NOTIFY=NEVER <y"@entreprise.example`, "a@b@c.fr", "hélène@société.example",
		"retraits.x+e-acme@passerelle.example", "courrier+f-@passerelle.example", "\x00@passerelle.example", `""@x.fr`, "a@[IPv6:::1]", "a@xn--.fr", "@", "",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		r, fault := g.Recipient(raw)
		if fault != nil {
			checkFault(t, fault)
			return
		}
		switch r.Kind {
		case Free:
			if strings.ContainsAny(r.Mailbox, "<> \r\n\t\x00\\") || len(r.Mailbox) > MaxPath {
				t.Fatalf("%q became %q", raw, r.Mailbox)
			}
			if again, fault := Mailbox(r.Mailbox); fault != nil || again != r.Mailbox {
				t.Fatalf("%q became %q, then %q (%v)", raw, r.Mailbox, again, fault)
			}
		case Control:
			if text, ok := g.Format(r.Wish); ok {
				again, fault := g.Recipient(text)
				if fault != nil || !cmp.Equal(r.Wish, again.Wish) {
					t.Fatalf("%q was written %q: %v %v", raw, text, fault, cmp.Diff(r.Wish, again.Wish))
				}
			}
		}
	})
}

func FuzzSubject(f *testing.F) {
	g := grammar(f)
	for _, seed := range []string{"[TESTESR2020 rejet] Objet", "Re: [a][b][c]", "[[[]]]", "[TESTESR2020", "Re[2]: [TESTESR2020 limite-20210320]", "\xff[é]"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, subject string) {
		s, fault := g.Subject(subject, func(name string) bool { return strings.HasPrefix(name, "testesr2020") })
		if fault != nil {
			checkFault(t, fault)
			return
		}
		if len(s.Text) > len(subject)+maxTags {
			t.Fatalf("%q grew to %q", subject, s.Text)
		}
		for _, stray := range s.Strays {
			g.StrayName(stray)
		}
	})
}

func FuzzFields(f *testing.F) {
	g := grammar(f)
	f.Add("Vaguemestre-Type", "rejet")
	f.Add("Vaguemestre-Reply-By", "20/03/2021 à 12:00")
	f.Add("vaguemestre-", "")
	f.Add("Reply-By", "Sat, 20 Mar 2021 12:00:00 +0100")
	f.Add("References", "<a@passerelle.example><@><b@passerelle.example")
	f.Fuzz(func(t *testing.T, name, value string) {
		header := []Field{{name, value}}
		if w, fault := g.Fields(header); fault != nil {
			checkFault(t, fault)
		} else if again, fault := g.Fields(g.FormatFields(w)); fault != nil || !cmp.Equal(w, again) {
			t.Fatalf("%v was written as %v: %v", w, again, fault)
		}
		if _, fault := g.Client(header); fault != nil {
			checkFault(t, fault)
		}
		g.Answered(header)
	})
}
