package relay

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestXtextComesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.String().Draw(t, "text")
		x := xtext(s)
		for _, c := range []byte(x) {
			if c < '!' || c > '~' || c == '=' {
				t.Fatalf("%q holds %q", x, c)
			}
		}
		var b strings.Builder
		for i := 0; i < len(x); i++ {
			if x[i] != '+' {
				b.WriteByte(x[i])
				continue
			}
			var c byte
			if _, err := fmt.Sscanf(x[i+1:i+3], "%02X", &c); err != nil {
				t.Fatal(err)
			}
			b.WriteByte(c)
			i += 2
		}
		if b.String() != s {
			t.Fatalf("%q became %q", s, b.String())
		}
	})
}

func TestOriginalRecipient(t *testing.T) {
	for _, c := range []struct {
		address string
		utf8    bool
		want    string
	}{
		{"a+b=c@example.net", false, "rfc822;a+2Bb+3Dc@example.net"},
		{"élu@exemple.example", false, `utf-8;\x{E9}lu@exemple.example`},
		{"élu+x@exemple.example", true, `utf-8;élu\x{2B}x@exemple.example`},
		{`日本\語@exemple.example`, true, `utf-8;日本\x{5C}語@exemple.example`},
	} {
		if got := orcpt(c.address, c.utf8); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// No address, however strange, can end the path or the line that it stands in.
func TestPathsCannotEscape(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		address := rapid.OneOf(
			rapid.String(),
			rapid.Map(rapid.SliceOf(rapid.SampledFrom([]string{"a", ".", "@", "\"", "\\", ">", "<", " ", "\r\n", "é", "[", "]", "x.example", "+", "\x00"})),
				func(words []string) string { return strings.Join(words, "") }),
		).Draw(t, "address")
		p, err := parsePath(address)
		if err != nil {
			return
		}
		checkPath(t, p.text)
		if again, err := parsePath(p.text); err != nil || again.text != p.text {
			t.Fatalf("%q is %q, then %q, %v", address, p.text, again.text, err)
		}
	})
}

func checkPath(t interface{ Fatalf(string, ...any) }, text string) {
	quoted, escaped := false, false
	for _, r := range text {
		switch {
		case r < ' ' || r == 0x7f:
			t.Fatalf("control character in %q", text)
		case escaped:
			escaped = false
		case quoted && r == '\\':
			escaped = true
		case r == '"':
			quoted = !quoted
		case !quoted && strings.ContainsRune("<> ", r):
			t.Fatalf("%q ends early", text)
		}
	}
	if quoted || !utf8.ValidString(text) {
		t.Fatalf("%q is not closed", text)
	}
}

func TestLineEndsAndDotStuffing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		input := strings.Join(rapid.SliceOfN(rapid.SampledFrom([]string{"\r\n", "\n", "\r", ".", "a", "..", "\r\n.", "\r\n.\r\n"}), 0, 30).Draw(t, "input"), "")
		var exact, wire bytes.Buffer
		l := newLines(io.MultiWriter(&exact, &stuff{w: &wire, tail: 2}))
		for rest := input; rest != ""; {
			n := rapid.IntRange(1, len(rest)).Draw(t, "piece")
			if _, err := io.WriteString(l, rest[:n]); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		_ = l.Close()
		want := strings.NewReplacer("\r\n", "\r\n", "\r", "\r\n", "\n", "\r\n").Replace(input)
		if want != "" && !strings.HasSuffix(want, "\r\n") {
			want += "\r\n"
		}
		if exact.String() != want {
			t.Fatalf("%q became %q, want %q", input, exact.String(), want)
		}
		if strings.Contains("\r\n"+wire.String(), "\r\n.\r\n") {
			t.Fatalf("%q ends the data early", wire.String())
		}
		back := strings.TrimPrefix(strings.ReplaceAll("\r\n"+wire.String(), "\r\n.", "\r\n"), "\r\n")
		if back != want {
			t.Fatalf("%q comes back as %q", want, back)
		}
	})
}

