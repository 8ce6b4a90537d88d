package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const previewed = "From: quelqu'un@ailleurs.example\nTo: x@y.example\nSubject: Visite\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n" +
	"--b\nContent-Type: text/plain; charset=utf-8\n\nLa visite a lieu à 8 heures.\n--b\nContent-Type: application/pdf; name=plan.pdf\n" +
	"Content-Disposition: attachment; filename=plan.pdf\nContent-Transfer-Encoding: base64\n\nJVBERi0=\n--b--\n"

func TestPreviewIsWhatARecipientWouldGet(t *testing.T) {
	i := &installation{T: t, ctx: t.Context(), dir: t.TempDir(), file: "/none"}
	plain := i.must(previewed, "preview", "--mode", "simple", "--to", "marches@entreprise.example")
	for _, want := range []string{"To: <marches@entreprise.example>", "Subject: Visite", "plan.pdf", "JVBERi0=", "TESTESR2020"} {
		if !strings.Contains(plain, want) {
			t.Errorf("the plain message lacks %q:\n%s", want, plain)
		}
	}
	if acknowledged := i.must(previewed, "preview"); strings.Contains(acknowledged, "8 heures") || !strings.Contains(acknowledged, "/l/") {
		t.Errorf("the acknowledged message shows its content or no link:\n%s", acknowledged)
	}
	if page := i.must(previewed, "preview", "--page"); !strings.Contains(page, "La visite a lieu à 8 heures.") || !strings.Contains(page, "plan.pdf") {
		t.Errorf("the page lacks the letter:\n%s", page)
	}
	if sealed := i.must(previewed, "preview", "--type", "complement"); !strings.Contains(sealed, "scell") {
		t.Errorf("a type that must have a deadline has none:\n%s", sealed)
	}
	_, err := i.program(previewed, "preview", "--mode", "simple", "--type", "rejet")
	if err == nil || !strings.Contains(err.Error(), "550") || !strings.Contains(err.Error(), "simple") {
		t.Errorf("a locked type without acknowledgement: %v", err)
	}
}

// TestPreviewIsAboutTheConsultationGiven: with its facts and in its language, in both modes; a file that holds none, or two, is said.
func TestPreviewIsAboutTheConsultationGiven(t *testing.T) {
	i := &installation{T: t, ctx: t.Context(), dir: t.TempDir(), file: "/none"}
	const one = `{"reference": "ROOFS-7", "title": "Roofs of the school", "public_body": "Digital Agency", "language": "en", "zone": "Indian/Reunion", "deadline": "2030-03-09 10:00"}`
	about := i.write("one.json", `[`+one+`]`)
	for mode, want := range map[string][]string{
		"simple": {"Content-Language: en", `From: "Digital Agency"`, "ROOFS-7 | Roofs of the school", "Saturday 9 March 2030 at 10:00 (UTC+04:00)", "8 heures"},
		"ar":     {"Content-Language: en", "ROOFS-7 | Roofs of the school", "Saturday 9 March 2030 at 10:00 (UTC+04:00)", "/l/"},
	} {
		got := strings.ReplaceAll(i.must(previewed, "preview", "--mode", mode, "--consultation", about), "=\r\n", "")
		for _, w := range want {
			if !strings.Contains(got, w) {
				t.Errorf("%s: no %q in\n%s", mode, w, got)
			}
		}
	}
	for name, text := range map[string]string{"two": `[` + one + `,` + strings.Replace(one, "-7", "-8", 1) + `]`, "none": `[]`, "broken": `{`} {
		if _, err := i.program(previewed, "preview", "--consultation", i.write(name+".json", text)); err == nil || !strings.Contains(err.Error(), name+".json") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPreviewOfAListGoesOnAfterARefusal(t *testing.T) {
	i := &installation{T: t, ctx: t.Context(), dir: t.TempDir(), file: "/none"}
	first, empty, again := i.write("a.eml", previewed), i.write("b.eml", "Subject: rien\n\n"), i.write("c.eml", previewed)
	out := filepath.Join(i.dir, "out")
	if err := os.Mkdir(out, 0o700); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(i.dir, "missing.eml")
	_, err := i.program(strings.Join([]string{first, missing, empty, again}, "\n"), "preview", "--list", "--page", "--out", out)
	if err == nil || !strings.Contains(err.Error(), empty) || !strings.Contains(err.Error(), missing) {
		t.Errorf("the refused one, or the missing one, is not named: %v", err)
	}
	for name, there := range map[string]bool{"a.eml": true, "b.eml": false, "c.eml": true} {
		if _, err := os.Stat(filepath.Join(out, name+".preview.html")); (err == nil) != there {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestClassifySaysWhatAMailIs(t *testing.T) {
	i := &installation{T: t, ctx: t.Context(), dir: t.TempDir(), file: "/none"}
	const absence = "From: paul@entreprise.example\nSubject: Absence du bureau\nAuto-Submitted: auto-replied\n\nJe suis absent jusqu'au 3 mars.\n"
	var one struct {
		File, Class, Error string
	}
	if err := json.Unmarshal([]byte(i.must(absence, "classify")), &one); err != nil || one.Class != "absence" {
		t.Errorf("%+v, %v", one, err)
	}
	known, missing := i.write("absence.eml", absence), filepath.Join(i.dir, "missing.eml")
	out, err := i.program(missing+"\n"+known+"\n", "classify", "--list")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if err == nil || len(lines) != 2 || json.Unmarshal([]byte(lines[1]), &one) != nil || one.Class != "absence" || one.File != known {
		t.Errorf("a missing file stops the next, or is not told: %v\n%s", err, out)
	}
}
