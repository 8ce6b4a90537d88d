package compose

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"vaguemestre/gateway"
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
// files byte for byte and its text, with the block.
func TestCorpusArrivesWhole(t *testing.T) {
	dir := t.TempDir()
	names := map[string]string{}
	for i, name := range corpus(t) {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		content := string(crlf(raw))
		checkLines(t, name, letter(t, sample(), content))
		out, err := tryLetter(plainSample(), content)
		if err != nil {
			if f := gateway.FaultOf(err); f.Class != gateway.Permanent || f.Key == "" {
				t.Errorf("%s: %v", name, err)
			}
			t.Logf("%s is refused: %v", filepath.Base(name), err)
			continue
		}
		checkHeaders(t, name, out)
		if wrappedOrOpened(t, content) {
			continue
		}
		checkLines(t, name, out)
		n := fmt.Sprintf("%04d", i)
		names[n] = name
		put(t, filepath.Join(dir, n+".in"), content)
		put(t, filepath.Join(dir, n+".out"), out)
	}
	askOracle(t, dir, names)
}

// wrappedOrOpened tells the mails whose leaves are not the letter's.
func wrappedOrOpened(t testing.TB, content string) bool {
	k := read(t, content).Kind()
	return k.Protected() || k == message.TNEF
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

type verdict struct {
	N       string   `json:"n"`
	Missing []string `json:"missing"`
	Block   bool     `json:"block"`
	Defects []string `json:"defects"`
	Unread  bool     `json:"unread"` // the oracle itself could not read the agent's mail
}

func askOracle(t *testing.T, dir string, names map[string]string) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, python(t), "testdata/oracle.py", dir, "Consultation concernée par cet échange")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("oracle: %v: %s", err, said.String())
	}
	d := json.NewDecoder(bytes.NewReader(out))
	unread := 0
	for d.More() {
		var v verdict
		if err := d.Decode(&v); err != nil {
			t.Fatal(err)
		}
		if v.Unread {
			unread++
			continue
		}
		t.Errorf("%s: missing %v, block %v, defects %v", filepath.Base(names[v.N]), v.Missing, v.Block, v.Defects)
	}
	if unread*10 > len(names) {
		t.Errorf("the oracle read only %d of %d mails", len(names)-unread, len(names))
	}
}

// checkHeaders walks every header that we answer for: at the top nothing but our fields, in parts
// nothing but Content-*, in a wrapped message nothing that tells of others. Attached messages are
// files.
func checkHeaders(t testing.TB, name, out string) {
	t.Helper()
	m := read(t, out)
	allowed := "From To Reply-To Subject Date Message-ID References Content-Language MIME-Version Content-Type Content-Transfer-Encoding Content-Disposition Content-ID Content-Description Content-Location Content-MD5 Content-Class "
	seen := map[string]bool{}
	for _, f := range m.Header().Fields() {
		if !strings.Contains(allowed, f.Name+" ") && !strings.HasPrefix(strings.ToLower(f.Name), "content-") {
			t.Errorf("%s: field %s", name, f.Name)
		}
		if seen[strings.ToLower(f.Name)] && f.Name != "Content-Language" {
			t.Errorf("%s: field %s twice", name, f.Name)
		}
		seen[strings.ToLower(f.Name)] = true
	}
	if got := m.Header().Addresses("To"); len(got) != 1 || got[0].Address != company().Address {
		t.Errorf("%s: To %v", name, got)
	}
	for _, c := range m.Root.Children {
		walkParts(t, name, c)
	}
}

func walkParts(t testing.TB, name string, p *message.Part) {
	t.Helper()
	for _, f := range p.Header.Fields() {
		if !strings.HasPrefix(strings.ToLower(f.Name), "content-") {
			t.Errorf("%s: part %s has the field %s", name, p.Path, f.Name)
		}
	}
	for _, c := range p.Children {
		walkParts(t, name, c)
	}
}
