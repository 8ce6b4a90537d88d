package seal_test

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"vaguemestre/gateway"
	"vaguemestre/gateway/seal"
)

func vault(t testing.TB, keys ...string) *seal.Vault {
	t.Helper()
	if len(keys) == 0 {
		keys = append(keys, key(t))
	}
	v, err := seal.New("# seals\n" + strings.Join(keys, "\n"))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func key(t testing.TB) string {
	t.Helper()
	k, err := seal.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestWhatIsSealedOpensWithItsKeyOnly(t *testing.T) {
	old, current := key(t), key(t)
	sealed, err := vault(t, old).Seal([]byte("notre offre"))
	if err != nil || bytes.Contains(sealed, []byte("offre")) {
		t.Fatalf("%q, %v", sealed, err)
	}
	if plain, err := vault(t, current, old).Open(sealed); err != nil || string(plain) != "notre offre" {
		t.Errorf("after a rotation: %q, %v", plain, err)
	}
	if _, err := vault(t, current).Open(sealed); err == nil {
		t.Error("another key opens it")
	}
	sealed[len(sealed)-1] ^= 1
	if _, err := vault(t, old).Open(sealed); err == nil {
		t.Error("changed octets open")
	}
}

// TestAFingerprintTellsAMailAgainToWhoHasTheKeyOnly: also after a rotation.
func TestAFingerprintTellsAMailAgainToWhoHasTheKeyOnly(t *testing.T) {
	old, current, content := key(t), key(t), gateway.HashOf([]byte("notre offre"))
	mark := vault(t, old).Fingerprint(content)
	if got := vault(t, current, old).Fingerprint(content); got != mark {
		t.Error("after a rotation it is another")
	}
	if mark == content || vault(t, current).Fingerprint(content) == mark || vault(t, old).Fingerprint(gateway.HashOf(nil)) == mark {
		t.Error("it does not depend on the key and on the content")
	}
}

func TestALongContentIsReadAnywhere(t *testing.T) {
	v, plain := vault(t), bytes.Repeat([]byte("0123456789abcdef"), 100_000)
	var sealed bytes.Buffer
	w, err := v.Writer(&sealed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := v.Reader(bytes.NewReader(sealed.Bytes()), int64(sealed.Len()))
	if err != nil || r.Size() != int64(len(plain)) {
		t.Fatal(r, err)
	}
	defer r.Close()
	at := make([]byte, 100)
	for _, off := range []int{200_003, 5, 1<<20 - 50, len(plain) - 100} {
		if _, err := r.ReadAt(at, int64(off)); err != nil || !bytes.Equal(at, plain[off:off+100]) {
			t.Errorf("at %d: %q, %v", off, at, err)
		}
	}
	if n, err := r.ReadAt(at, int64(len(plain)-40)); n != 40 || !errors.Is(err, io.EOF) {
		t.Errorf("over the end: %d, %v", n, err)
	}
	if err := iotest.TestReader(io.NewSectionReader(r, 0, r.Size()), plain); err != nil {
		t.Error(err)
	}
	whole, err := io.ReadAll(r)
	if err != nil || !bytes.Equal(whole, plain) {
		t.Error(err)
	}
	if _, err := v.Reader(bytes.NewReader(sealed.Bytes()[:100]), 100); err == nil {
		t.Error("a cut content opens")
	}
}

// TestOpeningLeavesLittleGarbage: however little is asked at a time, so that what passes through does not fill the memory.
func TestOpeningLeavesLittleGarbage(t *testing.T) {
	v, plain := vault(t), make([]byte, 16<<20)
	sealed, err := v.Seal(plain)
	if err != nil {
		t.Fatal(err)
	}
	for name, read := range map[string]func(*seal.Plain) (int64, error){
		"to the end": func(p *seal.Plain) (int64, error) { return io.Copy(io.Discard, p) },
		"by offsets": func(p *seal.Plain) (int64, error) {
			return io.CopyBuffer(struct{ io.Writer }{io.Discard}, io.NewSectionReader(p, 0, p.Size()), make([]byte, 4<<10))
		},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		p, err := v.Reader(bytes.NewReader(sealed), int64(len(sealed)))
		if err != nil {
			t.Fatal(err)
		}
		n, err := read(p)
		_ = p.Close()
		runtime.ReadMemStats(&after)
		if garbage := after.TotalAlloc - before.TotalAlloc; err != nil || n != int64(len(plain)) || garbage > uint64(len(plain)/4) {
			t.Errorf("%s: %d bytes, %v, and %d allocated", name, n, err, garbage)
		}
	}
}

func TestAKeyFileThatCannotBeUsedIsRefusedAndNotRepeated(t *testing.T) {
	for _, keys := range []string{"", "# nothing\n", "AGE-SECRET-KEY-1SECRET"} {
		if _, err := seal.New(keys); err == nil || strings.Contains(err.Error(), "SECRET-KEY-1SECRET") {
			t.Errorf("%q: %v", keys, err)
		}
	}
}

func TestAReplyIsClosedWithAllThatItSays(t *testing.T) {
	v := vault(t)
	r := gateway.Reply{Subject: "Offre", Text: "Voici", Files: []gateway.File{{Name: "prix.pdf", Size: 3, Part: "2"}}, From: "a@alpha.example"}
	closed, err := v.Close(r)
	if err != nil || !closed.Closed() || closed.Subject+closed.Text != "" || closed.Files != nil || bytes.Contains(closed.Manifest, []byte("prix")) {
		t.Fatalf("%+v, %v", closed, err)
	}
	m, err := v.Manifest(closed)
	if err != nil || m.Subject != "Offre" || m.Text != "Voici" || m.Files[0].Name != "prix.pdf" {
		t.Errorf("%+v, %v", m, err)
	}
}
