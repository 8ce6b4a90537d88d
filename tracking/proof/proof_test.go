package proof

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"vaguemestre/gateway"
)

func TestProofIsValidForOthersToo(t *testing.T) {
	w := newWorld(t)
	c, _ := w.story()
	b := w.pdf(c.ID, gateway.ID{}, "")
	if dir := os.Getenv("PROOF_DIR"); dir != "" {
		_ = os.WriteFile(filepath.Join(dir, "preuve.pdf"), b, 0o600)
	}
	if out := run(t, b, "qpdf", "--check", "FILE"); !strings.Contains(out, "No syntax or stream encoding errors") || strings.Contains(out, "WARNING") {
		t.Errorf("qpdf: %s", out)
	}
	out := run(t, b, "pdfsig", "FILE")
	if !strings.Contains(out, "Signature is Valid.") || !strings.Contains(out, "Total document signed") || !strings.Contains(out, "ETSI.CAdES.detached") {
		t.Errorf("pdfsig: %s", out)
	}
	out = run(t, b, "pdfdetach", "-list", "FILE")
	for _, name := range []string{"evidence.json", "checkpoint.txt", "inclusion.json", "message.eml", "report-1.eml", "report-2.eml"} {
		if !strings.Contains(out, name) {
			t.Errorf("%s is not attached: %s", name, out)
		}
	}
	r := w.verify(b, Trust{Ledgers: []string{w.key.Public()}})
	if !r.OK() {
		t.Error(r.Text("fr"))
	}
	want := []string{"seal", "files", "pages", "checkpoint", "events", "facts"}
	if diff := cmp.Diff(want, keys(r, Proved)); diff != "" {
		t.Error(diff, r.Text("en"))
	}
}

func TestPagesSayAllOfIt(t *testing.T) {
	for _, language := range []string{"fr", "en"} {
		t.Run(language, func(t *testing.T) {
			w := newWorld(t)
			c, _ := w.story()
			b := w.pdf(c.ID, gateway.ID{}, language)
			text := run(t, b, "pdftotext", "-layout", "FILE", "-")
			text = stable(text)
			golden := filepath.Join("testdata", "preuve."+language+".txt")
			if *rewrite {
				if err := os.WriteFile(golden, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(text, "\n")); diff != "" {
				t.Errorf("the pages changed; where that is meant, raise drawing in words.go and run with -update:\n%s", diff)
			}
		})
	}
}

// stable hides what differs from run to run: the keys, and what follows from them.
func stable(text string) string {
	var lines []string
	for line := range strings.SplitSeq(text, "\n") {
		if hexes := longRE.FindAllString(line, -1); hexes != nil {
			line = longRE.ReplaceAllString(line, "…")
		}
		lines = append(lines, strings.TrimRight(gapRE.ReplaceAllString(line, "  "), " "))
	}
	return strings.Join(lines, "\n")
}

func TestSameProofTwiceIsTheSameFile(t *testing.T) {
	w := newWorld(t)
	c, _ := w.story()
	m, err := w.issuer.collect(t.Context(), c.ID, gateway.ID{}, "")
	if err != nil {
		t.Fatal(err)
	}
	var one, two bytes.Buffer
	if err := w.issuer.pdf(t.Context(), &one, m); err != nil {
		t.Fatal(err)
	}
	if err := w.issuer.pdf(t.Context(), &two, m); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(one.Bytes(), two.Bytes()) {
		t.Error("the same proof at the same time is another file")
	}
}

// gapRE: how far apart pdftotext puts things depends on the width of the keys.
var gapRE = regexp.MustCompile(` {2,}`)

var longRE = regexp.MustCompile(`[0-9A-Za-z+/=]{40,}|courrier\.example\+\S+|^\s+[0-9a-f]{2,23}$`)
