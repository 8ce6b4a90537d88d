package proof

import (
	"crypto/sha256"
	_ "embed" // the words
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pelletier/go-toml/v2"
)

var (
	//go:embed texts/fr.toml
	frenchTexts string
	//go:embed texts/en.toml
	englishTexts string
)

// drawing counts the changes of how pages are drawn from the same words: to be raised with each
// change of pages.go, sheet.go or table.go that moves anything (a golden test reminds of it).
const drawing = 1

// words are the texts of one language.
type words struct {
	language string
	texts    map[string]string
	layout   string
}

var languages = sync.OnceValues(func() (map[string]words, error) {
	all := map[string]words{}
	for language, source := range map[string]string{"fr": frenchTexts, "en": englishTexts} {
		var tables map[string]map[string]string
		if err := toml.Unmarshal([]byte(source), &tables); err != nil {
			return nil, fmt.Errorf("read the proof's words %s: %w", language, err)
		}
		w := words{language: language, texts: map[string]string{}}
		for table, texts := range tables {
			for key, text := range texts {
				w.texts[table+"."+key] = text
			}
		}
		sum := sha256.Sum256([]byte(source))
		w.layout = strconv.Itoa(drawing) + "-" + hex.EncodeToString(sum[:6])
		all[language] = w
	}
	return all, nil
})

// wordsOf gives the words of a language, French when it is not known.
func wordsOf(language string) (words, error) {
	all, err := languages()
	if err != nil {
		return words{}, err
	}
	if w, ok := all[language]; ok {
		return w, nil
	}
	return all["fr"], nil
}

// layoutName names the words of a language and the drawing: two programs with the same name draw the
// same pages from the same evidence.
func (w words) layoutName() string { return w.layout }

// has tells whether there is a text.
func (w words) has(key string) bool { return w.texts[key] != "" }

// t is a text with its {names} filled in from pairs of name and value.
func (w words) t(key string, pairs ...string) string {
	text, ok := w.texts[key]
	if !ok {
		return key
	}
	for i := 0; i < len(pairs); i += 2 {
		pairs[i] = "{" + pairs[i] + "}"
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// or is the text of the key made of prefix and code, or the code itself when there is none.
func (w words) or(prefix, code string) string {
	if text, ok := w.texts[prefix+"."+code]; ok {
		return text
	}
	return code
}

// minute is a date to the minute without offset, as the manual's title has it.
func (w words) minute(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.Format(w.t("form.minute"))
}

// instant is a date to the second with its offset.
func (w words) instant(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.Format(w.t("form.second")) + " (UTC" + at.Format("-07:00") + ")"
}

// size is a number of octets: 1 Mo is 1,000,000.
func (w words) size(n int64) string {
	unit, div, digits := w.t("form.byte"), 1.0, 0
	switch {
	case n >= 1_000_000:
		unit, div, digits = w.t("form.megabyte"), 1e6, 1
	case n >= 1000:
		unit, div, digits = w.t("form.kilobyte"), 1e3, 1
	}
	text := strconv.FormatFloat(float64(n)/div, 'f', digits, 64)
	return strings.Replace(text, ".", w.t("form.decimal"), 1) + "\u00a0" + unit
}

// yesNo says a truth.
func (w words) yesNo(b bool) string {
	if b {
		return w.t("form.yes")
	}
	return w.t("form.no")
}
