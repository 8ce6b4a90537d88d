// Package catalog holds the sentences that people read: refusals, receipts, notices. They
// stand in fr.toml and en.toml, one table per subject, so that no French hides
// among the logic and so that both languages always say the same things.
//
// It promises that Text always gives something to show: an unknown language is French, an
// unknown key is the key itself. Nothing is kept: a crash leaves nothing.
//
// A sentence is a text/template. Beside the fields given by the caller it may use
//
//	date TIME     20/03/2021 à 12:00, in the zone of the time given
//	size BYTES    6,3 Mo (1 Mo = 1,000,000 bytes)
//	some LIST     « a », « b » ou « c »
//	all LIST      a, b et c
//	count N ONE MANY   1 destinataire, 2 destinataires
package catalog

import (
	_ "embed" // the catalogues
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/template"
	"time"

	"github.com/pelletier/go-toml/v2"
)

// Languages of the catalogues, the first of which is the default.
const (
	French  = "fr"
	English = "en"
)

var (
	//go:embed fr.toml
	french string
	//go:embed en.toml
	english string
)

type sentences map[string]sentence

// sentence is a template, or a text alone when it has nothing to fill in: most have not, and a template takes kilobytes.
type sentence struct {
	*template.Template
	text string
}

// sentence reads one; those of a language share the words of its templates.
func (w words) sentence(key, text string) (sentence, error) {
	if !strings.Contains(text, "{{") {
		return sentence{text: text}, nil
	}
	t, err := w.New(key).Parse(text)
	return sentence{Template: t}, err
}

// catalogues is read once; the files are embedded and tested, so that a broken one never ships.
var catalogues = sync.OnceValue(func() map[string]sentences {
	return map[string]sentences{
		French:  mustRead(french, frenchWords),
		English: mustRead(english, englishWords),
	}
})

// Text is the sentence of a key ("refuse.unknown-word") in a language, filled in with args.
func Text(lang, key string, args map[string]any) string {
	s, known := catalogues()[lang][key]
	if !known {
		s, known = catalogues()[French][key]
	}
	switch {
	case !known:
		return key
	case s.Template == nil:
		return s.text
	}
	var b strings.Builder
	if err := s.Execute(&b, args); err != nil {
		return key
	}
	return b.String()
}

// Has tells whether the catalogues know the key.
func Has(key string) bool {
	_, known := catalogues()[French][key]
	return known
}

// Keys lists the keys of a language, sorted.
func Keys(lang string) []string {
	keys := make([]string, 0, len(catalogues()[lang]))
	for k := range catalogues()[lang] {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

func mustRead(text string, functions template.FuncMap) sentences {
	all, err := read(text, functions)
	if err != nil {
		panic("catalog: " + err.Error())
	}
	return all
}

// words are what the templates of a language may use.
type words struct{ *template.Template }

func read(text string, functions template.FuncMap) (sentences, error) {
	var tables map[string]any
	if err := toml.Unmarshal([]byte(text), &tables); err != nil {
		return nil, fmt.Errorf("read the catalogue: %w", err)
	}
	all := sentences{}
	return all, all.add("", tables, words{template.New("").Funcs(functions)})
}

// add takes in a table and those within it.
func (s sentences) add(prefix string, table map[string]any, w words) error {
	for name, entry := range table {
		key := prefix + name
		switch v := entry.(type) {
		case map[string]any:
			if err := s.add(key+".", v, w); err != nil {
				return err
			}
		case string:
			read, err := w.sentence(key, v)
			if err != nil {
				return fmt.Errorf("read the catalogue: %w", err)
			}
			s[key] = read
		default:
			return fmt.Errorf("read the catalogue: %s is %T, not a sentence", key, entry)
		}
	}
	return nil
}

var frenchWords = template.FuncMap{
	"date":  func(t time.Time) string { return t.Format("02/01/2006 à 15:04") },
	"size":  func(n any) string { return megabytes(n, ",") + " Mo" },
	"some":  func(list any) string { return join(list, "« ", " »", " ou ") },
	"all":   func(list any) string { return join(list, "", "", " et ") },
	"count": func(n any, one, many string) string { return count(n, one, many, 2) },
}

var englishWords = template.FuncMap{
	"date":  func(t time.Time) string { return t.Format("2 January 2006 at 15:04") },
	"size":  func(n any) string { return megabytes(n, ".") + " MB" },
	"some":  func(list any) string { return join(list, "“", "”", " or ") },
	"all":   func(list any) string { return join(list, "", "", " and ") },
	"count": func(n any, one, many string) string { return count(n, one, many, 1) },
}

func number(n any) int64 {
	switch v := n.(type) {
	case int:
		return int64(v)
	case int64:
		return v
	}
	return 0
}

// megabytes rounds up to a tenth, so that what is over a limit never shows as the limit.
func megabytes(n any, point string) string {
	tenths := (number(n) + 99_999) / 100_000
	if tenths%10 == 0 {
		return strconv.FormatInt(tenths/10, 10)
	}
	return strconv.FormatInt(tenths/10, 10) + point + strconv.FormatInt(tenths%10, 10)
}

func join(list any, opening, closing, last string) string {
	items, _ := list.([]string)
	quoted := make([]string, len(items))
	for i, item := range items {
		quoted[i] = opening + item + closing
	}
	switch n := len(quoted); n {
	case 0:
		return ""
	case 1:
		return quoted[0]
	default:
		return strings.Join(quoted[:n-1], ", ") + last + quoted[n-1]
	}
}

// count writes a number with its noun; plural is the first number that takes the plural
// upwards. English also says "0 recipients", French "0 destinataire".
func count(n any, one, many string, plural int64) string {
	v := number(n)
	word := one
	if v >= 2 || plural == 1 && v != 1 {
		word = many
	}
	return strconv.FormatInt(v, 10) + " " + word
}
