package seal_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

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

func TestALongContentIsReadAnywhere(t *testing.T) {
	v, plain := vault(t), bytes.Repeat([]byte("0123456789abcdef"), 20_000)
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
	r, n, err := v.Reader(bytes.NewReader(sealed.Bytes()), int64(sealed.Len()))
	if err != nil || n != int64(len(plain)) {
		t.Fatal(n, err)
	}
	at := make([]byte, 100)
	if _, err := r.ReadAt(at, 200_003); err != nil || !bytes.Equal(at, plain[200_003:200_103]) {
		t.Errorf("%q, %v", at, err)
	}
	whole, err := io.ReadAll(io.NewSectionReader(r, 0, n))
	if err != nil || !bytes.Equal(whole, plain) {
		t.Error(err)
	}
	stream, err := v.Stream(bytes.NewReader(sealed.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	if whole, err := io.ReadAll(stream); err != nil || !bytes.Equal(whole, plain) {
		t.Error(err)
	}
	if _, _, err := v.Reader(bytes.NewReader(sealed.Bytes()[:100]), 100); err == nil {
		t.Error("a cut content opens")
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
