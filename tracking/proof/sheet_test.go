package proof

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestFontsHaveTheLettersOfEurope(t *testing.T) {
	s, err := newSheet()
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{
		"French": "àâæçéèêëîïôœùûüÿÀÂÆÇÉÈÊËÎÏÔŒÙÛÜŸ«»’“”–—…€n°№ ",
		"German": "äöüÄÖÜßẞ", "Spanish": "áíóúñ¿¡ÁÍÓÚÑ", "Polish": "ąćęłńóśźżĄĆĘŁŃÓŚŹŻ", "Czech": "ěščřžýáíéůúďťň", "Romanian": "ăâîșțĂÂÎȘȚ",
		"Greek":    "αβγδεζηθικλμνξοπρσςτυφχψωάέήίόύώϊϋΐΰΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩΆΈΉΊΌΎΏ",
		"Cyrillic": "абвгдеёжзийклмнопрстуфхцчшщъыьэюяАБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯіїєґІЇЄҐљњћђџ",
		"composed": "e\u0301a\u0300c\u0327", // written in two characters, drawn as one
	}
	for _, font := range []string{sans, bold, mono} {
		for name, text := range texts {
			if got := s.printable(text, font); strings.Contains(got, "U+") {
				t.Errorf("%s lacks letters of %s: %s", font, name, got)
			}
		}
	}
}

func TestWhatCannotBeDrawnIsNamed(t *testing.T) {
	s, err := newSheet()
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		"漢": "U+6F22", "😀": "U+1F600", "a\u202eb": "aU+202Eb", "a\x00b": "aU+0000b", "a\u200bb": "aU+200Bb", "\xff": "U+FFFD", "a\tb": "a    b", "co\u00adop": "coop",
	} {
		if got := s.printable(text, sans); got != want {
			t.Errorf("%q is drawn as %q instead of %q", text, got, want)
		}
	}
}

func TestWrappedLinesFitAndLoseNothing(t *testing.T) {
	s, err := newSheet()
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.StringMatching(`[a-zA-Zé ]{0,300}`), rapid.StringMatching(`[a-z/.@_-]{0,300}`), rapid.String()).Draw(t, "text")
		width := rapid.Float64Range(-10, 500).Draw(t, "width")
		var together strings.Builder
		for _, line := range s.wrap(text, plain, width) {
			if w := s.width(line, plain); w > math.Max(width, minWidth)+0.01 {
				t.Fatalf("%q is %f wide instead of %f", line, w, width)
			}
			together.WriteString(line)
		}
		blank := strings.NewReplacer(" ", "", "\n", "")
		if got, want := blank.Replace(together.String()), blank.Replace(s.printable(text, sans)); got != want {
			t.Fatalf("%q became %q", want, got)
		}
	})
}