func FuzzReply(f *testing.F) {
	for _, seed := range []string{
		"250 ok\r\n", "250-a\r\n250-b\n250 c\r\n", "250\r\n", "250-\r\n", "9", "550 5.1.1 no\r\n", "250-AUTH=PLAIN\r\n250 AUTH LOGIN\r\n",
		"250-a\r\n550 b\r\n", strings.Repeat("250-x\r\n", 200), "220 " + strings.Repeat("é", 3000) + "\r\n", "220 \x00\x1b[31m\u202e\r\n", "250 5.1.1.1 x\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		r := bufio.NewReaderSize(bytes.NewReader(input), maxReplyLine)
		rep, err := readReply(r)
		if err != nil {
			return
		}
		if rep.code < 200 || rep.code > 599 || len(rep.lines) == 0 || len(rep.lines) > maxReplyLines {
			t.Fatalf("%+v", rep)
		}
		words := rep.words()
		if len(words) > maxWords+len("…") || !utf8.ValidString(words) || strings.ContainsAny(words, "\r\n\x00\x1b") {
			t.Fatalf("%q", words)
		}
		if s, ok := rep.enhanced(); ok && s[0] != rep.code/100 {
			t.Fatalf("%v of %+v", s, rep)
		}
		for keyword := range rep.extensions() {
			if strings.Contains(keyword, " ") {
				t.Fatalf("%q", keyword)
			}
		}
	})
}

// TestPromiseBoundedRelay: a large message streams, whatever its size.
func TestPromiseBoundedRelay(t *testing.T) {
	sink := discardSink(t)
	r := relayTo(t, Options{Signer: testSigner(t, testKeys()...)}, Host{Address: sink, TLS: TLSNone})
	line := []byte(strings.Repeat("QUJD", 19) + "\r\n")
	var peak uint64
	compose := func(w io.Writer) error {
		if _, err := io.WriteString(w, letter); err != nil {
			return err
		}
		for n := 0; n < 82_000_000; n += len(line) {
			if _, err := w.Write(line); err != nil {
				return err
			}
			if n%(len(line)<<17) == 0 {
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapAlloc)
			}
		}
		return nil
	}
	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	d, fault := r.Deliver(context.Background(), letterEnvelope(), compose)
	if fault != nil || d.Size < 82_000_000 {
		t.Fatalf("%v %d", fault, d.Size)
	}
	if peak > before.HeapAlloc+16<<20 {
		t.Errorf("the heap grew by %d octets for a message of %d", peak-before.HeapAlloc, d.Size)
	}
}

func BenchmarkDeliver(b *testing.B) {
	sink := discardSink(b)
	body := plainHeader + "\r\n" + strings.Repeat("Votre offre n'a pas ete retenue pour les motifs suivants.\r\n", 70)
	for name, signer := range map[string]*Signer{"unsigned": nil, "ed25519": testSigner(b, testKeys()[1:]...), "rsa": testSigner(b, testKeys()[:1]...)} {
		b.Run(name, func(b *testing.B) {
			r := relayTo(b, Options{Signer: signer}, Host{Address: sink, TLS: TLSNone, MaxMessages: 1 << 30})
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				if _, fault := r.Deliver(context.Background(), letterEnvelope(), text(body)); fault != nil {
					b.Fatal(fault)
				}
			}
		})
	}
	large := body + strings.Repeat(strings.Repeat("QUJD", 19)+"\r\n", 5_000_000/78)
	b.Run("5MB", func(b *testing.B) {
		r := relayTo(b, Options{}, Host{Address: sink, TLS: TLSNone, MaxMessages: 1 << 30})
		b.SetBytes(int64(len(large)))
		for b.Loop() {
			if _, fault := r.Deliver(context.Background(), letterEnvelope(), text(large)); fault != nil {
				b.Fatal(fault)
			}
		}
	})
}
