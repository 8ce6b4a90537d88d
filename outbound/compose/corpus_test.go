package compose

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"vaguemestre/gateway"
	"vaguemestre/gateway/catalog"
	"vaguemestre/gateway/message"
)

const corpora = "../../../shared/corpora/*/*.eml"

func corpus(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(corpora)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Skip("the corpora of real mail are not on this machine")
	}
	return files
}

// python is the independent reader; make test installs it.
func python(t testing.TB) string {
	t.Helper()
	path, err := exec.LookPath("python3")
	if err != nil {
		t.Fatal("python3 is needed: make needs installs it")
	}
	return path
}

// TestCorpusArrivesWhole: every real mail composes in both modes, and Python's reader finds its
// files byte for byte under their names and its text, with the block.
func TestCorpusArrivesWhole(t *testing.T) {
	j := newJudge(t)
	for _, name := range corpus(t) {
		j.add(filepath.Base(name), file(t, name))
	}
	j.ask()
	if n := len(j.names); j.refused*50 > n {
		t.Errorf("%d mails of %d are refused", j.refused, n+j.refused)
	}
}

// TestSamplesArriveWhole: so do our own samples, which hold every breach of the formats that we know of.
func TestSamplesArriveWhole(t *testing.T) {
	j := newJudge(t)
	for _, name := range samples(t) {
		j.add(filepath.Base(name), file(t, name))
	}
	j.ask()
}

func samples(t testing.TB) (all []string) {
	t.Helper()
	for _, pattern := range []string{"testdata/*.eml", "../../gateway/message/testdata/*.eml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatal(pattern, err)
		}
		all = append(all, files...)
	}
	return all
}

// judge hands mails and what was made of them to an independent reader.
type judge struct {
	*testing.T
	dir     string
	names   []string
	refused int
}

func newJudge(t *testing.T) *judge { return &judge{T: t, dir: t.TempDir()} }

// add composes a mail in both modes. What is refused has its sentence.
func (j *judge) add(name, content string) {
	j.Helper()
	notified := letter(j, sample(), content)
	checkLines(j, name, notified)
	checkHeaders(j, name, notified)
	out, err := tryLetter(plainSample(), content)
	if err != nil {
		j.refused++
		if f := gateway.FaultOf(err); f.Class != gateway.Permanent || !catalog.Has(f.Key) {
			j.Errorf("%s: %v", name, err)
		}
		return
	}
	checkHeaders(j, name, out)
	m := read(j, content)
	if !m.Kind().Protected() { // what is signed keeps the lines it has
		checkLines(j, name, out)
	}
	page, err := json.Marshal(pageOf(j, m))
	if err != nil {
		j.Fatal(err)
	}
	n := filepath.Join(j.dir, fmt.Sprintf("%04d", len(j.names)))
	put(j, n+".in", content)
	put(j, n+".out", out)
	put(j, n+".json", string(page))
	j.names = append(j.names, name)
}

// shownPart is what the page of an acknowledged letter has of a part.
type shownPart struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
	Text   string `json:"text"`
	HTML   bool   `json:"html"`
}

// pageOf is what an acknowledged letter's page shows: its text in the form it has, its files.
func pageOf(t testing.TB, m *message.Message) []shownPart {
	t.Helper()
	shown := []shownPart{{Text: textOf(t, m.Text())}, {Text: message.SafeHTML(textOf(t, m.HTML()), func(string) string { return "/x" }), HTML: true}}
	for _, f := range m.Files() {
		b, err := io.ReadAll(f.Decoded())
		if err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(bytes.TrimRight(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")), "\n"))
		shown = append(shown, shownPart{Name: f.Filename(), SHA256: hex.EncodeToString(sum[:]), Text: textOf(t, f)})
	}
	return shown
}

func put(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// checkLines: CRLF everywhere, no line over 998 octets, no NUL.
func checkLines(t testing.TB, name, out string) {
	t.Helper()
	if strings.Contains(out, "\x00") {
		t.Errorf("%s: NUL", name)
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(out, "\r\n"), "\r\n") {
		if len(line) > 998 || strings.ContainsAny(line, "\r\n") {
			t.Errorf("%s: line of %d octets, or loose CR or LF: %.60q", name, len(line), line)
			return
		}
	}
}

// verdict is one difference; with a reason (they stand in oracle.py) it is not ours.
type verdict struct {
	N, What, Detail, Reason string
}

func (j *judge) ask() {
	j.Helper()
	ctx, cancel := context.WithTimeout(j.Context(), 8*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, python(j), "testdata/oracle.py", j.dir, "Consultation concernée par cet échange")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		j.Fatalf("oracle: %v: %s", err, said.String())
	}
	excused := map[string]int{}
	for d := json.NewDecoder(bytes.NewReader(out)); d.More(); {
		var v verdict
		if err := d.Decode(&v); err != nil {
			j.Fatal(err)
		}
		var n int
		if _, err := fmt.Sscanf(v.N, "%d", &n); err != nil {
			j.Fatal(err)
		}
		if v.Reason == "" {
			j.Errorf("%s: %s: %s", j.names[n], v.What, v.Detail)
			continue
		}
		excused[v.What+", "+v.Reason]++
	}
	j.Logf("%d mails judged, %d refused; excused: %v", len(j.names), j.refused, excused)
}

// checkHeaders walks every header that we answer for: at the top nothing but our fields, in parts
// nothing but Content-*, in a wrapped message nothing that tells of others. Attached messages are
// files.
func checkHeaders(t testing.TB, name, out string) {
	t.Helper()
	m := read(t, out)
	allowed := []string{
		"from", "to", "reply-to", "subject", "date", "message-id", "references", "content-language", "mime-version", "content-type",
		"content-transfer-encoding", "content-disposition",
	}
	seen := map[string]bool{} // each once: RFC 5322 §3.6, RFC 2045 §3, RFC 3282 §2
	for _, f := range m.Header().Fields() {
		field := strings.ToLower(f.Name)
		if !slices.Contains(allowed, field) {
			t.Errorf("%s: field %s", name, f.Name)
		}
		if seen[field] {
			t.Errorf("%s: field %s twice", name, f.Name)
		}
		seen[field] = true
	}
	if got := m.Header().Addresses("To"); len(got) != 1 || got[0].Address != company().Address {
		t.Errorf("%s: To %v", name, got)
	}
	walkBelow(t, name, m.Root, true)
}

// walkBelow walks the parts of a multipart. Its delimiters are ours, unless a signature covers them.
func walkBelow(t testing.TB, name string, p *message.Part, ours bool) {
	t.Helper()
	if ours && len(p.Children) > 0 && !strings.HasPrefix(p.Params["boundary"], sample().Composition.Boundary) {
		t.Errorf("%s: part %q has the boundary %q", name, p.Path, p.Params["boundary"])
	}
	for _, c := range p.Children {
		for _, f := range c.Header.Fields() {
			if !strings.HasPrefix(strings.ToLower(f.Name), "content-") {
				t.Errorf("%s: part %s has the field %s", name, c.Path, f.Name)
			}
		}
		walkBelow(t, name, c, ours && p.MediaType != "multipart/signed" && p.MediaType != "multipart/encrypted")
	}
}
