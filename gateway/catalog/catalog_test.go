package catalog

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template"
	"text/template/parse"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTheCataloguesHaveTheSameKeys(t *testing.T) {
	if diff := cmp.Diff(Keys(French), Keys(English)); diff != "" {
		t.Errorf("fr.toml (-) and en.toml (+) differ:\n%s", diff)
	}
}

func TestTheCataloguesUseTheSameFields(t *testing.T) {
	for _, key := range Keys(French) {
		if _, said := catalogues()[English][key]; !said {
			continue // said by the test above
		}
		if diff := cmp.Diff(fields(parsed(French, key)), fields(parsed(English, key))); diff != "" {
			t.Errorf("%s: fields of fr.toml (-) and en.toml (+):\n%s", key, diff)
		}
	}
}

// parsed is a sentence as a template, whether it has something to fill in or not.
func parsed(lang, key string) *template.Template {
	s := catalogues()[lang][key]
	if s.Template == nil {
		return template.Must(template.New(key).Parse(s.text))
	}
	return s.Template
}

var fieldUse = regexp.MustCompile(`(?:\b(date|size|some|all|count) )?\.([A-Z][A-Za-z]*)`)

// sample gives each field a value of the type that the functions applied to it ask for.
func sample(t *template.Template) map[string]any {
	args := map[string]any{}
	for _, use := range fieldUse.FindAllStringSubmatch(t.Root.String(), -1) {
		switch use[1] {
		case "date":
			args[use[2]] = time.Date(2021, 3, 20, 12, 0, 0, 0, time.UTC)
		case "size", "count":
			args[use[2]] = 3
		case "some", "all":
			args[use[2]] = []string{"un", "deux", "trois"}
		default:
			if args[use[2]] == nil {
				args[use[2]] = "valeur"
			}
		}
	}
	return args
}

func TestEverySentenceExecutes(t *testing.T) {
	for _, lang := range []string{French, English} {
		for _, key := range Keys(lang) {
			sentence := parsed(lang, key)
			var full, bare strings.Builder
			if err := sentence.Execute(&full, sample(sentence)); err != nil {
				t.Errorf("%s %s: %v", lang, key, err)
			}
			if full.Len() == 0 {
				t.Errorf("%s %s is empty", lang, key)
			}
			if strings.Contains(full.String(), "<no value>") {
				t.Errorf("%s %s: %s", lang, key, full.String())
			}
			if strings.HasPrefix(key, "refuse.") {
				checkReply(t, key, full.String())
			}
			_ = sentence.Execute(&bare, nil) // must not panic whatever is missing
			if got := Text(lang, key, sample(sentence)); got != full.String() {
				t.Errorf("%s %s: %q instead of %q", lang, key, got, full.String())
			}
		}
	}
}

// checkReply holds a refusal to one line that an SMTP reply can carry (RFC 5321 §4.5.3.1.5).
func checkReply(t *testing.T, key, sentence string) {
	t.Helper()
	if strings.ContainsAny(sentence, "\r\n") {
		t.Errorf("%s has several lines", key)
	}
	if len(sentence) > 500 {
		t.Errorf("%s has %d octets", key, len(sentence))
	}
}

func fields(t *template.Template) []string {
	var names []string
	walk(t.Root, func(f *parse.FieldNode) { names = append(names, strings.Join(f.Ident, ".")) })
	slices.Sort(names)
	return slices.Compact(names)
}

func walk(n parse.Node, visit func(*parse.FieldNode)) {
	switch n := n.(type) {
	case *parse.ListNode:
		if n != nil {
			for _, child := range n.Nodes {
				walk(child, visit)
			}
		}
	case *parse.ActionNode:
		walk(n.Pipe, visit)
	case *parse.PipeNode:
		for _, command := range n.Cmds {
			for _, arg := range command.Args {
				walk(arg, visit)
			}
		}
	case *parse.IfNode:
		walk(n.Pipe, visit)
		walk(n.List, visit)
		walk(n.ElseList, visit)
	case *parse.RangeNode:
		walk(n.Pipe, visit)
		walk(n.List, visit)
		walk(n.ElseList, visit)
	case *parse.FieldNode:
		visit(n)
	}
}

func TestTextAlwaysGivesSomething(t *testing.T) {
	for _, c := range []struct{ lang, key, want string }{
		{French, "option.plain", "sans accusé de réception"},
		{English, "option.plain", "without acknowledgement"},
		{"de", "option.plain", "sans accusé de réception"},
		{French, "no.such-key", "no.such-key"},
		{French, "option.reply-by", "option.reply-by"}, // the date is missing: the key, not half a sentence
	} {
		if got := Text(c.lang, c.key, nil); got != c.want {
			t.Errorf("Text(%s, %s) = %q, want %q", c.lang, c.key, got, c.want)
		}
	}
	if Has("no.such-key") || !Has("option.plain") {
		t.Error("Has is wrong")
	}
}

func TestWordsOfTheSentences(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{megabytes(5_000_000, ","), "5"},
		{megabytes(5_000_001, ","), "5,1"},
		{megabytes(int64(6_300_000), "."), "6.3"},
		{megabytes("?", "."), "0"},
		{join([]string{"a"}, "« ", " »", " ou "), "« a »"},
		{join([]string{"a", "b", "c"}, "", "", " et "), "a, b et c"},
		{join(nil, "", "", " et "), ""},
		{count(0, "jour", "jours", 2), "0 jour"},
		{count(2, "jour", "jours", 2), "2 jours"},
		{count(0, "day", "days", 1), "0 days"},
		{count(1, "day", "days", 1), "1 day"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}

// TestSeveralAgreeInFrench: what is said of several messages of the queue is in the plural, of one in the singular.
func TestSeveralAgreeInFrench(t *testing.T) {
	for key, want := range map[string][2]string{
		"gone":          {"déjà parti, abandonné ou annulé", "déjà partis, abandonnés ou annulés"},
		"many-due":      {"1 autre : parti, en cours", "2 autres : partis, en cours"},
		"many-held":     {"1 autre : parti ou déjà retenu.", "2 autres : partis ou déjà retenus."},
		"many-released": {"1 autre : parti ou pas retenu.", "2 autres : partis ou pas retenus."},
	} {
		for n, words := range want {
			args := map[string]any{"Count": n + 1, "Done": 3, "Left": n + 1}
			if got := Text(French, "console.queue."+key, args); !strings.Contains(got, words) {
				t.Errorf("%s of %d: %q", key, n+1, got)
			}
		}
	}
}
