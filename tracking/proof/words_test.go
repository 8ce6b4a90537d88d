package proof

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// Both languages have the same texts, with the same names to fill in.
func TestBothLanguagesSayTheSameThings(t *testing.T) {
	all, err := languages()
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile(`\{[a-z]+\}`)
	for key, french := range all["fr"].texts {
		english, ok := all["en"].texts[key]
		if !ok {
			t.Errorf("%s is missing in English", key)
			continue
		}
		a, b := names.FindAllString(french, -1), names.FindAllString(english, -1)
		slices.Sort(a)
		slices.Sort(b)
		if !slices.Equal(a, b) {
			t.Errorf("%s: %v in French, %v in English", key, a, b)
		}
	}
	if len(all["en"].texts) != len(all["fr"].texts) {
		t.Errorf("%d texts in French, %d in English", len(all["fr"].texts), len(all["en"].texts))
	}
}

// Every text is used, and every text asked for by its whole name exists.
func TestTextsAskedForExist(t *testing.T) {
	sources, err := readSources()
	if err != nil {
		t.Fatal(err)
	}
	w, err := wordsOf("fr")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`\.t\("([a-z]+\.[a-z-]+)"[,)]`).FindAllStringSubmatch(sources, -1) {
		if !w.has(m[1]) {
			t.Errorf("no text %s", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`v\.add\([A-Za-z]+, "([a-z-]+)"`).FindAllStringSubmatch(sources, -1) {
		if !w.has("verify." + m[1]) {
			t.Errorf("no text verify.%s", m[1])
		}
	}
	for _, m := range regexp.MustCompile(`judge\([^\n]*"([a-z]+)[ "]`).FindAllStringSubmatch(sources, -1) {
		if !w.has("verify.what-" + m[1]) {
			t.Errorf("no text verify.what-%s", m[1])
		}
	}
	for key := range w.texts {
		if !used(sources, key) {
			t.Errorf("the text %s is not used", key)
		}
	}
}

// used tells whether a text is asked for by its name, or belongs to a table that is asked by code.
func used(sources, key string) bool {
	table, name, _ := strings.Cut(key, ".")
	switch table {
	case "state", "step", "strength", "looks":
		return true
	}
	if strings.Contains(sources, `"`+key+`"`) || table == "verify" && (strings.Contains(sources, `"`+name+`"`) || strings.Contains(sources, `"`+strings.TrimPrefix(name, "what-"))) {
		return true
	}
	for i, r := range name { // "why.withheld-" + code
		if r == '-' && strings.Contains(sources, `"`+table+"."+name[:i+1]+`"`) || r == '-' && strings.Contains(sources, `"`+name[:i+1]+`"`) {
			return true
		}
	}
	return strings.Contains(sources, `"`+table+`."`) || strings.Contains(sources, `"`+table+`.`) && strings.Contains(sources, `"`+table+`." + string`)
}

func readSources() (string, error) {
	names, err := filepath.Glob("*.go")
	if err != nil {
		return "", err
	}
	var all strings.Builder
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return "", err
		}
		all.Write(b)
	}
	return all.String(), nil
}
